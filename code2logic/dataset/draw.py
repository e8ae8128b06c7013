"""Drawing a stream of tasks in chunks, by one process or several, and keeping the distinct ones.

A worker leaves each chunk as one whole file, so a kill loses no more than the
chunks that were being drawn. Which draws are kept depends on their indices only.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sized
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ludex import __version__
from ludex.agents.files import write_text
from ludex.core import Task
from ludex.envs import registry
from ludex.envs.core import check_split
from ludex.faults import place_of

CHUNK = 32  # tasks drawn together
AHEAD = 4  # chunks handed out for each worker
PATIENCE = 1000  # draws in a row that gave nothing new, before a stream counts as exhausted

Drawn = tuple[list[str | None], float]  # the problems of a chunk (None: could not be drawn), and the CPU seconds spent
Submit = Callable[[range], "Future[Drawn]"]
Report = Callable[[int, int], None]  # tasks kept so far, and how many of them an earlier run had drawn


@dataclass(frozen=True)
class Request:
    """What decides every byte of a data set.

    Attributes:
        id: the environment; kept as the ids of its tasks have it.
        n: how many tasks.
        options, seed, split: which of the environment's streams.
        format: "parquet", "jsonl", "gameqa" or "alfworld".
        ludex: the version that draws them.

    Raises:
        ValueError: for an unknown split, or n below 1.
        UnknownName: for an unknown environment.
    """

    id: str
    n: int
    options: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    split: str = "train"
    format: str = "parquet"
    ludex: str = __version__

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ValueError(f"n={self.n} must be at least 1")
        check_split(self.split)
        registry.entry(self.id)
        name = self.id.removeprefix("ludex:")
        object.__setattr__(self, "id", name if ":" in name else registry.short(name))

    def source(self) -> Any:
        """The stream of tasks."""
        return registry.task_source(self.id, seed=self.seed, split=self.split, **self.options)

    def to_json(self) -> str:
        """The request as a line of JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @property
    def chunk(self) -> int:
        """How many tasks are drawn together."""
        return min(CHUNK, self.n)


@dataclass
class Selection:
    """Which draws are kept: the first `n` whose problems are distinct, offered in the order of their indices.

    Attributes:
        n: how many are wanted.
        kept: their indices.
        drawn: how many were offered.
        failed: how many of these the generator broke off with a ValueError.
    """

    n: int
    kept: list[int] = field(default_factory=list)
    drawn: int = 0
    failed: int = 0
    _seen: set[str] = field(default_factory=set)
    _idle: int = 0

    def offer(self, key: str | None) -> None:
        """The problem of the next draw; None if it failed. Nothing happens once enough are kept."""
        if self.done:
            return
        self._idle += 1
        if key is None:
            self.failed += 1
        elif key not in self._seen:
            self._seen.add(key)
            self.kept.append(self.drawn)
            self._idle = 0
        self.drawn += 1

    @property
    def duplicates(self) -> int:
        """Draws refused because their problem was there already."""
        return self.drawn - self.failed - len(self.kept)

    @property
    def done(self) -> bool:
        """Whether no more draws are wanted: there are enough, or nothing new comes."""
        return len(self.kept) == self.n or self._idle >= PATIENCE


def draw(request: Request, source: Any, work: Path, workers: int, report: Report) -> tuple[Selection, float]:
    """Draw chunks into `work` until enough problems are distinct; also the tasks drawn in a CPU second, or NaN.

    Raises:
        ChildProcessError: if a worker was killed.
    """
    selection, fresh, spent, old = Selection(request.n), 0, 0.0, 0
    with _drawers(workers, request, source, work) as submit:
        for keys, seconds in _chunks(request, source, selection, submit, AHEAD * workers if workers > 1 else 1):
            before = len(selection.kept)
            for key in keys:
                selection.offer(key)
            if seconds:
                fresh, spent = fresh + len(keys), spent + seconds
            else:
                old += len(selection.kept) - before
            report(len(selection.kept), old)
    return selection, fresh / spent if spent else math.nan


def _chunks(request: Request, source: Any, selection: Selection, submit: Submit, ahead: int) -> Iterator[Drawn]:
    """The chunks in the order of their indices; no more are handed out than are sure to be needed."""
    waiting: deque[tuple[range, Future[Drawn]]] = deque()
    end = len(source) if isinstance(source, Sized) else math.inf
    start = 0
    while not selection.done:
        missing = selection.n - len(selection.kept) - sum(len(indices) for indices, _ in waiting)
        while start < end and len(waiting) < ahead and missing > 0:
            indices = range(start, int(min(start + request.chunk, end)))
            waiting.append((indices, submit(indices)))
            start, missing = indices.stop, missing - len(indices)
        if not waiting:
            return
        try:
            yield waiting.popleft()[1].result()
        except BrokenProcessPool:
            raise ChildProcessError("a worker was killed, perhaps for its memory; the same command goes on") from None


@contextmanager
def _drawers(workers: int, request: Request, source: Any, work: Path) -> Iterator[Submit]:
    """What draws a chunk: this process, or a pool of others."""
    if workers == 1:
        yield lambda indices: _done(draw_chunk(source, work, indices))
        return
    spawn = multiprocessing.get_context("spawn")
    theirs, ours = spawn.Pipe(duplex=False)
    pool = ProcessPoolExecutor(workers, mp_context=spawn, initializer=_watch, initargs=(theirs,))

    def submit(indices: range) -> Future[Drawn]:
        with _without_ctrl_c():
            return pool.submit(_draw_elsewhere, request.to_json(), work, indices)

    try:
        yield submit
    finally:
        ours.close()
        pool.shutdown(cancel_futures=True)


def _done(drawn: Drawn) -> Future[Drawn]:
    future: Future[Drawn] = Future()
    future.set_result(drawn)
    return future


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Processes started here never see the terminal's Ctrl-C: the parent tells them when to stop."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _watch(lifeline: Connection) -> None:
    """End this worker when the parent closes its end of the pipe, or is killed; else it would wait forever."""

    def end() -> None:
        lifeline.poll(None)
        os._exit(0)

    threading.Thread(target=end, daemon=True).start()


def _draw_elsewhere(request: str, work: Path, indices: range) -> Drawn:
    return draw_chunk(_source(request), work, indices)


@lru_cache(maxsize=1)  # a worker serves one request
def _source(request: str) -> Any:
    return Request(**json.loads(request)).source()


def draw_chunk(source: Any, work: Path, indices: range) -> Drawn:
    """Draw a chunk unless its file is there, whole.

    A line of the file is a Task, or {"failed": why} where the generator raised a ValueError.

    Raises:
        TypeError: as `drawn` and `as_line` do.
    """
    path, begin = chunk_file(work, indices.start), time.process_time()
    keys = _kept(path, len(indices))
    if keys is not None:
        return keys, 0.0
    fresh = [_line(source, index) for index in indices]
    spent = time.process_time() - begin
    write_text(path, "".join(line + "\n" for line in fresh))
    return [_key(line) for line in fresh], spent


def chunk_file(work: Path, start: int) -> Path:
    """Where the chunk that begins at index `start` is kept."""
    return work / f"{start:09}.jsonl"


def lines(path: Path) -> list[str]:
    r"""The lines of a file, which end with \n and with nothing else that Unicode counts as an end of line."""
    return path.read_text(encoding="utf-8").split("\n")[:-1]


def drawn(source: Any, index: int) -> Task:
    """The task at `index` of a stream.

    Raises:
        ValueError: if the generator does: it could not draw this one.
        TypeError: if the generator raises anything else, or makes no Task; with the index.
        OSError, ImportError: as the generator raises them.
    """
    try:
        task = source[index]
    except (ValueError, OSError, ImportError):
        raise
    except Exception as error:
        where = f" ({place})" if (place := place_of(error)) else ""  # which no worker's traceback brings home
        raise TypeError(f"task {index}: the generator raised {type(error).__name__}: {error}{where}") from None
    if not isinstance(task, Task):
        raise TypeError(f"task {index}: the generator made no Task but {type(task).__name__}")
    return task


def as_line(task: Task) -> str:
    """The task as JSON. TypeError, which names the task, if JSON cannot hold it."""
    try:
        return task.to_json()
    except (ValueError, RecursionError) as error:  # its data hold themselves
        raise TypeError(f"{task.id}: it is no JSON data: {error}") from error


def _line(source: Any, index: int) -> str:
    try:
        task = drawn(source, index)
    except ValueError as error:
        return json.dumps({"failed": str(error)})
    return as_line(task)


def _kept(path: Path, count: int) -> list[str | None] | None:
    """The problems of a chunk in its file; None if there is no such file, or not with all of its `count` lines."""
    try:
        keys = [_key(line) for line in lines(path)] if path.exists() else []
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    return keys if len(keys) == count else None


def _key(line: str) -> str | None:
    row = json.loads(line)
    return None if "failed" in row else str(row["info"].get("key", row["prompt"]))
