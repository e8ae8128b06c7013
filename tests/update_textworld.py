"""Draws the TextWorld presets anew, with ludex[textworld]: `python tests/update_textworld.py [preset|walks ...]`.

The same package draws the same games; only what its newer versions draw otherwise changes the files.
"""

from __future__ import annotations

import gzip
import json
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

from ludex.envs.textworld.engine import Play
from ludex.envs.textworld.env import digest, shipped
from ludex.envs.textworld.game import from_textworld
from ludex.envs.textworld.generate import Recipe, compiled, make
from ludex.envs.textworld.official import Official
from ludex.envs.textworld.presets import PRESETS, pack
from ludex.envs.textworld.reading import Reading

GAMES = 300
WALKS = Path(__file__).parent / "fixtures" / "textworld_walks.json.gz"
FOLDER = Path(__file__).parent.parent / "envs" / "textworld" / "presets"


def draw(preset: str) -> None:
    games, seen, seed = [], set(), 0
    while len(games) < GAMES:
        try:
            game = make(shipped(preset, seed))
        except ValueError as error:
            print(error)
        else:
            key = digest(game)
            if key not in seen and Play(Reading.of(game)).plan():
                games.append({"seed": seed, **game.to_data()})
            seen.add(key)
        seed += 1
    (FOLDER / f"{preset}.json.xz").write_bytes(pack(games))
    print(preset, len(games), "games of", seed, "seeds,", (FOLDER / f"{preset}.json.xz").stat().st_size, "bytes")


def record() -> None:
    """Walks of TextWorld's own compiled games, for the tests that run without it."""
    kitchen = {"recipe": 3, "take": 3, "go": 6, **dict.fromkeys(("open", "cook", "cut"), True)}
    small = {"recipe": 2, "take": 2, "go": 1, "cook": True, "cut": True, "drop": True}
    recipes = [Recipe(2, 3, 4, seed=901), Recipe(5, 20, 6, seed=902), Recipe(8, 12, 4, seed=903)]
    recipes += [Recipe(challenge="cooking", settings=kitchen, seed=904), Recipe(challenge="simple", seed=906)]
    recipes += [Recipe(challenge="cooking", settings=small, seed=905), Recipe(challenge="treasure_hunter", seed=907)]
    walks = []
    for recipe in recipes:
        with tempfile.TemporaryDirectory() as folder:
            walks.append(walked(compiled(recipe, Path(folder)), random.Random(recipe.seed)))
    WALKS.write_bytes(gzip.compress(json.dumps(walks, separators=(",", ":")).encode(), 9, mtime=0))


def walked(story: Path, rng: random.Random) -> dict[str, Any]:
    game = from_textworld(json.loads(story.with_suffix(".json").read_text()))
    official = Official(story, game)
    steps: list[Any] = []
    todo = [command.lower() for command in game.walkthrough]
    while len(steps) < 120 and not (official.won or official.lost):
        acts = [
            c for c in official.commands() if c.split()[0] not in ("eat", "cook", "prepare", "slice", "dice", "chop")
        ]
        chance = rng.random() < 0.6 or not todo
        if chance and len(steps) < 80:
            command = rng.choice([c for c in acts if not c.startswith(("go", "lock", "insert"))] if todo else acts)
        else:
            command = todo.pop(0) if todo else rng.choice(acts)
        steps.append([command, official.step(command), official.look(), official.inventory(), official.commands()])
        steps[-1] += [official.score, official.won, official.lost]
    return {"game": game.to_data(), "intro": official.intro(), "steps": steps}


if __name__ == "__main__":
    for name in sys.argv[1:] or [*PRESETS, "walks"]:
        if name == "walks":
            record()
        else:
            draw(name)
