"""Reconstruction: cubes in a three by three by three frame, and two silhouettes that they are to have.

Structures of 3-11 cubes grow from the floor, face by face; of each cube a third
can be seen, and its colour tells its layer, so the picture determines them. The
silhouettes are those after up to five more cubes, each of which changes one.
How many are needed, which match already, and which is asked about, is drawn evenly.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from ludex.code2logic.game import Game, Question, plain
from ludex.code2logic.parts.options import scattered
from ludex.code2logic.parts.voxels import Cube, Table, beside, fewest, joined, silhouette, structure

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Style

SIDE, LAYERS, VIEWS = (1, 2, 3), ("blue", "orange", "green"), ("front", "side")
CELLS = tuple(product(SIDE, SIDE, SIDE))
MATCHES = {(1, 1): "both", (1, 0): "only the front", (0, 1): "only the side", (0, 0): "neither"}
MOST_ADDED = 5


@dataclass(frozen=True)
class State:
    """The structure's cubes (x, y, z), each 1 to 3, z counted from the floor, and the two silhouettes aimed at.

    A silhouette is three rows, z = 3, 2 and 1, of 1 (filled) or 0: `front` for x = 1, 2, 3, filled where a cube has
    this x and z, `side` for y = 1, 2, 3. A cube may be added at an empty place that shares a face with a cube.
    """

    cubes: tuple[Cube, ...]
    front: Table = ()
    side: Table = ()


def start(rng: random.Random, size: tuple[int, int]) -> State:
    """A structure of some cubes, least and most in `size`, and silhouettes for it."""
    cubes = structure(rng, CELLS, rng.randint(*size), least=2)  # of a cube's six triangles
    return aimed(State(cubes), grown(rng, cubes, rng.randint(1, MOST_ADDED)))


def aimed(state: State, added: Iterable[Cube]) -> State:
    """The same structure with the silhouettes that it has after additions."""
    cubes = [*state.cubes, *added]
    return State(state.cubes, silhouette(cubes, 0), silhouette(cubes, 1))


def grown(rng: random.Random, cubes: Collection[Cube], count: int, kept: Sequence[int] = (0, 0)) -> list[Cube]:
    """Up to `count` legal additions, each of which changes a silhouette, but none that is `kept`."""
    added: list[Cube] = []
    for _ in range(count):
        now = [*cubes, *added]
        old = [{(cube[i], cube[2]) for cube in now} for i in (0, 1)]
        fresh = {cube: [(cube[i], cube[2]) not in old[i] for i in (0, 1)] for cube in beside(now, CELLS)}
        usable = [c for c, new in fresh.items() if any(new) and not any(map(min, new, kept))]
        added += [rng.choice(usable)] if usable else []
    return added


def told(cubes: Iterable[Cube]) -> str:
    """Places in their order."""
    return ", ".join(map(str, cubes))


def describe(state: State) -> str:
    """The cubes and the silhouettes."""
    goals = f"front {plain(state.front)}, side {plain(state.side)}"
    return f"The cubes (x, y, z): {told(state.cubes)}.\nThe silhouettes aimed at, z = 3, 2, 1: {goals}."


def draw(state: State, style: Style) -> Image.Image:
    """The structure on its floor at the left, the silhouettes at the right."""
    from ludex.code2logic.draw import Canvas
    from ludex.code2logic.parts.voxels import View, chart

    canvas = Canvas(style)
    view = View(canvas, CELLS, (12, 70, 392, 520))
    for x, y in product(SIDE, SIDE):
        view.tile(x, y, 1, style.cell, style.line)
    for i in SIDE:
        canvas.text(view.place(i + 0.5, 0.7, 1), f"x={i}", 18)
        canvas.text(view.place(4.3, i + 0.5, 1), f"y={i}", 18)
        canvas.cube((110 * i - 50, 22), 22, (0, 0, 0), style.colour(LAYERS[i - 1]))
        canvas.text((110 * i - 5, 32), f"z={i}", 18)
    view.paint({cube: style.colour(LAYERS[cube[2] - 1]) for cube in state.cubes})
    chart(canvas, "front aimed at", "x", state.front, (380, 34, 550, 230))
    chart(canvas, "side aimed at", "y", state.side, (380, 294, 550, 490))
    return canvas.image


def volume(state: State) -> int:
    """The number of cubes."""
    return len(state.cubes)


game = Game(
    name="reconstruction",
    rules=(
        "Cubes stand at places (x, y, z), each 1 to 3; z = 1 is the floor. A cube may be added at an empty place that "
        "shares a face with a cube. Silhouettes have rows z = 3, 2, 1 from the top. The front one has columns x = 1, "
        "2, 3, filled where some cube has this x and z; the side one columns y = 1, 2, 3, where one has this y and z."
    ),
    legend=(
        "At the left is the structure now; a cube's colour tells its layer z by the key above. Cubes may hang over "
        "the floor; none is completely hidden. At the right are the silhouettes aimed at, a square where filled."
    ),
    sizes={"easy": (3, 5), "medium": (6, 8), "hard": (9, 11)},
    start=start, draw=draw, describe=describe, measure=volume, measured="cubes",
)  # fmt: skip


@game.question(kind="perception", qa_level="easy", number=0)
def cube_count(state: State, rng: random.Random) -> Question:
    """The cubes of the structure."""
    why = f"They are at {told(state.cubes)}: {volume(state)}."
    return Question.fill("How many cubes does the structure have now?", volume(state), why)


@game.question(kind="perception", qa_level="easy", number=1, options=6)
def filled_place(state: State, rng: random.Random) -> Question:
    """A place that holds a cube among empty ones, no two in a line; the lower the more likely, as cubes are."""
    right = rng.choice(state.cubes)
    empty = sorted(set(CELLS).difference(state.cubes))
    drawn = sorted(empty, key=lambda place: rng.expovariate(2 ** -place[2]))
    why = f"The cubes are at {told(state.cubes)}. So the place is {right}."
    return Question.choice("At which of these places (x, y, z) is a cube now?", right, scattered(right, drawn, 6), why)


@game.question(kind="perception", qa_level="medium", number=2, options=4, wishes=MATCHES)
def matching(state: State, rng: random.Random, wish: tuple[int, int]) -> Question | None:
    """Which silhouettes the structure has already."""
    state = aimed(state, grown(rng, state.cubes, MOST_ADDED, wish))
    now = aimed(state, ())
    if (now.front == state.front, now.side == state.side) != wish:
        return None
    text = "Which of the silhouettes aimed at does the structure have now, before anything is added?"
    why = f"Its front is {plain(now.front)}, its side {plain(now.side)}. So it has {MATCHES[wish]}."
    return Question.choice(text, MATCHES[wish], MATCHES.values(), why, state=state)


@game.question(kind="prediction", qa_level="medium", number=3)
def after_adding(state: State, rng: random.Random) -> Question:
    """A silhouette after two to four additions, some of which may lie behind others."""
    axis, added = rng.randrange(2), list[Cube]()
    for _ in range(rng.randint(2, 4)):
        added.append(rng.choice(beside([*state.cubes, *added], CELLS)))
    now, right = silhouette(state.cubes, axis), silhouette([*state.cubes, *added], axis)
    text = f"Cubes are added at {told(added)}. What is the {VIEWS[axis]} silhouette then? Give its rows, z = 3 first, "
    text += f"each as a list of 1 (filled) or 0 for {'xy'[axis]} = 1, 2, 3."
    why, names = f"Now it is {plain(now)}, then {plain(right)}.", [*map(str, added)]
    return Question.fill(text, right, why, added=names, view=VIEWS[axis])


def changed(rng: random.Random, state: State, added: list[Cube]) -> list[Cube]:
    """The additions in another order, or, as often, with a random one elsewhere beside the structure."""
    other = rng.sample(added, len(added))
    return other if rng.random() < 0.5 else [rng.choice(beside(state.cubes, CELLS)), *other[1:]]


@game.question(kind="prediction", qa_level="hard", number=4)
def right_sequence(state: State, rng: random.Random) -> Question | None:
    """Legal additions that reach both silhouettes, among changes of them and of others of the same number."""
    right, other = (grown(rng, state.cubes, 3) for _ in range(2))
    shown = aimed(state, right)
    pool = [other, *(changed(rng, state, base) for base in [right, other] * 8)]
    wrong = {told(some) for some in pool if aimed(state, some) != shown or not joined(state.cubes, some, CELLS)}
    if min(len(right), len(other)) < 3 or len(wrong) < 7:
        return None
    text = "Cubes are added in the order given. Which list is legal at each step and ends with both silhouettes?"
    why = f"In {told(right)} each cube has a face in common with one before it; then both silhouettes are as aimed at."
    return Question.choice(text, told(right), sorted(wrong), why, state=shown)


@game.question(kind="strategy", qa_level="hard", number=5, wishes=range(1, MOST_ADDED + 1))
def fewest_cubes(state: State, rng: random.Random, wish: int) -> Question | None:
    """The fewest additions, each number equally often."""
    state = aimed(state, grown(rng, state.cubes, wish))
    best = fewest(state.cubes, CELLS, state.front, state.side) or []
    text = "At least how many cubes must be added, each legally, until the structure has both silhouettes?"
    why = f"{wish} are enough: {', '.join(best)}; fewer leave a gap."
    return Question.fill(text, wish, why, state=state) if len(best) == wish else None
