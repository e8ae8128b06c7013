"""Calls of environments on threads that can be given up.

A lane is one thread, which makes its calls in the order they come. An environment stays on its lane, so that it never
meets two threads at once, nor another one than its own as long as nothing hangs there.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from functools import partial
from typing import Any

GRACE_S = 1.0  # what a call that is under way has to end when everything is broken off


class EnvTimeout(Exception):
    """An environment did not answer within the limit."""


@dataclass(eq=False)
class Call:
    """A call that was handed out.

    Attributes:
        function: what to call.
        began: the clock (`time.monotonic`) when it began, infinite before.
        answer: where its thread leaves whether it returned, and what, or what it raised.
        answered: set once it has; to wait for this takes nothing away, should Ctrl-C come just then.
        outcome: the answer, or that there was none; None until somebody asked for it.
        abandoned: whether its thread was given up and may still be in it.
    """

    function: Callable[[], Any]
    began: float = math.inf
    answer: tuple[bool, Any] | None = None
    answered: threading.Event = field(default_factory=threading.Event)
    outcome: tuple[bool, Any] | None = None
    abandoned: bool = False


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
        """Hand out `function(...)`. KeyboardInterrupt for Ctrl-C in a call that is made at once."""
        call = Call(partial(function, *args, **kwargs))
        if self.threaded:
            if self._thread is None:
                self._start()
            self._unsettled.append(call)
            self._calls.put(call)
        else:
            call.outcome = _make(call)
            if isinstance(call.outcome[1], KeyboardInterrupt):
                raise call.outcome[1]
        return call

    def result(self, call: Call) -> Any:
        """What the call returned, once it has.

        Raises:
            Exception: what the call raised.
            RuntimeError: if it raised what would end a thread or the program, such as SystemExit.
            EnvTimeout: if it did not return within the limit.
            CancelledError: if it was never made.
        """
        while call.outcome is None:
            self._settle_first()
        returned, value = call.outcome
        if returned:
            return value
        if isinstance(value, Exception):
            raise value
        raise RuntimeError(f"it raised {type(value).__name__}: {value}") from value

    def cancel(self, until: float) -> None:
        """Drop the calls that have not begun, and wait for the one under way, but not past `until` on the clock."""
        for call in _taken(self._calls):
            call.outcome = (False, CancelledError("broken off before it began"))
        while self._unsettled:
            self._settle_first(until)

    def close(self) -> None:
        """Wait for the calls handed out, and let the thread end."""
        while self._unsettled:
            self._settle_first()
        if self._thread is not None:
            self._calls.put(None)
            self._thread.join()
            self._thread = None

    def _settle_first(self, until: float = math.inf) -> None:
        """Wait for the oldest call, which those behind it wait for; abandon it at its limit, or at `until`."""
        call = self._unsettled[0]
        while call.outcome is None:
            now = time.monotonic()
            left = max(0.0, min(min(call.began, now) + self.limit_s, until) - now)
            over = call.began + self.limit_s
            if call.answered.wait(left if left < math.inf else None):
                call.outcome = call.answer
            elif time.monotonic() >= min(over, until):
                why = f"no answer within {self.limit_s:g} s" if over < until else "broken off"
                call.abandoned, call.outcome = True, (False, EnvTimeout(why))
                self._abandon()
        self._unsettled.popleft()

    def _start(self) -> None:
        self._calls = queue.SimpleQueue()
        self._thread = threading.Thread(target=_serve, args=(self._calls,), daemon=True, name="ludex-env")
        self._thread.start()

    def _abandon(self) -> None:
        stuck = self._calls
        self._start()
        for call in _taken(stuck):  # the stuck thread may wake just now and take one: then it is made there
            self._calls.put(call)
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

    def cancel(self) -> None:
        """Drop the calls that have not begun, and wait for those under way, but not for longer than GRACE_S."""
        until = time.monotonic() + GRACE_S
        for lane in self._lanes:
            lane.cancel(until)

    def close(self) -> None:
        """Wait for all calls and let the threads end."""
        for lane in self._lanes:
            lane.close()


def _serve(calls: queue.SimpleQueue[Call | None]) -> None:
    while (call := calls.get()) is not None:
        call.answer = _make(call)
        call.answered.set()
        del call  # an idle thread keeps no environment alive


def _make(call: Call) -> tuple[bool, Any]:
    """The outcome, whatever it is: a thread that ended would leave those who wait for it waiting."""
    call.began = time.monotonic()
    try:
        return True, call.function()
    except BaseException as error:
        return False, error


def _taken(calls: queue.SimpleQueue[Call | None]) -> Iterator[Call]:
    """Take out what waits in a queue."""
    with contextlib.suppress(queue.Empty):
        while (call := calls.get_nowait()) is not None:
            yield call
