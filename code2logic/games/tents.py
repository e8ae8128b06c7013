"""Tents: totals, cells beside trees, and cells that may take a tent.

Tents are pitched at random without touching, each with a tree beside it, so that trees and tents pair off. A random
share of the tents is shown, and more of them until no other set of tents obeys the rules: the board has exactly
one completion. Levels go by trees: 8, 16 and 27 on boards of 7, 10 and 13 cells a side. Shares vary widely, and
the answer about a row or column is wished for first, because most lines show, or lack, none or one.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ludex.code2logic.game import Game, Question, at, cells, listed
from ludex.code2logic.parts.grids import AROUND, Place, neighbours, places
from ludex.code2logic.parts.options import scattered

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

    from ludex.code2logic.draw import Style
    from ludex.code2logic.glyphs import RGB

Cells = frozenset[Place]


@dataclass(frozen=True)
class State:
    """The rows of the board: "T" tree, "A" tent that stands, "a" tent that is still missing, "." nothing."""

    cells: tuple[str, ...]

    def where(self, signs: str) -> list[Place]:
        """The cells that hold one of `signs`."""
        return [(r, c) for r, row in enumerate(self.cells) for c, sign in enumerate(row) if sign in signs]

    def rows(self, signs: str) -> list[int]:
        """How many of `signs` each row holds."""
        return [sum(map(row.count, signs)) for row in self.cells]

    def columns(self, signs: str) -> list[int]:
        """How many of `signs` each column holds."""
        return [sum(map(column.count, signs)) for column in zip(*self.cells, strict=True)]


def start(rng: random.Random, size: tuple[int, int]) -> State:
    """A board of `size` (cells a side, trees) with one completion."""
    pitched: dict[Place, Place] = {}
    while len(pitched) < size[1]:
        pitched = pitch(rng, *size)
    tents, share = sorted(pitched), rng.uniform(0.05, 0.95)
    shown = {tent for tent in tents if rng.random() < share}
    while True:
        signs = dict.fromkeys(pitched.values(), "T") | {tent: "A" if tent in shown else "a" for tent in tents}
        state = State(tuple("".join(signs.get((r, c), ".") for c in range(size[0])) for r in range(size[0])))
        other = next((found for found in completions(state) if found != set(tents)), None)
        if other is None:
            return state
        shown.add(rng.choice([tent for tent in tents if tent not in other]))


def pitch(rng: random.Random, side: int, trees: int) -> dict[Place, Place]:
    """At most `trees` tents that do not touch, each with a tree of its own."""
    free, pitched = set(places(side, side)), dict[Place, Place]()
    for tent in rng.sample(sorted(free), len(free)):
        beside = sorted(neighbours(tent, free - pitched.keys()))
        if len(pitched) < trees and tent in free and beside and not any(neighbours(tent, pitched, AROUND)):
            pitched[tent] = rng.choice(beside)
            free.remove(pitched[tent])
    return pitched


def completions(state: State) -> Iterator[Cells]:
    """The tents of every way to complete the board."""
    free = frozenset(allowed(state))
    trees = {tree: frozenset(neighbours(tree, free.union(state.where("A")))) for tree in state.where("T")}
    return paired(trees, free, frozenset(), (state.rows("a"), state.columns("a")))


def paired(trees: dict[Place, Cells], free: Cells, tents: Cells, room: Sequence[list[int]]) -> Iterator[Cells]:
    """`tents` and a tent for each of `trees` from its options; rows and columns have `room` for tents on `free`."""
    if not trees:
        yield tents
        return
    tree = min(trees, key=lambda t: len(trees[t]))
    for place in sorted(trees[tree]):
        now, blocked = tents | {place}, {place}
        if place in free:
            blocked.update(neighbours(place, free, AROUND))
            for axis, i in enumerate(place):
                line = {p for p in free if p[axis] == i}
                if len(line & now) == room[axis][i]:
                    blocked |= line
        rest = {other: some - blocked for other, some in trees.items() if other != tree}
        if all(rest.values()):
            yield from paired(rest, free, now, room)


def beside(state: State) -> list[Place]:
    """The cells with nothing on them that have a tree above, below, left or right."""
    trees = frozenset(state.where("T"))
    return [place for place in state.where("a.") if any(neighbours(place, trees))]


def allowed(state: State) -> list[Place]:
    """The cells that may take a tent now."""
    rows, columns, tents = state.rows("a"), state.columns("a"), frozenset(state.where("A"))
    return [p for p in beside(state) if rows[p[0]] and columns[p[1]] and not any(neighbours(p, tents, AROUND))]


def describe(state: State) -> str:
    """The board, T for trees and A for tents, and the totals."""
    board = [f"row {r + 1}: {' '.join(row.replace('a', '.'))}" for r, row in enumerate(state.cells)]
    rows, columns = (", ".join(map(str, counts)) for counts in (state.rows("Aa"), state.columns("Aa")))
    lines = "The board (T tree, A tent, . neither):", *board, f"Row totals: {rows}", f"Column totals: {columns}"
    return "\n".join(lines)


def tree(pen: ImageDraw.ImageDraw, s: float, leaves: RGB, trunk: RGB) -> None:
    """A round crown on a trunk."""
    pen.rectangle((s * 0.43, s * 0.6, s * 0.57, s * 0.98), trunk)
    pen.ellipse((s * 0.16, s * 0.02, s * 0.84, s * 0.7), leaves)


def tent(pen: ImageDraw.ImageDraw, s: float, canvas: RGB, door: RGB) -> None:
    """A triangle with an open door."""
    pen.polygon([(s * 0.5, s * 0.08), (s * 0.98, s * 0.92), (s * 0.02, s * 0.92)], canvas)
    pen.polygon([(s * 0.5, s * 0.4), (s * 0.66, s * 0.92), (s * 0.34, s * 0.92)], door)


def draw(state: State, style: Style) -> Image.Image:
    """The board, with the totals in boxes to the right and below."""
    from ludex.code2logic.draw import Canvas
    from ludex.code2logic.glyphs import square

    canvas, side = Canvas(style), len(state.cells)
    far = 554 - 522 // (side + 1)
    grid = canvas.grid(side, side, (6, 6, far, far))
    for r, c in state.where("T"):
        grid.put(r, c, tree, style.colour("green"), style.ink, scale=0.86)
    for r, c in state.where("A"):
        grid.put(r, c, tent, style.colour("orange"), style.ink, scale=0.86)
    totals = {(r, side): total for r, total in enumerate(state.rows("Aa"))}
    totals |= {(side, c): total for c, total in enumerate(state.columns("Aa"))}
    for (r, c), total in totals.items():
        grid.put(r, c, square, style.other, style.line, scale=0.8)
        grid.write(r, c, str(total), scale=0.44)
    return canvas.image


def trees(state: State) -> int:
    """The number of trees."""
    return len(state.where("T"))


game = Game(
    name="tents",
    rules=(
        "Tents. Each tree has one tent of its own in a cell directly above, below, left or right of it. No two tents "
        "touch, not even diagonally. The total of a row or column is the number of its tents once all stand. "
        "Some stand already, in their right places; there is one way to place the others. A cell may take a tent now "
        "if it has neither a tree nor a tent, a tree is directly above, below, left or right of it, none of the eight "
        "cells around it has a tent, and both its row and its column have fewer tents than their totals."
    ),
    legend="Trees are crowns on trunks, tents triangles with a door; boxed numbers, right and below, are the totals.",
    sizes={"easy": (7, 8), "medium": (10, 16), "hard": (13, 27)},
    start=start, draw=draw, describe=describe, measure=trees, measured="trees",
)  # fmt: skip


@game.question(kind="perception", qa_level="easy", number=0, wishes=range(4))
def tents_in_row(state: State, rng: random.Random, wish: int) -> Question | None:
    """How many tents stand in a row: 0, 1, 2 or 3 equally often."""
    rows = [r for r, count in enumerate(state.rows("A")) if count == wish]
    if not rows:
        return None
    row = rng.choice(rows)
    seen = listed(f"column {c + 1}" for r, c in state.where("A") if r == row)
    why = f"Row {row + 1} has tents in: {seen}. That is {wish}."
    return Question.fill(f"How many tents stand now in row {row + 1}?", wish, why, row=row + 1)


@game.question(kind="perception", qa_level="easy", number=3, wishes=range(4))
def missing_in_column(state: State, rng: random.Random, wish: int) -> Question | None:
    """How many tents a column still lacks: 0, 1, 2 or 3 equally often."""
    columns = [c for c, count in enumerate(state.columns("a")) if count == wish]
    if not columns:
        return None
    column = rng.choice(columns)
    total, standing = state.columns("Aa")[column], state.columns("A")[column]
    why = f"The total is {total} and {standing} stand: {total} - {standing} = {wish}."
    return Question.fill(f"How many tents are still missing in column {column + 1}?", wish, why, column=column + 1)


@game.question(kind="perception", qa_level="medium", number=4)
def missing(state: State, rng: random.Random) -> Question:
    """How many tents the board still lacks."""
    total, standing = trees(state), len(state.where("A"))  # a tent for each tree
    rows = " + ".join(map(str, state.rows("Aa")))
    why = f"The row totals are {rows} = {total} and {standing} tents stand: {total} - {standing} = {total - standing}."
    return Question.fill("How many tents are still missing on the whole board?", total - standing, why)


def by_row(cells: list[Place]) -> str:
    """The cells counted row by row, for the worked solution."""
    counts = {row: sum(r == row for r, _ in cells) for row in sorted({r for r, _ in cells})}
    found = ", ".join(f"{count} in row {row + 1}" for row, count in counts.items()) or "none"
    return f"Such cells: {found}; {len(cells)} in all."


@game.question(kind="prediction", qa_level="medium", number=5)
def cells_beside_trees(state: State, rng: random.Random) -> Question:
    """How many empty cells are beside a tree, whatever else the rules say."""
    cells = beside(state)
    text = "How many cells without a tree or tent have a tree directly above, below, left or right of them?"
    return Question.fill(f"{text} Leave the other rules aside.", len(cells), by_row(cells))


@game.question(kind="prediction", qa_level="hard", number=6)
def allowed_cells(state: State, rng: random.Random) -> Question:
    """How many cells may take a tent now."""
    cells = allowed(state)
    return Question.fill("How many cells may take a tent now?", len(cells), by_row(cells))


@game.question(kind="perception", qa_level="easy", number=8)
def tree_cell(state: State, rng: random.Random) -> Question:
    """A cell with a tree among cells with a tent, or with nothing."""
    right = at(*rng.choice(state.where("T")))
    near = [at(*place) for place in rng.sample(state.where("A"), min(3, len(state.where("A"))))]
    wrong = (at(*place) for place in state.where("a."))
    return Question.choice("Which of these cells has a tree?", right, wrong, f"A tree is at {right}.", near=near)


@game.question(kind="prediction", qa_level="medium", number=9)
def allowed_cell(state: State, rng: random.Random) -> Question | None:
    """A cell that may take a tent now, among others, as far as possible beside a tree too; no two in a line."""
    good = allowed(state)
    if not good:
        return None
    row, column = right = rng.choice(good)
    board = places(len(state.cells), len(state.cells))
    bad = [place for some in (beside(state), board) for place in rng.sample(some, len(some)) if place not in good]
    why = (
        f"{at(row, column)} is empty and beside a tree; it touches no tent; row {row + 1} still lacks "
        f"{state.rows('a')[row]}, column {column + 1} {state.columns('a')[column]}. Each other cell breaks a rule."
    )
    return Question.choice("Which of these cells may take a tent now?", at(*right), cells(scattered(right, bad)), why)
