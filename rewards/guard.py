"""Bounded execution: time, memory and crashes of a call stay in a worker process.

`run("module:function", *args)` calls a function in a warm worker. A thread or an
alarm cannot end every computation (a power of large integers holds the
interpreter until it is done), so the last resort is SIGKILL. The caller imports
nothing of the function's module, sets no signal and may sit in any thread, in an
event loop or in a (daemonic) worker process of its own.
"""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import pickle
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, wait
from dataclasses import dataclass
from multiprocessing.context import SpawnContext, SpawnProcess
from types import FrameType, ModuleType
from typing import Any, Literal

from ludex.lookup import MissingExtra, load

Kind = Literal["value", "time", "memory", "raised", "died", "broken"]

GRACE_S = 3.0  # from the worker's own alarm to SIGKILL
MAX_TASKS = 1000  # calls until a worker is replaced, so that caches cannot grow without end
WORKERS = min(4, os.cpu_count() or 1)


@dataclass(frozen=True)
class Outcome:
    """How a guarded call ended.

    Attributes:
        kind: "value" (it returned), "time" and "memory" (it passed that limit),
            "raised" (an exception), "died" (the worker crashed twice), or
            "broken": no worker could be had, which says nothing about the call.
        value: what it returned.
        why: one line about every other ending.
    """

    kind: Kind
    value: Any = None
    why: str = ""


class _Expired(BaseException):
    """The alarm of a worker; no `except Exception` on the way may swallow it."""


def run(target: str, *args: Any, limit_s: float = 2.0, memory_mb: int = 2048) -> Outcome:
    """Call a function in a worker process, and wait for the end.

    Args:
        target: "module:function"; the module is imported in the worker only.
        args: picklable arguments.
        limit_s: seconds until the call is interrupted; GRACE_S later its process is killed.
        memory_mb: address space of the worker in MiB.

    Returns:
        The outcome; it never raises for what happens in the worker. A crash or a
        broken pool is tried once more in a fresh worker before it is reported.

    Raises:
        MissingExtra: if Pebble is not installed.
    """
    outcome = _once(target, args, limit_s, memory_mb)
    return _once(target, args, limit_s, memory_mb) if outcome.kind in ("died", "broken") else outcome


def _once(target: str, args: tuple[Any, ...], limit_s: float, memory_mb: int) -> Outcome:
    key = (target.partition(":")[0], memory_mb)
    # Threads do not survive a fork, so that a forked process needs pools of its own.
    pools = _pools.setdefault(os.getpid(), _Pools())
    pool = pools.get(key)
    try:
        future = pool.schedule(_call, args=(target, args, limit_s), timeout=limit_s + GRACE_S)
        while not wait([future], timeout=1.0).done:
            if not pool.active:  # Pebble forgets a call that was queued while its pool broke
                raise RuntimeError("the pool broke")
        return _ending(future, limit_s)
    except (RuntimeError, OSError, AssertionError) as error:  # the pool is dead; the next call gets a new one
        pools.drop(key, pool)
        return Outcome("broken", why=f"no worker process: {type(error).__name__}: {error}"[:300])


def _ending(future: Any, limit_s: float) -> Outcome:
    from pebble import ProcessExpired

    try:
        outcome: Outcome = future.result()
    except TimeoutError:
        return Outcome("time", why=f"killed after {limit_s + GRACE_S:g} s")
    except ProcessExpired as error:
        return Outcome("died", why=f"the worker process ended with code {error.exitcode}")
    except MemoryError:
        return Outcome("memory", why="not enough memory for the result")
    except CancelledError as error:
        raise RuntimeError("the pool was shut down") from error
    except (pickle.PicklingError, TypeError, AttributeError) as error:  # of an argument or of the result
        return Outcome("raised", why=f"{type(error).__name__}: {error}"[:300])
    return outcome


class _Pools:
    """The pools of one process: one for each imported module and memory limit, started when first used."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pools: dict[tuple[str, int], Any] = {}

    def get(self, key: tuple[str, int]) -> Any:
        """The pool of `key`; MissingExtra without Pebble."""
        try:
            from pebble import ProcessPool
        except ModuleNotFoundError as error:
            raise MissingExtra("this needs pebble: pip install 'ludex[math]'") from error
        with self._lock:
            if key not in self._pools:
                self._pools[key] = ProcessPool(WORKERS, MAX_TASKS, _prepare, key, _Context())
            return self._pools[key]

    def drop(self, key: tuple[str, int], pool: Any) -> None:
        """Forget a dead pool, unless another thread has replaced it already."""
        with self._lock:
            if self._pools.get(key) is pool:
                del self._pools[key]
                threading.Thread(target=_bury, args=(pool,), daemon=True).start()


def _bury(pool: Any) -> None:
    pool.stop()
    with contextlib.suppress(RuntimeError, OSError):
        pool.join()


_pools: dict[int, _Pools] = {}  # by process id


# ---- in the worker ------------------------------------------------------------------------------


def _prepare(module: str, memory_mb: int) -> None:
    """Limit the memory, and import the module before the first call's clock starts."""
    import logging
    import resource

    # GMP ignores alarms, and aborts the process where Python raises MemoryError.
    os.environ["SYMPY_GROUND_TYPES"] = "python"
    os.environ["MPMATH_NOGMPY"] = "1"
    with contextlib.suppress(ValueError, OSError):  # refused where the hard limit is lower, or by macOS
        resource.setrlimit(resource.RLIMIT_AS, (memory_mb << 20, memory_mb << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.disable(logging.CRITICAL)
    with contextlib.suppress(Exception):  # the call itself will report it
        importlib.import_module(module)


def _call(target: str, args: tuple[Any, ...], limit_s: float) -> Outcome:
    """The call under an alarm; whatever it does becomes an Outcome."""
    import signal

    def expire(signum: int, frame: FrameType | None) -> None:
        raise _Expired

    try:
        function = load(target)
        signal.signal(signal.SIGALRM, expire)
        signal.setitimer(signal.ITIMER_REAL, limit_s)
        try:
            return Outcome("value", function(*args))
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except _Expired:
        return Outcome("time", why=f"interrupted after {limit_s:g} s")
    except MemoryError:
        return Outcome("memory", why="out of memory")
    except Exception as error:
        return Outcome("raised", why=f"{type(error).__name__}: {error}"[:300])


# ---- starting a worker --------------------------------------------------------------------------


class _Process(SpawnProcess):
    """A spawned worker that knows nothing of the caller's main script.

    Workers import their function by name, so they need not run the main script
    again: scripts work without `if __name__ == "__main__"`. A daemonic process (an
    AsyncVectorEnv's, a DataLoader's) may start one too. A worker is daemonic itself,
    or a process that leaves without `atexit` would wait for it; if its parent is
    killed, its task pipe closes and it ends.
    """

    def start(self) -> None:
        """Start the worker."""
        self.daemon = True
        with _no_main(), _no_daemon():
            super().start()


class _Context(SpawnContext):
    Process = _Process


@contextlib.contextmanager
def _no_main() -> Iterator[None]:
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextlib.contextmanager
def _no_daemon() -> Iterator[None]:
    config: dict[str, Any] = getattr(multiprocessing.current_process(), "_config", {})
    daemon = config.pop("daemon", None)
    try:
        yield
    finally:
        if daemon is not None:
            config["daemon"] = daemon
