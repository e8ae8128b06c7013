"""A second implementation of the algorithms: plain Python loops in float64, nothing shared with the package.

Each `name(rows, **settings)` gives a Result: the loss of the whole step, its
analytic gradient by log-probability, value and entropy of every sampled token,
and each trajectory's advantage (PPO: each token's).
"""

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
    d_value: dict[At, float] = field(default_factory=dict)
    d_entropy: dict[At, float] = field(default_factory=dict)
    adv: dict[At, float] = field(default_factory=dict)


def sampled(rows: Sequence[Row], trajectory: int | None = None) -> list[At]:
    """The sampled tokens of one trajectory, or of all, in order of time."""
    order = sorted(range(len(rows)), key=lambda i: (rows[i].trajectory, rows[i].turn))
    mine = [i for i in order if trajectory is None or rows[i].trajectory == trajectory]
    return [(i, t) for i in mine for t, s in enumerate(rows[i].sampled) if s]


def episodes(rows: Sequence[Row]) -> list[int]:
    return sorted({r.trajectory for r in rows})


def outcome(rows: Sequence[Row]) -> dict[int, float]:
    """Sum of each trajectory's rewards."""
    return {e: sum(sum(r.reward) for r in rows if r.trajectory == e) for e in episodes(rows)}


def peers(rows: Sequence[Row], episode: int) -> list[int]:
    group = next(r.group for r in rows if r.trajectory == episode)
    return sorted({r.trajectory for r in rows if r.group == group})


def standardised(rows: Sequence[Row], reward: dict[int, float], ddof: int, eps: float) -> dict[int, float]:
    out = {}
    for e in reward:
        group = [reward[p] for p in peers(rows, e)]
        mu = math.fsum(group) / len(group)
        squares = math.fsum((r - mu) ** 2 for r in group)
        sigma = math.sqrt(squares / (len(group) - ddof)) if len(group) > 1 else 0.0
        out[e] = (reward[e] - mu) / (sigma + eps)
    return out


def group_mean(rows: Sequence[Row], reward: dict[int, float], e: int) -> float:
    group = [reward[p] for p in peers(rows, e)]
    return math.fsum(group) / len(group)


def surrogate(log_ratio: float, adv: float, low: float, high: float) -> tuple[float, float]:
    """min(rho A, clip(rho) A) and its derivative by log rho."""
    rho = math.exp(max(-20.0, min(20.0, log_ratio)))
    free, bound = rho * adv, min(max(rho, low), high) * adv
    return (bound, 0.0) if bound < free else (free, free)


def per_token(
    rows: Sequence[Row],
    adv: dict[int, float],
    weight: Callable[[int], float],
    low: float,
    high: float,
    beta: float = 0.0,
) -> Result:
    """- sum of weight * (clipped surrogate - beta k3); the weight is of one token of that trajectory."""
    out = Result()
    for i, t in sampled(rows):
        r = rows[i]
        a, w = adv[r.trajectory], weight(r.trajectory)
        gain, slope = surrogate(r.new[t] - r.old[t], a, low, high)
        gap = r.ref[t] - r.new[t]
        out.loss -= w * (gain - beta * (math.exp(gap) - gap - 1))
        out.d_logp[i, t] = -w * (slope - beta * (1 - math.exp(gap)))
        out.adv[i, t] = a
    return out


def grpo(rows: Sequence[Row], clip: float = 0.2, beta: float = 0.04, ddof: int = 1, eps: float = 1e-4) -> Result:
    n = len(episodes(rows))
    adv = standardised(rows, outcome(rows), ddof, eps)
    return per_token(rows, adv, lambda e: 1 / n / len(sampled(rows, e)), 1 - clip, 1 + clip, beta)


def dr_grpo(rows: Sequence[Row], clip: float = 0.2, max_tokens: int = 1024) -> Result:
    n, reward = len(episodes(rows)), outcome(rows)
    adv = {e: reward[e] - group_mean(rows, reward, e) for e in reward}
    return per_token(rows, adv, lambda e: 1 / (n * max_tokens), 1 - clip, 1 + clip)


def corpo(rows: Sequence[Row], clip: float = 0.2, r_min: float | None = None, max_tokens: int = 1024) -> Result:
    n, reward = len(episodes(rows)), outcome(rows)
    floor = {r.trajectory: r.threshold if r_min is None else r_min for r in rows}
    adv = {}
    for e in reward:
        mu = group_mean(rows, reward, e)
        adv[e] = reward[e] - (mu if mu > floor[e] else floor[e])
    return per_token(rows, adv, lambda e: 1 / (n * max_tokens), 1 - clip, 1 + clip)


def dapo(
    rows: Sequence[Row],
    clip_low: float = 0.2,
    clip_high: float = 0.28,
    max_length: int = 20480,
    cache: int = 4096,
    ddof: int = 1,
    eps: float = 1e-4,
) -> Result:
    reward = outcome(rows)
    for e in reward:
        length, free = len(sampled(rows, e)), max_length - cache
        if length > max_length:
            reward[e] -= 1
        elif length > free:
            reward[e] -= (length - free) / cache
    total = len(sampled(rows))
    adv = standardised(rows, reward, ddof, eps)
    return per_token(rows, adv, lambda e: 1 / total, 1 - clip_low, 1 + clip_high)


def rloo(rows: Sequence[Row], clip: float = 0.2, beta: float = 0.05) -> Result:
    reward = outcome(rows)
    for i, t in sampled(rows):
        reward[rows[i].trajectory] -= beta * (rows[i].old[t] - rows[i].ref[t])
    out = Result()
    for i, r in enumerate(rows):
        others = [reward[p] for p in peers(rows, r.trajectory) if p != r.trajectory]
        adv = reward[r.trajectory] - math.fsum(others) / len(others) if others else 0.0
        here = [t for t, s in enumerate(r.sampled) if s]
        gain, slope = surrogate(sum(r.new[t] - r.old[t] for t in here), adv, 1 - clip, 1 + clip)
        out.loss -= gain / len(episodes(rows))
        for t in here:
            out.d_logp[i, t] = -slope / len(episodes(rows))
            out.adv[i, t] = adv
    return out


def ppo_advantages(
    rows: Sequence[Row], gamma: float = 1.0, lam: float = 0.95, beta: float = 0.0
) -> tuple[dict[At, float], dict[At, float]]:
    """Advantages from the definition, a sum of discounted deltas; and the critic's targets."""
    adv, target = {}, {}
    for e in episodes(rows):
        path = sampled(rows, e)
        last = rows[path[-1][0]]
        values = [rows[i].value[t] for i, t in path] + [last.after if last.truncated else 0.0]
        pays = [rows[i].reward[t] - beta * (rows[i].old[t] - rows[i].ref[t]) for i, t in path]
        delta = [pays[k] + gamma * values[k + 1] - values[k] for k in range(len(path))]
        for k, at in enumerate(path):
            adv[at] = math.fsum((gamma * lam) ** (j - k) * delta[j] for j in range(k, len(path)))
            target[at] = adv[at] + values[k]
    return adv, target


def ppo(
    rows: Sequence[Row],
    clip: float = 0.2,
    value_clip: float = 0.2,
    value_weight: float = 0.1,
    entropy: float = 0.0,
    gamma: float = 1.0,
    lam: float = 0.95,
    beta: float = 0.05,
    level: str = "token",
    over_turns: Callable[..., tuple[dict[At, float], dict[At, float]]] = ppo_advantages,
) -> Result:
    adv, target = (over_turns if level == "turn" else ppo_advantages)(rows, gamma, lam, beta)
    n = len(adv)
    mu = math.fsum(adv.values()) / n
    var = math.fsum((a - mu) ** 2 for a in adv.values()) / max(1, n - 1)
    out = Result()
    for at in adv:
        r, t = rows[at[0]], at[1]
        a = (adv[at] - mu) / math.sqrt(var + 1e-8)
        gain, slope = surrogate(r.new[t] - r.old[t], a, 1 - clip, 1 + clip)
        moved = r.new_value[t] - r.value[t]
        near = r.value[t] + math.copysign(min(abs(moved), value_clip), moved)
        free, bound = r.new_value[t] - target[at], near - target[at]
        worst = max(free**2, bound**2)
        follows = (
            abs(moved) <= value_clip or free**2 >= bound**2
        )  # the clipped value does not move with the new one once the clip binds
        out.loss += (value_weight * worst / 2 - gain - entropy * r.entropy[t]) / n
        out.d_logp[at] = -slope / n
        out.d_value[at] = value_weight * free / n if follows else 0.0
        out.d_entropy[at] = -entropy / n
        out.adv[at] = a
    return out


def sft(rows: Sequence[Row]) -> Result:
    n = len(sampled(rows))
    out = Result(loss=-math.fsum(rows[i].new[t] for i, t in sampled(rows)) / n)
    out.d_logp = {at: -1 / n for at in sampled(rows)}
    out.adv = {at: 1.0 for at in sampled(rows)}
    return out


REFERENCE: dict[str, Callable[..., Result]] = {
    "corpo": corpo,
    "dapo": dapo,
    "dr_grpo": dr_grpo,
    "grpo": grpo,
    "ppo": ppo,
    "rloo": rloo,
    "sft": sft,
}
