"""Rhythm: click, reverse and snake blocks fall in columns, and a finger that stays in one column plays them.

Columns are stacked from below: gaps of 0-3 cells, and blocks, half of them clicks, 15 % reverses, the rest snakes of
2-5 cells. The kind of a cell and the length of a snake are drawn first, each equally often; points are asked of columns
where a reverse (or its delay) matters. Levels are GameQA's: 15 rows by 4 columns, 15 by 6, 20 by 6.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from ludex.code2logic.game import Game, Question, at
from ludex.code2logic.parts.grids import Place, places, written

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Style

NAMES = {".": "empty", "C": "click", "R": "reverse", "H": "snake head", "B": "snake body", "T": "snake tail"}
LENGTHS = (2, 3, 4, 5)
DELAY = "Here, after a reverse was played, the next row to arrive cannot be played and gives nothing. "


@dataclass(frozen=True)
class State:
    """The cells as rows from top to bottom; blocks fall towards the last row. Nothing is hidden.

    "." empty, "C" click, "R" reverse; a snake stands in a column: "H" head (lowest), "B" body, "T" tail (highest).
    """

    rows: tuple[str, ...]


def start(rng: random.Random, size: tuple[int, int]) -> State:
    """Columns stacked from below."""
    stacks = []
    for _ in range(size[1]):
        stack = ""
        while len(stack) < size[0]:
            block = rng.choices(("C", "R", f"H{'B' * (rng.choice(LENGTHS) - 2)}T"), (10, 3, 7))[0]
            stack += "." * rng.randint(0, 3)
            stack += block if len(stack) + len(block) <= size[0] else "."
        stacks.append(stack[size[0] - 1 :: -1])
    return State(tuple("".join(line) for line in zip(*stacks, strict=True)))


def length_of(state: State, head: Place) -> int:
    """The cells of the snake with its head at a place."""
    return [line[head[1]] for line in state.rows[head[0] :: -1]].index("T") + 1


def play(state: State, column: int, delay: bool) -> tuple[int, str]:
    """The points that a column gives, and what a finger in it plays."""
    total, said, row, side = 0, "", len(state.rows) - 1, column
    while row >= 0:
        kind = state.rows[row][side]
        cells = length_of(state, (row, side)) if kind == "H" else 1
        made = {"C": 10, "R": 15, "H": cells * (2 * cells + 7)}.get(kind, 0)
        total, said = total + made, f"{said}{NAMES[kind].split()[0]} {made}, " if made else said
        row -= cells + (delay and kind == "R")
        side = len(state.rows[0]) - 1 - side if kind == "R" else side
    return total, f"column {column + 1} plays {said or 'nothing, '}{total} points"


def describe(state: State) -> str:
    """The cells by letters."""
    return f"The board (C click, R reverse, H B T head, body and tail of a snake, . empty):\n{written(state.rows)}"


def draw(state: State, style: Style) -> Image.Image:
    """The board at the left with a thick line under its last row, what the blocks are called at the right."""
    from ludex.code2logic.draw import Canvas
    from ludex.code2logic.glyphs import disc, double_arrow, serpent

    snake = {k: (serpent, style.colour("purple" if k == "H" else "blue"), k, style.cell) for k in "TBH"}
    looks = {"C": (disc, style.colour("orange")), "R": (double_arrow, style.colour("green"))} | snake
    canvas = Canvas(style)
    grid = canvas.grid(len(state.rows), len(state.rows[0]), (6, 6, 390, 550))
    for row, column in places(grid.rows, grid.columns):
        if (kind := state.rows[row][column]) in looks:
            grid.put(row, column, *looks[kind], scale=0.8 if kind == "C" else 0.9 if kind == "R" else 1.0)
    low, right = grid.top + grid.side * grid.rows + 3, grid.left + grid.side * grid.columns
    canvas.pen.line((grid.left - 4, low, right + 4, low), style.colour("red"), 5)
    for y, (kind, look) in zip((60, 110, 170, 198, 226), looks.items(), strict=True):
        canvas.glyph((415, y), 28, *look)
        canvas.text((440, y), NAMES[kind], 18, anchor="lm")
    return canvas.image


def area(state: State) -> int:
    """The number of cells."""
    return len(state.rows) * len(state.rows[0])


game = Game(
    name="rhythm",
    rules=(
        "A rhythm game. Blocks fall down a board, one row a second, and leave it below the last row; nothing new comes "
        "from above. A player keeps a finger on the last row of one column until the board is empty. Whatever is in "
        "that column's last row is played: first what is there now, then what arrives each second. A click gives 10 "
        "points. A reverse gives 15 points, and then everything above the last row is at once mirrored left to right "
        "(the first column changes places with the last, the second with the last but one, and so on), while the "
        "finger stays. A snake of n cells stands in one column, its head lowest, its tail highest; it gives "
        "n x (2n + 7) points if all of it, from head to tail, is played, and otherwise nothing."
    ),
    legend="Named at the right are the blocks; a snake of two cells has no body. A thick line is below the last row.",
    sizes={"easy": (15, 4), "medium": (15, 6), "hard": (20, 6)},
    start=start, draw=draw, describe=describe, measure=area, measured="cells",
)  # fmt: skip


def holding(state: State, kind: str) -> list[Place]:
    """The places of a kind of block."""
    return [(r, c) for r, c in places(len(state.rows), len(state.rows[0])) if state.rows[r][c] == kind]


@game.question(kind="perception", qa_level="easy", number=1, options=6)
def block_at(state: State, rng: random.Random) -> Question:
    """What a cell holds, each kind equally often."""
    kind = rng.choice(sorted(set("".join(state.rows))))
    cell, right = at(*rng.choice(holding(state, kind))), NAMES[kind]
    return Question.choice(f"What is at {cell}?", right, NAMES.values(), f"At {cell}: {right}.", cell=cell)


@game.question(kind="perception", qa_level="easy", number=2)
def occupied(state: State, rng: random.Random) -> Question:
    """The part of the cells that is not empty."""
    total, free = area(state), len(holding(state, "."))
    part = (Decimal(total - free) / total).quantize(Decimal("0.001"))
    text = "Which part of all cells is occupied, as a decimal number? Every cell of a snake counts."
    return Question.fill(text, part, f"{total - free} of {total} cells are occupied: {part}.")


@game.question(kind="prediction", qa_level="medium", number=3, options=4, wishes=LENGTHS)
def snake_later(state: State, rng: random.Random, wish: int) -> Question | None:
    """The length of a snake, named by where its head is some seconds later."""
    last = len(state.rows) - 1
    if not (heads := [h for h in holding(state, "H") if h[0] < last and length_of(state, h) == wish]):
        return None
    row, column = rng.choice(heads)
    seconds = rng.randint(1, last - row)
    cell = at(row + seconds, column)
    text = f"Nobody plays. How many cells has the snake whose head is at {cell} after {seconds} s?"
    why = f"Its head is at {at(row, column)} now; up to its tail it has {wish} cells."
    return Question.choice(text, wish, LENGTHS, why, cell=cell, seconds=seconds)


@game.question(kind="prediction", qa_level="medium", number=4)
def points_of_column(state: State, rng: random.Random, delay: bool = False) -> Question | None:
    """The points of a column with a reverse (with delay: that matters); wrong options are what other columns give."""
    both = [(play(state, c, False), play(state, c, True)) for c in range(len(state.rows[0]))]
    some = [c for c, (now, late) in enumerate(both) if now[0] != late[0] or (not delay and "reverse" in now[1])]
    if not some:
        return None
    column = rng.choice(some)
    text, (right, why) = f"{DELAY * delay}How many points does column {column + 1} give?", both[column][delay]
    near = {made for pair in both for made, _ in pair}
    beside = [made + step for made in sorted(near) for step in (-15, -10, 10, 15) if made + step >= 0]
    return Question.choice(text, right, beside, f"{why}.", near=sorted(near), column=column + 1)


@game.question(kind="prediction", qa_level="medium", number=5)
def points_with_delay(state: State, rng: random.Random) -> Question | None:
    """The points of a column where the delay changes them."""
    return points_of_column(state, rng, delay=True)


@game.question(kind="strategy", qa_level="hard", number=6, options=6, wishes=(True, False))
def best_column(state: State, rng: random.Random, wish: bool, delay: bool = False) -> Question | None:
    """The best column, if it is the only one; the wish says whether it is one also in the other mode of delay."""
    every = range(len(state.rows[0]))
    plays = [play(state, column, delay) for column in every]
    made, other = [made for made, _ in plays], [play(state, column, not delay)[0] for column in every]
    best = made.index(max(made))
    if made.count(max(made)) > 1 or made == other or (other[best] == max(other)) != wish:
        return None
    names = [f"column {column + 1}" for column in every]
    why = f"{'; '.join(why for _, why in plays)}. So {names[best]} gives the most."
    return Question.choice(f"{DELAY * delay}Which column gives the most points?", names[best], names, why)


@game.question(kind="strategy", qa_level="hard", number=7, options=6, wishes=(True, False))
def best_with_delay(state: State, rng: random.Random, wish: bool) -> Question | None:
    """The best column with the delay."""
    return best_column(state, rng, wish, delay=True)
