"""The device's side of sampling: slots in the middle of their responses, and the step that gives each one more token.

A step reads and writes tensors at fixed addresses and never asks the host, so
that on CUDA it is captured once per shape and replayed.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from ludex.agents.engine.drawing import draw, uniform
from ludex.agents.engine.slots import Plan, Slots
from ludex.agents.sampling import Sampling

PREFILL_TOKENS = 1 << 15  # of prompts forwarded at once
HISTORY_TOKENS = 1 << 16  # of conversations that go on, whose keys and values are copied together for every layer
TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.3}  # nats, between sampling and a plain pass
PAGE = {"cpu": 32, "cuda": 256}  # tokens by which slots grow and, on CUDA, what is attended to


@dataclass
class State:
    """What is known of each of S slots, on the device.

    Attributes:
        token: int [S], sampled last and not fed yet.
        length: int [S], tokens fed so far; where the next one goes.
        count: int [S], tokens sampled so far.
        limit: int [S], tokens to sample at most.
        key: int [S], of the random stream.
        done: bool [S], nothing more is sampled.
        ids: int [S, M + 1], what was sampled; the last column takes what is thrown away.
        logps: float [S, M + 1], nats.
    """

    token: Tensor
    length: Tensor
    count: Tensor
    limit: Tensor
    key: Tensor
    done: Tensor
    ids: Tensor
    logps: Tensor

    @classmethod
    def blank(cls, slots: int, new: int, device: torch.device) -> State:
        """Slots without a conversation."""
        numbers = torch.zeros(5, slots, dtype=torch.long, device=device)
        token, length, count, limit, key = numbers.unbind()
        done = torch.ones(slots, dtype=torch.bool, device=device)
        ids = torch.zeros(slots, new + 1, dtype=torch.long, device=device)
        return cls(token, length, count, limit, key, done, ids, torch.zeros(slots, new + 1, device=device))

    def take(self, old: State) -> None:
        """Hold what a smaller state held."""
        for f in fields(self):
            own, other = getattr(self, f.name), getattr(old, f.name)
            view = own[: other.shape[0], : other.shape[1] - 1] if own.dim() == 2 else own[: len(other)]
            view.copy_(other[:, :-1] if own.dim() == 2 else other)

    def permute(self, source: Tensor, target: Tensor) -> None:
        """Slots `target` become what slots `source` are."""
        for f in fields(self):
            getattr(self, f.name)[target] = getattr(self, f.name)[source]


class Decoder:
    """Runs a policy over slots.

    Args:
        policy: holds the model and computes logits.
        stops: ids that end a response.
    """

    def __init__(self, policy: Any, stops: Sequence[int]):
        self.policy, self.device = policy, policy.device
        self.stops = torch.tensor(sorted(stops), dtype=torch.long, device=self.device)
        self.page = PAGE.get(self.device.type, PAGE["cuda"])
        self._graphs = Graphs(self.device)
        self.clear()

    @torch.no_grad()
    def check(self) -> None:
        """Sample a few tokens, and refuse a model whose attention does not take slots as they are.

        Raises:
            ValueError: if what is recorded is not what the model says of these tokens.
        """
        words, manner = self.policy.model.config.get_text_config().vocab_size, Sampling(3, 0.0)
        prompts = [[1 % words, 2 % words, 3 % words], [4 % words]]
        try:
            self.fit(2, 8, 3)
            logits = self.prefill([0, 1], prompts, [0, 0])
            self.begin([0, 1], logits, lengths=[3, 1], limits=[3, 3], keys=[0, 0], sampling=manner)
            for _ in range(2):
                self._step(2, 8, manner)
            error = max(self._error(slot, prompt) for slot, prompt in enumerate(prompts))
        except (RuntimeError, TypeError, ValueError, AttributeError, IndexError, KeyError) as raised:
            reason = " ".join(str(raised).split())[:200]
            raise ValueError(f"{type(self.policy.model).__name__} cannot be sampled here: {reason}") from raised
        if not error < TOLERANCE[self.policy.model.dtype]:
            raise ValueError(
                f"{type(self.policy.model).__name__} cannot be sampled here: what its attention makes of slots is off "
                f"by {error:.2g} nats; compute.engine = 'transformers', or ludex eval openai:URL#model, may serve"
            )
        self.clear()

    def _error(self, slot: int, prompt: list[int]) -> float:
        """Largest difference between what was recorded and a plain pass, nats."""
        count = int(self.state.count[slot])
        ids = self.state.ids[slot, :count]
        whole = torch.tensor([[*prompt, *ids.tolist()]], device=self.device)
        logp = self.policy.logits(self.policy.hidden(whole, None, None)[0]).log_softmax(-1)
        plain = logp[len(prompt) - 1 : -1].gather(1, ids[:, None])[:, 0]
        return float((plain - self.state.logps[slot, :count]).abs().max())

    def clear(self) -> None:
        """Give the memory back."""
        self.slots = Slots(self.policy.model.config)
        self.state = State.blank(0, 0, self.device)
        self._graphs.forget()

    def fit(self, slots: int, length: int, new: int) -> None:
        """Make room: so many slots, tokens in each, and sampled tokens in each."""
        length = -(-length // self.page) * self.page
        moved = self.slots.fit(slots, length)
        held, width = len(self.state.token), self.state.ids.shape[1] - 1
        if slots > held or new > width:
            old, self.state = self.state, State.blank(max(slots, held), max(new, width), self.device)
            self.state.take(old)
            moved = True
        if moved:
            self._graphs.forget()

    def prefill(self, slots: Sequence[int], tokens: Sequence[Sequence[int]], past: Sequence[int]) -> Tensor:
        """Feed `tokens` to slots that hold `past` tokens each; logits [R, V] behind the last ones."""
        order = sorted(range(len(slots)), key=lambda i: (past[i] > 0, len(tokens[i])))
        parts = _parts(order, [len(row) for row in tokens], past)
        found = [self._feed([slots[i] for i in p], [tokens[i] for i in p], [past[i] for i in p]) for p in parts]
        place = torch.tensor(order, device=self.device).argsort()
        return torch.cat(found)[place]

    def _feed(self, slots: Sequence[int], tokens: Sequence[Sequence[int]], past: Sequence[int]) -> Tensor:
        """Padded on the right: what the padding writes is overwritten before anybody may look at it."""
        width = max(map(len, tokens))
        padded = torch.tensor([[*row, *[0] * (width - len(row))] for row in tokens], device=self.device)
        before = torch.tensor(past, device=self.device)
        position = before[:, None] + torch.arange(width, device=self.device)
        live = max(a + len(row) for a, row in zip(past, tokens, strict=True)) if any(past) else 0
        inside = position.clamp(max=self.slots.layout.length - 1)
        self.slots.layout.plan = Plan(torch.tensor(slots, device=self.device), inside, live)
        mask = self._mask(position, live) if live else None
        hidden = self.policy.hidden(padded, mask, position, self.slots)
        last = torch.tensor([len(row) - 1 for row in tokens], device=self.device)
        logits: Tensor = self.policy.logits(hidden[torch.arange(len(slots), device=self.device), last])
        return logits

    def begin(
        self,
        slots: Sequence[int],
        logits: Tensor,
        *,
        lengths: Sequence[int],
        limits: Sequence[int],
        keys: Sequence[int],
        sampling: Sampling,
    ) -> None:
        """Start responses in slots that hold `lengths` tokens, and draw their first tokens from `logits` [R, V]."""
        rows, state = torch.tensor(slots, device=self.device), self.state
        for name, values in (("length", lengths), ("limit", limits), ("key", keys)):
            getattr(state, name)[rows] = torch.tensor(values, device=self.device)
        state.count[rows], state.done[rows] = 0, False
        self._note(rows, logits, sampling)

    def step(self, extent: int, longest: int, sampling: Sampling) -> None:
        """One more token for each of the first `extent` slots that is not done; none holds more than `longest`."""
        if self.device.type == "cuda":  # few shapes, so that few graphs are captured
            extent = min(1 << (extent - 1).bit_length(), len(self.state.token))
            longest = -(-longest // self.page) * self.page
        live = min(longest, self.slots.layout.length)
        self._graphs.run((extent, live, sampling), lambda: self._step(extent, live, sampling), self._held())

    def _step(self, extent: int, live: int, sampling: Sampling) -> None:
        state, rows = self.state, torch.arange(extent, device=self.device)
        position = state.length[:extent, None]
        self.slots.layout.plan = Plan(rows, position, live, front=True)
        hidden = self.policy.hidden(state.token[:extent, None], self._mask(position, live), position, self.slots)
        state.length[:extent] += ~state.done[:extent]
        self._note(rows, self.policy.logits(hidden[:, -1]), sampling)

    def _mask(self, position: Tensor, live: int) -> Any:
        return self.slots.mask(position, live, self.policy.model.dtype)

    def _note(self, rows: Tensor, logits: Tensor, sampling: Sampling) -> None:
        """Draw a token for each row and write it down, unless the row is done."""
        state, nothing = self.state, self.state.ids.shape[1] - 1
        count, done = state.count[rows], state.done[rows]
        token, logp = draw(logits, sampling, uniform(state.key[rows], count))
        place = torch.where(done, nothing, count)
        state.ids[rows, place], state.logps[rows, place] = token, logp
        state.token[rows] = torch.where(done, state.token[rows], token)
        state.count[rows] = count + ~done
        stopped = (token[:, None] == self.stops).any(1)
        state.done[rows] = done | stopped | (count + 1 >= state.limit[rows])

    def _held(self) -> list[Tensor]:
        """What a step changes and the next one depends on."""
        return [self.state.token, self.state.length, self.state.count, self.state.done]

    def copy(self, source: Sequence[int], target: Sequence[int], length: int) -> None:
        """Let slots hold what other slots hold, up to `length` tokens."""
        self.slots.copy(self._rows(source), self._rows(target), length)

    def swap(self, one: Sequence[int], two: Sequence[int], length: int) -> None:
        """Exchange slots that hold `length` tokens at most."""
        source, target = self._rows([*one, *two]), self._rows([*two, *one])
        self.slots.copy(source, target, length)
        self.state.permute(source, target)

    def _rows(self, slots: Sequence[int]) -> Tensor:
        return torch.tensor(slots, device=self.device)


class Graphs:
    """CUDA graphs of a step, one for each shape; elsewhere, and where a capture fails, a step is simply run."""

    def __init__(self, device: torch.device):
        self._device, self._captures = device, device.type == "cuda"
        self._graphs: dict[Any, Any] = {}
        self._pool: Any = None

    def forget(self) -> None:
        """The addresses have changed. A pool of memory dies with the last graph in it."""
        self._graphs.clear()
        self._pool = None

    def run(self, key: Any, step: Callable[[], None], held: Sequence[Tensor]) -> None:
        """Run a step; `held` are the tensors that must not be changed by the trials before a capture."""
        if key not in self._graphs and self._captures:
            try:
                self._graphs[key] = self._capture(step, held)
            except torch.OutOfMemoryError:
                raise
            except RuntimeError as error:  # a model that asks its host something, say
                self._captures = False
                reason = " ".join(str(error).split())[:200]
                warnings.warn(f"decoding goes on without CUDA graphs, more slowly: {reason}", stacklevel=2)
        if key not in self._graphs:
            step()
            return
        with torch.cuda.device(self._device):
            self._graphs[key].replay()

    def _capture(self, step: Callable[[], None], held: Sequence[Tensor]) -> Any:
        current = torch.cuda.current_stream(self._device)
        with torch.cuda.device(self._device), torch.cuda.stream(current):  # which a failed capture would not restore
            side: Any = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            side.wait_stream(current)
            try:
                for _ in range(2):  # libraries set themselves up on the first calls
                    with torch.cuda.stream(side), untouched(held):
                        step()
            finally:
                current.wait_stream(side)
            self._pool = self._pool or torch.cuda.graph_pool_handle()
            graph = torch.cuda.CUDAGraph()
            # Environments may use the device from threads of their own meanwhile.
            with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
                step()
            return graph


@contextmanager
def untouched(tensors: Sequence[Tensor]) -> Iterator[None]:
    """Put the tensors' values back after a block, however it ends."""
    before = [tensor.clone() for tensor in tensors]
    try:
        yield
    finally:
        for tensor, value in zip(tensors, before, strict=True):
            tensor.copy_(value)


def _parts(order: Sequence[int], new: Sequence[int], past: Sequence[int]) -> list[list[int]]:
    """Runs of `order` that are forwarded together: conversations that go on apart from new ones, neither too many.

    `new` tokens of each are padded to the longest of a run, and so are all tokens of those that go on.
    """
    parts: list[list[int]] = []
    width = history = 0
    for i in order:
        alike = bool(parts) and (past[parts[-1][0]] > 0) == (past[i] > 0)
        rows = len(parts[-1]) + 1 if alike else 1
        width = max(width if alike else 0, new[i])
        history = max(history if alike else 0, past[i] + new[i] if past[i] else 0)
        if alike and rows * width <= PREFILL_TOKENS and rows * history <= HISTORY_TOKENS:
            parts[-1].append(i)
        else:
            parts.append([i])
            width, history = new[i], past[i] + new[i] if past[i] else 0
    return parts
