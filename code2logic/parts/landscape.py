"""Land of square cells with water, stacks of blocks, ladders and things on it: what can be seen, walked and drawn.

Row 0 lies at the upper right border of the picture, column 0 at the upper left one; rows grow to the lower left,
columns to the lower right.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import count
from math import isqrt
from typing import TYPE_CHECKING, Any

from ludex.code2logic.game import at, listed
from ludex.code2logic.parts.grids import Place, beside, neighbours, places
from ludex.code2logic.parts.scenery import SCENERY
from ludex.code2logic.parts.voxels import LEFT, RIGHT, TOP, Cube, seen, triangles

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Style

FACES = {"left": ((1, 0), LEFT), "right": ((0, 1), RIGHT)}  # of a stack: the step to the cell in front, its triangles


@dataclass(frozen=True)
class Land:
    """The land row by row.

    Attributes:
        ground: "~" for water, "." for land.
        stacks: the number of blocks that stand on each cell.
        things: (name, row, column).
        ladders: (row, column, face, low): on the side of a stack, from its block number `low`, from 1, to its top.
    """

    ground: tuple[str, ...]
    stacks: tuple[tuple[int, ...], ...]
    things: tuple[tuple[str, int, int], ...] = ()
    ladders: tuple[tuple[int, int, str, int], ...] = ()


def built(side: int, water: Collection[Place], stacks: Mapping[Place, int]) -> dict[str, Any]:
    """The fields `ground` and `stacks` of a square land."""
    ground = tuple("".join("~" if (r, c) in water else "." for c in range(side)) for r in range(side))
    return {"ground": ground, "stacks": tuple(tuple(stacks.get((r, c), 0) for c in range(side)) for r in range(side))}


def volume(land: Land) -> int:
    """The number of blocks and of cells with water."""
    return sum(map(sum, land.stacks)) + sum(row.count("~") for row in land.ground)


def columns(land: Land) -> dict[Place, list[Cube]]:
    """The cubes of each cell, from the one below the surface to the top of its stack."""
    return {(r, c): [(c, -r, z) for z in range(-1, n)] for r, row in enumerate(land.stacks) for c, n in enumerate(row)}


def clear(land: Land) -> bool:
    """Whether nothing is hidden but bare land.

    A part of each block must be seen from below its top, and all of tops, water, ladders and places of things. Then
    the picture determines the land: from the front, the lowest part of each block tells that it is there.
    """
    cubes = columns(land)
    view = seen(cube for column in cubes.values() for cube in column)
    bare = {place for place, column in cubes.items() if len(column) == 1 and land.ground[place[0]][place[1]] == "."}
    whole = [(cubes[place][-1], TOP) for place in cubes.keys() - bare | {(r, c) for _, r, c in land.things}]
    whole += [(cube, FACES[face][1]) for r, c, face, low in land.ladders for cube in cubes[r, c][low:]]
    blocks = (cube for column in cubes.values() for cube in column[1:])
    return all(view[t] == cube for cube, face in whole for t in triangles(cube)[face]) and all(
        cube in (view[triangles(cube)[3]], view[triangles(cube)[5]]) for cube in blocks
    )


@cache
def around(cells: int) -> dict[Place, list[Place]]:
    """The cells beside each cell of a square land of so many."""
    every = places(isqrt(cells), isqrt(cells))
    return {place: list(neighbours(place, set(every))) for place in every}


def cheapest(land: Land, source: Place, goal: Place, most: int = 99) -> list[tuple[Place, int, int]]:
    """A way for which the fewest blocks have to be placed.

    One steps up by one block at most; a ladder is climbed from `low` - 1 blocks above the ground, or from higher.
    Blocks are not placed on `source` and `goal`. Dijkstra's search from the goal: each step tells how high the one
    before must stand.

    Returns:
        The cells with their heights and the blocks placed there; none if that takes more than `most` blocks, or if the
        search found only ways that enter a cell at two heights.
    """
    level = {(r, c): n - (land.ground[r][c] == "~") for r, row in enumerate(land.stacks) for c, n in enumerate(row)}
    rungs = {((r, c), beside((r, c), FACES[face][0])): low - 1 for r, c, face, low in land.ladders}
    ticket, done, near = count(), set(), around(len(level))
    queue: list[tuple[int, int, int, Any]] = [(0, 0, 0, (goal, level[goal], 0, None))]
    while queue and queue[0][0] <= most:
        cost, turns, _, step = heapq.heappop(queue)
        here, height, _, past = step
        if here == source:
            return unwound(step)
        for there in near[here] if (here, height) not in done else ():
            need = max(min(height - 1, rungs.get((here, there), height)), level[there], 0)
            if (there, need) not in done and (need == 0 or there != source):
                placed, back = need - level[there], past is not None and past[0] == there  # of equals, those without
                heapq.heappush(queue, (cost + placed, turns + back, next(ticket), (there, need, placed, step)))
        done.add((here, height))
    return []


def unwound(step: Any) -> list[tuple[Place, int, int]]:
    """The steps of a way, each (cell, height, blocks placed, step after it); none if a cell occurs twice."""
    way = []
    while step:
        way.append(step[:3])
        step = step[3]
    return way if len({place for place, *_ in way}) == len(way) else []


def describe(land: Land) -> str:
    """The land row by row, then what stands on it."""
    cells = (zip(*rows, strict=True) for rows in zip(land.stacks, land.ground, strict=True))
    rows = (f"row {r}: {' '.join(str(n) if n else sign for n, sign in row)}" for r, row in enumerate(cells, 1))
    there = [f"{name} at {at(r, c)}" for name, r, c in land.things]
    for r, c, face, low in land.ladders:
        front = at(*beside((r, c), FACES[face][0]))
        there.append(f"ladder at {at(r, c)}, on the side towards {front}, from block {low} to the top")
    head = "The land (. land, ~ water, a digit for a stack of so many blocks):"
    return "\n".join([head, *rows, f"On it: {listed(there)}."])


def draw(land: Land, style: Style) -> Image.Image:
    """Flat cells, stacks, ladders on their sides, and glyphs that stand on the cells."""
    from ludex.code2logic.draw import Canvas
    from ludex.code2logic.parts.voxels import View

    canvas, cubes = Canvas(style), columns(land)
    view = View(canvas, [(x, y, max(z, 0)) for column in cubes.values() for x, y, z in column[-1:]], (2, 2, 558, 558))
    for r, c in cubes:
        water = land.ground[r][c] == "~"
        view.tile(c, -r, 0, style.colour("light blue") if water else style.cell, style.line)
        if water:
            view.waves(c, -r, style.colour("blue"))
    view.paint({cube: style.colour("grey") for column in cubes.values() for cube in column[1:]})
    for r, c, face, low in land.ladders:
        view.rungs(cubes[r, c][low:], face, style.colour("red"))
    for name, r, c in land.things:
        glyph, colours = SCENERY[name]
        x, y = view.place(c + 0.5, -r + 0.5, land.stacks[r][c])
        shades = (style.colour(colour) if isinstance(colour, str) else colour for colour in colours)
        canvas.glyph((x, y - 0.3 * view.unit), round(view.unit * 0.84), glyph, *shades)
    return canvas.image
