"""Lights out, lamp by lamp; the solver finds the fewest presses."""

from __future__ import annotations

from ludex.code2logic.games import lights_out as base
from ludex.code2logic.games.lights_out import State
from ludex.code2logic.parts.grids import places
from ludex.code2logic.plays import places_in
from ludex.code2logic.question import at
from ludex.envs.game import Play


def moves(state: State) -> list[str]:
    """Every lamp may be pressed."""
    return [] if result(state) else [f"press {at(*place)}" for place in places(state.side, state.side)]


def move(state: State, words: str) -> State:
    """The lamps after a press."""
    return base.press(state, *places_in(words))


def result(state: State) -> str:
    """Won in the dark."""
    return "" if state.lit else "won"


def progress(state: State) -> float:
    """The fewest presses still needed, against the number of lamps."""
    return 1 - len(base.solve(state)) / state.side**2


def solve(state: State) -> list[str]:
    """The fewest presses."""
    return [f"press {at(*place)}" for place in base.solve(state)]


play = Play(
    game=base.game,
    rules=(
        "Lights out. Pressing a lamp switches it and the lamps directly above, below, left and right of it: lit ones "
        "turn dark, dark ones are lit. You win when every lamp is dark."
    ),
    state=State,
    moves=moves,
    move=move,
    result=result,
    progress=progress,
    solve=solve,
)
