"""What a family of maths problems returns, and how it writes numbers and polynomials."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

T = TypeVar("T")

NUMBER = r"Give the exact value, an integer or a fraction, as \boxed{value}."
COEFFICIENTS = r"Give its coefficients, the highest power first and zeros included, as \boxed{(first, ..., last)}."
EXPRESSION = r"Give a formula in x as \boxed{formula}."


@dataclass(frozen=True)
class Problem:
    """One problem with its only right answer.

    Attributes:
        question: the statement, without the way to answer; mathematics between dollars.
        answer: the gold: a numeral such as "7/3", coefficients such as "(2, 0, -7/3)", or a formula in LaTeX.
        work: a short derivation; the boxed answer is appended to it.
        key: canonical form of the problem inside its family.
        reply: how to answer.
    """

    question: str
    answer: str
    work: str
    key: str
    reply: str = NUMBER


Family = Callable[[random.Random, str], Problem]


def pick(difficulty: str, easy: T, medium: T, hard: T) -> T:
    """The value that goes with `difficulty`."""
    return {"easy": easy, "medium": medium, "hard": hard}[difficulty]


def nonzero(draw: random.Random, largest: int) -> int:
    """A whole number from -largest to largest, but not 0."""
    return draw.choice((-1, 1)) * draw.randint(1, largest)


def distinct(draw: random.Random, count: int, largest: int) -> list[int]:
    """`count` different whole numbers other than 0, from -largest to largest."""
    return draw.sample([n for n in range(-largest, largest + 1) if n], count)


def tex(value: Fraction | int) -> str:
    r"""The number in LaTeX: "-\frac{7}{3}"."""
    value = Fraction(value)
    if value.denominator == 1:
        return str(value.numerator)
    return f"{'-' if value < 0 else ''}\\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"


def signed(value: Fraction | int) -> str:
    """The number as a further summand: " + 3", " - 3", or nothing for 0."""
    return "" if value == 0 else f" {'-' if value < 0 else '+'} {tex(-value if value < 0 else value)}"


def times(factor: Fraction | int, term: str) -> str:
    """`factor` in front of `term`, where 1 and -1 leave only their sign."""
    return ("-" if factor < 0 else "") + term if abs(factor) == 1 else tex(factor) + term


def total(terms: Sequence[str]) -> str:
    """The sum of the terms, a leading minus becoming the sign between two; "0" for none."""
    first, *rest = [term for term in terms if term] or ["0"]
    return first + "".join(f" - {term[1:]}" if term.startswith("-") else f" + {term}" for term in rest)


Coefficients = Sequence[Fraction | int]  # lowest power first


def power(exponent: int, variable: str = "x") -> str:
    """The power of the variable, empty for exponent 0."""
    return {0: "", 1: variable}.get(
        exponent, f"{variable}^{{{exponent}}}" if exponent > 9 else f"{variable}^{exponent}"
    )


def poly(coefficients: Coefficients, variable: str = "x") -> str:
    """The polynomial in LaTeX, highest power first."""
    terms = [tex(c) if n == 0 else times(c, power(n, variable)) for n, c in enumerate(coefficients) if c]
    return total(terms[::-1])


def falling(coefficients: Coefficients) -> str:
    """The coefficients as an answer, highest power first: "(2, 0, -7/3)"."""
    return f"({', '.join(str(c) for c in reversed(coefficients))})"


def product(*factors: Coefficients) -> list[Fraction | int]:
    """The coefficients of the product of polynomials."""
    result: list[Fraction | int] = [1]
    for factor in factors:
        longer: list[Fraction | int] = [0] * (len(result) + len(factor) - 1)
        for i, a in enumerate(result):
            for j, b in enumerate(factor):
                longer[i + j] += a * b
        result = longer
    return result


def from_roots(roots: Sequence[int], leading: int = 1) -> list[Fraction | int]:
    """The polynomial with these roots and that leading coefficient."""
    return product([leading], *([-root, 1] for root in roots))


def at(coefficients: Coefficients, x: Fraction | int) -> Fraction:
    """The value of the polynomial at `x`."""
    value = Fraction(0)
    for coefficient in reversed(coefficients):
        value = value * x + coefficient
    return value


def slope(coefficients: Coefficients) -> list[Fraction | int]:
    """The coefficients of the derivative."""
    return [n * c for n, c in enumerate(coefficients)][1:]
