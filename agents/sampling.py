"""What rollouts ask of a sampler; free of torch, so that models behind HTTP need none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Sampling:
    """How responses are drawn.

    Attributes:
        max_new_tokens: length limit of one response.
        temperature: divides the logits; 0 takes the most likely token.
        top_p: keeps the smallest set of tokens with this mass; training needs 1.
        top_k: keeps so many of the most likely tokens, 0 for all; training needs 0.
        min_p: keeps tokens with at least this share of the most likely one's chance; training needs 0.
        stop: texts that end a response, which keeps them.
    """

    max_new_tokens: int = 64
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1:
            raise ValueError(f"max_new_tokens={self.max_new_tokens} must be at least 1")
        if not 0 <= self.temperature < math.inf:
            raise ValueError(f"temperature={self.temperature} must be a number from 0 up")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p={self.top_p} must be above 0 and at most 1")
        if self.top_k < 0:
            raise ValueError(f"top_k={self.top_k} must be 0 (all) or a number of tokens")
        if not 0 <= self.min_p < 1:
            raise ValueError(f"min_p={self.min_p} must be from 0 to below 1")
        if not all(self.stop):
            raise ValueError(f"stop={self.stop}: an empty text would end every response at once")


@dataclass
class Sample:
    """One response: its tokens (stop token included), their log-probabilities in nats, and whether it was cut."""

    ids: list[int]
    logps: list[float]
    cut: bool


class Engine(Protocol):
    """What rollouts ask of a sampler: hand in prompts, collect what is finished, follow new weights."""

    def submit(
        self, prompt: Sequence[int], sampling: Sampling, *, key: Sequence[int] = (), keep: bool = False, after: int = 0
    ) -> int:
        """Queue one response to `prompt`; the handle names it.

        Args:
            prompt: token ids.
            sampling: how to draw.
            key: names the response's own random stream, within that of `refresh`; by default its number.
            keep: the conversation will go on: what was computed stays until a later `after`, or `release`.
            after: the handle of the response, submitted with `keep`, that this prompt continues. Only
                a matter of speed.
        """
        ...

    def poll(self) -> dict[int, Sample]:
        """Responses finished since the last call, by handle; empty only when nothing is queued."""
        ...

    def release(self, handle: int) -> None:
        """Nothing will continue this response; unknown handles are ignored."""
        ...

    def refresh(self, seed: int) -> None:
        """The weights may have changed: drop what depends on them, and draw from the streams of `seed`."""
        ...


def stream(*where: int) -> int:
    """The seed of the random stream that these numbers name."""
    return int(np.random.SeedSequence(list(where)).generate_state(1, np.uint64)[0] >> 1)


def generate(engine: Engine, prompts: Sequence[Sequence[int]], sampling: Sampling) -> list[Sample]:
    """One response to each prompt, in order."""
    handles = [engine.submit(prompt, sampling) for prompt in prompts]
    done: dict[int, Sample] = {}
    while not done.keys() >= set(handles):
        done |= engine.poll()
    return [done[handle] for handle in handles]
