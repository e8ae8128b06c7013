"""ALFWorld's own engine (TextWorld's PddlEnv over fast-downward) as an Interpreter; `pip install 'ludex[alfworld]'`.

Its words, commands and verdicts are its own. What it cannot tell cheaply (the steps done, a plan) is told by a house
of ours that walks along.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from ludex.core import Task
from ludex.envs.alfworld import export
from ludex.envs.alfworld.engine import House, Reading
from ludex.envs.alfworld.experts import plan
from ludex.envs.alfworld.world import World
from ludex.lookup import MissingExtra


@cache
def engine() -> Any:
    """The one environment of this process: a new one for each episode would leak memory."""
    try:
        import textworld
        from alfworld.agents.environment.alfred_tw_env import AlfredDemangler
        from textworld.envs import PddlEnv
    except ImportError as error:
        raise MissingExtra(f"engine='alfworld' needs {error.name}: pip install 'ludex[alfworld]'") from None
    return AlfredDemangler(PddlEnv(textworld.EnvInfos(admissible_commands=True, won=True)), shuffle=False)


class Official:
    """A game in the official engine."""

    lost = False

    def __init__(self, world: World):
        self.house = House(Reading.of(world))
        self.goal, self.max_score = world.task, float(self.house.milestones()[1])
        self._engine = engine()
        self._engine.load(export.game(world, "game"))
        self._state = self._engine.reset()

    @property
    def won(self) -> bool:
        """Whether the goal holds, as the engine says."""
        return bool(self._state["won"])

    @property
    def score(self) -> float:
        """The task's steps that are done now."""
        return float(self.house.milestones()[0])

    def intro(self) -> str:
        """The room and the task."""
        return str(self._state.feedback).strip()

    def commands(self) -> list[str]:
        """The engine's admissible commands."""
        return list(self._state.admissible_commands)

    def step(self, command: str) -> str:
        """What the engine says."""
        self._state, _, _ = self._engine.step(command)
        self.house.step(command)
        return str(self._state.feedback).strip()

    def look(self) -> str:
        """What is in front."""
        return self.house.look()

    def inventory(self) -> str:
        """What is in the hand."""
        return self.house.step("inventory")

    def plan(self) -> list[str]:
        """Commands that win from here."""
        return plan(self.house)


def open_world(data: dict[str, Any]) -> Official:
    """A game of a world's data; called in a process of its own, since the engine is not thread-safe."""
    return Official(World.from_data(data))


def check(task: Task) -> None:
    """MissingExtra or ValueError where the official engine cannot play the task."""
    export.official_logic()
    if task.answer["wording"] != "new":
        raise ValueError("alfworld: the installed engine says the new wording only; use engine='native' for the old")
