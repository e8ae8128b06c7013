"""Word problems, and lengths and areas in the plane."""

from __future__ import annotations

import random
from fractions import Fraction
from itertools import accumulate
from math import ceil, lcm
from operator import mul

from ludex.envs.maths.problem import Problem, nonzero, pick, poly, tex

NAMES = ("Ada", "Bruno", "Chen", "Dina", "Emil", "Farah", "Goran", "Hana")
GOODS = ("coat", "lamp", "bicycle", "camera", "table", "guitar")


def percent(draw: random.Random, difficulty: str) -> Problem:
    """Prices that rise and fall by percentages, forwards and backwards."""
    thing, price = draw.choice(GOODS), draw.randint(4, 60) * 10
    changes = [draw.choice((-1, 1)) * draw.randint(1, 16) * 5 for _ in range(pick(difficulty, 1, 2, 2))]
    said = " and then ".join(f"{'reduced' if change < 0 else 'raised'} by {abs(change)} percent" for change in changes)
    final = Fraction(price)
    for change in changes:
        final *= Fraction(100 + change, 100)
    factors = " · ".join(f"{100 + change}/100" for change in changes)
    key = f"{price},{changes}"
    if difficulty == "hard":
        question = f"The price of a {thing} is {said}. It is now {final} dollars. How many dollars was it at first?"
        return Problem(question, str(price), f"{final} divided by {factors} is {price}.", "back" + key)
    question = f"A {thing} costs {price} dollars. Its price is {said}. How many dollars does it cost then?"
    return Problem(question, str(final), f"{price} · {factors} = ${tex(final)}$.", key)


def fraction(draw: random.Random, difficulty: str) -> Problem:
    """Parts of what is left; how much there was, from what remains."""
    stages = []
    for _ in range(pick(difficulty, 1, 2, 3)):
        bottom = draw.randint(3, 12)
        stages.append(Fraction(draw.randint(1, bottom - 1), bottom))
    rests = list(accumulate((1 - part for part in stages), mul))
    kept, unit = rests[-1], lcm(*(rest.denominator for rest in rests))
    whole = unit * draw.randint(2, 40)  # so that whole pages are read every day
    left = int(whole * kept)
    name = draw.choice(NAMES)
    told = [f"{stages[0]} of a book on the first day"]
    told += [f"{part} of the rest on the {day} day" for part, day in zip(stages[1:], ("second", "third"), strict=False)]
    question = f"{name} reads {', '.join(told)}, and then has {left} pages left. How many pages does the book have?"
    factors = " · ".join(f"(1 - {part})" for part in stages)
    work = f"What is left is {factors} = {kept} of the book, so it has {left} / ({kept}) = {whole} pages."
    return Problem(question, str(whole), work, f"{' '.join(map(str, stages))},{left}")


def rate(draw: random.Random, difficulty: str) -> Problem:
    """Driving, meeting, and working together."""
    first, second = draw.sample(NAMES, 2)
    if difficulty == "easy":
        speed, minutes = draw.randint(15, 130), draw.randint(2, 40) * 5
        value = Fraction(speed * minutes, 60)
        question = f"{first} drives for {minutes} minutes at {speed} kilometres an hour. How many kilometres is that?"
        return Problem(question, str(value), f"{speed} · {minutes}/60 = ${tex(value)}$.", f"{speed},{minutes}")
    a, b = draw.sample(range(3, 60), 2)
    if difficulty == "medium":
        distance = draw.randint(20, 300)
        value = Fraction(distance, a + b)
        question = (
            f"{first} and {second} are {distance} kilometres apart and ride towards each other, "
            f"{first} at {a} and {second} at {b} kilometres an hour. After how many hours do they meet?"
        )
        return Problem(
            question,
            str(value),
            f"They approach at {a + b}, so {distance}/{a + b} = ${tex(value)}$ hours.",
            f"{sorted((a, b))}{distance}",
        )
    together = Fraction(a * b, a + b)  # how long both would need
    hours = draw.randint(1, ceil(together) - 1)  # so that something is left to paint
    value = b * (1 - hours / together)
    question = (
        f"{first} paints a fence in {a} hours, {second} in {b} hours. They paint together for {hours} hours, "
        f"then {second} goes on alone. How many more hours does it take {second} to finish?"
    )
    done = hours / together
    work = f"Together they paint {hours} · (1/{a} + 1/{b}) = {done}. The rest takes {b} · {1 - done} = ${tex(value)}$."
    return Problem(question, str(value), work, f"paint{a},{b},{hours}")


def geometry(draw: random.Random, difficulty: str) -> Problem:
    """A right triangle, the area of a polygon, or a distance from a line."""
    if difficulty == "easy":
        return _right_triangle(draw)
    if difficulty == "medium":
        return _polygon(draw)
    a, b, c, p, q = nonzero(draw, 9), nonzero(draw, 9), draw.randint(-20, 20), draw.randint(-9, 9), draw.randint(-9, 9)
    gap = a * p + b * q - c
    if gap == 0:
        c, gap = c - 1, 1
    value = Fraction(gap * gap, a * a + b * b)
    line = f"{poly([0, a])} {'-' if b < 0 else '+'} {poly([0, abs(b)], 'y')} = {c}"
    work = f"It is $(a p + b q - c)^2 / (a^2 + b^2) = ({gap})^2 / {a * a + b * b} = {tex(value)}$."
    question = f"What is the square of the distance from the point ({p}, {q}) to the line ${line}$?"
    return Problem(question, str(value), work, f"{line};{p},{q}")


def _right_triangle(draw: random.Random) -> Problem:
    n = draw.randint(1, 9)
    m, k = n + draw.randint(1, 8), draw.randint(1, 12)
    legs, hypotenuse = sorted((k * (m * m - n * n), 2 * k * m * n)), k * (m * m + n * n)
    if draw.random() < 0.5:
        question = f"A right triangle has legs of length {legs[0]} and {legs[1]}. How long is its hypotenuse?"
        return Problem(question, str(hypotenuse), f"${legs[0]}^2 + {legs[1]}^2 = {hypotenuse}^2$.", f"{legs}")
    known, asked = draw.sample(legs, 2)
    question = (
        f"A right triangle has a hypotenuse of length {hypotenuse} and a leg of {known}. How long is the other leg?"
    )
    return Problem(question, str(asked), f"${hypotenuse}^2 - {known}^2 = {asked}^2$.", f"{hypotenuse},{known}")


def _polygon(draw: random.Random) -> Problem:
    """One corner in each quadrant, so that the outline never crosses itself."""
    corners = [(sx * draw.randint(1, 12), sy * draw.randint(1, 12)) for sx, sy in ((1, 1), (-1, 1), (-1, -1), (1, -1))]
    pairs = list(zip(corners, corners[1:] + corners[:1], strict=True))
    doubled = sum(x * v - u * y for (x, y), (u, v) in pairs)
    value = Fraction(doubled, 2)
    listed = ", ".join(f"({x}, {y})" for x, y in corners)
    summands = " + ".join(f"({x * v - u * y})" for (x, y), (u, v) in pairs)
    work = f"By the shoelace formula twice the area is {summands} = {doubled}."
    return Problem(
        f"What is the area of the quadrilateral with the corners {listed}, in this order?", str(value), work, listed
    )
