"""Sokoban: perception of boards, simulation of moves, and shortest solutions by A* over whole states.

Boards are made by pulling boxes away from their goals at random, so that each can be solved. Levels: 7x7 with 1 box,
8x8 with 2, 10x10 with 3 (outer walls included). `to_data` gives rows in the usual notation: # wall, @ player, $ box,
. goal, * box on a goal, + player on a goal, space for floor.
"""

from __future__ import annotations

import random
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from ludex.code2logic.game import Game, Question, at, cells, numbers
from ludex.code2logic.parts import grids
from ludex.code2logic.parts.grids import STEPS, apart, beside, places
from ludex.code2logic.parts.options import cluster
from ludex.code2logic.parts.warehouse import State, move, solve, start

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Style


def to_data(state: State) -> dict[str, list[str]]:
    """The `rows`: # wall, @ player, + player on a goal, $ box, * box on a goal, . goal, a blank for floor."""
    board = [["#"] * state.size for _ in range(state.size)]
    for r, c in state.floor:
        goal, content = (r, c) in state.goals, "@" if (r, c) == state.player else "$" if (r, c) in state.boxes else " "
        board[r][c] = {"@": "+", "$": "*", " ": "."}[content] if goal else content
    return {"rows": ["".join(row) for row in board]}


def describe(state: State) -> str:
    """The rows, with a sign for floor."""
    board = "\n".join(f"row {r + 1}: {' '.join(row.replace(' ', '-'))}" for r, row in enumerate(to_data(state)["rows"]))
    return f"The board (# wall, - floor, @ player, $ box, . goal, * box on a goal, + player on a goal):\n{board}"


def draw(state: State, style: Style) -> Image.Image:
    """Walls are solid; goals are rings, which stay visible around the player and a box."""
    from ludex.code2logic.draw import Canvas
    from ludex.code2logic.glyphs import crate, person, ring

    canvas = Canvas(style)
    grid = canvas.grid(state.size, state.size)
    for place in set(places(state.size, state.size)) - state.floor:
        grid.fill(*place, style.solid)
    for goal in state.goals:
        grid.put(*goal, ring, style.colour("green"), scale=0.92)
    for box in state.boxes:
        grid.put(*box, crate, style.colour("orange"), (60, 40, 20), scale=0.62 if box in state.goals else 0.8)
    grid.put(*state.player, person, style.colour("blue"), style.ink, scale=0.58 if state.player in state.goals else 0.8)
    return canvas.image


def crowding(state: State) -> int:
    """Floor cells times boxes."""
    return len(state.floor) * len(state.boxes)


game = Game(
    name="sokoban",
    rules=(
        "Sokoban. The player moves up, down, left or right by one cell. Moving into a box pushes it one cell further, "
        "if the cell behind it is free; walls and boxes cannot be walked through, and only one box can be pushed at a "
        "time. A move that is not possible is skipped. The puzzle is solved when every box is on a goal."
    ),
    legend="Filled cells are walls, crates with a cross are boxes, rings are goals, and the figure is the player.",
    sizes={"easy": (7, 1), "medium": (8, 2), "hard": (10, 3)},
    start=start, draw=draw, describe=describe, measure=crowding, measured="floor cells times boxes", to_data=to_data,
)  # fmt: skip


def walked(state: State, rng: random.Random) -> tuple[list[str], list[State]]:
    """Four to eight random moves, most of them possible, and the states they lead through."""
    path, states = [], [state]
    for _ in range(rng.randint(4, 8)):
        here = states[-1]
        possible = [d for d in STEPS if move(here, d) != here]
        pushing = [d for d in possible if move(here, d).boxes != here.boxes]
        pool = pushing if pushing and rng.random() < 0.5 else possible if rng.random() < 0.85 else list(STEPS)
        path.append(rng.choice(pool or list(STEPS)))
        states.append(move(here, path[-1]))
    return path, states


def told(path: list[str], states: list[State]) -> str:
    """The moves one by one, for the worked solution."""
    lines = []
    for direction, (before, after) in zip(path, pairwise(states), strict=True):
        pushed = "".join(f", box to {at(*box)}" for box in after.boxes - before.boxes)
        lines.append(f"{direction}: {'blocked' if after == before else f'player to {at(*after.player)}'}{pushed}")
    return "; ".join(lines)


@game.question(kind="prediction", qa_level="medium", number=1)
def player_after(state: State, rng: random.Random) -> Question:
    """The player's cell after four to eight moves, some of them blocked."""
    path, states = walked(state, rng)
    end = states[-1].player
    text = f"The player makes these moves: {', '.join(path)}. Where is the player then?"
    why = f"{told(path, states)}. The player ends at {at(*end)}."
    return Question.choice(text, at(*end), cells(cluster(rng, end, sorted(state.floor))), why, moves=path)


@game.question(kind="prediction", qa_level="medium", number=2)
def box_after(state: State, rng: random.Random) -> Question | None:
    """The cell of a box that the moves have pushed; the others are as far from where it is now, or little farther."""
    path, states = walked(state, rng)
    old = new = rng.choice(sorted(state.boxes))
    for before, after in pairwise(states):
        if new not in after.boxes:
            (new,) = after.boxes - before.boxes
    if new == old:
        return None
    text = f"The player makes these moves: {', '.join(path)}. Where is then the box that is now at {at(*old)}?"
    why = f"{told(path, states)}. The box from {at(*old)} ends at {at(*new)}."
    ahead = [beside(old, step, times) for times in (1, 2, 3) for step in STEPS.values()]
    others = sorted(rng.sample(sorted(state.floor), len(state.floor)), key=partial(apart, old))
    wrong = [place for place in dict.fromkeys([*ahead, *others]) if place in state.floor and place != new]
    return Question.choice(text, at(*new), cells(wrong[:7]), why, moves=path, box=at(*old))


@game.question(kind="strategy", qa_level="hard", number=3)
def fewest_moves(state: State, rng: random.Random) -> Question | None:
    """The length of a shortest solution; boards that take a long search are left out."""
    path = solve(state)
    if path is None:
        return None
    text = "What is the fewest number of moves (steps of the player, pushes included) that solves the puzzle?"
    why = f"A shortest solution is {', '.join(path)}: {len(path)} moves, and no shorter sequence solves it."
    return Question.choice(text, len(path), numbers(rng, len(path), low=1), why)


@game.question(kind="perception", qa_level="easy", number=4)
def player_at(state: State, rng: random.Random) -> Question:
    """The player's cell."""
    here, options = at(*state.player), cells(cluster(rng, state.player, sorted(state.floor)))
    return Question.choice("Where is the player?", here, options, f"The player is at {here}.")


@game.question(kind="perception", qa_level="easy", number=5, wishes=range(120))
def box_to_goal(state: State, rng: random.Random, wish: int) -> Question | None:
    """The Manhattan distance of a box and its nearest or farthest goal, each from 1 to side - 2 equally often."""
    far = 1 + wish % (state.size - 2)  # 120 is a multiple of 5, 6 and 8
    ranked = {box: sorted(state.goals, key=partial(apart, box)) for box in sorted(state.boxes)}
    ends = [(box, goals[i], which) for box, goals in ranked.items() for i, which in ((0, "nearest"), (-1, "farthest"))]
    fit = [(box, goal, which) for box, goal, which in ends if apart(box, goal) == far]
    if not fit:
        return None
    (box, goal, which), one = rng.choice(fit), len(state.boxes) == 1
    pair = "the box and the goal" if one else f"the box at {at(*box)} and the goal {which} to it by that distance"
    text = f"What is the Manhattan distance (rows apart plus columns apart) of {pair}?"
    why = f"The box at {at(*box)} and the goal at {at(*goal)} are {far} rows and columns apart in all."
    asked = {} if one else {"box": at(*box), "which": which}
    return Question.choice(text, far, numbers(rng, far), why, **asked)


@game.question(kind="strategy", qa_level="hard", number=6)
def shortest_walk(state: State, rng: random.Random) -> Question:
    """Steps between two cells with boxes as walls: every distance that occurs equally often, detours before others."""
    free = state.floor - set(state.boxes)
    source = rng.choice(sorted(free))
    steps = grids.walks(free, source)
    far = rng.choice(sorted(set(steps.values()) - {0}) or [0])
    ends = sorted(place for place in steps if steps[place] == far)
    target = rng.choice([place for place in ends if apart(place, source) < far] or ends)
    text = "Boxes may not be pushed and count as walls; the player does not block the way. "
    text += f"How many steps does a shortest walk take from {at(*source)} to {at(*target)}?"
    why = f"Around walls and boxes a shortest walk from {at(*source)} to {at(*target)} takes {far} steps."
    return Question.choice(text, far, numbers(rng, far), why, source=at(*source), target=at(*target))
