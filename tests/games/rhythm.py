"""Checks rhythm by letting the board fall second by second, a mirrored list of rows and all."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

NAMES = {".": "empty", "C": "click", "R": "reverse", "H": "snake head", "B": "snake body", "T": "snake tail"}
PRICES = {2: 22, 3: 39, 4: 60, 5: 85}


def play(rows, column, delay):
    """The points of a finger in a column, counted from 0."""
    rows, total, held, idle = list(rows), 0, 0, False
    while rows:
        line = rows.pop()
        block, missed, idle = line[column], idle, False
        if missed:
            held = 0
        elif block == "H":
            held = 1
        elif block in "BT" and held:
            held += 1
            if block == "T":
                total, held = total + PRICES[held], 0
        elif block == "C":
            total, held = total + 10, 0
        elif block == "R":
            total, held, idle = total + 15, 0, delay
            rows = ["".join(reversed(row)) for row in rows]
        elif block == ".":
            held = 0
    return total


def block_at(state, asked, answer):
    row, column = asked["cell"]
    return NAMES[state["rows"][row - 1][column - 1]] == answer


def occupied(state, asked, answer):
    text = "".join(state["rows"])
    return abs(Fraction(sum(block != "." for block in text), len(text)) - Fraction(answer)) <= Fraction(1, 2000)


def snake_later(state, asked, answer):
    """Let the board fall, then read up the column."""
    row, column = asked["cell"]
    wide = len(state["rows"][0])
    rows = ["." * wide] * asked["seconds"] + list(state["rows"][: len(state["rows"]) - asked["seconds"]])
    above = "".join(line[column - 1] for line in reversed(rows[:row]))
    return len(re.match("HB*T", above).group()) == int(answer)


def points_of_column(state, asked, answer):
    return play(state["rows"], asked["column"] - 1, False) == int(answer)


def points_with_delay(state, asked, answer):
    return play(state["rows"], asked["column"] - 1, True) == int(answer)


def best(state, answer, delay):
    totals = [play(state["rows"], column, delay) for column in range(len(state["rows"][0]))]
    first, second = sorted(totals, reverse=True)[:2]
    return first > second and totals[int(answer.split()[1]) - 1] == first


def best_column(state, asked, answer):
    return best(state, answer, False)


def best_with_delay(state, asked, answer):
    return best(state, answer, True)


def sound(state):
    """Every column, from below, holds whole blocks; snakes have two to five cells."""
    columns = ("".join(column) for column in zip(*reversed(state["rows"]), strict=True))
    return all(re.fullmatch(r"(\.|C|R|HB{0,3}T)*", column) for column in columns)


def variants(state, rng):
    """Every cell with another content."""
    for r, line in enumerate(state.rows):
        for c, block in enumerate(line):
            other = rng.choice([kind for kind in NAMES if kind != block])
            yield replace(state, rows=(*state.rows[:r], line[:c] + other + line[c + 1 :], *state.rows[r + 1 :]))
