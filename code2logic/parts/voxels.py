"""Cubes on a lattice, seen from above the front corner: what can be seen, and how it is painted.

x runs to the lower right of the picture, y to the upper right and z up; a cube is
named by its least corner. Seen so, every cube is a hexagon of six triangles of one
flat lattice. What hides what is therefore exact bookkeeping over these triangles.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ludex.code2logic.parts.grids import shortest

if TYPE_CHECKING:
    from ludex.code2logic.draw import Canvas
    from ludex.code2logic.glyphs import RGB, Point

Cube = tuple[int, int, int]
Triangle = tuple[int, int, int]
Table = tuple[tuple[int, ...], ...]

FACES = ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1))
WIDE, HALF = 0.866, 0.5  # pixels right and down of a step of one pixel along x
MARGIN = 6  # pixels left free around the cubes


def nearer(cube: Cube) -> int:
    """Grows towards the viewer: of two cubes that overlap in the picture the one with more hides the other."""
    return cube[0] - cube[1] + cube[2]


def triangles(cube: Cube) -> tuple[Triangle, ...]:
    """The triangles of the picture that a cube covers: two of its top, of its left face and of its right one.

    Adding the same number to x and z and taking it from y changes none of them: such cubes lie on one line of sight.
    """
    a, b = cube[0] - cube[2], -cube[1] - cube[2]
    return (a - 1, b - 1, 0), (a - 1, b - 1, 1), (a - 1, b, 0), (a, b, 1), (a, b - 1, 1), (a, b, 0)


TOP, LEFT, RIGHT = slice(0, 2), slice(2, 4), slice(4, 6)  # the faces' parts of `triangles`


def seen(cubes: Iterable[Cube]) -> dict[Triangle, Cube]:
    """The cube that each triangle of the picture shows."""
    return {triangle: cube for cube in sorted(cubes, key=nearer) for triangle in triangles(cube)}


def shown(cubes: Iterable[Cube]) -> dict[Cube, int]:
    """How many of its six triangles each cube shows."""
    counts = dict.fromkeys(cubes, 0)
    for cube in seen(counts).values():
        counts[cube] += 1
    return counts


def beside(cubes: Collection[Cube], places: Collection[Cube]) -> list[Cube]:
    """Those of `places` that are no cube and share a face with one."""
    around = {(x + i, y + j, z + k) for x, y, z in cubes for i, j, k in FACES}
    return sorted(around.intersection(places).difference(cubes))


def joined(cubes: Collection[Cube], added: Sequence[Cube], places: Collection[Cube]) -> bool:
    """Whether each of `added`, in turn, fills an empty place of `places` beside a cube."""
    return all(cube in beside([*cubes, *added[:i]], places) for i, cube in enumerate(added))


def structure(rng: random.Random, places: Collection[Cube], count: int, least: int = 1) -> tuple[Cube, ...]:
    """`count` cubes joined by faces, grown from a place on the floor, of each of which `least` triangles are seen."""
    bottom = min(z for *_, z in places)
    floor = [place for place in places if place[2] == bottom]
    cubes = {rng.choice(floor)}
    while len(cubes) < count:
        usable = [cube for cube in beside(cubes, places) if min(shown(cubes | {cube}).values()) >= least]
        cubes = cubes | {rng.choice(usable)} if usable else {rng.choice(floor)}
    return tuple(sorted(cubes))


def silhouette(cubes: Iterable[Cube], axis: int, side: int = 3) -> Table:
    """Rows from z = `side` down to 1, columns along `axis` from 1 to `side`: 1 where some cube is, else 0."""
    filled = {(cube[axis], cube[2]) for cube in cubes}
    return tuple(tuple(int((i + 1, z) in filled) for i in range(side)) for z in range(side, 0, -1))


def fewest(cubes: Collection[Cube], places: Collection[Cube], *goals: Table) -> list[str] | None:
    """The fewest cubes, each beside one before it, that give `cubes` the silhouettes `goals` along x, y; in order."""
    height = len(goals[0])
    filled = [{(i + 1, height - r) for r, row in enumerate(goal) for i in range(len(row)) if row[i]} for goal in goals]

    def lack(some: frozenset[Cube]) -> int:
        """At least so many more: a cube fills at most one cell of a silhouette, in its own layer."""
        empty = [goal - {(cube[axis], cube[2]) for cube in some} for axis, goal in enumerate(filled)]
        return sum(max(sum(z == layer for _, z in cells) for cells in empty) for layer in range(1, height + 1))

    def moves(some: frozenset[Cube]) -> Iterator[tuple[str, frozenset[Cube]]]:
        for cube in beside(some, places):
            if all((cube[axis], cube[2]) in goal for axis, goal in enumerate(filled)):
                yield str(cube), some | {cube}

    return shortest(frozenset(cubes), moves, lambda some: not lack(some), lack, 10**6)


class View:
    """Cubes on a canvas, as large as a box (left, top, right, bottom) holds them."""

    def __init__(self, canvas: Canvas, cubes: Iterable[Cube], box: tuple[int, int, int, int], most: float = 64):
        self.canvas, self.unit, self.origin = canvas, 1.0, (0.0, 0.0)
        corners = [self.place(x + i, y + j, z + k) for x, y, z in cubes for i in (0, 1) for j in (0, 1) for k in (0, 1)]
        (left, right), (top, bottom) = ((min(v), max(v)) for v in zip(*corners, strict=True))
        width, height = box[2] - box[0] - 2 * MARGIN, box[3] - box[1] - 2 * MARGIN
        self.unit = min(most, width / (right - left), height / (bottom - top))
        self.origin = (
            (box[0] + box[2] - self.unit * (left + right)) / 2,
            (box[1] + box[3] - self.unit * (top + bottom)) / 2,
        )

    def place(self, x: float, y: float, z: float) -> Point:
        """The pixel of a point in space."""
        across, down = (x + y) * WIDE, (x - y) * HALF - z
        return self.origin[0] + across * self.unit, self.origin[1] + down * self.unit

    def paint(self, colours: Mapping[Cube, RGB]) -> None:
        """Cubes, each in its colour, the nearer over the farther."""
        for x, y, z in sorted(colours, key=nearer):
            self.canvas.cube(self.origin, self.unit, (x, -y - 1, z), colours[x, y, z])

    def tile(self, x: float, y: float, z: float, colour: RGB, line: RGB) -> None:
        """The flat square over x to x + 1 and y to y + 1 at height z."""
        corners = [self.place(x + i, y + j, z) for i, j in ((0, 0), (1, 0), (1, 1), (0, 1), (0, 0))]
        self.canvas.pen.polygon(corners, colour)
        self.canvas.pen.line(corners, line, 1)

    def axes(self, at: Point) -> None:
        """Arrows from a pixel that show the directions +x, +y and up."""
        for label, right, down in (("+x", 36, 20), ("+y", 36, -20), ("up", 0, -38)):
            self.canvas.arrow(at, (at[0] + right, at[1] + down), width=3)
            self.canvas.text((at[0] + 1.4 * right, at[1] + 1.4 * down), label, 18)

    def label(self, cube: Cube, text: str, colour: RGB) -> None:
        """Text on top of a cube."""
        x, y, z = cube
        self.canvas.text(self.place(x + 0.5, y + 0.5, z + 1), text, round(self.unit * 0.72), colour)

    def ladder(self, low: Cube, high: Cube, colour: RGB) -> None:
        """A ladder from the top of a cube to that of one straight above; it leaves the middle of both free."""
        (x, y), (top, bottom) = self.place(low[0], low[1] + 1, low[2] + 1), (high[2], low[2])
        self.rails((x, y), (x, y - self.unit * (top - bottom - 1)), (self.unit * 0.24, 0), colour)

    def rungs(self, column: Sequence[Cube], face: str, colour: RGB) -> None:
        """A ladder on the left or right face of cubes that stand one upon another, lowest first."""
        (x, y, low), top = column[0], column[-1][2] + 1
        right = face == "right"
        foot, head = (self.place(x + (1 if right else 0.5), y + (0.5 if right else 0), z) for z in (low, top))
        self.rails(foot, head, (self.unit * 0.22, self.unit * (-0.13 if right else 0.13)), colour)

    def waves(self, x: float, y: float, colour: RGB) -> None:
        """Two waves on the flat square over x to x + 1 and y to y + 1 at height 0."""
        for i, j in ((0.35, 0.35), (0.65, 0.65)):
            a, b = self.place(x + i - 0.1, y + j - 0.1, 0), self.place(x + i + 0.1, y + j + 0.1, 0)
            tip, step = self.unit * 0.09, (b[0] - a[0]) / 4
            self.canvas.pen.line([(a[0] + n * step, a[1] - tip * (n % 2)) for n in range(5)], colour, 2)

    def rails(self, foot: Point, head: Point, across: Point, colour: RGB) -> None:
        """Two rails with rungs between them; the rails stand `across` to either side of foot and head, in pixels."""
        width = max(2, round(self.unit * 0.09))
        steps = max(2, round(abs(head[1] - foot[1]) / (self.unit * 0.3)))
        for side in (-1, 1):
            ends = [(x + side * across[0], y + side * across[1]) for x, y in (foot, head)]
            self.canvas.pen.line(ends, colour, width)
        for i in range(steps):
            part = (i + 0.5) / steps
            x, y = (a + part * (b - a) for a, b in zip(foot, head, strict=True))
            rung = [(x - across[0], y - across[1]), (x + across[0], y + across[1])]
            self.canvas.pen.line(rung, colour, width)


def chart(canvas: Canvas, name: str, axis: str, goal: Table, box: tuple[int, int, int, int]) -> None:
    """A silhouette in a box (left, top, right, bottom) of the canvas: a square where it is filled, with labels."""
    from ludex.code2logic.glyphs import square

    height, style = len(goal), canvas.style
    grid = canvas.grid(height, len(goal[0]), (box[0] + 40, box[1] + 26, box[2], box[3] - 26), labels=False)
    canvas.text((grid.centre(0, (len(goal[0]) - 1) / 2)[0], box[1] + 10), name, 18)
    for r, row in enumerate(goal):
        canvas.text((grid.left - 4, grid.centre(r, 0)[1]), f"z={height - r}", 16, anchor="rm")
        for c, full in enumerate(row):
            grid.put(r, c, square, style.solid if full else style.cell)
            canvas.text((grid.centre(0, c)[0], grid.top + height * grid.side + 14), f"{axis}={c + 1}", 16)
