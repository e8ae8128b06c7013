"""DPO: direct preference optimisation (Rafailov et al. 2023, arXiv 2305.18290).

    l(h) = -log sigmoid(beta h)

`weighting = "groups"` is IS-DPO, the baseline of Ramesh et al. 2024 (arXiv 2405.20304) with fixed group weights.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import softplus

from ludex.agents.algorithms import ops
from ludex.agents.algorithms.preference import Preference, Weighting


def logistic(h: Tensor, beta: float) -> Tensor:
    """-log sigmoid(beta h)."""
    return softplus(-beta * h)


@dataclass(frozen=True)
class DPO(Preference):
    """Logistic loss of the margin."""

    beta: float = 0.1  # the higher, the nearer to the reference
    weighting: Weighting = "pairs"  # or "groups", which all count the same

    def __post_init__(self) -> None:
        ops.above(0, beta=self.beta)

    def penalty(self, h: Tensor) -> Tensor:
        """Logistic loss."""
        return logistic(h, self.beta)
