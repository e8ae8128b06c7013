"""GiGPO: group-in-group policy optimisation for many turns (Feng et al. 2025, arXiv 2505.10978).

    A_i   = F(R_i)                                  over the episodes of the group
    A_ik  = F(sum_{j >= k} gamma^{j-k} r_ij)        over all turns of the group that answered the same observation
    loss  = -1/N sum [ min(rho A, clip(rho, 1-e, 1+e) A) - beta k3 ],   A = A_i + omega A_ik

F subtracts the mean and, with `scale = "std"`, divides by the deviation + eps. The
observation stands for the state; a turn that nobody else's matches has A_ik = 0.
Discounting is per turn. The paper averages over turns; the token mean here is that
of the released code (INFERRED), as are ddof 1 and eps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ludex.agents.algorithms import ops
from ludex.agents.algorithms.base import Algorithm, Forward, Metrics, Need
from ludex.agents.algorithms.turns import Turns
from ludex.agents.batch import Batch


@dataclass(frozen=True)
class GiGPO(Algorithm):
    """Episodes against the group, and turns against those that saw the same."""

    omega: float = 1.0  # weight of the turns' advantages
    gamma: float = 0.95  # discount per turn
    scale: Literal["none", "std"] = "none"  # of both kinds of advantage
    clip: float = 0.2  # half-width of the trust region
    beta: float = 0.01  # weight of the KL penalty in the loss; 0 needs no reference
    ddof: int = 1  # the standard deviation divides by size - ddof
    eps: float = 1e-4  # added to it

    def __post_init__(self) -> None:
        ops.between(0, 1, clip=self.clip, gamma=self.gamma)
        ops.at_least(0, omega=self.omega, beta=self.beta, ddof=self.ddof, eps=self.eps)

    @property
    def needs(self) -> frozenset[Need]:
        """The reference, if the KL penalty has a weight."""
        return frozenset({"ref"} if self.beta else ())

    @property
    def smallest_group(self) -> int:
        """Two: of a single episode only turns that saw the same again would teach anything."""
        return 2

    def prepare(self, b: Batch) -> Batch:
        """Add the two advantages."""
        episodes = self._relative(b.returns[b.first], b.group[b.first])
        adv = torch.zeros_like(b.returns)
        adv[b.first] = episodes
        turns = Turns.of(b)
        key = torch.stack([turns.start(b.group[:, None].expand_as(b.state)), turns.start(b.state)], 1)
        seen = torch.unique(key, dim=0, return_inverse=True)[1]
        steps = turns.spread(self._relative(turns.to_go(b.reward, self.gamma), seen), b)
        adv = b.per_trajectory(adv)[:, None] * b.mask + self.omega * steps
        return b.with_(adv=adv, weight=ops.token_mean(b))

    def _relative(self, x: Tensor, key: Tensor) -> Tensor:
        """[N], each number relative to those of the same key; exactly 0 where all of them are equal."""
        size = torch.bincount(key)
        lowest = x.new_full((len(size),), torch.inf).scatter_reduce_(0, key, x, "amin")
        x = x - lowest[key]
        x = x - (torch.zeros_like(lowest).index_add_(0, key, x) / size)[key]
        if self.scale == "none":
            return x
        squares = torch.zeros_like(lowest).index_add_(0, key, x**2)
        return x / ((squares / (size - self.ddof).clamp(min=1)).sqrt() + self.eps)[key]

    def loss(self, new: Forward, b: Batch) -> tuple[Tensor, Metrics]:
        """Clipped surrogate and KL penalty."""
        gain, metrics = ops.surrogate(ops.token_ratio(new, b), new, b, 1 - self.clip, 1 + self.clip)
        if not self.beta:
            return -ops.total(gain, b), metrics
        kl = ops.k3(new.logp, b.ref_logp)
        return ops.total(self.beta * kl - gain, b), metrics | {"kl_ref": ops.total(kl, b).detach()}

    def statistics(self, b: Batch) -> Metrics:
        """Share of the failed trajectories of which some turn is reinforced."""
        return {"failed_positive": ops.failed_positive(b)}
