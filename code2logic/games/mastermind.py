"""Mastermind: a hidden row of colours, and what guesses tell about it.

The colours in play are drawn from seven. Levels: 3 pegs of 4 colours, 3 of 6 and 4 of 6; colours may repeat. Questions
show two to four guesses; those about what is still possible go on guessing codes that may be right until few are left.
How often a colour occurs, and how many codes are left, are drawn first, so that no count is frequent.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

from ludex.code2logic.game import Game, Question, listed

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Style

COLOURS = ("blue", "orange", "green", "yellow", "red", "purple", "grey")
GUESSES = 8  # rows of the board
TRIES = 20  # sets of options for one board

Code = tuple[str, ...]


@dataclass(frozen=True)
class State:
    """The colours in play, the hidden code, and the guesses so far."""

    colours: tuple[str, ...]
    secret: tuple[str, ...]
    guesses: tuple[tuple[str, ...], ...] = ()


def start(rng: random.Random, size: tuple[int, int]) -> State:
    """A code of `size` (pegs, colours), no guess yet."""
    pegs, kinds = size
    colours = sorted(rng.sample(COLOURS, kinds), key=COLOURS.index)
    return State(tuple(colours), tuple(rng.choice(colours) for _ in range(pegs)))


def feedback(secret: Code, guess: Code) -> tuple[int, int]:
    """How many pegs have the right colour in the right place, and how many more the right colour elsewhere."""
    exact = sum(a == b for a, b in zip(secret, guess, strict=True))
    return exact, sum(min(secret.count(colour), guess.count(colour)) for colour in set(guess)) - exact


def codes(state: State) -> list[Code]:
    """Every code of the colours in play."""
    return list(product(state.colours, repeat=len(state.secret)))


def agreeing(state: State) -> list[Code]:
    """The codes that agree with every answer so far."""
    found: Iterable[Code] = codes(state)
    for guess in state.guesses:
        told = feedback(state.secret, guess)
        found = [code for code in found if feedback(code, guess) == told]
    return list(found)


def guessed(state: State, guess: Code) -> State:
    """The board with one guess more."""
    return replace(state, guesses=(*state.guesses, guess))


def describe(state: State) -> str:
    """The guesses with their answers."""
    lines = [f"The code has {len(state.secret)} pegs; the colours are {listed(state.colours)}."]
    for i, guess in enumerate(state.guesses):
        exact, near = feedback(state.secret, guess)
        lines.append(f"guess {i + 1}: {' '.join(guess)}: {exact} in place, {near} elsewhere")
    return "\n".join([*lines, f"Guesses: {len(state.guesses)} of {GUESSES}."])


def draw(state: State, style: Style) -> Image.Image:
    """A row a guess, with the answer on its right: full discs in place, rings elsewhere; the colours stand below."""
    from ludex.code2logic.draw import Canvas
    from ludex.code2logic.glyphs import disc, ring

    canvas, pegs, high = Canvas(style), len(state.secret), 58
    for row in range(GUESSES):
        y = 32 + high * row
        canvas.text((24, y), str(row + 1), 20)
        canvas.pen.line((10, y + high / 2, 550, y + high / 2), style.line, 1)
        guess = state.guesses[row] if row < len(state.guesses) else ()
        for i in range(pegs):
            if guess:
                canvas.glyph((80 + 64 * i, y), 48, disc, style.colour(guess[i]), style.ink)
            else:
                canvas.glyph((80 + 64 * i, y), 14, disc, style.line)
        exact, near = feedback(state.secret, guess) if guess else (0, 0)
        for i in range(exact + near):
            canvas.glyph((110 + 64 * pegs + 34 * i, y), 24, disc if i < exact else ring, style.ink)
    for i, name in enumerate(state.colours):
        x = 560 * (i + 0.5) / len(state.colours)
        canvas.glyph((x, 514), 26, disc, style.colour(name), style.ink)
        canvas.text((x, 542), name, 16)
    return canvas.image


def possible(state: State) -> int:
    """The number of codes."""
    return int(len(state.colours) ** len(state.secret))


game = Game(
    name="mastermind",
    rules=(
        "Mastermind. A row of coloured pegs, the code, is hidden; colours may repeat. After each guess you are told "
        "how many pegs have the right colour in the right place, and how many more have a colour of the code, but in "
        "another place; each peg of the code and of the guess counts once at most."
    ),
    legend=(
        "Each row is a guess, the first on top. To its right, a full disc stands for a peg in place, a ring for a "
        "right colour elsewhere. The colours in play are named below."
    ),
    sizes={"easy": (3, 4), "medium": (3, 6), "hard": (4, 6)},
    start=start, draw=draw, describe=describe, measure=possible, measured="codes",
)  # fmt: skip


def begun(rng: random.Random, size: tuple[int, int]) -> State:
    """Two to four guesses, any but the code itself."""
    state = start(rng, size)
    others = [code for code in codes(state) if code != state.secret]
    return replace(state, guesses=tuple(rng.sample(others, rng.randint(2, 4))))


def narrowed(rng: random.Random, size: tuple[int, int]) -> State:
    """Guesses that may each be the code, but are not, until at most six codes are left."""
    state = begun(rng, size)
    while len(left := agreeing(state)) > 6 and len(state.guesses) < GUESSES:
        state = guessed(state, rng.choice([code for code in left if code != state.secret]))
    return state


def answer(told: tuple[int, int]) -> str:
    """An answer in words."""
    return f"{told[0]} in place, {told[1]} elsewhere"


@game.question(kind="perception", qa_level="easy", start=begun, wishes=range(4))
def guesses_with(state: State, rng: random.Random, wish: int) -> Question | None:
    """In how many guesses a colour occurs, 0 to 3 equally often."""
    fitting = [colour for colour in state.colours if sum(colour in guess for guess in state.guesses) == wish]
    if not fitting:
        return None
    colour = rng.choice(fitting)
    rows = listed(i + 1 for i, guess in enumerate(state.guesses) if colour in guess)
    why = f"Guesses with {colour}: {rows}. That is {wish}."
    return Question.fill(f"How many of the guesses have at least one {colour} peg?", wish, why, colour=colour)


@game.question(kind="prediction", qa_level="medium", start=begun)
def answer_if(state: State, rng: random.Random) -> Question:
    """The answer to a guess if the code were another one; every answer that occurs equally often."""
    row = rng.randrange(len(state.guesses))
    told: dict[tuple[int, int], list[Code]] = {}
    for code in codes(state):
        told.setdefault(feedback(code, state.guesses[row]), []).append(code)
    right = rng.choice(sorted(told))
    code = rng.choice(told[right])
    pegs = len(code)
    wrong = [answer((a, b)) for a in range(pegs + 1) for b in range(pegs + 1 - a) if (a, b) != right]
    text = f"If the code were {', '.join(code)}, what would be the answer to guess {row + 1}?"
    why = f"Guess {row + 1} is {', '.join(state.guesses[row])}: against {', '.join(code)} that is {answer(right)}."
    return Question.choice(text, answer(right), wrong, why, code=list(code), guess=row + 1)


@game.question(kind="strategy", qa_level="hard", start=narrowed)
def possible_code(state: State, rng: random.Random) -> Question | None:
    """A code that agrees with every answer, among those that are made with another colour for each of three pegs."""
    left = agreeing(state)
    right = rng.choice(left)
    for _ in range(TRIES):
        ways: list[Code] = [(peg,) for peg in right]
        for i in rng.sample(range(len(right)), 3):
            ways[i] = right[i], rng.choice([colour for colour in state.colours if colour != right[i]])
        wrong = {*product(*ways)} - {right}
        if wrong.isdisjoint([*left, *state.guesses]):
            why = f"Only {', '.join(right)} among these gets the answer that was given from every guess."
            text = "Which of these codes agrees with every answer so far?"
            return Question.choice(text, ", ".join(right), (", ".join(code) for code in sorted(wrong)), why)
    return None


@game.question(kind="strategy", qa_level="hard", start=narrowed, wishes=range(1, 7))
def codes_left(state: State, rng: random.Random, wish: int) -> Question | None:
    """How many codes agree with every answer, 1 to 6 equally often."""
    left = agreeing(state)
    if len(left) != wish:
        return None
    why = f"These codes agree: {'; '.join(', '.join(code) for code in left)}. That is {wish}."
    return Question.fill("How many codes agree with every answer so far?", wish, why)
