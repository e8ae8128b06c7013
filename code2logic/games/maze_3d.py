"""Maze 3D: rows of cubes in the air and ladders between them; one way leads from the start to the goal.

The maze is a tree of stations three cubes apart, whose pictures are distinct points of a triangular lattice. So parts
that are not joined never touch in the picture, and it determines the maze. Answers are drawn evenly, and points to fit.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from itertools import combinations, pairwise, permutations, product
from typing import TYPE_CHECKING

from ludex.code2logic.game import Game, Question, listed
from ludex.code2logic.parts.voxels import Cube

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Style

GAP = 3  # cubes from one station to the next
NAMES = {(GAP, 0, 0): "+x", (-GAP, 0, 0): "-x", (0, GAP, 0): "+y", (0, -GAP, 0): "-y",
         (0, 0, GAP): "up", (0, 0, -GAP): "down"}  # fmt: skip
ORDERS = [f"{a} {s} {b} {t} {c}" for a, b, c in permutations("123") for s, t in product("<=", repeat=2)
          if (s == "<" or a < b) and (t == "<" or b < c)]  # fmt: skip
SETS = [some for k in (1, 2, 3) for some in combinations((1, 2, 3, 4), k)]


@dataclass(frozen=True)
class State:
    """Stations (x, y, z), z up, of which the first, (0, 0, 0), is the start and each other one is linked to its parent.

    `parents`, `goal` and `marks` are indices of stations from 0 (that of the start's parent means nothing); the mark at
    i bears the number i + 1. A link along x or y is a level row of cubes, one along z a ladder.
    """

    stations: tuple[Cube, ...]
    parents: tuple[int, ...]
    goal: int
    marks: tuple[int, ...]


def start(rng: random.Random, size: tuple[int, int]) -> State:
    """A maze whose way has `size` (stretches, forks); its forks are numbered in any order."""
    length, forks = size
    while True:
        marks = rng.sample(range(1, length), forks)
        longer = rng.sample(range(length + 1, length + 1 + forks), rng.randint(0, forks))  # of the blind ways
        stations, parents = [(0, 0, 0)], [0, *range(length), *marks, *longer]
        for parent in parents[1:]:
            x, y, z = stations[min(parent, len(stations) - 1)]
            taken = {(i - k, j + k) for i, j, k in stations}  # as places of the picture
            fresh = [(x + i, y + j, z + k) for i, j, k in NAMES if (x + i - z - k, y + j + z + k) not in taken]
            stations += rng.sample(fresh, min(1, len(fresh)))
        across, down = [x + y for x, y, _ in stations], [x - y - 2 * z for x, y, z in stations]
        large = max(across) - min(across) > 24 or max(down) - min(down) > 36  # halves of cubes; numbers shall be read
        if not large and len(stations) == len(parents):
            return State(tuple(stations), tuple(parents), length, tuple(marks))


def way(state: State) -> list[int]:
    """The stations from the start to the goal."""
    route = [state.goal]
    while route[0]:
        route.insert(0, state.parents[route[0]])
    return route


def links(state: State) -> list[tuple[Cube, Cube]]:
    """The ends of every link, the lower one first."""
    pairs = zip(state.stations[1:], state.parents[1:], strict=True)
    return [(min(a, state.stations[b]), max(a, state.stations[b])) for a, b in pairs]


def direction(state: State, here: int, there: int) -> str:
    """The direction from a station to one beside it."""
    (x, y, z), (i, j, k) = state.stations[here], state.stations[there]
    return NAMES[i - x, j - y, k - z]


def cubes(state: State) -> set[Cube]:
    """Every cube: the stations and those of the level rows between them."""
    rows = {(x + (i - x) // GAP * n, y + (j - y) // GAP * n, z)
            for (x, y, z), (i, j, k) in links(state) if z == k for n in range(1, GAP)}  # fmt: skip
    return rows.union(state.stations)


def volume(state: State) -> int:
    """The number of cubes."""
    return len(cubes(state))


def numbered(state: State) -> str:
    """The numbered points in words."""
    return listed(f"{i} at {state.stations[mark]}" for i, mark in enumerate(state.marks, 1))


def describe(state: State) -> str:
    """The stretches and the named points."""
    where = f"the start at (0, 0, 0), the goal at {state.stations[state.goal]}; {numbered(state)}"
    return f"Points (x, y, z): {where}.\nStretches: " + "; ".join(sorted(f"{a} to {b}" for a, b in links(state)))


def draw(state: State, style: Style) -> Image.Image:
    """Cubes, ladders over them, labels on top of the named ones, and the directions in the corner."""
    from ludex.code2logic.draw import Canvas, contrast
    from ludex.code2logic.parts.voxels import View

    canvas, whole = Canvas(style), cubes(state)
    view = View(canvas, whole, (4, 4, 556, 452), most=36)
    named = {station: (str(i), style.colour("green")) for i, station in enumerate(state.marks, 1)}
    named |= {0: ("S", style.colour("blue")), state.goal: ("G", style.colour("red"))}
    colours = {state.stations[station]: colour for station, (_, colour) in named.items()}
    view.paint(dict.fromkeys(whole, style.colour("grey")) | colours)
    for low, high in (link for link in links(state) if link[0][2] < link[1][2]):
        view.ladder(low, high, style.colour("orange"))
    for station, (label, colour) in named.items():
        view.label(state.stations[station], label, contrast(colour))
    view.axes((24, 520))
    return canvas.image


game = Game(
    name="maze-3d",
    rules=(
        "A maze of level rows of cubes and of ladders. One walks on top of the cubes, along a row or up and down a "
        "ladder, which joins a cube to the one straight above it; x and y are level directions, z is the height. "
        "One way without detours leads from the start to the goal: the direct way."
    ),
    legend="S is the start, G the goal; arrows show directions. Cubes that touch in the picture touch in space.",
    sizes={"easy": (4, 2), "medium": (6, 3), "hard": (8, 4)},
    start=start, draw=draw, describe=describe, measure=volume, measured="cubes",
)  # fmt: skip


@game.question(kind="prediction", qa_level="hard", number=0)
def right_turns(state: State, rng: random.Random) -> Question:
    """The directions to take at the forks, among all combinations of those there are."""
    route, onward = way(state), []
    for i, fork in enumerate(state.marks, 1):
        ways = sorted((s for s, past in enumerate(state.parents) if s and past == fork), key=lambda s: s not in route)
        onward.append([f"{i}: {direction(state, fork, there)}" for there in ways])
    right, *wrong = (", ".join(directions) for directions in product(*onward))
    text = "The direct way forks at the numbered cubes. Which directions lead from the start to the goal there?"
    return Question.choice(text, right, wrong, f"{told(state)} So {right}.")


def told(state: State) -> str:
    """The direct way and the numbered points in words."""
    steps = ", ".join(f"{direction(state, a, b)} to {state.stations[b]}" for a, b in pairwise(way(state)))
    return f"From the start at (0, 0, 0) the direct way goes {steps}. Numbers: {numbered(state)}."


@game.question(kind="prediction", qa_level="medium", number=1, options=6)
def order_met(state: State, rng: random.Random) -> Question:
    """The order of three points on the way."""
    order, route = rng.choice(list(permutations((1, 2, 3)))), way(state)
    met = sorted(rng.sample(route[1:-1], 3), key=route.index)
    shown = replace(state, marks=tuple(met[order.index(i)] for i in (1, 2, 3)))
    right, *wrong = (", ".join(map(str, some)) for some in [order, *permutations((1, 2, 3))])
    text = "In which order does the direct way from the start to the goal meet the numbered cubes?"
    return Question.choice(text, right, wrong, f"{told(shown)} The order is {right}.", state=shown)


@game.question(kind="perception", qa_level="easy", number=2, wishes=ORDERS)
def heights(state: State, rng: random.Random, wish: str) -> Question | None:
    """The order of three points by height."""
    others = [place for place in state.stations[1:] if place != state.stations[state.goal]]
    some = sorted(rng.sample(others, 3), key=lambda place: place[2])
    if ["<="[a[2] == b[2]] for a, b in pairwise(some)] != wish.split()[1::2]:
        return None
    marks = dict(zip(wish.split()[::2], map(state.stations.index, some), strict=True))
    shown = replace(state, marks=tuple(marks[i] for i in "123"))
    text = "How do the heights of the numbered cubes compare? Lower ones stand first; = is for the same height."
    why = f"With the start at (0, 0, 0), the numbers are {numbered(shown)}. So {wish}."
    return Question.choice(text, wish, ORDERS, why, state=shown)


@game.question(kind="prediction", qa_level="medium", number=3, wishes=SETS)
def on_the_way(state: State, rng: random.Random, wish: tuple[int, ...]) -> Question | None:
    """Which of four points lie on the way."""
    route = way(state)
    on, off = route[1:-1], sorted({*range(len(state.stations))}.difference(route))
    if len(wish) > len(on) or 4 - len(wish) > len(off):
        return None
    on, off = rng.sample(on, len(on)), rng.sample(off, len(off))
    shown = replace(state, marks=tuple((on if i in wish else off).pop() for i in (1, 2, 3, 4)))
    text, right = "Which of the numbered cubes lie on the direct way from the start to the goal?", listed(wish)
    return Question.choice(text, right, map(listed, SETS), f"{told(shown)} So: {right}.", state=shown)
