"""Ultra tic-tac-toe against an opponent: whoever has more points on the full board wins.

The opponent's moves are drawn by the state's seed and the board: "random" takes any legal cell, "greedy" one that
makes most points. The solver takes the cell whose points, less the best reply, are most; starts that it does not
win from are drawn again.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from ludex.code2logic.games import ultra_tictactoe as base
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
    """Random play to a number of pieces in `size`."""
    board = base.start(rng, size)
    return State(board, board.mover, rng.getrandbits(32))


def legal(state: State) -> list[int]:
    """The cells that may be filled now."""
    return base.legal(base.cells(state.board), state.board.moves[-1])


def moves(state: State) -> list[str]:
    """The legal cells."""
    return [str(base.name(cell)) for cell in legal(state)]


def fill(state: State, cell: int) -> State:
    """The board with one piece more."""
    return replace(state, board=base.State((*state.board.moves, cell)))


def move(state: State, words: str) -> State:
    """The board after the player's move and the opponent's reply."""
    ((row, column),) = places_in(words)
    state = fill(state, 9 * row + column)
    choices = legal(state)
    if choices and state.opponent == "greedy":
        board = base.cells(state.board)
        made = {cell: base.gain(board, cell, state.board.mover) for cell in choices}
        choices = [cell for cell in choices if made[cell] == max(made.values())]
    return fill(state, random.Random(f"{state.seed}/{state.board.moves}").choice(choices)) if choices else state


def points(state: State) -> dict[str, int]:
    """The lines that each side has."""
    board = base.cells(state.board)
    lines = [[board[small[p]] for p in line] for small in base.BOARDS for line in base.LINES]
    return {side: lines.count([side] * 3) for side in "RB"}


def lead(state: State) -> int:
    """The player's points less the opponent's."""
    made = points(state)
    return 2 * made[state.side] - sum(made.values())


def result(state: State) -> str:
    """Whoever has more points once the board is full."""
    if base.filled(state.board) < 81:
        return ""
    return "won" if lead(state) > 0 else "lost" if lead(state) < 0 else "drawn"


def progress(state: State) -> float:
    """1 for a win; before the end, from 0 to 0.9 with a lead from -20 to 20."""
    if result(state):
        return float(result(state) == "won")
    return 0.9 * min(1.0, max(0.0, 0.5 + lead(state) / 40))


def solve(state: State) -> list[str] | None:
    """Moves of the best margin against this opponent; None where they do not win."""
    done: list[str] = []
    while not result(state):
        worth = base.margins(base.cells(state.board), state.board.moves[-1], state.side)
        done.append(str(base.name(max(worth, key=lambda cell: worth[cell]))))
        state = move(state, done[-1])
    return done if result(state) == "won" else None


def note(state: State) -> str:
    """Whose pieces are the player's, where the player may go, and the points."""
    made, free = points(state), legal(state)
    small = {base.WHERE[cell][0] + 1 for cell in free}
    where = f"in small board {min(small)}" if small == {base.WHERE[state.board.moves[-1]][1] + 1} else "anywhere"
    turn = f" It is your turn, {where}." if free else ""
    return f"You play {base.SIDES[state.side]}. Points: red {made['R']}, blue {made['B']}.{turn}"


def shown(state: State) -> base.State:
    """The board."""
    return state.board


play = Play(
    game=replace(
        base.game, start=start,
        sizes={"easy": (60, 66), "medium": (46, 56), "hard": (24, 40)},
    ),
    rules=(
        "Ultra tic-tac-toe: nine rows and nine columns of cells make nine small boards of three by three, numbered "
        "1 to 9 from left to right, then from top to bottom. Two players take turns, each filling one empty cell with "
        "a piece. The place of a piece within its small board says where the other must play next: in the small board "
        "at the same place among the nine (after a top left cell in board 1, after a centre in board 5). If that board "
        "is full, any empty cell of the whole board is legal. Every row, column or diagonal of three equal pieces "
        "within a small board is a point. On the full board, whoever has more points wins."
    ),
    state=State,
    moves=moves,
    move=move,
    result=result,
    progress=progress,
    solve=solve,
    board=shown,
    note=note,
    opponents=("random", "greedy"),
)  # fmt: skip
