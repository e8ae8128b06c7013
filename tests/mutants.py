"""Textual faults for the algorithm files, each of which some test must notice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path("agents/algorithms")


@dataclass(frozen=True)
class Mutant:
    """In `file`, `old` (which must occur exactly once) becomes `new`."""

    name: str
    file: str
    old: str
    new: str

    def apply(self, folder: Path) -> str:
        """Write the fault into a copy of the algorithms; returns the sound text, to write back."""
        path = folder / self.file
        sound = path.read_text()
        if sound.count(self.old) != 1:
            raise ValueError(f"mutant {self.name!r}: {self.old!r} occurs {sound.count(self.old)} times in {self.file}")
        path.write_text(sound.replace(self.old, self.new))
        return sound


MUTANTS = [
    # Signs.
    Mutant("SFT ascends", "sft.py", "return -ops.total", "return ops.total"),
    Mutant("GRPO ascends", "grpo.py", "self.beta * kl - gain", "self.beta * kl + gain"),
    Mutant("GRPO rewards distance", "grpo.py", "self.beta * kl - gain", "-self.beta * kl - gain"),
    Mutant("RLOO ascends", "rloo.py", "return -ops.total", "return ops.total"),
    Mutant(
        "PPO flees its value target", "ppo.py", "self.value_weight * error - gain", "-self.value_weight * error - gain"
    ),
    Mutant("PPO punishes entropy", "ppo.py", "per_token - self.entropy", "per_token + self.entropy"),
    Mutant("PPO pays for distance", "ppo.py", "b.reward - self.beta", "b.reward + self.beta"),
    Mutant("RLOO pays for distance", "rloo.py", "rewards - self.beta", "rewards + self.beta"),
    # Clip.
    Mutant("clip takes the better branch", "ops.py", "torch.minimum(ratio", "torch.maximum(ratio"),
    Mutant("clip has no lower side", "ops.py", "ratio.clamp(low, high)", "ratio.clamp(max=high)"),
    Mutant("clip has no upper side", "ops.py", "ratio.clamp(low, high)", "ratio.clamp(min=low)"),
    Mutant("ratio upside down", "ops.py", "(new.logp - b.old_logp).clamp", "(b.old_logp - new.logp).clamp"),
    Mutant(
        "ratio without a limit",
        "ops.py",
        "(new.logp - b.old_logp).clamp(-LOG_LIMIT, LOG_LIMIT)",
        "(new.logp - b.old_logp)",
    ),
    Mutant(
        "DAPO swaps its clips",
        "dapo.py",
        "1 - self.clip_low, 1 + self.clip_high",
        "1 - self.clip_high, 1 + self.clip_low",
    ),
    Mutant("DAPO clips symmetrically", "dapo.py", "1 + self.clip_high", "1 + self.clip_low"),
    Mutant("clip fraction counts the free", "ops.py", "gain < ratio * b.adv", "gain >= ratio * b.adv"),
    # KL.
    Mutant("k3 in the other direction", "ops.py", "d = (logq - logp)", "d = (logp - logq)"),
    Mutant("k1 in the other direction", "ops.py", "return logp - logq", "return logq - logp"),
    Mutant("k2 without the half", "ops.py", "(logp - logq) ** 2 / 2", "(logp - logq) ** 2"),
    Mutant(
        "GRPO's KL in the other direction", "grpo.py", "ops.k3(new.logp, b.ref_logp)", "ops.k3(b.ref_logp, new.logp)"
    ),
    Mutant("GRPO's KL against the sampler", "grpo.py", "ops.k3(new.logp, b.ref_logp)", "ops.k3(new.logp, b.old_logp)"),
    Mutant("GRPO's KL without gradient", "grpo.py", "kl = ops.k3(new.logp,", "kl = ops.k3(new.logp.detach(),"),
    Mutant("kl_old in the other direction", "ops.py", "k3(b.old_logp, new.logp)", "k3(new.logp, b.old_logp)"),
    Mutant(
        "RLOO's KL is the row's only",
        "rloo.py",
        "b.per_trajectory((ops.k1(b.old_logp, b.ref_logp) * b.mask).sum(1))",
        "(ops.k1(b.old_logp, b.ref_logp) * b.mask).sum(1)",
    ),
    Mutant("RLOO's KL counts the prompt", "rloo.py", "b.ref_logp) * b.mask).sum(1)", "b.ref_logp)).sum(1)"),
    # Baselines and scale.
    Mutant("leave-one-out leaves nobody out", "ops.py", "return mean + (mean - x) /", "return mean + 0 * (mean - x) /"),
    Mutant("leave-one-out divides by G", "ops.py", "b) - 1).clamp(min=1)", "b)).clamp(min=1)"),
    Mutant("rows count as trajectories", "ops.py", "b.group, x * b.first)", "b.group, x)"),
    Mutant("mean without its guard", "ops.py", "return low + group_sum(x - low, b) /", "return group_sum(x, b) /"),
    Mutant("deviation ignores ddof", "ops.py", "(size - ddof)", "size"),
    Mutant("deviation without a root", "ops.py", ".clamp(min=1)).sqrt()", ".clamp(min=1))"),
    Mutant(
        "GRPO keeps the scale", "grpo.py", "centred / (ops.group_std(b.returns, b, self.ddof) + self.eps)", "centred"
    ),
    Mutant("GRPO without a baseline", "grpo.py", "b.returns - ops.group_mean(b.returns, b)", "b.returns"),
    Mutant("Dr. GRPO without a baseline", "dr_grpo.py", "b.returns - ops.group_mean(b.returns, b)", "b.returns"),
    Mutant("RLOO on the plain mean", "rloo.py", "ops.leave_one_out(rewards, b)", "ops.group_mean(rewards, b)"),
    Mutant("CoRPO takes the lower baseline", "corpo.py", "torch.maximum(ops", "torch.minimum(ops"),
    Mutant("CoRPO without the mean", "corpo.py", "torch.maximum(ops.group_mean(b.returns, b), floor)", "floor"),
    Mutant(
        "CoRPO without the floor",
        "corpo.py",
        "torch.maximum(ops.group_mean(b.returns, b), floor)",
        "ops.group_mean(b.returns, b)",
    ),
    Mutant("CoRPO ignores r_min", "corpo.py", "torch.full_like(b.threshold, self.r_min)", "b.threshold"),
    Mutant("CoRPO's share of the idle floor", "corpo.py", "(self.floor(b) > ops", "(self.floor(b) < ops"),
    Mutant("failed_positive counts the correct", "ops.py", "b.first & ~b.correct", "b.first & b.correct"),
    Mutant(
        "failed_positive looks at first rows",
        "ops.py",
        "b.per_trajectory((b.adv.amax(1) > 0).to(b.mask)) > 0",
        "b.adv.amax(1) > 0",
    ),
    # Aggregation and masks.
    Mutant("token mean per row", "ops.py", "return b.mask / b.mask.sum()", "return b.mask / b.mask.sum() * len(b)"),
    Mutant(
        "token mean over padding",
        "ops.py",
        "return b.mask / b.mask.sum()",
        "return torch.ones_like(b.mask) / b.mask.sum()",
    ),
    Mutant(
        "sequence mean per row", "ops.py", "b.per_trajectory(b.mask.sum(1))[:, None] /", "b.mask.sum(1, keepdim=True) /"
    ),
    Mutant("sequence mean over rows", "ops.py", "[:, None] / trajectories(b)", "[:, None] / len(b)"),
    Mutant("constant forgotten", "ops.py", "sequence_sum(b) / max_tokens", "sequence_sum(b)"),
    Mutant("GRPO by tokens", "grpo.py", "ops.sequence_mean(b)", "ops.token_mean(b)"),
    Mutant("DAPO by sequences", "dapo.py", "ops.token_mean(b)", "ops.sequence_mean(b)"),
    Mutant("Dr. GRPO by sequences", "dr_grpo.py", "ops.constant(b, self.max_tokens)", "ops.sequence_mean(b)"),
    Mutant("RLOO by sequences", "rloo.py", "ops.row_once(b)", "ops.sequence_mean(b)"),
    Mutant("RLOO by token ratios", "rloo.py", "ops.row_ratio(new, b)", "ops.token_ratio(new, b)"),
    Mutant("row ratio over padding", "ops.py", "((new.logp - b.old_logp) * b.mask).sum", "(new.logp - b.old_logp).sum"),
    Mutant("whitening over padding", "ops.py", "(x - (x * mask).sum() / count) * mask", "x - x.mean()"),
    Mutant(
        "weights of the micro-batch",
        "ops.py",
        "return (b.weight * x).sum()",
        "return (b.weight * x).sum() / b.weight.sum()",
    ),
    Mutant(
        "check lets masked rewards pass", "ops.py", "(b.reward != 0) & (b.mask == 0)", "(b.reward != 0) & (b.mask > 1)"
    ),
    # GAE and the critic.
    Mutant("GAE without lambda", "ops.py", "gamma * lam * adv", "gamma * adv"),
    Mutant("GAE without gamma", "ops.py", "delta = (r[:, :-1] + gamma * v", "delta = (r[:, :-1] + v"),
    Mutant("GAE looks at the same value", "ops.py", "gamma * v[:, 1:] -", "gamma * v[:, :-1] -"),
    Mutant("GAE runs past the end", "ops.py", ") * alive[:, :-1]", ")"),
    Mutant("GAE restarts at each row", "ops.py", "unique_consecutive(b.trajectory[row],", "unique_consecutive(row,"),
    Mutant("GAE ignores the order of turns", "ops.py", "torch.argsort(b.turn, stable=True)", "torch.arange(len(b))"),
    Mutant(
        "GAE bootstraps the finished", "ops.py", "torch.where(b.truncated, after", "torch.where(~b.truncated, after"
    ),
    Mutant(
        "truncation is termination",
        "ops.py",
        "torch.where(b.truncated, after, torch.zeros_like(after))",
        "torch.zeros_like(after)",
    ),
    Mutant("GAE bootstraps one too early", "ops.py", "b.length[:, None])[:, 0]", "b.length[:, None] - 1)[:, 0]"),
    Mutant("value clip takes the smaller", "ppo.py", "torch.maximum((new.value", "torch.minimum((new.value"),
    Mutant("value clip around the new", "ppo.py", "near = b.value +", "near = new.value +"),
    Mutant("value clip one-sided", "ppo.py", "clamp(-self.value_clip, self.value_clip)", "clamp(max=self.value_clip)"),
    Mutant(
        "targets after whitening", "ppo.py", "target = (adv + b.value)", "target = (ops.whiten(adv, b.mask) + b.value)"
    ),
    Mutant("PPO without whitening", "ppo.py", "adv=ops.whiten(adv, b.mask)", "adv=adv"),
    Mutant("PPO asks for no entropy", "ppo.py", 'needs.add("entropy")', "pass"),
    Mutant("entropy without gradient", "ppo.py", "self.entropy * new.entropy", "self.entropy * new.entropy.detach()"),
    # Overlong responses and dynamic sampling.
    Mutant("overlong pays", "dapo.py", "b.returns + self.overlong", "b.returns - self.overlong"),
    Mutant(
        "overlong without the cache", "dapo.py", "self.max_length - self.cache - tokens", "self.max_length - tokens"
    ),
    Mutant("overlong without a limit", "dapo.py", ".clamp(-1, 0)", ".clamp(max=0)"),
    Mutant(
        "overlong counts the row's tokens",
        "dapo.py",
        "self.overlong(b.per_trajectory(b.mask.sum(1)))",
        "self.overlong(b.mask.sum(1))",
    ),
    Mutant("overlong counts the prompt", "dapo.py", "b.per_trajectory(b.mask.sum(1))", "b.per_trajectory(b.length)"),
    Mutant("keeps groups that all failed", "dapo.py", "0 < sum(correct)", "0 <= sum(correct)"),
    Mutant("keeps groups that all passed", "dapo.py", "sum(correct) < len(correct)", "sum(correct) <= len(correct)"),
    Mutant("dynamic sampling always", "dapo.py", "if not self.dynamic:", "if False:"),
    Mutant("dynamic sampling upside down", "dapo.py", "if not self.dynamic:", "if self.dynamic:"),
]
