"""A square pyramid of balls: where slots are, what carries what, and random play by the rules of pyramid chess.

Balls are "R", "B" or "." (an empty slot) for every slot, from the base to the top,
each level row by row; the level k above a base of `size` has size - k along a side.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache
from itertools import product

Slot = tuple[int, int, int]  # level, row, column, from 0
Near = list[tuple[int, ...]]

OTHER = {"R": "B", "B": "R"}


@cache
def shape(size: int) -> tuple[dict[Slot, int], Near, Near]:
    """The slots in the order of the balls; for each of these those that carry it, and those it helps to carry."""
    sides = [range(size - level) for level in range(size)]
    every = [(level, row, column) for level, side in enumerate(sides) for row, column in product(side, side)]
    slots = {slot: i for i, slot in enumerate(every)}
    below = [tuple(slots[k - 1, r + i, c + j] for i in (0, 1) for j in (0, 1) if k) for k, r, c in every]
    return slots, below, [tuple(up for up, under in enumerate(below) if i in under) for i in range(len(every))]


def is_open(size: int, balls: Sequence[str], i: int) -> bool:
    """Whether a ball can be placed in a slot."""
    return balls[i] == "." and all(balls[j] != "." for j in shape(size)[1][i])


def is_free(size: int, balls: Sequence[str], i: int) -> bool:
    """Whether nothing rests on a slot."""
    return all(balls[up] == "." for up in shape(size)[2][i])


def completes(size: int, balls: Sequence[str], i: int, side: str) -> int:
    """The squares of `side` that a ball of it in an empty slot makes full: each lies below one slot."""
    _, below, above = shape(size)
    return sum(all(balls[j] == side or j == i for j in below[up]) for up in above[i])


def missing(size: int, balls: Sequence[str], i: int) -> set[int]:
    """The empty slots under one, at any depth."""
    found = {j for j in shape(size)[1][i] if balls[j] == "."}
    return found.union(*(missing(size, balls, j) for j in found))


def worth(size: int, balls: Sequence[str], side: str) -> dict[Slot, int]:
    """Of every open slot 2 for each square that `side` completes there, and 1 for each that the other would."""
    able = {slot: i for slot, i in shape(size)[0].items() if is_open(size, balls, i)}
    other = OTHER[side]
    return {s: 2 * completes(size, balls, i, side) + completes(size, balls, i, other) for s, i in able.items()}


def played(rng: random.Random, size: int, count: int) -> tuple[str, str]:
    """The balls once `count` of them lie, and who is to move; of two open slots the one with more own balls near."""
    slots, below, above = shape(size)
    balls, side = ["."] * len(slots), rng.choice("RB")
    while len(balls) - balls.count(".") < count:
        able = [i for i in range(len(slots) - 1) if is_open(size, balls, i)]  # all but the top
        own = {i: sum(balls[j] == side for up in above[i] for j in below[up]) for i in rng.choices(able, k=2)}
        place = max(own, key=own.__getitem__)
        square = completes(size, balls, place, side)
        balls[place] = side
        for _ in range(rng.randint(0, 2) if square else 0):
            free = [i for i, ball in enumerate(balls) if ball == side and is_free(size, balls, i)]
            balls[rng.choice(free or [place])] = "."
        side = OTHER[side]
    return "".join(balls), side
