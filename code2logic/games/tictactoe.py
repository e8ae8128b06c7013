"""Tic-tac-toe: three in a row on three by three, every answer by minimax over the whole game.

Red begins. Levels go by the number of empty cells, which is what a player must
search: 2-3, 4-5 and 6-7. Positions are drawn by random legal play.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from ludex.code2logic.game import Game, Question, at

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Style

CELLS = tuple((row, column) for row in range(3) for column in range(3))
LINES = tuple(
    [tuple(3 * r + c for c in range(3)) for r in range(3)]
    + [tuple(3 * r + c for r in range(3)) for c in range(3)]
    + [(0, 4, 8), (2, 4, 6)]
)
NAMES = {"R": "red", "B": "blue", ".": "empty"}


@dataclass(frozen=True)
class State:
    """The nine cells row by row, each "R", "B" or "."."""

    cells: str

    @property
    def mover(self) -> str:
        """Who moves: red when both have as many pieces."""
        return "R" if self.cells.count("R") == self.cells.count("B") else "B"


def start(rng: random.Random, size: tuple[int, int]) -> State:
    """Random legal play down to a number of empty cells in `size`, nobody having won."""
    wanted = rng.randint(*size)
    while True:
        state = State("." * 9)
        while empty(state) > wanted and not winner(state):
            state = move(state, rng.choice(moves(state)))
        if not winner(state):
            return state


def moves(state: State) -> list[int]:
    """The empty cells; none once somebody has won."""
    return [] if winner(state) else [i for i, cell in enumerate(state.cells) if cell == "."]


def move(state: State, cell: int) -> State:
    """The position after the side to move takes `cell`."""
    return replace(state, cells=state.cells[:cell] + state.mover + state.cells[cell + 1 :])


def winner(state: State) -> str:
    """Whoever has a full line, "R" or "B"; "" for nobody."""
    for a, b, c in LINES:
        if state.cells[a] != "." and state.cells[a] == state.cells[b] == state.cells[c]:
            return state.cells[a]
    return ""


@cache
def value(state: State) -> int:
    """1, 0 or -1: what the side to move reaches with best play by both."""
    if winner(state):
        return -1  # the other side has just completed a line
    return max((-value(move(state, cell)) for cell in moves(state)), default=0)


def best(state: State) -> list[int]:
    """The moves that keep the value of the position."""
    return [cell for cell in moves(state) if -value(move(state, cell)) == value(state)]


def name(cell: int) -> str:
    """The cell in words."""
    return str(at(*CELLS[cell]))


def describe(state: State) -> str:
    """The board, R for red, B for blue and . for empty."""
    rows = "\n".join(f"row {r + 1}: {' '.join(state.cells[3 * r : 3 * r + 3])}" for r in range(3))
    return f"The board (R red, B blue, . empty):\n{rows}"


def draw(state: State, style: Style) -> Image.Image:
    """A disc for red, a cross for blue."""
    from ludex.code2logic.draw import Canvas
    from ludex.code2logic.glyphs import cross, disc

    canvas = Canvas(style)
    grid = canvas.grid(3, 3)
    for (row, column), cell in zip(CELLS, state.cells, strict=True):
        if cell == "R":
            grid.put(row, column, disc, style.colour("red"), scale=0.7)
        elif cell == "B":
            grid.put(row, column, cross, style.colour("blue"), scale=0.7)
    return canvas.image


def empty(state: State) -> int:
    """The number of empty cells."""
    return state.cells.count(".")


game = Game(
    name="tictactoe",
    rules=(
        "Tic-tac-toe on three by three cells. Red moves first, then the players take turns, each filling one empty "
        "cell with a piece. Whoever has three pieces in a row, column or diagonal wins; a full board without "
        "such a line is a draw. A move is optimal if with best play by both sides it leads to the best result "
        "(win before draw before loss) that the mover can still reach."
    ),
    legend="Red pieces are discs, blue pieces are crosses.",
    sizes={"easy": (2, 3), "medium": (4, 5), "hard": (6, 7)},
    start=start, draw=draw, describe=describe, measure=empty, measured="empty cells",
)  # fmt: skip


@game.question(kind="perception", qa_level="easy", number=1)
def piece_at(state: State, rng: random.Random) -> Question:
    """The piece of a cell, each of the three kinds equally often."""
    content = rng.choice(sorted(set(state.cells)))
    cell = rng.choice([i for i, c in enumerate(state.cells) if c == content])
    return Question.choice(
        f"What is in the cell at {name(cell)}?",
        NAMES[content],
        NAMES.values(),
        f"The cell at {name(cell)} is {NAMES[content]}.",
        cell=at(*CELLS[cell]),
    )


def verdict(state: State, cell: int) -> str:
    """What a move leads to, for the worked solution."""
    return {1: "wins", 0: "draws", -1: "loses"}[-value(move(state, cell))]


def compared(state: State) -> str:
    """Every move with its result."""
    return "; ".join(f"{name(cell)} {verdict(state, cell)}" for cell in moves(state))


@game.question(kind="strategy", qa_level="medium", number=2, wishes=range(9))
def best_move(state: State, rng: random.Random, wish: int) -> Question | None:
    """An optimal move, to each cell equally often, among moves that are not, where there are any."""
    good = best(state)
    worse = [cell for cell in moves(state) if cell not in good]
    if not worse or wish not in good:
        return None
    side = NAMES[state.mover]
    return Question.choice(
        f"It is {side}'s turn. Which of these is an optimal move for {side}?",
        name(wish),
        [name(cell) for cell in range(9) if cell not in good],
        f"With best play afterwards, for {side}: {compared(state)}. So {name(wish)} is optimal.",
        near=map(name, worse),
        side=side,
    )


@game.question(kind="strategy", qa_level="hard", number=3)
def best_reply(state: State, rng: random.Random) -> Question | None:
    """The other side's optimal reply to a given move, or none where that move ends the game."""
    given = rng.choice(moves(state))
    after = move(state, given)
    side, other = NAMES[state.mover], NAMES[after.mover]
    text = f"It is {side}'s turn, and {side} takes {name(given)}. Which of these is then an optimal move for {other}?"
    asked = {"side": side, "cell": at(*CELLS[given])}
    over = "none, the game is over"
    if not moves(after):
        if rng.random() < 0.5:  # a third of the hard positions would end otherwise
            return None
        end = f"{side} has three in a row" if winner(after) else "the board is full"
        return Question.choice(text, over, map(name, range(9)), f"After {name(given)} {end}: {over}.", **asked)
    good = best(after)
    if len(good) == len(moves(after)):
        return None
    right = rng.choice(good)
    worse = [cell for cell in range(9) if cell not in good]
    near = [over, *(name(cell) for cell in worse if cell in moves(after))]
    why = f"After {name(given)}, for {other}: {compared(after)}. So {name(right)} is optimal."
    return Question.choice(text, name(right), map(name, worse), why, near=near, **asked)
