"""Equations, inequalities, systems, compositions and determinants."""

from __future__ import annotations

import random
from fractions import Fraction

from ludex.envs.maths.problem import Problem, at, nonzero, pick, poly, product, tex, times, total


def linear_equation(draw: random.Random, difficulty: str) -> Problem:
    """One unknown; on one side, on both sides, or under fractions."""
    k = 0
    while k == 0:
        a, c, b, d = nonzero(draw, 12), nonzero(draw, 12), draw.randint(-30, 30), draw.randint(-60, 60)
        p, q = (draw.randint(2, 9), draw.randint(2, 9)) if difficulty == "hard" else (1, 1)
        c = 0 if difficulty == "easy" else c
        k, m = a * q - c * p, d * p - b * q  # k x = m
    left, right = poly([b, a]), poly([d, c])
    if difficulty == "hard":
        left, right = f"\\frac{{{left}}}{{{p}}}", f"\\frac{{{right}}}{{{q}}}"
    x = Fraction(m, k)
    work = f"Collecting the terms in x gives ${times(k, 'x')} = {m}$, so $x = {tex(x)}$."
    return Problem(f"Solve ${left} = {right}$ for x.", str(x), work, f"{left}={right}")


def quadratic_equation(draw: random.Random, difficulty: str) -> Problem:
    """The larger or smaller root, or a symmetric function of both."""
    if difficulty == "hard":
        return _vieta(draw)
    low = high = Fraction(0)
    while low == high:
        low, high = sorted(Fraction(nonzero(draw, 25), 1 if difficulty == "easy" else draw.randint(1, 5)) for _ in "ab")
    coefficients = product([-low.numerator, low.denominator], [-high.numerator, high.denominator])
    which, root = draw.choice((("larger", high), ("smaller", low)))
    equation = f"{poly(coefficients)} = 0"
    work = f"The roots are $x = {tex(low)}$ and $x = {tex(high)}$; the {which} one is ${tex(root)}$."
    return Problem(f"What is the {which} root of ${equation}$?", str(root), work, equation)


def _vieta(draw: random.Random) -> Problem:
    a, c = draw.randint(1, 7), -draw.randint(1, 12)  # a c < 0: two real roots
    b = nonzero(draw, 15)
    s, p = Fraction(-b, a), Fraction(c, a)
    name, formula, value = draw.choice(
        (
            ("squares", r"r^2 + s^2 = (r + s)^2 - 2rs", s * s - 2 * p),
            ("cubes", r"r^3 + s^3 = (r + s)^3 - 3rs(r + s)", s**3 - 3 * p * s),
            ("reciprocals", r"1/r + 1/s = (r + s)/(rs)", s / p),
        )
    )
    equation = f"{poly([c, b, a])} = 0"
    work = (
        f"The roots r and s have $r + s = {tex(s)}$ and $rs = {tex(p)}$. With ${formula}$ the value is ${tex(value)}$."
    )
    return Problem(f"What is the sum of the {name} of the two roots of ${equation}$?", str(value), work, equation)


def determinant_of(rows: list[list[int]]) -> int:
    """The determinant, expanded along the first row."""
    if len(rows) == 1:
        return rows[0][0]
    minors = ([row[:j] + row[j + 1 :] for row in rows[1:]] for j in range(len(rows)))
    return sum((-1) ** j * rows[0][j] * determinant_of(minor) for j, minor in enumerate(minors) if rows[0][j])


def linear_system(draw: random.Random, difficulty: str) -> Problem:
    """Two or three unknowns; the value of a combination of them."""
    size, largest, span = pick(difficulty, (2, 6, 15), (2, 12, 30), (3, 7, 20))
    names = "xyz"[:size]
    solution = [nonzero(draw, span) for _ in names]
    while True:
        rows = [[nonzero(draw, largest) for _ in names] for _ in names]
        if det := determinant_of(rows):
            break
    sides = [sum(a * x for a, x in zip(row, solution, strict=True)) for row in rows]
    equations = [f"{_combination(row, names)} = {side}" for row, side in zip(rows, sides, strict=True)]
    wanted = [1, 0, 0][:size] if difficulty == "easy" else [nonzero(draw, 5) for _ in names]
    asked, value = _combination(wanted, names), sum(a * x for a, x in zip(wanted, solution, strict=True))
    replaced = [
        determinant_of([[*row[:j], side, *row[j + 1 :]] for row, side in zip(rows, sides, strict=True)])
        for j in range(size)
    ]
    cramer = ", ".join(
        f"${name} = {top}/({det}) = {x}$" for name, top, x in zip(names, replaced, solution, strict=True)
    )
    listed = " and ".join(f"${equation}$" for equation in equations)
    work = f"The determinant of the system is {det}. By Cramer's rule {cramer}, so ${asked} = {value}$."
    return Problem(f"Given {listed}, what is ${asked}$?", str(value), work, ";".join(sorted(equations)))


def _combination(factors: list[int], names: str) -> str:
    return total([times(a, name) for a, name in zip(factors, names, strict=True) if a])


def inequality(draw: random.Random, difficulty: str) -> Problem:
    """How many integers solve it."""
    a, b = draw.randint(2, 9), draw.randint(-30, 30)
    if difficulty == "hard":
        low, high = sorted(draw.sample(range(-40, 41), 2))
        side = draw.randint(1, 60)
        claim = f"{poly([low * high + side, -low - high, 1])} \\le {side}"
        work = (
            f"Both sides are equal at {low} and {high}, and the parabola opens upwards, so ${low} \\le x \\le {high}$."
        )
    elif difficulty == "medium":
        side = draw.randint(20, 300)
        low, high = -((side + b) // a), (side - b) // a
        claim = f"|{poly([b, a])}| \\le {side}"
        work = f"It says ${-side} \\le {poly([b, a])} \\le {side}$, whose integers run from {low} to {high}."
    else:
        least, most = b + draw.randint(-90, 0), b + draw.randint(1, 120)
        low, high = -((b - least) // a), (most - b) // a
        claim = f"{least} \\le {poly([b, a])} \\le {most}"
        work = f"Subtract {b} and divide by {a}: the integers run from {low} to {high}."
    count = high - low + 1
    work += f" Their number is ${high} - ({low}) + 1 = {count}$."
    return Problem(f"How many integers x satisfy ${claim}$?", str(count), work, claim)


def composition(draw: random.Random, difficulty: str) -> Problem:
    """f(g(k)) of linear and quadratic functions; of a linear fraction also the inverse."""
    k = nonzero(draw, 9)
    if difficulty == "hard":
        return _inverse(draw, k)
    f = [draw.randint(-20, 20), nonzero(draw, 9)]
    g = [draw.randint(-20, 20), nonzero(draw, 9)] + ([nonzero(draw, 5)] if difficulty == "medium" else [])
    inner = at(g, k)
    value = at(f, inner)
    work = f"$g({k}) = {inner}$ and $f({inner}) = {value}$."
    question = f"Let $f(x) = {poly(f)}$ and $g(x) = {poly(g)}$. What is $f(g({k}))$?"
    return Problem(question, str(value), work, f"{f}{g}{k}")


def _inverse(draw: random.Random, k: int) -> Problem:
    while True:
        a, b, c, d = (nonzero(draw, 12) for _ in range(4))
        if a * d != b * c and a != k * c:
            break
    value = Fraction(b - d * k, k * c - a)
    f = f"\\frac{{{poly([b, a])}}}{{{poly([d, c])}}}"
    work = f"${f} = {k}$ means ${times(a - k * c, 'x')} = {k * d - b}$, so $x = {tex(value)}$."
    question = f"Let $f(x) = {f}$. For which x is $f(x) = {k}$?"
    return Problem(question, str(value), work, f"{a},{b},{c},{d},{k}")


def determinant(draw: random.Random, difficulty: str) -> Problem:
    """Of a matrix with two, three or four rows, never 0."""
    size, largest = pick(difficulty, (2, 12), (3, 9), (4, 5))
    value = 0
    while value == 0:
        rows = [[draw.randint(-largest, largest) for _ in range(size)] for _ in range(size)]
        value = determinant_of(rows)
    body = r" \\ ".join(" & ".join(map(str, row)) for row in rows)
    minors = [determinant_of([row[:j] + row[j + 1 :] for row in rows[1:]]) for j in range(size)]
    terms = total([f"{'-' if j % 2 else ''}({rows[0][j]})({minor})" for j, minor in enumerate(minors)])
    work = f"Expanding along the first row: ${terms} = {value}$."
    question = f"What is the determinant of $\\begin{{pmatrix}} {body} \\end{{pmatrix}}$?"
    return Problem(question, str(value), work, str(rows))
