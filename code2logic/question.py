"""What a question template returns: a text, the right answer, and why it is right.

Cells are named "row r, column c" in every game, counted from 1 at the top left.
Games count from 0 inside; `at(r, c)` is the one place where 1 is added.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from ludex.rewards.answers import fold
from ludex.rewards.choice import LETTERS


class Cell(NamedTuple):
    """A cell as people name it, counted from 1 at the top left."""

    row: int
    column: int

    def __str__(self) -> str:
        return f"row {self.row}, column {self.column}"


def at(row: int, column: int) -> Cell:
    """The name of the cell that a game counts from 0."""
    return Cell(row + 1, column + 1)


def cells(places: Iterable[tuple[int, int]]) -> list[Cell]:
    """The names of several cells, in their order; of a set in order of row and column."""
    return [at(*place) for place in (sorted(places) if isinstance(places, Set) else places)]


Gold = int | str | Decimal | Cell | tuple[Any, ...] | list[Any]

FORMS = {
    "choice": "Answer with the letter of the one right option, as <answer>letter</answer>.",
    "integer": "Answer with a whole number in digits, as <answer>number</answer>.",
    "cell": "Answer with a cell, as <answer>row R, column C</answer>.",
    "list": "Answer with the values in order, as <answer>[first, second, ...]</answer>.",
    "word": "Answer with one word, as <answer>word</answer>.",
    "phrase": "Answer with the phrase, as <answer>phrase</answer>.",
}


@dataclass(frozen=True)
class Question:
    """One question about one state; build it by `choice` or `fill`.

    Attributes:
        text: what is asked.
        right: the right option's text, or the gold of a fill-in (its type chooses the verifier's parser).
        why: the worked solution, from the game's own calls; it names the answer.
        wrong: texts of wrong options; none for a fill-in.
        near: how many of `wrong`, from its start, are offered before any other.
        also: other golds of a fill-in that are as right.
        among: the only texts that a fill-in may be; others are malformed.
        asked: the question's parameters as plain data, cells as Cell; what a checker reads beside the state.
        state: the state to show where the question changes it, for instance by marks.
    """

    text: str
    right: Gold
    why: str
    wrong: tuple[str, ...] = ()
    also: tuple[Gold, ...] = ()
    among: tuple[str, ...] = ()
    asked: dict[str, Any] = field(default_factory=dict)
    state: Any = None
    near: int = 0

    @classmethod
    def choice(
        cls,
        text: str,
        right: Any,
        wrong: Iterable[Any],
        why: str,
        *,
        near: Iterable[Any] = (),
        state: Any = None,
        **asked: Any,
    ) -> Question:
        """A multiple choice; `near` are the wrong options to offer before those of `wrong`.

        Repetitions, and the right option itself, are left out.

        Raises:
            ValueError: if no wrong option is left.
        """
        tempting = {fold(str(option)): str(option) for option in near if fold(str(option)) != fold(str(right))}
        pool = {fold(str(option)): str(option) for option in wrong if fold(str(option)) != fold(str(right))}
        pool = tempting | pool
        if not pool:
            raise ValueError(f"{text!r} has no wrong option")
        return cls(text, str(right), why, tuple(pool.values()), asked=asked, state=state, near=len(tempting))

    @classmethod
    def fill(
        cls,
        text: str,
        right: Gold,
        why: str,
        *,
        also: Iterable[Gold] = (),
        among: Iterable[str] = (),
        state: Any = None,
        **asked: Any,
    ) -> Question:
        """A fill-in; `also` holds the other answers that are right too."""
        others = tuple(gold for gold in also if gold != right)
        return cls(text, right, why, (), others, tuple(among), asked, state)

    def pose(self, rng: random.Random, most: int) -> Posed:
        """Options drawn, shuffled and lettered, at most `most`; a fill-in is posed as it is."""
        if not self.wrong:
            kind = kind_of(self.right)
            accept = [plain(gold) for gold in (self.right, *self.also)]
            answer: dict[str, Any] = {"kind": kind, "accept": accept}
            form = _form(kind, self)
            if self.among:
                answer["among"] = list(self.among)
            return Posed(f"{self.text}\n{form}", answer, "fill", shown(self.right))
        near, rest = [*self.wrong[: self.near]], [*self.wrong[self.near :]]
        rng.shuffle(near)
        rng.shuffle(rest)
        options = [str(self.right), *(near + rest)[: most - 1]]
        rng.shuffle(options)
        letter = LETTERS[options.index(str(self.right))]
        listed = "\n".join(f"{LETTERS[i]}. {option}" for i, option in enumerate(options))
        prompt = f"{self.text}\n{listed}\n{FORMS['choice']}"
        return Posed(prompt, {"letter": letter, "options": options}, "choice", letter)


@dataclass(frozen=True)
class Posed:
    """A question in its final words: what follows the rules, the gold as the verifier reads it, the right response."""

    prompt: str
    answer: dict[str, Any]
    verifier: str
    response: str


def kind_of(gold: Gold) -> str:
    """The kind of fill-in, by the gold's type. TypeError for a type that no parser reads."""
    if isinstance(gold, bool) or not isinstance(gold, int | str | Decimal | tuple | list):
        raise TypeError(f"a gold must be int, str, Decimal, Cell, tuple or list, not {type(gold).__name__} {gold!r}")
    if isinstance(gold, str):
        return "phrase" if " " in gold.strip() else "word"
    kinds = {int: "integer", Decimal: "decimal", Cell: "cell"}
    return kinds.get(type(gold), "list")


def _form(kind: str, question: Question) -> str:
    if kind == "decimal" and isinstance(question.right, Decimal):
        places = -int(question.right.as_tuple().exponent)
        return f"Answer with a number rounded to {places} decimals, as <answer>number</answer>."
    if question.among:
        return f"Answer with one of: {', '.join(question.among)}. Write it as <answer>{kind}</answer>."
    return FORMS[kind]


def plain(value: Any) -> Any:
    """`value` as JSON data: tuples become lists, Decimals text with all their places, keys text."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(plain(item) for item in value)
    return value


def shown(gold: Gold) -> str:
    """A gold as a response would give it."""
    if isinstance(gold, int | str | Decimal | Cell):
        return str(gold)
    return json.dumps(plain(gold)).replace('"', "")


def numbers(rng: random.Random, right: int, count: int = 8, low: int = 0) -> list[int]:
    """`count` successive whole numbers that hold `right` at a random place, none below `low`."""
    first = max(low, right - rng.randrange(count))
    return list(range(first, first + count))


def listed(values: Iterable[Any]) -> str:
    """Values as text: "a, b and c"; "none" if there are none."""
    *most, last = [*map(str, values)] or ["none"]
    return f"{', '.join(most)} and {last}" if most else last
