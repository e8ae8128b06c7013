"""Checks tangrams with complex numbers: all placements of each removed piece, all combinations that cover the hole.

A cell is column - row * i, so that a quarter turn clockwise is a multiplication by -i.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

TURNS = {
    "as it is drawn": 1,
    "turned by 90° clockwise": -1j,
    "turned by 180°": -1,
    "turned by 90° counter-clockwise": 1j,
}


def points(state, number):
    return frozenset(c - r * 1j for r, line in enumerate(state["board"]) for c, n in enumerate(line) if n == number)


def drawn(state):
    return {number: frozenset(c - r * 1j for r, c in shape) for number, shape in state["removed"]}


def flipped(cells):
    return frozenset(-z.conjugate() for z in cells)


def turned(cells, by):
    return frozenset(z * by for z in cells)


def shifts(cells, hole):
    """The cells moved so that they lie in the hole, in every way."""
    some = next(iter(cells))
    moved = (frozenset(z - some + to for z in cells) for to in hole)
    return {there for there in moved if there <= hole}


_known: dict = {}  # the last state: its options need the search only once


def fillings(state):
    """Every choice of places for the removed pieces that covers the hole."""
    key = str(state)
    if key not in _known:
        hole = points(state, 0)
        shapes = drawn(state)
        choices = [
            set().union(*(shifts(turned(side, by), hole) for side in (cells, flipped(cells)) for by in TURNS.values()))
            for cells in shapes.values()
        ]
        assert sum(map(len, shapes.values())) == len(hole)
        _known.clear()
        _known[key] = [
            dict(zip(shapes, some, strict=True))
            for some in product(*choices)
            if len(frozenset().union(*some)) == len(hole)
        ]
    return _known[key]


def pieces_left(state, asked, answer):
    return int(answer) == len({n for line in state["board"] for n in line} - {0})


def way_to_lay(state, asked, answer):
    cells = drawn(state)[asked["piece"]]
    *flip, turn = answer.split(", then ")
    if flip or turn == "flipped left to right":
        assert (flip or [turn]) == ["flipped left to right"]
        cells = flipped(cells)
    cells = turned(cells, TURNS.get(turn, 1))
    places = {filling[asked["piece"]] for filling in fillings(state)}
    return all(place in shifts(cells, place) for place in places)


def area(state, asked, answer):
    return int(answer) == len(points(state, asked["piece"]))


def touched(state, asked, answer):
    cells = points(state, asked["piece"])
    assert cells
    near = {z + step for z in cells for step in (1, -1, 1j, -1j)} - cells
    others = {n for line in state["board"] for n in line} - {0, asked["piece"]}
    return int(answer) == sum(bool(points(state, n) & near) for n in others)


def home(state, asked, answer):
    said = set()
    for filling in fillings(state):
        rows = [1 - int(z.imag) for z in filling[asked["piece"]]]
        columns = [1 + int(z.real) for z in filling[asked["piece"]]]
        said.add(f"rows {min(rows)} to {max(rows)}, columns {min(columns)} to {max(columns)}")
    return said == {answer}


def whole(cells):
    """Whether cells hang together."""
    reached, new = set(), {min(cells, key=lambda z: (z.real, z.imag))}
    while new:
        reached |= new
        new = {z + step for z in new for step in (1, -1, 1j, -1j)} & cells - reached
    return reached == cells


def sound(state):
    """A square of whole pieces; the removed ones are whole, have other numbers, and fill the hole."""
    numbers = {n for line in state["board"] for n in line} - {0}
    square = all(len(line) == len(state["board"]) for line in state["board"])
    apart = len(drawn(state)) == len(state["removed"]) and not numbers & drawn(state).keys()
    every = [points(state, n) for n in numbers] + list(drawn(state).values())
    return square and apart and all(map(whole, every)) and len(fillings(state)) > 0


def variants(state, rng):
    """A cell given to a piece, or taken from it, or a removed piece turned."""
    numbers = sorted({n for line in state.board for n in line})
    for r, line in enumerate(state.board):
        c = rng.randrange(len(line))
        for n in rng.sample(numbers, 2):
            if n != line[c]:
                changed = (*line[:c], n, *line[c + 1 :])
                yield replace(state, board=(*state.board[:r], changed, *state.board[r + 1 :]))
    for i, (number, shape) in enumerate(state.removed):
        high = max(r for r, _ in shape)
        spun = tuple(sorted((c, high - r) for r, c in shape))
        yield replace(state, removed=(*state.removed[:i], (number, spun), *state.removed[i + 1 :]))
