"""Pieces made of cells of a grid: laid in eight ways, grown as a partition of a board, fitted into a hole.

A board is its rows, each cell the number of the piece that covers it.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence

from ludex.code2logic.parts.grids import Place, neighbours, places

Board = tuple[tuple[int, ...], ...]
Shape = tuple[Place, ...]  # row by row, from (0, 0)
Laid = dict[int, tuple[int, Shape]]  # by piece: which of WAYS, and the cells

TURNED = ("turned by 90° clockwise", "turned by 180°", "turned by 90° counter-clockwise")
FLIPPED = "flipped left to right"
WAYS = ("as it is drawn", *TURNED, FLIPPED, *(f"{FLIPPED}, then {turned}" for turned in TURNED))


def grown(rng: random.Random, side: int, count: int) -> Board:
    """A partition into connected pieces, numbered from 1 at random."""
    free = set(places(side, side))
    board = {place: n for n, place in enumerate(rng.sample(sorted(free), count), 1)}
    free -= board.keys()
    edge = list(board)
    while free:
        i = rng.randrange(len(edge))
        beside = list(neighbours(edge[i], free))
        if not beside:
            edge[i] = edge[-1]
            edge.pop()
            continue
        place = rng.choice(beside)
        board[place] = board[edge[i]]
        free.remove(place)
        edge.append(place)
    return tuple(tuple(board[row, column] for column in range(side)) for row in range(side))


def by_number(board: Board) -> dict[int, list[Place]]:
    """The cells of every number, row by row."""
    found: dict[int, list[Place]] = {}
    for row, column in places(len(board), len(board[0])):
        found.setdefault(board[row][column], []).append((row, column))
    return found


def borders(board: Board) -> list[tuple[Place, Place]]:
    """Cells and the one to the right or below, where the numbers differ."""
    across = [((r, c), (r, c + 1)) for r, c in places(len(board), len(board[0]) - 1) if board[r][c] != board[r][c + 1]]
    return across + [
        ((r, c), (r + 1, c)) for r, c in places(len(board) - 1, len(board[0])) if board[r][c] != board[r + 1][c]
    ]


def touching(board: Board) -> dict[int, set[int]]:
    """For every number those that share an edge with it."""
    found: dict[int, set[int]] = {number: set() for number in by_number(board)}
    for (r, c), (row, column) in borders(board):
        found[board[r][c]].add(board[row][column])
        found[board[row][column]].add(board[r][c])
    return found


def coloured(board: Board, colours: int) -> dict[int, int]:
    """A colour for every number but 0, another than those of its neighbours as long as there are enough."""
    near, taken = touching(board), dict[int, int]()
    for number in sorted(near.keys() - {0}):
        used = {taken.get(n) for n in near[number]}
        taken[number] = next((c % colours for c in range(number, number + colours) if c % colours not in used), 0)
    return taken


def middle(cells: Sequence[Place]) -> Place:
    """The cell nearest to the mean of all."""
    row, column = (sum(axis) / len(cells) for axis in zip(*cells, strict=True))
    return min(cells, key=lambda place: (place[0] - row) ** 2 + (place[1] - column) ** 2)


def corner(cells: Iterable[Place]) -> Place:
    """The first row and the first column of some cells."""
    rows, columns = zip(*cells, strict=True)
    return min(rows), min(columns)


def extent(shape: Shape) -> tuple[int, int]:
    """Height and width."""
    rows, columns = zip(*shape, strict=True)
    return max(rows) + 1, max(columns) + 1


def laid(cells: Iterable[Place], way: int) -> Shape:
    """A piece laid in one of the WAYS, moved to the top left corner, row by row."""
    if way >= 4:
        cells = [(r, -c) for r, c in cells]
    for _ in range(way % 4):
        cells = [(c, -r) for r, c in cells]
    top, left = corner(cells)
    return tuple(sorted((r - top, c - left) for r, c in cells))


def irregular(cells: Iterable[Place]) -> bool:
    """Whether a piece looks different in all WAYS."""
    shape = laid(cells, 0)
    return len({laid(shape, way) for way in range(8)}) == 8


def fillings(board: Board, pieces: Iterable[tuple[int, Shape]]) -> list[Laid]:
    """Every way to fill the cells of number 0 with all pieces, each laid in any of the WAYS."""
    hole = frozenset(by_number(board)[0])
    return list(_fill(hole, {number: [laid(shape, way) for way in range(8)] for number, shape in pieces}))


def _fill(hole: frozenset[Place], ways: dict[int, list[Shape]]) -> Iterator[Laid]:
    """What covers the first cell, and then all the others."""
    if not ways:
        yield {}
        return
    top, left = min(hole)
    for number, shapes in ways.items():
        for way, shape in enumerate(shapes):
            r, c = top - shape[0][0], left - shape[0][1]
            cells = tuple((r + row, c + column) for row, column in shape)
            if hole.issuperset(cells):
                rest = {n: others for n, others in ways.items() if n != number}
                for filling in _fill(hole.difference(cells), rest):
                    yield filling | {number: (way, cells)}
