"""RLOO: REINFORCE with a leave-one-out baseline (Ahmadian et al. 2024, arXiv 2402.14740).

    R_i  = reward_i - beta sum_t (log pi_old - log pi_ref)(o_it)               KL inside the reward, k1
    A_i  = R_i - mean_{j != i} R_j  =  G/(G-1) (R_i - mean R)
    loss = -1/G sum_i min(rho_i A_i, clip(rho_i, 1-e, 1+e) A_i),  rho_i = prod_t pi/pi_old

The whole response is one action, so its ratio is one number. A trajectory in
several rows has one ratio for each row, and their terms add up: at rho = 1 the
gradient is the trajectory's own, and rows can still go to different micro-batches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ludex.agents.algorithms import ops
from ludex.agents.algorithms.base import Algorithm, Forward, Metrics, Need
from ludex.agents.batch import Batch


@dataclass(frozen=True)
class RLOO(Algorithm):
    """Each trajectory against the mean of its group's others."""

    clip: float = 0.2  # half-width of the trust region, of the whole response's ratio
    beta: float = 0.05  # weight of the KL penalty in the reward; 0 needs no reference
    # A group of one: it teaches nothing, or its baseline is 0, which is REINFORCE (as in Wang and Ammanabrolu 2025).
    lone: Literal["zero", "raw"] = "zero"

    def __post_init__(self) -> None:
        ops.between(0, 1, clip=self.clip)
        ops.at_least(0, beta=self.beta)

    @property
    def needs(self) -> frozenset[Need]:
        """The reference, if the KL penalty has a weight."""
        return frozenset({"ref"} if self.beta else ())

    @property
    def smallest_group(self) -> int:
        """Two, unless a group of one has the baseline 0."""
        return 1 if self.lone == "raw" else 2

    def prepare(self, b: Batch) -> Batch:
        """Subtract the KL penalty, then the mean of the others."""
        rewards = b.returns
        if self.beta:
            rewards = rewards - self.beta * b.per_trajectory((ops.k1(b.old_logp, b.ref_logp) * b.mask).sum(1))
        adv = rewards - ops.leave_one_out(rewards, b)  # [B]
        if self.lone == "raw":
            adv = torch.where(ops.group_sum(torch.ones_like(rewards), b) > 1, adv, rewards)
        return b.with_(adv=adv[:, None] * b.mask, weight=ops.row_once(b))

    def loss(self, new: Forward, b: Batch) -> tuple[Tensor, Metrics]:
        """Clipped surrogate of the rows' ratios."""
        gain, metrics = ops.surrogate(ops.row_ratio(new, b), new, b, 1 - self.clip, 1 + self.clip)
        if self.beta:
            metrics["kl_ref"] = ops.total(ops.k3(new.logp, b.ref_logp), b).detach()
        return -ops.total(gain, b), metrics

    def statistics(self, b: Batch) -> Metrics:
        """Share of the failed trajectories that are reinforced."""
        return {"failed_positive": ops.failed_positive(b)}
