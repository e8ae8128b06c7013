"""Rubik's cube: a real one, whose quarter turns are computed from where the stickers are in space.

Six of eight colours are put on the faces at random, so that one turn already makes
a quarter of a million pictures. Cells and counts are asked about on cubes of two,
four and six random turns; the colour among those that occur, or the number of
stickers, is drawn first. A cube to solve is exactly one, two or three quarter turns
away (every cube that near is kept in a table); one whose face is to be made uniform
needs as many, and its other layers are turned besides. Right and wrong move lists
come from one pool, so that the lists alone tell nothing.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

from ludex.code2logic.game import Game, Question, at
from ludex.code2logic.parts import cube

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Style

COLOURS = ("blue", "orange", "green", "yellow", "red", "purple", "light blue", "grey")
NET = {"U": (0, 1), "L": (1, 0), "F": (1, 1), "R": (1, 2), "B": (1, 3), "D": (2, 1)}  # row and column of faces


@dataclass(frozen=True)
class State:
    """The stickers.

    Attributes:
        colours: the colours of the middles of the faces U, L, F, R, B, D, in this order; they never move.
        stickers: 54 letters, nine a face in the same order, row by row as in the net; each is the letter of the
            face whose middle has the sticker's colour.
    """

    colours: tuple[str, ...]
    stickers: str

    def colour(self, index: int) -> str:
        """The colour of a sticker."""
        return self.colours[cube.FACES.index(self.stickers[index])]


def start(rng: random.Random, size: int) -> State:
    """Twice `size` random turns, no two of one face in a row."""
    return State(tuple(rng.sample(COLOURS, 6)), cube.after(cube.SOLVED, cube.turns(rng, 2 * size)))


def few(rng: random.Random, size: int) -> State:
    """A cube that `size` quarter turns solve, and no fewer."""
    return State(tuple(rng.sample(COLOURS, 6)), cube.after(cube.SOLVED, cube.backwards(rng.choice(cube.pool(size)))))


def describe(state: State) -> str:
    """The faces, row by row."""
    rows = [", ".join(state.colour(i + j) for j in range(3)) for i in range(0, 54, 3)]
    return "The faces, row by row:\n" + "\n".join(
        f"{f}: {' / '.join(rows[3 * i :][:3])}" for i, f in enumerate(cube.FACES)
    )


def draw(state: State, style: Style) -> Image.Image:
    """The net, each face a small grid with its letter in the middle."""
    from ludex.code2logic.draw import Canvas, contrast

    canvas = Canvas(style)
    for i, face in enumerate(cube.FACES):
        x, y = 2 + 138 * NET[face][1], 70 + 138 * NET[face][0]
        grid = canvas.grid(3, 3, (x, y, x + 138, y + 138))
        for j, (row, column) in enumerate(product(range(3), repeat=2)):
            grid.fill(row, column, style.colour(state.colour(9 * i + j)), style.ink)
        grid.write(1, 1, face, contrast(style.colour(state.colours[i])), 0.6)
    return canvas.image


def unlike(state: State) -> int:
    """Neighbouring stickers of one face whose colours differ."""
    s = state.stickers
    beside = sum(s[i] != s[i + 1] for i in range(54) if i % 3 < 2)
    return beside + sum(s[i] != s[i + 3] for i in range(54) if i % 9 < 6)


game = Game(
    name="rubiks-cube",
    rules=(
        "A Rubik's cube, unfolded: face U (up) lies above F (front), D (down) below it; L (left), F, R (right) and B "
        "(back) stand in a row, and folding them backwards joins B to L. The cells of a face are counted as they lie "
        "in the net: rows from the top, columns from the left. The middle of a face never moves. A letter means a "
        "quarter turn of that face clockwise, as seen by somebody who looks at the face from outside the cube; with "
        "a ' it is counter-clockwise. A list of turns is made from left to right. A cube is solved when every face "
        "has one colour."
    ),
    legend="The letter in the middle of a face names it; the numbers beside it count its own rows and columns.",
    sizes={"easy": 1, "medium": 2, "hard": 3},
    start=start, draw=draw, describe=describe, measure=unlike, measured="neighbouring stickers that differ",
)  # fmt: skip


def named(index: int) -> tuple[str, dict[str, Any]]:
    """A place in words, and as the question's parameters."""
    face, cell = cube.FACES[index // 9], at(index % 9 // 3, index % 3)
    return f"{cell} of face {face}", {"face": face, "cell": cell}


def shown(moves: cube.Moves) -> str:
    """A list of turns as an option; the brackets keep the last ' from passing for a quotation mark."""
    return f"[{', '.join(moves)}]"


@game.question(kind="perception", qa_level="easy", number=1)
def colour_at(state: State, rng: random.Random) -> Question:
    """The colour of a cell, each of the six equally often."""
    colour = rng.choice(state.colours)
    place, asked = named(rng.choice([i for i in range(54) if state.colour(i) == colour]))
    return Question.choice(f"Which colour is {place}?", colour, state.colours, f"It is {colour}.", **asked)


@game.question(kind="prediction", qa_level="medium", number=2)
def colour_after(state: State, rng: random.Random) -> Question:
    """The colour of a cell after one to five turns that bring another sticker there; colours equally often."""
    moves = cube.turns(rng, rng.randint(1, 5))
    came = {i: [i] for i in range(54)}
    for trail in came.values():
        for turn in reversed(moves):
            trail.append(cube.sources()[turn][trail[-1]])
    moved = {i: trail for i, trail in came.items() if trail[-1] != i}
    colour = rng.choice(sorted({state.colour(trail[-1]) for trail in moved.values()}))
    index = rng.choice([i for i, trail in moved.items() if state.colour(trail[-1]) == colour])
    place, asked = named(index)
    steps = zip(reversed(moves), moved[index][1:], strict=True)
    why = "; ".join(f"before {turn} it was at {named(i)[0]}" for turn, i in steps)
    text = f"Which colour is {place} after the turns {shown(moves)}?"
    why = f"The sticker that ends there, backwards: {why}, which is {colour}."
    return Question.choice(text, colour, state.colours, why, **asked, moves=moves)


@game.question(kind="prediction", qa_level="hard", number=3, start=few)
def face_uniform(state: State, rng: random.Random) -> Question | None:
    """The turns that give a face one colour, and no fewer do; the face and the one opposite are turned besides."""
    ways = cube.solutions().get(state.stickers, [()])
    way = rng.choice(ways)
    if not way:
        return None
    face = rng.choice([face for face in cube.FACES if way[-1][0] not in (face, cube.OPPOSITE[face])])
    spun = [turn for f in (face, cube.OPPOSITE[face]) for turn in rng.choice(((), (f,), (f + "'",), (f, f)))]
    mixed = cube.after(cube.SOLVED, [*spun, *cube.backwards(way)])
    shorter = [moves for length in range(len(way)) for moves in cube.pool(length, face)]
    if any(cube.uniform(cube.after(mixed, moves), face) for moves in shorter):
        return None
    others = rng.sample(cube.pool(len(way), face), 8 if len(way) == 1 else 20)
    wrong = [shown(moves) for moves in others if not cube.uniform(cube.after(mixed, moves), face)]
    right = shown(way)
    text = f"Which of these lists of turns gives face {face} one colour?"
    why = f"After {right} all nine cells of face {face} are {state.colours[cube.FACES.index(face)]}."
    return Question.choice(text, right, wrong, why, state=replace(state, stickers=mixed), face=face)


@game.question(kind="strategy", qa_level="hard", number=4, start=few)
def solve(state: State, rng: random.Random) -> Question | None:
    """The turns that solve the cube, among others of the same number."""
    ways = cube.solutions().get(state.stickers, [()])
    if ways == [()]:
        return None
    right = shown(rng.choice(ways))
    wrong = [shown(way) for way in rng.sample(cube.pool(len(ways[0])), 12) if way not in ways]
    why = f"After {right} every face has one colour; the others leave some face with several."
    return Question.choice("Which of these lists of turns solves the cube?", right, wrong, why)


@game.question(kind="perception", qa_level="easy", number=5, wishes=range(7))
def stickers_on(state: State, rng: random.Random, wish: int) -> Question | None:
    """The stickers of a colour on a face, none to six equally often."""
    counts = [state.stickers[9 * i : 9 * i + 9].count(letter) for i, letter in product(range(6), cube.FACES)]
    if wish not in counts:
        return None
    pair = rng.choice([pair for pair, count in enumerate(counts) if count == wish])
    face, colour = cube.FACES[pair // 6], state.colours[pair % 6]
    text = f"How many cells of face {face} are {colour}?"
    why = f"Face {face} has {wish} cells that are {colour}."
    return Question.choice(text, wish, range(10), why, face=face, colour=colour)
