"""ALFWorld as an environment of many turns: games made by us, or ALFWorld's own."""

from __future__ import annotations

import hashlib
import json
import os
import random
from pathlib import Path
from typing import Any

import numpy as np

from ludex.core import Task
from ludex.envs.alfworld import synth, world
from ludex.envs.alfworld.engine import House, Reading
from ludex.envs.alfworld.experts import plan
from ludex.envs.alfworld.words import WORDINGS
from ludex.envs.alfworld.world import World
from ludex.envs.core import MAX_DRAWS, TaskSource, split_of
from ludex.envs.isolated import Isolated
from ludex.envs.worlds import Interpreter, WorldEnv
from ludex.lookup import suggest


class Game:
    """A house as an Interpreter."""

    lost = False

    def __init__(self, reading: Reading):
        self.house = House(reading)
        self.goal = reading.world.task
        self.max_score = float(self.house.milestones()[1])

    @property
    def won(self) -> bool:
        """Whether the goal holds."""
        return self.house.won()

    @property
    def score(self) -> float:
        """The task's steps that are done now."""
        return float(self.house.milestones()[0])

    def intro(self) -> str:
        """The room and the task."""
        return self.house.intro()

    def commands(self) -> list[str]:
        """What does something now."""
        return sorted(self.house.actions())

    def step(self, command: str) -> str:
        """What the game says to a command."""
        return self.house.step(command).strip()

    def look(self) -> str:
        """What is in front."""
        return self.house.look()

    def inventory(self) -> str:
        """What is in the hand."""
        return self.house.step("inventory")

    def plan(self) -> list[str]:
        """Commands that win from here."""
        return plan(self.house)


class Source(TaskSource):
    """Games made on the spot: the rooms of the test split are no other split's."""

    def __getitem__(self, index: int) -> Task:
        if index < 0:
            raise IndexError(f"{self.name}: task indices start at 0, got {index}")
        rng = random.Random(int(self._rng(index).integers(1 << 62)))
        for _ in range(MAX_DRAWS):
            task = draw(rng, unseen=self.split == "test", **self.options)
            belongs = split_of(task.info["key"])
            if self.split == "test" or (self.split == "valid") == (belongs == "valid"):
                return task.with_(id=self.task_id(index))
        raise ValueError(f"{self.name}: no game of split {self.split!r} in {MAX_DRAWS} draws")


class Files(TaskSource):
    """ALFWorld's own games below a folder, in a fixed order that the seed shuffles.

    Raises:
        ValueError: if there are none, in one line that says where they come from.
    """

    def __init__(self, name: str, generate: Any, *, seed: int = 0, split: str = "train", **options: Any):
        super().__init__(name, generate, seed=seed, split=split, **options)
        self.files = found(Path(self.options["path"]), self.split, self.options.get("task", "all"))
        random.Random(seed).shuffle(self.files)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Task:
        if index < 0:
            raise IndexError(f"{self.name}: task indices start at 0, got {index}")
        file = self.files[index % len(self.files)]
        game, wording = world.read_game(file), self.options.get("wording", "new")
        task_type = file.parent.parent.name.partition("-")[0]
        return posed(game, wording, task_type, int(file.parent.parent.name.rpartition("-")[2] or 0), str(file)).with_(
            id=self.task_id(index)
        )


def found(folder: Path, split: str, task_type: str) -> list[Path]:
    """The games of a split below a folder of ALFWorld's data. ValueError if there are none."""
    part = folder / "json_2.1.1" / world.FOLDERS[split]
    part = part if part.is_dir() else folder / world.FOLDERS[split]
    files = list(world.games(part if part.is_dir() else folder))
    files = [file for file in files if task_type in ("all", file.parent.parent.name.partition("-")[0])]
    if not files:
        raise ValueError(
            f"no game.tw-pddl of split {split} below {folder}: `alfworld-download` fetches ALFWorld's games, "
            "and without path= they are made on the spot"
        )
    return files


def draw(rng: random.Random, unseen: bool = False, task: str = "all", wording: str = "new", **_: Any) -> Task:
    """A game of our own; ValueError suggests for an unknown task type or wording."""
    if task != "all" and task not in synth.TYPES:
        raise ValueError(f"alfworld: no task {task!r}; {suggest(task, [*synth.TYPES, 'all'])}")
    if wording not in WORDINGS:
        raise ValueError(f"alfworld: no wording {wording!r}; {suggest(wording, WORDINGS)}")
    task_type = rng.choice(list(synth.TYPES)) if task == "all" else task
    game, room = synth.draw(rng, task_type, unseen)
    return posed(game, wording, task_type, room)


def posed(game: World, wording: str, task_type: str, room: int, file: str = "") -> Task:
    """The game as a Task; its plan is the expert's who knows everything."""
    data = game.to_data()
    digest = hashlib.blake2b(json.dumps(data, sort_keys=True).encode(), digest_size=12).hexdigest()
    house = House(Reading.of(game, wording))
    commands = plan(house)
    return Task(
        prompt=house.intro(),
        answer={"env": "alfworld-v0", "world": data, "wording": wording},
        verifier="world",
        info={
            "solution": [f"<action>{command}</action>" for command in commands],
            "plan": commands,
            "key": f"alfworld/{digest}",
            "task_type": task_type,
            "room": room,
            "file": file,
        },
    )


class Alfworld(WorldEnv):
    """Household tasks in words; 50 steps, as is usual. The official engine takes 80 ms a step."""

    engines = ("native", "alfworld")
    _isolated: Isolated | None = None

    @staticmethod
    def generate(rng: np.random.Generator, *, task: str = "all", wording: str = "new", path: str = "") -> Task:
        """Draw a game.

        Args:
            rng: the source of randomness.
            task: one of the six types, such as "pick_heat_then_place_in_recep", or "all".
            wording: "new" as ALFWorld says since its data of 2.1.2, or "old".
            path: a folder with ALFWorld's own games, "ALFWORLD_DATA" for the one that this variable names; "" makes
                games from the floor plans.

        Raises:
            ValueError: for an unknown name, or a folder without games.
        """
        return draw(random.Random(int(rng.integers(1 << 62))), task=task, wording=wording)

    @staticmethod
    def source(name: str, *, seed: int = 0, split: str = "train", **options: Any) -> TaskSource:
        """The stream of games under the id `name`."""
        if not options.get("path"):
            return Source(name, Alfworld.generate, seed=seed, split=split, **options)
        if options["path"] == "ALFWORLD_DATA":
            options["path"] = os.environ.get("ALFWORLD_DATA", "~/.cache/alfworld")
        options["path"] = str(Path(options["path"]).expanduser())
        return Files(name, Alfworld.generate, seed=seed, split=split, **options)

    @staticmethod
    def open(task: Task) -> Interpreter:
        """The game of a task, at its start."""
        return Game(Reading.of(World.from_data(task.answer["world"]), task.answer["wording"]))

    def interpret(self, task: Task) -> Interpreter:
        """The game of a task, in the engine asked for."""
        if self.engine == "native":
            return self.open(task)
        from ludex.envs.alfworld import official

        official.check(task)
        self._isolated = self._isolated or Isolated(official.open_world)
        return self._isolated.open(task.answer["world"])

    def close(self) -> None:
        """End the official engine's process."""
        if self._isolated:
            self._isolated.close()
