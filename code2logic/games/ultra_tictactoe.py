"""Ultra tic-tac-toe: nine small boards in one, and every move says in which of them the next is played.

States come from legal play, random but for a taste that some questions give the players, so that no answer is
frequent: to fill a drawn number of centres, or to complete lines; the number of legal cells is drawn among those
that the play passes through. Levels go by pieces, as in GameQA: 10-34, 35-59 and 60-78.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ludex.code2logic.game import Cell, Game, Question, at, listed, numbers

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Style

CORNERS = (0, 3, 6, 27, 30, 33, 54, 57, 60)  # top left cells of the small boards
BOARDS = tuple(tuple(corner + 9 * (p // 3) + p % 3 for p in range(9)) for corner in CORNERS)
WHERE = {cell: (b, p) for b, board in enumerate(BOARDS) for p, cell in enumerate(board)}  # small board, and place in it
LINES = ((0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6))
THROUGH = {cell: [[BOARDS[b][q] for q in line] for line in LINES if p in line] for cell, (b, p) in WHERE.items()}
SIDES = {"R": "red", "B": "blue", ".": "empty"}
Taste = Callable[[Sequence[str], list[int], str], list[int]]  # of the legal cells, those that a side prefers


@dataclass(frozen=True)
class State:
    """The cells in the order in which they were filled, counted from 0 row by row, nine a row; red began."""

    moves: tuple[int, ...]

    @property
    def mover(self) -> str:
        """Who moves next, "R" or "B"."""
        return "RB"[len(self.moves) % 2]


def cells(state: State) -> list[str]:
    """The 81 cells, each "R", "B" or "."."""
    board = ["."] * 81
    for i, cell in enumerate(state.moves):
        board[cell] = "RB"[i % 2]
    return board


def legal(board: Sequence[str], last: int) -> list[int]:
    """The cells that may be filled after `last`."""
    sent = [cell for cell in BOARDS[WHERE[last][1]] if board[cell] == "."]
    return sent or [cell for cell in range(81) if board[cell] == "."]


def gain(board: Sequence[str], cell: int, side: str) -> int:
    """The points that `side` makes by filling `cell`."""
    return sum(all(board[c] == side or c == cell for c in line) for line in THROUGH[cell])


def start(rng: random.Random, size: tuple[int, int], taste: Taste | None = None) -> State:
    """Legal play to a number of pieces in `size`, at random among the cells that a taste prefers."""
    board, moves, pieces = ["."] * 81, [rng.randrange(81)], rng.randint(*size)
    board[moves[0]] = "R"
    while len(moves) < pieces:
        side, free = "RB"[len(moves) % 2], legal(board, moves[-1])
        cell = rng.choice((taste(board, free, side) if taste else None) or free)
        board[cell] = side
        moves.append(cell)
    return State(tuple(moves))


def centred(rng: random.Random, size: tuple[int, int]) -> State:
    """Players who fill a drawn number of centres as soon as they can, and then avoid them."""
    wanted = rng.randint(0, 9)

    def taste(board: Sequence[str], free: list[int], side: str) -> list[int]:
        more = sum(board[small[4]] != "." for small in BOARDS) < wanted
        return [cell for cell in free if (WHERE[cell][1] == 4) == more]

    return start(rng, size, taste)


def scoring(rng: random.Random, size: tuple[int, int]) -> State:
    """One player completes lines where it can; the other sends it to the small board where it has most pieces."""
    keen = rng.choice("RB")

    def taste(board: Sequence[str], free: list[int], side: str) -> list[int]:
        sent = [[board[c] for c in BOARDS[WHERE[cell][1]]] for cell in free]
        sending = [small.count(keen) * ("." in small) for small in sent]
        worth = [gain(board, cell, keen) for cell in free] if side == keen else sending
        return [cell for cell, value in zip(free, worth, strict=True) if value == max(worth)]

    return start(rng, size, taste)


def passing(rng: random.Random, size: tuple[int, int]) -> State:
    """A position of random play in which the number of legal cells is any that the play passes through."""
    whole = start(rng, (size[1], size[1]))
    board, found = cells(whole), {}
    for pieces in range(size[1], size[0] - 1, -1):
        found[len(legal(board, whole.moves[pieces - 1]))] = pieces
        board[whole.moves[pieces - 1]] = "."
    return State(whole.moves[: found[rng.choice(sorted(found))]])


def name(cell: int) -> Cell:
    """The cell as people call it."""
    return at(*divmod(cell, 9))


def filled(state: State) -> int:
    """The number of pieces."""
    return len(state.moves)


def describe(state: State) -> str:
    """The board, R for red, B for blue and . for empty, with gaps between the small boards, and the last move."""
    board = "".join(cells(state))
    lines = [f"row {r + 1}: " + "  ".join(board[i : i + 3] for i in range(9 * r, 9 * r + 9, 3)) for r in range(9)]
    return "\n".join(["The board (R red, B blue, . empty):", *lines, f"The last move was {name(state.moves[-1])}."])


def draw(state: State, style: Style) -> Image.Image:
    """Discs for red, crosses for blue; small boards are shaded in turn, the last move is framed."""
    from ludex.code2logic.draw import Canvas
    from ludex.code2logic.glyphs import cross, disc

    canvas = Canvas(style)
    grid = canvas.grid(9, 9)
    for cell, content in enumerate(cells(state)):
        if WHERE[cell][0] % 2:
            grid.fill(*divmod(cell, 9), style.other)
        if content != ".":
            glyph = disc if content == "R" else cross
            grid.put(*divmod(cell, 9), glyph, style.colour(SIDES[content]), scale=0.6)
    for small in BOARDS:
        first, last = (grid.rectangle(*divmod(cell, 9)) for cell in (small[0], small[8]))
        canvas.pen.rectangle((*first[:2], *last[2:]), None, style.ink, 2)
    grid.frame(*divmod(state.moves[-1], 9), style.colour("orange"), 5)
    return canvas.image


game = Game(
    name="ultra-tictactoe",
    rules=(
        "Ultra tic-tac-toe: nine rows and nine columns of cells make nine small boards of three by three, numbered "
        "1 to 9 from left to right, then from top to bottom. Red begins in any cell, then the players take turns, each "
        "filling one empty cell with a piece. The place of a piece within its small board says where the other must "
        "play next: in the small board at the same place among the nine (after a top left cell in board 1, after a "
        "centre in board 5). If that board is full, any empty cell of the whole board is legal. Every row, column or "
        "diagonal of three equal pieces within a small board is a point; small boards are played on until full."
    ),
    legend="Red pieces are discs, blue pieces are crosses. The piece placed last has a frame around its cell.",
    sizes={"easy": (10, 34), "medium": (35, 59), "hard": (60, 78)},
    start=start, draw=draw, describe=describe, measure=filled, measured="pieces",
)  # fmt: skip


@game.question(kind="perception", qa_level="easy", number=1)
def piece_at(state: State, rng: random.Random) -> Question:
    """The content of a cell, each of the three kinds equally often."""
    board, content = cells(state), rng.choice("RB.")
    cell = rng.choice([i for i in range(81) if board[i] == content])
    text, right = f"What is in the cell at {name(cell)}?", SIDES[content]
    return Question.choice(text, right, SIDES.values(), f"The cell at {name(cell)} is {right}.", cell=name(cell))


@game.question(kind="perception", qa_level="easy", number=2, start=passing)
def legal_cells(state: State, rng: random.Random) -> Question:
    """The number of cells that may be filled next."""
    free, small = legal(cells(state), state.moves[-1]), WHERE[state.moves[-1]][1] + 1
    where = f"in small board {small}" if WHERE[free[0]][0] + 1 == small else f"anywhere, as board {small} is full"
    why = f"The last move, {name(state.moves[-1])}, sends to small board {small}. Legal are {len(free)} cells {where}."
    text = "How many cells may the player whose turn it is choose from?"
    return Question.choice(text, len(free), numbers(rng, len(free), low=1), why)


@game.question(kind="perception", qa_level="easy", number=3, options=9, start=centred)
def marked_centres(state: State, rng: random.Random) -> Question:
    """The small boards whose centre cell is filled."""
    board = cells(state)
    with_one = [b + 1 for b, small in enumerate(BOARDS) if board[small[4]] != "."]
    why = f"The centres of these small boards are filled: {listed(with_one)}. That is {len(with_one)}."
    return Question.choice("How many small boards have a piece in their centre cell?", len(with_one), range(10), why)


@game.question(kind="perception", qa_level="medium", number=4)
def pieces_in_all(state: State, rng: random.Random) -> Question:
    """The number of pieces of both players."""
    board, n = cells(state), filled(state)
    why = f"There are {board.count('R')} red and {board.count('B')} blue pieces, {n} in all."
    return Question.choice("How many pieces are on the whole board?", n, numbers(rng, n), why)


@game.question(kind="perception", qa_level="medium", number=5, options=4, start=scoring)
def points_in_board(state: State, rng: random.Random) -> Question | None:
    """The points of a player in a small board, 0 to 3, most drawn where they are rare."""
    board, wanted = cells(state), rng.choice((0, 1, 1, 2, 2, 2, 3, 3, 3))
    lines = {(b, s): sum(all(board[BOARDS[b][p]] == s for p in line) for line in LINES) for b in range(9) for s in "RB"}
    found = [(b, side) for (b, side), points in lines.items() if points == wanted]
    if not found:
        return None
    small, side = rng.choice(found)
    text = f"How many points has {SIDES[side]} in small board {small + 1}?"
    why = f"In small board {small + 1}, {SIDES[side]} fills {wanted} of the eight rows, columns and diagonals."
    return Question.choice(text, wanted, range(4), why, board=small + 1, side=SIDES[side])


@game.question(kind="prediction", qa_level="hard", number=6, options=10)
def next_board(state: State, rng: random.Random) -> Question:
    """The small board to which a legal move sends the other player."""
    board, side = cells(state), SIDES[state.mover]
    small = WHERE[cell := rng.choice(legal(board, state.moves[-1]))][1]
    anywhere, each = "any that has an empty cell", [f"small board {b}" for b in range(1, 10)]
    full = all(board[c] != "." or c == cell for c in BOARDS[small])
    right = anywhere if full else each[small]
    text = f"It is {side}'s turn, and {side} fills {name(cell)}. In which small board must the other player then play?"
    why = f"{name(cell)} has place {small + 1} in its small board; board {small + 1} is {'' if full else 'not '}full"
    return Question.choice(text, right, [anywhere, *each], f"{why}: {right}.", cell=name(cell), side=side)


def margins(board: list[str], last: int, side: str) -> dict[int, int]:
    """For each legal cell the points it makes, less the most that the other side can make with the reply."""
    other, found = "B" if side == "R" else "R", {}
    for cell in legal(board, last):
        made, board[cell] = gain(board, cell, side), side
        found[cell] = made - max((gain(board, reply, other) for reply in legal(board, cell)), default=0)
        board[cell] = "."
    return found


@game.question(kind="strategy", qa_level="hard", number=7)
def best_cell(state: State, rng: random.Random) -> Question | None:
    """The cell of the best margin, where at most a third of the legal cells have it."""
    found, side = margins(cells(state), state.moves[-1], state.mover), SIDES[state.mover]
    top = max(found.values())
    good = [cell for cell, margin in found.items() if margin == top]
    if 3 * len(good) > len(found):
        return None
    text = (
        f"It is {side}'s turn. Call the worth of a move the points that it makes at once, less the most points that "
        "the other player can make with the next move. Which legal move has the greatest worth?"
    )
    worth = "; ".join(f"{name(cell)}: {margin}" for cell, margin in list(found.items())[:12])
    why = f"Worth of legal moves: {worth}. The greatest is {top}, by {listed(map(name, good))}."
    return Question.fill(text, name(good[0]), why, also=[name(cell) for cell in good[1:]], side=side)
