"""Arithmetic: the exact value of an expression of whole numbers."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np

from ludex.core import Task
from ludex.lookup import suggest
from ludex.rewards.expressions import Ratio, apply

REPLY = r"Give the exact value, an integer or a fraction, as \boxed{value}."
MAX_DRAWS = 1000
MAX_VALUE = 10**6  # of numerator and denominator, at every step


@dataclass(frozen=True)
class Preset:
    """`terms` numbers from 1 to `largest`."""

    terms: int
    largest: int


DIFFICULTIES = {"easy": Preset(3, 20), "medium": Preset(4, 50), "hard": Preset(6, 100)}


@dataclass(frozen=True)
class Node:
    """An expression: how it is written, its outermost sign, its exact value, and how that was reached.

    `parts` are its signed summands or factors in a fixed order and `key` joins
    them, so that expressions which differ only in order and brackets share it.
    """

    text: str
    sign: str
    value: Ratio
    key: str
    parts: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()


def generate(
    rng: np.random.Generator,
    *,
    difficulty: str = "medium",
    terms: int = 0,
    largest: int = 0,
    operations: str = "+-*/",
) -> Task:
    """Draw an expression; its value is an integer or a fraction.

    Args:
        rng: the source of randomness.
        difficulty: "easy", "medium" or "hard", see DIFFICULTIES.
        terms: how many numbers, 2 to 12; 0 takes the difficulty's.
        largest: numbers are drawn from 1 to this; 0 takes the difficulty's.
        operations: the signs to use, some of "+-*/"; repeat one to see it more often.

    Raises:
        ValueError: for an option out of range, or if no such problem is found.
    """
    preset = _preset(difficulty, terms, largest, operations)
    found = expression(random.Random(int(rng.integers(1 << 62))), preset, operations)
    value = text_of(found.value)
    return Task(
        prompt=f"What is {found.text}? {REPLY}",
        answer=value,
        verifier="maths",
        info={
            "solution": f"{'; '.join(found.steps)}. The value is \\boxed{{{value}}}.",
            "key": found.key,
            "form": "boxed",
            "difficulty": difficulty,
            "family": "arithmetic",
        },
    )


def _preset(difficulty: str, terms: int, largest: int, operations: str) -> Preset:
    if difficulty not in DIFFICULTIES:
        raise ValueError(f"arithmetic: no difficulty {difficulty!r}; {suggest(difficulty, DIFFICULTIES)}")
    base = DIFFICULTIES[difficulty]
    if not 2 <= (terms or base.terms) <= 12:
        raise ValueError(f"arithmetic: terms={terms} must lie between 2 and 12")
    if not 2 <= (largest or base.largest) <= 10_000:
        raise ValueError(f"arithmetic: largest={largest} must lie between 2 and 10000")
    if not operations or set(operations) - set("+-*/"):
        raise ValueError(f"arithmetic: operations={operations!r} must be some of '+-*/'")
    return Preset(terms or base.terms, largest or base.largest)


def text_of(value: Ratio) -> str:
    """The value as a numeral: "7/3", or "7" for a whole number."""
    return str(value[0]) if value[1] == 1 else f"{value[0]}/{value[1]}"


def expression(draw: random.Random, preset: Preset, operations: str = "+-*/") -> Node:
    """A random expression whose value is none of its numbers; ValueError if there seems to be none."""
    for _ in range(MAX_DRAWS):
        given = [draw.randint(1, preset.largest) for _ in range(preset.terms)]
        found = _combine(draw, given, operations)
        if found and text_of(found.value) not in map(str, given):
            return found
    raise ValueError(
        f"arithmetic: no expression of {preset.terms} numbers up to {preset.largest} with {operations!r} "
        f"in {MAX_DRAWS} draws keeps its values below {MAX_VALUE}"
    )


def _combine(draw: random.Random, given: list[int], operations: str) -> Node | None:
    """Join random neighbours until one expression is left; None after a division by 0 or a large value."""
    nodes = [Node(str(n), "", (n, 1), str(n)) for n in given]
    while len(nodes) > 1:
        i = draw.randrange(len(nodes) - 1)
        left, right = nodes[i : i + 2]
        sign = draw.choice(operations)
        if sign == "/" and right.value[0] == 0:
            return None
        joined = _join(left, sign, right)
        if max(map(abs, joined.value)) > MAX_VALUE:
            return None
        nodes[i : i + 2] = [joined]
    return nodes[0]


def _join(left: Node, sign: str, right: Node) -> Node:
    value = apply(sign, left.value, right.value)
    # Brackets only where they are needed: a - (b + c), but a + b - c.
    a = f"({left.text})" if sign in "*/" and left.sign in ("+", "-") else left.text
    loose = {"+": "", "-": "+-", "*": "+-", "/": "+-*/"}[sign]
    b = f"({right.text})" if right.sign and right.sign in loose else right.text
    step = f"{_bracketed(left.value)} {sign} {_bracketed(right.value)} = {text_of(value)}"
    signs = "+-" if sign in "+-" else "*/"
    parts = tuple(sorted(_parts(left, signs, False) + _parts(right, signs, sign == signs[1])))
    return Node(f"{a} {sign} {b}", sign, value, f"({''.join(parts)})", parts, (*left.steps, *right.steps, step))


def _bracketed(value: Ratio) -> str:
    return text_of(value) if value[1] == 1 and value[0] >= 0 else f"({text_of(value)})"


def _parts(node: Node, signs: str, flip: bool) -> list[str]:
    """The signed summands (signs "+-") or factors ("*/") of a node; `flip` turns every sign around."""
    parts = node.parts if node.sign and node.sign in signs else (signs[0] + node.key,)
    return [signs[part[0] == signs[0]] + part[1:] if flip else part for part in parts]
