"""CISPO: clipped importance weights, no clipped tokens (MiniMax 2025, arXiv 2506.13585).

    A_i  = (R_i - mean R) / (std R + eps)                                      over the group of G
    loss = -1/sum_i |o_i| sum_i sum_t sg[clip(rho, low, high)] A_i log pi(o_it)

Every token keeps its gradient; only its weight is bounded. `low` and `high` bound the
ratio itself, not its distance from 1: the default cuts above 5 and not below, while
0.8 and 1.28 would be the e_low = 0.2, e_high = 0.28 of others. The value of the
loss means nothing. ddof 1, eps 1e-4 as in GRPO.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from ludex.agents.algorithms import ops
from ludex.agents.algorithms.base import Algorithm, Forward, Metrics
from ludex.agents.batch import Batch


@dataclass(frozen=True)
class CISPO(Algorithm):
    """GRPO's advantages, REINFORCE with bounded importance weights, token mean."""

    low: float = 0.0  # smallest importance weight
    high: float = 5.0  # largest, inf for no bound; 4 to 8 make no difference (ScaleRL, arXiv 2510.13786)
    ddof: int = 1  # the standard deviation divides by G - ddof
    eps: float = 1e-4  # added to it

    def __post_init__(self) -> None:
        ops.at_least(0, low=self.low, ddof=self.ddof, eps=self.eps)
        ops.between(1, math.inf, high=self.high)
        if self.low > 1:
            raise ValueError(f"low={self.low} must be at most 1: it bounds the ratio, which is 1 on policy")

    @property
    def smallest_group(self) -> int:
        """Two, which can differ."""
        return 2

    def prepare(self, b: Batch) -> Batch:
        """Standardise within the group."""
        centred = b.returns - ops.group_mean(b.returns, b)  # [B]
        adv = centred / (ops.group_std(b.returns, b, self.ddof) + self.eps)
        return b.with_(adv=adv[:, None] * b.mask, weight=ops.token_mean(b))

    def loss(self, new: Forward, b: Batch) -> tuple[Tensor, Metrics]:
        """Log-likelihood, weighted."""
        ratio = ops.token_ratio(new, b).detach()
        bounded = ratio.clamp(self.low, self.high)
        return -ops.total(bounded * b.adv * new.logp, b), ops.metrics(bounded != ratio, new, b)

    def statistics(self, b: Batch) -> Metrics:
        """Share of the failed trajectories that are reinforced."""
        return {"failed_positive": ops.failed_positive(b)}
