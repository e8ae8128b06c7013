"""Divisibility, remainders, number bases, sequences and plain arithmetic."""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import gcd, isqrt, lcm, prod

from ludex.envs.arithmetic import DIFFICULTIES, expression, text_of
from ludex.envs.maths.problem import Problem, nonzero, pick

PRIMES = tuple(n for n in range(2, 200) if all(n % d for d in range(2, isqrt(n) + 1)))


def arithmetic(draw: random.Random, difficulty: str) -> Problem:
    """The value of an expression, as in arithmetic-v0."""
    found = expression(draw, DIFFICULTIES[difficulty])
    value = text_of(found.value)
    return Problem(f"What is {found.text}?", value, f"{'; '.join(found.steps)}.", found.key)


def gcd_lcm(draw: random.Random, difficulty: str) -> Problem:
    """Of two or three numbers with a common factor."""
    count, largest = pick(difficulty, (2, 40), (2, 120), (3, 60))
    shared, factors = draw.randint(2, largest), draw.sample(range(2, 25), count)
    numbers = [shared * factor for factor in factors]
    divisor = gcd(*numbers)
    listed = f"{', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"
    key = f"{sorted(numbers)}"
    parts = ", ".join(f"{n} = {divisor} · {n // divisor}" for n in numbers)
    if difficulty == "easy" or (difficulty == "hard" and draw.random() < 0.3):
        work = f"{parts}, and the second factors have no common divisor, so the gcd is {divisor}."
        return Problem(f"What is the greatest common divisor of {listed}?", str(divisor), work, "gcd" + key)
    value = lcm(*numbers)
    parts = ", ".join(f"{value} = {n} · {value // n}" for n in numbers)
    work = f"{parts}, and the second factors have no common divisor, so no smaller multiple is common."
    return Problem(f"What is the least common multiple of {listed}?", str(value), work, "lcm" + key)


def modular(draw: random.Random, difficulty: str) -> Problem:
    """A remainder of a product or a power, or the number with given remainders."""
    if difficulty == "hard":
        return _remainders(draw)
    m = draw.choice(PRIMES[6:])
    if difficulty == "easy":
        a, b, c = draw.randint(12, 99), draw.randint(12, 99), draw.randint(1, 99)
        value = (a * b + c) % m
        work = f"${a} \\cdot {b} + {c} = {a * b + c} = {(a * b + c) // m} \\cdot {m} + {value}$."
        return Problem(
            f"What is the remainder of ${a} \\cdot {b} + {c}$ on division by {m}?", str(value), work, f"{a},{b},{c},{m}"
        )
    a, n = draw.randint(2, m - 2), draw.randint(11, 400)
    value, rest = pow(a, n, m), n % (m - 1)
    work = (
        f"By Fermat ${a}^{{{m - 1}}} = 1$ modulo {m}, so the remainder is that of ${a}^{{{rest}}}$, which is {value}."
    )
    return Problem(f"What is the remainder of ${a}^{{{n}}}$ on division by {m}?", str(value), work, f"{a}^{n}%{m}")


def _remainders(draw: random.Random) -> Problem:
    moduli = draw.sample(PRIMES[1:10], 3)
    x = draw.randrange(prod(moduli))
    conditions = ", ".join(f"{x % m} on division by {m}" for m in sorted(moduli))
    question = f"Which is the smallest non-negative integer that leaves these remainders: {conditions}?"
    parts = ", ".join(f"{x} = {x // m} · {m} + {x % m}" for m in sorted(moduli))
    work = f"By the Chinese remainder theorem exactly one number below {prod(moduli)} does: {parts}."
    return Problem(question, str(x), work, conditions)


def divisors(draw: random.Random, difficulty: str) -> Problem:
    """Their sum, Euler's function, or a count by inclusion and exclusion."""
    if difficulty == "hard":
        return _multiples(draw)
    factors = {
        p: draw.randint(1, 4 if p < 4 else 2 if p < 12 else 1) for p in draw.sample(PRIMES[:12], draw.randint(2, 3))
    }
    n = prod(p**k for p, k in factors.items())
    written = _product([f"{p}^{k}" if k > 1 else p for p, k in sorted(factors.items())])
    if difficulty == "easy":
        sums = [(p ** (k + 1) - 1) // (p - 1) for p, k in sorted(factors.items())]
        value = prod(sums)
        work = f"${n} = {written}$, so the sum is ${_product(sums)} = {value}$."
        return Problem(
            f"What is the sum of all positive divisors of {n}, including 1 and {n}?", str(value), work, f"sum{n}"
        )
    counts = [p ** (k - 1) * (p - 1) for p, k in sorted(factors.items())]
    value = prod(counts)
    work = f"${n} = {written}$, so their number is ${_product(counts)} = {value}$."
    question = f"How many of the integers from 1 to {n} have no common divisor with {n} other than 1?"
    return Problem(question, str(value), work, f"phi{n}")


def _product(factors: Sequence[object]) -> str:
    return r" \cdot ".join(map(str, factors))


def _multiples(draw: random.Random) -> Problem:
    a = b = 3
    while b % a == 0:  # or the multiples of b would add nothing, and n/a could be the answer
        a, b = sorted(draw.sample(range(3, 30), 2))
    n = draw.randint(200, 3000)
    both = lcm(a, b)
    value = n // a + n // b - n // both
    counts = f"{n // a} + {n // b} - {n // both} = {value}"
    work = f"{n // a} are divisible by {a}, {n // b} by {b} and {n // both} by both: {counts}."
    return Problem(
        f"How many of the integers from 1 to {n} are divisible by {a} or by {b} (or by both)?",
        str(value),
        work,
        f"{n},{a},{b}",
    )


def base(draw: random.Random, difficulty: str) -> Problem:
    """Numbers written in other bases, their sum and their product."""
    length = pick(difficulty, 4, 5, 4)
    numbers = [_in_base(draw, length) for _ in range(pick(difficulty, 1, 2, 2))]
    listed = [f"{digits} in base {b}" for digits, b, _ in numbers]
    read = ", ".join(f"{text} is {value}" for text, (_, _, value) in zip(listed, numbers, strict=True))
    if difficulty == "easy":
        return Problem(
            f"Which number in base ten is written {listed[0]}?", str(numbers[0][2]), f"In base ten {read}.", listed[0]
        )
    name, sign = pick(difficulty, ("sum", "+"), ("sum", "+"), ("product", "·"))
    first, second = numbers[0][2], numbers[1][2]
    value = first + second if sign == "+" else first * second
    question = f"Write the {name} of the numbers {listed[0]} and {listed[1]} in base ten."
    return Problem(
        question, str(value), f"In base ten {read}; {first} {sign} {second} = {value}.", f"{sign}{sorted(listed)}"
    )


def _in_base(draw: random.Random, length: int) -> tuple[str, int, int]:
    b = draw.randint(3, 9)
    value = draw.randrange(b ** (length - 1), b**length)
    digits, rest = "", value
    while rest:
        digits, rest = str(rest % b) + digits, rest // b
    return digits, b, value


def sequence(draw: random.Random, difficulty: str) -> Problem:
    """A term or a sum of an arithmetic sequence, or a term of a linear recurrence."""
    if difficulty == "hard":
        return _recurrence(draw)
    a, d, n = draw.randint(-30, 30), nonzero(draw, 15), draw.randint(12, 60)
    shown = ", ".join(str(a + d * i) for i in range(4))
    last = a + d * (n - 1)
    work = f"The difference is {d}, so term {n} is {a} + {n - 1} · ({d}) = {last}."
    if difficulty == "easy":
        return Problem(
            f"What is term number {n} of the arithmetic sequence {shown}, ...?", str(last), work, f"{a},{d},{n}"
        )
    value = n * (a + last) // 2
    work += f" The sum is {n} · ({a} + ({last})) / 2 = {value}."
    question = f"What is the sum of the first {n} terms of the arithmetic sequence {shown}, ...?"
    return Problem(question, str(value), work, f"sum{a},{d},{n}")


def _recurrence(draw: random.Random) -> Problem:
    p, q = draw.randint(1, 3), nonzero(draw, 3)
    terms = [draw.randint(-4, 6), nonzero(draw, 6)]
    n = draw.randint(6, 9)
    rule = f"a_n = {'' if p == 1 else p}a_{{n-1}} {'-' if q < 0 else '+'} {'' if abs(q) == 1 else abs(q)}a_{{n-2}}"
    question = f"Let $a_1 = {terms[0]}$, $a_2 = {terms[1]}$ and ${rule}$ for $n \\ge 3$. What is $a_{n}$?"
    while len(terms) < n:
        terms.append(p * terms[-1] + q * terms[-2])
    work = f"The terms are {', '.join(map(str, terms))}."
    return Problem(question, str(terms[-1]), work, f"{terms[:2]}{p},{q},{n}")
