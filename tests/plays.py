"""What a player says, starts of the games that are played, and their positions along given moves."""

from __future__ import annotations

import random

from ludex.code2logic.game import DIFFICULTIES
from ludex.code2logic.plays import load


def say(move: str) -> str:
    return f"I think so. <answer>{move}</answer>"


def play_out(name, state, moves):
    """The states that moves lead through."""
    play = load(name)
    for words in moves:
        assert words in play.moves(state)
        state = play.move(state, words)
        yield state


def drawn(name, n=5, seed=0, opponent=""):
    """What a player says, starts of every difficulty that the solver wins from, with its moves."""
    play, rng = load(name), random.Random(seed)
    for difficulty in DIFFICULTIES:
        found = 0
        while found < n:
            state = play.start(rng, difficulty, opponent)
            if moves := play.solve(state):
                found += 1
                yield state, moves
