"""An exact Countdown solver: every value that the numbers can make, and in how many ways.

Dynamic programming over the sub-multisets of the numbers, in exact rationals. Two
expressions count as one if they differ only in the order around + or *, or in which
of two equal numbers is which; (a + b) + c and a + (b + c) are two.
Four numbers take milliseconds, five a tenth of a second, six seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, product
from typing import NamedTuple

from ludex.rewards.expressions import Ratio, apply


class Way(NamedTuple):
    """How a value can be made: the number of distinct expressions, and one of them."""

    amount: int
    expression: str


Ways = dict[Ratio, Way]
Subset = tuple[int, ...]  # how often each distinct number is taken


def count(numbers: Sequence[int], target: int, operations: str = "+-*/") -> int:
    """The number of distinct expressions that use each of `numbers` once and equal `target`."""
    return values(numbers, operations).get((target, 1), Way(0, "")).amount


def solution(numbers: Sequence[int], target: int, operations: str = "+-*/") -> str | None:
    """One expression that uses each of `numbers` once and equals `target`; None if there is none."""
    way = values(numbers, operations).get((target, 1))
    return way and way.expression.removeprefix("(").removesuffix(")")


def values(numbers: Sequence[int], operations: str = "+-*/") -> Ways:
    """Every value that an expression using each of `numbers` once can have, as numerator and denominator."""
    amounts = Counter(numbers)
    table: dict[Subset, Ways] = {}
    for subset in sorted(product(*(range(amount + 1) for amount in amounts.values())), key=sum):
        if sum(subset) == 1:
            number = next(n for n, taken in zip(amounts, subset, strict=True) if taken)
            table[subset] = {(number, 1): Way(1, str(number))}
        elif sum(subset) > 1:
            table[subset] = _join_parts(subset, table, operations)
    return table.get(tuple(amounts.values()), {})


def _join_parts(subset: Subset, table: dict[Subset, Ways], operations: str) -> Ways:
    """The values of a subset, from those of every way to split it into two."""
    found: Ways = {}
    for part in product(*(range(taken + 1) for taken in subset)):
        rest = tuple(taken - used for taken, used in zip(subset, part, strict=True))
        if part not in table or rest not in table:  # one of them is empty
            continue
        for sign in operations:
            if sign in "-/" or part <= rest:  # + and * take each unordered pair of parts once
                _add(found, sign, table[part], table[rest])
    return found


def _add(found: Ways, sign: str, left: Ways, right: Ways) -> None:
    """Count every `l sign r` into `found`."""
    for (v, a), (w, b), number in _operands(sign, left, right):
        if sign == "/" and w[0] == 0:
            continue
        value = apply(sign, v, w)
        known = found.get(value)
        found[value] = Way(known.amount + number, known.expression) if known else Way(number, f"({a} {sign} {b})")


def _operands(sign: str, left: Ways, right: Ways) -> Iterator[tuple[tuple[Ratio, str], tuple[Ratio, str], int]]:
    """Pairs of operands, each a value and its expression, and how many pairs of expressions have these values."""
    if left is right and sign in "+*":  # the two parts are alike: unordered pairs, with repetition
        for value, way in left.items():
            yield (value, way.expression), (value, way.expression), way.amount * (way.amount + 1) // 2
        pairs: Iterable[tuple[tuple[Ratio, Way], tuple[Ratio, Way]]] = combinations(left.items(), 2)
    else:
        pairs = product(left.items(), right.items())
    for (v, a), (w, b) in pairs:
        yield (v, a.expression), (w, b.expression), a.amount * b.amount
