"""Alpha-DPG: match the first policy with its wrong answers removed (Kruszewski et al. 2025, arXiv 2512.05962).

    p(y) = b(y) v(y) / Z                              b: the frozen first policy; v: 1 if correct, else 0
    Z    = min(mean_i b(y_i) v(y_i) / pi(y_i), 1)     over the group of G; z_empty where all of it is wrong
    R_i  = min((p(y_i) / pi(y_i))^(1-a) - 1, M)       exactly -1 for a wrong answer
    A_i  = R_i - mean_{j != i} R_j                    a group of one has the baseline 0
    loss = -1/G sum_i A_i 1/L sum_t log pi(o_it)      L: a constant

On average the gradient is (1 - a) that of the alpha-divergence between pi and p: a = 0 is the
forward KL, which covers what the first policy could do; a near 1 the reverse KL, which seeks its
mode and comes to RLOO. The hard filter excludes a = 1, where R is -inf for a wrong answer. b, v and
pi are of whole answers, pi as sampled. No ratio and no clip: take one update a batch. The clip M
acts after the power. Z comes from the step's own samples, as in the authors' recipe; their running
average over the steps and their table of precomputed Z are not offered.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ludex.agents.algorithms import ops
from ludex.agents.algorithms.base import Algorithm, Forward, Metrics, Need
from ludex.agents.batch import Batch

LOG_WEIGHT = 50.0  # b/pi is cut at exp(50): finite, and far above what the cap of Z at 1 lets matter


def pseudo_reward(log_p: Tensor, log_pi: Tensor, alpha: float, limit: float) -> Tensor:
    """R of answers with these log-probabilities under target and policy; `log_p` is -inf for a wrong one."""
    return ((1 - alpha) * (log_p - log_pi)).expm1().clamp(max=limit)


@dataclass(frozen=True)
class AlphaDPG(Algorithm):
    """Leave-one-out pseudo-rewards of the alpha-divergence to the filtered first policy."""

    one_update: ClassVar[bool] = True  # R and Z are of the sampling policy, without a ratio to the present one
    alpha: float = 0.25  # from 0 (coverage) to below 1 (precision)
    limit: float = 10.0  # M, inf for none
    z_empty: float = 1e-4  # Z of a group without a correct answer
    max_tokens: int = 1024  # L

    def __post_init__(self) -> None:
        ops.at_least(0, alpha=self.alpha)
        ops.between(0, math.inf, limit=self.limit)
        ops.at_least(1, max_tokens=self.max_tokens)
        if self.alpha >= 1:
            raise ValueError(f"alpha={self.alpha} must be below 1, where a wrong answer's reward is -inf; try 0.999")
        if not 0 < self.z_empty <= 1:
            raise ValueError(f"z_empty={self.z_empty} must be above 0 and at most 1")

    @property
    def needs(self) -> frozenset[Need]:
        """The first policy, which is the target's base."""
        return frozenset({"ref"})

    def partition(self, b: Batch) -> Tensor:
        """[B] in float64, the estimate of Z of the row's group."""
        log_ratio = _log_probability(b.ref_logp, b) - _log_probability(b.old_logp, b)
        weight = log_ratio.clamp(max=LOG_WEIGHT).exp() * b.correct
        z = ops.group_mean(weight, b).clamp(max=1)
        return torch.where(z == 0, self.z_empty, z)

    def rewards(self, b: Batch) -> Tensor:
        """[B] in float64, R of the row's trajectory."""
        log_v = torch.where(b.correct, 0.0, -torch.inf)
        log_p = _log_probability(b.ref_logp, b) + log_v - self.partition(b).log()
        return pseudo_reward(log_p, _log_probability(b.old_logp, b), self.alpha, self.limit)

    def prepare(self, b: Batch) -> Batch:
        """Subtract the mean of the others."""
        rewards = self.rewards(b)
        alone = ops.group_sum(torch.ones_like(rewards), b) == 1
        adv = torch.where(alone, rewards, rewards - ops.leave_one_out(rewards, b))
        return b.with_(adv=adv[:, None].to(b.mask) * b.mask, weight=ops.constant(b, self.max_tokens))

    def loss(self, new: Forward, b: Batch) -> tuple[Tensor, Metrics]:
        """Log-probabilities over the advantages."""
        metrics = {"nll": -ops.total(new.logp, b), "kl_ref": ops.total(ops.k3(new.logp, b.ref_logp), b)}
        return -ops.total(b.adv * new.logp, b), {name: value.detach() for name, value in metrics.items()}

    def statistics(self, b: Batch) -> Metrics:
        """Mean estimate of Z, and the share of the trajectories whose reward the limit cuts."""
        cut = b.first & (self.rewards(b) >= self.limit)
        z = (self.partition(b) * b.first).sum() / ops.trajectories(b)
        return {"partition": z, "limited": cut.sum() / ops.trajectories(b)}


def _log_probability(logp: Tensor, b: Batch) -> Tensor:
    """[B] in float64, of the whole trajectory, on each of its rows."""
    return b.per_trajectory((logp.double() * b.mask).sum(1))
