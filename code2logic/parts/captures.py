"""Pieces that take each other: chess ranger's boards, captures, longest series, and boards that can be solved."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

Spot = tuple[int, int]
Board = dict[Spot, str]
Move = tuple[Spot, Spot]

SIDE = 8
CELLS = [(row, column) for row in range(SIDE) for column in range(SIDE)]
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
