"""Sampling from a transformers model itself: no server, no second copy of the weights.

Prompts wait in a queue for a slot. A slot is refilled as soon as its response
has ended (continuous batching); several responses to one prompt share its
prefill; and a conversation that goes on keeps its slot, so that a further turn
costs what is new in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from ludex.agents.engine.decoder import Decoder
from ludex.agents.sampling import Sample, Sampling, stream

LOOK_EVERY = 16  # decoding steps between two looks from the host at a GPU


@dataclass
class Row:
    """A response: waiting, being decoded (`slot` and `live`), or kept for what may follow it."""

    handle: int
    prompt: list[int]
    sampling: Sampling
    key: int
    keep: bool
    after: int
    slot: int = -1
    sampled: int = 0  # at most, while it is decoded
    ids: list[int] = field(default_factory=list)

    @property
    def need(self) -> int:
        """Tokens that its slot must hold."""
        return len(self.prompt) + self.sampling.max_new_tokens

    @property
    def manner(self) -> Sampling:
        """How its tokens are drawn; rows that differ in it cannot be decoded together."""
        return replace(self.sampling, max_new_tokens=1, stop=())


class LocalEngine:
    """Batched sampling on the policy's own module.

    Args:
        policy: holds the model and computes logits.
        stops: ids that end a response.
        batch: slots at most, thus rows decoded together.
        look: decoding steps between two looks at what is finished; 0 for a choice by device.
        text: ids to text, for stop texts.

    Raises:
        ValueError: for a model that cannot be sampled by slots.
    """

    def __init__(
        self,
        policy: Any,
        stops: Sequence[int],
        batch: int = 1024,
        look: int = 0,
        text: Callable[[list[int]], str] | None = None,
    ):
        self.policy, self.stops, self.batch = policy, frozenset(stops), batch
        self.look = look or (1 if policy.device.type == "cpu" else LOOK_EVERY)
        self.text = text or (lambda ids: str(policy.tokenizer.decode(ids)))
        self._decoder = Decoder(policy, stops)
        self._decoder.check()
        self._queue: list[Row] = []
        self._live: dict[int, Row] = {}  # by slot
        self._kept: dict[int, Row] = {}  # by handle, the longest kept first
        self._homes: dict[tuple[int, ...], int] = {}  # slots that begin with a prompt
        self._count, self._first, self._seed = 0, 0, 0  # handles given out, in all and before the last refresh

    def refresh(self, seed: int) -> None:
        """What there is was computed by other weights, or belongs to a play broken off; the streams begin anew."""
        self._first, self._seed = self._count, seed
        self._drop()

    def submit(
        self, prompt: Sequence[int], sampling: Sampling, *, key: Sequence[int] = (), keep: bool = False, after: int = 0
    ) -> int:
        """Queue one response to `prompt`; ValueError for an empty one, after which nothing can be predicted."""
        if not prompt:
            raise ValueError("an empty prompt: the model needs at least one token to continue")
        self._count += 1
        number = stream(self._seed, *(key or (self._count - self._first,)))
        self._queue.append(Row(self._count, list(prompt), sampling, number, keep, after))
        return self._count

    def release(self, handle: int) -> None:
        """Nothing will continue this response, be it finished or not."""
        for row in [*self._queue, *self._live.values()]:
            row.keep &= row.handle != handle
        self._kept.pop(handle, None)
        self._rest()

    @torch.no_grad()
    def poll(self) -> dict[int, Sample]:
        """Decode until some response has ended; where that fails or is interrupted, all of them are dropped."""
        finished: dict[int, Sample] = {}
        try:
            with self.policy.evaluating():
                while not finished and (self._queue or self._live):
                    self._admit()
                    finished = self._collect()
                    if not finished:
                        self._decode()
                        finished = self._collect()
        except BaseException:
            self._drop()
            raise
        self._rest()
        return finished

    def _drop(self) -> None:
        """Forget every response, asked for or kept."""
        for rows in (self._queue, self._live, self._kept, self._homes):
            rows.clear()
        self._decoder.state.done.fill_(True)
        self._rest()

    def _rest(self) -> None:
        """Without a conversation, a CPU gets its memory back; a GPU keeps it, where its graphs expect it."""
        if not self._live and not self._kept and not self._queue and self.policy.device.type == "cpu":
            self._homes.clear()
            self._decoder.clear()

    # ---- from the queue into slots

    def _admit(self) -> None:
        """Fill slots from the queue, once enough wait to be worth a pass of their own."""
        if not self._queue or len(self._queue) < min(len(self._live) // 8, self.batch - len(self._live)):
            return
        manner = (next(iter(self._live.values())) if self._live else self._queue[0]).manner
        chosen = [row for row in self._queue if row.manner == manner][: self.batch - len(self._live)]
        if not chosen:
            return
        self._place(chosen)
        taken = {row.handle for row in chosen}
        self._queue = [row for row in self._queue if row.handle not in taken]
        self._prefill(chosen)

    def _place(self, rows: list[Row]) -> None:
        """Give each row a slot: that of the turn before it, a free one, or that of the longest kept."""
        for row in rows:
            before = self._kept.get(row.after)
            if before is not None and row.prompt[: len(before.ids)] == before.ids:
                row.slot, row.ids = before.slot, before.ids
                del self._kept[row.after]
        used = {row.slot for row in [*self._live.values(), *self._kept.values(), *rows]}
        free = [slot for slot in range(self.batch) if slot not in used]
        for row in rows:
            if row.slot < 0:
                row.slot = free.pop(0) if free else self._kept.pop(next(iter(self._kept))).slot
        most = max(row.sampling.max_new_tokens for row in rows)
        self._decoder.fit(max(row.slot for row in rows) + 1, max(row.need for row in rows), most)

    def _prefill(self, rows: list[Row]) -> None:
        """Feed what the slots do not hold yet, each new prompt once, and draw the first tokens."""
        past, first, copies, homes = self._plan(rows)
        todo = [row for row in rows if row.handle not in first]
        logits = self._decoder.prefill(
            [row.slot for row in todo], [row.prompt[past[row.handle] :] for row in todo], [past[r.handle] for r in todo]
        )
        if copies:
            source, target = zip(*copies, strict=True)
            self._decoder.copy(source, target, max(len(row.prompt) for row in rows if row.handle in first))
        number = {row.handle: i for i, row in enumerate(todo)}
        index = [number[first.get(row.handle, row.handle)] for row in rows]
        self._decoder.begin(
            [row.slot for row in rows],
            logits if index == list(range(len(logits))) else logits[torch.tensor(index, device=logits.device)],
            lengths=[len(row.prompt) for row in rows],
            limits=[row.sampling.max_new_tokens for row in rows],
            keys=[row.key for row in rows],
            sampling=rows[0].sampling,
        )
        self._homes |= homes  # not before there is something in them
        for row in rows:
            row.sampled, row.ids = 1, []
            self._live[row.slot] = row

    def _plan(
        self, rows: list[Row]
    ) -> tuple[dict[int, int], dict[int, int], list[tuple[int, int]], dict[tuple[int, ...], int]]:
        """By handle: tokens that the row's slot holds already, and the row whose prefill it shares.

        Also the slots to copy, and those that will begin with a prompt.
        """
        taken = {row.slot: row.prompt for row in rows}
        self._homes = {p: slot for p, slot in self._homes.items() if tuple(taken.get(slot, p)[: len(p)]) == p}
        past: dict[int, int] = {}
        first: dict[int, int] = {}
        copies: list[tuple[int, int]] = []
        new: dict[tuple[int, ...], Row] = {}
        for row in rows:
            prompt = tuple(row.prompt)
            past[row.handle] = max(0, len(row.ids) - 1)  # the last sampled token was never fed
            if row.ids:
                continue
            if prompt in self._homes and len(prompt) > 1:  # an earlier row's slot begins with it
                if self._homes[prompt] != row.slot:
                    self._decoder.copy([self._homes[prompt]], [row.slot], len(prompt) - 1)
                past[row.handle] = len(prompt) - 1
            elif prompt in new:
                first[row.handle] = new[prompt].handle
                copies.append((new[prompt].slot, row.slot))
            else:
                new[prompt] = row
        return past, first, copies, {prompt: row.slot for prompt, row in new.items()}

    # ---- decoding

    def _decode(self) -> None:
        """Steps up to the next look."""
        self._gather()
        rows = self._live.values()
        sampling = next(iter(rows)).manner
        left = max(row.sampling.max_new_tokens - row.sampled for row in rows)
        if not left:  # rather than wait for ever
            raise RuntimeError(
                "responses are as long as they may be, and none has ended: the device did not do its steps"
            )
        for _ in range(min(self.look, left)):
            longest = max(len(row.prompt) + row.sampled for row in rows)
            self._decoder.step(max(self._live) + 1, longest, sampling)
            for row in rows:
                row.sampled = min(row.sampled + 1, row.sampling.max_new_tokens)

    def _gather(self) -> None:
        """Move the live rows to the front once half of what is decoded would be for nobody."""
        if len(self._live) > (max(self._live) + 1) // 2:
            return
        size = len(self._live)
        high = [slot for slot in self._live if slot >= size]
        low = [slot for slot in range(size) if slot not in self._live]
        self._decoder.swap(high, low, self._decoder.slots.layout.length)
        moved = dict(zip([*high, *low], [*low, *high], strict=True))
        for row in [*self._live.values(), *self._kept.values()]:
            row.slot = moved.get(row.slot, row.slot)
        self._live = {row.slot: row for row in self._live.values()}
        self._homes = {prompt: moved.get(slot, slot) for prompt, slot in self._homes.items()}

    def _collect(self) -> dict[int, Sample]:
        """What has ended."""
        state, extent = self._decoder.state, max(self._live) + 1
        done = state.done[:extent].tolist()
        watched = [slot for slot, row in self._live.items() if done[slot] or row.sampling.stop]
        if not watched:
            return {}
        rows = torch.tensor(watched, device=state.ids.device)
        counts = state.count[rows].tolist()
        width = max(counts)
        ids, logps = state.ids[rows, :width].tolist(), state.logps[rows, :width].tolist()
        found: dict[int, Sample] = {}
        for slot, own, logp, count in zip(watched, ids, logps, counts, strict=True):
            row = self._live[slot]
            sample = self._sample(row, own[:count], logp[:count], done[slot])
            if sample is not None:
                found[row.handle] = sample
                self._end(row, sample)
        return found

    def _sample(self, row: Row, ids: list[int], logps: list[float], done: bool) -> Sample | None:
        """The response if it has ended; one that says a stop text ends with the token that completes it."""
        end = self._said(row.sampling.stop, ids)
        if end:
            return Sample(ids[:end], logps[:end], cut=False)
        return Sample(ids, logps, cut=ids[-1] not in self.stops) if done else None

    def _said(self, stop: Sequence[str], ids: list[int]) -> int:
        """How many tokens it takes to say one of the stop texts; 0 if none was said."""
        if not stop or not any(text in self.text(ids) for text in stop):
            return 0
        return next(n for n in range(1, len(ids) + 1) if any(text in self.text(ids[:n]) for text in stop))

    def _end(self, row: Row, sample: Sample) -> None:
        """Free the slot, or keep it for what follows."""
        del self._live[row.slot]
        self._decoder.state.done[row.slot] = True
        if row.keep:
            row.ids = row.prompt + sample.ids
            self._kept[row.handle] = row
