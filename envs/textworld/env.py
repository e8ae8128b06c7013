"""TextWorld as an environment of many turns: games that came with us, new ones, or files of TextWorld's own."""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ludex.core import Task
from ludex.envs.core import MAX_DRAWS, SPLITS, TaskSource, split_of
from ludex.envs.isolated import Isolated
from ludex.envs.textworld.engine import Play
from ludex.envs.textworld.game import Game, from_textworld
from ludex.envs.textworld.generate import PRESETS as SIZES
from ludex.envs.textworld.generate import SKILLS, Recipe, make
from ludex.envs.textworld.presets import load
from ludex.envs.textworld.reading import Reading
from ludex.envs.worlds import Interpreter, WorldEnv
from ludex.lookup import suggest

SMALL_KITCHEN = {"recipe": 1, "take": 1, "go": 1, **dict.fromkeys(("open", "cook", "cut"), True)}
MAX_FILE = 50_000_000  # bytes


def shipped(preset: str, seed: int) -> Recipe:
    """How a preset's game of that seed was made."""
    if preset in SIZES:
        return Recipe(*SIZES[preset], seed=seed)
    return Recipe(challenge=preset, settings=SMALL_KITCHEN if preset == "cooking" else None, seed=seed)


class Shipped(TaskSource):
    """The games of a preset that came with this package; the seed shuffles their order."""

    def __init__(self, name: str, generate: Any, *, seed: int = 0, split: str = "train", **options: Any):
        super().__init__(name, generate, seed=seed, split=split, **options)
        self.preset = self.options.get("preset", "w2-o3-q4")
        self.games = list(parted(self.preset)[split])
        random.Random(seed).shuffle(self.games)

    def __len__(self) -> int:
        return len(self.games)

    def __getitem__(self, index: int) -> Task:
        if index < 0:
            raise IndexError(f"{self.name}: task indices start at 0, got {index}")
        data = self.games[index % len(self.games)]
        task = posed(Game.from_data(body(data)), asdict(shipped(self.preset, data["seed"])))
        return task.with_(id=self.task_id(index))


@cache
def parted(preset: str) -> dict[str, list[dict[str, Any]]]:
    """A preset's games by split."""
    parts: dict[str, list[dict[str, Any]]] = {split: [] for split in SPLITS}
    for data in load(preset):
        parts[split_of(key(Game.from_data(body(data))))].append(data)
    return parts


class Drawn(TaskSource):
    """New games; a seed that gives none, or one without a way to win, is passed over."""

    def __getitem__(self, index: int) -> Task:
        if index < 0:
            raise IndexError(f"{self.name}: task indices start at 0, got {index}")
        rng, failed = self._rng(index), 0
        for _ in range(MAX_DRAWS):
            try:
                task = self.generate(rng, **self.options)
            except Unsolvable as error:
                failed += 1
                if failed == 20:
                    raise ValueError(f"{self.name}: twenty seeds in a row gave no game; the last: {error}") from None
                continue
            if split_of(task.info["key"]) == self.split:
                return task.with_(id=self.task_id(index))
        raise ValueError(f"{self.name}: no game of split {self.split!r} in {MAX_DRAWS} draws")


class Files(TaskSource):
    """Games in files of TextWorld's own (.json, or .z8 with its .json beside), in an order that the seed shuffles.

    Raises:
        ValueError: if there are none.
    """

    def __init__(self, name: str, generate: Any, *, seed: int = 0, split: str = "train", **options: Any):
        super().__init__(name, generate, seed=seed, split=split, **options)
        self.files = found(Path(self.options["path"]).expanduser())
        if len(self.files) > 1:
            self.files = [file for file in self.files if split_of(key(read(file))) == split]
        if not self.files:
            raise ValueError(f"{name}: none of the games below {self.options['path']} is of split {split}")
        random.Random(seed).shuffle(self.files)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Task:
        if index < 0:
            raise IndexError(f"{self.name}: task indices start at 0, got {index}")
        file = self.files[index % len(self.files)]
        return posed(read(file), {"file": str(file)}).with_(id=self.task_id(index))


class Unsolvable(ValueError):
    """A seed that gives no game, or one that cannot be won."""


def body(data: dict[str, Any]) -> dict[str, Any]:
    """A shipped game's data without its seed."""
    return {k: v for k, v in data.items() if k != "seed"}


def digest(game: Game) -> str:
    """A hash of everything in a game."""
    data = json.dumps(game.to_data(), sort_keys=True)
    return hashlib.blake2b(data.encode(), digest_size=12).hexdigest()


def key(game: Game) -> str:
    """Names the game for good, and so its split."""
    return f"textworld/{digest(game)}"


def found(path: Path) -> list[Path]:
    """The .json files of a file or folder. ValueError if there are none."""
    if path.is_dir():
        files = sorted(path.rglob("*.json"))
        if not files:
            raise ValueError(f"textworld: no .json of a game below {path}; `tw-make` writes one beside each .z8")
        return files
    beside = path.with_suffix(".json")
    if not beside.is_file():
        raise ValueError(
            f"textworld: there is no {beside}; a .z8 is played with the .json that `tw-make` wrote beside it"
        )
    return [beside]


def read(file: Path) -> Game:
    """A game from a .json of TextWorld's, or of our own. ValueError in one line."""
    try:
        if file.stat().st_size > MAX_FILE:
            raise ValueError("it is larger than 50 MB")
        data = json.loads(file.read_text(encoding="utf-8"))
        game = from_textworld(data) if "world" in data else Game.from_data(data)
        Reading.of(game)
        return game
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"textworld: {file} is no game that can be played: {error}") from None


def walk(reading: Reading) -> list[str]:
    """TextWorld's walkthrough without what does nothing; else what our planner finds; Unsolvable for neither."""
    play, done = Play(reading), []
    for command in reading.game.walkthrough:
        if command.lower() in play.actions():
            done.append(command.lower())
            play.step(command.lower())
    commands = done if play.won else Play(reading).plan()
    if not commands:
        raise Unsolvable("no way is known to win this game")
    return commands


def posed(game: Game, made: dict[str, Any]) -> Task:
    """The game as a Task."""
    reading = Reading.of(game)
    commands = walk(reading)
    return Task(
        prompt=Play(reading).intro(),
        answer={"env": "textworld-v0", "game": game.to_data(), "made": made},
        verifier="world",
        info={
            "solution": [f"<action>{command}</action>" for command in commands],
            "plan": commands,
            "key": key(game),
            "game_seed": made.get("seed"),
            "steps": max(50, 3 * len(commands)),
        },
    )


class Textworld(WorldEnv):
    """Games of rooms, containers, keys and recipes; 50 steps, or three times what the walkthrough takes."""

    engines = ("native", "textworld")
    _isolated: Isolated | None = None

    @staticmethod
    def generate(
        rng: np.random.Generator,
        *,
        preset: str = "",
        rooms: int = 0,
        objects: int = 0,
        quest_length: int = 0,
        challenge: str = "",
        level: int = 0,
        recipe: int = 0,
        take: int = -1,
        go: int = 0,
        skills: tuple[str, ...] = (),
        rewards: str = "",
        detail: str = "",
        path: str = "",
    ) -> Task:
        """Draw a new game with the textworld package; without options, a preset's own games need no package.

        Args:
            rng: the source of randomness.
            preset: "w2-o3-q4" and its like (rooms, objects, length of the quest), "simple" or "cooking".
            rooms: of a new game, 1 to 50.
            objects: of a new game, 1 to 100.
            quest_length: commands that win a new game, 1 to 50.
            challenge: "simple", "coin_collector", "treasure_hunter" or "cooking", drawn anew.
            level: of coin_collector (1 to 300) and treasure_hunter (1 to 30).
            recipe: of cooking: the number of ingredients, 1 to 5.
            take: of cooking: how many of them must be found.
            go: of cooking: the number of rooms: 1, 6, 9 or 12.
            skills: of cooking: any of "open", "cook", "cut" and "drop".
            rewards: of simple: "dense", "balanced" or "sparse".
            detail: of simple: a "detailed", a "brief" or no ("none") goal.
            path: a .z8 with its .json beside, a .json, or a folder of them.

        Raises:
            MissingExtra: if the package is needed and missing.
            ValueError: for an option out of range.
        """
        seed = int(rng.integers(1 << 31))
        if challenge:
            given = {"level": level, "recipe": recipe, "go": go, "rewards": rewards, "goal": detail}
            settings = {k: v for k, v in given.items() if v} | ({"take": take} if take >= 0 else {})
            for skill in skills:
                if skill not in SKILLS:
                    raise ValueError(f"textworld: no skill {skill!r}; {suggest(skill, SKILLS)}")
            settings |= dict.fromkeys(skills, True)
            made = Recipe(challenge=challenge, settings=settings, seed=seed)
        else:
            made = Recipe(rooms or 2, objects or 3, quest_length or 4, seed=seed)
        made.checked()
        try:
            return posed(make(made), asdict(made))
        except ValueError as error:
            raise Unsolvable(str(error)) from None

    @staticmethod
    def source(name: str, *, seed: int = 0, split: str = "train", **options: Any) -> TaskSource:
        """The stream of games under the id `name`."""
        given = [option for option, value in options.items() if value not in ("", 0, ())]
        for alone in ("path", "preset"):
            if alone in given and len(given) > 1:
                raise ValueError(f"textworld: {alone} stands alone, without {', '.join(sorted({*given} - {alone}))}")
        if "challenge" in given and {"rooms", "objects", "quest_length"} & {*given}:
            raise ValueError("textworld: rooms, objects and quest_length are no options of a challenge")
        kind: type[TaskSource] = Files if "path" in given else Drawn if given and "preset" not in given else Shipped
        return kind(name, Textworld.generate, seed=seed, split=split, **options)

    @staticmethod
    def open(task: Task) -> Interpreter:
        """The game of a task, at its start."""
        return Play(Reading.of(Game.from_data(task.answer["game"])))

    def interpret(self, task: Task) -> Interpreter:
        """The game of a task, in the engine asked for."""
        if self.engine == "native":
            return self.open(task)
        from ludex.envs.textworld import official

        official.check()
        self._isolated = self._isolated or Isolated(official.open_game)
        return self._isolated.open(task.answer)

    def close(self) -> None:
        """End the official interpreter's process."""
        if self._isolated:
            self._isolated.close()
