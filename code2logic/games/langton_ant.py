"""Langton's ant on a board whose opposite borders are joined.

Boards are 5, 9 and 13 cells wide, each cell black with a probability of 0.2 to
0.6 that is drawn for the board. Options for a place are two rows by two columns
by two headings, so that no option stands out, and after a walk they agree in
what parity tells without looking. The number of changes is drawn first, each of
0 to 3 equally often, and boards until one has such a cell; a cell without
changes is one beside the ant's path.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise, product
from typing import TYPE_CHECKING

from ludex.code2logic.game import Game, Question, at

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Style

HEADINGS = ("up", "right", "down", "left")  # clockwise
MOVES = {"up": (-1, 0), "right": (0, 1), "down": (1, 0), "left": (0, -1)}
NAMES = {"#": "black", ".": "white"}
TRIES = 200  # boards drawn for a number of changes

Place = tuple[int, int]


@dataclass(frozen=True)
class State:
    """The cells as rows of "#" (black) and "." (white); the ant's row and column from 0; its heading in words."""

    cells: tuple[str, ...]
    row: int
    column: int
    heading: str


def start(rng: random.Random, size: int) -> State:
    """A random board with the ant anywhere."""
    black = rng.uniform(0.2, 0.6)
    cells = tuple("".join("#" if rng.random() < black else "." for _ in range(size)) for _ in range(size))
    return State(cells, rng.randrange(size), rng.randrange(size), rng.choice(HEADINGS))


def step(state: State) -> State:
    """One step: turn, change the colour of the cell, go forward."""
    size, line = len(state.cells), state.cells[state.row]
    colour = line[state.column]
    heading = HEADINGS[(HEADINGS.index(state.heading) + (1 if colour == "." else -1)) % 4]
    changed = line[: state.column] + ("#" if colour == "." else ".") + line[state.column + 1 :]
    cells = (*state.cells[: state.row], changed, *state.cells[state.row + 1 :])
    down, right = MOVES[heading]
    return State(cells, (state.row + down) % size, (state.column + right) % size, heading)


def walk(state: State, steps: int) -> list[State]:
    """The states from now on, `steps` + 1 of them."""
    states = [state]
    for _ in range(steps):
        states.append(step(states[-1]))
    return states


def place(row: int, column: int, heading: str) -> str:
    """A place and a heading in words."""
    return f"{at(row, column)}, facing {heading}"


def told(states: list[State]) -> str:
    """A walk in words, a sentence a step."""
    lines = []
    for i, (before, after) in enumerate(pairwise(states), 1):
        colour = NAMES[before.cells[before.row][before.column]]
        turn = "right" if colour == "white" else "left"
        lines.append(f"Step {i}: {colour}, turn {turn}, to {place(after.row, after.column, after.heading)}.")
    return " ".join(lines)


def describe(state: State) -> str:
    """The board and the ant."""
    rows = "\n".join(f"row {r + 1}: {' '.join(line)}" for r, line in enumerate(state.cells))
    return f"The board (# black, . white):\n{rows}\nThe ant: {place(state.row, state.column, state.heading)}."


def draw(state: State, style: Style) -> Image.Image:
    """Black and white cells, and an arrow for the ant."""
    from ludex.code2logic.draw import Canvas
    from ludex.code2logic.glyphs import heading

    canvas = Canvas(style)
    size = len(state.cells)
    grid = canvas.grid(size, size)
    for row, column in product(range(size), repeat=2):
        grid.fill(row, column, (20, 20, 20) if state.cells[row][column] == "#" else (255, 255, 255), (128, 128, 128))
    grid.put(state.row, state.column, heading, style.colour("red"), state.heading, scale=0.76)
    return canvas.image


def area(state: State) -> int:
    """The number of cells."""
    return len(state.cells) ** 2


game = Game(
    name="langton-ant",
    rules=(
        "Langton's ant walks on a board of black and white cells. In one step it first turns by 90 degrees, to its "
        "right if its cell is white and to its left if its cell is black; then that cell changes its colour; then "
        "the ant goes one cell forward. Opposite borders are joined: an ant that leaves the board enters it again on "
        "the other side, in the same row or column."
    ),
    legend="The arrow is the ant; it points where the ant is facing, and the colour around it is that of its cell.",
    sizes={"easy": 5, "medium": 9, "hard": 13},
    start=start,
    draw=draw,
    describe=describe,
    measure=area,
    measured="cells",
)


def around(rows: Iterable[int], columns: Iterable[int], headings: Iterable[str]) -> list[str]:
    """Every place with one of the rows, columns and headings."""
    return [place(*where) for where in product(rows, columns, headings)]


def beside(rng: random.Random, index: int, size: int) -> int:
    """The row or column before or after one, on the board."""
    return rng.choice([i for i in (index - 1, index + 1) if 0 <= i < size])


@game.question(kind="perception", qa_level="easy", number=1)
def ant_now(state: State, rng: random.Random) -> Question:
    """Where the ant is; the others are a row, a column or a turn off."""
    size, right = len(state.cells), place(state.row, state.column, state.heading)
    rows = (state.row, beside(rng, state.row, size))
    columns = (state.column, beside(rng, state.column, size))
    headings = (state.heading, rng.choice([h for h in HEADINGS if h != state.heading]))
    text = "Where is the ant now, and which way is it facing?"
    return Question.choice(text, right, around(rows, columns, headings), f"The ant is at {right}.")


@game.question(kind="prediction", qa_level="medium", number=2)
def ant_later(state: State, rng: random.Random) -> Question:
    """Where the ant is after 5 to 10 steps; the others differ by two rows, by two columns and by a half turn."""
    size, steps = len(state.cells), rng.randint(5, 10)
    states = walk(state, steps)
    last = states[-1]
    rows = (last.row, (last.row + rng.choice((-2, 2))) % size)
    columns = (last.column, (last.column + rng.choice((-2, 2))) % size)
    headings = (last.heading, HEADINGS[HEADINGS.index(last.heading) - 2])
    text = f"Where is the ant after {steps} steps, and which way is it facing then?"
    right = place(last.row, last.column, last.heading)
    return Question.choice(text, right, around(rows, columns, headings), told(states), steps=steps)


def with_changes(states: list[State], changes: int) -> list[Place]:
    """The cells on or beside the ant's path whose colour changes that often."""
    size, counts = len(states[0].cells), Counter((s.row, s.column) for s in states[:-1])
    near = {((r + down) % size, (c + right) % size) for r, c in counts for down, right in MOVES.values()}
    return sorted(cell for cell in near | set(counts) if counts[cell] == changes)


@game.question(kind="prediction", qa_level="hard", number=3)
def colour_changes(state: State, rng: random.Random) -> Question | None:
    """How often a cell changes its colour in 5 to 12 steps, from never to three times."""
    changes = rng.randrange(4)
    for _ in range(TRIES):
        steps = rng.randint(5, 12)
        states = walk(state, steps)
        cells = with_changes(states, changes)
        if cells:
            break
        state = start(rng, len(state.cells))
    else:
        return None
    cell = at(*rng.choice(cells))
    visits = [i for i, s in enumerate(states[:-1], 1) if at(s.row, s.column) == cell]
    text = f"How often does the cell at {cell} change its colour in the next {steps} steps?"
    seen = f"in the steps {visits}" if visits else "in none of them"
    why = f"{told(states)} The ant leaves {cell} {seen}, so the colour changes {changes} times."
    return Question.fill(text, changes, why, state=state, cell=cell, steps=steps)
