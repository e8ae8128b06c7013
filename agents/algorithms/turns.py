"""A batch seen turn by turn: its turns in order of time, what they were paid, and GAE over them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ludex.agents.algorithms import ops
from ludex.agents.batch import Batch


@dataclass(frozen=True)
class Turns:
    """The N turns of a batch, trajectory by trajectory, in order; n sampled tokens.

    Attributes:
        row, column: int [n], where each sampled token lies.
        number: int [n], the turn of each sampled token.
        first: int [N], the first token of each turn, of n.
        who, place: int [N], the turn's trajectory and its place in it, both from 0.
    """

    row: Tensor
    column: Tensor
    number: Tensor
    first: Tensor
    who: Tensor
    place: Tensor

    @classmethod
    def of(cls, b: Batch) -> Turns:
        """The turns of `b`; ValueError if the batch does not number them."""
        row, column, who, _ = ops.in_time(b)
        step = b.step[row, column]
        if (step < 0).any():
            raise ValueError("the batch does not say which turn sampled each token (Batch.step)")
        start = torch.ones_like(step, dtype=torch.bool)
        start[1:] = (step[1:] != step[:-1]) | (who[1:] != who[:-1])
        first = start.nonzero()[:, 0]
        return cls(row, column, start.cumsum(0) - 1, first, who[first], ops.places(who[first]))

    def total(self, x: Tensor) -> Tensor:
        """[N], the sum of `x` [B, T] over each turn's tokens."""
        return x.new_zeros(len(self.first)).index_add_(0, self.number, x[self.row, self.column])

    def start(self, x: Tensor) -> Tensor:
        """[N], `x` [B, T] at each turn's first token."""
        return x[self.row[self.first], self.column[self.first]]

    def spread(self, x: Tensor, b: Batch) -> Tensor:
        """[B, T], `x` [N] on each of the turn's tokens, 0 elsewhere."""
        out = x.new_zeros(b.mask.shape)
        out[self.row, self.column] = x[self.number]
        return out

    def to_go(self, reward: Tensor, gamma: float) -> Tensor:
        """[N], the sum of `reward` [B, T] from each turn to the trajectory's end, discounted per turn."""
        pay = self.total(reward)
        nothing = torch.zeros_like(pay)
        return ops.recursion(pay, nothing, nothing, self.who, self.place, gamma, 1.0)


def gae(reward: Tensor, b: Batch, gamma: float, lam: float) -> tuple[Tensor, Tensor]:
    """Advantages and critic's targets [B, T] over whole turns: one state, one reward and one discount a turn.

    The state is the one before the turn's first token, and all tokens of a turn
    share its advantage and its target. Truncation is treated as in `ops.gae`.
    """
    turns = Turns.of(b)
    value, end = turns.start(b.value), ops.after_the_end(b)[turns.row[turns.first]]
    adv = ops.recursion(turns.total(reward), value, end, turns.who, turns.place, gamma, lam)
    return turns.spread(adv, b), turns.spread(adv + value, b)
