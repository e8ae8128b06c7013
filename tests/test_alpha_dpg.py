"""Alpha-DPG against the divergence that it descends, exactly, on distributions small enough to write out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor
from toy_batches import Row, advantages, gradients, make, row, to_batch

from ludex.agents.algorithms.alpha_dpg import AlphaDPG, pseudo_reward
from ludex.agents.algorithms.rloo import RLOO

ALPHAS = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.999)


def answers(log_pi: Sequence[float], log_b: Sequence[float], correct: Sequence[bool], group: int = 0) -> list[Row]:
    """One-token answers with these log-probabilities under policy and base."""
    return [
        row(".x", float(c), group, 100 * group + i, old=[0.0, p], new=[0.0, p], ref=[0.0, b], correct=c)
        for i, (p, b, c) in enumerate(zip(log_pi, log_b, correct, strict=True))
    ]


def softmaxes(seed: int, n: int = 12) -> tuple[Tensor, Tensor, Tensor]:
    """Logits of a policy, and the log-probabilities of the base and of its filtered target."""
    generator = torch.Generator().manual_seed(seed)
    logits, base = torch.randn(2, n, generator=generator, dtype=torch.float64)
    right = torch.arange(n) % 3 != 1
    log_b = base.log_softmax(0)
    return logits, log_b, log_b.masked_fill(~right, -math.inf) - log_b[right].logsumexp(0)


def divergence(log_pi: Tensor, log_p: Tensor, alpha: float) -> Tensor:
    """D_a(pi||p) = E_p[f_a(pi/p)] + pi(outside the support of p) / (1 - a), from its definition."""
    inside = log_p > -math.inf
    p, t = log_p[inside].exp(), (log_pi - log_p)[inside].exp()
    limit = -t.log() + t - 1  # of what follows, at 0
    f = (t**alpha - alpha * t - (1 - alpha)) / (alpha * (alpha - 1)) if alpha else limit
    return (p * f).sum() + log_pi[~inside].exp().sum() / (1 - alpha)


def expected_update(logits: Tensor, log_p: Tensor, alpha: float) -> Tensor:
    """The gradient of the loss by the logits, over all answers rather than samples."""
    logits = logits.clone().requires_grad_()
    log_pi = logits.log_softmax(0)
    pi = log_pi.detach()
    loss = -(pi.exp() * pseudo_reward(log_p, pi, alpha, math.inf) * log_pi).sum()
    (gradient,) = torch.autograd.grad(loss, logits)
    return gradient


@pytest.mark.parametrize("alpha", ALPHAS)
def test_the_expected_update_descends_the_divergence(alpha: float) -> None:
    """By finite differences of the divergence itself: the update is (1 - a) times its gradient."""
    for seed in range(3):
        logits, _, log_p = softmaxes(seed)
        update, h = expected_update(logits, log_p, alpha), 1e-5
        for i in range(len(logits)):
            step = torch.zeros_like(logits)
            step[i] = h
            up, down = (divergence((logits + s).log_softmax(0), log_p, alpha) for s in (step, -step))
            assert float(update[i]) == pytest.approx((1 - alpha) * float(up - down) / (2 * h), abs=1e-8)


def test_at_zero_the_expected_update_is_policy_minus_target() -> None:
    for seed in range(5):
        logits, _, log_p = softmaxes(seed)
        torch.testing.assert_close(expected_update(logits, log_p, 0.0), logits.softmax(0) - log_p.exp())


@pytest.mark.parametrize("alpha", ALPHAS)
def test_rewards_at_the_target_their_bounds_and_their_order(alpha: float) -> None:
    for seed in range(5):
        logits, _, log_p = softmaxes(seed)
        inside = log_p > -math.inf
        assert pseudo_reward(log_p, log_p.clone(), alpha, 10.0)[inside].abs().max() == 0  # pi = p
        log_pi = (4 * logits).log_softmax(0)
        rewards = pseudo_reward(log_p, log_pi, alpha, 10.0)
        assert (rewards[~inside] == -1).all()
        assert ((rewards >= -1) & (rewards <= 10)).all()
        gap, free = (log_p - log_pi)[inside], pseudo_reward(log_p, log_pi, alpha, math.inf)[inside]
        assert (free[gap.argsort()].diff() > 0).all()


@pytest.mark.parametrize(("alpha", "ratio"), [(0.0, 11.0), (0.5, 121.0)])
def test_the_limit_acts_after_the_power(alpha: float, ratio: float) -> None:
    # R reaches 10 where (p/pi)^(1-a) = 11.
    for factor, cut in ((0.99, False), (1.01, True)):
        found = float(pseudo_reward(torch.tensor(factor * ratio).double().log(), torch.tensor(0.0), alpha, 10.0))
        assert (found == 10) == cut
        assert found == pytest.approx(min(10, (factor * ratio) ** (1 - alpha) - 1))


# The estimate, by hand.


def test_a_group_by_hand() -> None:
    # b/pi of the right ones: 2 and 1/2, so Z = (2 + 0 + 1/2 + 0) / 4 = 5/8; at a = 0 p/pi is 16/5 and 4/5,
    # R = 11/5, -1, -1/5, -1, whose sum is 0; A_i = R_i - (0 - R_i) / 3 = 4/3 R_i.
    rows = answers([-3.0] * 4, [-3.0 + math.log(2), -1.0, -3.0 - math.log(2), -9.0], [True, False, True, False])
    b, _ = to_batch(rows)
    assert AlphaDPG(alpha=0.0).partition(b).tolist() == pytest.approx([5 / 8] * 4)
    assert AlphaDPG(alpha=0.0).rewards(b).tolist() == pytest.approx([11 / 5, -1, -1 / 5, -1])
    assert advantages(AlphaDPG(alpha=0.0), rows) == pytest.approx([44 / 15, -4 / 3, -4 / 15, -4 / 3])
    # At a = 1/2 the rewards are sqrt(16/5) - 1 and sqrt(4/5) - 1.
    assert AlphaDPG(alpha=0.5).rewards(b).tolist() == pytest.approx([math.sqrt(3.2) - 1, -1, math.sqrt(0.8) - 1, -1])


def test_at_zero_the_rewards_of_a_group_sum_to_nothing() -> None:
    rows = answers([-2.0, -1.0, -3.0], [-2.5, -1.5, -3.2], [True, True, False])
    assert float(AlphaDPG(alpha=0.0, limit=math.inf).rewards(to_batch(rows)[0]).sum()) == pytest.approx(0, abs=1e-12)


def test_the_partition_is_capped_at_one_and_never_zero() -> None:
    for log_b, correct, z in ((5.0, True, 1.0), (0.0, False, 1e-4), (-20.0, True, math.exp(-20)), (1e4, True, 1.0)):
        b, _ = to_batch(answers([0.0, 0.0], [log_b, log_b], [correct] * 2))
        assert AlphaDPG().partition(b).tolist() == pytest.approx([z, z])
        assert AlphaDPG().rewards(b).isfinite().all()


def test_a_group_that_failed_teaches_nothing_and_one_alone_has_no_baseline() -> None:
    algorithm = AlphaDPG()
    rows = answers([-1.0, -2.0, -0.5], [-1.0, -3.0, -4.0], [False] * 3)
    assert advantages(algorithm, rows) == [0, 0, 0]
    assert advantages(algorithm, answers([-1.0], [-1.0], [False])) == [-1.0]
    assert advantages(algorithm, answers([-1.0] * 2, [-1.0] * 2, [True] * 2)) == [0, 0]  # at the base, all right


def test_a_constant_on_the_base_goes_into_the_partition() -> None:
    log_pi, log_b = [-1.0, -2.0, -1.5, -0.7], [-1.3, -2.9, -1.8, -3.0]
    correct = [True, True, True, False]
    for alpha in ALPHAS:
        one = advantages(AlphaDPG(alpha=alpha), answers(log_pi, log_b, correct))
        two = advantages(AlphaDPG(alpha=alpha), answers(log_pi, [x - 5 for x in log_b], correct))
        assert one == pytest.approx(two)


def test_near_one_the_update_points_where_rloo_points() -> None:
    generator = torch.Generator().manual_seed(0)
    one, two = AlphaDPG(alpha=0.999), RLOO(beta=0.0)
    for _ in range(20):
        log_pi = (-3 * torch.rand(8, generator=generator)).tolist()
        log_b = [x + float(torch.randn((), generator=generator)) for x in log_pi]
        correct = [bool(torch.rand((), generator=generator) < 0.5) for _ in range(7)] + [True]
        rows = answers(log_pi, log_b, correct)
        b, new = to_batch(rows)
        found = [gradients(a, a.prepare(b), new)[1][0].flatten() for a in (one, two)]
        if any(correct) and not all(correct):
            assert float(torch.cosine_similarity(*found, dim=0)) > 0.99


def test_the_partition_is_unbiased() -> None:
    """Of a policy with 12 answers: the mean of b v / pi over many samples is the base's pass rate."""
    logits, log_b, log_p = softmaxes(1)
    log_pi = logits.log_softmax(0)
    right = log_p > -math.inf
    drawn = torch.multinomial(log_pi.exp(), 20000, replacement=True, generator=torch.Generator().manual_seed(0))
    rows = answers(log_pi[drawn].tolist(), log_b[drawn].tolist(), right[drawn].tolist())
    z, weight = float(log_b[right].exp().sum()), ((log_b - log_pi).exp() * right)
    deviation = math.sqrt(float((log_pi.exp() * (weight - z) ** 2).sum()) / len(drawn))
    assert float(AlphaDPG().partition(to_batch(rows)[0])[0]) == pytest.approx(z, abs=4 * deviation)


def test_what_is_logged() -> None:
    rows = answers([-9.0, -1.0], [-1.0, -1.0], [True, False]) + answers([-1.0] * 2, [-3.0] * 2, [True] * 2, group=1)
    algorithm = make("alpha_dpg", alpha=0.0)
    found = algorithm.statistics(algorithm.prepare(to_batch(rows)[0]))
    # Group 0: e^8 / 2 is capped at 1, and its p/pi of e^8 is limited; group 1: Z = e^-2, R = 0.
    assert float(found["partition"]) == pytest.approx((1 + math.exp(-2)) / 2)
    assert float(found["limited"]) == pytest.approx(1 / 4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"alpha": 1.0}, "alpha=1.0 must be below 1.*try 0.999"),
        ({"alpha": -0.1}, "alpha=-0.1 must be at least 0"),
        ({"z_empty": 0.0}, "z_empty=0.0 must be above 0"),
        ({"max_tokens": 0}, "max_tokens=0 must be at least 1"),
    ],
)
def test_bad_settings_are_one_clear_line(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make("alpha_dpg", **settings)
