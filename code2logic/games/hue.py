"""Hue: a board of colours that change evenly along rows and columns, with gaps and a palette to fill them from.

The corners are close to four of ten named colours. The colours of the palette are at least 24, 19 and 14 apart in
CIELAB (Euclidean; 2 can just be seen), by level, and one of them is exactly that of each gap. Only such cells are asked
for by name as are at least twice as far from any other of the ten, both in RGB and in CIELAB. Boards are GameQA's.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from functools import lru_cache
from operator import mul
from typing import TYPE_CHECKING

from ludex.code2logic.game import Game, Question, at
from ludex.code2logic.parts.colours import NAMES, RGB, apart, named
from ludex.code2logic.parts.grids import Place, places

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Style

NEAR = 15  # how far a channel of a corner may be from that of its named colour
PALETTE = 6


@dataclass(frozen=True)
class State:
    """A square board of `size` rows, counted from 0, as are columns; colours are red, green and blue from 0 to 255.

    Attributes:
        size: rows and columns.
        corners: the colours at the top left, top right, bottom left and bottom right. With n = size - 1, a channel at
            (row, column) is (top left * (n - row) * (n - column) + top right * (n - row) * column + bottom left * row
            * (n - column) + bottom right * row * column) / n**2, rounded to the nearest whole number, halves up.
        gaps: row and column of the cells that are not shown, lettered from A in this order.
        palette: the colours to choose from, numbered from 1.
    """

    size: int
    corners: tuple[RGB, ...]
    gaps: tuple[Place, ...]
    palette: tuple[RGB, ...]


@lru_cache(maxsize=256)
def board(state: State) -> dict[Place, RGB]:
    """The colours of all cells, those of the gaps too."""
    n, cells = state.size - 1, {}
    for r, c in places(state.size, state.size):
        shares = ((n - r) * (n - c), (n - r) * c, r * (n - c), r * c)
        red, green, blue = (
            (2 * sum(map(mul, shares, v)) + n * n) // (2 * n * n) for v in zip(*state.corners, strict=True)
        )
        cells[r, c] = red, green, blue
    return cells


def start(rng: random.Random, size: tuple[tuple[int, ...], int, int]) -> State:
    """A board; `size` is any number of rows, the number of gaps, and how far apart the colours of the palette are."""
    side, gaps, least = rng.choice(size[0]), *size[1:]
    corners = tuple(varied(rng, colour, NEAR) for colour in rng.sample(list(NAMES.values())[:-1], 4))
    inner = [place for place in places(side, side) if {*place} - {0, side - 1}]
    state = State(side, corners, tuple(rng.sample(inner, gaps)), ())
    right, palette = [board(state)[gap] for gap in state.gaps], list[RGB]()
    for tried in range(40):
        colour = right[tried] if tried < gaps else varied(rng, rng.choice(right), 80)
        if all(apart(colour, other) >= least for other in palette):
            palette.append(colour)
        elif tried < gaps:
            break
        if len(palette) == PALETTE:
            return replace(state, palette=tuple(rng.sample(palette, PALETTE)))
    return start(rng, size)


def varied(rng: random.Random, colour: RGB, reach: int) -> RGB:
    """A colour close to another."""
    red, green, blue = (min(255, max(0, v + rng.randint(-reach, reach))) for v in colour)
    return red, green, blue


def said(colour: RGB) -> str:
    """A colour in numbers."""
    return "{} {} {}".format(*colour)


def describe(state: State) -> str:
    """The colours in numbers, with letters for the gaps."""
    shown = {place: said(colour) for place, colour in board(state).items()} | dict(
        zip(state.gaps, "ABCD", strict=False)
    )
    rows = (", ".join(shown[r, c] for c in range(state.size)) for r in range(state.size))
    lines = "\n".join(f"row {r}: {row}" for r, row in enumerate(rows, 1))
    palette = ", ".join(f"colour {i}: {said(colour)}" for i, colour in enumerate(state.palette, 1))
    return f"The board (red green blue of each cell, a letter for a gap):\n{lines}\nThe palette: {palette}"


def draw(state: State, style: Style) -> Image.Image:
    """The board above the palette."""
    from ludex.code2logic.draw import Canvas, contrast

    canvas = Canvas(style)
    grid = canvas.grid(state.size, state.size, (6, 6, 554, 472))
    for (r, c), colour in board(state).items():
        if (r, c) in state.gaps:
            grid.write(r, c, "ABCD"[state.gaps.index((r, c))])
        else:
            grid.fill(r, c, colour)
    for i, colour in enumerate(state.palette):
        canvas.pen.rectangle((20 + 88 * i, 486, 100 + 88 * i, 550), colour, style.ink)
        canvas.text((60 + 88 * i, 518), str(i + 1), 26, contrast(colour))
    return canvas.image


def area(state: State) -> int:
    """The number of cells."""
    return state.size**2


game = Game(
    name="hue",
    rules=(
        "A board of colours, each made of red, green and blue (0 to 255). From cell to cell along a row red changes by "
        "equal steps, and so do green and blue, up to rounding; likewise along a column. Some cells are gaps, named by "
        "letters; the colour of each is in the palette, numbered from 1. A colour is named after the nearest of "
        "these, by Euclidean distance of red, green and blue: "
        f"{', '.join(f'{name} ({said(colour)})' for name, colour in NAMES.items())}."
    ),
    legend="The cells with letters are the gaps. The palette is below the board.",
    sizes={"easy": ((5,), 2, 24), "medium": ((6, 7), 3, 19), "hard": ((8,), 4, 14)},
    start=start, draw=draw, describe=describe, measure=area, measured="cells",
)  # fmt: skip


@game.question(kind="prediction", qa_level="hard", number=0, options=PALETTE)
def gap_colour(state: State, rng: random.Random) -> Question:
    """Any of the gaps."""
    gap, place = rng.choice([*zip("ABCD", state.gaps, strict=False)])
    colour = board(state)[place]
    right = f"colour {state.palette.index(colour) + 1}"
    wrong = (f"colour {n + 1}" for n in range(PALETTE))
    why = f"At {at(*place)} even steps along the row and the column give {said(colour)}: {right}."
    return Question.choice(f"Which colour of the palette fits gap {gap}?", right, wrong, why, gap=gap)


@game.question(kind="perception", qa_level="easy", number=1)
def cell_colour(state: State, rng: random.Random) -> Question | None:
    """One of a dozen cells with a safe name; each name among them equally often."""
    cells = rng.sample([(place, colour) for place, colour in board(state).items() if place not in state.gaps], 12)
    places_of = {name: place for place, colour in cells if (name := named(colour))}
    if not places_of:
        return None
    name, place = rng.choice(sorted(places_of.items()))
    why = f"It is {said(board(state)[place])}, nearest to {name}."
    return Question.choice(f"Which colour is the cell at {at(*place)}?", name, NAMES, why, cell=at(*place))


@game.question(kind="perception", qa_level="medium", number=2)
def line_change(state: State, rng: random.Random) -> Question | None:
    """A row or column whose first and last colours have safe names; two others beside them, in either order."""
    last, cells = state.size - 1, board(state)
    lines = {f"row {i + 1}, from left to right": [(i, 0), (i, last)] for i in range(state.size)}
    lines |= {f"column {i + 1}, from top to bottom": [(0, i), (last, i)] for i in range(state.size)}
    for line, (head, end) in rng.sample(sorted(lines.items()), 4):
        first, second = named(cells[head]), named(cells[end])
        if not first or not second or first == second or {head, end} & {*state.gaps}:
            continue
        right = f"from {first} to {second}"
        other, another = rng.sample([name for name in NAMES if name not in (first, second)], 2)
        pairs = [(a, b) for a in (first, other) for b in (second, another)]
        wrong = [f"from {x} to {y}" for a, b in pairs for x, y in ((a, b), (b, a))]
        why = f"It begins with {said(cells[head])} and ends with {said(cells[end])}: {right}."
        return Question.choice(f"How does {line}, change?", right, wrong, why, line=line)
    return None
