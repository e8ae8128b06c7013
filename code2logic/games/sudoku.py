"""Sudoku with colours: perception, candidates, and colours that only a chain of deductions gives.

The full board is drawn at random, then cells are emptied as long as their own colour stays forced: the only
candidate, or with no other cell for it in a row, column or box. So every board has exactly one completion. Levels
go by empty cells: 7-10 of 16, 24-32 and 38-46 of 81; with fewer, as in GameQA, nearly every cell has one candidate.
The number of candidates is drawn first, then a board with such a cell; other counts are drawn evenly from those
that the board offers; the deduced cell is forced neither now nor after only one of the two cells before it.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import isqrt
from typing import TYPE_CHECKING

from ludex.code2logic.game import Game, Question, at, listed
from ludex.code2logic.grids import Place, places

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Style

COLOURS = ("blue", "orange", "green", "yellow", "red", "purple", "light blue", "grey", "black")
BLACK = (0, 0, 0)  # the ninth colour, which no palette holds

Candidates = dict[Place, set[str]]


@dataclass(frozen=True)
class State:
    """`colours` in the order of the key; `cells` row by row, each a colour or "" for an empty cell."""

    colours: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]

    @property
    def side(self) -> int:
        """Rows, columns, boxes and colours: 4 or 9 of each."""
        return len(self.cells)

    @property
    def board(self) -> dict[Place, str]:
        """The coloured cells."""
        return {(r, c): colour for r, row in enumerate(self.cells) for c, colour in enumerate(row) if colour}


@cache
def units(side: int) -> tuple[tuple[str, frozenset[Place]], ...]:
    """Every row, column and box, with its kind."""
    box, line = isqrt(side), range(side)
    rows = [("row", frozenset((r, c) for c in line)) for r in line]
    columns = [("column", frozenset((r, c) for r in line)) for c in line]
    boxes = [("box", frozenset((i - i % box + k // box, i % box * box + k % box) for k in line)) for i in line]
    return (*rows, *columns, *boxes)


@cache
def peers(side: int) -> dict[Place, frozenset[Place]]:
    """The cells that share a row, column or box with each cell."""
    return {p: frozenset(q for _, unit in units(side) if p in unit for q in unit) - {p} for p in places(side, side)}


def fill(rng: random.Random, side: int, left: dict[Place, frozenset[str]]) -> dict[Place, str] | None:
    """Random colours for the cells of `left`, which maps each to what it may hold; None if there are none."""
    if not left:
        return {}
    place = min(left, key=lambda p: len(left[p]))
    for colour in rng.sample(sorted(left[place]), len(left[place])):
        rest = {p: may - {colour} if p in peers(side)[place] else may for p, may in left.items() if p != place}
        done = fill(rng, side, rest)
        if done is not None:
            done[place] = colour
            return done
    return None


def start(rng: random.Random, size: tuple[int, int, int]) -> State:
    """A board of `size` (side, fewest and most empty cells), emptied while the emptied colour stays forced."""
    side, wanted = size[0], rng.randint(*size[1:])
    colours = rng.sample(COLOURS, side)
    while True:
        order = rng.sample(places(side, side), side * side)
        board = fill(rng, side, {place: frozenset(colours) for place in order}) or {}
        for place in rng.sample(order, len(order)):
            if len(board) > side * side - wanted and stays(board, colours, place):
                del board[place]
        if len(board) == side * side - wanted:
            return State(tuple(colours), tuple(tuple(board.get((r, c), "") for c in range(side)) for r in range(side)))


def fits(board: dict[Place, str], colours: Sequence[str], place: Place) -> set[str]:
    """The candidates of a cell: the colours that the rest of its row, column and box lack."""
    return set(colours) - {board.get(p) for p in peers(len(colours))[place]}


def stays(board: dict[Place, str], colours: Sequence[str], place: Place) -> bool:
    """Whether the cell, emptied, is forced: one candidate, or no other cell for its colour in a row, column or box."""
    if len(fits(board, colours, place)) == 1:
        return True
    rivals, rest = peers(len(colours))[place] - board.keys(), {**board, place: ""}
    able = {p for p in rivals if board[place] in fits(rest, colours, p)}
    return any(not unit & able for _, unit in units(len(colours)) if place in unit)


def candidates(state: State) -> Candidates:
    """The candidates of every empty cell."""
    board = state.board
    return {place: fits(board, state.colours, place) for place in peers(state.side) if place not in board}


def forced(may: Candidates, side: int, *steps: tuple[Place, str]) -> dict[Place, tuple[str, str]]:
    """The cells whose colour is forced at once, after `steps` are filled in: the colour, and why."""
    for filled, colour in steps:
        may = {p: some - {colour} if p in peers(side)[filled] else some for p, some in may.items() if p != filled}
    found = {}
    for kind, unit in units(side):
        homes = defaultdict(list)
        for place in unit & may.keys():
            for colour in sorted(may[place]):  # a set's order differs from process to process
                homes[colour].append(place)
        for colour, cells in homes.items():
            if len(cells) == 1:
                found[cells[0]] = colour, f"no other cell of its {kind} can be"
    return found | {place: (min(some), "its only candidate is") for place, some in may.items() if len(some) == 1}


def describe(state: State) -> str:
    """The colours, then the rows."""
    rows = (f"row {r + 1}: {', '.join(c or '.' for c in row)}" for r, row in enumerate(state.cells))
    return f"The colours are {listed(state.colours)}.\nThe board (. is empty):\n" + "\n".join(rows)


def draw(state: State, style: Style) -> Image.Image:
    """The board with its boxes ruled off, above the key."""
    from ludex.code2logic.draw import Canvas
    from ludex.code2logic.glyphs import square

    canvas, side, box = Canvas(style), state.side, isqrt(state.side)
    grid = canvas.grid(side, side, (6, 0, 554, 500))
    paint = {name: BLACK if name == "black" else style.colour(name) for name in state.colours}
    for (row, column), name in state.board.items():
        grid.put(row, column, square, paint[name], style.ink, scale=0.84)
    for i in range(0, side + 1, box):
        (left, top), long = grid.rectangle(0, 0)[:2], grid.side * side
        canvas.pen.line((left + i * grid.side, top, left + i * grid.side, top + long), style.ink, 4)
        canvas.pen.line((left, top + i * grid.side, left + long, top + i * grid.side), style.ink, 4)
    for i, name in enumerate(state.colours):
        x = 560 * (i + 0.5) / side
        canvas.glyph((x, 520), 24, square, paint[name], style.ink)
        canvas.text((x, 545), name, 12)
    return canvas.image


def empty(state: State) -> int:
    """The number of empty cells."""
    return sum(row.count("") for row in state.cells)


game = Game(
    name="sudoku",
    rules=(
        "Sudoku with colours. The board has 4 by 4 cells and 4 colours, or 9 by 9 and 9. On the full board each row, "
        "each column and each box (of 2 by 2 or 3 by 3 cells) holds every colour exactly once; there is one way to "
        "fill this board. A colour is a candidate of an empty cell if it is not yet in its row, column or box."
    ),
    legend="Squares are coloured cells; thick lines part the boxes. The key below the board names the colours.",
    sizes={"easy": (4, 7, 10), "medium": (9, 24, 32), "hard": (9, 38, 46)},
    start=start, draw=draw, describe=describe, measure=empty, measured="empty cells",
)  # fmt: skip


@game.question(kind="perception", qa_level="easy", number=1, options=9)
def colour_at(state: State, rng: random.Random) -> Question:
    """The colour of a cell that has one, each colour of the board equally often."""
    board = state.board
    colour = rng.choice(sorted(set(board.values())))
    cell = at(*rng.choice([place for place in board if board[place] == colour]))
    text = f"Which colour has the cell at {cell}?"
    return Question.choice(text, colour, state.colours, f"The cell at {cell} is {colour}.", cell=cell)


@game.question(kind="perception", qa_level="easy", number=2)
def cells_of_colour(state: State, rng: random.Random) -> Question:
    """How often a colour is on the board, evenly over the counts that occur."""
    held = [*state.board.values()]
    count = rng.choice(sorted({held.count(colour) for colour in state.colours}))
    colour = rng.choice([c for c in state.colours if held.count(c) == count])
    seen = listed(f"({at(*place)})" for place, name in state.board.items() if name == colour)
    text = f"How many cells of the board (the key does not count) are {colour}?"
    return Question.fill(text, count, f"The {colour} cells are {seen}: {count}.", colour=colour)


@game.question(kind="prediction", qa_level="medium", number=3, wishes=range(60))
def candidate_count(state: State, rng: random.Random, wish: int) -> Question | None:
    """How many candidates an empty cell has: 1 to 3, 4 or 5 equally often, the more the emptier the level is."""
    may = candidates(state)
    count = 1 + wish % (3 if state.side == 4 else 4 if len(may) <= 32 else 5)  # 60 is a multiple of each
    cells = [place for place in may if len(may[place]) == count]
    if not cells:
        return None
    place = rng.choice(cells)
    names = sorted(may[place])
    ruled_out = listed(c for c in state.colours if c not in names)
    why = f"In its row, column or box are {ruled_out}; left over: {listed(names)}. That is {count}."
    return Question.fill(f"How many candidates has the empty cell at {at(*place)}?", count, why, cell=at(*place))


@game.question(kind="prediction", qa_level="medium", number=4)
def lines_with_gaps(state: State, rng: random.Random) -> Question:
    """How many rows or columns have more than some number of empty cells, evenly over the answers that occur."""
    kind = rng.choice(("row", "column"))
    held = [line.count("") for line in (state.cells if kind == "row" else zip(*state.cells, strict=True))]
    bars = range(max(held) + 1)
    count = rng.choice(sorted({sum(n > bar for n in held) for bar in bars}))
    bar = rng.choice([bar for bar in bars if sum(n > bar for n in held) == count])
    why = f"Empty cells by {kind}: {', '.join(map(str, held))}. More than {bar} are in {count} of them."
    text = f"How many {kind}s have more than {bar} empty {'cell' if bar == 1 else 'cells'}?"
    return Question.fill(text, count, why, line=kind, more_than=bar)


@game.question(kind="prediction", qa_level="hard", number=5, options=9)
def deduced_colour(state: State, rng: random.Random) -> Question | None:
    """The colour of a cell that follows from two deductions, and from nothing less; a few pairs are tried."""
    side, may = state.side, candidates(state)
    now = forced(may, side)
    for first in rng.sample(sorted(now), min(4, len(now))):
        a = first, now[first][0]
        then = forced(may, side, a)
        for second in rng.sample(sorted(then), min(4, len(then))):
            b = second, then[second][0]
            last, less = forced(may, side, a, b), {*now, *then, *forced(may, side, b)}
            if new := sorted(last.keys() - less):
                place = rng.choice(new)
                return chained(state, {first: now[first], second: then[second], place: last[place]})
    return None


def chained(state: State, steps: dict[Place, tuple[str, str]]) -> Question:
    """The question after the last of three deductions."""
    first, second, cell = map(at, *zip(*steps, strict=True))
    why = "; then ".join(f"{at(*place)} is {colour} ({reason} {colour})" for place, (colour, reason) in steps.items())
    text = f"First deduce the colour of {first}, then that of {second}. Which colour must {cell} then have?"
    right = [*steps.values()][-1][0]
    return Question.choice(text, right, state.colours, f"{why}.", first=first, second=second, cell=cell)
