"""For each family of math-v0: is this answer right? Decided from the question's text alone, by another method."""

from __future__ import annotations

import cmath
import math
import re
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise, permutations

import maths_word_checks as words
from maths_reader import coefficients, derivative, formulas, numbers, value

Check = Callable[[str, str], bool]

POINTS = [Fraction(n, 7) for n in (-20, -11, -3, 2, 5, 13, 31)]


def spelled(answer: str) -> str:
    """Coefficients such as "(2, 0, -7/3)" as a polynomial in x; any other answer as it is."""
    if not re.fullmatch(r"\([-\d/]+(?:, [-\d/]+)+\)", answer):
        return answer
    listed = answer.strip("()").split(", ")
    terms = (f"{c}x^{n}" if n else c for n, c in zip(range(len(listed) - 1, -1, -1), listed, strict=True))
    return "+".join(terms).replace("+-", "-")


def close(a: complex, b: complex, tolerance: float = 1e-9) -> bool:
    return cmath.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance)


def arithmetic(question: str, answer: str) -> bool:
    return bool(value(question.removeprefix("What is ").rstrip("?")) == Fraction(answer))


def linear_equation(question: str, answer: str) -> bool:
    left, right = formulas(question)[0].split("=")
    gap = [value(left, x=x) - value(right, x=x) for x in (Fraction(answer), Fraction(answer) + 1)]
    return bool(gap[0] == 0 != gap[1])


def _quadratic(text: str) -> tuple[Fraction, Fraction, Fraction]:
    below, at, above = (value(text, x=Fraction(x)) for x in (-1, 0, 1))
    return (above + below) / 2 - at, (above - below) / 2, at


def quadratic_equation(question: str, answer: str) -> bool:
    a, b, c = _quadratic(formulas(question)[0].removesuffix("= 0"))
    root = math.sqrt(b * b - 4 * a * c)
    low, high = sorted(((-b - root) / (2 * a), (-b + root) / (2 * a)))
    if "cubes" in question:
        return close(low**3 + high**3, Fraction(answer), 1e-7)
    if "squares" in question:
        return close(low**2 + high**2, Fraction(answer))
    if "reciprocals" in question:
        return close(1 / low + 1 / high, Fraction(answer), 1e-7)
    x = Fraction(answer)
    return a * x * x + b * x + c == 0 and close(x, high if "larger" in question else low) and low < high


def linear_system(question: str, answer: str) -> bool:
    *equations, asked = formulas(question)
    names = [name for name in "xyz" if any(name in equation for equation in equations)]
    zero = dict.fromkeys(names, Fraction(0))
    rows = []
    for equation in equations:
        left, right = equation.split("=")
        rows.append([value(left, **{**zero, name: Fraction(1)}) for name in names] + [value(right)])
    for i in range(len(names)):  # Gauss-Jordan
        pivot = next(k for k in range(i, len(rows)) if rows[k][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [n / rows[i][i] for n in rows[i]]
        for k in range(len(rows)):
            if k != i:
                rows[k] = [n - rows[k][i] * m for n, m in zip(rows[k], rows[i], strict=True)]
    solution = {name: row[-1] for name, row in zip(names, rows, strict=True)}
    return bool(value(asked, **solution) == Fraction(answer))


def inequality(question: str, answer: str) -> bool:
    parts = [part.strip() for part in formulas(question)[0].split("\\le")]
    sides = [(coefficients(part.strip("|")), "|" in part) for part in parts]

    def holds(x: int) -> bool:
        sums = [(sum(c * x**n for n, c in enumerate(side)), bars) for side, bars in sides]
        return all(a <= b for a, b in pairwise(abs(n) if bars else n for n, bars in sums))

    return sum(map(holds, range(-200, 201))) == int(answer)


def composition(question: str, answer: str) -> bool:
    f, *rest = (formula.partition("=") for formula in formulas(question))
    if "which x" in question:
        return bool(value(f[2], x=Fraction(answer)) == Fraction(rest[0][2].strip()))
    k = numbers(rest[1][0])[0]
    return bool(value(f[2], x=value(rest[0][2], x=k)) == Fraction(answer))


def determinant(question: str, answer: str) -> bool:
    rows = [[int(n) for n in row.split("&")] for row in re.split(r"\\\\", re.findall(r"x\}(.*)\\end", question)[0])]
    found = 0
    for order in permutations(range(len(rows))):  # Leibniz
        swaps = sum(a > b for i, a in enumerate(order) for b in order[i:])
        found += (-1) ** swaps * math.prod(rows[i][j] for i, j in enumerate(order))
    return found == int(answer)


def expansion(question: str, answer: str) -> bool:
    shown, degree = formulas(question)[0], int(re.findall(r"at most (\d)", question)[0])
    # A wrong (whole) coefficient would differ by h^degree or more, the dropped terms by far less.
    h = Fraction(1, 10**15)
    near = abs(value(shown, x=h) - value(answer, x=h)) < h**degree / 1000
    return bool(near and len(coefficients(answer)) - 1 <= degree)


def factoring(question: str, answer: str) -> bool:
    from sympy import Poly, gcd
    from sympy.abc import x

    p, q = (Poly(coefficients(formula)[::-1], x, domain="QQ") for formula in formulas(question))
    return bool(gcd(p, q).monic() == Poly(coefficients(answer)[::-1], x, domain="QQ"))


def simplification(question: str, answer: str) -> bool:
    shown, *denominator = formulas(question)
    if denominator:
        pairs = [(value(answer, x=x), value(shown, x=x) * value(denominator[0], x=x)) for x in POINTS]
        return all(a == b for a, b in pairs) and len(coefficients(answer)) <= 3
    from sympy import Poly, cancel
    from sympy.abc import x

    top, bottom = (Poly(coefficients(part)[::-1], x) for part in re.findall(r"\{([^{}]*)\}", shown))
    numerator, denominator = cancel(top / bottom).as_numer_denom()
    leading = Poly(denominator, x).LC()
    return bool(Poly(numerator, x) == Poly(coefficients(answer)[::-1], x) * leading)


def derivative_of(question: str, answer: str) -> bool:
    f = formulas(question)[0].partition("=")[2]
    return all(close(derivative(f, x), value(answer, x=complex(x)), 1e-8) for x in (0.3, 0.71, 1.13))


def antiderivative(question: str, answer: str) -> bool:
    f, start = (formula.partition("=")[2] for formula in formulas(question))
    if not close(value(answer, x=0j), int(start)):
        return False
    return all(close(derivative(answer, x), value(f, x=complex(x)), 1e-8) for x in (-0.4, 0.3, 0.71))


def _simpson(f: Callable[[Fraction | float], Fraction], a: Fraction | float, b: Fraction | float) -> Fraction | float:
    """Exact up to degree 3."""
    return (f(a) + 4 * f((a + b) / 2) + f(b)) * (b - a) / 6


def definite_integral(question: str, answer: str) -> bool:
    if "area" not in question:
        found = re.fullmatch(r"\\int_\{(.*?)\}\^\{(.*?)\} (\(.*\)) \\, dx", formulas(question)[0])
        assert found
        return _simpson(lambda x: value(found[3], x=x), Fraction(found[1]), Fraction(found[2])) == Fraction(answer)
    f, g = (_quadratic(formula.partition("=")[2]) for formula in formulas(question))
    a, b, c = (m - n for m, n in zip(f, g, strict=True))
    root = math.sqrt(b * b - 4 * a * c)
    low, high = sorted(((-b - root) / (2 * a), (-b + root) / (2 * a)))
    return close(_simpson(lambda x: abs(a * x * x + b * x + c), low, high), Fraction(answer))


def tangent(question: str, answer: str) -> bool:
    curve, place = (formula.partition("=")[2] for formula in formulas(question))
    slope = derivative(curve, float(place))
    expected = slope if "slope" in question else float(value(curve, x=Fraction(place.strip()))) - slope * float(place)
    return close(expected, Fraction(answer))


def limit(question: str, answer: str) -> bool:
    found = re.fullmatch(r"\\lim_\{x \\to (.*?)\} (.*)", formulas(question)[0])
    assert found
    at = float(found[1])

    def mean(h: float) -> complex:  # of both sides, which leaves an error in h^2
        return (complex(value(found[2], x=complex(at + h))) + complex(value(found[2], x=complex(at - h)))) / 2

    return close((4 * mean(5e-3) - mean(1e-2)) / 3, Fraction(answer), 1e-4)


def gcd_lcm(question: str, answer: str) -> bool:
    given, n = [int(x) for x in numbers(question)], int(answer)
    if "divisor" in question:
        return max(d for d in range(1, min(given) + 1) if all(g % d == 0 for g in given)) == n
    multiple = max(given)
    while any(multiple % g for g in given):
        multiple += max(given)
    return multiple == n


def modular(question: str, answer: str) -> bool:
    n = int(answer)
    if "smallest" in question:
        pairs = re.findall(r"(\d+) on division by (\d+)", question)
        return next(x for x in range(10**6) if all(x % int(m) == int(r) for r, m in pairs)) == n
    m = int(re.findall(r"division by (\d+)", question)[0])
    return bool(int(value(formulas(question)[0])) % m == n)


def divisors(question: str, answer: str) -> bool:
    from sympy import divisor_sigma, totient

    given = [int(x) for x in numbers(question)]
    if "sum" in question:
        return bool(divisor_sigma(given[0]) == int(answer))
    if "common divisor" in question:
        return bool(totient(given[1]) == int(answer))
    _, n, a, b = given
    return len({*range(a, n + 1, a), *range(b, n + 1, b)}) == int(answer)


def base(question: str, answer: str) -> bool:
    values = [int(digits, int(b)) for digits, b in re.findall(r"(\d+) in base (\d)", question)]
    return (math.prod(values) if "product" in question else sum(values)) == int(answer)


def sequence(question: str, answer: str) -> bool:
    if "a_1" not in question:
        n, *terms = (int(x) for x in numbers(question))
        assert terms[1] - terms[0] == terms[2] - terms[1] == terms[3] - terms[2]
        while len(terms) < n:
            terms.append(terms[-1] + terms[1] - terms[0])
        return (sum(terms) if "sum" in question else terms[-1]) == int(answer)
    first, second, rule, _, asked = formulas(question)
    terms = [int(first.partition("=")[2]), int(second.partition("=")[2])]
    p, sign, q = re.findall(r"= (\d?)a_\{n-1\} ([+-]) (\d?)a", rule)[0]
    for _ in range(int(asked[2:]) - 2):
        terms.append(int(p or 1) * terms[-1] + int(sign + (q or "1")) * terms[-2])
    return terms[-1] == int(answer)


CHECKS: dict[str, Check] = {
    "antiderivative": antiderivative,
    "arithmetic": arithmetic,
    "base": base,
    "composition": composition,
    "counting": words.counting,
    "definite_integral": definite_integral,
    "derivative": derivative_of,
    "determinant": determinant,
    "divisors": divisors,
    "expansion": expansion,
    "factoring": factoring,
    "fraction": words.fraction,
    "gcd_lcm": gcd_lcm,
    "geometry": words.geometry,
    "inequality": inequality,
    "limit": limit,
    "linear_equation": linear_equation,
    "linear_system": linear_system,
    "modular": modular,
    "percent": words.percent,
    "probability": words.probability,
    "quadratic_equation": quadratic_equation,
    "rate": words.rate,
    "sequence": sequence,
    "simplification": simplification,
    "statistics": words.statistics_of,
    "tangent": tangent,
}
