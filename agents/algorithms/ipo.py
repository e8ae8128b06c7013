"""IPO: identity preference optimisation (Azar et al. 2023, arXiv 2310.12036).

    l(h) = (h - 1/(2 beta))^2

The margin is pulled to a finite target, so that preferences without noise do not drive it to
infinity. `weighting = "groups"` is IS-IPO, the baseline of Ramesh et al. 2024 (arXiv 2405.20304).
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ludex.agents.algorithms import ops
from ludex.agents.algorithms.preference import Preference, Weighting


def squared(h: Tensor, beta: float) -> Tensor:
    """(h - 1/(2 beta))^2."""
    return (h - 1 / (2 * beta)) ** 2


@dataclass(frozen=True)
class IPO(Preference):
    """Squared distance of the margin from its target."""

    beta: float = 0.1  # the margin's target is 1/(2 beta)
    weighting: Weighting = "pairs"  # or "groups", which all count the same

    def __post_init__(self) -> None:
        ops.above(0, beta=self.beta)

    def penalty(self, h: Tensor) -> Tensor:
        """Squared distance."""
        return squared(h, self.beta)
