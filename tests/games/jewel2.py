"""Checks jewel2 on columns written from the bottom up: what vanishes is cut out, and so the rest has fallen."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from itertools import groupby

ARROWS = {"|": "column arrow", "+": "cross arrow", "": "nothing"}


def name(kind):
    return ARROWS.get(kind) or f"{'gem' if kind.isupper() else 'star'} {kind.upper()}"


def stacks(state):
    return ["".join(column) for column in zip(*reversed(state["rows"]), strict=True)]


def look(columns, column, height):
    return columns[column][height : height + 1]


def matched(columns):
    """Every line of the board, as a list of sets of (column, height)."""
    size = max(len(columns), *map(len, columns))
    found = []
    for i in range(size):
        for line in ([(i, k) for k in range(size) if i < len(columns)], [(k, i) for k in range(len(columns))]):
            for kind, part in groupby(line, key=lambda cell: look(columns, *cell)):
                part = set(part)
                if kind and kind in "ABCDE" and len(part) >= 3:
                    found.append(part)
    return found


def chain(columns, gone):
    """Add what special elements take until nothing is added."""
    every = {(c, h) for c, column in enumerate(columns) for h in range(len(column))}
    while True:
        more = set(gone)
        for c, h in gone:
            kind = look(columns, c, h)
            for cell in every:
                if (
                    (kind in ("|", "+") and cell[0] == c)
                    or (kind == "+" and cell[1] == h)
                    or (kind in "abcde" and look(columns, *cell) == kind.upper())
                ):
                    more.add(cell)
        if more == gone:
            return gone
        gone = more


def obey(columns, command, size):
    """The columns after a command (cells as row and column from 1), and how many elements vanished."""
    spots = [(column - 1, size - row) for row, column in command]
    assert all(look(columns, *spot) for spot in spots), "a command for an empty cell"
    tried = list(columns)
    if len(spots) == 2:
        assert sum(abs(a - b) for a, b in zip(*spots, strict=True)) == 1
        for (c, h), other in zip(spots, reversed(spots), strict=True):
            tried[c] = tried[c][:h] + look(columns, *other) + tried[c][h + 1 :]
    gone = set().union(*(line for line in matched(tried) if line & set(spots)))
    if len(spots) == 1 and look(columns, *spots[0]) not in "ABCDE":
        gone = chain(columns, set(spots))
    if not gone:
        return columns, 0
    left = ("".join(k for h, k in enumerate(column) if (c, h) not in gone) for c, column in enumerate(tried))
    return list(left), len(gone)


def count_element(state, asked, answer):
    return len(re.findall(asked["kind"], " ".join(state["rows"]))) == int(answer)


def where_is(state, asked, answer):
    row, column = map(int, re.findall(r"\d+", answer))
    return name(state["rows"][row - 1][column - 1]) == asked["element"]


def count_special(state, asked, answer):
    return len(re.findall(r"[a-e|+]", " ".join(state["rows"]))) == int(answer)


def after_clear(state, asked, answer):
    size, (row, column) = len(state["rows"]), asked["cell"]
    after, _ = obey(stacks(state), asked["command"], size)
    return name(look(after, column - 1, size - row)) == answer


after_swap = after_clear


def two_commands(state, asked, answer):
    size = len(state["rows"])
    middle, first = obey(stacks(state), asked["first"], size)
    _, second = obey(middle, asked["second"], size)
    return first > 0 and second > 0 and first + second == int(answer)


@lru_cache(maxsize=1)
def gains(rows):
    """How many elements vanish through clearing each cell, by row and column from 1."""
    columns, sides = stacks({"rows": rows}), range(1, len(rows) + 1)
    return {(r, c): obey(columns, [(r, c)], len(rows))[1] for r in sides for c in sides}


def best_clear(state, asked, answer):
    made = gains(tuple(state["rows"]))
    return made.get(tuple(answer)) == max(made.values()) > 0


def sound(state):
    """A full square with a special element."""
    size = len(state["rows"])
    return 4 <= size <= 6 and all(re.fullmatch(r"[A-Ea-e|+]+", line) and len(line) == size for line in state["rows"])


def variants(state, rng):
    """Every cell with another element."""
    for r, line in enumerate(state.rows):
        for c, kind in enumerate(line):
            other = rng.choice([k for k in "ABCDEabcde|+" if k != kind])
            yield replace(state, rows=(*state.rows[:r], line[:c] + other + line[c + 1 :], *state.rows[r + 1 :]))
