"""Expansion, factoring and simplification, with the coefficients of a polynomial as the answer.

A verifier of equality accepts any formula that equals the gold, so "expand p"
would accept p itself, and a sum of fractions times its denominator is the
numerator that was asked for. Each coefficient must be a numeral, which no
rewriting of the question is.
"""

from __future__ import annotations

import random
from fractions import Fraction

from ludex.envs.maths.problem import (
    COEFFICIENTS,
    Coefficients,
    Problem,
    distinct,
    falling,
    from_roots,
    nonzero,
    pick,
    poly,
    product,
    total,
)


def expansion(draw: random.Random, difficulty: str) -> Problem:
    """The terms of low degree of an expanded product."""
    keep = pick(difficulty, 1, 2, 2)
    kept: Coefficients = []
    while not any(kept[-1:]):  # so that the degree, and with it the number of coefficients, is the one asked for
        shown, expanded = (_powers if difficulty == "hard" else _factors)(draw, keep)
        kept = expanded[: keep + 1]
    listed = ", ".join(f"{c} for $x^{n}$" for n, c in enumerate(kept))
    question = f"Expand ${shown}$ and keep only the terms of degree at most {keep}. Which polynomial in x is left?"
    work = f"The coefficients are {listed}, so ${poly(kept)}$ is left."
    return Problem(question, falling(kept), work, shown, COEFFICIENTS)


def _factors(draw: random.Random, count: int) -> tuple[str, Coefficients]:
    """`count` linear factors and a quadratic one, and their product."""
    factors = [[nonzero(draw, 12) for _ in range(size)] for size in (*[2] * count, 3)]
    return "".join(f"({poly(factor)})" for factor in factors), product(*factors)


def _powers(draw: random.Random, count: int) -> tuple[str, Coefficients]:
    """`count` powers of linear factors, and their product."""
    factors = [([nonzero(draw, 5), nonzero(draw, 4)], draw.randint(2, 5)) for _ in range(count)]
    shown = "".join(f"({poly(factor)})^{n}" for factor, n in factors)
    return shown, product(*(factor for factor, n in factors for _ in range(n)))


def factoring(draw: random.Random, difficulty: str) -> Problem:
    """The monic greatest common factor of two polynomials with whole roots."""
    shared, own = pick(difficulty, (1, 1), (1, 2), (2, 2))
    roots = distinct(draw, shared + 2 * own, 9)
    common, first, second = roots[:shared], roots[shared : shared + own], roots[shared + own :]
    a, b = draw.sample(range(1, 6), 2)
    p, q = from_roots(common + first, a), from_roots(common + second, b)
    divisor = from_roots(common)
    question = f"What is the monic greatest common divisor of the polynomials ${poly(p)}$ and ${poly(q)}$?"
    work = (
        f"The first has the roots {_listed(common + first)}, the second {_listed(common + second)}. "
        f"They share {_listed(common)}, so the divisor is ${poly(divisor)}$."
    )
    return Problem(question, falling(divisor), work, ";".join(sorted((poly(p), poly(q)))), COEFFICIENTS)


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))


def simplification(draw: random.Random, difficulty: str) -> Problem:
    """The numerator of a fraction that is reduced, or of a sum of fractions."""
    if difficulty == "easy":
        return _cancelled(draw)
    count = pick(difficulty, 1, 2, 3)
    roots, tops = distinct(draw, count, 12), [nonzero(draw, 12) for _ in range(count)]
    while sum(tops) == 0:
        tops[0] += 1 if tops[0] != -1 else 2
    parts = [product([top], from_roots([r for r in roots if r != root])) for top, root in zip(tops, roots, strict=True)]
    numerator = [sum(column, Fraction(0)) for column in zip(*parts, strict=True)]
    fractions = [
        f"{'-' if top < 0 else ''}\\frac{{{abs(top)}}}{{{poly([-root, 1])}}}"
        for top, root in zip(tops, roots, strict=True)
    ]
    shown, denominator = total(fractions), poly(from_roots(roots))
    question = f"Write ${shown}$ as one fraction with the denominator ${denominator}$. What is its numerator?"
    summands = total([f"({poly(part)})" for part in parts])
    work = f"The numerator is ${summands} = {poly(numerator)}$."
    return Problem(question, falling(numerator), work, shown, COEFFICIENTS)


def _cancelled(draw: random.Random) -> Problem:
    common, first, second = distinct(draw, 3, 12)
    leading = draw.randint(1, 6)
    top, bottom = poly(from_roots([common, first], leading)), poly(from_roots([common, second]))
    numerator = from_roots([first], leading)
    question = (
        f"Reduce $\\frac{{{top}}}{{{bottom}}}$ to lowest terms, with a denominator whose leading coefficient is 1. "
        "What is the numerator?"
    )
    left = f"\\frac{{{poly(numerator)}}}{{{poly([-second, 1])}}}"
    work = f"The factor ${poly([-common, 1])}$ cancels; what is left is ${left}$."
    return Problem(question, falling(numerator), work, f"{top}/{bottom}", COEFFICIENTS)
