"""The sliding puzzle: numbered tiles in a frame with one gap, to be put in order.

Boards are shuffled from the solved one by random slides that never undo the last, so that each can be solved. Levels:
3x3 after 8-16 slides, 3x3 after 40-80, and 4x4 (the fifteen puzzle) after 24-40.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ludex.code2logic.game import Game
from ludex.code2logic.parts.grids import STEPS, Place, apart, beside, shortest

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Style

MAX_EXPANDED = 20_000  # states of a search


@dataclass(frozen=True)
class State:
    """The tiles row by row, 0 for the gap."""

    side: int
    tiles: tuple[int, ...]

    @property
    def gap(self) -> Place:
        """Where the gap is."""
        return divmod(self.tiles.index(0), self.side)


def slides(state: State) -> dict[int, int]:
    """The tiles beside the gap, and where they are, counted from 0 row by row; in order of their numbers."""
    near = [beside(state.gap, step) for step in STEPS.values()]
    spots = [state.side * r + c for r, c in near if 0 <= r < state.side and 0 <= c < state.side]
    return {tile: spot for tile, spot in sorted((state.tiles[spot], spot) for spot in spots)}


def slide(state: State, tile: int) -> State:
    """The board after a tile beside the gap has slid into it."""
    swap = {tile: 0, 0: tile}
    return State(state.side, tuple(swap.get(each, each) for each in state.tiles))


def solved(side: int) -> State:
    """The tiles in order, the gap last."""
    return State(side, (*range(1, side * side), 0))


def start(rng: random.Random, size: tuple[int, int, int]) -> State:
    """A board of `size` (side, fewest and most slides), not in order."""
    side, few, many = size
    while True:
        state, last = solved(side), 0
        for _ in range(rng.randint(few, many)):
            last = rng.choice([tile for tile in slides(state) if tile != last])
            state = slide(state, last)
        if state != solved(side):
            return state


def distance(state: State) -> int:
    """The rows and columns that all tiles are away from their places; every slide changes it by one."""
    spots = enumerate(state.tiles)
    return sum(apart(divmod(spot, state.side), divmod(tile - 1, state.side)) for spot, tile in spots if tile)


def solve(state: State) -> list[int] | None:
    """The tiles of a shortest solution, by A*; None if the search takes more than MAX_EXPANDED states."""

    def after(here: State) -> list[tuple[str, State]]:
        return [(str(tile), slide(here, tile)) for tile in slides(here)]

    path = shortest(state, after, lambda here: here == solved(state.side), distance, MAX_EXPANDED)
    return None if path is None else [int(tile) for tile in path]


def describe(state: State) -> str:
    """The rows, a dot for the gap."""
    lines = [state.tiles[i : i + state.side] for i in range(0, len(state.tiles), state.side)]
    rows = [f"row {r + 1}: {' '.join(f'{tile or chr(46):>2}' for tile in line)}" for r, line in enumerate(lines)]
    return "The tiles (. is the gap):\n" + "\n".join(rows)


def draw(state: State, style: Style) -> Image.Image:
    """Numbered tiles; the gap is empty."""
    from ludex.code2logic.draw import Canvas, contrast
    from ludex.code2logic.glyphs import square

    canvas, colour = Canvas(style), style.colour("blue")
    grid = canvas.grid(state.side, state.side)
    for spot, tile in enumerate(state.tiles):
        if tile:
            grid.put(*divmod(spot, state.side), square, colour, style.ink, scale=0.96)
            grid.write(*divmod(spot, state.side), str(tile), contrast(colour), scale=0.4)
    return canvas.image


game = Game(
    name="sliding",
    rules=(
        "The sliding puzzle. A tile above, below, left or right of the gap may slide into it. The puzzle is solved "
        "when the tiles stand in order, row by row from the top left, with the gap at the bottom right."
    ),
    legend="Tiles are numbered; the cell without a tile is the gap.",
    sizes={"easy": (3, 8, 16), "medium": (3, 40, 80), "hard": (4, 24, 40)},
    start=start, draw=draw, describe=describe, measure=distance, measured="rows and columns that tiles are away",
)  # fmt: skip
