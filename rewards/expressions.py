"""Exact arithmetic on what a model wrote: + - * / and brackets, nothing else.

A tokenizer of our own, because Python's parser lets hexadecimals, exponents,
underscores and 100,000 signs through. Values are exact rationals.
"""

from __future__ import annotations

import re
from collections import Counter
from math import gcd

from ludex.core import Scale, Score, Task
from ludex.rewards.answers import Extract, read

MAX_LENGTH = 200  # characters
MAX_DIGITS = 12  # of one number

SCALE = Scale(
    ("no answer", "malformed", "wrong numbers", "wrong value", "correct"),
    (0.0, 0.05, 0.1, 0.2, 1.0),
    "correct",
)
# The graded option: how near the value is, still below the threshold.
CLOSENESS = Scale(
    ("no answer", "malformed", "wrong numbers", "far", "near", "close", "correct"),
    (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 1.0),
    "correct",
)

_TOKEN = re.compile(r"\s*(?:([0-9]+)|([-+*/()\u00d7\u00f7\u2212\u00b7])|(\S))")
_SIGNS = {"\u00d7": "*", "\u00b7": "*", "\u00f7": "/", "\u2212": "-"}
_RANK = {"+": 1, "-": 1, "*": 2, "/": 2}

Ratio = tuple[int, int]  # numerator, positive denominator, in lowest terms


class Malformed(ValueError):
    """The text is not an expression of the grammar."""


def evaluate(text: str) -> tuple[Ratio, list[int]]:
    """The exact value of `text` and the numbers it uses, in order.

    Grammar: ASCII integers without leading zeros, binary + - * / (also the signs
    U+00D7, U+00F7, U+2212, U+00B7), brackets, white space. No unary sign, no juxtaposition.

    Raises:
        Malformed: for anything else, or more than MAX_LENGTH characters.
        ZeroDivisionError: if the expression divides by zero.
    """
    if len(text) > MAX_LENGTH:
        raise Malformed(f"longer than {MAX_LENGTH} characters")
    reader = _Reader()
    for digits, sign, other in _TOKEN.findall(text.rstrip()):
        if other:
            raise Malformed(f"unexpected {other!r}")
        if digits:
            reader.number(digits)
        else:
            reader.sign(_SIGNS.get(sign, sign))
    return reader.value(), reader.numbers


class _Reader:
    """Dijkstra's shunting-yard: operators wait until one that binds less tightly comes."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self._values: list[Ratio] = []
        self._waiting: list[str] = []  # operators and open brackets
        self._operand = True  # what the grammar wants next

    def number(self, digits: str) -> None:
        if not self._operand or (digits[0] == "0" and len(digits) > 1) or len(digits) > MAX_DIGITS:
            raise Malformed(f"unexpected number {digits[:20]}")
        self.numbers.append(int(digits))
        self._values.append((self.numbers[-1], 1))
        self._operand = False

    def sign(self, sign: str) -> None:
        if (sign == "(") != self._operand:
            raise Malformed(f"unexpected {sign!r}")
        if sign == "(":
            self._waiting.append(sign)
        elif sign == ")":
            self._apply(0)
            if not self._waiting:
                raise Malformed("unexpected ')'")
            self._waiting.pop()
        else:
            self._apply(_RANK[sign])
            self._waiting.append(sign)
            self._operand = True

    def value(self) -> Ratio:
        if self._operand:
            raise Malformed("the expression is not complete")
        self._apply(0)
        if self._waiting:
            raise Malformed("a bracket is not closed")
        return self._values[0]

    def _apply(self, rank: int) -> None:
        """Apply the waiting operators that bind at least as tightly as `rank`, up to an open bracket."""
        while self._waiting and self._waiting[-1] != "(" and _RANK[self._waiting[-1]] >= rank:
            right, left = self._values.pop(), self._values.pop()
            self._values.append(apply(self._waiting.pop(), left, right))


def apply(sign: str, left: Ratio, right: Ratio) -> Ratio:
    """`left sign right` in lowest terms; ZeroDivisionError."""
    (a, b), (c, d) = left, right
    if sign == "*":
        top, bottom = a * c, b * d
    elif sign == "/":
        if c == 0:
            raise ZeroDivisionError
        top, bottom = (a * d, b * c) if c > 0 else (-a * d, -b * c)
    else:
        top, bottom = a * d + (c if sign == "+" else -c) * b, b * d
    common = gcd(top, bottom)
    return (top // common, bottom // common) if common > 1 else (top, bottom)


def countdown(response: str, task: Task, extract: Extract = "declared") -> Score:
    """An expression that uses each given number exactly once and equals the target.

    `task.answer` is {"numbers": [...], "target": n, "operations": "+-*/"}; with
    "closeness": true a wrong value is graded by its distance to the target.
    """
    gold = task.answer
    scale = CLOSENESS if gold.get("closeness") else SCALE
    reading = read(response, task, extract)
    if reading.text is None:
        return scale.score(reading.level, reading.why)
    try:
        value, numbers = evaluate(reading.text)
    except Malformed as error:
        return scale.score("malformed", str(error))
    except ZeroDivisionError:
        return scale.score(_wrong(scale, None, gold["target"]), "division by zero")
    if sorted(numbers) != sorted(gold["numbers"]):
        return scale.score("wrong numbers", f"uses {_difference(numbers, gold['numbers'])}")
    for sign in set("+-*/") - set(gold.get("operations", "+-*/")):
        if sign in reading.text or any(k in reading.text for k, v in _SIGNS.items() if v == sign):
            return scale.score("malformed", f"{sign} is not allowed")
    if value == (gold["target"], 1):
        return scale.score("correct")
    return scale.score(
        _wrong(scale, value, gold["target"]), f"equals {value[0]}" + (f"/{value[1]}" if value[1] > 1 else "")
    )


def _wrong(scale: Scale, value: Ratio | None, target: int) -> str:
    """The level of a wrong value; on the graded scale within 10 % is close, within 50 % near."""
    if scale is SCALE:
        return "wrong value"
    if value is None:
        return "far"
    distance, unit = abs(value[0] - target * value[1]), value[1] * max(1, abs(target))
    return "close" if 10 * distance <= unit else "near" if 2 * distance <= unit else "far"


def _difference(used: list[int], given: list[int]) -> str:
    extra, missing = Counter(used) - Counter(given), Counter(given) - Counter(used)
    parts = [
        f"{word} {', '.join(map(str, c.elements()))}" for word, c in (("too many:", extra), ("missing:", missing)) if c
    ]
    return "; ".join(parts)
