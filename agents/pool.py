"""Calls of environments on threads that can be given up.

A lane is one thread, which makes its calls in the order they come. An environment stays on its lane, so that it never
meets two threads at once, nor another one than its own as long as nothing hangs there.
"""

from __future__ import annotations

import itertools
import math
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any


class EnvTimeout(Exception):
    """An environment did not answer within the limit."""


@dataclass(eq=False)
class Call:
    """A call that was handed out.

    Attributes:
        function: what to call.
        began: the clock (`time.monotonic`) when it began, infinite before.
        answer: where its thread leaves the outcome.
        outcome: whether it returned, and what, or what it raised; None until somebody asked for it.
    """

    function: Callable[[], Any]
    began: float = math.inf
    answer: queue.SimpleQueue[tuple[bool, Any]] = field(default_factory=queue.SimpleQueue)
    outcome: tuple[bool, Any] | None = None


class Lane:
    """Makes calls one after the other, on a thread of its own or at once in the caller's.

    A thread that hangs is abandoned, since it cannot be killed, and another one goes on with what waits behind it.

    Args:
        limit_s: seconds of one call, from its beginning; 0 for none.
        threaded: whether there is a thread; without one there is no limit.
    """

    def __init__(self, limit_s: float = 0.0, threaded: bool = True):
        self.limit_s, self.threaded = limit_s or math.inf, threaded
        self._calls: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._unsettled: deque[Call] = deque()  # in the order of submission

    def submit(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Call:
        """Hand out `function(...)`."""
        call = Call(partial(function, *args, **kwargs))
        self._unsettled.append(call)
        if self.threaded:
            if self._thread is None:
                self._start()
            self._calls.put(call)
        else:
            _make(call)
        return call

    def result(self, call: Call) -> Any:
        """What the call returned, once it has; what it raised, or EnvTimeout."""
        while call.outcome is None:
            self._settle_first()
        returned, value = call.outcome
        if not returned:
            raise value
        return value

    def close(self) -> None:
        """Wait for the calls handed out, and let the thread end."""
        while self._unsettled:
            self._settle_first()
        if self._thread is not None:
            self._calls.put(None)
            self._thread.join()
            self._thread = None

    def _settle_first(self) -> None:
        """Wait for the oldest call: those behind it begin when it is over."""
        call = self._unsettled[0]
        while call.outcome is None:
            now = time.monotonic()
            left = max(0.0, min(call.began, now) + self.limit_s - now)
            try:
                call.outcome = call.answer.get(timeout=left if left < math.inf else None)
            except queue.Empty:
                if time.monotonic() >= call.began + self.limit_s:
                    call.outcome = (False, EnvTimeout(f"no answer within {self.limit_s:g} s"))
                    self._abandon()
        self._unsettled.popleft()

    def _start(self) -> None:
        self._calls = queue.SimpleQueue()
        self._thread = threading.Thread(target=_serve, args=(self._calls,), daemon=True, name="ludex-env")
        self._thread.start()

    def _abandon(self) -> None:
        stuck = self._calls
        self._start()
        while not stuck.empty():  # the stuck thread may wake just now and take one: then it is made there
            try:
                self._calls.put(stuck.get_nowait())
            except queue.Empty:
                break
        stuck.put(None)  # should the call ever return, its thread ends


class Pool:
    """Lanes for environments.

    Args:
        workers: threads; 0 for one that makes all calls in turn, and with no time limit for none at all.
        limit_s: seconds of one call; 0 for none.
    """

    def __init__(self, workers: int = 0, limit_s: float = 0.0):
        self._lanes = [Lane(limit_s, threaded=bool(workers or limit_s)) for _ in range(max(1, workers))]
        self._next = itertools.cycle(range(len(self._lanes)))

    def lane(self) -> Lane:
        """The lane of the next environment."""
        return self._lanes[next(self._next)]

    def close(self) -> None:
        """Wait for all calls and let the threads end."""
        for lane in self._lanes:
            lane.close()


def _serve(calls: queue.SimpleQueue[Call | None]) -> None:
    while (call := calls.get()) is not None:
        _make(call)
        del call  # an idle thread keeps no environment alive


def _make(call: Call) -> None:
    call.began = time.monotonic()
    try:
        outcome = True, call.function()
    except Exception as error:
        outcome = False, error
    except SystemExit as error:
        outcome = False, RuntimeError(f"it called sys.exit({error})")
    call.answer.put(outcome)
