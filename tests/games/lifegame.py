"""Checks the Game of Life with sets of living cells, each of which votes for its neighbours."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache
from itertools import product

WORDS = {True: "alive", False: "dead"}
AROUND = [shift for shift in product((-1, 0, 1), repeat=2) if shift != (0, 0)]
BLOCK = set(product(range(3), repeat=2))


def living(state):
    return {(r, c) for r, line in enumerate(state["cells"]) for c, cell in enumerate(line) if cell == "#"}


def later(cells, place):
    """The living cells one step on; `place` maps a cell to where it lies, or to None outside."""
    votes = Counter(place(r + i, c + j) for r, c in cells for i, j in AROUND)
    return {cell for cell, n in votes.items() if cell and (n == 3 or (n == 2 and cell in cells))}


def torus(size):
    return lambda r, c: (r % size, c % size)


def alive_now(state, asked, answer):
    return int(answer) == len(living(state))


def alive_next(state, asked, answer):
    return int(answer) == len(later(living(state), torus(len(state["cells"]))))


def cell_history(state, asked, answer):
    cells, cell, history = living(state), (asked["cell"][0] - 1, asked["cell"][1] - 1), []
    for _ in range(3):
        cells = later(cells, torus(len(state["cells"])))
        history.append(WORDS[cell in cells])
    return answer == ", ".join(history)


def block_settles(state, asked, answer):
    row, column = asked["corner"]
    assert max(row, column) + 2 <= len(state["cells"])
    shifted = {(r - row + 1, c - column + 1) for r, c in living(state)}
    return answer == settles(frozenset(shifted & BLOCK))


@cache
def settles(block):
    """By 512 steps, as many as there are blocks: whoever still changes then never stops."""
    forms = [block]
    for _ in range(512):
        forms.append(later(forms[-1], lambda r, c: (r, c) if (r, c) in BLOCK else None))
    return str(forms.index(forms[-1])) if forms[-1] == forms[-2] else "never, it keeps changing"


def sound(state):
    size = len(state["cells"])
    return size >= 4 and all(len(line) == size and set(line) <= {"#", "."} for line in state["cells"])


def variants(state, rng):
    """Each cell in the other state."""
    for r, line in enumerate(state.cells):
        for c, cell in enumerate(line):
            other = line[:c] + ("." if cell == "#" else "#") + line[c + 1 :]
            yield replace(state, cells=(*state.cells[:r], other, *state.cells[r + 1 :]))
