"""CoRPO: a correctness floor under the baseline, for ordinal rewards (Garg and Venkatesh 2025, arXiv 2511.04439).

    A_i  = R_i - max(mean R, R_min)                                            over the group of G
    loss = -1/G sum_i 1/L sum_t min(rho A_i, clip(rho, 1-e, 1+e) A_i)          L: a constant

R_min separates failing from correct rewards: a failure is never reinforced, and
once the group's mean passes R_min correct answers compete with one another. No
division by a standard deviation: an all-failed group has a signal to keep, and
its deviation may be 0. The paper shows a plain sum over tokens; L scales it to
Dr. GRPO, which this is as long as the floor does not bind.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import torch
from torch import Tensor

from ludex.agents.algorithms import ops
from ludex.agents.algorithms.base import Algorithm, Forward, Metrics
from ludex.agents.batch import Batch


@dataclass(frozen=True)
class CoRPO(Algorithm):
    """Centred rewards whose baseline never falls below the correctness threshold."""

    clip: float = 0.2  # half-width of the trust region
    r_min: float | None = None  # the floor; None for each environment's own threshold
    max_tokens: int = 1024  # L, by convention the longest response allowed

    def __post_init__(self) -> None:
        ops.between(0, 1, clip=self.clip)
        ops.at_least(1, max_tokens=self.max_tokens)
        if self.r_min is not None:
            ops.finite(r_min=self.r_min)

    def floor(self, b: Batch) -> Tensor:
        """[B], R_min; ValueError if neither the environment nor `r_min` gives one."""
        floor = b.threshold if self.r_min is None else torch.full_like(b.threshold, self.r_min)
        if floor.isnan().any():
            raise ValueError("corpo: the environment has no correctness threshold; set corpo.r_min")
        return floor

    def prepare(self, b: Batch) -> Batch:
        """Subtract the group's mean or the floor, whichever is higher."""
        floor = self.floor(b)
        _warn(b, floor)
        adv = b.returns - torch.maximum(ops.group_mean(b.returns, b), floor)  # [B]
        return b.with_(adv=adv[:, None] * b.mask, weight=ops.constant(b, self.max_tokens))

    def loss(self, new: Forward, b: Batch) -> tuple[Tensor, Metrics]:
        """Clipped surrogate."""
        gain, metrics = ops.surrogate(ops.token_ratio(new, b), new, b, 1 - self.clip, 1 + self.clip)
        return -ops.total(gain, b), metrics

    def statistics(self, b: Batch) -> Metrics:
        """Shares of the failed trajectories that are reinforced, and of all whose baseline is the floor."""
        bound = b.first & (self.floor(b) > ops.group_mean(b.returns, b))
        return {"failed_positive": ops.failed_positive(b), "floor": bound.sum() / ops.trajectories(b)}


def _warn(b: Batch, floor: Tensor) -> None:
    """A floor outside the gap between fail and pass turns CoRPO into something else; say so."""
    above, below = b.returns > floor, b.returns < floor
    if b.correct.any() and not (b.correct & above).any():
        warnings.warn("corpo: no correct episode returns more than r_min, none is reinforced; lower it", stacklevel=3)
    if not b.correct.all() and not (~b.correct & below).any():
        warnings.warn("corpo: no failed episode returns less than r_min, so the floor is idle; raise it", stacklevel=3)
