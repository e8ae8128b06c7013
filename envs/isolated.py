"""An interpreter in a process of its own: for engines that leak, hang, crash or share state with each other."""

from __future__ import annotations

import contextlib
import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from ludex.envs.worlds import Interpreter

TIMEOUT_S = 120.0  # for opening a game, which may compile; a command has its own limit
COMMAND_S = 20.0

Make = Callable[[Any], Interpreter]


class Died(RuntimeError):
    """The process of an engine ended, or took too long; the environment's episode is lost, the run is not."""


def serve(pipe: Connection, make: Make) -> None:
    """The process: opens games and answers calls until the pipe is closed."""
    game: Interpreter | None = None
    with contextlib.suppress(EOFError, KeyboardInterrupt):
        while True:
            name, argument = pipe.recv()
            try:
                if name == "open":
                    game = make(argument)
                    reply: Any = None
                else:
                    found = getattr(game, name)
                    reply = (found(*argument) if callable(found) else found, None)
            except Exception as error:  # whatever the engine raises is for the parent to tell
                reply = (None, f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
            pipe.send(reply or (None, None))


class Isolated:
    """Plays one game after the other in one process, which is started anew when it dies.

    Args:
        make: `(argument) -> Interpreter`, at module level; it should reuse what is costly between two calls.
    """

    def __init__(self, make: Make):
        self.make = make
        self._process: Any = None
        self._pipe: Connection | None = None

    def open(self, argument: Any) -> Isolated:
        """Begin a game; returns itself. Died in one line if the engine cannot."""
        if self._process is None or not self._process.is_alive():
            self._start()
        self._call("open", argument, TIMEOUT_S)
        return self

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, self.make), daemon=True)
        self._process.start()
        theirs.close()

    def _call(self, name: str, argument: Any = (), limit_s: float = COMMAND_S) -> Any:
        if self._pipe is None:
            raise Died("no game was opened")
        try:
            self._pipe.send((name, argument))
            if not self._pipe.poll(limit_s):
                self.close()
                raise Died(f"the engine did not answer {name} within {limit_s:g} s")
            value, error = self._pipe.recv()
        except (EOFError, OSError):
            self.close()
            raise Died(f"the engine's process died in {name}") from None
        if error:
            raise Died(f"the engine failed in {name}: {error}")
        return value

    won = property(lambda self: self._call("won"))
    lost = property(lambda self: self._call("lost"))
    score = property(lambda self: self._call("score"))
    max_score = property(lambda self: self._call("max_score"))
    goal = property(lambda self: self._call("goal"))

    def intro(self) -> str:
        """As the engine's."""
        return str(self._call("intro"))

    def commands(self) -> list[str]:
        """As the engine's."""
        return list(self._call("commands"))

    def step(self, command: str) -> str:
        """As the engine's."""
        return str(self._call("step", (command,)))

    def look(self) -> str:
        """As the engine's."""
        return str(self._call("look"))

    def inventory(self) -> str:
        """As the engine's."""
        return str(self._call("inventory"))

    def plan(self) -> list[str]:
        """As the engine's."""
        return list(self._call("plan"))

    def __del__(self) -> None:
        self.close()
