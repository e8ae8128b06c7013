"""New games by the textworld package, which draws maps, things, quests and words; `pip install 'ludex[textworld]'`.

The same recipe and seed give the same game, in any order and any process.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ludex.envs.textworld.game import Game, from_textworld
from ludex.lookup import MissingExtra, suggest

PRESETS = {  # rooms, objects, quest length
    "w2-o3-q4": (2, 3, 4),
    "w4-o6-q8": (4, 6, 8),
    "w8-o3-q4": (8, 3, 4),
    "w2-o12-q4": (2, 12, 4),
    "w8-o12-q4": (8, 12, 4),
}
# What a challenge can be told, and the usual values.
CHALLENGES: dict[str, dict[str, Any]] = {
    "simple": {"rewards": "dense", "goal": "detailed", "test": False},
    "coin_collector": {"level": 5},
    "treasure_hunter": {"level": 5},
    "cooking": {"recipe": 1, "take": 1, "go": 1, "open": False, "cook": False, "cut": False, "drop": False},
}
SKILLS = ("open", "cook", "cut", "drop")
REWARDS, GOALS = ("dense", "balanced", "sparse"), ("detailed", "brief", "none")


@dataclass(frozen=True)
class Recipe:
    """How a game is made.

    Attributes:
        challenge: one of CHALLENGES, or "" for a game of `rooms`, `objects` and `quest_length`.
        settings: what the challenge is told; the usual values for the rest.
        seed: names the game.
    """

    rooms: int = 0
    objects: int = 0
    quest_length: int = 0
    challenge: str = ""
    settings: Mapping[str, Any] | None = None
    seed: int = 0

    def checked(self) -> Recipe:
        """Itself; ValueError for what cannot be made, in one line."""
        if not self.challenge:
            sizes = (self.rooms, self.objects, self.quest_length)
            if not (1 <= self.rooms <= 50 and 1 <= self.objects <= 100 and 1 <= self.quest_length <= 50):
                raise ValueError(
                    f"textworld: rooms, objects and quest_length = {sizes} must lie in 1-50, 1-100 and 1-50"
                )
            return self
        if self.challenge not in CHALLENGES:
            raise ValueError(f"textworld: no challenge {self.challenge!r}; {suggest(self.challenge, CHALLENGES)}")
        known = CHALLENGES[self.challenge]
        for key, value in (self.settings or {}).items():
            if key not in known:
                raise ValueError(f"textworld: {self.challenge} has no setting {key!r}; {suggest(key, known)}")
            _check(self.challenge, key, value)
        return self


ALLOWED: dict[str, Any] = {"rewards": REWARDS, "goal": GOALS, "recipe": range(1, 6), "take": range(6)}
ALLOWED = ALLOWED | {"go": (1, 6, 9, 12)}


def _check(challenge: str, key: str, value: Any) -> None:
    allowed = ALLOWED.get(key, (False, True))
    if key == "level":
        allowed = range(1, 301 if challenge == "coin_collector" else 31)
    if value not in allowed:
        shown = f"{allowed[0]} to {allowed[-1]}" if isinstance(allowed, range) else ", ".join(map(str, allowed))
        raise ValueError(f"textworld: {key}={value!r} of {challenge} must be one of {shown}")


def textworld() -> Any:
    """The package. MissingExtra if it is not installed."""
    try:
        import textworld.generator
    except ImportError as error:
        raise MissingExtra(
            f"new games and engine='textworld' need {error.name}: pip install 'ludex[textworld]'; "
            "the presets' own games need nothing"
        ) from None
    return textworld


def draw(recipe: Recipe) -> Any:
    """The package's own Game. ValueError if the generator finds none for this seed."""
    recipe.checked()
    tw = textworld()
    options = tw.GameOptions()
    options.seeds = recipe.seed
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            if not recipe.challenge:
                from textworld.generator.data import KnowledgeBase

                options.kb = KnowledgeBase.default()  # reading it anew would cost three quarters of the time
                options.nb_rooms, options.nb_objects = recipe.rooms, recipe.objects
                options.quest_length = recipe.quest_length
                return tw.generator.make_game(options)
            from textworld.challenges import CHALLENGES as MAKERS

            settings = {**CHALLENGES[recipe.challenge], **(recipe.settings or {})}
            if recipe.challenge == "cooking":
                settings |= {"recipe_seed": 0, "split": None, "take": min(settings["take"], settings["recipe"])}
            return MAKERS[f"tw-{recipe.challenge}"][1](settings, options)
    except (AssertionError, IndexError, NameError, ValueError, RuntimeError) as error:
        raise ValueError(f"textworld made no game of {recipe}: {type(error).__name__} {error}") from None


def make(recipe: Recipe) -> Game:
    """A new game as plain data. ValueError if the generator finds none for this seed."""
    return plain(draw(recipe))


def plain(drawn: Any) -> Game:
    """The package's Game as plain data."""
    return from_textworld(
        {
            "world": drawn.world.serialize(),
            "infos": [(name, info.serialize()) for name, info in drawn.infos.items()],
            "quests": [quest.serialize() for quest in drawn.quests],
            "objective": drawn.objective,
            "metadata": {"walkthrough": drawn.metadata.get("walkthrough")},
            "KB": {"logic": " ".join(drawn.kb.rules)},
        }
    )


def compiled(recipe: Recipe, folder: Path) -> Path:
    """The game as a .z8 file with its .json in a folder, by Inform; about a second."""
    from textworld.generator import compile_game

    drawn = draw(recipe)
    options = textworld().GameOptions()
    options.path, options.force_recompile = str(folder / "game.z8"), True
    return Path(compile_game(drawn, options))
