"""Snake: where things are, what a list of moves leads to, and how far the food is while the body follows.

Bodies are grown from the head outwards, winding round it as often as a number drawn for the board says. What moves
lead to is wished for evenly: walks are random, like to cross cells that the body has just left, and never turn
straight back. Of the ways to the food three in seven need more moves than the food is rows and columns away, and one
in seven does not exist. A board is passed over where the search, which is exact, would take long.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from ludex.code2logic.game import Game, Question, at, cells
from ludex.code2logic.parts.grids import STEPS, Place, apart, beside, direction, neighbours, places

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Style

FOOD, BODY, BORDER = "the head reaches the food", "the head runs into the body", "the head leaves the board"
NOTHING = "none of these happens"
Trail = list[Place]
FAR = 40  # the longest way to the food that is asked about
LIMIT = 400  # trails that a search may look at


@dataclass(frozen=True)
class State:
    """A board of `side` by `side` cells; places are (row, column) from 0, the body's from the head to the tail."""

    side: int
    body: tuple[Place, ...]
    food: Place


def start(rng: random.Random, size: tuple[int, int, int]) -> State:
    """A snake on a board of `size` (side, least and greatest length)."""
    side, least, most = size
    board, wanted, curl = set(places(side, side)), rng.randint(least, most), rng.random()
    body: list[Place] = []
    while len(body) < wanted:
        ways = sorted(neighbours(body[-1], board.difference(body))) if body else []
        if not ways:
            body = [(rng.randrange(side), rng.randrange(side))]
        elif rng.random() < curl:
            body.append(min(ways, key=lambda way: max(abs(way[0] - body[0][0]), abs(way[1] - body[0][1]))))
        else:
            body.append(rng.choice(ways))
    return State(side, tuple(body), rng.choice(sorted(board.difference(body))))


def end(state: State, trail: Trail, there: Place) -> str:
    """What moving the head to `there` ends in; `trail` holds the body from the tail on, then the head's moves."""
    if not all(0 <= i < state.side for i in there):
        return BORDER
    if there in trail[1 - length(state) :]:  # all but the tail, which leaves its cell in the same move
        return BODY
    return FOOD if there == state.food else NOTHING


def search(stack: list[Trail], ways: Callable[[Trail], Iterable[Place]], apart: int, size: int) -> Trail | None:
    """The first list of `size` places, equal ones `apart` or further; ValueError if LIMIT lists do not tell."""
    for _ in range(LIMIT):
        if not stack or len(stack[-1]) == size:
            return stack[-1] if stack else None
        trail = stack.pop()
        stack += [[*trail, place] for place in ways(trail) if place not in trail[1 - apart :]]
    raise ValueError(f"{LIMIT} trails do not tell whether there is one of {size} places")


def walk(state: State, moves: int) -> Trail | None:
    """The head's places on a walk to the food in so many moves; None if there is none."""
    board, size = set(places(state.side, state.side)), length(state)
    left = {place: size - i for i, place in enumerate(state.body)}  # when the body has left its places
    reach = [{state.body[0]}]  # where it may be at each time if nothing but the old body is in the way
    for time in range(1, moves + 1):
        near = {there for here in reach[-1] for there in neighbours(here, board)}
        reach.append({p for p in near if left.get(p, 0) <= time and apart(p, state.food) <= moves - time})
    stack = [[state.food]] if reach[-1] else []  # of walks through these, from the food backwards
    back = search(stack, lambda trail: neighbours(trail[-1], reach[moves - len(trail)]), size, moves + 1)
    return back and back[::-1]


def shortest(state: State) -> Trail | None:
    """The head's places on a shortest way to the food, none if there is no way; None if it is not found in time."""
    board, size = set(places(state.side, state.side)), length(state)
    try:
        lasts = search([[*state.body[::-1]]], lambda trail: neighbours(trail[-1], board), size, 2 * size)
        moves = range(apart(state.body[0], state.food), FAR if lasts else size, 2)  # always odd, or always even
        found = next(filter(None, (walk(state, n) for n in moves)), None)
    except ValueError:
        return None
    return found if found or lasts else []  # who cannot make as many moves as it is long is shut in


def describe(state: State) -> str:
    """The board's size, the body in order, and the food."""
    body = "; ".join(map(str, cells(state.body)))
    return f"The board has {state.side} rows and columns. Snake, from head to tail: {body}. Food: {at(*state.food)}."


def draw(state: State, style: Style) -> Image.Image:
    """The body as one line, thin at the tail."""
    from ludex.code2logic.draw import Canvas
    from ludex.code2logic.glyphs import diamond, disc, eyes, tube

    canvas, skin, body = Canvas(style), style.colour("green"), state.body
    grid = canvas.grid(state.side, state.side)
    for here, there in pairwise(body):
        grid.put(*here, tube, skin, 0.54, direction(here, there), scale=1)
        grid.put(*there, tube, skin, 0.3 if there == body[-1] else 0.54, direction(there, here), scale=1)
    grid.put(*body[0], disc, skin)
    grid.put(*body[0], eyes, direction(body[1], body[0]))
    grid.put(*state.food, diamond, style.colour("red"))
    return canvas.image


def length(state: State) -> int:
    """The cells that the snake covers."""
    return len(state.body)


game = Game(
    name="snake",
    rules=(
        "Snake. In one move the head goes one cell up, down, left or right, and every other part of the body goes to "
        "where the part before it was. The tail leaves its cell in the same move, so the head may enter that cell; it "
        "must not enter any other cell of the body, nor leave the board. The snake keeps its length until it eats."
    ),
    legend="The snake is one line from its head, which has eyes, to its tail, the thin end. The diamond is the food.",
    sizes={"easy": (6, 6, 10), "medium": (9, 12, 18), "hard": (12, 20, 28)},
    start=start, draw=draw, describe=describe, measure=length, measured="cells of the body",
)  # fmt: skip


@game.question(kind="perception", qa_level="easy", number=0)
def head_cell(state: State, rng: random.Random) -> Question:
    """The head's cell."""
    return Question.fill("Where is the snake's head?", at(*state.body[0]), f"The head is at {at(*state.body[0])}.")


@game.question(kind="perception", qa_level="easy", number=1)
def food_cell(state: State, rng: random.Random) -> Question:
    """The food's cell."""
    return Question.fill("Where is the food?", at(*state.food), f"The food is at {at(*state.food)}.")


@game.question(kind="perception", qa_level="medium", number=2)
def cells_covered(state: State, rng: random.Random) -> Question:
    """The snake's length."""
    why = f"From head to tail: {'; '.join(map(str, cells(state.body)))}. That is {length(state)}."
    return Question.fill("How many cells does the snake cover, head and tail included?", length(state), why)


@game.question(kind="prediction", qa_level="hard", number=3, options=4, wishes=(FOOD, BODY, BORDER, NOTHING))
def end_of_moves(state: State, rng: random.Random, wish: str) -> Question | None:
    """What three to ten moves end in; where it is the food, that is put at their end."""
    trail, count = [*state.body[::-1]], rng.randint(3, 10)
    for left in range(count, 0, -1):
        wanted = wish if left == 1 and wish in (BODY, BORDER) else NOTHING
        ways = [beside(trail[-1], step) for step in STEPS.values()]
        ways = [way for way in ways if end(state, trail, way) == wanted and way != trail[-2]]
        if not ways:
            return None
        crossing = [way for way in ways if way in state.body]
        trail.append(rng.choice(crossing if crossing and rng.random() < 0.7 else ways))
    if wish == FOOD and trail[-1] in trail[:-1]:
        return None
    way, shown = trail[-count - 1 :], replace(state, food=trail[-1]) if wish == FOOD else state
    moves = [direction(here, there) for here, there in pairwise(way)]
    why = f"The head goes to {', '.join(f'({cell})' for cell in cells(way[1:-1]))}; with the last move {wish}."
    text = f"The snake makes these moves, until one of these things happens: {', '.join(moves)}. What happens?"
    return Question.choice(text, wish, (FOOD, BODY, BORDER, NOTHING), why, state=shown, moves=moves)


@game.question(kind="strategy", qa_level="hard", number=4, wishes=("far", "far", "far", "near", "near", "near", "no"))
def moves_to_food(state: State, rng: random.Random, wish: str) -> Question | None:
    """The fewest moves to the food: more than it is away, as many, or -1."""
    way, direct = shortest(state), apart(state.body[0], state.food)
    if way is None or wish != ("no" if not way else "far" if len(way) - 1 > direct else "near"):
        return None
    text = "In how few moves can the head reach the food while the body follows? Answer -1 if it never can."
    steps, right = ", ".join(direction(here, there) for here, there in pairwise(way)), len(way) - 1
    why = f"A shortest way is {steps}: {right} moves." if way else "The head is soon shut in by its own body: -1."
    return Question.fill(text, right, why)
