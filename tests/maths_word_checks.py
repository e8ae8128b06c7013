"""The same as maths_checks, for chance, counting, statistics, word problems and geometry."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from fractions import Fraction
from functools import cache
from itertools import product

from maths_reader import formulas, numbers, value


def probability(question: str, answer: str) -> bool:
    if "dice" in question:
        _, m, _, n, least = (int(x) for x in numbers(question))
        pairs = [i + j >= least for i, j in product(range(1, m + 1), range(1, n + 1))]
        return Fraction(sum(pairs), len(pairs)) == Fraction(answer)
    bag = {colour: int(n) for n, colour in re.findall(r"(\d+) ([a-z]+)", question.partition(" marbles")[0])}
    if "not" in question:
        return 1 - Fraction(bag[question.rstrip("?").split()[-1]], sum(bag.values())) == Fraction(answer)
    count, wanted = re.findall(r"them (\d+) .*exactly (\d+)", question)[0]
    colour = question.rstrip("?").split()[-1]
    total = Fraction(0)
    for hits in product((0, 1), repeat=int(count)):  # marble by marble
        if sum(hits) == int(wanted):
            mine, other, chance = bag[colour], sum(bag.values()) - bag[colour], Fraction(1)
            for hit in hits:
                chance *= Fraction(mine if hit else other, mine + other)
                mine, other = mine - hit, other - (1 - hit)
            total += chance
    return total == Fraction(answer)


def _committees(men: int, women: int, size: int, least: int) -> int:
    """Person by person."""
    ways = Counter({(0, 0): 1})
    for woman in [0] * men + [1] * women:
        for (members, chosen), n in list(ways.items()):
            ways[members + 1, chosen + woman] += n
    return sum(n for (members, chosen), n in ways.items() if members == size and chosen >= least)


@cache
def _arrangements(counts: tuple[int, ...]) -> int:
    """Letter by letter."""
    if not sum(counts):
        return 1
    rest = (tuple(sorted((*counts[:i], n - 1, *counts[i + 1 :]))) for i, n in enumerate(counts) if n)
    return sum(map(_arrangements, rest))


def counting(question: str, answer: str) -> bool:
    given = [int(x) for x in numbers(question)]
    if "rearranging" in question:
        word = re.findall(r"letters of ([A-Z]+)", question)[0]
        return _arrangements(tuple(sorted(Counter(word).values()))) == int(answer)
    if "women" in question:
        size, women, men, least = given
        return _committees(men, women, size, least) == int(answer)
    k, n = given
    ordered = 1
    for i in range(k):
        ordered *= n - i
    return (ordered if "prizes" in question else _committees(n, 0, k, 0)) == int(answer)


def statistics_of(question: str, answer: str) -> bool:
    given = numbers(question)
    if "one more" in question:
        *known, mean = given
        return statistics.mean([*known, Fraction(answer)]) == mean
    found = statistics.pvariance(given) if "variance" in question else statistics.mean(given)
    return found == Fraction(answer)


def percent(question: str, answer: str) -> bool:
    changes = [(way, int(n)) for way, n in re.findall(r"(reduced|raised) by (\d+) percent", question)]
    amounts = [n for n in re.findall(r"(\d+(?:/\d+)?) dollars", question)]
    price = Fraction(answer) if "at first" in question else Fraction(amounts[0])
    for way, n in changes:
        price += price * (-n if way == "reduced" else n) / 100
    return price == Fraction(amounts[0] if "at first" in question else answer)


def fraction(question: str, answer: str) -> bool:
    *parts, left = numbers(question)
    pages = Fraction(answer)
    for part in parts:
        if (pages * part).denominator != 1:
            return False
        pages -= pages * part
    return pages == left


def rate(question: str, answer: str) -> bool:
    given, found = numbers(question), Fraction(answer)
    if "drives" in question:
        return found / given[1] == given[0] / 60
    if "apart" in question:
        return given[1] * found + given[2] * found == given[0]
    a, b, hours = given
    return hours / a + (hours + found) / b == 1 and found > 0


def geometry(question: str, answer: str) -> bool:
    given, found = numbers(question.replace("$", " ")), Fraction(answer)
    if "hypotenuse?" in question:
        return given[0] ** 2 + given[1] ** 2 == found**2
    if "other leg" in question:
        return given[1] ** 2 + found**2 == given[0] ** 2
    if "area" in question:
        corners = list(zip(given[::2], given[1::2], strict=True))
        triangles = zip(corners, corners[1:] + corners[:1], strict=True)  # all from the origin, which lies inside
        return sum(abs(x * v - u * y) for (x, y), (u, v) in triangles) / 2 == found
    left, right = formulas(question)[0].split("=")
    zero, one = Fraction(0), Fraction(1)
    a, b, c = value(left, x=one, y=zero), value(left, x=zero, y=one), Fraction(right.strip())
    p, q = given[:2]
    (x, y), (u, v) = ((zero, c / b), (one, (c - a) / b))  # two points of the line
    along, gap = (u - x, v - y), (p - x, q - y)
    foot = (gap[0] * along[0] + gap[1] * along[1]) / (along[0] ** 2 + along[1] ** 2)
    return (gap[0] - foot * along[0]) ** 2 + (gap[1] - foot * along[1]) ** 2 == found
