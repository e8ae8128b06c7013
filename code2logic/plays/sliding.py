"""The sliding puzzle, tile by tile; the solver finds the fewest slides."""

from __future__ import annotations

from ludex.code2logic.games import sliding as base
from ludex.code2logic.games.sliding import State
from ludex.envs.game import Play

FAR = 4  # rows and columns that a tile is away where no progress is made


def moves(state: State) -> list[str]:
    """The tiles beside the gap."""
    return [] if result(state) else [f"slide {tile}" for tile in base.slides(state)]


def move(state: State, words: str) -> State:
    """The board after a slide."""
    return base.slide(state, int(words.split()[1]))


def result(state: State) -> str:
    """Won in order."""
    return "won" if state == base.solved(state.side) else ""


def progress(state: State) -> float:
    """How few rows and columns the tiles are away, against four for each."""
    return max(0.0, 1 - base.distance(state) / (FAR * (state.side**2 - 1)))


def solve(state: State) -> list[str] | None:
    """The fewest slides; None where the search takes too long."""
    path = base.solve(state)
    return None if path is None else [f"slide {tile}" for tile in path]


play = Play(
    game=base.game,
    rules=(
        "The sliding puzzle. A tile above, below, left or right of the gap slides into it. You win when the tiles "
        "stand in order, row by row from the top left, with the gap at the bottom right."
    ),
    state=State,
    moves=moves,
    move=move,
    result=result,
    progress=progress,
    solve=solve,
)
