"""Pyramid chess: two players stack balls on a square base; four balls carry the next one.

Positions come from random play on bases of three, four and five balls a side, until
between two and six sevenths of the slots are full; players prefer the neighbourhood
of their own balls, or squares of one colour would be rare. What a slot is, and what
a ball there would do, is drawn first, each kind equally often; so is the number of
balls that are missing below a slot, among those that occur. The best slot is defined
by points, not by a guess at good play; positions without any are passed over.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from ludex.code2logic.game import Game, Question, at
from ludex.code2logic.parts.pyramid import OTHER, Slot, completes, is_free, is_open, missing, played, shape, worth

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Style

NAMES = {"R": "red", "B": "blue"}
NOWHERE = "there is no such slot"
CONTENTS = ("a red ball", "a blue ball", "empty", NOWHERE)
STATES = ("a free ball", "a ball that is not free", "empty and open", "empty but not open", NOWHERE)
OUTCOMES = ("no, it holds a ball", "no, it is empty but not open", "yes, but not take back", "yes, and take back")


@dataclass(frozen=True)
class State:
    """The pyramid.

    Attributes:
        size: slots along a side of the base; the level k above it has size - k along a side.
        balls: "R" red, "B" blue or "." empty for every slot, from the base to the top, each level row by row.
        mover: who is to move, "R" or "B".
    """

    size: int
    balls: str
    mover: str


def start(rng: random.Random, size: int) -> State:
    """Random play; the top stays empty."""
    total = len(shape(size)[0])
    return State(size, *played(rng, size, rng.randint(2 * total // 7, 6 * total // 7)))


def facts(state: State, slot: Slot) -> tuple[str, str, str]:
    """Which of CONTENTS, STATES and OUTCOMES hold of a slot; no outcome outside the pyramid."""
    size, balls, i = state.size, state.balls, shape(state.size)[0].get(slot)
    if i is None:
        return NOWHERE, NOWHERE, ""
    if balls[i] != ".":
        return f"a {NAMES[balls[i]]} ball", STATES[not is_free(size, balls, i)], OUTCOMES[0]
    if not is_open(size, balls, i):
        return "empty", STATES[3], OUTCOMES[1]
    return "empty", STATES[2], OUTCOMES[3 if completes(size, balls, i, state.mover) else 2]


def describe(state: State) -> str:
    """The levels, row by row."""
    head, signs = "R is a red ball, B a blue one, . an empty slot. Row by row:", iter(state.balls)
    lines = [f"It is {NAMES[state.mover]}'s turn. {head}"]
    for m in range(state.size, 0, -1):
        rows = ("".join(next(signs) for _ in range(m)) for _ in range(m))
        lines.append(f"level {state.size - m + 1}: {' / '.join(rows)}")
    return "\n".join(lines)


def draw(state: State, style: Style) -> Image.Image:
    """Two boards in the upper row, the others below; discs are red, rings blue."""
    from ludex.code2logic.draw import Canvas
    from ludex.code2logic.glyphs import disc, ring

    canvas, size = Canvas(style), state.size
    side = min(480 // (2 * size - 1), 412 // (2 * size - 2))
    canvas.text((280, 18), f"{NAMES[state.mover]} is to move", 20)
    grids, x, y = [], 6, 40
    for level, m in enumerate(range(size, 0, -1)):
        if level == 2:
            x, y = 6, y + size * side + 56
        grids.append(canvas.grid(m, m, (x, y + 20, x + m * side + 26, y + 46 + m * side)))
        canvas.text((x + 26 + m * side / 2, y + 8), f"level {level + 1}", 16)
        x += m * side + 44
    for (level, row, column), ball in zip(shape(size)[0], state.balls, strict=True):
        if ball != ".":
            grids[level].put(row, column, disc if ball == "R" else ring, style.colour(NAMES[ball]))
    return canvas.image


def slot_count(state: State) -> int:
    """The number of slots."""
    return len(state.balls)


game = Game(
    name="pyramid-chess",
    rules=(
        "Pyramid chess. Red and blue take turns to place a ball on a pyramid; level 1 is its base, and every level is "
        "a square one slot narrower than the one below. The slot in row r, column c of a level rests on the four slots "
        "in rows r, r + 1 and columns c, c + 1 of the level below. An empty slot is open if it lies on level 1 or all "
        "four slots on which it rests hold balls; balls may be placed on open slots only. A ball is free if no ball "
        "rests on it. Whoever completes a square of two by two balls of their own colour on one level may at once take "
        "back up to two of their free balls. Whoever places the ball at the top wins."
    ),
    legend="Every level is a board of its own, seen from above; full discs are red balls, rings are blue ones.",
    sizes={"easy": 3, "medium": 4, "hard": 5},
    start=start, draw=draw, describe=describe, measure=slot_count, measured="slots",
)  # fmt: skip


def named(slot: Slot) -> tuple[str, dict[str, Any]]:
    """A slot in words, and as the question's parameters."""
    return f"level {slot[0] + 1}, {at(*slot[1:])}", {"level": slot[0] + 1, "cell": at(*slot[1:])}


def ask(state: State, rng: random.Random, wish: str, kinds: tuple[str, ...], text: str) -> Question | None:
    """A question about a slot for which one of `kinds` holds, `wish`."""
    number = (CONTENTS, STATES, OUTCOMES).index(kinds)
    side = range(state.size)
    found = [slot for slot in product(side, side, side) if facts(state, slot)[number] == wish]
    if not found:
        return None
    place, asked = named(rng.choice(found))
    return Question.choice(text.format(place), wish, kinds, f"For {place}: {wish}.", **asked)


@game.question(kind="perception", qa_level="easy", number=0, wishes=CONTENTS)
def slot_content(state: State, rng: random.Random, wish: str) -> Question | None:
    """What is in a slot; some lie outside their level."""
    return ask(state, rng, wish, CONTENTS, "What is at {}?")


@game.question(kind="prediction", qa_level="medium", number=1, wishes=OUTCOMES)
def can_place(state: State, rng: random.Random, wish: str) -> Question | None:
    """Whether the mover may place a ball, and whether that allows to take balls back."""
    text = f"May {NAMES[state.mover]} place a ball at {{}}, and may {NAMES[state.mover]} then take balls back?"
    return ask(state, rng, wish, OUTCOMES, text)


@game.question(kind="perception", qa_level="medium", number=5, wishes=STATES)
def slot_status(state: State, rng: random.Random, wish: str) -> Question | None:
    """Whether a slot's ball is free, or an empty slot open."""
    return ask(state, rng, wish, STATES, "Which of these is true of {}?")


@game.question(kind="prediction", qa_level="hard", number=2)
def balls_needed(state: State, rng: random.Random) -> Question | None:
    """How many balls must come before a slot is open, each number that occurs equally often, but 1 and 2 half so."""
    counts = {slot: len(missing(state.size, state.balls, i)) for slot, i in shape(state.size)[0].items()}
    right = rng.choice(sorted(set(counts.values())))
    if right == 0 or (right < 3 and rng.random() < 0.5):
        return None
    place, asked = named(rng.choice([slot for slot in counts if counts[slot] == right]))
    text = f"If no ball is taken back, how many balls must be placed before the slot at {place} is open?"
    why = f"Below it, at any depth, {right} slots are empty; each needs a ball, the lowest first."
    return Question.fill(text, right, why, **asked)


@game.question(kind="strategy", qa_level="hard", number=3)
def best_slot(state: State, rng: random.Random) -> Question | None:
    """An open slot of the most points, where at least two others have fewer."""
    values = worth(state.size, state.balls, state.mover)
    most = max(values.values())
    worse = [named(slot)[0] for slot in values if values[slot] < most]
    if not most or len(worse) < 2:
        return None
    best = named(rng.choice([slot for slot in values if values[slot] == most]))[0]
    full = [named(slot)[0] for slot in shape(state.size)[0] if slot not in values]
    mine, theirs = NAMES[state.mover], NAMES[OTHER[state.mover]]
    text = (
        f"An open slot is worth 2 points for every square of two by two that a {mine} ball there completes in {mine}, "
        f"and 1 point for every one that a {theirs} ball there would complete in {theirs}. Which is worth most?"
    )
    near = rng.sample(worse, min(3, len(worse)))  # with more, most options would be open, and the best among them apart
    return Question.choice(text, best, full, f"{best} is worth {most}, no other open slot more.", near=near)


@game.question(kind="perception", qa_level="easy", number=4)
def balls_in_all(state: State, rng: random.Random) -> Question:
    """The balls of the pyramid."""
    red, blue = state.balls.count("R"), state.balls.count("B")
    why = f"{red} are red and {blue} blue: {red + blue} in all."
    return Question.fill("How many balls are on the pyramid?", red + blue, why)
