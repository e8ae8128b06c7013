"""The towers of Hanoi: from any legal arrangement of the discs to a tower on the goal peg.

Levels go by the discs: 3, 4 and 5. Each disc starts on any peg, but not all on the goal. Numbers of discs are asked for
each as often, and empty pegs seldom.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import TYPE_CHECKING

from ludex.code2logic.game import Game, Question, listed

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Style

Move = tuple[int, int]  # from a peg to a peg


@dataclass(frozen=True)
class State:
    """The peg (0 to 2) of each disc, the smallest first, and the goal peg; a peg's discs lie by size."""

    pegs: tuple[int, ...]
    goal: int


def start(rng: random.Random, size: int) -> State:
    """Any arrangement of `size` discs that is not solved yet."""
    while True:
        state = State(tuple(rng.randrange(3) for _ in range(size)), rng.randrange(3))
        if set(state.pegs) != {state.goal}:
            return state


def tops(state: State) -> dict[int, int]:
    """The topmost, that is smallest, disc of each peg that has one, counted from 0."""
    return {peg: state.pegs.index(peg) for peg in sorted(set(state.pegs))}


def legal(state: State) -> list[Move]:
    """The moves of a topmost disc to another peg, empty or with a larger disc on top."""
    top = tops(state)
    return [(a, b) for a in top for b in range(3) if a != b and top[a] < top.get(b, len(state.pegs))]


def move(state: State, step: Move) -> State:
    """The arrangement after a legal move."""
    disc = tops(state)[step[0]]
    return State((*state.pegs[:disc], step[1], *state.pegs[disc + 1 :]), state.goal)


def solve(state: State) -> list[Move]:
    """The fewest moves to the goal: before a disc can move, all smaller ones must stand on the third peg."""
    steps: list[Move] = []
    _stack(list(state.pegs), len(state.pegs), state.goal, steps)
    return steps


def _stack(pegs: list[int], discs: int, goal: int, steps: list[Move]) -> None:
    """Bring the `discs` smallest onto a peg."""
    if not discs:
        return
    here = pegs[discs - 1]
    if here != goal:
        _stack(pegs, discs - 1, 3 - here - goal, steps)
        steps.append((here, goal))
        pegs[discs - 1] = goal
    _stack(pegs, discs - 1, goal, steps)


def describe(state: State) -> str:
    """The discs of each peg from the bottom up."""
    lines = []
    for peg in range(3):
        discs = [str(disc + 1) for disc, where in enumerate(state.pegs) if where == peg][::-1]
        lines.append(f"peg {peg + 1}{' (goal)' if peg == state.goal else ''}: {' '.join(discs) or 'empty'}")
    return f"The discs from the bottom up (1 is the smallest, {len(state.pegs)} the largest):\n" + "\n".join(lines)


def draw(state: State, style: Style) -> Image.Image:
    """Three pegs with numbered discs; the goal peg has a frame."""
    from ludex.code2logic.draw import COLOUR_NAMES, Canvas, contrast

    canvas, floor, high = Canvas(style), 470, 44
    canvas.pen.rectangle((12, floor, 548, floor + 14), style.solid)
    for peg in range(3):
        x, disc_top = 98 + 182 * peg, floor
        canvas.pen.rectangle((x - 6, 130, x + 6, floor), style.solid)
        canvas.text((x, floor + 36), f"peg {peg + 1}", 24)
        for disc in [d for d in reversed(range(len(state.pegs))) if state.pegs[d] == peg]:
            half, colour = 26 + 60 * (disc + 1) / len(state.pegs), style.colour(COLOUR_NAMES[disc])
            box = (x - half, disc_top - high, x + half, disc_top - 2)
            canvas.pen.rounded_rectangle(box, 12, colour, style.ink, 2)
            canvas.text((x, disc_top - high / 2), str(disc + 1), 26, contrast(colour))
            disc_top -= high
    x = 98 + 182 * state.goal
    canvas.pen.rounded_rectangle((x - 90, 90, x + 90, floor + 62), 12, None, style.colour("orange"), 5)
    canvas.text((x, 60), "goal", 24)
    return canvas.image


def discs(state: State) -> int:
    """The number of discs."""
    return len(state.pegs)


game = Game(
    name="hanoi",
    rules=(
        "The towers of Hanoi. Discs of different sizes lie on three pegs. A move takes the topmost disc of a peg to "
        "another peg, which must be empty or have a larger disc on top. The puzzle is solved when all discs are on the "
        "goal peg."
    ),
    legend="Discs are numbered by size, 1 is the smallest; the goal peg has a frame.",
    sizes={"easy": 3, "medium": 4, "hard": 5},
    start=start, draw=draw, describe=describe, measure=discs, measured="discs",
)  # fmt: skip


def named(step: Move) -> str:
    """A move in words."""
    return f"peg {step[0] + 1} to peg {step[1] + 1}"


def held(state: State, peg: int) -> str:
    """The discs of a peg from the bottom up."""
    return ", ".join(str(disc + 1) for disc in reversed(range(len(state.pegs))) if state.pegs[disc] == peg) or "no disc"


EVERY = [named((a, b)) for a in range(3) for b in range(3) if a != b]


@game.question(kind="perception", qa_level="easy", wishes=range(4))
def discs_on(state: State, rng: random.Random, wish: int) -> Question | None:
    """The discs of a peg, none to three equally often."""
    peg = rng.randrange(3)
    if state.pegs.count(peg) != wish:
        return None
    why = f"On peg {peg + 1} there is {held(state, peg)}: {wish} in all."
    return Question.choice(f"How many discs are on peg {peg + 1}?", wish, range(5), why, peg=peg + 1)


ORDERS = [listed(words for words in EVERY if words in {*map(named, combinations(pegs, 2))})
          for pegs in permutations(range(3))]  # fmt: skip


@game.question(kind="perception", qa_level="medium", options=6)
def legal_moves(state: State, rng: random.Random) -> Question | None:
    """The legal moves where they are three: every order of the pegs by their top discs allows other ones."""
    right = listed(map(named, sorted(legal(state))))
    if right not in ORDERS:
        return None
    return Question.choice("Which moves are legal now? Choose all of them.", right, ORDERS, f"Legal are {right}.")


@game.question(kind="prediction", qa_level="medium")
def peg_after(state: State, rng: random.Random) -> Question | None:
    """The discs of a peg after as many legal moves as there are discs, none taken back at once."""
    now, moves, count = state, list[Move](), len(state.pegs)
    for _ in range(count):
        moves.append(rng.choice([step for step in legal(now) if step[::-1] not in moves[-1:]]))
        now = move(now, moves[-1])
    right = held(now, peg := rng.randrange(3))
    if right == "no disc" and rng.random() < 0.8:
        return None
    some = [combinations(range(count, 0, -1), k) for k in range(count + 1)]
    wrong = [", ".join(map(str, pile)) or "no disc" for piles in some for pile in piles]
    way = [named(step) for step in moves]
    text = f"After the moves {'; '.join(way)}: which discs are on peg {peg + 1}, from the bottom up?"
    why = f"Then pegs 1 to 3 have {'; '.join(held(now, p) for p in range(3))}."
    near = [held(board, p) for board in (state, now) for p in range(3)]
    return Question.choice(text, right, wrong, why, near=near, moves=way, peg=peg + 1)


@game.question(kind="strategy", qa_level="hard")
def fewest_moves(state: State, rng: random.Random) -> Question:
    """How many moves the puzzle still takes."""
    way = solve(state)
    why = f"{'; '.join(map(named, way))}: {len(way)} moves, and no fewer do."
    return Question.fill("What is the fewest number of moves that solves the puzzle?", len(way), why)


@game.question(kind="strategy", qa_level="hard")
def first_move(state: State, rng: random.Random) -> Question:
    """The first move of the shortest solution (there is only one), among the others."""
    way = solve(state)
    why = f"The fewest moves are {len(way)}, and they begin with {named(way[0])}."
    text = "The puzzle shall be solved in the fewest moves. Which is the first?"
    return Question.choice(text, named(way[0]), EVERY, why, near=map(named, legal(state)))
