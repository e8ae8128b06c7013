"""SFT: supervised fine-tuning on worked solutions.

    loss = -1/N sum_{i,t} log pi(o_it)        N: tokens of all solutions

The mean is over tokens, as in language-model training: a long solution counts more than a short one.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ludex.agents.algorithms import ops
from ludex.agents.algorithms.base import Algorithm, Forward, Metrics, Need
from ludex.agents.batch import Batch


@dataclass(frozen=True)
class SFT(Algorithm):
    """Negative log-likelihood of the oracle's tokens; no hyper-parameters."""

    @property
    def needs(self) -> frozenset[Need]:
        """The oracle's trajectories instead of samples."""
        return frozenset({"oracle"})

    def prepare(self, b: Batch) -> Batch:
        """Every token has advantage 1."""
        return b.with_(adv=b.mask, weight=ops.token_mean(b))

    def loss(self, new: Forward, b: Batch) -> tuple[Tensor, Metrics]:
        """Mean negative log-likelihood, nats a token."""
        return -ops.total(b.adv * new.logp, b), {}
