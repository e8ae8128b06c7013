"""Which environments a step samples from: all of them, or one level after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ludex.agents.algorithms import ops
from ludex.core import Stop, Trajectory

# The keys that nothing reads, for each `by`.
IDLE = {"": ("steps", "success", "window", "review"), "step": ("success", "window"), "success": ("steps",)}


@dataclass(frozen=True)
class CurriculumSettings:
    """The order of the [[env]] tables as levels, the first the easiest.

    With `by = "step"` level i begins at `steps[i - 1]`. With `by = "success"` the next level begins when the mean
    success on the present one over `window` steps reaches `success`. "" samples all levels by their weights.
    """

    by: Literal["", "step", "success"] = ""
    steps: tuple[int, ...] = ()
    success: float = 0.8
    window: int = 4  # steps
    review: float = 0.0  # share of groups from earlier levels

    def __post_init__(self) -> None:
        ops.at_least(1, window=self.window)
        if not 0 < self.success <= 1 or not 0 <= self.review < 1:
            raise ValueError(
                f"success={self.success} must be above 0, at most 1; review={self.review} from 0 to below 1"
            )
        if list(self.steps) != sorted({*self.steps}) or any(step < 1 for step in self.steps):
            raise ValueError(f"steps={list(self.steps)} must be 1 or more and rise")

    def check(self, levels: int) -> None:
        """ValueError if the settings do not fit the number of [[env]] tables, or one of them does nothing."""
        for name in IDLE[self.by]:
            if getattr(self, name) != getattr(type(self), name):
                raise ValueError(f"curriculum.{name} does nothing with curriculum.by = {self.by!r}; leave it out")
        if self.by and levels < 2:
            raise ValueError(f"curriculum.by = {self.by!r} needs two or more [[env]] tables, the easiest first")
        if self.by == "step" and len(self.steps) != levels - 1:
            raise ValueError(f"curriculum.steps needs {levels - 1} steps for {levels} [[env]] tables: when each begins")


class Curriculum:
    """The present level, and the weights of all of them."""

    def __init__(self, settings: CurriculumSettings, weights: Sequence[float]):
        self.settings, self.all = settings, np.array(weights, dtype=float)
        self.level = 0
        self.recent: list[float] = []

    def weights(self, step: int) -> NDArray[np.float64]:
        """The chance of each environment in a step, counted from 0."""
        if not self.settings.by:
            return self.all / self.all.sum()
        if self.settings.by == "step":
            self.level = sum(step >= begin for begin in self.settings.steps)
        earlier = self.all[: self.level]
        chances = np.zeros_like(self.all)
        chances[self.level] = 1 - self.settings.review if self.level else 1.0
        if self.level:
            chances[: self.level] = self.settings.review * earlier / earlier.sum()
        return chances

    def note(self, played: Sequence[Trajectory]) -> None:
        """Take in a step's episodes; moves on if the level is mastered."""
        if self.settings.by != "success" or self.level == len(self.all) - 1:
            return
        here = [t.correct for t in played if t.domain == self.level and t.stop is not Stop.ENV_ERROR]
        if here:
            self.recent = [*self.recent, fmean(here)][-self.settings.window :]
        if len(self.recent) == self.settings.window and fmean(self.recent) >= self.settings.success:
            self.level, self.recent = self.level + 1, []

    def state_dict(self) -> dict[str, Any]:
        """The level and what was seen of it."""
        return {"level": self.level, "recent": self.recent}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.level, self.recent = state["level"], list(state["recent"])
