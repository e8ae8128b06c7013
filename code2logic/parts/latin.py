"""Boards on which every row, column and box holds each colour once: filling them, candidates, what is forced."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import isqrt

from ludex.code2logic.parts.grids import Place, places

COLOURS = ("blue", "orange", "green", "yellow", "red", "purple", "light blue", "grey", "black")


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


def candidates(state: State) -> dict[Place, set[str]]:
    """The candidates of every empty cell."""
    board = state.board
    return {place: fits(board, state.colours, place) for place in peers(state.side) if place not in board}


def forced(may: dict[Place, set[str]], side: int, *steps: tuple[Place, str]) -> dict[Place, tuple[str, str]]:
    """The cells whose colour is forced at once, after `steps` are filled in: the colour, and why."""
    for filled, colour in steps:
        may = {p: some - {colour} if p in peers(side)[filled] else some for p, some in may.items() if p != filled}
    found = {}
    for kind, unit in units(side):
        homes: dict[str, Place | None] = {}  # None for a colour with several
        for place in unit & may.keys():
            for colour in may[place]:
                homes[colour] = None if colour in homes else place
        for colour, home in homes.items():
            if home:
                found[home] = colour, f"no other cell of its {kind} can be"
    return found | {place: (min(some), "its only candidate is") for place, some in may.items() if len(some) == 1}
