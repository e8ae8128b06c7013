"""Checks star battle by backtracking over regions, the smallest first, and by looking at pairs of stars."""

from __future__ import annotations

from dataclasses import replace
from functools import cache


def region(rows, star):
    return rows[star[0]][star[1]]


def clash(rows, a, b):
    """Whether two stars may not stand together."""
    close = max(abs(a[0] - b[0]), abs(a[1] - b[1])) <= 1
    return close or a[0] == b[0] or a[1] == b[1] or region(rows, a) == region(rows, b)


def cells(rows):
    return [(r, c) for r, row in enumerate(rows) for c in range(len(row))]


@cache
def solutions(rows):
    """Every layout with a star in each region and none in conflict."""
    parts = {}
    for cell in cells(rows):
        parts.setdefault(region(rows, cell), []).append(cell)
    order, found = sorted(parts.values(), key=len), []

    def place(stars):
        if len(stars) == len(order):
            found.append(frozenset(stars))
            return
        for cell in order[len(stars)]:
            if not any(clash(rows, cell, star) for star in stars):
                place([*stars, cell])

    place([])
    return found


def read(state):
    return tuple(state["rows"]), {tuple(star) for star in state["stars"]}


def named(answer):
    row, column = answer.removeprefix("row ").split(", column ")
    return int(row) - 1, int(column) - 1


def missing_star(state, asked, answer):
    rows, shown = read(state)
    (solution,) = solutions(rows)
    cell = (answer[0] - 1, answer[1] - 1)
    return cell in solution - shown and region(rows, cell) == asked["region"]


def cell_in_region(state, asked, answer):
    return region(state["rows"], named(answer)) == asked["region"]


def star_in_region(state, asked, answer):
    rows, shown = read(state)
    here = [star for star in shown if region(rows, star) == asked["region"]]
    return not here if answer.startswith("none") else named(answer) in here


def cell_for_star(state, asked, answer):
    rows, shown = read(state)
    return not any(clash(rows, named(answer), star) for star in shown)


def joined(part):
    """Whether a set of cells is in one piece: flooding from any of them reaches the others."""
    reached, edge = set(), {min(part)}
    while edge:
        reached |= edge
        edge = {(r + i, c + j) for r, c in edge for i, j in ((0, 1), (1, 0), (0, -1), (-1, 0))} & part - reached
    return reached == part


def sound(state):
    """As many regions as rows, each in one piece; one solution, which holds the stars shown and some more."""
    rows, shown = read(state)
    names = {region(rows, cell) for cell in cells(rows)}
    pieces = all(joined({cell for cell in cells(rows) if region(rows, cell) == name}) for name in names)
    square = len(names) == len(rows) and all(len(row) == len(rows) for row in rows)
    return square and pieces and len(solutions(rows)) == 1 and set() < shown < solutions(rows)[0]


def variants(state, rng):
    """A star more, fewer or elsewhere; a cell in another region; two regions with their names exchanged."""
    free = [cell for cell in cells(state.rows) if cell not in state.stars]
    stars = [(*state.stars, rng.choice(free)), state.stars[1:], (rng.choice(free), *state.stars[1:])]
    made = [replace(state, stars=tuple(sorted(some))) for some in stars]
    names = sorted(set("".join(state.rows)))
    for r, c in rng.sample(free, 5):
        other = rng.choice([name for name in names if name != state.rows[r][c]])
        row = state.rows[r][:c] + other + state.rows[r][c + 1 :]
        made.append(replace(state, rows=(*state.rows[:r], row, *state.rows[r + 1 :])))
    swap = str.maketrans("AB", "BA")
    return [*made, replace(state, rows=tuple(row.translate(swap) for row in state.rows))]
