"""DAPO: decoupled clip and dynamic sampling (Yu et al. 2025, arXiv 2503.14476).

    R_i  = reward_i + clip(((L_max - L_c) - |o_i|) / L_c, -1, 0)               soft overlong punishment
    A_i  = (R_i - mean R) / (std R + eps)                                      over the group of G
    loss = -1/sum_i |o_i| sum_i sum_t min(rho A_i, clip(rho, 1-e_low, 1+e_high) A_i)
           with 0 < number of correct < G

No KL. Groups are chosen by correctness, not by reward: the punishment alone
makes the rewards of an all-correct group differ. ddof 1, eps 1e-4 as in GRPO.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ludex.agents.algorithms import ops
from ludex.agents.algorithms.base import Algorithm, Forward, Metrics
from ludex.agents.batch import Batch
from ludex.core import Stop, Trajectory


@dataclass(frozen=True)
class DAPO(Algorithm):
    """GRPO's advantages, a higher upper clip, token mean, and only groups with both outcomes."""

    clip_low: float = 0.2
    clip_high: float = 0.28  # wider above, so that rare tokens can rise
    max_length: int = 20480  # L_max, sampled tokens of a trajectory; beyond it the punishment is 1
    cache: int = 4096  # L_c, tokens below L_max over which the punishment rises from 0
    ddof: int = 1  # the standard deviation divides by G - ddof
    eps: float = 1e-4  # added to it
    dynamic: bool = True  # dynamic sampling; without it, groups of one outcome are learned from as they are

    def __post_init__(self) -> None:
        ops.between(0, 1, clip_low=self.clip_low)
        ops.at_least(0, clip_high=self.clip_high, ddof=self.ddof, eps=self.eps)
        ops.at_least(1, cache=self.cache)
        ops.at_least(self.cache, max_length=self.max_length)

    @property
    def smallest_group(self) -> int:
        """Two, which can differ."""
        return 2

    def keep(self, group: list[Trajectory]) -> bool:
        """Whether some but not all of the group's trajectories are correct; always, without dynamic sampling."""
        if not self.dynamic:
            return True
        correct = [trajectory.correct for trajectory in group if trajectory.stop is not Stop.ENV_ERROR]
        return 0 < sum(correct) < len(correct)

    def overlong(self, tokens: Tensor) -> Tensor:
        """The punishment of trajectories of that many sampled tokens, between -1 and 0."""
        return ((self.max_length - self.cache - tokens) / self.cache).clamp(-1, 0)

    def prepare(self, b: Batch) -> Batch:
        """Punish length, then standardise within the group."""
        rewards = b.returns + self.overlong(b.per_trajectory(b.mask.sum(1)))  # [B]
        adv = (rewards - ops.group_mean(rewards, b)) / (ops.group_std(rewards, b, self.ddof) + self.eps)
        return b.with_(adv=adv[:, None] * b.mask, weight=ops.token_mean(b))

    def loss(self, new: Forward, b: Batch) -> tuple[Tensor, Metrics]:
        """Surrogate with the two clips."""
        gain, metrics = ops.surrogate(ops.token_ratio(new, b), new, b, 1 - self.clip_low, 1 + self.clip_high)
        return -ops.total(gain, b), metrics

    def statistics(self, b: Batch) -> Metrics:
        """Share of the failed trajectories that are reinforced."""
        return {"failed_positive": ops.failed_positive(b)}
