"""Countdown: reach the target from the given numbers, each used exactly once.

Problems are built from a random expression tree, so that every one has a
solution; drawing the target at random would leave nine in ten unsolvable.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np

from ludex.core import Task
from ludex.lookup import suggest
from ludex.rewards.expressions import MAX_DIGITS


@dataclass(frozen=True)
class Preset:
    """Numbers drawn from 1 to `largest`, and the inclusive range of targets."""

    numbers: int
    largest: int
    target: tuple[int, int]


DIFFICULTIES = {
    "easy": Preset(3, 20, (1, 100)),
    "medium": Preset(4, 50, (10, 100)),
    "hard": Preset(5, 100, (100, 999)),
}


def generate(
    rng: np.random.Generator,
    *,
    difficulty: str = "medium",
    numbers: int = 0,
    largest: int = 0,
    target: tuple[int, int] = (0, 0),
    operations: str = "+-*/",
    closeness: bool = False,
) -> Task:
    """Draw a solvable problem.

    Args:
        rng: the source of randomness.
        difficulty: "easy", "medium" or "hard", see DIFFICULTIES.
        numbers: how many numbers, 2 to 8; 0 takes the difficulty's.
        largest: numbers are drawn from 1 to this, of at most 12 digits; 0 takes the difficulty's.
        target: inclusive range of targets; (0, 0) takes the difficulty's.
        operations: the allowed signs, some of "+-*/", each once.
        closeness: grade a wrong value by its distance (levels far, near, close).

    Raises:
        ValueError: for an option out of range, or if no such problem is found.
    """
    preset = _preset(difficulty, numbers, largest, tuple(target), operations)
    draw = random.Random(int(rng.integers(1 << 62)))  # scalar draws cost a tenth of NumPy's
    for _ in range(10_000):
        given = [draw.randint(1, preset.largest) for _ in range(preset.numbers)]
        built = _combine(draw, given, operations)
        if built and preset.target[0] <= built[0] <= preset.target[1]:
            return _task(given, built[0], built[1], operations, difficulty, closeness)
    raise ValueError(f"countdown: no problem with a target in {preset.target} found in 10000 draws; widen target=")


def _preset(difficulty: str, numbers: int, largest: int, target: tuple[int, ...], operations: str) -> Preset:
    if difficulty not in DIFFICULTIES:
        raise ValueError(f"countdown: no difficulty {difficulty!r}; {suggest(difficulty, DIFFICULTIES)}")
    base = DIFFICULTIES[difficulty]
    if not 2 <= (numbers or base.numbers) <= 8:
        raise ValueError(f"countdown: numbers={numbers} must lie between 2 and 8")
    if not operations or set(operations) - set("+-*/") or len(set(operations)) < len(operations):
        raise ValueError(f"countdown: operations={operations!r} must be some of '+-*/', each once")
    if not 0 <= largest < 10**MAX_DIGITS:  # what the reader of answers takes
        raise ValueError(f"countdown: largest={largest} must lie between 1 and 10**{MAX_DIGITS} - 1")
    if [type(bound) for bound in target] != [int, int] or target[0] > target[1]:
        raise ValueError(f"countdown: target={target} must be two whole numbers, (lowest, highest)")
    low, high = target if target != (0, 0) else base.target
    return Preset(numbers or base.numbers, largest or base.largest, (low, high))


def _combine(draw: random.Random, given: list[int], operations: str) -> tuple[int, str] | None:
    """Join random pairs by random operations until one value is left; None after an inexact division."""
    values = [(n, str(n), "") for n in given]  # value, expression, its outermost sign
    while len(values) > 1:
        left = values.pop(draw.randrange(len(values)))
        right = values.pop(draw.randrange(len(values)))
        sign = draw.choice(operations)
        if sign == "/" and (right[0] == 0 or left[0] % right[0]):
            return None
        values.append((_apply(sign, left[0], right[0]), _join(left, sign, right), sign))
    return values[0][0], values[0][1]


def _apply(sign: str, a: int, b: int) -> int:
    return a + b if sign == "+" else a - b if sign == "-" else a * b if sign == "*" else a // b


def _join(left: tuple[int, str, str], sign: str, right: tuple[int, str, str]) -> str:
    """The joined expression with the fewest brackets."""
    a = f"({left[1]})" if sign in "*/" and left[2] and left[2] in "+-" else left[1]
    loose = right[2] and ((right[2] in "+-" and sign != "+") or (right[2] in "*/" and sign == "/"))
    b = f"({right[1]})" if loose else right[1]
    return f"{a} {sign} {b}"


def _task(given: list[int], target: int, solution: str, operations: str, difficulty: str, closeness: bool) -> Task:
    answer = {"numbers": given, "target": target, "operations": operations}
    if closeness:
        answer["closeness"] = True
    listed = ", ".join(map(str, given))
    return Task(
        prompt=(
            f"Use each of the numbers {listed} exactly once, with {' '.join(operations)} and brackets, "
            f"to make {target}. Answer as <answer>expression</answer>."
        ),
        answer=answer,
        verifier="countdown",
        info={
            "solution": f"<answer>{solution}</answer>",
            "key": f"{sorted(given)}={target}",
            "difficulty": difficulty,
        },
    )
