"""The cube's group: golden facts, and the same turns as pieces (the checker's cube, which shares no code)."""

from __future__ import annotations

import random
from math import lcm

import pytest
from games.rubiks_cube import PLACES, order, turned

from ludex.code2logic.parts.cube import FACES, SOLVED, TURNS, after, backwards, pool, solutions, sources, turns, uniform


def sticker_order(moves):
    """The order of a list of turns: the least common multiple of its cycles of stickers."""
    came = list(range(54))
    for turn in moves:
        came = [came[i] for i in sources()[turn]]
    lengths = set()
    for place in range(54):
        there, length = came[place], 1
        while there != place:
            there, length = came[there], length + 1
        lengths.add(length)
    return lcm(*lengths)


@pytest.mark.parametrize(
    ("moves", "times"),
    [("R", 4), ("R U R' U'", 6), ("F R", 105), ("R U'", 63), ("R L", 4), ("R R L L U U D D F F B B", 2)],
)
def test_orders_that_are_known(moves, times):
    assert sticker_order(moves.split()) == times == order(moves.split())


def test_turns_agree_with_those_of_pieces():
    rng = random.Random(1)
    for _ in range(60):
        moves = turns(rng, rng.randint(1, 25))
        pieces = turned(dict(zip(PLACES, SOLVED, strict=True)), moves)
        assert after(SOLVED, moves) == "".join(pieces[place] for place in PLACES)
        assert after(after(SOLVED, moves), backwards(moves)) == SOLVED


def test_the_cubes_within_three_quarter_turns():
    """1, 12, 114 and 1,068 positions, as has been counted (https://www.cube20.org/qtm/)."""
    lengths = [len(ways[0]) for ways in solutions().values()]
    assert [lengths.count(k) for k in range(4)] == [1, 12, 114, 1068]
    assert all(after(cube, way) == SOLVED for cube, ways in solutions().items() for way in ways)


def test_pools():
    assert sorted(pool(1)) == sorted((turn,) for turn in TURNS)
    assert {way[0][0] for way in pool(1, "F")} == set("ULRD")
    assert all(
        uniform(after(SOLVED, (turn,)), face) == ((turn,) not in pool(1, face)) for turn in TURNS for face in FACES
    )
