"""Batches of one-token answers, with which simulations run an algorithm's own arithmetic without a model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from ludex.agents.batch import Batch


def blank(groups: int, size: int) -> Batch:
    """So many groups of so many answers: a token of prompt, the answer, and the column after the end; float64."""
    rows = groups * size
    one = torch.ones(rows, dtype=torch.long)
    zeros = torch.zeros(rows, 3, dtype=torch.float64)
    mask = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64).repeat(rows, 1)
    return Batch(
        tokens=zeros.long(),
        mask=mask,
        old_logp=zeros,
        reward=zeros,
        length=2 * one,
        prompt=one,
        shared=torch.arange(rows) // size,
        group=torch.arange(rows) // size,
        domain=0 * one,
        trajectory=torch.arange(rows),
        turn=0 * one,
        correct=one > 1,
        truncated=one > 1,
        cut=one > 1,
        threshold=torch.full((rows,), 0.5, dtype=torch.float64),
    )


def answered(batch: Batch, logp: Tensor, correct: Tensor, ref: Tensor | None = None) -> Batch:
    """The batch with log-probabilities, verdicts (which pay 1) and reference log-probabilities of its answers, [B]."""
    facts = {"old_logp": logp.detach()[:, None] * batch.mask, "reward": correct[:, None] * batch.mask}
    if ref is not None:
        facts["ref_logp"] = ref[:, None] * batch.mask
    return batch.with_(**facts, correct=correct)


def generators(seeds: Iterable[int]) -> list[torch.Generator]:
    """A random stream for each seed, so that its numbers do not depend on which others run beside it."""
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def draw(probabilities: Tensor, size: int, streams: Sequence[torch.Generator]) -> Tensor:
    """Int [N, size], actions from the distributions [N, A], each from its own stream."""
    pairs = zip(probabilities, streams, strict=True)
    return torch.stack([torch.multinomial(row, size, replacement=True, generator=g) for row, g in pairs])
