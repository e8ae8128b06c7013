"""An environment in a process of its own: for one that holds the interpreter, leaks, or shares state with its like."""

from __future__ import annotations

import contextlib
import multiprocessing
import pickle
import signal
import weakref
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import gymnasium
from gymnasium.envs.registration import load_env_creator

from ludex.envs.core import TextEnv
from ludex.envs.registry import entry, is_foreign, make, names, register, short, target
from ludex.lookup import suggest

CONCURRENCY = ("thread", "process")


class EnvFailure(RuntimeError):
    """What went wrong in an environment's process, in one line."""


def declared(name: str) -> str:
    """Where an environment wants to run: "thread", or "process" if its class says so.

    A class says so by `metadata = {"concurrency": "process"}`.

    Raises:
        ValueError: if it says anything else.
    """
    if is_foreign(name):
        point: Any = gymnasium.spec(name).entry_point
        thing = load_env_creator(point) if isinstance(point, str) else point
    else:
        thing = target(name)
        thing = getattr(thing, "env_class", thing)
    metadata = getattr(thing, "metadata", None)
    found = str(metadata.get("concurrency", "thread")) if isinstance(metadata, dict) else "thread"
    if found not in CONCURRENCY:
        raise ValueError(f'{name}: metadata["concurrency"] = {found!r}; {suggest(found, CONCURRENCY)}')
    return found


class ProcessEnv:
    """Stands in for an environment whose process starts with the first use, thus within the time limit of a call.

    What goes through the pipe must be picklable: options, observations, rewards and `info`.

    Args:
        name: an environment's id, as for `ludex.make`.
        options: of the environment.
    """

    def __init__(self, name: str, **options: Any):
        self._recipe = _recipe(name, options)
        self._process: Any = None
        self._pipe: Connection
        self._source: Any = None
        self._action_space: Any = None

    @property
    def unwrapped(self) -> ProcessEnv:
        """Itself: wrappers live in the process."""
        return self

    @property
    def action_space(self) -> Any:
        """A copy of the environment's."""
        self._start()
        return self._action_space

    @property
    def source(self) -> Any:
        """A copy of a Ludex environment's tasks; None for any other environment."""
        self._start()
        return self._source

    @source.setter
    def source(self, source: Any) -> None:
        self._start()
        if source is not self._source:
            self._call("source", source)
            self._source = source

    def reset(self, **kwargs: Any) -> Any:
        """As the environment's. EnvFailure for whatever happens there."""
        self._start()
        return self._call("reset", kwargs)

    def step(self, action: str) -> Any:
        """As the environment's. EnvFailure for whatever happens there."""
        self._start()
        return self._call("step", action)

    def close(self) -> None:
        """Close the environment, and end its process."""
        if self._process is not None:
            with contextlib.suppress(EnvFailure):
                self._call("close", None)
            self.kill()

    def kill(self) -> None:
        """End the process, whatever it is doing; a call that waits for it raises EnvFailure."""
        if self._process is not None:
            self._process.kill()
            self._process.join(1.0)

    def _start(self) -> None:
        if self._process is not None:
            return
        context = multiprocessing.get_context("spawn")  # a fork would copy locks of other threads
        self._pipe, theirs = context.Pipe()
        process = context.Process(target=serve, args=(theirs,), daemon=True)
        process.start()
        weakref.finalize(self, process.kill)
        self._process = process  # not before: what has not started cannot be killed
        theirs.close()
        self._source, self._action_space = self._call("make", self._recipe)

    def _call(self, name: str, argument: Any) -> Any:
        message = pickle.dumps((name, argument))
        try:
            self._pipe.send_bytes(message)
            returned, value = pickle.loads(self._pipe.recv_bytes())
        except (EOFError, OSError):
            raise EnvFailure(f"its process ended in {name}") from None
        if not returned:
            raise EnvFailure(value)
        return value


def serve(pipe: Connection) -> None:
    """The process: answers calls until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent to answer
    host = _Host()
    with contextlib.suppress(EOFError, OSError):
        while True:
            pipe.send_bytes(_reply(host, pipe.recv_bytes()))


class _Host:
    """Holds the environment in its process."""

    env: Any

    def make(self, recipe: Callable[[], Any]) -> tuple[Any, Any]:
        self.env = recipe()
        bare = self.env.unwrapped
        return (bare.source if isinstance(bare, TextEnv) else None), self.env.action_space

    def source(self, source: Any) -> None:
        self.env.unwrapped.source = source

    def reset(self, kwargs: dict[str, Any]) -> Any:
        return self.env.reset(**kwargs)

    def step(self, action: str) -> Any:
        return self.env.step(action)

    def close(self, _: None) -> None:
        self.env.close()


def _reply(host: _Host, message: bytes) -> bytes:
    """What to send back: whether the call returned, and what, or one line about what it raised."""
    try:
        name, argument = pickle.loads(message)
        value = getattr(host, name)(argument)
    except BaseException as error:
        return pickle.dumps((False, _line(error)))
    try:
        return pickle.dumps((True, value))
    except Exception as error:
        return pickle.dumps((False, f"{name} gave back what cannot be sent between processes ({_line(error)})"))


def _line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


def _recipe(name: str, options: dict[str, Any]) -> Callable[[], Any]:
    """How another process makes the environment, which may have been registered in this one only."""
    if is_foreign(name):
        return partial(gymnasium.make, gymnasium.spec(name), **options)
    return partial(_make, name, entry(name).target, options)


def _make(name: str, thing: Any, options: dict[str, Any]) -> Any:
    if ":" not in name and short(name) not in names():
        register(name, thing)
    return make(name, **options)
