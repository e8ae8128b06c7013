"""2048: tiles slide and equal ones merge; a new tile comes after every move, drawn by the state's seed.

Levels go by the tile to reach: 128, 256 and 512.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING

from ludex.code2logic.game import Game

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Style

SIDE = 4
DIRECTIONS = ("up", "down", "left", "right")
PAINT = ("grey", "light blue", "blue", "green", "yellow", "orange", "red", "purple")  # of 2, 4, 8 and so on
FOUR = 0.1  # how often a new tile is a 4

Line = tuple[int, ...]


@dataclass(frozen=True)
class State:
    """The sixteen cells row by row, 0 for an empty one; the tile to reach; the seed and number of the moves."""

    cells: tuple[int, ...]
    goal: int
    seed: int
    moves: int = 0


def start(rng: random.Random, size: int) -> State:
    """Two tiles, and the goal `size`."""
    return spawn(spawn(State((0,) * SIDE**2, size, rng.getrandbits(32), -2)))


def spawn(state: State) -> State:
    """A new tile, 2 or seldom 4, in an empty cell, and one move more."""
    rng = random.Random(f"{state.seed}/{state.moves}/{state.cells}")
    cells = list(state.cells)
    place = rng.choice([i for i, tile in enumerate(cells) if not tile])
    cells[place] = 4 if rng.random() < FOUR else 2
    return replace(state, cells=tuple(cells), moves=state.moves + 1)


@lru_cache(maxsize=4096)
def squeeze(line: Line) -> Line:
    """A line after its tiles have slid to its beginning; each merges once at most, those in front first."""
    tiles, done = [tile for tile in line if tile], []
    while tiles:
        tile = tiles.pop(0)
        if tiles and tiles[0] == tile:
            tile += tiles.pop(0)
        done.append(tile)
    return (*done, *(0,) * (len(line) - len(done)))


def slide(cells: tuple[int, ...], direction: str) -> tuple[int, ...]:
    """The cells after a slide, without a new tile."""
    across, way = direction in ("left", "right"), 1 if direction in ("left", "up") else -1
    lines = [cells[SIDE * i : SIDE * (i + 1)] if across else cells[i::SIDE] for i in range(SIDE)]
    after = [squeeze(line[::way])[::way] for line in lines]
    return tuple(chain.from_iterable(after if across else zip(*after, strict=True)))


def move(state: State, direction: str) -> State:
    """The state after a slide that changes something, with a new tile."""
    return spawn(replace(state, cells=slide(state.cells, direction)))


def describe(state: State) -> str:
    """The rows, and the goal."""
    rows = [" ".join(f"{t or '.':>4}" for t in state.cells[i : i + SIDE]) for i in range(0, SIDE**2, SIDE)]
    board = "\n".join(f"row {r + 1}: {row}" for r, row in enumerate(rows))
    return f"The board (. empty):\n{board}\nThe tile to reach is {state.goal}."


def draw(state: State, style: Style) -> Image.Image:
    """Numbered tiles under the goal."""
    from ludex.code2logic.draw import Canvas, contrast
    from ludex.code2logic.glyphs import square

    canvas = Canvas(style)
    canvas.text((280, 22), f"The tile to reach is {state.goal}", 22)
    grid = canvas.grid(SIDE, SIDE, (6, 40, 554, 554))
    for i, tile in enumerate(state.cells):
        if tile:
            place, colour = divmod(i, SIDE), style.colour(PAINT[(tile.bit_length() - 2) % len(PAINT)])
            grid.put(*place, square, colour, style.ink, scale=0.94)
            grid.write(*place, str(tile), contrast(colour), scale=0.42 if tile < 100 else 0.34)
    return canvas.image


def goal(state: State) -> int:
    """The tile to reach."""
    return state.goal


game = Game(
    name="2048",
    rules=(
        "2048 on four by four cells. A move slides all tiles up, down, left or right as far as they go. Two equal "
        "tiles that meet merge into one of their sum; a tile merges once a move at most, and of three equal ones in a "
        "line the two in front merge. Then a new tile, a 2 or seldom a 4, comes in an empty cell."
    ),
    legend="Each tile shows its number.",
    sizes={"easy": 128, "medium": 256, "hard": 512},
    start=start, draw=draw, describe=describe, measure=goal, measured="the tile to reach",
)  # fmt: skip
