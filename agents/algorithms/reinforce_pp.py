"""REINFORCE++: rewards to go, whitened over the whole batch (Hu et al. 2025, arXiv 2501.03262).

    r_t  = reward_t - beta (log pi_old - log pi_ref)(o_t)                      KL inside the reward, k1
    A_t  = sum_{k >= t} gamma^{k-t} r_k  over sampled tokens, then whitened over the batch
    loss = -1/N sum min(rho A_t, clip(rho, 1-e, 1+e) A_t)                      N: sampled tokens

With `baseline = "group"` A_t is the trajectory's summed reward minus its group's
mean, the same on every token (gamma plays no part), then whitened; the paper
gives this variant its KL as k2 inside the loss: `kl = "k2"`, `kl_in = "loss"`.
Whitening: ddof 1, eps 1e-8; a group of equal rewards does not stay at 0, because
long trajectories shift the mean over tokens. The reward to go runs on across
observations and rows to the end of the trajectory. The token mean is INFERRED.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from ludex.agents.algorithms import ops
from ludex.agents.algorithms.base import Algorithm, Forward, Metrics, Need
from ludex.agents.batch import Batch


@dataclass(frozen=True)
class ReinforcePP(Algorithm):
    """Returns or centred rewards, whitened over all sampled tokens of the step."""

    clip: float = 0.2  # half-width of the trust region
    gamma: float = 1.0  # discount per sampled token
    baseline: Literal["none", "group"] = "none"  # what is subtracted before whitening
    beta: float = 0.01  # weight of the KL penalty; 0 needs no reference
    kl: ops.KL = "k1"  # its estimator
    kl_in: Literal["reward", "loss"] = "reward"  # where it stands

    def __post_init__(self) -> None:
        ops.between(0, 1, clip=self.clip, gamma=self.gamma)
        ops.at_least(0, beta=self.beta)
        if self.kl == "k1" and self.kl_in == "loss":
            raise ValueError("kl='k1' has a gradient of mean 0 inside the loss; use kl='k2', or kl_in='reward'")

    @property
    def needs(self) -> frozenset[Need]:
        """The reference, if the KL penalty has a weight."""
        return frozenset({"ref"} if self.beta else ())

    @property
    def smallest_group(self) -> int:
        """Two for a baseline that is the group's mean."""
        return 2 if self.baseline == "group" else 1

    def prepare(self, b: Batch) -> Batch:
        """Penalise, sum up or centre, whiten."""
        reward = b.reward
        if self.beta and self.kl_in == "reward":
            reward = reward - self.beta * ops.kl(self.kl, b.old_logp, b.ref_logp) * b.mask
        if self.baseline == "group":
            total = b.per_trajectory(reward.sum(1))
            adv = (total - ops.group_mean(total, b))[:, None] * b.mask
        else:
            adv = ops.reward_to_go(reward, b, self.gamma)
        return b.with_(adv=ops.whiten(adv, b.mask), weight=ops.token_mean(b))

    def loss(self, new: Forward, b: Batch) -> tuple[Tensor, Metrics]:
        """Clipped surrogate, and the KL penalty if it stands here."""
        gain, metrics = ops.surrogate(ops.token_ratio(new, b), new, b, 1 - self.clip, 1 + self.clip)
        if self.beta:
            metrics["kl_ref"] = ops.total(ops.k3(new.logp, b.ref_logp), b).detach()
        if self.beta and self.kl_in == "loss":
            gain = gain - self.beta * ops.kl(self.kl, new.logp, b.ref_logp)
        return -ops.total(gain, b), metrics

    def statistics(self, b: Batch) -> Metrics:
        """Share of the failed trajectories that are reinforced."""
        return {"failed_positive": ops.failed_positive(b)}
