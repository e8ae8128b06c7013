"""Checks tic-tac-toe by brute force on magic-square sums: three cells are in a line where their numbers add to 15."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

MAGIC = (2, 7, 6, 9, 5, 1, 4, 3, 8)
CELLS = [f"row {i // 3 + 1}, column {i % 3 + 1}" for i in range(9)]
COLOURS = {"R": "red", "B": "blue", ".": "empty"}


def won(cells, side):
    mine = [MAGIC[i] for i, cell in enumerate(cells) if cell == side]
    return any(sum(three) == 15 for three in combinations(mine, 3))


def result(cells, side, other):
    """1, 0 or -1 for `side`, who moves."""
    if won(cells, other):
        return -1
    empty = [i for i, cell in enumerate(cells) if cell == "."]
    if not empty:
        return 0
    return max(-result(cells[:i] + side + cells[i + 1 :], other, side) for i in empty)


def optimal(cells, side):
    """The names of the optimal moves; the empty set where the game is over."""
    other = "B" if side == "R" else "R"
    if won(cells, "R") or won(cells, "B"):
        return set()
    values = {i: -result(cells[:i] + side + cells[i + 1 :], other, side) for i, cell in enumerate(cells) if cell == "."}
    return {CELLS[i] for i, value in values.items() if value == max(values.values())}


def to_move(cells):
    return "R" if cells.count("R") == cells.count("B") else "B"


def piece_at(state, asked, answer):
    row, column = asked["cell"]
    return COLOURS[state["cells"][3 * row + column - 4]] == answer


def best_move(state, asked, answer):
    side = to_move(state["cells"])
    assert COLOURS[side] == asked["side"]
    return answer in optimal(state["cells"], side)


def best_reply(state, asked, answer):
    cells, side = state["cells"], to_move(state["cells"])
    place = CELLS.index("row {}, column {}".format(*asked["cell"]))
    assert cells[place] == "."
    after = cells[:place] + side + cells[place + 1 :]
    good = optimal(after, "B" if side == "R" else "R") if "." in after else set()
    return answer in good if good else answer == "none, the game is over"


def sound(state):
    """The position can arise: red has as many pieces as blue, or one more, and nobody has won."""
    cells = state["cells"]
    return cells.count("R") - cells.count("B") in (0, 1) and not won(cells, "R") and not won(cells, "B")


def variants(state, rng):
    """Every cell changed to another content."""
    for i in range(9):
        for content in "RB.":
            if content != state.cells[i]:
                yield replace(state, cells=state.cells[:i] + content + state.cells[i + 1 :])
