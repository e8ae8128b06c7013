"""GR-DPO: group-robust DPO (Ramesh et al. 2024, arXiv 2405.20304); the update stands in robust.py.

    l(h) = -log sigmoid(beta h)

The paper's text shows log sigmoid without its minus; the algorithm needs a loss, never negative.
Defaults: those of its bandits; the authors state none for DPO on language models.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ludex.agents.algorithms import ops
from ludex.agents.algorithms.dpo import logistic
from ludex.agents.algorithms.robust import GroupRobust


@dataclass
class GRDPO(GroupRobust):
    """The worst group's logistic loss."""

    beta: float = 1.0  # the higher, the nearer to the reference
    eta: float = 0.5  # step of the groups' weights; 0 keeps them equal
    chi: float = 1.0  # share of the weights that is robust; the rest is the same for every group

    def __post_init__(self) -> None:
        super().__post_init__()
        ops.above(0, beta=self.beta)

    def penalty(self, h: Tensor) -> Tensor:
        """Logistic loss."""
        return logistic(h, self.beta)
