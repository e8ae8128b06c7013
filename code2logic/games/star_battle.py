"""Star battle: one star in each row, column and region, and no two that touch.

Stars are drawn first and regions grown round them; then cells change regions until no other layout is left. All
layouts of a size are kept, for each cell those that hold it as the bits of one number, which makes that fast. Levels
are 5, 6 and 8 cells a side. Some stars are shown and some missing, every number equally often. Where the star of a
region is asked for, it is missing in one case of eight.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from ludex.code2logic.game import Game, Question, at, cells, listed
from ludex.code2logic.parts.grids import AROUND, Place, neighbours, places, spread, walks
from ludex.code2logic.parts.options import cluster

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Style

NAMES = "ABCDEFGH"
MISSING = "none, its star is still missing"
Regions = dict[Place, str]


@dataclass(frozen=True)
class State:
    """The letters of the regions row by row, and the stars shown, as (row, column) from 0; the others follow."""

    rows: tuple[str, ...]
    stars: tuple[Place, ...]

    @property
    def regions(self) -> Regions:
        """The region of every cell."""
        return {(r, c): name for r, row in enumerate(self.rows) for c, name in enumerate(row)}


@cache
def layouts(side: int) -> tuple[list[tuple[int, ...]], dict[Place, int]]:
    """The layouts of stars, regions aside: the column for each row; and for each cell, as bits, which hold it."""
    found: list[tuple[int, ...]] = [()]
    for _ in range(side):
        ways = ((stars, c) for stars in found for c in range(side))
        found = [(*stars, c) for stars, c in ways if c not in stars and (not stars or abs(c - stars[-1]) > 1)]
    return found, {(r, c): sum((s[r] == c) << i for i, s in enumerate(found)) for r, c in places(side, side)}


def solutions(regions: Regions, side: int) -> int:
    """The layouts with a star in every region, as bits."""
    _, bits = layouts(side)
    reached, left = dict.fromkeys(regions.values(), 0), -1
    for place, name in regions.items():
        reached[name] |= bits[place]
    for some in reached.values():
        left &= some
    return left


def start(rng: random.Random, side: int) -> State:
    """A board with one solution, some of its stars shown."""
    found, _ = layouts(side)
    regions: Regions = {}
    while not regions:
        right = rng.randrange(len(found))
        stars = [*enumerate(found[right])]
        regions = spread(rng, set(places(side, side)), dict(zip(stars, rng.sample(NAMES[:side], side), strict=True)))
        while regions and (left := solutions(regions, side)).bit_count() > 1:
            other = {*enumerate(found[(left & ~(1 << right)).bit_length() - 1])}
            ways = changed(regions, sorted(other.difference(stars)))
            fewer = (way for way in ways if solutions(way, side).bit_count() < left.bit_count())
            regions = next(fewer, {})
    rows = tuple("".join(regions[r, c] for c in range(side)) for r in range(side))
    return State(rows, tuple(sorted(rng.sample(stars, rng.randint(1, side - 1)))))


def changed(regions: Regions, cells: list[Place]) -> Iterator[Regions]:
    """The regions after one of the cells goes over to a region beside it and leaves its own in one piece."""
    for cell in cells:
        rest = {place for place, name in regions.items() if name == regions[cell]} - {cell}
        if rest and len(walks(rest, min(rest))) == len(rest):
            for name in sorted({regions[near] for near in neighbours(cell, regions)} - {regions[cell]}):
                yield {**regions, cell: name}


def broken(state: State, regions: Regions, cell: Place) -> list[str]:
    """Why a cell may not take a star now."""
    row, column = cell
    reasons = {
        "it has a star": cell in state.stars,
        f"row {row + 1} has a star": any(r == row for r, _ in state.stars),
        f"column {column + 1} has a star": any(c == column for _, c in state.stars),
        f"region {regions[cell]} has a star": any(regions[star] == regions[cell] for star in state.stars),
        "a star touches it": any(neighbours(cell, state.stars, AROUND)),
    }
    return [reason for reason, holds in reasons.items() if holds]


def describe(state: State) -> str:
    """The regions' letters row by row, and the stars."""
    rows = "\n".join(f"row {r + 1}: {' '.join(row)}" for r, row in enumerate(state.rows))
    return f"The regions:\n{rows}\nStars shown: {'; '.join(str(at(*star)) for star in state.stars)}"


def draw(state: State, style: Style) -> Image.Image:
    """Regions in tints, with their letter in each cell and thick lines between."""
    from ludex.code2logic.draw import COLOUR_NAMES, Canvas, mix
    from ludex.code2logic.glyphs import star

    canvas, side, regions = Canvas(style), len(state.rows), state.regions
    grid = canvas.grid(side, side)
    for (row, column), name in regions.items():
        grid.fill(row, column, mix(style.colour(COLOUR_NAMES[NAMES.index(name)]), style.cell, 0.3))
        grid.write(row - 0.3, column - 0.32, name, scale=0.24)
    grid.borders(regions, style.ink)
    for place in state.stars:
        grid.put(*place, star, style.colour("yellow"), style.ink, scale=0.6)
    return canvas.image


def area(state: State) -> int:
    """The number of cells."""
    return len(state.rows) ** 2


game = Game(
    name="star-battle",
    rules=(
        "Star battle. On the solved board each row, each column and each region has exactly one star, and no two stars "
        "touch, not even diagonally. Some stars are shown, in their right places; there is one way to place the "
        "others. A cell may take a star now if it has none, no star shown is in its row, its column or its region, and "
        "none of the eight cells around it has a star."
    ),
    legend="Thick lines part the regions; the small letter in a cell is its region's name.",
    sizes={"easy": 5, "medium": 6, "hard": 8},
    start=start, draw=draw, describe=describe, measure=area, measured="cells",
)  # fmt: skip


@game.question(kind="prediction", qa_level="hard", number=1)
def missing_star(state: State, rng: random.Random) -> Question:
    """Where the star of a region belongs that has none yet."""
    side, regions = len(state.rows), state.regions
    stars = [*enumerate(layouts(side)[0][solutions(regions, side).bit_length() - 1])]
    star = rng.choice([star for star in stars if star not in state.stars])
    why = f"The only layout that obeys the rules has stars at {listed(f'({at(*star)})' for star in stars)}"
    text = f"Where does the missing star of region {regions[star]} belong?"
    return Question.fill(text, at(*star), f"{why}; in region {regions[star]} is {at(*star)}.", region=regions[star])


@game.question(kind="perception", qa_level="easy", number=2)
def cell_in_region(state: State, rng: random.Random) -> Question:
    """A cell of a region, among one of each of the others."""
    regions = state.regions
    name = rng.choice(sorted({*regions.values()}))
    one = {regions[place]: at(*place) for place in rng.sample(list(regions), len(regions))}
    cell = one[name]
    text = f"Which of these cells is in region {name}?"
    return Question.choice(text, cell, one.values(), f"The cell at {cell} is marked {name}.", region=name)


@game.question(kind="perception", qa_level="easy", number=3, wishes=(True,) * 7 + (False,))
def star_in_region(state: State, rng: random.Random, wish: bool) -> Question:
    """The star shown in a region, or that it is missing."""
    regions, shown = state.regions, {state.regions[star]: star for star in state.stars}
    name = rng.choice(sorted(shown if wish else {*regions.values()} - shown.keys()))
    right, inside = at(*shown[name]) if wish else MISSING, [at(*p) for p in regions if regions[p] == name]
    near, others = [MISSING, *rng.sample(inside, min(6, len(inside)))], (at(*star) for star in state.stars)
    text = f"Which cell of region {name} has a star shown?"
    return Question.choice(text, right, others, f"In region {name}: {right}.", near=near, region=name)


@game.question(kind="prediction", qa_level="medium", number=4)
def cell_for_star(state: State, rng: random.Random) -> Question:
    """A cell that may take a star now, among cells that break as few of the conditions as possible."""
    regions = state.regions
    faults = {place: broken(state, regions, place) for place in regions}
    right = rng.choice([place for place in faults if not faults[place]])
    near = [place for place in faults if len(faults[place]) == 1]
    examples = listed(f"({at(*place)}), since {faults[place][0]}" for place in rng.sample(near, min(2, len(near))))
    why = f"{at(*right)} has no star in its row, column or region, nor in a cell around it. Not so {examples}."
    options = cluster(rng, right, near if len(near) > 6 else (place for place in faults if faults[place]))
    return Question.choice("Which of these cells may take a star now?", at(*right), cells(options), why)
