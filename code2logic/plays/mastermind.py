"""Mastermind within eight guesses; the solver guesses what agrees with all answers and leaves fewest others."""

from __future__ import annotations

from collections import Counter
from math import log

from ludex.code2logic.games import mastermind as base
from ludex.code2logic.games.mastermind import GUESSES, Code, State
from ludex.envs.game import Play

TRIED = 12  # codes that the solver compares before a guess


def moves(state: State) -> list[str]:
    """Every code of the colours in play."""
    return [] if result(state) else [" ".join(code) for code in base.codes(state)]


def move(state: State, words: str) -> State:
    """The board with one guess more."""
    return base.guessed(state, tuple(words.split()))


def result(state: State) -> str:
    """Won by the code itself, lost after eight guesses."""
    if state.secret in state.guesses:
        return "won"
    return "lost" if len(state.guesses) >= GUESSES else ""


def progress(state: State) -> float:
    """The share of the information about the code that the answers have given; 1 only once the code is guessed."""
    if result(state) == "won":
        return 1.0
    return 0.9 * (1 - log(len(base.agreeing(state))) / log(base.possible(state)))


def split(guess: Code, left: list[Code]) -> int:
    """The most of `left` that one answer to a guess can leave."""
    return max(Counter(base.feedback(code, guess) for code in left).values())


def solve(state: State) -> list[str] | None:
    """Guesses up to the code; None if they are too many."""
    done: list[str] = []
    while not result(state):
        left = base.agreeing(state)
        tried = left[:: len(left) // TRIED + 1]
        guess = min(tried, key=lambda code: split(code, left))
        done.append(" ".join(guess))
        state = base.guessed(state, guess)
    return done if result(state) == "won" else None


def hidden(state: State) -> str:
    """The code."""
    return " ".join(state.secret)


def note(state: State) -> str:
    """The code, once it does no harm."""
    return f"The code was {' '.join(state.secret)}." if result(state) == "lost" else ""


play = Play(
    game=base.game,
    rules=(
        "Mastermind. A row of coloured pegs, the code, is hidden; colours may repeat. Find it within eight guesses. "
        "After each guess you are told how many pegs have the right colour in the right place, and how many more have "
        "a colour of the code, but in another place; each peg of the code and of the guess counts once at most. A "
        "guess names the colours from left to right."
    ),
    state=State,
    moves=moves,
    move=move,
    result=result,
    progress=progress,
    solve=solve,
    note=note,
    hidden=hidden,
)
