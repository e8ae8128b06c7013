"""Tangram: a square board cut into pieces, of which one to three are taken out, turned and perhaps flipped.

Pieces grow cell by cell from random seeds on 5x5, 8x8 and 10x10 cells; every number
of pieces on the board, 3 to 11, is drawn equally often. Only pieces that look different
in all eight ways to lay them are taken out, and where one belongs is asked only if
all ways to fill the empty cells with the pieces agree, by exhaustive search.
Areas are drawn first, among those that occur, and so are numbers of neighbours.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ludex.code2logic.game import Game, Question, at, listed, numbers
from ludex.code2logic.parts import polyominoes as poly
from ludex.code2logic.parts.grids import AROUND, Place, beside
from ludex.code2logic.parts.polyominoes import Shape

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Canvas, Style

WEIGHTS = (8, 1, 1, 1.3, 2.5, 8)  # of being touched by 0, 1, ... pieces
LONGEST = 6  # cells of a removed piece in a row or column


@dataclass(frozen=True)
class State:
    """The board and the pieces beside it.

    Attributes:
        board: the rows; the number of the piece that covers a cell, 0 for an empty one.
        removed: for each removed piece its number and its cells as (row, column) from 0, as it is drawn. Turned,
            flipped and moved in some way the removed pieces fill the empty cells exactly.
    """

    board: tuple[tuple[int, ...], ...]
    removed: tuple[tuple[int, Shape], ...]

    @property
    def pieces(self) -> dict[int, list[Place]]:
        """The cells of the pieces on the board."""
        return {n: cells for n, cells in poly.by_number(self.board).items() if n}


def start(rng: random.Random, size: tuple[int, int, int, int]) -> State:
    """A board of `size`: its side, the least pieces on it (at most two more), the least and most removed ones."""
    side, least, few, many = size
    out = rng.randint(few, many)
    count = rng.randint(least, least + 2) + out
    gone: list[int] = []
    while len(gone) < out:
        board = poly.grown(rng, side, count)
        shapes = {n: poly.laid(cells, 0) for n, cells in poly.by_number(board).items()}
        gone = [n for n, shape in shapes.items() if max(poly.extent(shape)) <= LONGEST and poly.irregular(shape)]
    gone = sorted(rng.sample(gone, out))
    rows = tuple(tuple(0 if n in gone else n for n in line) for line in board)
    return State(rows, tuple((n, poly.laid(shapes[n], rng.randrange(8))) for n in gone))


def describe(state: State) -> str:
    """The board, then the removed pieces."""
    lines = ["The board (numbers of pieces, . empty):"]
    lines += [f"row {r}: {' '.join(str(n or '.') for n in line)}" for r, line in enumerate(state.board, 1)]
    for number, shape in state.removed:
        rows, columns = map(range, poly.extent(shape))
        drawn = ("".join("#" if (r, c) in shape else "." for c in columns) for r in rows)
        lines.append(f"Removed piece {number}, row by row: {' / '.join(drawn)}")
    return "\n".join(lines)


def draw(state: State, style: Style) -> Image.Image:
    """The board with thick lines between pieces, the removed ones below; neighbours differ in colour."""
    from ludex.code2logic.draw import Canvas, contrast

    canvas, colour = Canvas(style), poly.coloured(state.board, len(style.palette))
    grid = canvas.grid(len(state.board), len(state.board), (6, 0, 554, 406))
    for number, cells in state.pieces.items():
        for place in cells:
            grid.fill(*place, style.palette[colour[number]])
    for (row, _), there in poly.borders(state.board):
        x, y, right, bottom = grid.rectangle(*there)
        canvas.pen.line((x, y, *((x, bottom) if row == there[0] else (right, y))), style.ink, 4)
    for number, cells in state.pieces.items():
        grid.write(*poly.middle(cells), str(number), contrast(style.palette[colour[number]]))
    for i, (number, shape) in enumerate(state.removed):
        put_aside(canvas, 560 * (2 * i + 1) // (2 * len(state.removed)), number, shape)
    return canvas.image


def put_aside(canvas: Canvas, x: int, number: int, shape: Shape) -> None:
    """A removed piece below the board, around the column of pixels `x`."""
    canvas.text((x, 422), f"piece {number}", 16)
    height, width = poly.extent(shape)
    for row, column in shape:
        left, top = x - 10 * width + 20 * column, 495 - 10 * height + 20 * row
        canvas.pen.rectangle((left, top, left + 20, top + 20), canvas.style.solid, canvas.style.paper)


def count(state: State) -> int:
    """The number of pieces on the board."""
    return len(state.pieces)


game = Game(
    name="tangram",
    rules=(
        "A square board was cut into numbered pieces along the edges of its cells. Some pieces were taken out and lie "
        "below the board, where they may have been turned by 90°, 180° or 270°, and flipped (mirrored). Together they "
        "fill the empty cells of the board exactly, without overlapping. Flipping a piece left to right exchanges its "
        "left and right side. Pieces touch if they share at least one edge of a cell."
    ),
    legend="Thick lines separate the pieces on the board, each with its number; plain cells are empty.",
    sizes={"easy": (5, 4, 1, 2), "medium": (8, 7, 1, 3), "hard": (10, 10, 2, 3)},
    start=start, draw=draw, describe=describe, measure=count, measured="pieces on the board",
)  # fmt: skip


@game.question(kind="perception", qa_level="easy", number=1)
def pieces_left(state: State, rng: random.Random) -> Question:
    """The pieces on the board."""
    right = count(state)
    text, why = "How many pieces lie on the board?", f"The pieces {listed(sorted(state.pieces))} do: {right}."
    return Question.choice(text, right, numbers(rng, right, low=1), why)


@game.question(kind="prediction", qa_level="medium", number=2)
def way_to_lay(state: State, rng: random.Random) -> Question | None:
    """How a removed piece must be turned or flipped, where all fillings agree."""
    number = rng.choice(state.removed)[0]
    found = poly.fillings(state.board, state.removed)
    ways = {filling[number][0] for filling in found}
    if len(ways) != 1:
        return None
    way = poly.WAYS[ways.pop()]
    text = f"How must piece {number} be laid, compared with how it is drawn, to go back to its place?"
    covered = listed(at(*place) for place in found[0][number][1])
    why = f"The pieces fill the empty cells with piece {number}, {way}, on {covered}; laid otherwise they never do."
    return Question.choice(text, way, poly.WAYS, why, piece=number)


@game.question(kind="perception", qa_level="medium", number=3)
def area(state: State, rng: random.Random) -> Question:
    """The cells of a piece on the board."""
    areas = {number: len(cells) for number, cells in state.pieces.items()}
    right = rng.choice(sorted(set(areas.values())))
    number = rng.choice([number for number in areas if areas[number] == right])
    text, why = f"How many cells does piece {number} cover?", f"Piece {number} covers {right} cells."
    return Question.choice(text, right, numbers(rng, right, low=1), why, piece=number)


@game.question(kind="perception", qa_level="medium", number=4)
def touched(state: State, rng: random.Random) -> Question:
    """The pieces that touch a piece; weights make up for how seldom none, or more than three, do."""
    near = {number: others - {0} for number, others in poly.touching(state.board).items() if number}
    counts = sorted(map(len, near.values()))
    right = rng.choices(counts, [WEIGHTS[min(n, 5)] / counts.count(n) for n in counts])[0]
    number = rng.choice([number for number in near if len(near[number]) == right])
    text = f"How many pieces on the board touch piece {number}?"
    why = f"Piece {number} touches {right}: {listed(sorted(near[number]))}."
    return Question.choice(text, right, numbers(rng, right), why, piece=number)


def box(row: int, column: int, height: int, width: int) -> str:
    """Rows and columns in words."""
    return f"rows {row + 1} to {row + height}, columns {column + 1} to {column + width}"


@game.question(kind="prediction", qa_level="hard", number=5, options=4)
def home(state: State, rng: random.Random) -> Question | None:
    """Where one of several removed pieces belongs, where all fillings agree; wrong ones lie about all their places."""
    found, (number, shape) = poly.fillings(state.board, state.removed), rng.choice(state.removed)
    sizes = (poly.extent(shape), poly.extent(shape)[::-1])
    homes = {box(*poly.corner(cells), *sizes[way % 2]) for way, cells in (filling[number] for filling in found)}
    if len(state.removed) < 2 or len(homes) != 1:
        return None
    corners = [beside(poly.corner(cells), step) for _, cells in found[0].values() for step in (*AROUND, (0, 0))]
    boxes = [(r, c, h, w) for r, c in corners for h, w in sizes]
    inside = [box(r, c, h, w) for r, c, h, w in boxes if min(r, c) >= 0 and max(r + h, c + w) <= len(state.board)]
    right = homes.pop()
    if len({*inside, right}) < 4:
        return None
    text = f"Between which rows and columns does piece {number} lie, once it is back in its place?"
    covered = listed(at(*place) for place in found[0][number][1])
    why = f"The pieces fill the empty cells with piece {number} on {covered}, in {right}; elsewhere they never do."
    return Question.choice(text, right, inside, why, piece=number)
