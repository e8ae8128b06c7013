"""A second implementation of alpha-DPG: plain Python loops, nothing shared with the package."""

from __future__ import annotations

import math
from collections.abc import Sequence

from reference_algorithms import Result, episodes, peers, sampled
from toy_batches import Row


def whole(rows: Sequence[Row], episode: int, which: str) -> float:
    return math.fsum(getattr(rows[i], which)[t] for i, t in sampled(rows, episode))


def alpha_dpg(
    rows: Sequence[Row], alpha: float = 0.25, limit: float = 10.0, z_empty: float = 1e-4, max_tokens: int = 1024
) -> Result:
    n = len(episodes(rows))
    right = {r.trajectory: r.correct for r in rows}
    over = {e: math.exp(whole(rows, e, "ref") - whole(rows, e, "old")) if right[e] else 0.0 for e in right}
    reward = {}
    for e in right:
        group = peers(rows, e)
        z = min(1.0, math.fsum(over[p] for p in group) / len(group)) or z_empty
        reward[e] = min(limit, (over[e] / z) ** (1 - alpha) - 1)
    out = Result()
    for i, t in sampled(rows):
        e = rows[i].trajectory
        others = [reward[p] for p in peers(rows, e) if p != e]
        adv = reward[e] - (math.fsum(others) / len(others) if others else 0.0)
        out.adv[i, t] = adv
        out.loss -= adv * rows[i].new[t] / n / max_tokens
        out.d_logp[i, t] = -adv / n / max_tokens
    return out
