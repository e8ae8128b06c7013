"""Dice roll: a die is tipped over its edges from cell to cell of a board.

The die lies in any of its 24 positions. Levels: a path of 3-4 rolls on 4x4 cells, 6-7 on 5x5 and 10-12 on 6x6; it
never crosses itself. Lists of rolls to choose from all end in the cell
asked for; the number of fewest rolls is drawn first.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import accumulate, permutations, product
from typing import TYPE_CHECKING

from ludex.code2logic.game import Game, Question, at, numbers
from ludex.code2logic.parts.grids import STEPS, Place, beside, places

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Style

Die = tuple[int, int, int]  # the numbers on top, in front and on the right

FACES = ("top", "front", "right", "bottom", "back", "left")
FEWEST = range(2, 7)  # numbers of rolls asked for


@dataclass(frozen=True)
class State:
    """A die on a board, and the path that it is about to roll.

    Attributes:
        side: rows and columns of the board.
        place: (row, column) of the die, from 0.
        die: its numbers on top, in front (towards the last row) and on the right; opposite faces add to 7.
        path: the rolls, each "up" (a row up), "down", "left" or "right".
    """

    side: int
    place: Place
    die: Die
    path: tuple[str, ...]


def start(rng: random.Random, size: tuple[int, int, int]) -> State:
    """A path that never crosses itself on a board of a side, with a number of rolls between two (`size`)."""
    side, *few = size
    wanted, board = rng.randint(*few), set(places(side, side))
    rolls = rng.choices(tuple(STEPS), k=rng.choice((12, 13)))  # an even number reaches half of the 24 positions
    while True:
        state = State(side, rng.choice(sorted(board)), rolled((1, 2, 3), rolls)[-1], ())
        while len(state.path) < wanted and (free := onward(state, board)):
            state = replace(state, path=(*state.path, rng.choice(free)))
        if len(state.path) == wanted:
            return state


def onward(state: State, board: set[Place]) -> list[str]:
    """The rolls from the end of the path to a cell that it has not met."""
    seen = trail(state)
    return [name for name, step in STEPS.items() if beside(seen[-1], step) in board.difference(seen)]


def roll(die: Die, name: str) -> Die:
    """The die after it is tipped over an edge."""
    top, front, right = die
    if name in ("left", "right"):
        return (right, front, 7 - top) if name == "left" else (7 - right, front, top)
    return (front, 7 - top, right) if name == "up" else (7 - front, top, right)


def rolled(die: Die, path: Iterable[str]) -> list[Die]:
    """The die before the first roll and after each."""
    return list(accumulate(path, roll, initial=die))


def trail(state: State) -> list[Place]:
    """The cells of the path."""
    return list(accumulate((STEPS[name] for name in state.path), beside, initial=state.place))


def describe(state: State) -> str:
    """The die, where it lies, and its path."""
    lies = "The die lies at {}, with {} on top, {} in front and {} on the right.".format(at(*state.place), *state.die)
    return f"A board of {state.side} by {state.side} cells. {lies} Its path: {', '.join(state.path)}."


def draw(state: State, style: Style) -> Image.Image:
    """The die above, and the board with the path below."""
    from ludex.code2logic.draw import Canvas
    from ludex.code2logic.glyphs import disc
    from ludex.code2logic.parts.solids import pips, solid

    canvas = Canvas(style)
    marks = {face: (pips, ((20, 20, 20), n)) for face, n in zip(FACES, state.die, strict=False)}
    solid(canvas, (230, 58), 92, (255, 255, 255), (90, 90, 90), marks)
    for place, word, anchor in (((246, 30), "top", "rm"), ((222, 104), "front", "rm"), ((378, 80), "right", "lm")):
        canvas.text(place, word, 20, anchor=anchor)
    grid = canvas.grid(state.side, state.side, (60, 158, 500, 556))
    centres = [grid.centre(*place) for place in trail(state)]
    canvas.pen.line(centres[:-1], style.colour("blue"), 8, "curve")
    canvas.arrow(centres[-2], centres[-1], style.colour("blue"), 8)
    grid.put(*state.place, disc, style.colour("orange"), style.ink, scale=0.5)
    return canvas.image


def length(state: State) -> int:
    """The number of rolls."""
    return len(state.path)


game = Game(
    name="dice-roll",
    rules=(
        "A die lies on one cell of a board and is rolled: tipped over one of its lower edges onto the next cell up, "
        "down, left or right. Opposite faces of the die add to 7. Its front looks down the board, towards the last "
        "row; its left and right are those of the board. Before the first roll it lies at the start of its path."
    ),
    legend="The die is shown above, before the first roll. A disc marks its cell; a line with an arrow is its path.",
    sizes={"easy": (4, 3, 4), "medium": (5, 6, 7), "hard": (6, 10, 12)},
    start=start, draw=draw, describe=describe, measure=length, measured="rolls",
)  # fmt: skip


@game.question(kind="perception", qa_level="easy")
def number_on(state: State, rng: random.Random) -> Question:
    """The number of a face before the first roll, seen or hidden."""
    face = rng.choice(FACES)
    right = (state.die + tuple(7 - n for n in state.die))[FACES.index(face)]
    why = f"The face opposite has {7 - right}, so {face} has {right}."
    text = f"Before the first roll, which number is on the {face} face?"
    return Question.choice(text, right, range(1, 7), why, face=face)


@game.question(kind="prediction", qa_level="medium")
def top_after(state: State, rng: random.Random) -> Question:
    """The number on top at the end of the path."""
    tops = [die[0] for die in rolled(state.die, state.path)]
    why = f"From the start to the end these are on top: {', '.join(map(str, tops))}. So it is {tops[-1]}."
    return Question.choice("Which number is on top at the end of the path?", tops[-1], range(1, 7), why)


@game.question(kind="prediction", qa_level="hard")
def sum_of_tops(state: State, rng: random.Random) -> Question:
    """The numbers on top in all cells of the path, added."""
    tops = [die[0] for die in rolled(state.die, state.path)]
    text = "Add the numbers that are on top in each cell of the path, its start and its end included. What is the sum?"
    return Question.choice(text, sum(tops), numbers(rng, sum(tops)), f"{' + '.join(map(str, tops))} = {sum(tops)}.")


@game.question(kind="strategy", qa_level="medium")
def which_rolls(state: State, rng: random.Random) -> Question | None:
    """The list of rolls that brings a number on top in a cell, among lists that all end in that cell."""
    row, column = rng.choice(places(state.side, state.side))
    down, across = row - state.place[0], column - state.place[1]
    if not (down and across and 3 <= abs(down) + abs(across) <= 5):
        return None
    rolls = ["down" if down > 0 else "up"] * abs(down) + ["right" if across > 0 else "left"] * abs(across)
    tops = {way: rolled(state.die, way)[-1][0] for way in sorted(set(permutations(rolls)))}
    top = rng.choice(sorted(set(tops.values())))
    right = rng.choice([way for way in tops if tops[way] == top])
    wrong = [", ".join(way) for way in tops if tops[way] != top]
    text = f"The die shall leave its path and come to {at(row, column)} with {top} on top. Which rolls do that?"
    why = f"{', '.join(right)} brings the numbers {[die[0] for die in rolled(state.die, right)]} on top, one by one."
    return Question.choice(text, ", ".join(right), wrong, why, cell=at(row, column), top=top)


@game.question(kind="strategy", qa_level="hard", wishes=FEWEST)
def fewest_rolls(state: State, rng: random.Random, wish: int) -> Question | None:
    """How few rolls bring a number on top in a cell, breadth first over the die's places and positions."""
    board, fewest = set(places(state.side, state.side)), dict[tuple[Place, int], tuple[str, ...]]()
    layer: dict[tuple[Place, Die], tuple[str, ...]] = {(state.place, state.die): ()}
    for _ in range(wish + 1):
        for (place, die), way in layer.items():
            fewest.setdefault((place, die[0]), way)
        layer = {
            (there, roll(die, name)): (*way, name)
            for ((place, die), way), (name, step) in product(layer.items(), STEPS.items())
            if (there := beside(place, step)) in board
        }
    goals = [goal for goal, way in fewest.items() if len(way) == wish]
    if not goals:
        return None
    place, top = rng.choice(goals)
    text = f"The die may leave its path. In how few rolls can it come to {at(*place)} with {top} on top?"
    why = f"{', '.join(fewest[place, top])} does it in {wish} rolls, and no fewer do."
    return Question.fill(text, wish, why, cell=at(*place), top=top)
