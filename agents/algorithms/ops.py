"""The arithmetic that algorithms share: group statistics, KL estimators, the clipped surrogate, weights, GAE.

B rows, T positions. A trajectory may fill several rows; every statistic counts
it once, and an `[B]` argument holds the same number on each of its rows. Groups
may be of any size.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from ludex.agents.algorithms.base import Forward, Metrics
from ludex.agents.batch import Batch

KL = Literal["k1", "k2", "k3"]

LOG_LIMIT = 20.0  # |log ratio| is cut here: exp(20) is far outside any trust region, and finite in float32


def check(b: Batch) -> None:
    """Refuse a batch from which the wrong thing would be learned.

    Raises:
        ValueError: for a row without sampled tokens, a reward that is not finite, or one on a token
            that the policy did not sample, where it would be lost or paid to nobody.
    """
    _refuse(~(b.mask > 0).any(1), "has no sampled token")
    _refuse(~b.reward.isfinite().all(1), "has a reward that is not a finite number; leave the episode out")
    _refuse(((b.reward != 0) & (b.mask == 0)).any(1), "has a reward on a token that the policy did not sample")


def _refuse(bad: Tensor, why: str) -> None:
    if bad.any():
        raise ValueError(f"row {int(bad.nonzero()[0, 0])} of the batch {why} ({int(bad.sum())} of {len(bad)} rows)")


def finite(**values: float) -> None:
    """ValueError naming the first hyper-parameter that is infinite or NaN."""
    for name, value in values.items():
        if not math.isfinite(value):
            raise ValueError(f"{name}={value} must be a finite number")


def at_least(low: float, /, **values: float) -> None:
    """ValueError naming the first hyper-parameter that is below `low`, infinite or NaN."""
    finite(**values)
    for name, value in values.items():
        if value < low:
            raise ValueError(f"{name}={value} must be at least {low:g}")


def between(low: float, high: float, /, **values: float) -> None:
    """ValueError naming the first hyper-parameter outside [low, high]; a `high` of inf lets inf through."""
    for name, value in values.items():
        if not low <= value <= high:
            wanted = f"at least {low:g}" if math.isinf(high) else f"from {low:g} to {high:g}"
            raise ValueError(f"{name}={value} must be {wanted}")


def above(low: float, **values: float) -> None:
    """ValueError naming the first hyper-parameter that is not finite and above `low`."""
    for name, value in values.items():
        if not low < value < math.inf:
            raise ValueError(f"{name}={value} must be a finite number above {low:g}")


# Statistics of a group's trajectories, [B] to [B].


def group_sum(x: Tensor, b: Batch) -> Tensor:
    """Sum over the group's trajectories."""
    total = x.new_zeros(int(b.group.max()) + 1)
    return total.index_add_(0, b.group, x * b.first)[b.group]


def group_mean(x: Tensor, b: Batch) -> Tensor:
    """Mean over the group's trajectories; exactly `x` where all of them are equal."""
    lowest = x.new_full((int(b.group.max()) + 1,), torch.inf)
    low = lowest.scatter_reduce_(0, b.group, x, "amin")[b.group]  # without it, rounding leaves equal rewards unequal
    return low + group_sum(x - low, b) / group_sum(torch.ones_like(x), b)


def group_std(x: Tensor, b: Batch, ddof: int) -> Tensor:
    """Standard deviation over the group's trajectories, dividing by size - ddof; 0 for a group of one."""
    size = group_sum(torch.ones_like(x), b)
    return (group_sum((x - group_mean(x, b)) ** 2, b) / (size - ddof).clamp(min=1)).sqrt()


def leave_one_out(x: Tensor, b: Batch) -> Tensor:
    """Mean over the group's other trajectories; `x` itself in a group of one, so that nothing is learned from it."""
    mean = group_mean(x, b)
    return mean + (mean - x) / (group_sum(torch.ones_like(x), b) - 1).clamp(min=1)


def failed_positive(b: Batch) -> Tensor:
    """Share of the failed trajectories of which a prepared batch reinforces some token; 0 if none failed."""
    failed = b.first & ~b.correct
    reinforced = b.per_trajectory((b.adv.amax(1) > 0).to(b.mask)) > 0  # in any of its rows
    return (failed & reinforced).sum() / failed.sum().clamp(min=1)


# Estimators of KL(p || q) from tokens sampled from p (Schulman 2020, "Approximating KL Divergence"), [B, T].


def k1(logp: Tensor, logq: Tensor) -> Tensor:
    """Log p/q: unbiased, of either sign."""
    return logp - logq


def k2(logp: Tensor, logq: Tensor) -> Tensor:
    """(log p/q)^2 / 2: biased, never negative."""
    return (logp - logq) ** 2 / 2


def k3(logp: Tensor, logq: Tensor) -> Tensor:
    """q/p - 1 - log q/p: unbiased, never negative."""
    d = (logq - logp).clamp(-LOG_LIMIT, LOG_LIMIT)
    return d.expm1() - d


def kl(estimator: KL, logp: Tensor, logq: Tensor) -> Tensor:
    """The estimator of that name."""
    return {"k1": k1, "k2": k2, "k3": k3}[estimator](logp, logq)


# Ratios and the clipped surrogate (Schulman et al. 2017, arXiv 1707.06347).


def token_ratio(new: Forward, b: Batch) -> Tensor:
    """[B, T], new probability of each token over the one it was sampled with."""
    return (new.logp - b.old_logp).clamp(-LOG_LIMIT, LOG_LIMIT).exp()


def row_ratio(new: Forward, b: Batch) -> Tensor:
    """[B, 1], the product of the row's token ratios."""
    return ((new.logp - b.old_logp) * b.mask).sum(1, keepdim=True).clamp(-LOG_LIMIT, LOG_LIMIT).exp()


def mean_ratio(new: Forward, b: Batch) -> Tensor:
    """[B, 1], the geometric mean of the row's token ratios."""
    gap = (new.logp - b.old_logp) * b.mask
    mean = gap.sum(1, keepdim=True) / b.mask.sum(1, keepdim=True)
    return mean.clamp(-LOG_LIMIT, LOG_LIMIT).exp()


def unit(logp: Tensor) -> Tensor:
    """Exactly 1, with the gradient of `logp`: a probability over itself held fixed."""
    return (logp - logp.detach()).exp()


def clipped(ratio: Tensor, adv: Tensor, low: float, high: float) -> Tensor:
    """min(ratio * adv, clip(ratio, low, high) * adv): no gain from leaving the trust region."""
    return torch.minimum(ratio * adv, ratio.clamp(low, high) * adv)


def surrogate(ratio: Tensor, new: Forward, b: Batch, low: float, high: float) -> tuple[Tensor, Metrics]:
    """The clipped surrogate, [B, T], to be maximised; and the step's metrics."""
    gain = clipped(ratio, b.adv, low, high)
    return gain, metrics(gain < ratio * b.adv, new, b)


@torch.no_grad()
def metrics(bound: Tensor, new: Forward, b: Batch) -> Metrics:
    """What every policy-gradient step reports; `bound` says where its clipping binds.

    "clip_fraction"; "kl_old", k3 from the sampling to the new policy; "nll" of the
    samples, which estimates the entropy as long as the two agree.
    """
    return {
        "clip_fraction": total(bound.to(b.mask.dtype), b),
        "kl_old": total(k3(b.old_logp, new.logp), b),
        "nll": -total(new.logp, b),
    }


def total(x: Tensor, b: Batch) -> Tensor:
    """Sum of `x` over `b.weight`: what makes micro-batches add up."""
    return (b.weight * x).sum()


# Aggregation rules: a weight [B, T], fixed over all rows of one optimiser step; 0 where nothing was sampled.


def trajectories(b: Batch) -> Tensor:
    """How many trajectories the batch holds."""
    return b.first.sum()


def token_mean(b: Batch) -> Tensor:
    """Every sampled token counts the same."""
    return b.mask / b.mask.sum()


def sequence_mean(b: Batch) -> Tensor:
    """Every trajectory counts the same: mean over its tokens, all of its rows together, then over trajectories."""
    return b.mask / b.per_trajectory(b.mask.sum(1))[:, None] / trajectories(b)


def sequence_sum(b: Batch) -> Tensor:
    """Sum over a trajectory's tokens, mean over trajectories."""
    return b.mask / trajectories(b)


def constant(b: Batch, max_tokens: int) -> Tensor:
    """`sequence_sum` divided by a constant, so that no length enters."""
    return sequence_sum(b) / max_tokens


def row_once(b: Batch) -> Tensor:
    """For a term that is one number a row: its sum over a trajectory's rows, mean over trajectories."""
    return b.mask / b.mask.sum(1, keepdim=True) / trajectories(b)


# Advantages over time.


def whiten(x: Tensor, mask: Tensor, ddof: int = 1, eps: float = 1e-8) -> Tensor:
    """`x` shifted and scaled to mean 0 and variance 1 over the mask; 0 outside it."""
    count = mask.sum()
    centred = (x - (x * mask).sum() / count) * mask
    return centred * ((centred**2).sum() / (count - ddof).clamp(min=1) + eps).rsqrt()


def gae(reward: Tensor, b: Batch, gamma: float, lam: float) -> Tensor:
    """Generalised advantage estimation over sampled tokens only, [B, T] (Schulman et al. 2015, arXiv 1506.02438).

    delta_t = r_t + gamma V_{t+1} - V_t, A_t = delta_t + gamma lam A_{t+1}, where t + 1 is the
    trajectory's next sampled token, be it behind an observation or in its next row. After the
    last one V is 0, unless the trajectory was truncated: then it is the value of the state after its end.
    """
    row, column, who, step = in_time(b)
    out = torch.zeros_like(b.mask)
    end = after_the_end(b)[row]
    out[row, column] = recursion(reward[row, column], b.value[row, column], end, who, step, gamma, lam)
    return out


def reward_to_go(reward: Tensor, b: Batch, gamma: float) -> Tensor:
    """[B, T], the rewards from each sampled token to the trajectory's end, discounted per sampled token."""
    return gae(reward, b.with_(value=torch.zeros_like(b.mask)), gamma, 1.0)


def recursion(
    reward: Tensor, value: Tensor, end: Tensor, who: Tensor, step: Tensor, gamma: float, lam: float
) -> Tensor:
    """[n], GAE over n entries in order: of trajectory `who`, its `step`-th; `end` is the value after the last."""
    count = torch.bincount(who)
    size = (len(count), int(count.max()) + 1)
    r, v, alive = (reward.new_zeros(size) for _ in range(3))
    r[who, step], v[who, step], alive[who, step] = reward, value, 1.0
    v[torch.arange(size[0], device=v.device), count] = end[step == 0]
    delta = (r[:, :-1] + gamma * v[:, 1:] - v[:, :-1]) * alive[:, :-1]
    adv = torch.zeros_like(v)
    for t in range(size[1] - 2, -1, -1):
        adv[:, t] = delta[:, t] + gamma * lam * adv[:, t + 1]
    return adv[who, step]


def in_time(b: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of every sampled token, trajectory by trajectory, in order: row, column, trajectory from 0, step from 0."""
    rows = torch.argsort(b.turn, stable=True)
    rows = rows[torch.argsort(b.trajectory[rows], stable=True)]
    place, column = b.mask[rows].nonzero(as_tuple=True)
    row = rows[place]
    who = torch.unique_consecutive(b.trajectory[row], return_inverse=True)[1]
    return row, column, who, places(who)


def places(who: Tensor) -> Tensor:
    """[n], the place of each entry among those of the same number, which stand together."""
    count = torch.bincount(who)
    return torch.arange(len(who), device=who.device) - (count.cumsum(0) - count)[who]


def after_the_end(b: Batch) -> Tensor:
    """[B], the value after the end of its trajectory, on each of the trajectory's rows; 0 if it terminated."""
    after = b.value.gather(1, b.length[:, None])[:, 0]
    return b.per_trajectory(torch.where(b.truncated, after, torch.zeros_like(after)))
