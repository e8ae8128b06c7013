"""Checks sudoku with colours: candidates by trying each colour, deductions and uniqueness by exact cover.

The state is read as text only: every legal filling is a choice of (cell, colour) pairs that meets each of the
constraints "cell", "row holds colour", "column holds colour" and "box holds colour" once (Knuth's algorithm X).
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import islice

NAMES = {"blue", "orange", "green", "yellow", "red", "purple", "light blue", "grey", "black"}


def demands(side, row, column, colour):
    """The four constraints that a colour in a cell meets."""
    box = {4: 2, 9: 3}[side]
    return (
        ("cell", row, column),
        ("row", row, colour),
        ("column", column, colour),
        ("box", row // box, column // box, colour),
    )


def covers(wanted, choices):
    """Every way to meet each of the wanted demands exactly once, one after the other."""
    if not wanted:
        yield []
        return
    least = min(wanted, key=lambda d: len(wanted[d]))
    for choice in sorted(wanted[least]):
        clashing = {other for d in choices[choice] for other in wanted[d]}
        rest = {d: some - clashing for d, some in wanted.items() if d not in choices[choice]}
        for others in covers(rest, choices):
            yield [choice, *others]


@cache
def fillings(cells, colours):
    """The full boards that agree with `cells`, two at most, each as {(row, column): colour} of the empty cells."""
    side = len(cells)
    places = [(r, c) for r in range(side) for c in range(side)]
    met = [d for r, c in places if cells[r][c] for d in demands(side, r, c, cells[r][c])]
    if len(met) != len(set(met)):
        return []
    met = set(met)
    every = {(r, c, x): demands(side, r, c, x) for r, c in places for x in colours}
    choices = {choice: ds for choice, ds in every.items() if not met & set(ds)}
    wanted = {d: set() for ds in every.values() for d in ds if d not in met}
    for choice, ds in choices.items():
        for d in ds:
            wanted[d].add(choice)
    return [{(r, c): x for r, c, x in chosen} for chosen in islice(covers(wanted, choices), 2)]


def full(state):
    """All ways to fill the state's board (two at most)."""
    return fillings(tuple(map(tuple, state["cells"])), tuple(state["colours"]))


def possible(cells, colours, row, column):
    """The colours that an empty cell may hold without a repetition in a row, column or box."""
    side = len(cells)
    taken = {d for r in range(side) for c in range(side) if cells[r][c] for d in demands(side, r, c, cells[r][c])}
    return [x for x in colours if not taken & set(demands(side, row, column, x))]


def content(state, cell):
    return state["cells"][cell[0] - 1][cell[1] - 1]


def colour_at(state, asked, answer):
    return content(state, asked["cell"]) == answer != ""


def cells_of_colour(state, asked, answer):
    return sum(row.count(asked["colour"]) for row in state["cells"]) == answer


def candidate_count(state, asked, answer):
    row, column = asked["cell"]
    assert content(state, asked["cell"]) == ""
    return len(possible(state["cells"], state["colours"], row - 1, column - 1)) == answer


def lines_with_gaps(state, asked, answer):
    lines = state["cells"] if asked["line"] == "row" else zip(*state["cells"], strict=True)
    return len([line for line in lines if list(line).count("") > asked["more_than"]]) == answer


def put(cells, cell, colour):
    rows = [list(row) for row in cells]
    rows[cell[0] - 1][cell[1] - 1] = colour
    return rows


def singles(cells, colours):
    """The (row, column) whose colour one look gives: a sole candidate, or the one place for a colour in a unit."""
    side = len(cells)
    gaps = {(r, c): possible(cells, colours, r, c) for r in range(side) for c in range(side) if not cells[r][c]}
    homes = {}
    for (r, c), some in gaps.items():
        for x in some:
            for d in demands(side, r, c, x):
                homes.setdefault(d, []).append((r, c))
    return {places[0] for d, places in homes.items() if len(places) == 1}


def deduced_colour(state, asked, answer):
    """The one filling has it; it takes both of the other cells to see it at once."""
    cells, colours, (whole,) = state["cells"], state["colours"], full(state)
    (x, y, z) = ((r - 1, c - 1) for r, c in (asked["first"], asked["second"], asked["cell"]))
    after, other = put(cells, asked["first"], whole[x]), put(cells, asked["second"], whole[y])
    assert x in singles(cells, colours)
    assert y in singles(after, colours)
    assert z not in singles(cells, colours) | singles(after, colours) | singles(other, colours)
    assert z in singles(put(after, asked["second"], whole[y]), colours)
    return whole[z] == answer


def sound(state):
    """As many known colours as rows, and exactly one way to fill the board."""
    side, colours = len(state["cells"]), state["colours"]
    return len(set(colours)) == side in (4, 9) and set(colours) <= NAMES and len(full(state)) == 1


def variants(state, rng):
    """A cell emptied or recoloured, an empty cell filled, and two colours of the key exchanged."""
    made = []
    for r, row in enumerate(state.cells):
        for c, held in enumerate(row):
            other = rng.choice([x for x in ("", *state.colours) if x != held])
            line = (*row[:c], other, *row[c + 1 :])
            made.append(replace(state, cells=(*state.cells[:r], line, *state.cells[r + 1 :])))
    first, second, *rest = state.colours
    return [*made, replace(state, colours=(second, first, *rest))]
