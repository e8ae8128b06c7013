"""PPO: proximal policy optimisation with a critic (Schulman et al. 2017, arXiv 1707.06347).

    r_t  = reward_t - beta (log pi_old - log pi_ref)(o_t)                      KL inside the reward, k1
    A_t  = GAE(gamma, lam) of r and V over sampled tokens; target_t = A_t + V_t, then A is whitened
    loss = -1/N sum [ min(rho A, clip(rho, 1-e, 1+e) A)
                      - c_v/2 max((V-target)^2, (clip(V, V_old-e_v, V_old+e_v) - target)^2) + c_e H ]

rho_t = pi/pi_old of token t; N: sampled tokens of the step. With `level = "turn"` time
runs in whole turns: t is a turn, V_t the value before its first token, gamma and lam are
per turn, and a turn's tokens share A_t and target_t (so no length enters the discount,
and no token of a turn is credited apart from the others). The placing of the KL
follows Ouyang et al. 2022 (arXiv 2203.02155). Whitening: ddof 1, eps 1e-8.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ludex.agents.algorithms import ops, turns
from ludex.agents.algorithms.base import Algorithm, Forward, Metrics, Need
from ludex.agents.batch import Batch


@dataclass(frozen=True)
class PPO(Algorithm):
    """Clipped policy and value losses on advantages from a critic."""

    clip: float = 0.2  # half-width of the trust region
    value_clip: float = 0.2  # how far the value may move in one step; inf for no limit
    value_weight: float = 0.1  # c_v
    entropy: float = 0.0  # c_e, weight of the entropy bonus
    gamma: float = 1.0  # discount per sampled token, or per turn
    lam: float = 0.95  # GAE's lambda: 0 trusts the critic, 1 the rewards
    beta: float = 0.05  # weight of the KL penalty in the reward
    level: Literal["token", "turn"] = "token"  # what the critic's advantages run over

    def __post_init__(self) -> None:
        ops.between(0, 1, clip=self.clip, gamma=self.gamma, lam=self.lam)
        ops.between(0, math.inf, value_clip=self.value_clip)
        ops.at_least(0, value_weight=self.value_weight, entropy=self.entropy, beta=self.beta)

    @property
    def needs(self) -> frozenset[Need]:
        """A critic; the reference and the entropy's gradient only if their weights are not 0."""
        needs: set[Need] = {"value"}
        if self.beta:
            needs.add("ref")
        if self.entropy:
            needs.add("entropy")
        return frozenset(needs)

    def prepare(self, b: Batch) -> Batch:
        """Advantages, whitened over the step's sampled tokens, and the critic's targets."""
        reward = b.reward - self.beta * ops.k1(b.old_logp, b.ref_logp) * b.mask if self.beta else b.reward
        if self.level == "turn":
            adv, target = turns.gae(reward, b, self.gamma, self.lam)
        else:
            adv = ops.gae(reward, b, self.gamma, self.lam)
            target = (adv + b.value) * b.mask
        return b.with_(adv=ops.whiten(adv, b.mask), target=target, weight=ops.token_mean(b))

    def loss(self, new: Forward, b: Batch) -> tuple[Tensor, Metrics]:
        """Policy loss, value loss and entropy bonus, all token means."""
        gain, metrics = ops.surrogate(ops.token_ratio(new, b), new, b, 1 - self.clip, 1 + self.clip)
        near = b.value + (new.value - b.value).clamp(-self.value_clip, self.value_clip)
        error = torch.maximum((new.value - b.target) ** 2, (near - b.target) ** 2) / 2
        metrics["value_loss"] = ops.total(error, b).detach()
        if self.beta:
            metrics["kl_ref"] = ops.total(ops.k3(new.logp, b.ref_logp), b).detach()
        per_token = self.value_weight * error - gain
        if self.entropy:
            per_token = per_token - self.entropy * new.entropy
        return ops.total(per_token, b), metrics
