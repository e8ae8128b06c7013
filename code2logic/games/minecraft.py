"""Minecraft: a land of square cells with water, stacks of blocks, ladders and scenery, seen from above a corner.

A ragged river with islands is crossed, a stack, perhaps with steps or a ladder, climbed, or both. The fewest blocks
are drawn evenly from four numbers that grow with the level, and lands until one needs as many and hides nothing. Sets
of 3 to 5 kinds of scenery are as frequent as each other, and so are the cuboids of a level.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import partial
from itertools import combinations, product

from ludex.code2logic.game import Game, Question, at, listed
from ludex.code2logic.parts.grids import Place, places
from ludex.code2logic.parts.landscape import FACES, Land, around, built, cheapest, clear, describe, draw, volume

KINDS = ("cactus", "flower", "house", "ladder", "mushroom", "pumpkin", "river", "tree")
VOLUMES = {6: (4, 30), 8: (31, 70), 10: (71, 216)}  # of the cuboid, by the cells of a side
TRIES = 40  # lands drawn for one number of blocks
Size = tuple[int, int]  # cells of a side, blocks of the highest stack; half a side is the number of kinds


@dataclass(frozen=True)
class State(Land):
    """The land row by row: row 0 is at the upper right border of the picture, column 0 at the upper left one.

    `ground` has "~" for water and "." for land, `stacks` the number of blocks that stand on each cell. `things` are
    (name, row, column), the player and the pumpkin to be reached among them. `ladders` are (row, column, face, low):
    on the side of that stack towards row + 1 ("left") or towards column + 1 ("right"), from its block number `low`,
    counted from 1 at the ground, up to its top. Rows and columns count from 0. The rules say how one walks.
    """


def start(rng: random.Random, size: Size, river: bool = True, tower: bool = True) -> State:
    """A player, a pumpkin, and between them a river, a stack to climb, or both."""
    side, tall = size
    while True:
        wanted = rng.randint(0, 3) + river + (side - 6) * (2 + (river and tower)) // 2
        for _ in range(TRIES):
            width = rng.randint(1, min(wanted, side - 3)) if river and tower else wanted * river
            heights = [h for h in range(2, tall + 1) if h * (h - 1) // 2 >= wanted - width] if tower else [0]
            state = sketch(rng, side, width, rng.choice(heights or [tall]), wanted - width)
            if len(way := fewest(state, wanted)) > 1 and sum(n for *_, n in way) == wanted and clear(state):
                return state


def sketch(rng: random.Random, side: int, width: int, height: int, climb: int) -> State:
    """A land that may hide something: a river some cells wide and a stack to climb with about so many blocks."""
    shore = 1 + (height > 0)
    first = rng.randint(shore, max(shore, side - 1 - width))
    goal = (rng.randrange(shore if width else side - 2), rng.randrange(side))
    player, water = (side - 1, rng.randrange(side)), set()
    for column in range(side if width else 0):
        rows = range(max(shore, first - rng.randrange(2)), min(side - 1, first + width + rng.randrange(2)))
        water |= {(row, column) for row in rows}
    water -= {(rng.randrange(side), rng.randrange(side)) for _ in range(rng.randrange(4))}
    stacks, here = {goal: height}, goal
    for k in range(1, rng.randint(1, max(1, height))):
        dry = [place for place in around(side * side)[here] if place not in water | {player, *stacks}]
        here = rng.choice([*dry, here])
        stacks.setdefault(here, rng.choice((0, height - k - 1, height - k)))
    lows = [low for low in range(1, height + 1) if low * (low - 1) // 2 >= climb and rng.random() < 0.5]
    if rng.random() < 0.5:
        goal, player, water = swap(goal), swap(player), set(map(swap, water))
        stacks = {swap(place): blocks for place, blocks in stacks.items()}
    ladders = ((*goal, rng.choice(list(FACES)), rng.choice(lows)),) if lows else ()
    return State(**built(side, water, stacks), things=(("player", *player), ("pumpkin", *goal)), ladders=ladders)


def swap(place: Place) -> Place:
    """The place with row and column exchanged."""
    return place[1], place[0]


def scenery(rng: random.Random, size: Size) -> State:
    """Some of the kinds of scenery, each once or twice."""
    side, flow = size[0], rng.randrange(2)
    chosen, line = rng.sample(KINDS, side // 2), rng.randrange(side)
    water = {place for place in places(side, side) if place[flow] == line and "river" in chosen}
    spots = rng.sample(sorted(set(places(side, side)) - water), side + 1)
    ladders = tuple((*spots.pop(), face, 1) for face in rng.sample(list(FACES), "ladder" in chosen))
    names = [kind for kind in chosen if kind not in ("river", "ladder") for _ in range(rng.randint(1, 2))]
    land = built(side, water, {(r, c): 2 for r, c, *_ in ladders})
    state = State(**land, things=tuple((name, *spots.pop()) for name in names), ladders=ladders)
    return state if clear(state) else scenery(rng, size)


def cuboid(rng: random.Random, size: Size) -> State:
    """A solid cuboid of blocks; its volume goes with the level."""
    side = size[0]
    least, most = VOLUMES[side]
    sides = [(i, j, k) for i, j, k in product(range(2, 7), repeat=3) if least <= i * j * k <= most and max(i, j) < side]
    deep, wide, tall = rng.choice(sides)
    row, column = rng.randint(0, side - deep), rng.randint(0, side - wide)
    return State(**built(side, (), {(row + r, column + c): tall for r, c in product(range(deep), range(wide))}))


def fewest(state: State, most: int = 99) -> list[tuple[Place, int, int]]:
    """The way for the fewest blocks."""
    (_, *player), (_, *pumpkin) = state.things
    return cheapest(state, (player[0], player[1]), (pumpkin[0], pumpkin[1]), most)


game = Game(
    name="minecraft",
    rules=(
        "A land of square cells, flat but for stacks of blocks. The player walks from cell to cell over common sides: "
        "up by one block at most, down by any number, never into water. Before it sets out, it may place blocks on any "
        "cells but its own and the pumpkin's, one upon another and on stacks too; the first one in water fills it up "
        "to the level of the land. A ladder covers a side of a stack from block k, counted from 1 at the ground, up to "
        "the top: from the cell in front of it one can climb to the top if one stands there at least k - 1 blocks "
        "above the ground; for k = 1 the ground will do. The pumpkin is reached in its cell, on top of the stack "
        "there, if there is one."
    ),
    legend=(
        "Cells with waves are water. Stacks are grey and have no gaps, ladders have rungs, the player is the figure. "
        "Only bare land is ever hidden."
    ),
    sizes={"easy": (6, 3), "medium": (8, 4), "hard": (10, 5)},
    start=start, draw=draw, describe=describe, measure=volume, measured="blocks and cells with water",
)  # fmt: skip


@game.question(kind="perception", qa_level="easy", number=1, start=scenery)
def kinds_present(state: State, rng: random.Random) -> Question:
    """The set of kinds, among others of as many."""
    kinds = {name for name, *_ in state.things} | {"ladder" for _ in state.ladders}
    kinds |= {"river" for row in state.ground if "~" in row}
    right, sets = ", ".join(sorted(kinds)), map(", ".join, combinations(KINDS, len(kinds)))
    text = "Which of these are on the land, all of them and nothing else?"
    return Question.choice(text, right, sets, f"On it are: {right}.")


@game.question(kind="perception", qa_level="medium", number=2, start=cuboid)
def cuboid_blocks(state: State, rng: random.Random) -> Question:
    """The blocks of a solid cuboid."""
    rows = [row for row in state.stacks if any(row)]
    why = f"It is {len(rows)} by {sum(map(bool, rows[0]))} blocks wide and {max(rows[0])} high: {volume(state)} blocks."
    return Question.fill("The stacks form one solid cuboid. How many blocks are in it?", volume(state), why)


def blocks(state: State) -> Question:
    """The fewest blocks to place; the number was drawn evenly with the land."""
    way = fewest(state)
    cost, told = sum(n for *_, n in way), listed(f"{n} at {at(*place)}" for place, _, n in way if n)
    why = f"Blocks to place are: {told}. These are {cost}, and no way does with fewer."
    return Question.fill("At least how many blocks must be placed so that the player can reach the pumpkin?", cost, why)


@game.question(kind="prediction", qa_level="medium", number=3, start=partial(start, tower=False))
def blocks_across(state: State, rng: random.Random) -> Question:
    """A river between: 1-4, 3-6 or 5-8 blocks by the level."""
    return blocks(state)


@game.question(kind="prediction", qa_level="medium", number=4, start=partial(start, river=False))
def blocks_up(state: State, rng: random.Random) -> Question:
    """A stack to climb: 0-3, 2-5 or 4-7 blocks by the level."""
    return blocks(state)


@game.question(kind="prediction", qa_level="hard", number=5)
def blocks_across_and_up(state: State, rng: random.Random) -> Question:
    """A river and a stack: 1-4, 4-7 or 7-10 blocks by the level."""
    return blocks(state)
