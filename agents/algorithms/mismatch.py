"""Importance correction for a sampler whose probabilities differ from the learner's.

    w_t = pi_learner(o_t) / pi_sampler(o_t), a constant, both at the sampling temperature and with the old weights
    truncate: w <- clip(w, low, high)        mask: w <- 0 outside [low, high]

w multiplies the advantage, and so the policy's part of every loss that is linear in
it (not a KL penalty, not the critic's); the trust region is then around the learner's own
probabilities. Off by default, because sampler and learner share one set of weights;
an inference server with other kernels or a lower precision needs it (Yao et al.
2025, "Your efficient RL framework secretly brings you off-policy RL training").
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from ludex.agents.algorithms import ops
from ludex.agents.batch import Batch


@dataclass(frozen=True)
class Correction:
    """Truncated or masked importance sampling between sampler and learner."""

    mode: Literal["off", "truncate", "mask"] = "off"
    level: Literal["token", "sequence"] = "token"  # a weight a token, or their product over the trajectory
    low: float = 0.0
    high: float = 2.0  # inf for no bound

    def __post_init__(self) -> None:
        ops.at_least(0, low=self.low)
        ops.between(self.low, math.inf, high=self.high)

    def weights(self, learner: Tensor, sampler: Tensor, b: Batch) -> Tensor:
        """[B, T], w of the sampled tokens from both sides' log-probabilities [B, T]; 0 elsewhere."""
        gap = (learner - sampler).detach() * b.mask
        if self.level == "sequence":
            gap = b.per_trajectory(gap.sum(1))[:, None].expand_as(gap)
        w = gap.clamp(-ops.LOG_LIMIT, ops.LOG_LIMIT).exp()
        if self.mode == "truncate":
            w = w.clamp(self.low, self.high)
        if self.mode == "mask":
            w = w * ((w >= self.low) & (w <= self.high))
        return w * b.mask
