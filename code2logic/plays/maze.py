"""The maze, walked with four words; the solver walks the only way."""

from __future__ import annotations

from dataclasses import replace

from ludex.code2logic.games.maze import State, follow, game, length, walk
from ludex.code2logic.parts.grids import STEPS
from ludex.envs.game import Play


def moves(state: State) -> list[str]:
    """The directions without a wall."""
    return [] if result(state) else [step for step in STEPS if follow(state, [step])[-1] != state.player]


def move(state: State, words: str) -> State:
    """One step."""
    return replace(state, player=follow(state, [words])[-1])


def result(state: State) -> str:
    """Won at the goal."""
    return "won" if state.player == state.goal else ""


def progress(state: State) -> float:
    """The steps still to go, against the number of open cells."""
    return 1 - length(state) / len(state.open)


def solve(state: State) -> list[str]:
    """The walk to the goal."""
    return walk(state, state.goal)


play = Play(
    game=game,
    rules=(
        "A maze. Walk to the goal. You move up, down, left or right by one cell, never into a wall; the goal is an "
        "open cell."
    ),
    state=State,
    moves=moves,
    move=move,
    result=result,
    progress=progress,
    solve=solve,
)
