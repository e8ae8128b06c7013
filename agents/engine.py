"""Sampling from a transformers model itself: no server, no second copy of the weights.

Each distinct prompt is prefilled once and its KV cache repeated; ids and
log-probabilities stay on the device, and the host looks at them only now and
then. What is recorded is the log-probability under the very distribution that
was sampled from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ludex.agents.sampling import Sample, Sampling

LOOK_EVERY = 16  # decoding steps between two looks from the host at a GPU


@dataclass
class _Rows:
    """The rows still being decoded."""

    where: Tensor  # int [R], their place in the output
    cache: Any
    mask: Tensor | None  # int [R, P], 0 on left padding; None without padding
    position: Tensor  # int [R, 1] of the next token
    logits: Tensor  # [R, V]
    done: Tensor = field(init=False)  # bool [R]

    def __post_init__(self) -> None:
        self.done = torch.zeros(len(self.where), dtype=torch.bool, device=self.where.device)

    def keep(self, alive: Tensor) -> None:
        """Forget the rows that are done; the next step replaces `logits` anyway."""
        index = alive.nonzero()[:, 0]
        self.cache.batch_select_indices(index)
        self.where, self.position, self.done = self.where[index], self.position[index], self.done[index]
        self.mask = None if self.mask is None else self.mask[index]


class LocalEngine:
    """Batched sampling on the policy's own module.

    Args:
        policy: holds the model and computes logits.
        stops: ids that end a response.
        batch: rows decoded together.
        look: decoding steps between two looks at what is finished; 0 for a choice by device.
    """

    def __init__(self, policy: Any, stops: Sequence[int], batch: int = 1024, look: int = 0):
        self.policy, self.batch = policy, batch
        self.look = look or (1 if policy.device.type == "cpu" else LOOK_EVERY)
        self.stops = torch.tensor(sorted(stops), dtype=torch.long, device=policy.device)
        self._queue: list[tuple[int, list[int], Sampling]] = []
        self._count = 0
        self._random = torch.Generator(policy.device)

    def refresh(self, seed: int) -> None:
        """Nothing outlives a call, so only the random stream starts anew."""
        self._random.manual_seed(seed)

    def submit(self, prompt: Sequence[int], sampling: Sampling) -> int:
        """Queue one response to `prompt`; ValueError for an empty one, after which nothing can be predicted."""
        if not prompt:
            raise ValueError("an empty prompt: the model needs at least one token to continue")
        self._count += 1
        self._queue.append((self._count, list(prompt), sampling))
        return self._count

    @torch.no_grad()
    def poll(self) -> dict[int, Sample]:
        """Decode the next batch of the queue to its end."""
        if not self._queue:
            return {}
        sampling = self._queue[0][2]
        chosen = [item for item in self._queue if item[2] == sampling][: self.batch]
        taken = {handle for handle, _, _ in chosen}
        self._queue = [item for item in self._queue if item[0] not in taken]
        with self.policy.evaluating():
            ids, logps = self._decode([prompt for _, prompt, _ in chosen], sampling)
        samples = self._collect(ids.cpu(), logps.cpu(), sampling)
        return {handle: sample for (handle, _, _), sample in zip(chosen, samples, strict=True)}

    def _collect(self, ids: Tensor, logps: Tensor, sampling: Sampling) -> Iterator[Sample]:
        stopped = torch.isin(ids, self.stops.cpu())
        ended = stopped.any(1)
        lengths = torch.where(ended, stopped.int().argmax(1) + 1, ids.shape[1])
        for row_ids, row_logps, length, end in zip(
            ids.tolist(), logps.tolist(), lengths.tolist(), ended.tolist(), strict=True
        ):
            yield Sample(row_ids[:length], row_logps[:length], cut=not end)

    def _decode(self, prompts: list[list[int]], sampling: Sampling) -> tuple[Tensor, Tensor]:
        """Ids and log-probabilities, each [R, max_new_tokens]; what follows a stop token is meaningless."""
        size = (len(prompts), sampling.max_new_tokens)
        ids = torch.zeros(size, dtype=torch.long, device=self.policy.device)
        logps = torch.zeros(size, device=self.policy.device)
        rows = self._prefill(prompts)
        for step in range(sampling.max_new_tokens):
            token, logp = self._draw(rows.logits, sampling)
            ids[rows.where, step], logps[rows.where, step] = token, logp
            rows.done |= torch.isin(token, self.stops)
            if step + 1 == sampling.max_new_tokens:
                break
            if step % self.look == self.look - 1:
                alive = int((~rows.done).sum())
                if not alive:
                    break
                if alive <= len(rows.where) // 2:
                    token = token[~rows.done]
                    rows.keep(~rows.done)
            self._advance(rows, token)
        return ids, logps

    def _prefill(self, prompts: list[list[int]]) -> _Rows:
        from ludex.agents.cache import for_decoding

        distinct = {tuple(prompt): None for prompt in prompts}
        number = {prompt: i for i, prompt in enumerate(distinct)}
        padded, mask, position = left_pad(list(distinct), self.policy.device)
        hidden, cache = self.policy.prefill(padded, mask, position)
        index = torch.tensor([number[tuple(prompt)] for prompt in prompts], device=self.policy.device)
        return _Rows(
            where=torch.arange(len(prompts), device=self.policy.device),
            cache=for_decoding(cache, index),
            mask=None if mask is None else mask[index],
            position=position[index, -1:] + 1,
            logits=self.policy.logits(hidden[:, -1])[index],
        )

    def _advance(self, rows: _Rows, token: Tensor) -> None:
        mask = None
        if rows.mask is not None:
            rows.mask = torch.cat([rows.mask, rows.mask.new_ones(len(token), 1)], 1)
            mask = self.policy.step_mask(rows.mask)
        hidden = self.policy.hidden(token[:, None], mask, rows.position, rows.cache)
        rows.position = rows.position + 1
        rows.logits = self.policy.logits(hidden[:, -1])

    def _draw(self, logits: Tensor, sampling: Sampling) -> tuple[Tensor, Tensor]:
        """Tokens [R] and their log-probabilities [R], by the exponential race (no host synchronisation)."""
        if sampling.temperature == 0:
            logp = logits.log_softmax(-1)
            token = logits.argmax(-1)
            return token, logp.gather(1, token[:, None])[:, 0]
        logp = (logits / sampling.temperature).log_softmax(-1)
        if sampling.top_p < 1:
            logp = _nucleus(logp, sampling.top_p)
        noise = torch.empty_like(logp).exponential_(generator=self._random)
        token = (logp - noise.log()).argmax(-1)
        return token, logp.gather(1, token[:, None])[:, 0]


def left_pad(rows: list[tuple[int, ...]], device: torch.device) -> tuple[Tensor, Tensor | None, Tensor]:
    """Tokens, mask (None if nothing is padded) and positions, each int [R, P], padded on the left."""
    width = max(map(len, rows))
    tokens = torch.tensor([[0] * (width - len(row)) + list(row) for row in rows], device=device)
    lengths = torch.tensor([len(row) for row in rows], device=device)
    position = torch.arange(width, device=device)[None] - (width - lengths)[:, None]
    padded = any(len(row) < width for row in rows)
    return tokens, (position >= 0).long() if padded else None, position.clamp(min=0)


def _nucleus(logp: Tensor, top_p: float) -> Tensor:
    """Renormalised log-probabilities of the smallest set of tokens whose mass reaches `top_p`."""
    ordered, index = logp.sort(-1, descending=True)
    outside = ordered.exp().cumsum(-1) - ordered.exp() >= top_p
    kept = ordered.masked_fill(outside, -torch.inf).log_softmax(-1)
    return torch.empty_like(logp).scatter(-1, index, kept)
