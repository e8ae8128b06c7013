"""Checks Tetris with sets of complex numbers (column + row * 1j) that move cell by cell."""

from __future__ import annotations

from dataclasses import replace

FORMS = {  # one form of each piece, drawn here anew
    "I": "####",
    "O": "##|##",
    "T": "###|.#.",
    "S": "#.|##|.#",
    "Z": ".#|##|#.",
    "J": ".#|.#|##",
    "L": "#.|#.|##",
}


def points(picture):
    lines = picture if isinstance(picture, list) else picture.split("|")
    return {complex(c, r) for r, line in enumerate(lines) for c, sign in enumerate(line) if sign == "#"}


def home(piece):
    """A piece at the top left."""
    corner = complex(min(p.real for p in piece), min(p.imag for p in piece))
    return frozenset(p - corner for p in piece)


def quarters(piece):
    """A piece in its four positions; multiplying by i turns it."""
    return {home({p * 1j**k for p in piece}) for k in range(4)}


class Board:
    def __init__(self, state):
        self.size, self.settled = len(state["rows"]), points(state["rows"])
        self.piece = {complex(c, r) for r, c in state["piece"]}

    def free(self, piece):
        inside = all(0 <= p.real < self.size and 0 <= p.imag < self.size for p in piece)
        return inside and not piece & self.settled

    def fallen(self, piece):
        """The piece where it locks, and the steps."""
        steps = 0
        while self.free({p + 1j for p in piece}):
            piece, steps = {p + 1j for p in piece}, steps + 1
        return piece, steps

    def full(self, cells):
        return [r for r in range(self.size) if all(complex(c, r) in cells for c in range(self.size))]


def empty_cells(state, asked, answer):
    board, row = Board(state), asked["row"] - 1
    return sum(complex(c, row) not in board.settled | board.piece for c in range(board.size)) == int(answer)


def piece_shape(state, asked, answer):
    piece = Board(state).piece
    if not piece:
        return answer == "no piece is falling"
    return answer in FORMS and home(piece) in quarters(points(FORMS[answer]))


def rows_to_fall(state, asked, answer):
    board = Board(state)
    there = {p + {"left": -1, "right": 1}[asked["side"]] for p in board.piece}
    return board.fallen(there if board.free(there) else board.piece)[1] == int(answer)


def most_rows(state, asked, answer):
    board, most = Board(state), 0
    assert min(p.imag for p in board.piece) == 0
    for form in quarters(board.piece):
        for left in range(board.size):
            piece = {p + left for p in form}
            if board.free(piece):
                most = max(most, len(board.full(board.fallen(piece)[0] | board.settled)))
    return most == int(answer)


def sound(state):
    """No row is full, pieces turn freely in four rows, and cells in play are four a piece less the rows completed."""
    board = Board(state)
    return (
        board.size in (8, 12, 16)
        and all(len(row) == board.size and set(row) <= {"#", "."} for row in state["rows"])
        and not board.full(board.settled)
        and all(p.imag >= 4 for p in board.settled)
        and len(board.settled) % 4 == 0
        and (not board.piece or sum(home(board.piece) in quarters(points(form)) for form in FORMS.values()) == 1)
        and all(board.free({p - k * 1j for p in board.piece}) for k in range(height(board.piece)))
    )


def height(piece):
    """The rows that a piece has fallen so far, and one."""
    return int(min(p.imag for p in piece)) + 1 if piece else 0


def variants(state, rng):
    """Every cell below the piece settled or not, the piece elsewhere, of another shape, or gone."""
    low = max(r for r, _ in state.piece)
    for r in range(low + 1, len(state.rows)):
        for c, cell in enumerate(state.rows[r]):
            row = state.rows[r][:c] + ("." if cell == "#" else "#") + state.rows[r][c + 1 :]
            yield replace(state, rows=(*state.rows[:r], row, *state.rows[r + 1 :]))
    yield replace(state, piece=tuple((r, c) for r, c in ((0, 0), (0, 1), (0, 2), (1, 1))))
    yield replace(state, piece=((0, 0), (0, 1), (1, 0), (1, 1)))
