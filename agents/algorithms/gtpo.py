"""GTPO: group-relative trajectory-based policy optimisation (Simoni et al. 2025, arXiv 2508.03772).

    A_i  = R_i - mean R                                                        over the group of G
    loss = -1/G sum_i d_i (A_i - gamma <H>_i) / |o_i| sum_t l_it pi/sg[pi](o_it)

A token is in conflict if the group has it at the same place in a trajectory with
A > 0 and in one with A < 0; places are counted from the start or from the end of
the sampled tokens. In the unbroken run of conflicts at either end l is 0 where
A < 0 and w where A > 0: shared beginnings and endings are not pushed down. Else 1.
<H>_i is the mean entropy of the trajectory's tokens, a constant. d_i = 0 drops a
trajectory with <H>_i > ln 2, unless the first policy was above that already: below
ln 2 some token has a probability over 1/2. No clip, no KL: one update a batch.

The entropy is that of the sampling temperature. The paper's text and its code
differ; the defaults follow the text, with the entropy detached as in the code (INFERRED).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from ludex.agents.algorithms import ops
from ludex.agents.algorithms.base import Algorithm, Forward, Metrics, Need
from ludex.agents.batch import Batch

TINY = 1e-6  # a smaller advantage is rounding, and has no sign


@dataclass
class GTPO(Algorithm):
    """Centred rewards, conflict tokens spared, uncertain trajectories dropped."""

    one_update: ClassVar[bool] = True  # pi/sg[pi] is 1 whatever the sampler thought
    gamma: float = 0.1  # weight of the entropy in the advantage
    boost: float = 2.0  # w, of conflict tokens with a positive advantage
    threshold: float = math.log(2)  # nats; a trajectory of more entropy is dropped; inf drops none
    initial_rule: bool = True  # no dropping at all if the first policy was above the threshold
    overlap: Literal["max", "product"] = "max"  # boost of a token in both runs: w, or w * w as the code has it
    divide: bool = False  # by the longer of the two runs, as the code has it
    skip_equal: bool = False  # leave out groups of equal rewards, which otherwise feel the entropy term alone

    def __post_init__(self) -> None:
        ops.at_least(0, gamma=self.gamma, boost=self.boost)
        ops.between(0, math.inf, threshold=self.threshold)
        self.initial = torch.tensor(math.nan)  # mean entropy of the first policy: state, not a setting

    @property
    def needs(self) -> frozenset[Need]:
        """The entropy as sampled."""
        return frozenset({"entropy"})

    @property
    def smallest_group(self) -> int:
        """Two, which can differ."""
        return 2

    def prepare(self, b: Batch) -> Batch:
        """Centre, subtract the entropy, drop, and weigh conflict tokens by the sign before the entropy."""
        entropy = mean_entropy(b)
        if self.initial.isnan():
            self.initial = ((entropy * b.first).sum() / ops.trajectories(b)).cpu()
        centred = b.returns - ops.group_mean(b.returns, b)  # [B]
        centred = centred * (centred.abs() > TINY)
        shaped = (centred - self.gamma * entropy) * ~self.dropped(b)
        if self.skip_equal:
            shaped = shaped * (ops.group_sum(centred.abs(), b) > 0)
        return b.with_(adv=shaped[:, None] * self.token_weights(b, centred), weight=ops.sequence_mean(b))

    def dropped(self, b: Batch) -> Tensor:
        """Bool [B], the trajectories that teach nothing because they are too uncertain."""
        off = self.initial_rule and bool(self.initial > self.threshold)
        return (mean_entropy(b) > self.threshold) & (not off)

    def token_weights(self, b: Batch, adv: Tensor) -> Tensor:
        """[B, T], the weights l of the sampled tokens; `adv` [B] before the entropy term."""
        forward, backward = conflicts(b, adv)
        times = forward + backward if self.overlap == "product" else torch.maximum(forward, backward)
        weight = torch.where(adv[:, None] < 0, (times == 0).to(adv.dtype), self.boost**times)
        if self.divide:
            longer = torch.maximum(b.per_trajectory(forward.sum(1)), b.per_trajectory(backward.sum(1)))
            weight = weight / longer.clamp(min=1)[:, None]
        return weight * b.mask

    def loss(self, new: Forward, b: Batch) -> tuple[Tensor, Metrics]:
        """Plain policy gradient: the ratio is 1."""
        return -ops.total(ops.unit(new.logp) * b.adv, b), ops.metrics(torch.zeros_like(b.mask), new, b)

    def statistics(self, b: Batch) -> Metrics:
        """Shares of the failed trajectories that are reinforced, and of all that were dropped."""
        dropped = (self.dropped(b) & b.first).sum() / ops.trajectories(b)
        return {"failed_positive": ops.failed_positive(b), "dropped": dropped}

    def state_dict(self) -> dict[str, Tensor]:
        """The first policy's mean entropy."""
        return {"initial": self.initial}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take back the first policy's mean entropy."""
        self.initial = state["initial"].cpu()


def mean_entropy(b: Batch) -> Tensor:
    """[B], mean entropy of the trajectory's sampled tokens, nats."""
    return b.per_trajectory((b.entropy * b.mask).sum(1)) / b.per_trajectory(b.mask.sum(1))


def conflicts(b: Batch, adv: Tensor) -> tuple[Tensor, Tensor]:
    """[B, T] each, 1 on the run of conflict tokens at each trajectory's start, and on the one at its end.

    `adv` is [B]; a trajectory with 0 is on neither side and has no run.
    """
    row, column, who, step = ops.in_time(b)
    count = torch.bincount(who)
    runs = []
    for place in (step, count[who] - 1 - step):
        key = torch.stack([b.group[row], place, b.tokens[row, column]], 1)
        unbroken = b.mask.new_zeros(len(count), int(count.max()))
        unbroken[who, place] = _on_both_sides(key, adv[row]).to(b.mask.dtype)
        run = torch.zeros_like(b.mask)
        run[row, column] = unbroken.cumprod(1)[who, place]
        runs.append(run)
    return runs[0], runs[1]


def _on_both_sides(key: Tensor, adv: Tensor) -> Tensor:
    """Bool [n], whether the same row of `key` [n, 3] stands with A > 0 and with A < 0; false where A = 0."""
    which = torch.unique(key, dim=0, return_inverse=True)[1]
    good, bad = (torch.bincount(which, side) > 0 for side in ((adv > 0).double(), (adv < 0).double()))
    return (good & bad)[which] & (adv != 0)
