"""Derivatives, tangents, integrals and limits; all built from known pairs, so no symbolic engine is needed.

A polynomial is asked for by its coefficients: as a formula it also equals a difference or a weighted sum of values of
the one in the question, with no rule of calculus behind it.
"""

from __future__ import annotations

import random
from fractions import Fraction
from typing import NamedTuple

from ludex.envs.maths.problem import (
    COEFFICIENTS,
    EXPRESSION,
    Problem,
    at,
    falling,
    from_roots,
    nonzero,
    pick,
    poly,
    signed,
    slope,
    tex,
    times,
    total,
)


class Term(NamedTuple):
    """A function and its derivative in LaTeX, and its value at 0."""

    f: str
    slope: str
    at_zero: int = 0


def _polynomial(draw: random.Random, degree: int, largest: int = 9) -> list[Fraction | int]:
    return [*(draw.randint(-largest, largest) for _ in range(degree)), nonzero(draw, largest)]


def _wave(draw: random.Random) -> Term:
    a, b = nonzero(draw, 9), draw.randint(2, 9)
    sine, cosine = f"\\sin({b}x)", f"\\cos({b}x)"
    return draw.choice((Term(times(a, sine), times(a * b, cosine)), Term(times(a, cosine), times(-a * b, sine), a)))


def _growth(draw: random.Random) -> Term:
    a, b = nonzero(draw, 9), draw.choice((-1, 1)) * draw.randint(2, 9)
    return Term(times(a, f"e^{{{b}x}}"), times(a * b, f"e^{{{b}x}}"), a)


def _logarithm(draw: random.Random) -> Term:
    a = nonzero(draw, 9)
    return Term(times(a, "\\ln(x)"), f"{'-' if a < 0 else ''}\\frac{{{abs(a)}}}{{x}}")


def derivative(draw: random.Random, difficulty: str) -> Problem:
    """Of a polynomial, of a sum of elementary functions, or by the product and chain rules."""
    if difficulty == "easy":
        return _power_rule(draw)
    if difficulty == "medium":
        p = [0, *_polynomial(draw, draw.randint(0, 3))]
        terms = [Term(poly(p), poly(slope(p))), *(kind(draw) for kind in draw.sample((_wave, _growth, _logarithm), 2))]
        f, answer, rule = total([term.f for term in terms]), total([term.slope for term in terms]), "sum rule"
    else:
        f, answer, rule = draw.choice((_product_rule, _chain_rule))(draw)
    work = f"By the {rule} $f'(x) = {answer}$."
    return Problem(f"Let $f(x) = {f}$. What is $f'(x)$?", answer, work, f, EXPRESSION)


def _power_rule(draw: random.Random) -> Problem:
    p = _polynomial(draw, draw.randint(2, 5))
    work = f"By the power rule $f'(x) = {poly(slope(p))}$."
    return Problem(f"Let $f(x) = {poly(p)}$. What is $f'(x)$?", falling(slope(p)), work, poly(p), COEFFICIENTS)


def _product_rule(draw: random.Random) -> tuple[str, str, str]:
    p, (g, dg, _) = _polynomial(draw, draw.randint(1, 2)), draw.choice((_wave, _growth))(draw)
    return f"({poly(p)})({g})", f"({poly(slope(p))})({g}) + ({poly(p)})({dg})", "product rule"


def _chain_rule(draw: random.Random) -> tuple[str, str, str]:
    p = [draw.randint(-9, 9), draw.randint(2, 9), draw.randint(0, 5)]
    inner, a, n = poly(p), nonzero(draw, 9), draw.randint(3, 7)
    factor = f"({poly(slope(p))})"
    f, answer = draw.choice(
        (
            (times(a, f"\\sin({inner})"), times(a, f"{factor}\\cos({inner})")),
            (times(a, f"\\cos({inner})"), times(-a, f"{factor}\\sin({inner})")),
            (times(a, f"e^{{{inner}}}"), times(a, f"{factor}e^{{{inner}}}")),
            (times(a, f"({inner})^{n}"), times(a * n, f"{factor}({inner})^{n - 1}")),
        )
    )
    return f, answer, "chain rule"


def antiderivative(draw: random.Random, difficulty: str) -> Problem:
    """The one antiderivative with a given value at 0."""
    degree = pick(difficulty, 2, 4, 2)
    shared = pick(difficulty, 1, draw.randint(2, 5), 1)
    p = [Fraction(0), *(Fraction(n, shared) for n in _polynomial(draw, degree - 1))]
    terms = [Term(poly(p), poly(slope(p)))] + ([_wave(draw), _growth(draw)] if difficulty == "hard" else [])
    constant = nonzero(draw, 9)
    start = constant + sum(term.at_zero for term in terms)
    f = total([term.slope for term in terms])
    answer = total([term.f for term in terms]) + signed(constant)
    work = f"Integrating term by term, and choosing the constant from F(0), $F(x) = {answer}$."
    sought = f"has $F'(x) = {f}$ and $F(0) = {start}$?"
    if difficulty == "hard":
        return Problem(f"Which function F {sought}", answer, work, f"{f};{start}", EXPRESSION)
    return Problem(f"Which polynomial F {sought}", falling([constant, *p[1:]]), work, f"{f};{start}", COEFFICIENTS)


def definite_integral(draw: random.Random, difficulty: str) -> Problem:
    """Of a polynomial, or the area between two parabolas."""
    if difficulty == "hard":
        return _enclosed(draw)
    p = _polynomial(draw, pick(difficulty, 1, 3, 0))
    low, high = sorted(draw.sample(range(-5, 8), 2))
    whole = [Fraction(0), *(Fraction(c) / (n + 1) for n, c in enumerate(p))]
    value = at(whole, high) - at(whole, low)
    integral = f"\\int_{{{low}}}^{{{high}}} ({poly(p)}) \\, dx"
    ends = f"{tex(at(whole, high))} - ({tex(at(whole, low))})"
    work = f"With $F(x) = {poly(whole)}$ it is $F({high}) - F({low}) = {ends} = {tex(value)}$."
    return Problem(f"What is ${integral}$?", str(value), work, integral)


def _enclosed(draw: random.Random) -> Problem:
    (low, high), a, g = sorted(draw.sample(range(-8, 9), 2)), nonzero(draw, 7), _polynomial(draw, 2, 6)
    while g[2] == -a:
        g = _polynomial(draw, 2, 6)
    f = [x + y for x, y in zip(from_roots([low, high], a), g, strict=True)]
    value = Fraction(abs(a) * (high - low) ** 3, 6)
    work = (
        f"The curves meet at $x = {low}$ and $x = {high}$, and differ by ${poly(from_roots([low, high], a))}$. "
        f"Its absolute value has the integral $\\frac{{{abs(a)} \\cdot {high - low}^3}}{{6}} = {tex(value)}$."
    )
    question = f"What is the area enclosed by the curves $y = {poly(f)}$ and $y = {poly(g)}$?"
    return Problem(question, str(value), work, ";".join(sorted((poly(f), poly(g)))))


def tangent(draw: random.Random, difficulty: str) -> Problem:
    """Its slope or its intercept, of a polynomial or a linear fraction."""
    k = nonzero(draw, 6)
    if difficulty == "hard":
        return _fraction_slope(draw, k)
    p = _polynomial(draw, pick(difficulty, 2, 3, 0))
    steep, height = at(slope(p), k), at(p, k)
    work = f"$f'(x) = {poly(slope(p))}$, so the slope is $f'({k}) = {steep}$."
    if difficulty == "easy":
        return Problem(
            f"What is the slope of the tangent to $y = {poly(p)}$ at $x = {k}$?", str(steep), work, f"{p}{k}"
        )
    value = height - steep * k
    work += f" With $f({k}) = {height}$ the tangent meets the y-axis at ${height} - ({steep})({k}) = {value}$."
    question = f"At which y does the tangent to $y = {poly(p)}$ at $x = {k}$ meet the y-axis?"
    return Problem(question, str(value), work, f"{p}{k}")


def _fraction_slope(draw: random.Random, k: int) -> Problem:
    while True:
        a, b, c, d = (nonzero(draw, 9) for _ in range(4))
        if a * d != b * c and c * k + d:
            break
    value = Fraction(a * d - b * c, (c * k + d) ** 2)
    work = (
        f"By the quotient rule $f'(x) = \\frac{{{a * d - b * c}}}{{({poly([d, c])})^2}}$, so $f'({k}) = {tex(value)}$."
    )
    question = f"What is the slope of the tangent to $y = \\frac{{{poly([b, a])}}}{{{poly([d, c])}}}$ at $x = {k}$?"
    return Problem(question, str(value), work, f"{a},{b},{c},{d},{k}")


def limit(draw: random.Random, difficulty: str) -> Problem:
    """Of a fraction whose parts both vanish; the hard ones have roots, sines or exponentials."""
    if difficulty == "hard":
        return _special_limit(draw)
    r, s, t = draw.sample(range(-9, 10), 3)
    a, b = nonzero(draw, 9), draw.randint(1, 6)
    top = from_roots([r, s], a)
    bottom = from_roots([r]) if difficulty == "easy" else from_roots([r, t], b)
    value = Fraction(a * (r - s), 1 if difficulty == "easy" else b * (r - t))
    formula = f"\\lim_{{x \\to {r}}} \\frac{{{poly(top)}}}{{{poly(bottom)}}}"
    slopes = f"${at(slope(top), r)}$ and ${at(slope(bottom), r)}$"
    work = f"Both parts vanish at {r}. The derivatives there are {slopes}; their ratio is ${tex(value)}$."
    return Problem(f"What is ${formula}$?", str(value), work, formula)


def _special_limit(draw: random.Random) -> Problem:
    a, b, c = nonzero(draw, 12), draw.randint(2, 12), draw.randint(2, 9)
    r = draw.randint(1, 9)
    formula, value, why = draw.choice(
        (
            (f"\\frac{{\\sin({times(a, 'x')})}}{{{b}x}}", Fraction(a, b), "the sine behaves like its argument"),
            (f"\\frac{{1 - \\cos({c}x)}}{{{b}x^2}}", Fraction(c * c, 2 * b), "1 - cos u behaves like u^2/2"),
            (f"\\frac{{e^{{{times(a, 'x')}}} - 1}}{{{b}x}}", Fraction(a, b), "e^u - 1 behaves like u"),
            (
                f"\\frac{{\\sqrt{{{poly([r * r, a])}}} - {r}}}{{{b}x}}",
                Fraction(a, 2 * r * b),
                "the derivative of the root is a/(2r)",
            ),
        )
    )
    formula = f"\\lim_{{x \\to 0}} {formula}"
    return Problem(f"What is ${formula}$?", str(value), f"Near 0 {why}, so the limit is ${tex(value)}$.", formula)
