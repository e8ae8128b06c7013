"""GRPO: group relative policy optimisation (Shao et al. 2024, arXiv 2402.03300).

    A_i  = (R_i - mean R) / (std R + eps)                                      over the group of G
    loss = -1/G sum_i 1/|o_i| sum_t [ min(rho A_i, clip(rho, 1-e, 1+e) A_i) - beta k3 ]

rho_it = pi/pi_old of token t; k3 = pi_ref/pi - 1 - log pi_ref/pi estimates KL(pi || pi_ref).
The paper states neither the divisor of the standard deviation nor eps nor the
clip; here ddof 1, 1e-4 and 0.2, the common choices.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ludex.agents.algorithms import ops
from ludex.agents.algorithms.base import Algorithm, Forward, Metrics, Need
from ludex.agents.batch import Batch


@dataclass(frozen=True)
class GRPO(Algorithm):
    """Rewards standardised within the group, mean over each trajectory's tokens."""

    clip: float = 0.2  # half-width of the trust region
    beta: float = 0.04  # weight of the KL penalty; 0 needs no reference
    ddof: int = 1  # the standard deviation divides by G - ddof
    eps: float = 1e-4  # added to it

    def __post_init__(self) -> None:
        ops.at_least(0, **vars(self))
        ops.between(0, 1, clip=self.clip)

    @property
    def needs(self) -> frozenset[Need]:
        """The reference, if the KL penalty has a weight."""
        return frozenset({"ref"} if self.beta else ())

    @property
    def smallest_group(self) -> int:
        """Two, which can differ."""
        return 2

    def prepare(self, b: Batch) -> Batch:
        """Standardise within the group; a group of equal rewards gets 0."""
        centred = b.returns - ops.group_mean(b.returns, b)  # [B]
        adv = centred / (ops.group_std(b.returns, b, self.ddof) + self.eps)
        return b.with_(adv=adv[:, None] * b.mask, weight=ops.sequence_mean(b))

    def loss(self, new: Forward, b: Batch) -> tuple[Tensor, Metrics]:
        """Clipped surrogate and KL penalty."""
        gain, metrics = ops.surrogate(ops.token_ratio(new, b), new, b, 1 - self.clip, 1 + self.clip)
        if not self.beta:
            return -ops.total(gain, b), metrics
        kl = ops.k3(new.logp, b.ref_logp)
        return ops.total(self.beta * kl - gain, b), metrics | {"kl_ref": ops.total(kl, b).detach()}

    def statistics(self, b: Batch) -> Metrics:
        """Share of the failed trajectories that are reinforced."""
        return {"failed_positive": ops.failed_positive(b)}
