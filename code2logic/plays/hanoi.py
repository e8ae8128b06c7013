"""The towers of Hanoi, disc by disc; the solver finds the fewest moves."""

from __future__ import annotations

from ludex.code2logic.games import hanoi as base
from ludex.code2logic.games.hanoi import State
from ludex.envs.game import Play


def named(step: base.Move) -> str:
    """A move in words."""
    return f"peg {step[0] + 1} to peg {step[1] + 1}"


def moves(state: State) -> list[str]:
    """The legal moves."""
    return [] if result(state) else [named(step) for step in base.legal(state)]


def move(state: State, words: str) -> State:
    """The pegs after a move."""
    _, source, _, _, target = words.split()
    return base.move(state, (int(source) - 1, int(target) - 1))


def result(state: State) -> str:
    """Won with every disc on the goal peg."""
    return "won" if set(state.pegs) == {state.goal} else ""


def progress(state: State) -> float:
    """The moves still needed, against the most that as many discs can need."""
    return 1 - len(base.solve(state)) / ((1 << len(state.pegs)) - 1)


def solve(state: State) -> list[str]:
    """The fewest moves."""
    return [named(step) for step in base.solve(state)]


play = Play(
    game=base.game,
    rules=(
        "The towers of Hanoi. Discs of different sizes lie on three pegs. A move takes the topmost disc of a peg to "
        "another peg, which must be empty or have a larger disc on top. You win when all discs are on the goal peg."
    ),
    state=State,
    moves=moves,
    move=move,
    result=result,
    progress=progress,
    solve=solve,
)
