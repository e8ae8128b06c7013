"""Checks mastermind by counting colours with multisets over all codes."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from itertools import product


def told(code, guess):
    """Pegs in place, and further ones of a right colour: the common multiset less those in place."""
    common = sum((Counter(code) & Counter(guess)).values())
    places = [a for a, b in zip(code, guess, strict=True) if a == b]
    return len(places), common - len(places)


def left(state):
    """Every code that would have been answered as the hidden one was."""
    given = [(guess, told(state["secret"], guess)) for guess in state["guesses"]]
    every = product(state["colours"], repeat=len(state["secret"]))
    return {code for code in every if all(told(code, guess) == said for guess, said in given)}


def guesses_with(state, asked, answer):
    return sum(Counter(guess)[asked["colour"]] > 0 for guess in state["guesses"]) == answer


def answer_if(state, asked, answer):
    exact, near = map(int, re.fullmatch(r"(\d) in place, (\d) elsewhere", answer).groups())
    return told(asked["code"], state["guesses"][asked["guess"] - 1]) == (exact, near)


def possible_code(state, asked, answer):
    return tuple(answer.split(", ")) in left(state)


def codes_left(state, asked, answer):
    return len(left(state)) == answer


def sound(state):
    """Colours in play only, rows of one length, no guess that was right, at most eight."""
    rows = [state["secret"], *state["guesses"]]
    return (
        all(set(row) <= set(state["colours"]) and len(row) == len(state["secret"]) for row in rows)
        and state["secret"] not in state["guesses"]
        and len(state["guesses"]) <= 8
    )


def variants(state, rng):
    """Another guess, a changed peg; and hidden codes that get the same answers, or others."""
    every = list(product(state.colours, repeat=len(state.secret)))
    guesses = tuple(rng.sample([code for code in every if code != state.secret], 2))
    state = replace(state, guesses=guesses)
    yield state
    yield replace(state, guesses=guesses[:1])
    for row, place in product(range(2), range(len(state.secret))):
        guess = list(guesses[row])
        guess[place] = rng.choice([c for c in state.colours if c != guess[place]])
        if tuple(guess) != state.secret:
            yield replace(state, guesses=(*guesses[:row], tuple(guess), *guesses[row + 1 :]))
    for code in rng.sample(every, 8):
        if code not in guesses:
            yield replace(state, secret=code)
