"""DS-GRPO: differential smoothing (Gai et al. 2025, arXiv 2511.19942).

    D_i  = -gamma_correct log pi_old(o_i) if correct, else +gamma_wrong log pi_old(o_i)
    post:  A_i = (R_i - mean R) / (std R + eps) + D_i                          over the group of G
    pre:   A_i = R_i + D_i - mean(R + D)
    loss = -1/sum_i |o_i| sum_i sum_t [ min(rho A_i, clip(rho, 1-e_low, 1+e_high) A_i) + c H ]

Rare correct responses are raised more than common ones, rare wrong ones lowered
more: an entropy bonus on what is correct, a penalty on what is not. "post" is the
paper's formula, "pre" the later code of its authors; gamma is relative to unit
variance in the one and to the reward in the other. The text has the log-probability of the
whole response; its mean over tokens, as in the code, is the default (INFERRED), because
a sum grows with length. "Correct" is the environment's verdict, never the reward's
value; a response cut short is wrong unless it says otherwise. Groups of equal rewards
teach too: do not filter them. c = 0 here; with both gammas at 0 it is a global
entropy bonus (or, negative, a penalty), which the paper compares with.
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
class DSGRPO(Algorithm):
    """GRPO's advantages, flattened over correct responses and sharpened over wrong ones."""

    gamma_correct: float = 0.01
    gamma_wrong: float = 0.01
    mode: Literal["post", "pre"] = "post"  # smooth the advantage, or the reward before it
    logprob: Literal["mean", "sum"] = "mean"  # over a trajectory's tokens
    clip_low: float = 0.2
    clip_high: float = 0.25
    entropy: float = 0.0  # c, weight of a global entropy bonus
    ddof: int = 1  # the standard deviation divides by G - ddof
    eps: float = 1e-4  # added to it

    def __post_init__(self) -> None:
        ops.at_least(0, gamma_correct=self.gamma_correct, gamma_wrong=self.gamma_wrong)
        ops.at_least(0, clip_high=self.clip_high, ddof=self.ddof, eps=self.eps)
        ops.between(0, 1, clip_low=self.clip_low)
        ops.finite(entropy=self.entropy)

    @property
    def needs(self) -> frozenset[Need]:
        """The entropy's gradient, if it has a weight."""
        return frozenset({"entropy"} if self.entropy else ())

    @property
    def smallest_group(self) -> int:
        """Two; one where the smoothing alone tells right from wrong."""
        return 1 if self.mode == "post" and (self.gamma_correct or self.gamma_wrong) else 2

    def smoothing(self, b: Batch) -> Tensor:
        """[B], D of each trajectory."""
        logp = b.per_trajectory((b.old_logp * b.mask).sum(1))
        if self.logprob == "mean":
            logp = logp / b.per_trajectory(b.mask.sum(1))
        return torch.where(b.correct, -self.gamma_correct * logp, self.gamma_wrong * logp)

    def prepare(self, b: Batch) -> Batch:
        """Smooth the advantages, or centre smoothed rewards."""
        if self.mode == "pre":
            rewards = b.returns + self.smoothing(b)
            adv = rewards - ops.group_mean(rewards, b)
        else:
            centred = b.returns - ops.group_mean(b.returns, b)
            adv = centred / (ops.group_std(b.returns, b, self.ddof) + self.eps) + self.smoothing(b)
        return b.with_(adv=adv[:, None] * b.mask, weight=ops.token_mean(b))

    def loss(self, new: Forward, b: Batch) -> tuple[Tensor, Metrics]:
        """Surrogate with the two clips, and the entropy bonus."""
        gain, metrics = ops.surrogate(ops.token_ratio(new, b), new, b, 1 - self.clip_low, 1 + self.clip_high)
        if self.entropy:
            gain = gain + self.entropy * new.entropy
        return -ops.total(gain, b), metrics

    def statistics(self, b: Batch) -> Metrics:
        """Share of the failed trajectories that are reinforced."""
        return {"failed_positive": ops.failed_positive(b)}
