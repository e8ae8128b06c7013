"""The group of Rubik's cube: quarter turns as permutations of 54 stickers, computed from where these are in space.

Stickers are a text of 54 letters, nine a face in the order of FACES, row by row as
in the net (U above F, then L F R B, then D); a letter is the face where the sticker
is on the solved cube. A turn is a face's letter, with a ' for counter-clockwise.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import cache
from itertools import product
from operator import itemgetter

Moves = tuple[str, ...]
Vector = tuple[int, int, int]

FACES = "ULFRBD"
# Of each face: where it looks, and where the rows and columns of its cells run to the right and down; x is right, y up.
FRAMES: dict[str, tuple[Vector, Vector, Vector]] = {
    "U": ((0, 1, 0), (1, 0, 0), (0, 0, 1)),
    "L": ((-1, 0, 0), (0, 0, 1), (0, -1, 0)),
    "F": ((0, 0, 1), (1, 0, 0), (0, -1, 0)),
    "R": ((1, 0, 0), (0, 0, -1), (0, -1, 0)),
    "B": ((0, 0, -1), (-1, 0, 0), (0, -1, 0)),
    "D": ((0, -1, 0), (1, 0, 0), (0, 0, -1)),
}
OPPOSITE = dict(zip("ULFRBD", "DRBLFU", strict=True))
TURNS = tuple(face + mark for face in FACES for mark in ("", "'"))
SOLVED = "".join(face * 9 for face in FACES)
NEAR = 3  # quarter turns


def turns(rng: random.Random, count: int) -> Moves:
    """Random turns, none of a face that one of the two before turns, so that up to six never undo one another."""
    moves: Moves = ()
    while len(moves) < count:
        recent = {turn[0] for turn in moves[-2:]}
        moves += (rng.choice([turn for turn in TURNS if turn[0] not in recent]),)
    return moves


def points() -> list[Vector]:
    """Where the stickers are: 2 along the way their face looks, -1 to 1 along the others."""
    found = []
    for (look, right, down), row, column in product(FRAMES.values(), (-1, 0, 1), (-1, 0, 1)):
        x, y, z = (2 * look[i] + column * right[i] + row * down[i] for i in range(3))
        found.append((x, y, z))
    return found


def rotated(p: Vector, n: Vector) -> Vector:
    """`p` turned clockwise by a quarter, seen from the tip of `n`: its part along `n`, and the cross product p x n."""
    along = sum(a * b for a, b in zip(p, n, strict=True))
    x, y, z = (p[(i + 1) % 3] * n[(i + 2) % 3] - p[(i + 2) % 3] * n[(i + 1) % 3] + along * n[i] for i in range(3))
    return x, y, z


@cache
def sources() -> dict[str, tuple[int, ...]]:
    """For every turn and place the place from which its new sticker comes."""
    where, found = points(), {}
    for face in FACES:
        look = FRAMES[face][0]
        moved = [rotated(p, look) if sum(map(int.__mul__, p, look)) > 0 else p for p in where]
        found[face] = tuple(moved.index(p) for p in where)
        found[face + "'"] = tuple(where.index(p) for p in moved)
    return found


@cache
def _pickers() -> dict[str, Callable[[str], tuple[str, ...]]]:
    return {turn: itemgetter(*places) for turn, places in sources().items()}


def after(stickers: str, moves: Sequence[str]) -> str:
    """The stickers after some turns."""
    for turn in moves:
        stickers = "".join(_pickers()[turn](stickers))
    return stickers


def backwards(moves: Sequence[str]) -> Moves:
    """The turns that undo `moves`."""
    return tuple(turn[0] if turn[1:] else turn + "'" for turn in reversed(moves))


@cache
def solutions() -> dict[str, list[Moves]]:
    """Of every cube at most NEAR quarter turns from solved all the shortest ways to solve it, breadth first."""
    found: dict[str, list[Moves]] = {SOLVED: [()]}
    layer = found
    for _ in range(NEAR):
        farther: dict[str, list[Moves]] = {}
        for (cube, ways), turn in product(layer.items(), TURNS):
            before = after(cube, backwards([turn]))
            if before not in found:
                farther.setdefault(before, []).extend((turn, *way) for way in ways)
        found, layer = found | farther, farther
    return found


@cache
def pool(length: int, beside: str = "") -> list[Moves]:
    """The shortest ways of that length; with `beside` those whose last turn moves stickers of that face to others."""
    ways = [way for ways in solutions().values() for way in ways if len(way) == length]
    return [way for way in ways if not (beside and way) or way[-1][0] not in (beside, OPPOSITE[beside])]


def uniform(stickers: str, face: str) -> bool:
    """Whether all nine stickers of a face are alike."""
    return stickers[9 * FACES.index(face) :][:9] == face * 9
