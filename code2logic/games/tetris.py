"""Tetris: a falling piece over a stack of settled cells, on GameQA's boards of 8, 12 and 16 rows and columns.

Stacks are ragged, with holes and no full row; the four topmost rows are free. A place for a piece is cut into the
stack and some rows are filled beside it, so that a piece can complete at most 0, 1, 2, 3 or 4 rows, each equally often.
In play every piece adds four cells and every full row takes 8, 12 or 16: settled cells are a multiple of four here too.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from ludex.code2logic.game import Game, Question, cells, listed
from ludex.code2logic.parts.grids import Place, places

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Style

Piece = tuple[Place, ...]

SHAPES = {"I": "XXXX", "O": "XX/XX", "T": ".X./XXX", "S": ".XX/XX.", "Z": "XX./.XX", "J": "X../XXX", "L": "..X/XXX"}
NONE = "no piece is falling"
SIDES = {"left": -1, "right": 1}
TOP = 4  # rows without settled cells, where any piece can be turned


@dataclass(frozen=True)
class State:
    """A square board; rows and columns are counted from 0 at the top left.

    Attributes:
        rows: the settled cells, row by row from the top: "#" is settled, "." is any other cell.
        piece: row and column of each of the falling piece's four cells, sorted; empty if no piece is falling.
    """

    rows: tuple[str, ...]
    piece: Piece


@cache
def at_top(shape: str, size: int) -> list[Piece]:
    """A shape at the top of a board, in every form and column."""
    lines, pieces = SHAPES[shape].split("/"), []
    for _ in range(4):
        xs = [(r, c) for r, line in enumerate(lines) for c, cell in enumerate(line) if cell == "X"]
        pieces += [tuple((r, c + shift) for r, c in xs) for shift in range(size - len(lines[0]) + 1)]
        lines = ["".join(column) for column in zip(*lines[::-1], strict=True)]
    return list(dict.fromkeys(pieces))


def lowered(piece: Piece, rows: int) -> Piece:
    """A piece so many rows further down."""
    return tuple((row + rows, column) for row, column in piece)


def start(rng: random.Random, size: int) -> State:
    """A stack, and a piece that has fallen by any number of rows."""
    state = deal(rng, size, rng.choice(list(SHAPES)), rng.randint(0, 2))
    return replace(state, piece=lowered(state.piece, rng.randint(0, drop(state.rows, state.piece))))


def deal(rng: random.Random, size: int, shape: str, wanted: int) -> State:
    """A piece at the top, and a ragged stack with a place where it can probably complete `wanted` rows."""
    place = rng.choice([piece for piece in at_top(shape, size) if piece[-1][0] >= wanted - 1])
    lowest = size - 1 - place[-1][0]
    place = lowered(place, rng.randint(max(TOP, lowest - size // 3), lowest))
    filled = sorted({row for row, _ in place}, reverse=True)[:wanted]
    foot, top = (place[-1][0] + 1, place[-1][1]), size - rng.randint(size // 4 + 1, size // 2)
    tops = [top + rng.randint(0, 2) for _ in range(size)]
    holes = rng.choices(sorted({*range(size)} - {column for _, column in place}), k=size)
    stack = {(r, c) for r, c in places(size, size) if r >= tops[c] and c != holes[r] and rng.random() < 0.9}
    stack |= {(row, c) for row in filled for c in range(size)}
    stack -= {(r, column) for row, column in place for r in range(row + 1)}
    stack |= {foot} - {(size, foot[1])}
    loose = sorted(cell for cell in stack if cell[0] not in filled and cell != foot)
    stack -= set(rng.sample(loose, min(len(loose), len(stack) % 4)))
    rows = tuple("".join("#" if (r, c) in stack else "." for c in range(size)) for r in range(size))
    made = State(rows, rng.choice(at_top(shape, size)))
    return made if len(stack) % 4 == 0 else deal(rng, size, shape, wanted)  # too few loose cells


def drop(rows: tuple[str, ...], piece: Piece) -> int:
    """How many rows a piece falls until it locks."""
    below = {c: "".join(row[c] for row in rows) + "#" for _, c in piece}
    return min(below[c].index("#", r + 1) - r - 1 for r, c in piece)


def completed(rows: tuple[str, ...], piece: Piece) -> list[int]:
    """The rows that a locked piece fills, counted from 1."""
    held = [row for row, _ in piece]
    return [row + 1 for row in sorted(set(held)) if rows[row].count(".") == held.count(row)]


def describe(state: State) -> str:
    """The board."""
    lines = ("".join("@" if (r, c) in state.piece else x for c, x in enumerate(s)) for r, s in enumerate(state.rows))
    board = "\n".join(f"row {r}: {line}" for r, line in enumerate(lines, 1))
    return f"The board (# settled, @ falling piece, . empty):\n{board}"


def draw(state: State, style: Style) -> Image.Image:
    """Settled cells are filled, those of the piece have discs."""
    from ludex.code2logic.draw import Canvas
    from ludex.code2logic.glyphs import disc, square

    canvas, size = Canvas(style), len(state.rows)
    grid = canvas.grid(size, size)
    for row, column in places(size, size):
        if state.rows[row][column] == "#":
            grid.fill(row, column, style.solid)
    for row, column in state.piece:
        grid.put(row, column, square, style.colour("orange"), scale=0.95)
        grid.put(row, column, disc, (0, 0, 0), scale=0.35)
    return canvas.image


def settled(state: State) -> int:
    """The number of settled cells."""
    return sum(row.count("#") for row in state.rows)


game = Game(
    name="tetris",
    rules=(
        "Tetris. A piece of four cells falls straight down over a board of settled cells and locks where the floor or "
        "a settled cell is directly below one of its cells. It moves one column to the left or right if all its cells "
        "then are on empty cells of the board; otherwise it stays in its columns. A locked piece completes each row in "
        "which it leaves no cell empty. Pieces may be turned by quarter turns but never mirrored. They are, row by row "
        f"with X for a cell: {', '.join(f'{name} {rows}' for name, rows in SHAPES.items())}."
    ),
    legend="Plain filled cells are settled. The four cells with a disc are the falling piece.",
    sizes={"easy": 8, "medium": 12, "hard": 16},
    start=start, draw=draw, describe=describe, measure=settled, measured="settled cells",
)  # fmt: skip


@game.question(kind="perception", qa_level="easy", number=0)
def empty_cells(state: State, rng: random.Random) -> Question:
    """A row that is not empty; each number that occurs equally often."""
    held = [row for row, _ in state.piece]
    empty = {r: row.count(".") - held.count(r) for r, row in enumerate(state.rows)}
    count = rng.choice(sorted({*empty.values()} - {len(empty)}))
    row = rng.choice([r for r in empty if empty[r] == count])
    text = f"How many cells of row {row + 1} are empty, neither settled nor part of the falling piece?"
    why = f"{state.rows[row].count('#')} of {len(empty)} are settled, {held.count(row)} the piece's: {count} are empty."
    return Question.fill(text, count, why, row=row + 1)


@game.question(kind="perception", qa_level="easy", number=1, wishes=(*SHAPES, NONE))
def piece_shape(state: State, rng: random.Random, wish: str) -> Question | None:
    """Each piece, and none, equally often."""
    shown = replace(state, piece=()) if wish == NONE else state
    if shown.piece and lowered(state.piece, -state.piece[0][0]) not in at_top(wish, len(state.rows)):
        return None
    why = f"The piece covers {listed(f'({cell})' for cell in cells(shown.piece))}: {wish}."
    return Question.choice("Which piece is falling?", wish, (*SHAPES, NONE), why, state=shown)


@game.question(kind="prediction", qa_level="medium", number=2)
def rows_to_fall(state: State, rng: random.Random) -> Question | None:
    """A step to a side, then the fall; a blocked step is mostly passed over."""
    side = rng.choice(list(SIDES))
    there = tuple((row, column + SIDES[side]) for row, column in state.piece)
    free = all(0 <= c < len(state.rows) and state.rows[r][c] == "." for r, c in there)
    if not free and rng.random() < 0.7:
        return None
    rows = drop(state.rows, piece := there if free else state.piece)
    text = f"The falling piece first moves one column to the {side}. How many rows does it then fall until it locks?"
    end = listed(f"({cell})" for cell in cells(lowered(piece, rows)))
    why = f"It {'moves' if free else 'cannot move'}, and then falls {rows} rows and locks at {end}."
    return Question.fill(text, rows, why, side=side)


@game.question(kind="strategy", qa_level="hard", number=3, wishes=range(TOP + 1))
def most_rows(state: State, rng: random.Random, wish: int) -> Question | None:
    """A stack of its own, on which a piece can complete as many rows as wished for."""
    size = len(state.rows)
    shape = rng.choice([shape for shape in SHAPES if any(piece[-1][0] >= wish - 1 for piece in at_top(shape, size))])
    shown = deal(rng, size, shape, wish)
    landed = [lowered(piece, drop(shown.rows, piece)) for piece in at_top(shape, size)]
    best = max(landed, key=lambda piece: len(completed(shown.rows, piece)))
    rows = completed(shown.rows, best)
    text = "The piece may first be turned and moved along the top at will. How many rows can it complete at most?"
    place = listed(f"({cell})" for cell in cells(best))
    why = f"No place is better than {place}, where it completes these rows: {listed(rows)}. That is {wish}."
    return Question.fill(text, wish, why, state=shown) if len(rows) == wish else None
