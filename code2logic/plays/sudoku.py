"""Sudoku with colours, filled in cell by cell; the solver fills what is forced."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from functools import lru_cache

from ludex.code2logic.games.sudoku import empty, game
from ludex.code2logic.parts import latin
from ludex.code2logic.parts.grids import Place
from ludex.code2logic.plays import places_in
from ludex.code2logic.question import at
from ludex.envs.game import Play


@dataclass(frozen=True)
class State:
    """The puzzle, and the board as it is filled now."""

    puzzle: latin.State
    now: latin.State


def start(rng: random.Random, size: tuple[int, int, int]) -> State:
    """A puzzle, nothing filled in yet."""
    puzzle = latin.start(rng, size)
    return State(puzzle, puzzle)


def moves(state: State) -> list[str]:
    """Colours for empty cells that clash with nothing on the board, and cells that may be cleared again."""
    if result(state):
        return []
    may = latin.candidates(state.now)
    fill = [f"{at(*place)}: {c}" for place, some in sorted(may.items()) for c in state.now.colours if c in some]
    return fill + [f"clear {at(*place)}" for place in sorted(state.now.board.keys() - state.puzzle.board.keys())]


def move(state: State, words: str) -> State:
    """The board after filling or clearing a cell."""
    ((row, column),) = places_in(words)
    line = list(state.now.cells[row])
    line[column] = words.partition(": ")[2]
    cells = (*state.now.cells[:row], tuple(line), *state.now.cells[row + 1 :])
    return replace(state, now=replace(state.now, cells=cells))


def result(state: State) -> str:
    """Won once the board is full: what clashes cannot be filled in."""
    return "" if empty(state.now) else "won"


@lru_cache(maxsize=32)
def chain(puzzle: latin.State) -> dict[Place, str]:
    """The forced colours, in an order in which each follows from those before it."""
    may, steps = latin.candidates(puzzle), dict[Place, str]()
    while len(steps) < len(may):
        steps |= {place: colour for place, (colour, _) in latin.forced(may, puzzle.side, *steps.items()).items()}
    return steps


def progress(state: State) -> float:
    """The share of the empty cells that is filled rightly."""
    right, board = chain(state.puzzle), state.now.board
    return sum(board.get(place) == colour for place, colour in right.items()) / len(right)


def solve(state: State) -> list[str]:
    """The forced cells one after another."""
    return [f"{at(*place)}: {colour}" for place, colour in chain(state.puzzle).items()]


def shown(state: State) -> latin.State:
    """The board as it is now."""
    return state.now


play = Play(
    game=replace(game, start=start),
    rules=(
        "Sudoku with colours. Fill the empty cells, so that every row, every column and every box, ruled off by the "
        "thick lines (2 by 2 cells on a board of four rows, 3 by 3 on one of nine), has each colour once. A colour "
        "that stands in the cell's row, column or box already is not legal. What you have filled in you may clear "
        "again, with <answer>clear row 1, column 1</answer>."
    ),
    state=State,
    moves=moves,
    move=move,
    result=result,
    progress=progress,
    solve=solve,
    board=shown,
)
