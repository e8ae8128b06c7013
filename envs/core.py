"""Tasks as streams, and as Gymnasium environments.

A task is a pure generator `generate(rng, *, option=default, ...) -> Task`. A
TaskSource numbers its draws; TaskEnv poses one task an episode, and TextEnv is
the base of environments that play a task over many turns.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import zlib
from collections.abc import Callable, Sized
from numbers import Integral
from typing import Any, get_type_hints
from urllib.parse import quote, unquote

import gymnasium
import numpy as np

from ludex.config import convert
from ludex.core import Task
from ludex.envs.spaces import FreeText
from ludex.lookup import suggest
from ludex.rewards import verify

Generator = Callable[..., Task]

SPLITS = ("train", "valid", "test")
MAX_DRAWS = 2000  # rejected draws before a split counts as empty
MAX_RESPONSE = 1_000_000  # characters


def split_of(key: str) -> str:
    """The split that owns the problem `key`: train 80 %, valid 10 %, test 10 %, the same on every machine."""
    bucket = int.from_bytes(hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=8).digest(), "big") % 10
    return "test" if bucket == 9 else "valid" if bucket == 8 else "train"


def check_split(split: str) -> str:
    """`split` itself; ValueError suggests if it is none."""
    if split not in SPLITS:
        raise ValueError(f"no split {split!r}; {suggest(str(split), SPLITS)}")
    return split


def check_natural(value: Any, what: str) -> int:
    """`value` as an int; ValueError, which begins with `what`, unless it is a whole number, 0 or more."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{what} = {value!r} must be a whole number, 0 or more")
    return int(value)


class TaskSource:
    """The endless stream of one generator's tasks: `source[i]` is always the same task.

    Streams of different seeds and splits are independent, and no problem (by its
    `info["key"]`, else its prompt) occurs in two splits.

    Args:
        name: the id that the tasks carry.
        generate: the generator.
        seed: names the stream.
        split: "train", "valid" or "test".
        options: the generator's keyword options.

    Raises:
        TypeError: for an option that the generator does not have.
        ValueError: for a negative seed, an unknown split, or if the split turns out to be empty.
    """

    def __init__(self, name: str, generate: Generator, /, *, seed: int = 0, split: str = "train", **options: Any):
        self.name, self.generate = name, generate
        self.seed, self.split = check_natural(seed, f"{name}: seed"), check_split(split)
        self.options = check_options(name, generate, options)
        self._stream = self._stream_id()

    def at(self, *, seed: int | None = None, split: str | None = None) -> TaskSource:
        """The same generator and options under another seed or split."""
        seed = self.seed if seed is None else seed
        return type(self)(self.name, self.generate, seed=seed, split=split or self.split, **self.options)

    def __getitem__(self, index: int) -> Task:
        if index < 0:
            raise IndexError(f"{self.name}: task indices start at 0, got {index}")
        rng = self._rng(index)
        for _ in range(MAX_DRAWS):
            task = self.generate(rng, **self.options)
            if not isinstance(task, Task):
                raise TypeError(f"{self.name}: the generator must return a Task, not {type(task).__name__}")
            if split_of(task.info.get("key", task.prompt)) == self.split:
                return task.with_(id=self.task_id(index))
        raise ValueError(
            f"{self.name}: no problem of split {self.split!r} in {MAX_DRAWS} draws; "
            "the space of problems is too small for these options"
        )

    def _rng(self, index: int) -> np.random.Generator:
        # A plain seed + index would make seeds 42 and 43 share all but one task.
        where = (zlib.crc32(self.name.encode()), SPLITS.index(self.split), index)
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=where)))

    def task_id(self, index: int) -> str:
        """Name?options/split/seed/index, the options sorted and only where they differ from the default."""
        return f"{self._stream}/{index}"

    def _stream_id(self) -> str:
        defaults = {name: p.default for name, p in inspect.signature(self.generate).parameters.items()}
        given = {k: v for k, v in sorted(self.options.items()) if v != defaults.get(k)}
        query = "&".join(f"{k}={quote(json.dumps(v, separators=(',', ':')), safe='')}" for k, v in given.items())
        return f"{self.name}{'?' + query if query else ''}/{self.split}/{self.seed}"


def parse_task_id(task_id: str) -> tuple[str, dict[str, Any], str, int, int]:
    """Name, options, split, seed and index of a task id; ValueError if it is none."""
    try:
        head, split, seed, index = task_id.rsplit("/", 3)
        name, _, query = head.partition("?")
        pairs = (pair.partition("=") for pair in query.split("&") if pair)
        return name, {k: _option(k, v) for k, _, v in pairs}, check_split(split), int(seed), int(index)
    except ValueError as error:
        raise ValueError(f"{task_id!r} must read name?options/split/seed/index ({error})") from None


def _option(name: str, text: str) -> Any:
    try:
        return json.loads(unquote(text))
    except ValueError:
        written = quote(json.dumps(unquote(text)), safe="")
        raise ValueError(f"options are JSON, percent-encoded: a text reads {name}={written}") from None


def check_options(name: str, generate: Callable[..., Any], options: dict[str, Any]) -> dict[str, Any]:
    """The options, lists as tuples where `generate` wants those.

    Raises:
        TypeError: for an option that `generate` does not take; suggests.
        ConfigError: for a value of another type than its annotation's.
    """
    parameters = inspect.signature(generate).parameters.values()
    known = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    for option in options:
        if option not in known:
            raise TypeError(f"{name} has no option {option!r}; {suggest(option, known)}")
    try:
        hints = get_type_hints(generate)
    except NameError:  # annotations that exist for the type checker only
        hints = {}
    return {k: convert(hints.get(k, Any), value, f"{name}: {k}") for k, value in options.items()}


class TextEnv(gymnasium.Env[str, str]):
    """An environment whose episodes each play one task of a source.

    `reset(seed=s)` starts at task 0 of stream s, a plain `reset()` goes on to the
    next index, `reset(options={"index": i, "split": "test"})` takes any. A subclass
    gives `begin()` and `step()`; it must hold no history.

    Args:
        source: the tasks.
        max_length: the most characters that the spaces hold.
    """

    metadata = {"render_modes": []}  # noqa: RUF012, as in Gymnasium itself

    def __init__(self, source: Any, max_length: int = MAX_RESPONSE):
        self.source = source
        self.task: Task
        self._index = -1
        self.observation_space = FreeText(max_length)
        self.action_space = FreeText(max_length)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Pose a task. ValueError for an unknown key in `options`, or an index that is no whole number."""
        super().reset(seed=seed)
        options = options or {}
        for key in options:
            if key not in ("index", "split"):
                raise ValueError(f"reset: no option {key!r}; {suggest(str(key), ('index', 'split'))}")
        index = check_natural(options.get("index", 0), "reset: index")
        if seed is not None or options.get("split", self.source.split) != self.source.split:
            self.source = self.source.at(seed=seed, split=options.get("split"))
            self._index = -1
        following = self._index + 1
        if isinstance(self.source, Sized):  # a data set ends, and starts over
            following %= len(self.source)
        self._index = index if "index" in options else following
        self.task = self.source[self._index]
        observation, info = self.begin()
        return observation, {"task_id": self.task.id, "solution": self.task.info.get("solution"), **info}

    def begin(self) -> tuple[str, dict[str, Any]]:
        """The first observation of `self.task`, and what `info` holds beside its id and solution."""
        return self.task.prompt, {}


class TaskEnv(TextEnv):
    """A task as a one-step environment: the prompt, one response, its Score in `info["score"]`."""

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Judge the response; the reward is NaN if the task itself is broken (status ERROR)."""
        score = verify(action, self.task)
        return "", score.reward, True, False, {"score": score, "is_success": score.correct}


__all__ = [
    "MAX_RESPONSE",
    "SPLITS",
    "TaskEnv",
    "TaskSource",
    "TextEnv",
    "check_split",
    "parse_task_id",
    "split_of",
]
