"""Sokoban, played with four words; the solver is the game's own A*."""

from __future__ import annotations

from ludex.code2logic.games.sokoban import game
from ludex.code2logic.parts.grids import STEPS
from ludex.code2logic.parts.warehouse import State, move, pushes, solve
from ludex.envs.game import Play


def moves(state: State) -> list[str]:
    """The directions that are not blocked."""
    return [] if result(state) else [direction for direction in STEPS if move(state, direction) != state]


def result(state: State) -> str:
    """Won once every box is on a goal."""
    return "won" if state.boxes <= state.goals else ""


def progress(state: State) -> float:
    """How few pushes the boxes need, each alone on the board, against twice the side for each; 0 if one is stuck."""
    needed, most = pushes(state), 2 * state.size
    if any(box not in needed for box in state.boxes):
        return 0.0
    return 1 - sum(min(needed[box], most - 1) for box in state.boxes) / (most * len(state.boxes))


play = Play(
    game=game,
    rules=(
        "Sokoban. Bring every box onto a goal. You move up, down, left or right by one cell. Moving into a box pushes "
        "it one cell further, if the cell behind it is free; walls and boxes cannot be walked through, only one box "
        "can be pushed at a time, and none can be pulled."
    ),
    state=State,
    moves=moves,
    move=move,
    result=result,
    progress=progress,
    solve=solve,
)
