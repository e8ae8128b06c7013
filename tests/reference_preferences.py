"""A second implementation of the algorithms on pairs: loops in float64, nothing shared with the package."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from toy_batches import Row

At = tuple[int, int]  # row, position


@dataclass
class Result:
    loss: float = 0.0
    d_logp: dict[At, float] = field(default_factory=dict)
    alpha: list[float] = field(default_factory=list)


def margin(rows: Sequence[Row], number: int, which: str) -> float:
    h = 0.0
    for r in rows:
        if r.group == number:
            for t, s in enumerate(r.sampled):
                if s:
                    h += (1 if r.correct else -1) * (getattr(r, which)[t] - r.ref[t])
    return h


def dpo_penalty(h: float, beta: float) -> tuple[float, float]:
    """Value and derivative."""
    right = 1 / (1 + math.exp(-beta * h))
    return -math.log(right), -beta * (1 - right)


def ipo_penalty(h: float, beta: float) -> tuple[float, float]:
    return (h - 0.5 / beta) ** 2, 2 * (h - 0.5 / beta)


Penalty = Callable[[float, float], tuple[float, float]]


def weighted(rows: Sequence[Row], penalty: Penalty, beta: float, weight: dict[int, float]) -> Result:
    """Sum over the pairs of weight times penalty."""
    out = Result()
    for number, w in weight.items():
        value, slope = penalty(margin(rows, number, "new"), beta)
        out.loss += w * value
        for i, r in enumerate(rows):
            for t, s in enumerate(r.sampled):
                if s and r.group == number:
                    out.d_logp[i, t] = w * slope * (1 if r.correct else -1)
    return out


def plain(
    rows: Sequence[Row], domains: Sequence[int], sizes: Sequence[int], penalty: Penalty, beta: float, weighting: str
) -> Result:
    of = {r.group: d for r, d in zip(rows, domains, strict=True)}
    total = sum(sizes)
    fair = {n: total / (len(sizes) * sizes[d]) if weighting == "groups" else 1.0 for n, d in of.items()}
    return weighted(rows, penalty, beta, {n: c / len(of) for n, c in fair.items()})


def robust(
    rows: Sequence[Row],
    domains: Sequence[int],
    sizes: Sequence[int],
    penalty: Penalty,
    beta: float,
    eta: float,
    chi: float,
    alpha: Sequence[float],
) -> Result:
    of = {r.group: d for r, d in zip(rows, domains, strict=True)}
    total = sum(sizes)
    losses = [0.0] * len(sizes)
    for n, d in of.items():
        losses[d] += total / sizes[d] * penalty(margin(rows, n, "old"), beta)[0] / len(of)
    top = max(eta * x for x in losses)
    raised = [a * math.exp(eta * x - top) for a, x in zip(alpha, losses, strict=True)]
    now = [a / math.fsum(raised) for a in raised]
    mixed = [(1 - chi) / len(sizes) + chi * a for a in now]
    out = weighted(rows, penalty, beta, {n: mixed[d] * total / sizes[d] / len(of) for n, d in of.items()})
    out.alpha = now
    return out
