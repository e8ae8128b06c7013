"""Conway's Game of Life on a board whose opposite borders are joined, and one block of it on its own.

Boards are 4, 5 and 6 cells wide, each cell alive with a probability of 0.2 to 0.6
that is drawn for the board. A cell's history is drawn first, each of the eight
equally often, and boards until one has such a cell. The block that is followed
alone, with only dead cells around it, is drawn by how long it changes: each
number of steps, and "never" for one that repeats itself, equally often.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import TYPE_CHECKING

from ludex.code2logic.game import Game, Question, at, numbers

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Style

Cells = tuple[str, ...]
NAMES = {"#": "alive", ".": "dead"}
HISTORY = 3  # steps of a cell's history
BLOCK = 3  # rows and columns of the block
TRIES = 200  # boards drawn for a history
NEVER = "never, it keeps changing"


@dataclass(frozen=True)
class State:
    """The cells as rows of "#" (alive) and "." (dead)."""

    cells: Cells


def start(rng: random.Random, size: int) -> State:
    """A random board."""
    alive = rng.uniform(0.2, 0.6)
    return State(tuple("".join("#" if rng.random() < alive else "." for _ in range(size)) for _ in range(size)))


def step(cells: Cells) -> Cells:
    """The next generation, opposite borders joined."""
    size = len(cells)
    wide = [line[-1] + line + line[0] for line in (cells[-1], *cells, cells[0])]
    return tuple(
        "".join(fate(cells[r][c], sum(wide[r + i][c : c + 3].count("#") for i in range(3))) for c in range(size))
        for r in range(size)
    )


def fate(cell: str, around: int) -> str:
    """A cell's next content; `around` counts the living of the three by three cells, itself included."""
    return "#" if around == 3 or (around == 4 and cell == "#") else "."


def alone(cells: Cells) -> Cells:
    """The next generation of cells that have only dead cells around them, which stay dead."""
    edge = "." * (len(cells) + 2)
    return tuple(line[1:-1] for line in step((edge, *(f".{line}." for line in cells), edge))[1:-1])


def steps_alone(cells: Cells) -> int | None:
    """After how many steps such cells stop changing; None if they never do."""
    seen = [cells]
    while (after := alone(seen[-1])) not in seen:
        seen.append(after)
    return len(seen) - 1 if after == seen[-1] else None


@cache
def blocks() -> dict[int | None, list[Cells]]:
    """The blocks by when they stop changing."""
    found: dict[int | None, list[Cells]] = {}
    for bits in product("#.", repeat=BLOCK * BLOCK):
        block = tuple("".join(bits[BLOCK * r : BLOCK * (r + 1)]) for r in range(BLOCK))
        found.setdefault(steps_alone(block), []).append(block)
    return found


def generations(cells: Cells, steps: int) -> list[Cells]:
    """The boards from now on, `steps` + 1 of them."""
    boards = [cells]
    for _ in range(steps):
        boards.append(step(boards[-1]))
    return boards


def alive(state: State) -> int:
    """The number of living cells."""
    return sum(line.count("#") for line in state.cells)


def rows(cells: Cells) -> str:
    """A board on one line."""
    return " / ".join(cells)


def describe(state: State) -> str:
    """The board."""
    lines = "\n".join(f"row {r + 1}: {' '.join(line)}" for r, line in enumerate(state.cells))
    return f"The board (# alive, . dead):\n{lines}"


def draw(state: State, style: Style) -> Image.Image:
    """A disc in every living cell."""
    from ludex.code2logic.draw import Canvas
    from ludex.code2logic.glyphs import disc

    canvas = Canvas(style)
    size = len(state.cells)
    grid = canvas.grid(size, size)
    for row, column in product(range(size), repeat=2):
        if state.cells[row][column] == "#":
            grid.put(row, column, disc, style.colour("green"))
    return canvas.image


def area(state: State) -> int:
    """The number of cells."""
    return len(state.cells) ** 2


game = Game(
    name="lifegame",
    rules=(
        "Conway's Game of Life. Every cell has eight neighbours: above, below, left, right and diagonally. In one "
        "step all cells change together: a living cell stays alive if two or three of its neighbours are alive, and "
        "dies otherwise; a dead cell comes alive if exactly three of its neighbours are alive, and stays dead "
        "otherwise. Opposite borders of the board are joined: the last row lies above the first, and the last column "
        "lies left of the first."
    ),
    legend="A cell with a disc is alive, an empty one is dead.",
    sizes={"easy": 4, "medium": 5, "hard": 6},
    start=start,
    draw=draw,
    describe=describe,
    measure=area,
    measured="cells",
)


@game.question(kind="perception", qa_level="easy", number=1)
def alive_now(state: State, rng: random.Random) -> Question:
    """The living cells of the board."""
    right = alive(state)
    counts = ", ".join(f"row {r + 1} has {line.count('#')}" for r, line in enumerate(state.cells))
    return Question.choice("How many cells are alive now?", right, numbers(rng, right), f"{counts}: {right} in all.")


@game.question(kind="prediction", qa_level="medium", number=2)
def alive_next(state: State, rng: random.Random) -> Question | None:
    """The living cells one step later; a board where all die is mostly passed over."""
    after = State(step(state.cells))
    right = alive(after)
    if right == 0 and rng.random() < 0.8:
        return None
    why = f"The rows after one step are {rows(after.cells)}: {right} are alive."
    return Question.choice("How many cells are alive after one step?", right, numbers(rng, right), why)


@game.question(kind="prediction", qa_level="medium", number=3)
def cell_history(state: State, rng: random.Random) -> Question | None:
    """What a cell is after one, two and three steps."""
    wanted = tuple(rng.choice("#.") for _ in range(HISTORY))
    for _ in range(TRIES):
        boards = generations(state.cells, HISTORY)
        size = range(len(state.cells))
        cells = [(r, c) for r in size for c in size if tuple(board[r][c] for board in boards[1:]) == wanted]
        if cells:
            break
        state = start(rng, len(size))
    else:
        return None
    cell = at(*rng.choice(cells))
    right = ", ".join(NAMES[content] for content in wanted)
    every = [", ".join(history) for history in product(NAMES.values(), repeat=HISTORY)]
    text = f"What is the cell at {cell} after 1, after 2 and after 3 steps, in this order?"
    shown = "; ".join(f"after {i}: {rows(board)}" for i, board in enumerate(boards[1:], 1))
    why = f"The rows after each step are, {shown}. So the cell at {cell} is {right}."
    return Question.choice(text, right, every, why, state=state, cell=cell)


def planted(cells: Cells, block: Cells, row: int, column: int) -> Cells:
    """The board with the block put at a place."""
    lines = list(cells)
    for i, line in enumerate(block, row):
        lines[i] = lines[i][:column] + line + lines[i][column + BLOCK :]
    return tuple(lines)


@game.question(kind="prediction", qa_level="hard", number=4)
def block_settles(state: State, rng: random.Random) -> Question:
    """When a block of three by three cells, with nothing alive around it, stops changing."""
    steps = rng.choice(list(blocks()))
    block = rng.choice(blocks()[steps])
    row, column = (rng.randrange(len(state.cells) - BLOCK + 1) for _ in range(2))
    shown = State(planted(state.cells, block, row, column))
    corner = at(row, column)
    text = (
        f"Take the block of three by three cells whose top left cell is {corner}, on its own: all cells outside it are "
        "dead and stay dead, whatever happens. After how many steps has the block first reached a form that "
        "another step does not change?"
    )
    right = NEVER if steps is None else str(steps)
    forms = [block]
    while (after := alone(forms[-1])) not in forms:
        forms.append(after)
    told = "; ".join(f"after {i}: {rows(form)}" for i, form in enumerate([*forms, after]))
    every = [NEVER, *map(str, range(7))]
    return Question.choice(text, right, every, f"The block is, {told}. So: {right}.", state=shown, corner=corner)
