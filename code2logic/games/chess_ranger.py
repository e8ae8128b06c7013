"""Chess ranger: every move takes a piece, and one piece shall be left.

Boards are made backwards from one piece: a piece returns to where it could have come from, and leaves a taken piece
behind, so that every one can be solved. That always takes a capture fewer than there are pieces; what is asked is
therefore how many captures are possible where some pieces are strangers, each number equally often. Levels are 4,
5 and 6-7 pieces, as in GameQA.
"""

from __future__ import annotations

import random
from itertools import permutations
from typing import TYPE_CHECKING

from ludex.code2logic.game import Game, Question, at, listed
from ludex.code2logic.parts.captures import (
    CELLS,
    KINDS,
    SIDE,
    Board,
    Move,
    Spot,
    State,
    board_of,
    captures,
    longest,
    solvable,
    state_of,
    take,
)  # fmt: skip

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Style

TRIES = 60  # strangers to try before another board is begun


def start(rng: random.Random, size: tuple[int, int]) -> State:
    """A board that can be solved, of any kinds."""
    return state_of(solvable(rng, rng.randint(*size), list(KINDS)))


def alike(rng: random.Random, size: tuple[int, int]) -> State:
    """The same, of one to three kinds."""
    return state_of(solvable(rng, rng.randint(*size), rng.sample(list(KINDS), rng.randint(1, 3))))


def mixed(rng: random.Random, size: tuple[int, int]) -> State:
    """A board with a drawn number of possible captures: a solvable one, and strangers."""
    wanted = rng.randrange(pieces := rng.randint(*size))
    while True:
        board = solvable(rng, wanted + 1, list(KINDS))
        for _ in range(TRIES):
            if len(board) == pieces:
                return state_of(board)
            more = {rng.choice(CELLS): rng.choice(list(KINDS))} | board
            if len(more) > len(board) and len(longest(more, {})) == wanted:
                board = more


def describe(state: State) -> str:
    """The board by letters."""
    signs = {spot: KINDS[kind][3] for spot, kind in board_of(state).items()}
    rows = (" ".join(signs.get((r, c), ".") for c in range(SIDE)) for r in range(SIDE))
    key = ", ".join(f"{letter} {kind}" for kind, (*_, letter) in KINDS.items())
    return f"The board ({key}, . empty):\n" + "\n".join(f"row {r + 1}: {row}" for r, row in enumerate(rows))


def draw(state: State, style: Style) -> Image.Image:
    """A chequered board with the usual signs."""
    from ludex.code2logic.draw import Canvas

    canvas = Canvas(style)
    grid = canvas.grid(SIDE, SIDE)
    for row, column in CELLS:
        grid.fill(row, column, style.other if (row + column) % 2 else style.cell)
    for row, column, kind in state.pieces:
        grid.write(row, column, KINDS[kind][2], scale=0.85)
    return canvas.image


def count(state: State) -> int:
    """The number of pieces."""
    return len(state.pieces)


game = Game(
    name="chess-ranger",
    rules=(
        "Chess ranger: chess pieces of one colour on eight by eight cells. Every move is a capture: a piece takes any "
        "other piece that it could take in chess, and then stands in its cell. Kings may be taken like any piece, "
        "and there is no check. Pawns take one cell diagonally upwards, towards row 1, and never change their kind. "
        "The puzzle is solved when a single piece is left."
    ),
    legend="The signs are those of chess: king with a cross, queen with a crown, rook as a tower, bishop as a mitre, "
    "knight as a horse, and the small pawn.",
    sizes={"easy": (4, 4), "medium": (5, 5), "hard": (6, 7)},
    start=start, draw=draw, describe=describe, measure=count, measured="pieces",
)  # fmt: skip


def told(board: Board, move: Move) -> str:
    """A capture in words."""
    return " takes ".join(f"the {board[spot]} at {at(*spot)}" for spot in move)


def series_told(board: Board, moves: list[Move]) -> str:
    """Captures in words, one after another."""
    said = []
    for move in moves:
        said.append(told(board, move))
        board = take(board, move)
    return "; ".join(said) or "no piece can take another"


@game.question(kind="prediction", qa_level="hard", number=1, start=mixed)
def most_captures(state: State, rng: random.Random) -> Question:
    """The length of a longest series of captures."""
    moves = longest(board := board_of(state), {})
    why = f"A longest series: {series_told(board, moves)}. It has {len(moves)} captures."
    return Question.fill("How many captures can be made one after another at most?", len(moves), why)


@game.question(kind="perception", qa_level="medium", number=2, start=alike)
def pieces_of_kind(state: State, rng: random.Random) -> Question:
    """The pieces of a kind that is there, each number equally often, and now and then of one that is not."""
    held = [kind for *_, kind in state.pieces]
    counts = {kind: held.count(kind) for kind in KINDS}
    n = 0 if rng.random() < 0.1 else rng.choice(sorted(set(counts.values()) - {0}))
    kind = rng.choice([kind for kind in KINDS if counts[kind] == n])
    cells = listed(at(row, column) for row, column, other in state.pieces if other == kind)
    why = f"Pieces of this kind are at: {cells}. That is {n}."
    return Question.fill(f"How many pieces of this kind are on the board: {kind}?", n, why, piece=kind)


@game.question(kind="perception", qa_level="easy", number=3)
def cell_of_piece(state: State, rng: random.Random) -> Question | None:
    """The cell of a piece that is the only one of its kind."""
    held = [kind for *_, kind in state.pieces]
    single = [piece for piece in state.pieces if held.count(piece[2]) == 1]
    if not single:
        return None
    row, column, kind = rng.choice(single)
    cell = at(row, column)
    return Question.fill(f"In which cell is the only {kind}?", cell, f"The {kind} is at {cell}.", piece=kind)


@game.question(kind="perception", qa_level="easy", number=4, options=7)
def piece_at(state: State, rng: random.Random) -> Question:
    """The kind in a cell, one time in seven an empty one."""
    board = board_of(state)
    spot = rng.choice([cell for cell in CELLS if cell not in board] if rng.random() < 1 / 7 else list(board))
    right = board.get(spot, "no piece")
    cell, why = at(*spot), f"At {at(*spot)}: {right}."
    return Question.choice(f"What stands at {cell}?", right, ["no piece", *KINDS], why, cell=cell)


@game.question(kind="strategy", qa_level="hard", number=5)
def first_capture(state: State, rng: random.Random) -> Question | None:
    """A first capture that leads to a solution, among some that do not and some that are not legal."""
    board, known = board_of(state), dict[frozenset[tuple[Spot, str]], list[Move]]()
    legal = captures(board)
    good = [move for move in legal if len(longest(take(board, move), known)) == len(board) - 2]
    worse = [move for move in legal if move not in good]
    if not worse:
        return None
    right = rng.choice(good)
    unable = [move for move in permutations(board, 2) if move not in legal]
    why = f"A solution: {series_told(board, [right, *longest(take(board, right), known)])}. One piece is left."
    text = "The puzzle can be solved. Which of these captures can be the first of a solution?"
    wrong, near = ([told(board, move) for move in moves] for moves in (unable, worse))
    return Question.choice(text, told(board, right), wrong, why, near=near)
