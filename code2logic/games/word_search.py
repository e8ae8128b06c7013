"""Word search: letters in a square, and words that run through it in eight directions.

The words are 3,090 common English ones of 3-8 letters (words/common.txt): those of Debian's wamerican-small that
SCOWL, by Kevin Atkinson, counts to its most common level (words/LICENSE_SCOWL). Cells are filled with letters as
frequent as in these words. Every question plants what it asks about: a letter as often as was drawn, or a word in a
direction that was drawn, with false starts of it from the same cell and from another. A word occurs exactly once.
Levels are GameQA's: 5, 6-7 and 8 rows.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import ascii_uppercase
from typing import TYPE_CHECKING

from ludex.code2logic.game import Game, Question, at, numbers
from ludex.code2logic.parts.grids import AROUND, Place, beside, board, neighbours, written

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Style

WORDS = Path(__file__).parents[1] / "words" / "common.txt"
NAMES = {(-1, 0): "up", (1, 0): "down", (0, -1): "left", (0, 1): "right"}
DIRECTIONS = {" ".join(filter(None, (NAMES.get((r, 0)), NAMES.get((0, c))))): (r, c) for r, c in AROUND}

Board = dict[Place, str]


@dataclass(frozen=True)
class State:
    """The letters, A-Z, as rows from top to bottom, each from left to right; nothing is hidden."""

    letters: tuple[str, ...]


@cache
def words() -> list[str]:
    """The words, in capitals."""
    return WORDS.read_text().upper().split()


@cache
def frequent() -> str:
    """All letters of all words: a random one is as frequent as in the words."""
    return "".join(words())


def start(rng: random.Random, size: tuple[int, int]) -> State:
    """Random letters."""
    side = rng.randint(*size)
    return State(tuple("".join(rng.choices(frequent(), k=side)) for _ in range(side)))


def state_of(letters: Board) -> State:
    """The state of a board in the order of its places."""
    text, side = "".join(letters.values()), round(len(letters) ** 0.5)
    return State(tuple(text[i : i + side] for i in range(0, len(text), side)))


def path(place: Place, direction: str, length: int) -> list[Place]:
    """The places that a word takes."""
    return [beside(place, DIRECTIONS[direction], i) for i in range(length)]


def found(letters: Board, word: str) -> list[tuple[Place, str]]:
    """Where a word starts and how it runs, every time it occurs."""
    firsts = [place for place, letter in letters.items() if letter == word[0]]
    runs = ((place, direction) for place in firsts for direction in DIRECTIONS)
    return [run for run in runs if all(letters.get(there) == word[i] for i, there in enumerate(path(*run, len(word))))]


def hidden(state: State, rng: random.Random) -> tuple[State, str, Place, str] | None:
    """The state with a word in it, the word, its first place and its direction; None if it is there twice."""
    letters, side = board(state.letters), len(state.letters)
    word, direction = rng.choice([word for word in words() if len(word) <= side]), rng.choice(list(DIRECTIONS))
    room = [place for place in letters if path(place, direction, len(word))[-1] in letters]
    place, elsewhere = rng.choice(room), rng.choice(list(letters))
    for first in (elsewhere, place):
        for false in rng.sample(list(DIRECTIONS), 4):
            begin = word[: rng.randint(2, len(word) - 1)]
            ray = zip(path(first, false, len(begin)), begin, strict=True)
            letters |= {there: letter for there, letter in ray if there in letters}
    letters |= zip(path(place, direction, len(word)), word, strict=True)
    return (state_of(letters), word, place, direction) if len(found(letters, word)) == 1 else None


def describe(state: State) -> str:
    """The letters."""
    return f"The letters:\n{written(state.letters)}"


def draw(state: State, style: Style) -> Image.Image:
    """A letter in every cell."""
    from ludex.code2logic.draw import Canvas

    canvas = Canvas(style)
    grid = canvas.grid(len(state.letters), len(state.letters))
    for (row, column), letter in board(state.letters).items():
        grid.write(row, column, letter, scale=0.6)
    return canvas.image


def cells(state: State) -> int:
    """The number of cells."""
    return len(state.letters) ** 2


game = Game(
    name="word-search",
    rules=(
        "Word search: every cell of a square holds a letter. A word starts in some cell and runs straight from cell to "
        "cell in one direction: up, down, left, right or diagonally (up left, up right, down left or down right). It "
        "leaves no cell out and does not go beyond the border."
    ),
    legend="Row numbers stand at the left, column numbers at the top.",
    sizes={"easy": (5, 5), "medium": (6, 7), "hard": (8, 8)},
    start=start, draw=draw, describe=describe, measure=cells, measured="cells",
)  # fmt: skip


@game.question(kind="perception", qa_level="easy", number=0)
def letter_at(state: State, rng: random.Random) -> Question:
    """The letter of a cell, each letter of the board equally often; the letters around it are wrong options."""
    letters = board(state.letters)
    right = rng.choice(sorted(set(letters.values())))
    place = rng.choice([place for place, letter in letters.items() if letter == right])
    near = [letters[there] for there in neighbours(place, letters, AROUND)]
    name = at(*place)
    why = f"The cell at {name} holds {right}."
    return Question.choice(f"Which letter is at {name}?", right, ascii_uppercase, why, near=near, cell=name)


@game.question(kind="perception", qa_level="medium", number=1)
def occurrences(state: State, rng: random.Random) -> Question:
    """How often a letter occurs, each number from 1 to two more than the rows equally often."""
    letters, letter = board(state.letters), rng.choice(frequent())
    right = rng.randint(1, len(state.letters) + 2)
    chosen = {*rng.sample(list(letters), right)}
    others = frequent().replace(letter, "")
    for place, held in letters.items():
        if place in chosen or held == letter:
            letters[place] = letter if place in chosen else rng.choice(others)
    shown = state_of(letters)
    rows = ", ".join(f"row {r + 1}: {line.count(letter)}" for r, line in enumerate(shown.letters))
    text = f"How many cells hold the letter {letter}?"
    why = f"{rows}; in all {right}."
    return Question.choice(text, right, numbers(rng, right), why, state=shown, letter=letter)


def spelled(word: str, place: Place, direction: str) -> str:
    """Where each letter of a word stands."""
    there = zip(word, path(place, direction, len(word)), strict=True)
    return "; ".join(f"{letter} at {at(*where)}" for letter, where in there)


@game.question(kind="perception", qa_level="medium", number=2)
def word_direction(state: State, rng: random.Random) -> Question | None:
    """How a word runs from its first cell, each direction equally often."""
    if not (planted := hidden(state, rng)):
        return None
    shown, word, place, direction = planted
    text = f"The word {word} starts at {at(*place)}. In which direction does it run?"
    why = f"{spelled(word, place, direction)}: it runs {direction}."
    return Question.choice(text, direction, DIRECTIONS, why, state=shown, word=word, cell=at(*place))


@game.question(kind="perception", qa_level="hard")
def find_word(state: State, rng: random.Random) -> Question | None:
    """Where a word starts and how it runs; two cells are offered in four directions each."""
    if not (planted := hidden(state, rng)):
        return None
    shown, word, place, direction = planted
    letters = board(shown.letters)
    other = rng.choice([there for there in letters if there != place and letters[there] == word[0]] or [*letters])
    ways = [direction, *rng.sample([way for way in DIRECTIONS if way != direction], 3)]
    right, *wrong = (f"{at(*there)}, {way}" for there in (place, other) for way in ways)
    text = f"Where does the word {word} start, and in which direction does it run?"
    why = f"{spelled(word, place, direction)}. So: {right}."
    return Question.choice(text, right, wrong, why, state=shown, word=word)
