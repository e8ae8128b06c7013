"""Tents, pitched one by one; the board has one completion, and a tent that is not in it loses the game."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from ludex.code2logic.games import tents as base
from ludex.code2logic.plays import places_in
from ludex.code2logic.question import at
from ludex.envs.game import Play


@dataclass(frozen=True)
class State:
    """The board, and whether a tent was put in a wrong place."""

    board: base.State
    wrong: bool = False


def start(rng: random.Random, size: tuple[int, int]) -> State:
    """A board on which at least three tents are missing."""
    while True:
        board = base.start(rng, size)
        if len(board.where("a")) >= 3:
            return State(board)


def moves(state: State) -> list[str]:
    """The cells that may take a tent by what is seen."""
    return [] if result(state) else [f"tent at {at(*place)}" for place in base.allowed(state.board)]


def move(state: State, words: str) -> State:
    """The board with one tent more, or the end of the game."""
    ((row, column),) = places_in(words)
    rows = list(state.board.cells)
    if rows[row][column] != "a":
        return replace(state, wrong=True)
    rows[row] = rows[row][:column] + "A" + rows[row][column + 1 :]
    return State(base.State(tuple(rows)))


def result(state: State) -> str:
    """Lost with a tent in a wrong place, won once none is missing."""
    return "lost" if state.wrong else "" if state.board.where("a") else "won"


def progress(state: State) -> float:
    """The share of the tents that stands."""
    return len(state.board.where("A")) / base.trees(state.board)


def solve(state: State) -> list[str]:
    """The missing tents, row by row."""
    tents = next(base.completions(state.board)) - set(state.board.where("A"))
    return [f"tent at {at(*place)}" for place in sorted(tents)]


def note(state: State) -> str:
    """That the last tent was wrong."""
    return "That tent was in a wrong place." if state.wrong else ""


def shown(state: State) -> base.State:
    """The board."""
    return state.board


play = Play(
    game=replace(base.game, start=start),
    rules=(
        "Tents. Each tree has one tent of its own in a cell directly above, below, left or right of it. No two tents "
        "touch, not even diagonally. The total of a row or column is the number of its tents once all stand. Some "
        "stand already, in their right places; there is one way to place the others, and you pitch them one by one. A "
        "tent may go where no tree and no tent is, beside a tree, away from every other tent, and not beyond the "
        "totals. A tent that is not part of the one way loses the game."
    ),
    state=State,
    moves=moves,
    move=move,
    result=result,
    progress=progress,
    solve=solve,
    board=shown,
    note=note,
)
