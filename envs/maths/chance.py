"""Probability, counting and statistics."""

from __future__ import annotations

import random
from collections import Counter
from fractions import Fraction
from math import comb, factorial, perm, prod

from ludex.envs.maths.problem import Problem, pick, tex

COLOURS = ("red", "blue", "green", "white")


def probability(draw: random.Random, difficulty: str) -> Problem:
    """Marbles drawn without replacement, or a sum of two dice."""
    if difficulty == "hard" and draw.random() < 0.4:
        return _dice(draw)
    count = pick(difficulty, 1, 2, draw.randint(3, 4))
    marbles = {colour: draw.randint(3, 15) for colour in draw.sample(COLOURS, 3)}
    whole, (colour, mine) = sum(marbles.values()), draw.choice(list(marbles.items()))
    bag = ", ".join(f"{n} {name}" for name, n in marbles.items())
    if difficulty == "easy":
        value = Fraction(whole - mine, whole)
        work = f"{whole - mine} of the {whole} marbles are not {colour}."
        question = (
            f"A bag holds {bag} marbles. One is drawn at random. What is the probability that it is not {colour}?"
        )
        return Problem(
            question, str(value), f"{work} The probability is ${tex(value)}$.", f"{sorted(marbles.items())}{colour}"
        )
    wanted = draw.randint(1, count - 1)
    ways = comb(mine, wanted) * comb(whole - mine, count - wanted)
    value = Fraction(ways, comb(whole, count))
    question = (
        f"A bag holds {bag} marbles. Of them {count} are drawn at random without replacement. "
        f"What is the probability that exactly {wanted} of the drawn marbles {'is' if wanted == 1 else 'are'} {colour}?"
    )
    work = (
        f"There are $\\binom{{{mine}}}{{{wanted}}} \\binom{{{whole - mine}}}{{{count - wanted}}} = {ways}$ such draws "
        f"of $\\binom{{{whole}}}{{{count}}} = {comb(whole, count)}$, which is ${tex(value)}$."
    )
    return Problem(question, str(value), work, f"{sorted(marbles.items())}{count}{colour}{wanted}")


def _dice(draw: random.Random) -> Problem:
    m, n = sorted((draw.randint(4, 20), draw.randint(4, 20)))
    least = draw.randint(5, m + n - 2)
    ways = sum(max(0, n - max(1, least - i) + 1) for i in range(1, m + 1))
    value = Fraction(ways, m * n)
    question = (
        f"Two fair dice are rolled, one numbered from 1 to {m} and one from 1 to {n}. "
        f"What is the probability that the sum is at least {least}?"
    )
    work = f"{ways} of the {m} · {n} = {m * n} pairs have such a sum, so the probability is ${tex(value)}$."
    return Problem(question, str(value), work, f"dice{m},{n},{least}")


def counting(draw: random.Random, difficulty: str) -> Problem:
    """Committees, rearranged words, and committees with a condition."""
    if difficulty == "easy":
        return _choice(draw)
    if difficulty == "medium":
        return _word(draw)
    men, women, size = draw.randint(4, 20), draw.randint(4, 20), draw.randint(3, 6)
    least = draw.randint(2, size - 1)
    parts = [comb(women, k) * comb(men, size - k) for k in range(least, size + 1)]
    value = sum(parts)
    question = (
        f"In how many ways can a committee of {size} be chosen from {women} women and {men} men "
        f"if at least {least} of its members are women?"
    )
    work = f"With {least} to {size} women there are {' + '.join(map(str, parts))} = {value} ways."
    return Problem(question, str(value), work, f"{men},{women},{size},{least}")


def _choice(draw: random.Random) -> Problem:
    n, k = draw.randint(7, 70), draw.randint(2, 5)
    if draw.random() < 0.5:
        question = f"In how many ways can a committee of {k} be chosen from {n} people?"
        return Problem(question, str(comb(n, k)), f"$\\binom{{{n}}}{{{k}}} = {comb(n, k)}$.", f"{n},{k}")
    question = f"In how many ways can {k} different prizes be given to {n} people, at most one to each?"
    factors = " · ".join(str(n - i) for i in range(k))
    return Problem(question, str(perm(n, k)), f"{factors} = {perm(n, k)}.", f"prizes{n},{k}")


def _word(draw: random.Random) -> Problem:
    length = draw.randint(6, 9)
    letters = "".join(draw.choice("AAABBBCCDEFGH") for _ in range(length))
    counts = sorted(Counter(letters).values(), reverse=True)
    value = factorial(length) // prod(map(factorial, counts))
    work = f"{length}! / ({' · '.join(f'{n}!' for n in counts)}) = {value}."
    question = f"How many different strings can be made by rearranging all the letters of {letters}, itself included?"
    return Problem(question, str(value), work, "".join(sorted(letters)))


def statistics(draw: random.Random, difficulty: str) -> Problem:
    """A mean, a missing value, or a variance."""
    count = pick(difficulty, draw.randint(4, 6), draw.randint(4, 7), draw.randint(4, 6))
    values = [draw.randint(1, pick(difficulty, 60, 90, 25)) for _ in range(count)]
    listed = ", ".join(map(str, values))
    mean = Fraction(sum(values), count)
    work = f"The sum is {sum(values)}, so the mean is ${tex(mean)}$."
    if difficulty == "easy":
        return Problem(f"What is the mean of {listed}?", str(mean), work, f"{sorted(values)}")
    if difficulty == "medium":
        wanted = draw.randint(min(values), max(values))
        missing = wanted * (count + 1) - sum(values)
        work = f"All numbers add up to {wanted * (count + 1)}, the known ones to {sum(values)}; {missing} is missing."
        question = f"The mean of {listed} and one more number is {wanted}. What is that number?"
        return Problem(question, str(missing), work, f"{sorted(values)}{wanted}")
    squares = sum(n * n for n in values)
    variance = Fraction(squares, count) - mean**2
    work += (
        f" The mean of the squares is ${tex(Fraction(squares, count))}$. Less the squared mean it is ${tex(variance)}$."
    )
    question = f"What is the population variance (the mean squared distance from the mean) of {listed}?"
    return Problem(question, str(variance), work, f"variance{sorted(values)}")
