"""GSPO, CISPO and REINFORCE++ by hand; what each placing of a KL penalty does to the gradient."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from toy_batches import Row, advantages, gradients, group_of, make, random_rows, row, to_batch

from ludex.agents.algorithms import ops
from ludex.agents.algorithms.base import Forward
from ludex.agents.algorithms.cispo import CISPO
from ludex.agents.algorithms.grpo import GRPO
from ludex.agents.algorithms.gspo import GSPO
from ludex.agents.algorithms.reinforce_pp import ReinforcePP


def step(algorithm: Any, rows: Sequence[Row]) -> tuple[float, Tensor, dict[str, float]]:
    """Loss, gradient by log-probability, metrics."""
    b, new = to_batch(rows)
    b = algorithm.prepare(b)
    loss, (slope, _, _) = gradients(algorithm, b, new)
    return float(loss), slope, {name: float(x.detach()) for name, x in algorithm.loss(new, b)[1].items()}


def moved(log_ratios: Sequence[float], reward: float, trajectory: int = 0) -> Row:
    """A trajectory whose tokens' log-probabilities have moved by that much."""
    r = row("." + "x" * len(log_ratios), reward, trajectory=trajectory)
    r.old = [0.0, *[-3.0] * len(log_ratios)]
    r.new = [0.0, *[x - 3.0 for x in log_ratios]]
    return r


# Two trajectories with rewards 1 and 0 have A = +-.5 / sqrt(.5) = +-.7071.
A = 0.5**0.5


# GSPO.


def test_gspo_takes_the_geometric_mean() -> None:
    # (.1 - .05 + .02 + .03) / 4 = .025; exp .025 = 1.025315.
    rows = [moved([0.1, -0.05, 0.02, 0.03], 1.0), moved([0.0], 0.0, 1)]
    b, new = to_batch(rows, pad=2)
    ratio = ops.mean_ratio(new, b)
    assert ratio[0].item() == pytest.approx(1.025315, abs=1e-6)
    tokens = ops.token_ratio(new, b)[0, 1:5]
    assert ratio[0].item() == pytest.approx(float(tokens.detach().prod()) ** 0.25)


def test_gspo_gradient_inside_the_clip() -> None:
    # s A times the mean of grad log pi, mean over 2 trajectories: 1.025315 * .7071 / 4 / 2 on each of 4 tokens.
    rows = [moved([0.1, -0.05, 0.02, 0.03], 1.0), moved([0.0], 0.0, 1)]
    loss, slope, metrics = step(GSPO(clip_low=0.1, clip_high=0.1, eps=0.0), rows)
    assert slope[0, 1:5].tolist() == pytest.approx([-1.025315 * A / 8] * 4, abs=1e-6)
    assert loss == pytest.approx(-(1.025315 * A - A) / 2, abs=1e-6)
    assert metrics["clip_fraction"] == 0


def test_gspo_clips_a_response_as_a_whole() -> None:
    # 1.0253 > 1.0004: not one of its tokens has a gradient, though two of them are below 1.
    rows = [moved([0.1, -0.05, 0.02, 0.03], 1.0), moved([-0.1, 0.05], 0.0, 1)]
    _, slope, metrics = step(GSPO(), rows)
    assert not slope.any()
    assert metrics["clip_fraction"] == pytest.approx(1.0)


def test_gspo_clips_on_either_side_of_one() -> None:
    inside = [moved([3.5e-4], 1.0), moved([-2.5e-4], 0.0, 1)]
    outside = [moved([4.5e-4], 1.0), moved([-3.5e-4], 0.0, 1)]
    assert step(GSPO(), inside)[1][:, 1].ne(0).all()
    assert step(GSPO(), outside)[1][:, 1].eq(0).all()


def test_gspo_on_policy_is_grpo() -> None:
    b, new = to_batch([replace(r, new=list(r.old)) for r in random_rows(5)])
    found = [gradients(a, a.prepare(b), new) for a in (GSPO(), GRPO(beta=0.0))]
    assert float(found[0][0]) == pytest.approx(float(found[1][0]))
    torch.testing.assert_close(found[0][1][0], found[1][1][0])


# CISPO.

RATIOS = (0.5, 1.0, 1.3, 6.0)


@pytest.mark.parametrize(
    ("settings", "weights", "bound"),
    [
        ({}, (0.5, 1.0, 1.3, 5.0), 1),
        ({"low": 0.8, "high": 1.28}, (0.8, 1.0, 1.28, 1.28), 3),
    ],
)
def test_cispo_bounds_the_weight_and_keeps_the_gradient(
    settings: dict[str, Any], weights: Sequence[float], bound: int
) -> None:
    rows = [moved([math.log(r) for r in RATIOS], 1.0), moved([math.log(r) for r in RATIOS], 0.0, 1)]
    _, slope, metrics = step(CISPO(**settings, eps=0.0), rows)
    assert slope[0, 1:5].tolist() == pytest.approx([-w * A / 8 for w in weights])
    assert slope[1, 1:5].tolist() == pytest.approx([w * A / 8 for w in weights])
    assert metrics["clip_fraction"] == pytest.approx(bound / 4)


def test_cispo_on_policy_is_reinforce() -> None:
    b, new = to_batch([replace(r, new=list(r.old)) for r in random_rows(5)])
    algorithm = CISPO()
    b = algorithm.prepare(b)
    torch.testing.assert_close(gradients(algorithm, b, new)[1][0], -b.weight * b.adv)


@pytest.mark.parametrize(
    ("settings", "message"), [({"high": 0.28}, "high=0.28 must be at least 1"), ({"low": 1.2}, "")]
)
def test_cispo_refuses_bounds_that_are_distances(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message or "low=1.2 must be at most 1"):
        CISPO(**settings)


# REINFORCE++.


def test_rewards_to_go_run_on_across_observations_and_rows() -> None:
    # Rewards 1 after the first turn, 2 after the second, 4 in the next row; gamma 1/2 per sampled token:
    # 4, 2 + 4/2 = 4, 1 + 4/2 = 3, 3/2.
    rows = [
        row(".xx..x", 2.0, trajectory=0, truncated=False, after=9.0),
        row(".x", 4.0, trajectory=0, turn=5, truncated=True, after=9.0),
    ]
    rows[0].reward[2] = 1.0
    b, _ = to_batch(rows)
    found = ops.reward_to_go(b.reward, b, 0.5)
    assert found[0].tolist() == [0, 1.5, 3, 0, 0, 4, 0]
    assert found[1, 1] == 4


def test_reinforce_pp_whitens_what_the_kl_is_in() -> None:
    # k1 = (-1 + 3, -1 + 1) = 2, 0, beta .1: rewards -.2 and 1; to go .8 and 1; two numbers whiten to -+1/sqrt 2.
    rows = [row(".xx", 1.0, old=[0, -1, -1], ref=[0, -3, -1])]
    b = ReinforcePP(beta=0.1).prepare(to_batch(rows)[0])
    assert b.adv[0, 1:3].tolist() == pytest.approx([-A, A], abs=1e-5)
    plain = ReinforcePP(beta=0.0).prepare(to_batch(rows)[0])
    assert not plain.adv.any()  # both tokens lead to the same reward
    in_loss = ReinforcePP(beta=0.1, kl="k2", kl_in="loss").prepare(to_batch(rows)[0])
    assert torch.equal(in_loss.adv, plain.adv)


@pytest.mark.parametrize("settings", [{}, {"baseline": "group"}, {"gamma": 0.9, "beta": 0.0}])
def test_reinforce_pp_advantages_are_white(settings: dict[str, Any]) -> None:
    b = ReinforcePP(**settings).prepare(to_batch(random_rows(3), pad=2)[0])
    inside = b.adv[b.mask > 0]
    assert float(inside.mean()) == pytest.approx(0, abs=1e-9)
    assert float(inside.var()) == pytest.approx(1, abs=1e-5)
    assert not b.adv[b.mask == 0].any()


def test_the_baseline_variant_by_hand() -> None:
    # Group 0: 1 and 0, centred +-.5 on 1 and 3 tokens; group 1: equal rewards, 0 on 2 and 2 tokens. Over 8 tokens the
    # mean is (.5 - 1.5)/8 = -.125, and the sum of squares 4 * .25 - 8 * .125^2 = .875, the variance .875/7 = .125.
    equal = [replace(r, group=1, trajectory=5 + i) for i, r in enumerate(group_of([7.0] * 2))]
    rows = group_of([1.0, 0.0], [1, 3]) + equal
    found = advantages(ReinforcePP(baseline="group", beta=0.0), rows)
    expected = [(x + 0.125) / 0.125**0.5 for x in (0.5, -0.5, 0.0, 0.0)]
    assert found == pytest.approx(expected, abs=1e-6)


def test_k1_inside_the_loss_is_refused() -> None:
    with pytest.raises(ValueError, match="kl='k1' has a gradient of mean 0 inside the loss"):
        ReinforcePP(kl="k1", kl_in="loss")
    assert make("reinforce_pp", kl="k1").needs == {"ref"}
    assert not make("reinforce_pp", beta=0.0).needs


def exact_gradient(estimator: ops.KL, where: str) -> Tensor:
    """Mean over all outcomes of a three-way choice of the gradient that a KL penalty gives to the logits."""
    logits = torch.tensor([0.3, -0.2, 0.5]).double().requires_grad_()
    reference = torch.tensor([0.2, 0.2, 0.6]).double().log()
    logp = logits.log_softmax(0)
    p = logp.detach().exp()
    if where == "loss":
        value = ops.kl(estimator, logp, reference)
    else:  # the score function times the penalty
        value = ops.kl(estimator, logp.detach(), reference) * logp
    (slope,) = torch.autograd.grad((p * value).sum(), logits)
    return slope


def kl_slope(forward: bool) -> Tensor:
    """Gradient by the logits of KL(p || q), or of KL(q || p)."""
    logits = torch.tensor([0.3, -0.2, 0.5]).double().requires_grad_()
    p, q = logits.softmax(0), torch.tensor([0.2, 0.2, 0.6]).double()
    kl = (p * (p / q).log()).sum() if forward else (q * (q / p).log()).sum()
    return torch.autograd.grad(kl, logits)[0]


def test_what_each_placing_of_the_kl_descends() -> None:
    # k1 as a reward and k2 as a loss descend KL(p || q); k3 as a loss KL(q || p); k1 as a loss nothing.
    torch.testing.assert_close(exact_gradient("k1", "reward"), kl_slope(True))
    torch.testing.assert_close(exact_gradient("k2", "loss"), kl_slope(True))
    torch.testing.assert_close(exact_gradient("k3", "loss"), kl_slope(False))
    torch.testing.assert_close(exact_gradient("k1", "loss"), torch.zeros(3).double())


def test_a_unit_is_one_with_a_gradient() -> None:
    logp = torch.tensor([-1.0, -30.0]).requires_grad_()
    one = ops.unit(logp)
    assert one.tolist() == [1, 1]
    assert torch.autograd.grad(one.sum(), logp)[0].tolist() == [1, 1]


def test_the_metrics_of_every_step() -> None:
    b, new = to_batch([moved([math.log(2), 0.0], 1.0)])
    b = b.with_(weight=ops.token_mean(b))
    found = ops.metrics(torch.tensor([[False, True, False, False]]), Forward(new.logp, new.entropy, new.value), b)
    # kl_old: ratios 2 and 1: 2 - 1 - log 2 = .306853 and 0. nll: 3 - log 2 and 3.
    expected = {"clip_fraction": 0.5, "kl_old": 0.306853 / 2, "nll": 3 - math.log(2) / 2}
    assert {name: float(x) for name, x in found.items()} == pytest.approx(expected, abs=1e-6)
