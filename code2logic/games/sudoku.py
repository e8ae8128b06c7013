"""Sudoku with colours: perception, candidates, and colours that only a chain of deductions gives.

The full board is drawn at random, then cells are emptied as long as their own colour stays forced: the only
candidate, or with no other cell for it in a row, column or box. So every board has exactly one completion. Levels
go by empty cells: 7-10 of 16, 24-32 and 38-46 of 81; with fewer, as in GameQA, nearly every cell has one candidate.
The number of candidates is drawn first, then a board with such a cell; other counts are drawn evenly from those
that the board offers; the deduced cell is forced neither now nor after only one of the two cells before it.
"""

from __future__ import annotations

import random
from math import isqrt
from typing import TYPE_CHECKING

from ludex.code2logic.game import Game, Question, at, listed
from ludex.code2logic.parts.grids import Place
from ludex.code2logic.parts.latin import State, candidates, forced, start

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Style

BLACK = (0, 0, 0)  # the ninth colour, which no palette holds


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
        canvas.glyph((560 * (i + 0.5) / side, 520), 24, square, paint[name], style.ink)
        canvas.text((560 * (i + 0.5) / side, 545), name, 12)
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
    held = {colour: [*state.board.values()].count(colour) for colour in state.colours}
    count = rng.choice(sorted({*held.values()}))
    colour = rng.choice([c for c in state.colours if held[c] == count])
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
    ruled_out = listed(c for c in state.colours if c not in may[place])
    why = f"In its row, column or box are {ruled_out}; left over: {listed(sorted(may[place]))}. That is {count}."
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


def emptier(rng: random.Random, size: tuple[int, int, int]) -> State:
    """Boards on which a chain of deductions is common: 10 or 11 of 16 cells are empty, 34-40 or 40-46 of 81."""
    return start(rng, {7: (4, 10, 11), 24: (9, 34, 40), 38: (9, 40, 46)}[size[1]])


@game.question(kind="prediction", qa_level="hard", number=5, options=9, start=emptier)
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
