"""What the algorithms on preference pairs share: the pair's margin, the weight of its group, the metrics.

    h    = log (pi/ref)(chosen) - log (pi/ref)(rejected)          of whole responses: sums over tokens, not means
    loss = 1/P sum_i c_i l(h_i)                                   over the P pairs of a step

c is 1, or lets every group of preferences count the same, however many pairs it has:
c = N / (K N_g), with N_g of the N pairs in the pair's group g of K ("importance sampling").
The metrics know no c: in them every pair counts the same.
"""

from __future__ import annotations

from collections.abc import Mapping
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


def one_row(b: PairBatch) -> Tensor:
    """[B], 1 on the first row of each pair's chosen response, 0 on all others: to count every pair once."""
    return (b.first & b.correct).to(b.mask)


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
        """The weight of each pair; every token has advantage 1.

        Raises:
            ValueError: if the batch holds no pairs.
        """
        if not isinstance(b, PairBatch):
            raise ValueError(f"{type(self).__name__} learns from preference pairs, not from episodes")
        return b.with_(adv=b.mask, weight=ops.sequence_mean(b) * self.shares(b)[:, None])

    def loss(self, new: Forward, b: Batch) -> tuple[Tensor, Metrics]:
        """Weighted penalties; the metrics are sums over all pairs and, if there are several, over each group's."""
        assert isinstance(b, PairBatch)
        h = margins(new.logp, b)
        penalty = self.penalty(h)
        with torch.no_grad():
            once, right = one_row(b), (h > 0).to(h)
            metrics = {"margin": (once * h).sum(), "accuracy": (once * right).sum()}
            if b.sizes.shape[1] > 1:
                metrics |= {f"loss/{g}": total for g, total in enumerate(per_group(once * penalty, b))}
                metrics |= {f"accuracy/{g}": total for g, total in enumerate(per_group(once * right, b))}
        return ops.total(penalty[:, None], b), metrics

    def means(self, sums: Mapping[str, float], b: Batch) -> dict[str, float]:
        """Plain means over the pairs: of the group that a name ends with, if the step has any of it, or of all."""
        assert isinstance(b, PairBatch)
        once = one_row(b)
        count = {"": float(once.sum()), **{str(g): float(n) for g, n in enumerate(per_group(once, b))}}
        pairs = {name: count[name.partition("/")[2]] for name in sums}
        return {name: value / pairs[name] for name, value in sums.items() if pairs[name]}
