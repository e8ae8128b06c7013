"""Faults of the later policy gradients, of turns and of the sampler's correction."""

from __future__ import annotations

from mutants import Mutant

MORE_MUTANTS = [
    # GTPO.
    Mutant("GTPO ascends", "gtpo.py", "return -ops.total", "return ops.total"),
    Mutant("GTPO spares nobody", "gtpo.py", "(times == 0).to(adv.dtype)", "torch.ones_like(times)"),
    Mutant("GTPO boosts nobody", "gtpo.py", "self.boost**times", "torch.ones_like(times)"),
    Mutant("GTPO boosts by the product", "gtpo.py", 'self.overlap == "product"', 'self.overlap != "product"'),
    Mutant("GTPO needs no good partner", "gtpo.py", "(good & bad)[which]", "bad[which]"),
    Mutant("GTPO needs no bad partner", "gtpo.py", "(good & bad)[which]", "good[which]"),
    Mutant("GTPO gives the undecided runs", "gtpo.py", "[which] & (adv != 0)", "[which]"),
    Mutant("GTPO's conflicts cross groups", "gtpo.py", "[b.group[row], place,", "[0 * row, place,"),
    Mutant("GTPO's conflicts ignore the place", "gtpo.py", "[b.group[row], place,", "[b.group[row], 0 * place,"),
    Mutant("GTPO's conflicts ignore the token", "gtpo.py", "b.tokens[row, column]]", "0 * column]"),
    Mutant(
        "GTPO counts positions in the row",
        "gtpo.py",
        "(step, count[who] - 1 - step)",
        "(column, count[who] - 1 - step)",
    ),
    Mutant("GTPO counts forward only", "gtpo.py", "(step, count[who] - 1 - step)", "(step, step)"),
    Mutant("GTPO counts from behind the end", "gtpo.py", "count[who] - 1 - step)", "count.max() - 1 - step)"),
    Mutant("GTPO takes conflicts in the middle", "gtpo.py", "unbroken.cumprod(1)[who, place]", "unbroken[who, place]"),
    Mutant("GTPO lets rounding take sides", "gtpo.py", "centred * (centred.abs() > TINY)", "centred"),
    Mutant("GTPO pays for entropy", "gtpo.py", "centred - self.gamma", "centred + self.gamma"),
    Mutant(
        "GTPO takes sides after the entropy",
        "gtpo.py",
        "self.token_weights(b, centred)",
        "self.token_weights(b, shaped)",
    ),
    Mutant("GTPO drops the certain", "gtpo.py", "mean_entropy(b) > self.threshold", "mean_entropy(b) < self.threshold"),
    Mutant("GTPO always filters", "gtpo.py", "& (not off)", "& True"),
    Mutant("GTPO never filters", "gtpo.py", "& (not off)", "& False"),
    Mutant("GTPO forgets the first policy", "gtpo.py", "if self.initial.isnan():", "if True:"),
    Mutant("GTPO starts anew after a restart", "gtpo.py", 'self.initial = state["initial"].cpu()', "pass"),
    Mutant("GTPO's first entropy by rows", "gtpo.py", "(entropy * b.first).sum() /", "entropy.sum() /"),
    Mutant(
        "GTPO's entropy is the row's",
        "gtpo.py",
        "b.per_trajectory((b.entropy * b.mask).sum(1)) /",
        "(b.entropy * b.mask).sum(1) /",
    ),
    Mutant("GTPO skips no group", "gtpo.py", "if self.skip_equal:", "if False:"),
    Mutant(
        "GTPO divides by both runs",
        "gtpo.py",
        "torch.maximum(b.per_trajectory(forward",
        "torch.add(b.per_trajectory(forward",
    ),
    Mutant("GTPO scales", "gtpo.py", "weight=ops.sequence_mean(b)", "weight=ops.token_mean(b)"),
    # DS-GRPO.
    Mutant("DS-GRPO sharpens the correct", "ds_grpo.py", "-self.gamma_correct * logp", "self.gamma_correct * logp"),
    Mutant("DS-GRPO flattens the wrong", "ds_grpo.py", "self.gamma_wrong * logp)", "-self.gamma_wrong * logp)"),
    Mutant("DS-GRPO calls a reward correct", "ds_grpo.py", "torch.where(b.correct", "torch.where(b.returns > 0"),
    Mutant("DS-GRPO takes the sum", "ds_grpo.py", 'self.logprob == "mean"', "False"),
    Mutant(
        "DS-GRPO's probability is the row's",
        "ds_grpo.py",
        "b.per_trajectory((b.old_logp * b.mask).sum(1))",
        "(b.old_logp * b.mask).sum(1)",
    ),
    Mutant(
        "DS-GRPO does not centre",
        "ds_grpo.py",
        "rewards - ops.group_mean(rewards, b)",
        "rewards - ops.group_mean(b.returns, b)",
    ),
    Mutant("DS-GRPO swaps its modes", "ds_grpo.py", 'self.mode == "pre"', 'self.mode != "pre"'),
    Mutant("DS-GRPO punishes entropy", "ds_grpo.py", "gain + self.entropy", "gain - self.entropy"),
    Mutant(
        "DS-GRPO's entropy without gradient",
        "ds_grpo.py",
        "self.entropy * new.entropy",
        "self.entropy * new.entropy.detach()",
    ),
    Mutant(
        "DS-GRPO swaps its clips",
        "ds_grpo.py",
        "1 - self.clip_low, 1 + self.clip_high",
        "1 - self.clip_high, 1 + self.clip_low",
    ),
    # REINFORCE++.
    Mutant("REINFORCE++ pays for distance", "reinforce_pp.py", "reward - self.beta", "reward + self.beta"),
    Mutant("REINFORCE++ without whitening", "reinforce_pp.py", "adv=ops.whiten(adv, b.mask)", "adv=adv"),
    Mutant("REINFORCE++ without a baseline", "reinforce_pp.py", "(total - ops.group_mean(total, b))", "(total - 0)"),
    Mutant("REINFORCE++'s baseline sees no KL", "reinforce_pp.py", "b.per_trajectory(reward.sum(1))", "b.returns"),
    Mutant("REINFORCE++ rewards distance", "reinforce_pp.py", "gain - self.beta", "gain + self.beta"),
    Mutant(
        "REINFORCE++ penalises twice", "reinforce_pp.py", 'if self.beta and self.kl_in == "reward":', "if self.beta:"
    ),
    Mutant(
        "REINFORCE++ does not discount",
        "reinforce_pp.py",
        "reward_to_go(reward, b, self.gamma)",
        "reward_to_go(reward, b, 1.0)",
    ),
    Mutant(
        "rewards to go see the critic",
        "ops.py",
        "gae(reward, b.with_(value=torch.zeros_like(b.mask)), gamma",
        "gae(reward, b, gamma",
    ),
    Mutant("KL estimators mixed up", "ops.py", '"k2": k2, "k3": k3}', '"k2": k3, "k3": k2}'),
    # GSPO and CISPO.
    Mutant(
        "GSPO takes the product",
        "ops.py",
        "gap.sum(1, keepdim=True) / b.mask.sum(1, keepdim=True)",
        "gap.sum(1, keepdim=True)",
    ),
    Mutant(
        "GSPO by tokens", "gspo.py", "ops.mean_ratio(new, b).detach() * ops.unit(new.logp)", "ops.token_ratio(new, b)"
    ),
    Mutant("GSPO's gradient twice", "gspo.py", "ops.mean_ratio(new, b).detach()", "ops.mean_ratio(new, b)"),
    Mutant(
        "GSPO swaps its clips",
        "gspo.py",
        "1 - self.clip_low, 1 + self.clip_high",
        "1 - self.clip_high, 1 + self.clip_low",
    ),
    Mutant("GSPO by the token mean", "gspo.py", "ops.sequence_mean(b)", "ops.token_mean(b)"),
    Mutant("CISPO without bounds", "cispo.py", "bounded = ratio.clamp(self.low, self.high)", "bounded = ratio"),
    Mutant("CISPO without weights", "cispo.py", "ops.total(bounded * b.adv", "ops.total(b.adv"),
    Mutant(
        "CISPO's bounds as distances",
        "cispo.py",
        "ratio.clamp(self.low, self.high)",
        "ratio.clamp(1 - self.low, 1 + self.high)",
    ),
    Mutant("CISPO's weight has a gradient", "cispo.py", "ops.token_ratio(new, b).detach()", "ops.token_ratio(new, b)"),
    Mutant("CISPO ascends", "cispo.py", "return -ops.total", "return ops.total"),
    Mutant("CISPO counts the free", "cispo.py", "bounded != ratio", "bounded == ratio"),
    # Turns.
    Mutant("turns run into the next trajectory", "turns.py", " | (who[1:] != who[:-1])", ""),
    Mutant("turns are tokens", "turns.py", "(step[1:] != step[:-1]) |", "True |"),
    Mutant("a turn's last reward only", "turns.py", ".index_add_(0, self.number,", ".index_copy_(0, self.number,"),
    Mutant(
        "the critic's value at another token",
        "turns.py",
        "return x[self.row[self.first], self.column[self.first]]",
        "return x[self.row[self.first], self.column[self.first] + 1]",
    ),
    Mutant("turn targets without the value", "turns.py", "turns.spread(adv + value, b)", "turns.spread(adv, b)"),
    Mutant("PPO ignores its level", "ppo.py", 'if self.level == "turn":', "if False:"),
    Mutant("GiGPO forgets the turns", "gigpo.py", "* b.mask + self.omega * steps", "* b.mask"),
    Mutant("GiGPO forgets the episode", "gigpo.py", "b.per_trajectory(adv)[:, None] * b.mask +", "0 * b.mask +"),
    Mutant(
        "GiGPO's states cross groups",
        "gigpo.py",
        "turns.start(b.group[:, None].expand_as(b.state))",
        "0 * turns.start(b.state)",
    ),
    Mutant("GiGPO ignores the state", "gigpo.py", "turns.start(b.state)], 1)", "0 * turns.start(b.state)], 1)"),
    Mutant("GiGPO does not discount", "gigpo.py", "turns.to_go(b.reward, self.gamma)", "turns.to_go(b.reward, 1.0)"),
    Mutant("GiGPO always scales", "gigpo.py", 'if self.scale == "none":', "if False:"),
    Mutant("GiGPO rewards distance", "gigpo.py", "self.beta * kl - gain", "-self.beta * kl - gain"),
    # Correction of the sampler.
    Mutant("correction upside down", "mismatch.py", "(learner - sampler)", "(sampler - learner)"),
    Mutant("correction with a gradient", "mismatch.py", ".detach() * b.mask", " * b.mask"),
    Mutant("truncation without an upper bound", "mismatch.py", "w.clamp(self.low, self.high)", "w.clamp(min=self.low)"),
    Mutant(
        "masking truncates", "mismatch.py", "w * ((w >= self.low) & (w <= self.high))", "w.clamp(self.low, self.high)"
    ),
    Mutant("masking keeps the small", "mismatch.py", "(w >= self.low) & ", ""),
    Mutant("a sequence's weight is the row's", "mismatch.py", "b.per_trajectory(gap.sum(1))", "gap.sum(1)"),
]
