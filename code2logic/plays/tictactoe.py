"""Tic-tac-toe against an opponent, from positions that can be won by force.

The opponent's moves are drawn by the state's seed and the board: "random" takes any cell, "best" never one that
gives away what minimax says it has.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from ludex.code2logic.games import tictactoe as base
from ludex.code2logic.plays import places_in
from ludex.envs.game import Play


@dataclass(frozen=True)
class State:
    """The board on which the player is to move, unless the game is over; the player's colour; the opponent."""

    board: base.State
    side: str
    seed: int
    opponent: str = "random"


def start(rng: random.Random, size: tuple[int, int]) -> State:
    """Random play down to a number of empty cells in `size`, to a position that the side to move can win."""
    while True:
        board = base.start(rng, size)
        if base.value(board) == 1:
            return State(board, board.mover, rng.getrandbits(32))


def moves(state: State) -> list[str]:
    """The empty cells."""
    return [base.name(cell) for cell in base.moves(state.board)]


def move(state: State, words: str) -> State:
    """The board after the player's move and the opponent's reply."""
    ((row, column),) = places_in(words)
    return reply(replace(state, board=base.move(state.board, 3 * row + column)))


def reply(state: State) -> State:
    """The board after the opponent's move, if there is one."""
    choices = base.best(state.board) if state.opponent == "best" else base.moves(state.board)
    rng = random.Random(f"{state.seed}/{state.board.cells}")
    return replace(state, board=base.move(state.board, rng.choice(choices))) if choices else state


def result(state: State) -> str:
    """Whether the player has a line, the opponent has one, or the board is full."""
    if base.winner(state.board):
        return "won" if base.winner(state.board) == state.side else "lost"
    return "" if base.moves(state.board) else "drawn"


def progress(state: State) -> float:
    """1 for a win, a half for a position that can be won by force, else 0."""
    if result(state):
        return float(result(state) == "won")
    return 0.5 if base.value(state.board) == 1 else 0.0


def solve(state: State) -> list[str] | None:
    """Optimal moves against this opponent."""
    done: list[str] = []
    while not result(state):
        done.append(base.name(base.best(state.board)[0]))
        state = move(state, done[-1])
    return done if result(state) == "won" else None


def note(state: State) -> str:
    """Whose pieces are the player's."""
    return "You play red." if state.side == "R" else "You play blue."


def shown(state: State) -> base.State:
    """The board."""
    return state.board


play = Play(
    game=replace(
        base.game, start=start,
        sizes={"easy": (3, 4), "medium": (5, 5), "hard": (6, 7)},
    ),
    rules=(
        "Tic-tac-toe on three by three cells. Two players take turns, each filling one empty cell with a piece. "
        "Whoever has three pieces in a row, column or diagonal wins; a full board without such a line is a draw. It is "
        "your turn, and the position can be won whatever the opponent does."
    ),
    state=State,
    moves=moves,
    move=move,
    result=result,
    progress=progress,
    solve=solve,
    board=shown,
    note=note,
    opponents=("random", "best"),
)  # fmt: skip
