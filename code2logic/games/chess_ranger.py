"""Chess ranger: every move takes a piece, and one piece shall be left.

Boards are made backwards from one piece: a piece returns to where it could have come from, and leaves a taken piece
behind, so that every one can be solved. That always takes a capture fewer than there are pieces; what is asked is
therefore how many captures are possible where some pieces are strangers, each number equally often. Levels are 4,
5 and 6-7 pieces, as in GameQA.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

from ludex.code2logic.game import Game, Question, at, listed

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Style

Spot = tuple[int, int]
Board = dict[Spot, str]
Move = tuple[Spot, Spot]

SIDE = 8
CELLS = [(row, column) for row in range(SIDE) for column in range(SIDE)]
TRIES = 60  # strangers to try before another board is begun
STRAIGHT = ((-1, 0), (1, 0), (0, -1), (0, 1))
DIAGONAL = ((-1, -1), (-1, 1), (1, -1), (1, 1))
LEAPS = tuple((r, c) for r in (-2, -1, 1, 2) for c in (-2, -1, 1, 2) if abs(r) != abs(c))
KINDS = {  # how each takes: the directions, how far, the sign and the letter
    "king": (STRAIGHT + DIAGONAL, 1, "♚", "K"),
    "queen": (STRAIGHT + DIAGONAL, SIDE, "♛", "Q"),
    "rook": (STRAIGHT, SIDE, "♜", "R"),
    "bishop": (DIAGONAL, SIDE, "♝", "B"),
    "knight": (LEAPS, 1, "♞", "N"),
    "pawn": (((-1, -1), (-1, 1)), 1, "♟", "P"),
}


@dataclass(frozen=True)
class State:
    """Row, column (from 0 at the top left) and kind of each piece, sorted."""

    pieces: tuple[tuple[int, int, str], ...]


def board_of(state: State) -> Board:
    """The kinds by cell."""
    return {(row, column): kind for row, column, kind in state.pieces}


def state_of(board: Board) -> State:
    """The other way round."""
    return State(tuple(sorted((*spot, kind) for spot, kind in board.items())))


def ray(spot: Spot, direction: Spot, reach: int) -> Iterator[Spot]:
    """The cells of the board from a cell in a direction, nearest first."""
    for far in range(1, reach + 1):
        row, column = spot[0] + far * direction[0], spot[1] + far * direction[1]
        if not (0 <= row < SIDE and 0 <= column < SIDE):
            return
        yield row, column


def captures(board: Board) -> list[Move]:
    """Every capture, as the cells of the taker and of the taken."""
    found = []
    for spot, kind in board.items():
        directions, reach = KINDS[kind][:2]
        hits = (next((cell for cell in ray(spot, d, reach) if cell in board), None) for d in directions)
        found += [(spot, hit) for hit in hits if hit]
    return found


def take(board: Board, move: Move) -> Board:
    """The board after a capture."""
    return {spot: kind for spot, kind in board.items() if spot != move[0]} | {move[1]: board[move[0]]}


def longest(board: Board, known: dict[frozenset[tuple[Spot, str]], list[Move]]) -> list[Move]:
    """A longest series of captures; `known` keeps those of boards met before."""
    key = frozenset(board.items())
    if key not in known:
        best: list[Move] = []
        for move in captures(board):
            series = [move, *longest(take(board, move), known)]
            best = max(best, series, key=len)
            if len(best) == len(board) - 1:  # one piece is left
                break
        known[key] = best
    return known[key]


def solvable(rng: random.Random, pieces: int, kinds: list[str]) -> Board:
    """A board that can be solved, made backwards."""
    board: Board = {}
    while len(board) < pieces:
        if not board or rng.random() < 0.05:  # some boards cannot go on, such as a pawn in the last row
            board = {rng.choice(CELLS): rng.choice(kinds)}
            continue
        spot, kind = rng.choice(list(board.items()))
        directions, reach = KINDS[kind][:2]
        row, column = rng.choice(directions)
        way = [*ray(spot, (-row, -column), reach)]
        if origins := way[: next((i for i, cell in enumerate(way) if cell in board), len(way))]:
            board |= {rng.choice(origins): kind, spot: rng.choice(kinds)}
    return board


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
