"""Checks chess ranger by who attacks whom (geometry, and the cells between), and by sets of boards."""

from __future__ import annotations

import re
from dataclasses import replace

KINDS = ("king", "queen", "rook", "bishop", "knight", "pawn")


def board_of(state):
    return {(row + 1, column + 1): kind for row, column, kind in state["pieces"]}


def between(a, b):
    """The cells strictly between two of a row, column or diagonal."""
    n = max(abs(b[0] - a[0]), abs(b[1] - a[1]))
    return [(a[0] + (b[0] - a[0]) * i // n, a[1] + (b[1] - a[1]) * i // n) for i in range(1, n)]


def takes(board, a, b):
    """Whether the piece at `a` can take the one at `b`."""
    down, right = b[0] - a[0], b[1] - a[1]
    far, near = max(abs(down), abs(right)), min(abs(down), abs(right))
    straight, diagonal = near == 0, near == far
    clear = (straight or diagonal) and not any(cell in board for cell in between(a, b))
    return {
        "king": far == 1,
        "knight": (far, near) == (2, 1),
        "pawn": (down, abs(right)) == (-1, 1),
        "rook": straight and clear,
        "bishop": diagonal and clear,
        "queen": clear,
    }[board[a]]


def after(board, a, b):
    left = {cell: kind for cell, kind in board.items() if cell not in (a, b)}
    return {**left, b: board[a]}


def depth(board):
    """The most captures: the boards after one capture, after two, and so on until there are none."""
    layer, n = {frozenset(board.items())}, -1
    while layer:
        boards = [dict(items) for items in layer]
        layer = {frozenset(after(x, a, b).items()) for x in boards for a in x for b in x if a != b and takes(x, a, b)}
        n += 1
    return n


def most_captures(state, asked, answer):
    return depth(board_of(state)) == int(answer)


def pieces_of_kind(state, asked, answer):
    return [kind for *_, kind in state["pieces"]].count(asked["piece"]) == int(answer)


def cell_of_piece(state, asked, answer):
    board = board_of(state)
    return [cell for cell, kind in board.items() if kind == asked["piece"]] == [tuple(answer)]


def piece_at(state, asked, answer):
    return board_of(state).get(tuple(asked["cell"]), "no piece") == answer


def first_capture(state, asked, answer):
    form = r"the (\w+) at row (\d), column (\d) takes the (\w+) at row (\d), column (\d)"
    taker, r, c, taken, down, right = re.fullmatch(form, answer).groups()
    board, a, b = board_of(state), (int(r), int(c)), (int(down), int(right))
    assert (board[a], board[b]) == (taker, taken)
    return takes(board, a, b) and depth(after(board, a, b)) == len(board) - 2


def sound(state):
    """Four to seven pieces in cells of their own."""
    board = board_of(state)
    inside = all(1 <= row <= 8 and 1 <= column <= 8 for row, column in board)
    return 4 <= len(board) == len(state["pieces"]) <= 7 and inside and set(board.values()) <= set(KINDS)


def variants(state, rng):
    """A piece gone, elsewhere, or of another kind."""
    held = {(row, column) for row, column, _ in state.pieces}
    free = [(row, column) for row in range(8) for column in range(8) if (row, column) not in held]
    for i, (row, column, kind) in enumerate(state.pieces):
        rest = state.pieces[:i] + state.pieces[i + 1 :]
        yield replace(state, pieces=rest)
        yield replace(state, pieces=tuple(sorted((*rest, (*rng.choice(free), kind)))))
        for other in KINDS:
            if other != kind:
                yield replace(state, pieces=tuple(sorted((*rest, (row, column, other)))))
