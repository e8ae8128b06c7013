"""Dr. GRPO: GRPO without its two biases (Liu et al. 2025, arXiv 2503.20783).

    A_i  = R_i - mean R                                                        over the group of G
    loss = -1/G sum_i 1/L sum_t min(rho A_i, clip(rho, 1-e, 1+e) A_i)          L: a constant

Dividing by a constant removes the length bias (long failures punished less a
token), leaving out the standard deviation the difficulty bias. L only scales
the gradient: change it and the learning rate together.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ludex.agents.algorithms import ops
from ludex.agents.algorithms.base import Algorithm, Forward, Metrics
from ludex.agents.batch import Batch


@dataclass(frozen=True)
class DrGRPO(Algorithm):
    """Centred rewards, token sums divided by a constant."""

    clip: float = 0.2  # half-width of the trust region
    max_tokens: int = 1024  # L, by convention the longest response allowed

    def __post_init__(self) -> None:
        ops.between(0, 1, clip=self.clip)
        ops.at_least(1, max_tokens=self.max_tokens)

    @property
    def smallest_group(self) -> int:
        """Two, which can differ."""
        return 2

    def prepare(self, b: Batch) -> Batch:
        """Centre within the group."""
        adv = b.returns - ops.group_mean(b.returns, b)  # [B]
        return b.with_(adv=adv[:, None] * b.mask, weight=ops.constant(b, self.max_tokens))

    def loss(self, new: Forward, b: Batch) -> tuple[Tensor, Metrics]:
        """Clipped surrogate."""
        gain, metrics = ops.surrogate(ops.token_ratio(new, b), new, b, 1 - self.clip, 1 + self.clip)
        return -ops.total(gain, b), metrics

    def statistics(self, b: Batch) -> Metrics:
        """Share of the failed trajectories that are reinforced."""
        return {"failed_positive": ops.failed_positive(b)}
