"""Streams that a data set may be asked for: with few problems, breaking off, broken, with an end, and a slow one."""

from __future__ import annotations

import time

from ludex.core import Task

PROBLEMS = 60


def _task(n: int) -> Task:
    return Task(
        prompt=f"What is {n} + 1?", answer=n + 1, verifier="integer", info={"key": f"n{n}", "lines": "a\u2028b"}
    )


def few(rng) -> Task:
    """One of 60 problems."""
    return _task(int(rng.integers(PROBLEMS)))


def fragile(rng) -> Task:
    """One of a million problems, or, one time in ten, an error; the first draw of stream 0 is sound."""
    if rng.random() < 0.1:
        raise ValueError("nothing fits")
    return _task(int(rng.integers(1_000_000)))


def broken(rng) -> Task:
    """One of a million problems, or, one time in ten, an error that is the generator's own fault."""
    if rng.random() < 0.1:
        raise KeyError("boom")
    return _task(int(rng.integers(1_000_000)))


def held(rng) -> Task:
    """A task with a set in its info."""
    key = f"n{rng.integers(PROBLEMS)}"
    return Task(prompt="What is 1 + 1?", answer=2, verifier="integer", info={"key": key, "seen": {1}})


def looped(rng) -> Task:
    """A task whose info holds itself."""
    info: dict = {"key": f"n{rng.integers(PROBLEMS)}"}
    return Task(
        prompt="What is 1 + 1?", answer=2, verifier="integer", info={**info, "all": [info, info.update(me=info)]}
    )


class Rows:
    """A source of 40 rows, every one of them twice."""

    def __init__(self, name: str, *, seed: int = 0, split: str = "train"):
        self.name, self.split = name, split

    def __len__(self) -> int:
        return 40

    def __getitem__(self, index: int) -> Task:
        if not 0 <= index < 40:
            raise IndexError(index)
        return _task(index // 2).with_(id=f"{self.name}/{self.split}/0/{index}")


class Slow(Rows):
    """Two hundred rows; every one but the first takes five seconds."""

    def __len__(self) -> int:
        return 200

    def __getitem__(self, index: int) -> Task:
        time.sleep(5 if index else 0)
        return _task(index)
