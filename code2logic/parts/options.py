"""Wrong options that do not give the right one away.

Options that are built around the right one show it: it lies in their middle and shares most with the others, and the
question need not be read. So the right one must be any of its set. `cluster` draws options close together that hold it
anywhere, `scattered` some that have no line in common; where an answer has parts, a product of alternatives for each
part is as good.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

from ludex.code2logic.parts.grids import Place, apart


def cluster(rng: random.Random, right: Place, wrong: Iterable[Place], count: int = 8) -> list[Place]:
    """Places close together, `right` anywhere among them: those nearest to one that is drawn at random.

    Args:
        rng: the source of randomness.
        right: the right option.
        wrong: all places that may be offered beside it; `right` may be one of them.
        count: how many places, with the right one; fewer if there are fewer.
    """
    pool = sorted({right, *wrong})
    nearest: list[Place] = []
    while right not in nearest:
        rng.shuffle(pool)  # which of those equally far are the nearest is left to chance
        nearest = sorted(pool, key=lambda place: apart(pool[0], place))[:count]
    return nearest


def scattered(right: Any, others: Iterable[Any], count: int = 8) -> list[Any]:
    """`right` and others, as they come, such that no line along an axis holds two: in 2D, no row and no column."""
    chosen = [right]
    for place in others:
        if len(chosen) < count and all(_differ(place, other) > 1 for other in chosen):
            chosen.append(place)
    return chosen


def _differ(a: Any, b: Any) -> int:
    """In how many coordinates two places differ."""
    return sum(i != j for i, j in zip(a, b, strict=True))
