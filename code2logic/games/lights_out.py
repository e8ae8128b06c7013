"""Lights out: pressing a lamp switches it and its neighbours; all shall be dark.

Boards are made by pressing lamps at random on a dark board, so that each can be solved. Levels go by the lamps: 3x3,
5x5 and 6x6 (4x4 takes no more presses than 3x3). Questions about solving press two to five lamps of a dark board, each
number as often. No fewer presses do, and no others: on 3x3 and 6x6 only no press at all changes nothing, on 5x5 it
takes at least 12.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING

from ludex.code2logic.game import Game, Question, at, cells, listed, numbers
from ludex.code2logic.parts.grids import Place, apart, places
from ludex.code2logic.parts.options import cluster

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Style

PRESSES = range(2, 6)  # of the boards to solve


@dataclass(frozen=True)
class State:
    """A square board, and its lit lamps as (row, column) from 0."""

    side: int
    lit: frozenset[Place]


def press(state: State, place: Place) -> State:
    """The lamp and its neighbours above, below, left and right change."""
    return State(state.side, state.lit ^ {p for p in places(state.side, state.side) if apart(p, place) <= 1})


def start(rng: random.Random, size: int) -> State:
    """A board of `size` lamps a side, pressed at random, not all dark."""
    while True:
        state = State(size, frozenset())
        for place in places(size, size):
            state = press(state, place) if rng.random() < 0.5 else state
        if state.lit:
            return state


def solve(state: State) -> list[Place]:
    """The fewest presses that darken the board, by row.

    The presses of the first row decide those of all others: a lit lamp can only be darkened from the row below.
    """
    found = [
        chased for first in product((False, True), repeat=state.side) if (chased := chase(state, first)) is not None
    ]
    return min(found, key=len)


@lru_cache(maxsize=4096)
def chase(state: State, first: tuple[bool, ...]) -> list[Place] | None:
    """The presses after those of the first row, row by row; None if lamps of the last row stay lit."""
    pressed = [(0, column) for column, on in enumerate(first) if on]
    for place in pressed:
        state = press(state, place)
    for row in range(1, state.side):
        for place in [(row, column) for column in range(state.side) if (row - 1, column) in state.lit]:
            state = press(state, place)
            pressed.append(place)
    return None if state.lit else pressed


def describe(state: State) -> str:
    """The rows of lamps."""
    rows = [" ".join("O" if (r, c) in state.lit else "." for c in range(state.side)) for r in range(state.side)]
    return "The lamps (O lit, . dark):\n" + "\n".join(f"row {r + 1}: {row}" for r, row in enumerate(rows))


def draw(state: State, style: Style) -> Image.Image:
    """Full discs for lit lamps, rings for dark ones."""
    from ludex.code2logic.draw import Canvas
    from ludex.code2logic.glyphs import disc, ring

    canvas = Canvas(style)
    grid = canvas.grid(state.side, state.side)
    for place in places(state.side, state.side):
        if place in state.lit:
            grid.put(*place, disc, style.colour("yellow"), style.ink)
        else:
            grid.put(*place, ring, style.colour("grey"), scale=0.7)
    return canvas.image


def lamps(state: State) -> int:
    """The number of lamps."""
    return state.side**2


game = Game(
    name="lights-out",
    rules=(
        "Lights out. Pressing a lamp switches it and the lamps directly above, below, left and right of it: lit ones "
        "turn dark, dark ones are lit. The puzzle is solved when every lamp is dark."
    ),
    legend="Full discs are lit lamps, empty rings are dark ones.",
    sizes={"easy": 3, "medium": 5, "hard": 6},
    start=start, draw=draw, describe=describe, measure=lamps, measured="lamps",
)  # fmt: skip


def pressed(state: State, chosen: list[Place]) -> State:
    """The board after several presses."""
    for place in chosen:
        state = press(state, place)
    return state


@game.question(kind="perception", qa_level="easy")
def lit_lamps(state: State, rng: random.Random) -> Question:
    """The lit lamps."""
    right = len(state.lit)
    why = f"{right} lamps are lit: {listed(cells(state.lit))}."
    return Question.choice("How many lamps are lit?", right, numbers(rng, right), why)


@game.question(kind="prediction", qa_level="medium")
def lit_after(state: State, rng: random.Random) -> Question:
    """The lit lamps after one press on the smallest board, two on the next and three on the largest."""
    chosen = rng.sample(places(state.side, state.side), state.side // 2)
    counts = [len(pressed(state, chosen[:i]).lit) for i in range(len(chosen) + 1)]
    text = f"How many lamps are lit after these are pressed, one after another: {'; '.join(map(str, cells(chosen)))}?"
    why = f"Before, and after each press, {', '.join(map(str, counts))} are lit: in the end {counts[-1]}."
    return Question.choice(text, counts[-1], numbers(rng, counts[-1]), why, cells=cells(chosen))


@game.question(kind="strategy", qa_level="medium")
def darkest_press(state: State, rng: random.Random) -> Question | None:
    """The one press that leaves fewest lamps lit, among presses that leave more."""
    left = {place: len(press(state, place).lit) for place in places(state.side, state.side)}
    fewest = min(left.values())
    right = rng.choice([place for place in left if left[place] == fewest])
    worse = [at(*place) for place in left if left[place] > fewest]
    if not worse:
        return None
    why = f"Pressing {at(*right)} leaves {fewest} lamps lit; no press leaves fewer."
    return Question.choice("Which one of these presses leaves the fewest lamps lit?", at(*right), worse, why)


@game.question(kind="strategy", qa_level="hard", wishes=PRESSES)
def fewest_presses(state: State, rng: random.Random, wish: int) -> Question:
    """How many presses darken a board."""
    chosen = rng.sample(places(state.side, state.side), wish)
    shown = pressed(State(state.side, frozenset()), chosen)
    why = f"These {wish} presses darken the board, in any order, and no fewer do: {listed(cells(set(chosen)))}."
    return Question.fill("What is the fewest number of presses that makes all lamps dark?", wish, why, state=shown)


@game.question(kind="strategy", qa_level="hard", wishes=PRESSES)
def needed_press(state: State, rng: random.Random, wish: int) -> Question:
    """A press of the shortest solution, among lamps that are close together."""
    board = places(state.side, state.side)
    chosen = rng.sample(board, wish)
    shown = pressed(State(state.side, frozenset()), chosen)
    options = cells(cluster(rng, chosen[0], (place for place in board if place not in chosen)))
    why = f"These {wish} presses darken the board, in any order, and no fewer do: {listed(cells(set(chosen)))}."
    text = "All lamps shall become dark in the fewest presses. Which of these lamps must be pressed?"
    return Question.choice(text, at(*chosen[0]), options, why, state=shown)
