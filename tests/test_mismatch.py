"""Correcting for a sampler whose probabilities are not the learner's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from small_models import build_policy, learner_of, random_batch
from toy_batches import row, to_batch

from ludex.agents.algorithms import algorithm_class, ops
from ludex.agents.algorithms.mismatch import Correction
from ludex.agents.batch import Batch
from ludex.agents.policy import Policy

GAPS = (0.0, 0.5, 1.5, -3.0)  # learner's minus sampler's log-probability


def weights(correction: Correction, gaps: Sequence[float] = GAPS) -> list[float]:
    rows = [row("." + "x" * len(gaps), 1.0, old=[5.0, *[-4.0] * len(gaps)], new=[0.0, *[x - 4.0 for x in gaps]])]
    b, new = to_batch(rows, pad=2)
    found = correction.weights(new.logp, b.old_logp, b)
    assert not found.requires_grad
    assert not found[b.mask == 0].any()
    return found[b.mask > 0].tolist()


@pytest.mark.parametrize(
    ("correction", "expected"),
    [
        (Correction("off"), (1, 1.648721, 4.481689, 0.049787)),
        (Correction("truncate", high=2.0), (1, 1.648721, 2, 0.049787)),
        (Correction("truncate", low=0.5, high=2.0), (1, 1.648721, 2, 0.5)),
        (Correction("mask", low=0.5, high=2.0), (1, 1.648721, 0, 0)),
        (Correction("off", "sequence"), (0.367879,) * 4),  # exp(0 + .5 + 1.5 - 3)
        (Correction("mask", "sequence", 0.3, 2.0), (0.367879,) * 4),
        (Correction("mask", "sequence", 0.4, 2.0), (0,) * 4),
    ],
)
def test_weights(correction: Correction, expected: Sequence[float]) -> None:
    assert weights(correction) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("mode", ["truncate", "mask"])
@pytest.mark.parametrize("level", ["token", "sequence"])
def test_equal_probabilities_weigh_1(mode: Any, level: Any) -> None:
    assert weights(Correction(mode, level), [0.0] * 3) == [1, 1, 1]


def test_a_trajectory_in_two_rows_has_one_weight() -> None:
    rows = [row(".x", 0.0, old=[0, -1.0], new=[0, -0.5]), row(".x", 0.0, turn=1, old=[0, -1.0], new=[0, -2.0])]
    b, new = to_batch(rows)
    found = Correction("truncate", "sequence").weights(new.logp, b.old_logp, b)
    assert found[:, 1].tolist() == pytest.approx([math.exp(-0.5)] * 2)


@pytest.mark.parametrize(
    ("settings", "message"), [({"low": -1.0}, "low=-1.0"), ({"low": 3.0}, "high=2.0 must be at least 3")]
)
def test_bad_bounds(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Correction("mask", **settings)  # type: ignore[arg-type]


def gradient(
    name: str, correction: Correction, noise: float, **hyper: float
) -> tuple[list[torch.Tensor], dict[str, float], tuple[Policy, Batch]]:
    """Of one update at a learning rate of 0, on a batch whose sampler was off by `noise`."""
    policy = build_policy(critic=name == "ppo")
    batch = random_batch(3)
    with torch.no_grad():
        off = noise * torch.randn(batch.mask.shape, generator=torch.Generator().manual_seed(0))
        batch = batch.with_(old_logp=(policy(batch).logp + off) * batch.mask)
    settings = {"lr": 0.0, "max_grad_norm": math.inf, "correction": correction}
    learner = learner_of(algorithm_class(name)(**hyper), policy, **settings)
    metrics = learner.learn(batch, 0)
    return [p.grad.clone() for p in policy.parameters() if p.grad is not None], metrics, (policy, batch)


@pytest.mark.parametrize("name", ["grpo", "dapo", "gtpo", "cispo", "ppo"])
def test_without_a_mismatch_the_correction_changes_nothing(name: str) -> None:
    plain, _, _ = gradient(name, Correction(), 0.0)
    corrected, metrics, _ = gradient(name, Correction("truncate"), 0.0)
    assert metrics["correction"] == pytest.approx(1.0, abs=1e-5)
    for one, two in zip(plain, corrected, strict=True):
        torch.testing.assert_close(one, two, atol=1e-5, rtol=1e-4)


def test_the_learner_weighs_the_policy_loss_and_reports_the_sampler() -> None:
    # On policy for the learner: DAPO's gradient is that of - sum weight * w * A * log pi, w = exp(-noise) cut at 1.1.
    correction = Correction("truncate", high=1.1)
    found, metrics, (policy, batch) = gradient("dapo", correction, 0.3)
    b = algorithm_class("dapo")().prepare(batch)
    logp = policy(batch).logp
    w = (logp.detach() - batch.old_logp).exp().clamp(max=1.1) * batch.mask
    assert (w[batch.mask > 0] == 1.1).any()
    assert (w[batch.mask > 0] < 1).any()
    policy.zero_grad()
    (-(ops.token_mean(b) * w * b.adv * logp).sum()).backward()
    expected = [p.grad for p in policy.parameters() if p.grad is not None]
    for one, two in zip(found, expected, strict=True):
        torch.testing.assert_close(one, two, atol=1e-6, rtol=1e-4)
    assert metrics["gap"] == pytest.approx(
        float((logp.detach() - batch.old_logp).abs().mul(batch.mask).max()), rel=1e-5
    )
    assert metrics["correction"] == pytest.approx(float(w.sum() / batch.mask.sum()), rel=1e-5)
    assert metrics["clip_fraction"] == 0  # the trust region lies around the learner's own probabilities


def test_the_critic_is_not_weighed() -> None:
    # Without a KL in the reward the value loss is the same; its head has no other gradient, the trunk has the policy's.
    plain, one, _ = gradient("ppo", Correction(), 0.3, beta=0.0)
    corrected, two, _ = gradient("ppo", Correction("mask", high=1.05), 0.3, beta=0.0)
    assert one["value_loss"] == pytest.approx(two["value_loss"])
    torch.testing.assert_close(plain[-2:], corrected[-2:])  # weight and bias of the value head
    assert (plain[0] - corrected[0]).abs().max() > 1e-4


def test_worked_solutions_are_never_corrected() -> None:
    _, metrics, _ = gradient("sft", Correction("mask"), 2.0)
    assert "correction" not in metrics
