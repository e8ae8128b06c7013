"""Checks ultra tic-tac-toe by coordinates: a small board is (row // 3, column // 3), a line a run in a direction."""

from __future__ import annotations

import random
from dataclasses import replace

BOX = [(r, c) for r in range(3) for c in range(3)]
ALL = [(r, c) for r in range(9) for c in range(9)]
DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))


def replay(moves):
    """The board by (row, column), "red" or "blue"; every move must be legal."""
    board, last = {}, None
    for i, cell in enumerate(moves):
        here = (cell // 9, cell % 9)
        assert last is None or here in choices(board, last), (i, here)
        board[here] = ("red", "blue")[i % 2]
        last = here
    return board, last


def choices(board, last):
    down, right = 3 * (last[0] % 3), 3 * (last[1] % 3)
    box = [(down + r, right + c) for r, c in BOX if (down + r, right + c) not in board]
    return box if box else [cell for cell in ALL if cell not in board]


def score(board, side, small):
    """The runs of three within the small board (row, column)."""
    mine = {(r - 3 * small[0], c - 3 * small[1]) for (r, c), who in board.items() if who == side}
    inside = mine & set(BOX)
    runs = [{(r + i * dr, c + i * dc) for i in range(3)} for r, c in BOX for dr, dc in DIRECTIONS]
    return sum(run <= inside for run in runs)


def total(board, side):
    return sum(score(board, side, small) for small in BOX)


def number(small):
    return 3 * small[0] + small[1] + 1


def zero(cell):
    return cell[0] - 1, cell[1] - 1


def piece_at(state, asked, answer):
    return replay(state["moves"])[0].get(zero(asked["cell"]), "empty") == answer


def legal_cells(state, asked, answer):
    return len(choices(*replay(state["moves"]))) == int(answer)


def marked_centres(state, asked, answer):
    board, _ = replay(state["moves"])
    return sum((r, c) in board for r in (1, 4, 7) for c in (1, 4, 7)) == int(answer)


def pieces_in_all(state, asked, answer):
    return len(replay(state["moves"])[0]) == int(answer)


def points_in_board(state, asked, answer):
    small = next(s for s in BOX if number(s) == asked["board"])
    return score(replay(state["moves"])[0], asked["side"], small) == int(answer)


def turn(moves):
    return ("red", "blue")[len(moves) % 2]


def next_board(state, asked, answer):
    assert turn(state["moves"]) == asked["side"]
    row, column = zero(asked["cell"])
    board, last = replay([*state["moves"], 9 * row + column])
    boards = {number((r // 3, c // 3)) for r, c in choices(board, last)}
    sent = number((row % 3, column % 3))
    return answer == (f"small board {sent}" if boards == {sent} else "any that has an empty cell")


def worth(board, last, side, other):
    """By whole scores before and after, for every legal move and every reply."""
    found = {}
    for cell in choices(board, last):
        after = {**board, cell: side}
        base = total(after, other)
        replies = [total({**after, reply: other}, other) - base for reply in choices(after, cell)]
        found[cell] = total(after, side) - total(board, side) - max(replies, default=0)
    return found


_kept: dict[tuple, dict] = {}  # of the last state only: a cell answer is tried at 256 cells


def best_cell(state, asked, answer):
    moves = tuple(state["moves"])
    if moves not in _kept:
        _kept.clear()
        side = turn(moves)
        assert side == asked["side"]
        _kept[moves] = worth(*replay(moves), side, "blue" if side == "red" else "red")
    found = _kept[moves]
    return found.get(zero(answer)) == max(found.values())


def sound(state):
    """Every move is legal (`replay` asserts it), and the game is not over."""
    board, _ = replay(state["moves"])
    return 0 < len(board) == len(state["moves"]) < 81


def variants(state, rng: random.Random):
    """A piece taken back, the last or any elsewhere, and (not visible) two moves of a side in another order."""
    moves, spare = state.moves, [cell for cell in range(81) if cell not in state.moves]
    yield replace(state, moves=moves[:-1])
    for cell in rng.sample(spare, 3):
        yield replace(state, moves=(*moves[:-1], cell))
        i = rng.randrange(len(moves))
        yield replace(state, moves=(*moves[:i], cell, *moves[i + 1 :]))
    for i, j in ((0, 2), (1, 3), (4, 6), (len(moves) - 1, len(moves) - 3)):
        swapped = list(moves)
        swapped[i], swapped[j] = swapped[j], swapped[i]
        yield replace(state, moves=tuple(swapped))
