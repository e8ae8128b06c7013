"""What the algorithms on preference pairs share: the pair's margin, the weight of its group, the metrics.

    h    = log (pi/ref)(chosen) - log (pi/ref)(rejected)          of whole responses: sums over tokens, not means
    loss = 1/P sum_i c_i l(h_i)                                   over the P pairs of a step

c is 1, or lets every group of preferences count the same, however many pairs it has:
c = N / (K N_g), with N_g of the N pairs in the pair's group g of K ("importance sampling").
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor

from ludex.agents.algorithms import ops
from ludex.agents.algorithms.base import Algorithm, Forward, Metrics, Need
from ludex.agents.batch import Batch, PairBatch

Weighting = Literal["pairs", "groups"]


def margins(logp: Tensor, b: Batch) -> Tensor:
    """[B], h of the row's pair."""
    gain = b.per_trajectory(((logp - b.ref_logp) * b.mask).sum(1))
    return ops.group_sum(torch.where(b.correct, gain, -gain), b)


def rarity(b: PairBatch) -> Tensor:
    """[B], N / N_g: turns a sum over a batch's pairs into an unbiased estimate of the group's mean."""
    own = b.sizes.gather(1, b.domain[:, None])[:, 0]
    return b.sizes.sum(1).to(b.mask) / own


def per_group(rows: Tensor, b: PairBatch) -> Tensor:
    """[K], the sum over the rows of each group of preferences."""
    return rows.new_zeros(b.sizes.shape[1]).index_add_(0, b.domain, rows)


class Preference(Algorithm):
    """Base of the algorithms on pairs; a subclass gives the penalty l, and c if it is not fixed."""

    weighting: Weighting = "pairs"
    one_update: ClassVar[bool] = True

    @property
    def needs(self) -> frozenset[Need]:
        """Pairs, and the reference that h is measured against."""
        return frozenset({"pairs", "ref"})

    def penalty(self, h: Tensor) -> Tensor:
        """The loss l of pairs with these margins."""
        raise TypeError(f"{type(self).__name__} must define penalty")

    def shares(self, b: PairBatch) -> Tensor:
        """[B], c of the row's pair."""
        return torch.ones_like(b.mask[:, 0]) if self.weighting == "pairs" else rarity(b) / b.sizes.shape[1]

    def prepare(self, b: Batch) -> Batch:
        """The weight of each pair; `adv` turns a sum over the weight into a mean over the pair's group.

        Raises:
            ValueError: if the batch holds no pairs.
        """
        if not isinstance(b, PairBatch):
            raise ValueError(f"{type(self).__name__} learns from preference pairs, not from episodes")
        weight = ops.sequence_mean(b) * self.shares(b)[:, None]
        own = per_group(weight.sum(1), b)[b.domain].clamp(min=torch.finfo(weight.dtype).tiny)
        return b.with_(adv=(weight.sum() / own)[:, None] * b.mask, weight=weight)

    def loss(self, new: Forward, b: Batch) -> tuple[Tensor, Metrics]:
        """Weighted penalties; metrics over all pairs and, if there are several, of each group."""
        h = margins(new.logp, b)[:, None]  # [B, 1]
        penalty, right = self.penalty(h), (h > 0).to(h)
        with torch.no_grad():
            metrics = {"margin": ops.total(h, b), "accuracy": ops.total(right, b)}
            for g in sorted(set(b.domain.tolist())) if isinstance(b, PairBatch) and b.sizes.shape[1] > 1 else ():
                mine = b.adv * (b.domain == g)[:, None]
                metrics[f"loss/{g}"] = ops.total(mine * penalty, b)
                metrics[f"accuracy/{g}"] = ops.total(mine * right, b)
        return ops.total(penalty, b), metrics
