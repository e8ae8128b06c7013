"""Composing scores: weighted parts, gates, and levels on top of their total.

A part is a number in [0, 1]. The total is the weighted mean of the weighted
parts times every gate, and the level is the highest whose cut the total reaches.
A part that has no value (its tool is missing, its server is down) makes the
whole an ERROR: to pay it 0 would teach the policy about the weather.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ludex.core import Scale, Score

Part = Callable[[], float]


@dataclass(frozen=True)
class Rubric:
    """How named parts become one score.

    Attributes:
        scale: the levels; those below the first of `cuts` are not reached by a total.
        cuts: the lowest total of each level, worst first, beginning at 0.
        weights: what each part counts; their sum need not be 1.
        gates: parts that multiply the total; 0 shuts it.

    Raises:
        ValueError: if the weights or cuts make no sense.
    """

    scale: Scale
    cuts: Mapping[str, float]
    weights: Mapping[str, float]
    gates: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        weights, cuts = list(self.weights.values()), list(self.cuts.values())
        if not all(math.isfinite(w) and w >= 0 for w in weights) or not sum(weights):
            raise ValueError(f"a rubric's weights must be 0 or more and not all 0, got {dict(self.weights)}")
        ranks = [self.scale.rank(level) for level in self.cuts]
        if not cuts or cuts[0] != 0 or cuts != sorted(cuts) or ranks != sorted(ranks):
            raise ValueError(f"a rubric's cuts must rise from 0 with its levels, got {dict(self.cuts)}")

    def total(self, values: Mapping[str, float]) -> float:
        """The weighted mean of `values` times their gates, in [0, 1]; KeyError for a part that is not there."""
        mean = math.fsum(w * values[name] for name, w in self.weights.items()) / math.fsum(self.weights.values())
        return min(1.0, math.prod([mean, *(values[gate] for gate in self.gates)]))

    def level(self, total: float) -> str:
        """The highest level whose cut `total` reaches; nine digits count, so that 0.8 by summing is 0.8."""
        return [level for level, cut in self.cuts.items() if round(total, 9) >= cut][-1]

    def score(self, parts: Mapping[str, Part], why: str = "") -> Score:
        """Value every part and compose them; `Score.parts` holds each of them and "total".

        A part that raises, or is no number in [0, 1], makes the score an ERROR that names it.
        """
        values = {}
        for name, part in parts.items():
            try:
                values[name] = float(part())
            except Exception as error:  # whatever a judge's library or server raises is no verdict
                return self.scale.error(" ".join(f"{name}: {type(error).__name__}: {error}".split())[:300])
            if not 0 <= values[name] <= 1:
                return self.scale.error(f"{name}: {values[name]} is no value between 0 and 1")
        total = self.total(values)
        return self.scale.score(self.level(total), why, {**values, "total": total})
