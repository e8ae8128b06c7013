"""Skeleton: a token walks on a board of gems. Every line is yours to change; the conventions are in docs/games.md.

`ludex new-game NAME` writes this file under another name. The number of gems is drawn first, evenly, so that no
count is a good guess; a walk is drawn from the moves that stay on the board.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ludex.code2logic.game import Game, Question, at, cells
from ludex.code2logic.parts.grids import STEPS, Place, beside, places
from ludex.code2logic.parts.options import cluster

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Style


@dataclass(frozen=True)
class State:
    """`size` rows and columns; `token`, and `gems` in order of row and column, as (row, column) from 0."""

    size: int
    token: Place
    gems: tuple[Place, ...]


def start(rng: random.Random, size: int) -> State:
    """A token and 1 to `size` + 2 gems on other cells."""
    token, *gems = rng.sample(places(size, size), 1 + rng.randint(1, size + 2))
    return State(size, token, tuple(sorted(gems)))


def describe(state: State) -> str:
    """The board row by row: all that the picture shows, and nothing more."""
    signs = dict.fromkeys(state.gems, "*") | {state.token: "T"}
    rows = (" ".join(signs.get((r, c), ".") for c in range(state.size)) for r in range(state.size))
    return "The board (T token, * gem, . empty):\n" + "\n".join(f"row {r + 1}: {row}" for r, row in enumerate(rows))


def draw(state: State, style: Style) -> Image.Image:
    """A disc for the token, diamonds for the gems."""
    from ludex.code2logic.draw import Canvas
    from ludex.code2logic.glyphs import diamond, disc

    canvas = Canvas(style)
    grid = canvas.grid(state.size, state.size)
    grid.put(*state.token, disc, style.colour("blue"), style.ink)
    for gem in state.gems:
        grid.put(*gem, diamond, style.colour("orange"))
    return canvas.image


def area(state: State) -> int:
    """The number of cells."""
    return state.size**2


game = Game(
    name="skeleton",
    rules="A token stands on a board with gems. It moves up, down, left or right by one cell.",
    legend="The disc is the token, diamonds are gems.",
    sizes={"easy": 4, "medium": 6, "hard": 8},
    start=start, draw=draw, describe=describe, measure=area, measured="cells",
)  # fmt: skip


@game.question(kind="perception", qa_level="easy")
def gem_count(state: State, rng: random.Random) -> Question:
    """The number of gems."""
    count = len(state.gems)
    return Question.fill("How many gems are on the board?", count, f"There are {count} gems.")


@game.question(kind="prediction", qa_level="medium")
def token_after(state: State, rng: random.Random) -> Question:
    """The token's cell after four moves that stay on the board."""
    path, here, board = [], state.token, places(state.size, state.size)
    for _ in range(4):
        path.append(rng.choice([name for name, step in STEPS.items() if beside(here, step) in board]))
        here = beside(here, STEPS[path[-1]])
    text = f"The token moves {', '.join(path)}. Where is it then?"
    why = f"From {at(*state.token)} these moves lead to {at(*here)}."
    return Question.choice(text, at(*here), cells(cluster(rng, here, board)), why, moves=path)
