"""TextWorld's own interpreter (the compiled game in jericho) as an Interpreter; `pip install 'ludex[textworld]'`.

A command is the player's word to a program in C: a backslash can hang it, several actions can be chained in one line,
and some words save, restore, quit, or show what is hidden. So only the commands that the game itself offers get through
to it; what is said to any other is our engine's refusal, and changes nothing.
"""

from __future__ import annotations

import importlib.util
import re
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ludex.envs.textworld.engine import Play
from ludex.envs.textworld.game import Game
from ludex.envs.textworld.generate import Recipe, compiled, textworld
from ludex.envs.textworld.reading import Reading
from ludex.lookup import MissingExtra

_STATUS = re.compile(r"\n>[^\n]*\Z")  # the prompt, and the status line behind it
_CHOICE = re.compile(r"\A\(the [^()]*\)\n")  # which of two things of like names the parser took a word for
WANTED = ("admissible_commands", "description", "inventory", "won", "lost", "score")
ASKS = "Which do you mean"
_ENDS = re.compile(r"\*\*\* (The End|You lost!) \*\*\*.*", re.DOTALL)


def clean(feedback: str) -> str:
    """What the game said: no prompt, no status line, no count of turns, one empty line between paragraphs."""
    said = _STATUS.sub("", feedback.rstrip())
    said = _ENDS.sub(r"*** \1 ***", said).strip()
    said = _CHOICE.sub("", said)
    return re.sub(r"[ \t]*\n[ \t]*\n\s*", "\n\n", re.sub(r"[ \t]+\n", "\n", said)).strip()


def intro(feedback: str) -> str:
    """The objective and the first room: what follows the banner."""
    return clean(feedback.rpartition("$$$$$$$ \n")[2])


def check() -> None:
    """MissingExtra where the interpreter is not installed."""
    textworld()
    if importlib.util.find_spec("jericho") is None:
        raise MissingExtra("engine='textworld' needs jericho: pip install 'ludex[textworld]'")


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Where this process compiles games; removed with it."""
    return tempfile.TemporaryDirectory(prefix="ludex-textworld-")


class Official:
    """A game in the official interpreter; plans are told by a game of ours that is at the same point.

    Args:
        story: the .z8 file, with its .json beside.
        game: the same game as plain data.
    """

    _env: Any = None  # one at a time in a process: loading a second without closing the first leaks

    def __init__(self, story: Path, game: Game):
        tw = textworld()
        if Official._env is not None:
            Official._env.close()
        wanted = tw.EnvInfos(
            admissible_commands=True, description=True, inventory=True, won=True, lost=True, score=True
        )
        Official._env = tw.start(str(story), wanted)
        self._state = self._env.reset()
        self._first = intro(self._state.feedback)
        self.twin = Play(Reading.of(game))
        self.goal, self.max_score = self.twin.goal, self.twin.max_score

    @property
    def won(self) -> bool:
        """Whether the game says that it is won."""
        return bool(self._state["won"])

    @property
    def lost(self) -> bool:
        """Whether the game says that it is lost."""
        return bool(self._state["lost"])

    @property
    def score(self) -> float:
        """The points so far."""
        return float(self._state["score"] or 0)

    def intro(self) -> str:
        """The objective and the first room."""
        return self._first

    def commands(self) -> list[str]:
        """The admissible commands, in lower case."""
        return sorted({command.lower() for command in self._state.admissible_commands})

    def step(self, command: str) -> str:
        """What the game says. It may ask back where a thing's whole name is part of another's; nothing happens then."""
        if self.won or self.lost or command not in self.commands():
            return self.twin.step(command if command not in self.twin.commands() else "")
        self._state, _, _ = self._env.step(command)
        said = clean(self._state.feedback)
        if not said.startswith(ASKS):
            self.twin.step(command)
        return said

    def look(self) -> str:
        """The room."""
        return clean(self._state.description)

    def inventory(self) -> str:
        """What the player carries."""
        return clean(self._state.inventory)

    def plan(self) -> list[str]:
        """Commands that win from here, as our planner finds them."""
        return self.twin.plan()


def open_game(answer: Mapping[str, Any]) -> Official:
    """The game of a task; called in a process of its own. ValueError for a file without its .z8."""
    game, made = Game.from_data(answer["game"]), dict(answer["made"])
    if "file" not in made:
        return Official(compiled(Recipe(**made), Path(_folder().name)), game)
    story = Path(made["file"]).with_suffix(".z8")
    if not story.is_file():
        raise ValueError(f"textworld: there is no {story}, which engine='textworld' plays; engine='native' needs none")
    return Official(story, game)
