"""Jewel2: gems that vanish in lines of three or more, and special elements that take others with them.

Nothing falls in from above, so every outcome is determined. Some kinds of gems are more frequent, differently on each
board, which gives lines; 1 to n + 1 cells of an n x n board are special. A cell is asked about that
changes, its contents equally often ("nothing" in a tenth); few commands have no effect. Levels are GameQA's: 4, 5 and
6 rows.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ludex.code2logic.game import Game, Question, at, cells, listed
from ludex.code2logic.parts.gems import SPECIAL, Board, Command, fallen, swaps, vanishing
from ludex.code2logic.parts.grids import Place, board, written

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Style

COLOURS = {"A": "blue", "B": "orange", "C": "green", "D": "purple", "E": "yellow"}
NAMES = {f"{kind}": f"gem {kind}" for kind in COLOURS} | {kind.lower(): f"star {kind}" for kind in COLOURS}
NAMES |= {"|": "column arrow", "+": "cross arrow", ".": "nothing"}


@dataclass(frozen=True)
class State:
    """The elements as rows from top to bottom; nothing is hidden.

    "A" to "E" are gems, "a" to "e" stars of A to E, "|" a column arrow, "+" a cross arrow.
    """

    rows: tuple[str, ...]


def start(rng: random.Random, size: int) -> State:
    """Random gems, some kinds more frequent than others, and special elements among them."""
    weights = [rng.uniform(0.1, 1) ** 2 for _ in COLOURS]
    elements = rng.choices([*COLOURS], weights, k=size * size)
    for i in rng.sample(range(size * size), rng.randint(1, size + 1)):
        elements[i] = rng.choice(SPECIAL)
    return State(tuple("".join(elements[i : i + size]) for i in range(0, size * size, size)))


def told(command: Command) -> str:
    """A command in words."""
    return f"{'clear' if len(command) == 1 else 'swap'} {' with '.join(str(at(*place)) for place in command)}"


def describe(state: State) -> str:
    """The elements by signs."""
    return f"The board (A-E gems, a-e stars A to E, | column arrow, + cross arrow):\n{written(state.rows)}"


def draw(state: State, style: Style) -> Image.Image:
    """Discs and stars with their letters, and double arrows."""
    from ludex.code2logic.draw import Canvas, contrast
    from ludex.code2logic.glyphs import disc, double_arrow, star

    canvas = Canvas(style)
    grid = canvas.grid(len(state.rows), len(state.rows))
    for (row, column), kind in board(state.rows).items():
        for upright in {"|": (True,), "+": (True, False)}.get(kind, ()):
            grid.put(row, column, double_arrow, style.colour("red"), upright, scale=0.9)
        if kind not in "|+":
            colour = style.colour(COLOURS[kind.upper()])
            shape, scale = ((disc, colour), 0.72) if kind in COLOURS else ((star, colour, style.ink), 0.98)
            grid.put(row, column, *shape, scale=scale)
            grid.write(row, column, kind.upper(), contrast(colour), scale=0.34)
    return canvas.image


def area(state: State) -> int:
    """The number of cells."""
    return len(state.rows) ** 2


game = Game(
    name="jewel2",
    rules=(
        "A board of gems of five kinds, A to E, and special elements: stars, each with a letter A to E, column arrows "
        "and cross arrows. A line is three or more gems of one kind next to each other in a row or column. To clear a "
        "gem makes the lines through it vanish; without a line nothing happens. To clear a special element makes it "
        "vanish and act: a star takes all gems of its letter with it, a column arrow everything in its column, a cross "
        "arrow everything in its row and column. A special element that another one takes acts too. To swap two "
        "neighbouring cells exchanges their elements, and the lines through either cell vanish; if there is none, they "
        "change back and nothing happens. After a command the elements above empty cells fall down. Nothing new comes "
        "from above, and lines that come about by falling stay."
    ),
    legend="Discs are gems; an upright double arrow is a column arrow, two crossed ones are a cross arrow.",
    sizes={"easy": 4, "medium": 5, "hard": 6},
    start=start, draw=draw, describe=describe, measure=area, measured="cells",
)  # fmt: skip


@game.question(kind="perception", qa_level="easy", number=0)
def count_element(state: State, rng: random.Random) -> Question:
    """How many gems there are of a kind."""
    kind = rng.choice([*COLOURS])
    n = "".join(state.rows).count(kind)
    rows = ", ".join(f"row {r + 1}: {line.count(kind)}" for r, line in enumerate(state.rows))
    return Question.fill(f"How many {kind} gems (not stars) are there?", n, f"{rows}; in all {n}.", kind=kind)


@game.question(kind="perception", qa_level="easy", number=1)
def where_is(state: State, rng: random.Random) -> Question:
    """A cell that holds an element, every element of the board equally often."""
    now = board(state.rows)
    kind = rng.choice(sorted(set(now.values())))
    name, right = NAMES[kind], at(*rng.choice([place for place in now if now[place] == kind]))
    wrong = [at(*place) for place in now if now[place] != kind]
    text, why = f"Which of these cells holds a {name}?", f"The cell at {right} holds a {name}."
    return Question.choice(text, right, wrong, why, element=name)


@game.question(kind="perception", qa_level="easy", number=2)
def count_special(state: State, rng: random.Random) -> Question:
    """How many elements are special."""
    found = [at(*place) for place, kind in board(state.rows).items() if kind in SPECIAL]
    why = f"They are at {'; '.join(map(str, found))}: {len(found)}."
    return Question.fill("How many special elements are there (stars and arrows together)?", len(found), why)


@game.question(kind="prediction", qa_level="medium", number=3)
def after_clear(state: State, rng: random.Random, swap: bool = False) -> Question | None:
    """What a cell holds after a command: one that it changes, or one of its own where nothing happens."""
    now = board(state.rows)
    command = rng.choice(swaps(now) if swap else [(place,) for place in now])
    before, gone = vanishing(now, command)
    if not gone and rng.random() < (0.92 if swap else 0.7):
        return None
    after = fallen(before, gone)
    changed = {p: after.get(p, ".") for p in now if after.get(p, ".") != now[p]} or {p: now[p] for p in command}
    if not (contents := sorted({*changed.values()} - {"."})):
        return None
    kind = "." if gone and rng.random() < 0.1 else rng.choice(contents)
    place = rng.choice([p for p, held in changed.items() if held == kind])
    text = f"After the command to {told(command)}: what does the cell at {at(*place)} hold then?"
    why = f"Vanishing: {listed(cells(gone))}. After the fall the cell at {at(*place)} holds: {NAMES[kind]}."
    asked = {"command": cells(command), "cell": at(*place), "near": [NAMES[now[p]] for p in (place, *command)]}
    return Question.choice(text, NAMES[kind], NAMES.values(), why, **asked)


@game.question(kind="prediction", qa_level="medium", number=4)
def after_swap(state: State, rng: random.Random) -> Question | None:
    """What a cell holds after two are swapped."""
    return after_clear(state, rng, swap=True)


def effective(now: Board, rng: random.Random) -> tuple[Command, set[Place], Board]:
    """A random command of those that make something vanish (if any), what vanishes, and the board afterwards."""
    every = swaps(now) + [(place,) for place in now]
    for command in rng.sample(every, len(every)):
        before, gone = vanishing(now, command)
        if gone:
            return command, gone, fallen(before, gone)
    return (), set(), now


@game.question(kind="prediction", qa_level="hard", number=5)
def two_commands(state: State, rng: random.Random) -> Question | None:
    """How many elements vanish through two commands that both have an effect."""
    found = {}
    for _ in range(8):
        first, gone, after = effective(board(state.rows), rng)
        second, then, _ = effective(after, rng)
        found[len(gone) + len(then) if second else 0] = first, gone, second, then
    total = rng.choice(sorted(found))
    first, gone, second, then = found[total]
    text = f"First {told(first)}; then, after the fall, {told(second)}. How many elements vanish through both together?"
    why = f"First {listed(cells(gone))} vanish, then {listed(cells(then))}: {total} in all."
    return Question.fill(text, total, why, first=cells(first), second=cells(second)) if total else None


@game.question(kind="strategy", qa_level="hard", number=6)
def best_clear(state: State, rng: random.Random) -> Question | None:
    """The cells that make the most vanish if cleared, at most five of them."""
    now = board(state.rows)
    made = {place: len(vanishing(now, (place,))[1]) for place in now}
    best = [place for place in now if made[place] == max(made.values())]
    if len(best) > 5:
        return None
    right, *also = cells(rng.sample(best, len(best)))
    text = "Which cell must be cleared to make the most elements vanish (any, if several do)?"
    why = f"Clearing {right} makes {max(made.values())} elements vanish; no cell makes more."
    return Question.fill(text, right, why, also=also)
