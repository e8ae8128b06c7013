"""Checks the towers with piles of discs, and distances by a search over all arrangements backwards from the goal."""

from __future__ import annotations

from dataclasses import replace
from functools import cache


def piles(state):
    """The discs of each peg from the bottom up, 1 is the smallest."""
    found = [[], [], []]
    for disc in range(len(state["pegs"]), 0, -1):
        found[state["pegs"][disc - 1]].append(disc)
    return tuple(map(tuple, found))


def move(pegs, words):
    """The piles after "peg 1 to peg 2", None if that is illegal."""
    a, b = (int(word) - 1 for word in words.removeprefix("peg ").split(" to peg "))
    if not pegs[a] or (pegs[b] and pegs[b][-1] < pegs[a][-1]):
        return None
    after = list(pegs)
    after[a], after[b] = pegs[a][:-1], (*pegs[b], pegs[a][-1])
    return tuple(after)


MOVES = [f"peg {a} to peg {b}" for a in (1, 2, 3) for b in (1, 2, 3) if a != b]


@cache
def distances(count, goal):
    """Of every arrangement the fewest moves to the goal; a move can be taken back, so that both ways are as long."""
    solved = tuple(tuple(range(count, 0, -1)) if peg == goal else () for peg in range(3))
    far, layer = {solved: 0}, [solved]
    while layer:
        layer = [after for pegs in layer for words in MOVES if (after := move(pegs, words)) and after not in far]
        layer = list(dict.fromkeys(layer))
        steps = max(far.values()) + 1
        far.update(dict.fromkeys(layer, steps))
    assert len(far) == 3**count
    return far


def left(state, pegs):
    return distances(len(state["pegs"]), state["goal"])[pegs]


def discs_on(state, asked, answer):
    return int(answer) == len(piles(state)[asked["peg"] - 1])


def legal_moves(state, asked, answer):
    named = answer.replace(" and ", ", ").split(", ")
    return [words for words in MOVES if move(piles(state), words) is not None] == sorted(named)


def peg_after(state, asked, answer):
    pegs = piles(state)
    for words in asked["moves"]:
        pegs = move(pegs, words)
    return answer == (", ".join(map(str, pegs[asked["peg"] - 1])) or "no disc")


def fewest_moves(state, asked, answer):
    return answer == left(state, piles(state))


def first_move(state, asked, answer):
    after = move(piles(state), answer)
    return after is not None and left(state, after) == left(state, piles(state)) - 1


def sound(state):
    """Every disc is on a peg, and not all are on the goal."""
    return {*state["pegs"], state["goal"]} <= {0, 1, 2} and set(state["pegs"]) != {state["goal"]}


def variants(state, rng):
    """Each disc on another peg, and another goal."""
    for disc, here in enumerate(state.pegs):
        for peg in {0, 1, 2} - {here}:
            yield replace(state, pegs=(*state.pegs[:disc], peg, *state.pegs[disc + 1 :]))
    for goal in {0, 1, 2} - {state.goal}:
        yield replace(state, goal=goal)
