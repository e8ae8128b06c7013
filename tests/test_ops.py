"""The shared arithmetic, by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import torch
from toy_batches import Row, group_of, row, to_batch

from ludex.agents.algorithms import ops
from ludex.agents.batch import Batch


def batch(rows: list[Row], pad: int = 0) -> Batch:
    return to_batch(rows, pad)[0]


def close(actual: torch.Tensor, expected: Sequence[float | Sequence[float]], tolerance: float = 1e-12) -> None:
    torch.testing.assert_close(actual, torch.tensor(expected, dtype=actual.dtype), atol=tolerance, rtol=0)


# Two groups: 7 with rewards 1, 2, 6, the second of them in two rows; 2 with one reward, 5.
RAGGED = [
    row(".x", 1.0, group=7, trajectory=0),
    row(".x", 0.5, group=7, trajectory=4, turn=0),
    row(".xx", 1.5, group=7, trajectory=4, turn=1),
    row(".x", 5.0, group=2, trajectory=3),
    row(".xxx", 6.0, group=7, trajectory=1),
]


def test_a_trajectory_counts_once_however_many_rows_it_has() -> None:
    b = batch(RAGGED)
    close(b.returns, [1, 2, 2, 5, 6])
    close(ops.group_sum(b.returns, b), [9, 9, 9, 5, 9])
    close(ops.group_mean(b.returns, b), [3, 3, 3, 5, 3])
    assert ops.trajectories(b) == 4


@pytest.mark.parametrize(("ddof", "divisor"), [(0, 3), (1, 2)])
def test_group_std(ddof: int, divisor: int) -> None:
    b = batch(RAGGED)
    std = math.sqrt(((1 - 3) ** 2 + (2 - 3) ** 2 + (6 - 3) ** 2) / divisor)
    close(ops.group_std(b.returns, b, ddof), [std, std, std, 0, std])


def test_leave_one_out() -> None:
    b = batch(RAGGED)
    close(ops.leave_one_out(b.returns, b), [(2 + 6) / 2, (1 + 6) / 2, (1 + 6) / 2, 5, (1 + 2) / 2])


@pytest.mark.parametrize("size", [2, 3, 7])
def test_equal_rewards_are_exactly_equal_to_their_mean(size: int) -> None:
    rewards = torch.full((size,), 0.1)
    b = replace(batch(group_of([0.1] * size)), reward=torch.zeros(size, 4).index_fill(1, torch.tensor([2]), 0.1))
    assert torch.equal(ops.group_mean(rewards, b), rewards)
    assert torch.equal(ops.leave_one_out(rewards, b), rewards)
    assert not ops.group_std(rewards, b, 1).any()


def test_kl_estimators() -> None:
    # log p - log q = d: k1 = d, k2 = d^2/2, k3 = exp(-d) - 1 + d: exp(.5) - 1.5 = .148721, exp(-.5) - .5 = .106531
    p, q = torch.tensor([-1.5, -1.0, -0.5]), torch.full((3,), -1.0)
    close(ops.k1(p, q), [-0.5, 0, 0.5], 1e-6)
    close(ops.k2(p, q), [0.125, 0, 0.125], 1e-6)
    close(ops.k3(p, q), [0.148721, 0, 0.106531], 1e-6)


def test_kl_estimators_average_to_the_kl() -> None:
    # Exactly, over all outcomes of a three-way choice: sum_i p_i k(i) = KL(p || q) for k1 and k3.
    p, q = torch.tensor([0.5, 0.3, 0.2]).double(), torch.tensor([0.2, 0.2, 0.6]).double()
    kl = sum(a * math.log(a / b) for a, b in zip(p.tolist(), q.tolist(), strict=True))
    for estimator in (ops.k1, ops.k3):
        assert float((p * estimator(p.log(), q.log())).sum()) == pytest.approx(kl)


def test_wild_ratios_stay_finite_and_pass_no_gradient() -> None:
    b, new = to_batch([row(".x", 1.0, old=[0.0, -200.0], ref=[0.0, -1.0], new=[0.0, -1.0])])
    ratios = [rule(new, b) for rule in (ops.token_ratio, ops.row_ratio, ops.mean_ratio)]
    for wild in (*ratios, ops.k3(b.old_logp, new.logp)):
        assert wild.isfinite().all()
        assert wild.max() <= math.exp(20)
        (gradient,) = torch.autograd.grad(wild.sum(), new.logp)
        assert gradient[0, 1] == 0


@pytest.mark.parametrize(
    ("ratio", "adv", "value", "slope"),
    [
        (1.1, 2.0, 2.2, 2.0),  # inside: ratio * A
        (1.25, 2.0, 2.4, 0.0),  # above with A > 0: cut to 1.2
        (1.25, -2.0, -2.5, -2.0),  # above with A < 0: still pulled back
        (0.7, 2.0, 1.4, 2.0),  # below with A > 0: still pulled back
        (0.7, -2.0, -1.6, 0.0),  # below with A < 0: cut to 0.8
    ],
)
def test_clipped(ratio: float, adv: float, value: float, slope: float) -> None:
    x = torch.tensor(ratio, dtype=torch.float64, requires_grad=True)
    out = ops.clipped(x, torch.tensor(adv, dtype=torch.float64), 0.8, 1.2)
    assert float(out.detach()) == pytest.approx(value)
    assert float(torch.autograd.grad(out, x)[0]) == pytest.approx(slope)


def test_clip_higher_lets_a_quarter_pass() -> None:
    ratio, adv = torch.tensor(1.25), torch.tensor(1.0)
    assert float(ops.clipped(ratio, adv, 0.8, 1.2)) == pytest.approx(1.2)
    assert float(ops.clipped(ratio, adv, 0.8, 1.28)) == pytest.approx(1.25)


def test_surrogate_metrics() -> None:
    # Ratios 1.5, 0.5 and 1 at A = 1: only the first is clipped. Weight 1/3 each.
    # kl_old: rho - 1 - log rho = .5 - .405465, -.5 + .693147 and 0, mean .095894. nll: mean of 1, 2 and 6.
    rows = [row(".xxx", 0.0, new=[0, -1, -2, -6], old=[0, -1 - math.log(1.5), -2 - math.log(0.5), -6])]
    b, new = to_batch(rows)
    b = b.with_(adv=b.mask, weight=ops.token_mean(b))
    _, metrics = ops.surrogate(ops.token_ratio(new, b), new, b, 0.8, 1.2)
    assert not any(value.requires_grad for value in metrics.values())
    got = {name: float(value) for name, value in metrics.items()}
    assert got == pytest.approx({"clip_fraction": 1 / 3, "kl_old": 0.095894, "nll": 3.0}, abs=1e-6)


RULES = {
    "token_mean": (ops.token_mean, 2.0),
    "sequence_mean": (ops.sequence_mean, 2.0),
    "sequence_sum": (ops.sequence_sum, 6.0),
    "constant": (lambda b: ops.constant(b, 4), 1.5),
    "row_once": (ops.row_once, 2.0),
}


@pytest.mark.parametrize("name", RULES)
def test_aggregation_of_the_literature(name: str) -> None:
    # Losses [1, 3] and [2, 2, 2, 2]: 12/6; (2 + 2)/2; (4 + 8)/2; (4 + 8)/(2 * 4).
    rule, expected = RULES[name]
    b = batch(group_of([0, 0], [2, 4]))
    losses = torch.tensor([[9, 1, 3, 9, 9, 9], [9, 2, 2, 2, 2, 9]]).double()
    assert float((rule(b) * losses).sum()) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # Losses [1, 6] and [2, 2, 2, 3]: 16/6; (7/2 + 9/4)/2; (7 + 9)/2; (7 + 9)/(2 * 4).
        ("token_mean", 16 / 6),
        ("sequence_mean", 2.875),
        ("sequence_sum", 8.0),
        ("constant", 2.0),
        ("row_once", 2.875),
    ],
)
def test_aggregation_tells_the_rules_apart(name: str, expected: float) -> None:
    b = batch(group_of([0, 0], [2, 4]), pad=3)
    losses = torch.zeros_like(b.mask)
    losses[0, 1:3], losses[1, 1:5] = torch.tensor([1.0, 6.0]).double(), torch.tensor([2.0, 2, 2, 3]).double()
    assert float((RULES[name][0](b) * losses).sum()) == pytest.approx(expected)


def test_aggregation_over_rows() -> None:
    # RAGGED has 1, 1 + 2, 1 and 3 sampled tokens in 4 trajectories.
    b = batch(RAGGED)
    per_row = {name: rule(b).sum(1).mul(4).tolist() for name, (rule, _) in RULES.items()}
    assert per_row["token_mean"] == pytest.approx([4 / 8, 4 / 8, 1, 4 / 8, 12 / 8])
    assert per_row["sequence_mean"] == pytest.approx([1, 1 / 3, 2 / 3, 1, 1])
    assert per_row["sequence_sum"] == pytest.approx([1, 1, 2, 1, 3])
    assert per_row["constant"] == pytest.approx([1 / 4, 1 / 4, 2 / 4, 1 / 4, 3 / 4])
    assert per_row["row_once"] == pytest.approx([1, 1, 1, 1, 1])


def test_weights_are_zero_where_nothing_was_sampled() -> None:
    b = batch(RAGGED, pad=2)
    for rule, _ in RULES.values():
        assert torch.equal(rule(b) > 0, b.mask > 0)


def test_a_hundred_tokens_weigh_ten_times_ten_under_the_token_mean() -> None:
    b = batch(group_of([0, 0], [100, 10]))
    short, long = ops.token_mean(b).sum(1).sort().values.tolist()
    assert long / short == pytest.approx(10)


def test_whiten() -> None:
    b = batch(RAGGED, pad=1)
    x = torch.randn(b.mask.shape, generator=torch.Generator().manual_seed(0)).double() * 3 + 5
    inside = b.mask.bool()
    for ddof in (0, 1):
        white = ops.whiten(x, b.mask, ddof, eps=0.0)
        assert not white[~inside].any()
        assert float(white[inside].mean()) == pytest.approx(0, abs=1e-12)
        assert float(white[inside].var(correction=ddof)) == pytest.approx(1)
    same = ops.whiten(torch.full_like(b.mask, 3.0), b.mask)
    assert not same.any()


# V = .1 .2 .3 .4, reward 1 at the end, gamma 1: deltas .1, .1, .1, .6, and A_t = delta_t + lam A_{t+1}:
# lam .95: .6; .1 + .57 = .67; .1 + .6365 = .7365; .1 + .699675 = .799675.
GAE = {0.95: [0.799675, 0.7365, 0.67, 0.6], 1.0: [0.9, 0.8, 0.7, 0.6], 0.0: [0.1, 0.1, 0.1, 0.6]}


@pytest.mark.parametrize("lam", GAE)
def test_gae_by_hand(lam: float) -> None:
    b = batch([row("..xxxx", 1.0, value=[9, 9, 0.1, 0.2, 0.3, 0.4], after=7.0)], pad=2)
    close(ops.gae(b.reward, b, 1.0, lam), [[0, 0, *GAE[lam], 0, 0, 0]])


@pytest.mark.parametrize("lam", GAE)
def test_gae_skips_what_the_environment_said(lam: float) -> None:
    b = batch([row("..xx..x.x", 1.0, value=[9, 9, 0.1, 0.2, 9, 9, 0.3, 9, 0.4], after=7.0)])
    a = GAE[lam]
    close(ops.gae(b.reward, b, 1.0, lam), [[0, 0, a[0], a[1], 0, 0, a[2], 0, a[3], 0]])


@pytest.mark.parametrize("lam", GAE)
def test_gae_runs_across_rows_in_the_order_of_turns(lam: float) -> None:
    rows = [
        row(".x", 1.0, trajectory=5, turn=10, value=[9, 0.4], after=7.0),
        row(".x", 2.0, trajectory=1, turn=0, value=[9, 0.5], after=7.0),
        row("..xx", 0.0, trajectory=5, turn=2, value=[9, 9, 0.1, 0.2], after=7.0),
        row(".x", 0.0, trajectory=5, turn=3, value=[9, 0.3], after=7.0),
    ]
    b, a = batch(rows), GAE[lam]
    out = ops.gae(b.reward, b, 1.0, lam)
    close(out, [[0, a[3], 0, 0, 0], [0, 1.5, 0, 0, 0], [0, 0, a[0], a[1], 0], [0, a[2], 0, 0, 0]])


def test_gae_bootstraps_only_a_truncated_trajectory_and_only_behind_its_last_row() -> None:
    # gamma .5, lam .5, no reward. Truncated: deltas .5 * 2 - 1 = 0 and .5 * 3 - 2 = -.5; A = 0 + .25 * -.5 = -.125.
    # Terminated: deltas 0 and 0 - 2; A = -.5. Rows stand in reverse; the first row's own end counts for nothing.
    def pair(trajectory: int, truncated: bool) -> list[Row]:
        end = row(".x", 0.0, 0, trajectory, turn=1, value=[9, 2.0], after=3.0, truncated=truncated)
        return [end, row(".x", 0.0, 0, trajectory, turn=0, value=[9, 1.0], after=8.0)]

    b = batch([*pair(0, True), *pair(1, False)])
    close(ops.gae(b.reward, b, 0.5, 0.5)[:, 1], [-0.5, -0.125, -2.0, -0.5])


def test_failed_positive() -> None:
    rows = group_of([1, 1, 1, 1])
    for r, correct in zip(rows, [True, False, False, False], strict=True):
        r.correct = correct
    b = batch([*rows, row(".x", 0.0, trajectory=1, turn=1)])  # the second row of trajectory 1 does not count again
    adv = torch.tensor([1.0, 1.0, -1.0, 0.0, 1.0]).double()
    assert float(ops.failed_positive(b.with_(adv=adv[:, None] * b.mask))) == pytest.approx(1 / 3)
    assert ops.failed_positive(b.with_(adv=b.mask, correct=torch.ones(5, dtype=torch.bool))) == 0
    later = torch.tensor([1.0, -1.0, -1.0, 0.0, 1.0]).double()  # trajectory 1 is reinforced in its second row only
    assert float(ops.failed_positive(b.with_(adv=later[:, None] * b.mask))) == pytest.approx(1 / 3)


def test_check_passes_a_sound_batch() -> None:
    ops.check(batch(RAGGED, pad=2))


@pytest.mark.parametrize(
    ("break_", "message"),
    [
        (lambda b: b.reward[1, 0].fill_(0.1), "row 1 .* a reward on a token that the policy did not sample"),
        (lambda b: b.reward[3, 1].fill_(math.nan), "row 3 .* not a finite number"),
        (lambda b: b.mask[2].zero_(), "row 2 .* no sampled token"),
    ],
)
def test_check_refuses(break_: Callable[[Batch], object], message: str) -> None:
    b = batch(RAGGED)
    break_(b)
    with pytest.raises(ValueError, match=message):
        ops.check(b)


def test_at_least_names_the_first_bad_value() -> None:
    ops.at_least(0, clip=0.0, beta=1e9)
    with pytest.raises(ValueError, match="beta=-1 must be at least 0"):
        ops.at_least(0, clip=0.2, beta=-1)
    with pytest.raises(ValueError, match="clip=nan"):
        ops.at_least(0, clip=math.nan)
    with pytest.raises(ValueError, match="beta=inf must be a finite number"):
        ops.at_least(0, clip=0.2, beta=math.inf)


def test_between_includes_its_ends() -> None:
    ops.between(0, 1, clip=0.0, gamma=1.0)
    ops.between(0, math.inf, limit=math.inf)
    for bad in (-0.1, 1.1, math.inf, math.nan):
        with pytest.raises(ValueError, match=f"gamma={bad} must be from 0 to 1"):
            ops.between(0, 1, clip=0.5, gamma=bad)
    with pytest.raises(ValueError, match="limit=nan must be at least 0"):
        ops.between(0, math.inf, limit=math.nan)
