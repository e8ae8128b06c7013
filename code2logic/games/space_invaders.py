"""Space invaders: a fleet that marches and sinks, and a ship that shoots the lowest enemy of its column.

The columns of the fleet have lost any number of enemies from below, each number equally often. What a kind is worth
is drawn anew for every state and written above the grid, or the best shot would nearly always give the same; the
ship stands where a miss and each kind are equally likely. Levels are GameQA's: 3 rows by 4-5, 4 by 6-8, 5 by 9-11.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ludex.code2logic.game import Game, Question

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

    from ludex.code2logic.draw import Style
    from ludex.code2logic.glyphs import RGB

KINDS = ("purple", "blue", "green")
SHAPES = {  # the left halves, which are mirrored
    "purple": ("...X", "..XX", ".XXX", "XX.X", "XXXX", "..X.", ".X.X", "X.X."),
    "blue": ("X...", ".X..", ".XXX", "XX.X", "XXXX", "X.XX", "X.X.", "...X"),
    "green": ("..XX", ".XXX", "XXXX", "X..X", "XXXX", ".XX.", "XX.X", "X..."),
}
MARGIN = 3  # columns of the grid that the fleet does not fill, and rows between it and the ship's row


@dataclass(frozen=True)
class State:
    """`enemies` are (row, column, kind) from 0; `ship` is a column; `points` are what purple, blue and green give."""

    rows: int
    columns: int
    enemies: tuple[tuple[int, int, str], ...]
    ship: int
    heading: str
    points: tuple[int, ...]


def start(rng: random.Random, size: tuple[int, tuple[int, int]]) -> State:
    """A fleet with columns of any height, somewhere in the upper part of the grid."""
    deep, wide = size[0], rng.randint(*size[1])
    top, left = rng.randint(0, 1), rng.randint(0, MARGIN)
    heights = [0]
    while not any(heights):
        heights = [rng.randint(0, deep) for _ in range(wide)]
    enemies = sorted((top + r, left + c, rng.choice(KINDS)) for c, h in enumerate(heights) for r in range(h))
    points, heading = tuple(rng.sample(range(5, 105, 5), 3)), rng.choice(("left", "right"))
    state = State(top + deep + MARGIN + 1, wide + MARGIN, tuple(enemies), 0, heading, points)
    return replace(state, ship=any_outcome(state, rng))


def any_outcome(state: State, rng: random.Random) -> int:
    """A column where a shot has any of the possible outcomes, each equally often."""
    outcomes = {column: shot(state, column)[0] for column in range(state.columns)}
    wanted = rng.choice(sorted({*outcomes.values()}))
    return rng.choice([column for column, made in outcomes.items() if made == wanted])


def shot(state: State, column: int) -> tuple[int, State]:
    """The points of a shot in a column, and the state after it."""
    hit = max((enemy for enemy in state.enemies if enemy[1] == column), default=None)
    left = tuple(enemy for enemy in state.enemies if enemy != hit)
    return (worth(state, hit[2]) if hit else 0), replace(state, enemies=left)


def worth(state: State, kind: str) -> int:
    """The points of a kind."""
    return state.points[KINDS.index(kind)]


def step(state: State) -> State:
    """The fleet moves one column, or at the border one row down, with a turn."""
    side = 1 if state.heading == "right" else -1
    if all(0 <= column + side < state.columns for _, column, _ in state.enemies):
        return replace(state, enemies=tuple((row, column + side, kind) for row, column, kind in state.enemies))
    down = tuple((row + 1, column, kind) for row, column, kind in state.enemies)
    return replace(state, enemies=down, heading="left" if side == 1 else "right")


def reachable(state: State, column: int, reach: int) -> range:
    """The columns at most `reach` from one."""
    return range(max(0, column - reach), min(state.columns, column + reach + 1))


def describe(state: State) -> str:
    """The grid by initials, the points and the heading."""
    signs = {(row, column): kind[0].upper() for row, column, kind in state.enemies}
    signs[state.rows - 1, state.ship] = "^"
    lines = (" ".join(signs.get((r, c), ".") for c in range(state.columns)) for r in range(state.rows))
    grid = "\n".join(f"row {r + 1}: {line}" for r, line in enumerate(lines))
    prices = ", ".join(f"{kind} {worth(state, kind)}" for kind in KINDS)
    return f"Points: {prices}. The fleet moves {state.heading}.\nThe grid (P, B, G enemies, ^ ship, . free):\n{grid}"


def alien(pen: ImageDraw.ImageDraw, s: float, colour: RGB, kind: str) -> None:
    """An enemy of eight by eight blocks."""
    u = s / 8
    blocks = [(r, c) for r, half in enumerate(SHAPES[kind]) for c in range(8) if (half + half[::-1])[c] == "X"]
    for r, c in blocks:
        pen.rectangle((c * u, r * u, (c + 1) * u - 1, (r + 1) * u - 1), colour)


def draw(state: State, style: Style) -> Image.Image:
    """The kinds with their points and the heading above the grid."""
    from ludex.code2logic.draw import Canvas
    from ludex.code2logic.glyphs import heading

    canvas = Canvas(style)
    for i, kind in enumerate(KINDS):
        canvas.glyph((30 + 160 * i, 28), 32, alien, style.colour(kind), kind)
        canvas.text((52 + 160 * i, 28), f"{kind} {worth(state, kind)}", 20, anchor="lm")
    canvas.glyph((524, 28), 36, heading, style.colour("orange"), state.heading)
    grid = canvas.grid(state.rows, state.columns, (6, 52, 554, 554))
    for row, column, kind in state.enemies:
        grid.put(row, column, alien, style.colour(kind), kind, scale=0.75)
    grid.put(state.rows - 1, state.ship, heading, style.ink, "up", scale=0.75)
    return canvas.image


def count(state: State) -> int:
    """The number of enemies."""
    return len(state.enemies)


game = Game(
    name="space-invaders",
    rules=(
        "Space invaders: enemies of three kinds (purple, blue, green) form a fleet above a ship, which is in the "
        "lowest row of the grid. A shot flies straight up and at once destroys the lowest enemy in the ship's column, "
        "which gives the points of its kind; if there is no enemy in that column it gives 0. In a step of the fleet, "
        "all enemies move one column together in the fleet's direction; but if that would take any of the remaining "
        "enemies off the grid, they all move one row down instead, and the direction is reversed."
    ),
    legend="Above the grid are each kind's points and the fleet's direction. The arrow in the grid is the ship.",
    sizes={"easy": (3, (4, 5)), "medium": (4, (6, 8)), "hard": (5, (9, 11))},
    start=start, draw=draw, describe=describe, measure=count, measured="enemies",
)  # fmt: skip


@game.question(kind="perception", qa_level="easy", number=1)
def enemies_in_column(state: State, rng: random.Random) -> Question:
    """A column of the fleet; each height is equally frequent."""
    held = [column for _, column, _ in state.enemies]
    column = rng.randint(min(held), max(held))
    n = held.count(column)
    name = f"column {column + 1}"
    return Question.fill(f"How many enemies are in {name}?", n, f"In {name} there are {n}.", column=column + 1)


@game.question(kind="perception", qa_level="easy", number=2)
def enemies_in_row(state: State, rng: random.Random) -> Question:
    """A row that has enemies."""
    held = [row for row, _, _ in state.enemies]
    row = rng.choice(sorted(set(held)))
    n = held.count(row)
    return Question.fill(f"How many enemies are in row {row + 1}?", n, f"Row {row + 1} has {n}.", row=row + 1)


@game.question(kind="perception", qa_level="medium", number=3)
def enemies_in_all(state: State, rng: random.Random) -> Question:
    """The whole fleet."""
    held = [row for row, _, _ in state.enemies]
    rows = ", ".join(f"row {row + 1}: {held.count(row)}" for row in sorted(set(held)))
    return Question.fill("How many enemies are there in all?", count(state), f"{rows}; in all {count(state)}.")


@game.question(kind="perception", qa_level="medium", number=4)
def enemies_of_colour(state: State, rng: random.Random) -> Question:
    """The enemies of a kind."""
    colour = rng.choice(KINDS)
    n = sum(kind == colour for _, _, kind in state.enemies)
    return Question.fill(f"How many enemies are {colour}?", n, f"{n} of the enemies are {colour}.", colour=colour)


def told(state: State, column: int) -> str:
    """What a shot in a column gives, and why."""
    made = shot(state, column)[0]
    kind = next((kind for kind in KINDS if worth(state, kind) == made), "")
    return f"column {column + 1}: {f'{kind}, {made}' if kind else 'no enemy, 0'}"


@game.question(kind="prediction", qa_level="easy", number=5, options=4)
def points_here(state: State, rng: random.Random) -> Question:
    """A shot from where the ship is."""
    text, right = "How many points does a shot give from where the ship is?", shot(state, state.ship)[0]
    return Question.choice(text, right, [0, *state.points], f"Lowest in {told(state, state.ship)}.")


@game.question(kind="prediction", qa_level="easy", number=6, options=4)
def points_there(state: State, rng: random.Random) -> Question | None:
    """A shot from another column."""
    column = any_outcome(state, rng)
    if column == state.ship:
        return None
    text = f"The fleet stands still. How many points does a shot give after the ship moves to column {column + 1}?"
    right = shot(state, column)[0]
    return Question.choice(text, right, [0, *state.points], f"Lowest in {told(state, column)}.", column=column + 1)


@game.question(kind="prediction", qa_level="hard", number=7)
def points_of_series(state: State, rng: random.Random) -> Question:
    """Three to five shots from one column, with a step of the fleet after each."""
    shots, total, said, now = rng.randint(3, 5), 0, [], state
    for i in range(shots):
        said.append(f"shot {i + 1}, {told(now, state.ship)}")
        made, now = shot(now, state.ship)
        total, now = total + made, step(now)
    text = f"The ship stays and shoots {shots} times; after each shot the fleet makes one step. How many points in all?"
    return Question.fill(text, total, f"In turn: {'; '.join(said)}. Together {total}.", shots=shots)


@game.question(kind="strategy", qa_level="medium", number=8)
def best_shot(state: State, rng: random.Random) -> Question | None:
    """The best column within reach, where the columns differ."""
    reach = rng.randint(1, 4)
    made = {column: shot(state, column)[0] for column in reachable(state, state.ship, reach)}
    if len(set(made.values())) == 1:
        return None
    text = (
        f"The ship may move to a column at most {reach} away, or stay, and then shoots once; the fleet stands still. "
        "How many points can it score at most?"
    )
    why = f"Within reach, {'; '.join(told(state, column) for column in made)}. The most is {max(made.values())}."
    return Question.fill(text, max(made.values()), why, reach=reach)


@game.question(kind="strategy", qa_level="hard", number=9)
def best_two_shots(state: State, rng: random.Random) -> Question | None:
    """The best pair of shots, where pairs score three totals at least."""
    reach, totals = rng.randint(1, 4), {}
    for first in reachable(state, state.ship, reach):
        made, after = shot(state, first)
        for second in reachable(state, first, reach):
            totals[first, second] = made + shot(step(after), second)[0]
    if len(set(totals.values())) < 3:
        return None
    first, second = max(totals, key=lambda pair: totals[pair])
    text = (
        "The ship shoots twice, and the fleet makes one step between the shots. Before each shot the ship may move to "
        f"a column at most {reach} away, or stay. How many points can it score at most?"
    )
    then = told(step(shot(state, first)[1]), second)
    why = f"Best is first {told(state, first)}, and after the fleet's step {then}: {totals[first, second]} together."
    return Question.fill(text, totals[first, second], why, reach=reach)
