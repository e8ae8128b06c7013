"""Maze: a way without loops, so that the walk from the player to the goal is unique.

The corridors are a random spanning tree (depth first, which makes long ways),
on 9x9, 11x11 and 13x13 cells with outer walls. Player and goal are drawn with a
walk of 6-12, 13-22 or 23-45 steps between them. Sets of open directions are drawn
evenly over those that the maze has, not over its cells: most of those lie in
straight corridors. The move lists to choose from are walks to other cells and
walks with one stretch changed, of the right walk as of a wrong one, so that the
lists alone tell nothing. GameQA asks where one move leads; without the picture
that leaves two candidates, so here it is three to six moves.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import combinations, groupby
from typing import TYPE_CHECKING

from ludex.code2logic.game import Game, Question, at, cells, listed
from ludex.code2logic.parts.grids import STEPS, Place, beside, neighbours, places, walks
from ludex.code2logic.parts.options import cluster

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Style

BACK = {"up": "down", "down": "up", "left": "right", "right": "left"}
SETS = [listed(some) for k in (1, 2, 3, 4) for some in combinations(STEPS, k)]


@dataclass(frozen=True)
class State:
    """The rows ("#" wall, "." open), outer walls included; player and goal are (row, column) from 0."""

    rows: tuple[str, ...]
    player: Place
    goal: Place

    @property
    def open(self) -> list[Place]:
        """The cells that are no wall, row by row."""
        return [(r, c) for r, row in enumerate(self.rows) for c, sign in enumerate(row) if sign == "."]


def start(rng: random.Random, size: tuple[int, int, int]) -> State:
    """A maze of `size` (side, least and most steps from the player to the goal)."""
    side, least, most = size
    while True:
        state = State(carve(rng, side), (0, 0), (0, 0))
        player = rng.choice(state.open)
        far = [place for place, steps in walks(state.open, player).items() if least <= steps <= most]
        if far:
            return replace(state, player=player, goal=rng.choice(far))


def carve(rng: random.Random, side: int) -> tuple[str, ...]:
    """Walls with a spanning tree of corridors over the cells of odd row and column, depth first."""
    rooms = {(r, c) for r in range(1, side, 2) for c in range(1, side, 2)}
    trail = [rng.choice(sorted(rooms))]
    rooms -= {trail[0]}
    free = {trail[0]}
    while trail:
        ways = [step for step in STEPS.values() if beside(trail[-1], step, 2) in rooms]
        if not ways:
            trail.pop()
            continue
        step = rng.choice(ways)
        wall, room = beside(trail[-1], step), beside(trail[-1], step, 2)
        free |= {wall, room}
        rooms.remove(room)
        trail.append(room)
    return tuple("".join("." if (r, c) in free else "#" for c in range(side)) for r in range(side))


def walk(state: State, target: Place) -> list[str]:
    """The directions of the only walk without detours from the player to `target`."""
    left = walks(state.open, target)
    moves, here = [], state.player
    while here != target:
        direction = next(d for d, step in STEPS.items() if left.get(beside(here, step), left[here]) < left[here])
        moves.append(direction)
        here = beside(here, STEPS[direction])
    return moves


def follow(state: State, moves: Iterable[str]) -> list[Place]:
    """The places that the player passes, the first included; a move into a wall is skipped."""
    trail = [state.player]
    for move in moves:
        there = beside(trail[-1], STEPS[move])
        trail.append(there if state.rows[there[0]][there[1]] == "." else trail[-1])
    return trail


def stretches(moves: Iterable[str]) -> list[tuple[str, int]]:
    """Moves as straight stretches: direction and number of steps."""
    return [(direction, len(list(same))) for direction, same in groupby(moves)]


def told(parts: Iterable[tuple[str, int]]) -> str:
    """Stretches in words."""
    return ", ".join(f"{direction} {steps}" for direction, steps in parts)


def describe(state: State) -> str:
    """The rows, with the player and the goal in them."""
    signs = [list(row) for row in state.rows]
    signs[state.goal[0]][state.goal[1]] = "G"
    signs[state.player[0]][state.player[1]] = "P"
    rows = "\n".join(f"row {r + 1}: {' '.join(row)}" for r, row in enumerate(signs))
    return f"The maze (# wall, . open, P player, G goal):\n{rows}"


def draw(state: State, style: Style) -> Image.Image:
    """Walls are solid, the player a figure, the goal a ring."""
    from ludex.code2logic.draw import Canvas
    from ludex.code2logic.glyphs import person, ring

    canvas, side = Canvas(style), len(state.rows)
    grid = canvas.grid(side, side)
    for row, column in set(places(side, side)) - set(state.open):
        grid.fill(row, column, style.solid)
    grid.put(*state.goal, ring, style.colour("green"))
    grid.put(*state.player, person, style.colour("blue"), style.ink, scale=0.86)
    return canvas.image


def length(state: State) -> int:
    """Steps from the player to the goal."""
    return walks(state.open, state.player)[state.goal]


game = Game(
    name="maze",
    rules=(
        "A maze. The player moves up, down, left or right by one cell, never into a wall; the goal is an open cell. "
        '"right 2" stands for two moves to the right.'
    ),
    legend="Filled cells, as all round the border, are walls; the figure is the player, the ring is the goal.",
    sizes={"easy": (9, 6, 12), "medium": (11, 13, 22), "hard": (13, 23, 45)},
    start=start,
    draw=draw,
    describe=describe,
    measure=length,
    measured="steps from the player to the goal",
)


def where(state: State, noun: str, place: Place, other: Place) -> Question:
    """The cell of the player or the goal; the two, and both with row and column exchanged, are offered."""
    near = [other, place[::-1], other[::-1]]
    text, why = f"Where is the {noun}?", f"The {noun} is at {at(*place)}."
    return Question.choice(text, at(*place), (at(*p) for p in state.open), why, near=(at(*p) for p in near))


@game.question(kind="perception", qa_level="easy", number=1, options=5)
def player_cell(state: State, rng: random.Random) -> Question:
    """The player's cell."""
    return where(state, "player", state.player, state.goal)


@game.question(kind="perception", qa_level="easy", number=2, options=5)
def goal_cell(state: State, rng: random.Random) -> Question:
    """The goal's cell."""
    return where(state, "goal", state.goal, state.player)


def bent(rng: random.Random, moves: list[str]) -> list[str]:
    """The moves with one stretch turned round or made two longer."""
    parts = stretches(moves)
    i = rng.randrange(len(parts))
    direction, steps = parts[i]
    parts[i] = (BACK[direction], steps) if rng.random() < 0.5 else (direction, steps + 2)
    return [direction for direction, steps in parts for _ in range(steps)]


@game.question(kind="strategy", qa_level="medium", number=3, options=5)
def way_to_goal(state: State, rng: random.Random) -> Question | None:
    """The walk to the goal among walks elsewhere, and a bent one of any of these."""
    right = walk(state, state.goal)
    steps = walks(state.open, state.player)
    like = [p for p in state.open if p != state.goal and abs(steps[p] - len(right)) <= 4 and steps[p] > 1]
    if len(like) < 3:
        return None
    others = [walk(state, place) for place in rng.sample(like, 3)]
    wrong = [*others, bent(rng, rng.choice([right, *others]))]
    wrong = [moves for moves in wrong if follow(state, moves)[-1] != state.goal]
    if len({told(stretches(moves)) for moves in wrong}) < 4:
        return None
    answer = told(stretches(right))
    return Question.choice(
        "Which moves bring the player to the goal, without running into a wall, and end there?",
        answer,
        (told(stretches(moves)) for moves in wrong),
        f"From {at(*state.player)} the only way to the goal at {at(*state.goal)} is {answer}.",
    )


@game.question(kind="strategy", qa_level="hard", number=4)
def turns(state: State, rng: random.Random) -> Question:
    """Changes of direction on the way; it is unique, and so is their number."""
    parts = stretches(walk(state, state.goal))
    return Question.fill(
        "How many times does the player change direction on the shortest way to the goal?",
        len(parts) - 1,
        f"The way is {told(parts)}: {len(parts)} straight stretches, so {len(parts) - 1} changes of direction.",
    )


@game.question(kind="perception", qa_level="easy", number=5)
def open_directions(state: State, rng: random.Random) -> Question:
    """The directions without a wall, each set of them equally often; the player is put where the set occurs."""
    by_set: dict[str, list[Place]] = {}
    for place in state.open:
        if place != state.goal:
            free = list(neighbours(place, state.open))
            by_set.setdefault(listed(d for d, step in STEPS.items() if beside(place, step) in free), []).append(place)
    right = rng.choice(sorted(by_set))
    shown = replace(state, player=rng.choice(by_set[right]))
    why = f"The player is at {at(*shown.player)}; open beside it: {right}."
    return Question.choice("In which directions can the player move now?", right, SETS, why, state=shown)


@game.question(kind="prediction", qa_level="medium", number=6, options=5)
def cell_after(state: State, rng: random.Random) -> Question:
    """The cell after three to six moves, some of them into walls."""
    moves: list[str] = []
    for _ in range(rng.randint(3, 6)):
        here = follow(state, moves)[-1]
        free = [d for d, step in STEPS.items() if beside(here, step) in state.open]
        fresh = [d for d in free if not moves or d != BACK[moves[-1]]]
        moves.append(rng.choice((fresh or free) if rng.random() < 0.75 else list(STEPS)))
    trail = follow(state, moves)
    steps = (f"{move} to {at(*there)}" if there != here else f"{move} is blocked"
             for move, here, there in zip(moves, trail, trail[1:], strict=False))  # fmt: skip
    return Question.choice(
        f"The player makes these moves, and skips each that would lead into a wall: {', '.join(moves)}. "
        "Where is the player then?",
        at(*trail[-1]),
        cells(cluster(rng, trail[-1], sorted(state.open), count=5)),
        f"From {at(*state.player)}: {'; '.join(steps)}. The player ends at {at(*trail[-1])}.",
        moves=moves,
    )
