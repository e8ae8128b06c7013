"""TRL's trainers beside ours: the same weights, tokens and rewards; advantages, losses and gradients.

Each trainer samples, scores and differentiates by its own methods; ours computes everything
anew from the tokens alone. Where the two differ the test says by what, and predicts it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl", reason="needs TRL in an environment of its own: make test-official")

import torch
from torch import Tensor
from toys import LETTERS, save_toy_model
from weight_gradients import Found, agree, differ, differentiate, shake

from ludex.agents.algorithms import algorithm_class, ops
from ludex.agents.batch import Batch, collate
from ludex.agents.policy import Policy
from ludex.config import build
from ludex.core import Trajectory, Turn

GROUP, PROMPTS, LONGEST = 4, 3, 12


def pay(ids: Sequence[int]) -> float:
    """A reward that differs within most groups, in steps that float32 holds exactly."""
    return (sum(ids) % 5) / 4 - (len(ids) % 2) / 8


def rewards(completion_ids: list[list[int]], **_: Any) -> list[float]:
    return [pay(ids) for ids in completion_ids]


class Sampled:
    """A batch that TRL's trainer sampled and scored; then its policy moved by `step`."""

    def __init__(self, kind: str, folder: Path, step: float = 0.06, **settings: Any):
        import trl
        from datasets import Dataset

        torch.manual_seed(0)
        path = save_toy_model(folder / "model")
        options = {
            "output_dir": str(folder),
            "per_device_train_batch_size": GROUP * PROMPTS,
            "num_generations": GROUP,
            "max_completion_length": LONGEST,
            "use_cpu": True,
            "bf16": False,
            "report_to": [],
            "num_iterations": 2,  # so that the probabilities as sampled are kept
            **settings,
        }
        prompts = [{"prompt": (LETTERS * 2)[i : i + 2 + i]} for i in range(PROMPTS)]
        self.trainer = getattr(trl, f"{kind}Trainer")(
            model=path,
            reward_funcs=rewards,
            args=getattr(trl, f"{kind}Config")(**options),
            train_dataset=Dataset.from_list(prompts),
        )
        self.trainer.current_gradient_accumulation_steps = 1
        self.model = self.trainer.model
        shake(self.model, 0.3, seed=1)  # away from the reference
        self.policy = Policy(self.model, None)
        self.model.train()
        self.inputs = self.trainer._generate_and_score_completions([p for p in prompts for _ in range(GROUP)])
        self.batch = self._batch()
        shake(self.model, step, seed=2)

    def _batch(self) -> Batch:
        """Our batch of TRL's tokens, with the old and the reference's log-probabilities as we compute them."""
        trajectories = []
        names = ("prompt_ids", "prompt_mask", "completion_ids", "completion_mask")
        for i, (prompt, shown, ids, kept) in enumerate(zip(*(self.inputs[name] for name in names), strict=True)):
            action = ids[kept.bool()].tolist()
            turn = Turn("", "", pay(action), False, prompt[shown.bool()].tolist(), action, [0.0] * len(action))
            trajectories.append(Trajectory("", i // GROUP, turns=[turn], correct=pay(action) > 0.5))
        b = collate(trajectories)
        assert len(set(b.mask.sum(1).tolist())) > 2  # uneven lengths
        with torch.no_grad():
            reference = getattr(self.trainer, "ref_model", None)
            ref = self.policy(b).logp if reference is None else Policy(reference, None)(b).logp
            return b.with_(old_logp=self.policy(b).logp, ref_logp=ref)

    def theirs(self, inputs: dict[str, Any] | None = None) -> Found:
        return differentiate(self.model, self.trainer.compute_loss(self.model, inputs or self.inputs))

    def ours(self, name: str, b: Batch | None = None, **settings: Any) -> Found:
        algorithm = build(algorithm_class(name), settings)
        b = algorithm.prepare(b or self.batch)
        return differentiate(self.model, algorithm.loss(self.policy(b), b)[0])

    def advantages(self, name: str, **settings: Any) -> Tensor:
        """Ours [B], at each row's first sampled token."""
        b = build(algorithm_class(name), settings).prepare(self.batch)
        return b.adv.gather(1, b.prompt[:, None])[:, 0]

    def clipped(self, name: str, **settings: Any) -> float:
        """Share of tokens at which our clip binds: a comparison in which it never does would say little."""
        algorithm = build(algorithm_class(name), settings)
        b = algorithm.prepare(self.batch)
        share = algorithm.loss(self.policy(b), b)[1]["clip_fraction"] / b.weight.sum()
        return float(share)


ALIKE: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    ("GRPO", {"loss_type": "grpo"}, "grpo", {"beta": 0.0}),
    ("GRPO", {"loss_type": "grpo", "beta": 0.2, "use_bias_correction_kl": False}, "grpo", {"beta": 0.2}),
    ("GRPO", {"loss_type": "dr_grpo", "scale_rewards": "none"}, "dr_grpo", {"max_tokens": LONGEST}),
    ("GRPO", {"loss_type": "dapo", "epsilon_high": 0.28}, "dapo", {}),
    (
        "GRPO",
        {"loss_type": "grpo", "importance_sampling_level": "sequence", "epsilon": 0.02, "epsilon_high": 0.03},
        "gspo",
        {"clip_low": 0.02, "clip_high": 0.03},
    ),
    ("GRPO", {"loss_type": "cispo", "epsilon_high": 1.2}, "cispo", {"high": 1.2}),
    ("RLOO", {}, "rloo", {}),
]


@pytest.mark.parametrize(
    ("kind", "their_settings", "name", "settings"), ALIKE, ids=[f"{case[2]}-{i}" for i, case in enumerate(ALIKE)]
)
def test_alike(kind: str, their_settings: dict[str, Any], name: str, settings: dict[str, Any], tmp_path: Path) -> None:
    sampled = Sampled(kind, tmp_path, **their_settings)
    torch.testing.assert_close(sampled.advantages(name, **settings), sampled.inputs["advantages"], rtol=0, atol=1e-5)
    if "old_per_token_logps" in sampled.inputs:
        kept = sampled.inputs["completion_mask"].bool()
        old = sampled.batch.old_logp[sampled.batch.mask.bool()]
        torch.testing.assert_close(old, sampled.inputs["old_per_token_logps"][kept], rtol=0, atol=1e-5)
    assert 0.05 < sampled.clipped(name, **settings) < 0.95
    agree(sampled.ours(name, **settings), sampled.theirs())


def test_the_default_loss_is_the_token_mean(tmp_path: Path) -> None:
    """GRPOTrainer left alone is DAPO with GRPO's clip, and has no KL: not the paper's GRPO."""
    sampled = Sampled("GRPO", tmp_path)
    theirs = sampled.theirs()
    agree(sampled.ours("dapo", clip_high=0.2), theirs)
    differ(sampled.ours("grpo", beta=0.0), theirs)
    differ(sampled.ours("grpo"), theirs)


def test_the_kl_is_weighted_by_the_ratio(tmp_path: Path) -> None:
    """By default the KL term is rho k3, whose expectation under the sampler is that under the policy; ours is k3."""
    sampled = Sampled("GRPO", tmp_path, loss_type="grpo", beta=0.2)
    theirs = sampled.theirs()
    differ(sampled.ours("grpo", beta=0.2), theirs)
    b = build(algorithm_class("grpo"), {"beta": 0.0}).prepare(sampled.batch)
    new = sampled.policy(b)
    policy = build(algorithm_class("grpo"), {"beta": 0.0}).loss(new, b)[0]
    kl = ops.total(ops.token_ratio(new, b) * ops.k3(new.logp, b.ref_logp), b)
    agree(differentiate(sampled.model, policy + 0.2 * kl), theirs)


def test_the_standard_deviation(tmp_path: Path) -> None:
    """ddof 1 and eps 1e-4, as ours; by the population's deviation an advantage would be sqrt(G / (G - 1)) larger."""
    sampled = Sampled("GRPO", tmp_path)
    exact = sampled.advantages("grpo", eps=0.0)
    live = sampled.inputs["advantages"] != 0
    assert int(live.sum()) >= GROUP
    std = ops.group_std(sampled.batch.returns, sampled.batch, 1)
    torch.testing.assert_close(sampled.inputs["advantages"][live], (exact * std / (std + 1e-4))[live])
    population = sampled.advantages("grpo", eps=0.0, ddof=0)[live] / exact[live]
    torch.testing.assert_close(population, torch.full_like(population, (GROUP / (GROUP - 1)) ** 0.5))


def test_dr_grpo_must_be_told_not_to_scale(tmp_path: Path) -> None:
    """`loss_type` changes the normaliser alone: the advantages stay GRPO's."""
    sampled = Sampled("GRPO", tmp_path, loss_type="dr_grpo")
    theirs = sampled.inputs["advantages"]
    torch.testing.assert_close(sampled.advantages("grpo"), theirs, rtol=0, atol=1e-5)
    std = ops.group_std(sampled.batch.returns, sampled.batch, 1)
    torch.testing.assert_close(sampled.advantages("dr_grpo") / (std + 1e-4), theirs, rtol=0, atol=1e-5)
    differ(sampled.ours("dr_grpo", max_tokens=LONGEST), sampled.theirs())


def test_the_constant_is_the_longest_completion(tmp_path: Path) -> None:
    sampled = Sampled("GRPO", tmp_path, loss_type="dr_grpo", scale_rewards="none")
    agree(sampled.ours("dr_grpo"), sampled.theirs(), times=1024 / LONGEST)


def test_the_token_mean_of_several_updates(tmp_path: Path) -> None:
    """Their updates on one sampled batch share its mean token count; each of ours divides by its own."""
    sampled = Sampled("GRPO", tmp_path, steps_per_generation=PROMPTS, per_device_train_batch_size=GROUP)
    total = float(sampled.batch.mask.sum())
    alive = 0
    for i in range(PROMPTS):
        rows = range(i * GROUP, (i + 1) * GROUP)
        part = {name: x[list(rows)] if x.dim() else x for name, x in sampled.inputs.items()}
        b = sampled.batch.rows(list(rows))
        times = float(b.mask.sum()) / (total / PROMPTS)
        assert abs(times - 1) > 0.01
        if bool((b.returns != b.returns[0]).any()):  # else there is no gradient to compare
            agree(sampled.ours("dapo", b, clip_high=0.2), sampled.theirs(part), times)
            alive += 1
    assert alive >= 2


def test_the_overlong_punishment() -> None:
    from trl.rewards import get_soft_overlong_punishment

    lengths = [1, 79, 80, 81, 90, 99, 100, 101, 500]
    theirs = get_soft_overlong_punishment(100, 20)([[1] * n for n in lengths])
    ours = build(algorithm_class("dapo"), {"max_length": 100, "cache": 20}).overlong(torch.tensor(lengths))  # type: ignore[attr-defined]
    torch.testing.assert_close(ours.double(), torch.tensor(theirs, dtype=torch.float64))


def test_the_default_bound_of_cispo(tmp_path: Path) -> None:
    """Theirs bounds the weight itself by `epsilon_high`, 0.2 if unset: on policy a fifth of the gradient."""
    sampled = Sampled("GRPO", tmp_path, step=0.0, loss_type="cispo")
    agree(sampled.ours("cispo"), sampled.theirs(), times=0.2)


def test_equal_rewards_teach_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rounding of a mean, over eps, is left in theirs; ours is exactly 0."""
    monkeypatch.setitem(globals(), "pay", lambda ids: 0.7)
    monkeypatch.setitem(globals(), "GROUP", 10)
    sampled = Sampled("GRPO", tmp_path)
    assert bool((sampled.advantages("grpo") == 0).all())
    assert 0 < float(sampled.inputs["advantages"].abs().max()) < 1e-2
