"""A mix of maths families, built by construction so that every answer is exact.

A family is a function `(random.Random, difficulty) -> Problem` and one line of
FAMILIES. Most answers are numerals, which are judged exactly and in process.
"""

from __future__ import annotations

import random
import re

import numpy as np

from ludex.core import Task
from ludex.envs.maths.problem import Family, Problem
from ludex.lookup import load, suggest

FAMILIES = {
    "antiderivative": "ludex.envs.maths.calculus:antiderivative",
    "arithmetic": "ludex.envs.maths.numbers:arithmetic",
    "base": "ludex.envs.maths.numbers:base",
    "composition": "ludex.envs.maths.algebra:composition",
    "counting": "ludex.envs.maths.chance:counting",
    "definite_integral": "ludex.envs.maths.calculus:definite_integral",
    "derivative": "ludex.envs.maths.calculus:derivative",
    "determinant": "ludex.envs.maths.algebra:determinant",
    "divisors": "ludex.envs.maths.numbers:divisors",
    "expansion": "ludex.envs.maths.polynomials:expansion",
    "factoring": "ludex.envs.maths.polynomials:factoring",
    "fraction": "ludex.envs.maths.words:fraction",
    "gcd_lcm": "ludex.envs.maths.numbers:gcd_lcm",
    "geometry": "ludex.envs.maths.words:geometry",
    "inequality": "ludex.envs.maths.algebra:inequality",
    "limit": "ludex.envs.maths.calculus:limit",
    "linear_equation": "ludex.envs.maths.algebra:linear_equation",
    "linear_system": "ludex.envs.maths.algebra:linear_system",
    "modular": "ludex.envs.maths.numbers:modular",
    "percent": "ludex.envs.maths.words:percent",
    "probability": "ludex.envs.maths.chance:probability",
    "quadratic_equation": "ludex.envs.maths.algebra:quadratic_equation",
    "rate": "ludex.envs.maths.words:rate",
    "sequence": "ludex.envs.maths.numbers:sequence",
    "simplification": "ludex.envs.maths.polynomials:simplification",
    "statistics": "ludex.envs.maths.chance:statistics",
    "tangent": "ludex.envs.maths.calculus:tangent",
}

DIFFICULTIES = ("easy", "medium", "hard")
MAX_DRAWS = 1000  # problems in a row whose statement shows their answer

_NAMES = tuple(FAMILIES)
_NUMERAL = re.compile(r"(?<![\w^/.])-?\d+(?:/\d+)?(?![\w/])")


def generate(rng: np.random.Generator, *, family: str = "all", difficulty: str = "medium") -> Task:
    """Draw a problem of one family, or of any.

    Args:
        rng: the source of randomness.
        family: a name of FAMILIES, or "all".
        difficulty: "easy", "medium" or "hard".

    Raises:
        ValueError: for an unknown family or difficulty.
    """
    if difficulty not in DIFFICULTIES:
        raise ValueError(f"math: no difficulty {difficulty!r}; {suggest(difficulty, DIFFICULTIES)}")
    if family != "all" and family not in FAMILIES:
        raise ValueError(f"math: no family {family!r}; {suggest(family, (*FAMILIES, 'all'))}")
    draw = random.Random(int(rng.integers(1 << 62)))  # scalar draws cost a tenth of NumPy's
    name = draw.choice(_NAMES) if family == "all" else family
    problem = _unspoilt(load(FAMILIES[name]), draw, difficulty)
    return Task(
        prompt=f"{problem.question} {problem.reply}",
        answer=problem.answer,
        verifier="maths",
        info={
            "solution": f"{problem.work} The answer is \\boxed{{{problem.answer}}}.",
            "key": f"{name}:{problem.key}",
            "form": "boxed",
            "difficulty": difficulty,
            "family": name,
        },
    )


def _unspoilt(family: Family, draw: random.Random, difficulty: str) -> Problem:
    """A problem whose answer is none of the numbers in its statement, which a policy could copy."""
    for _ in range(MAX_DRAWS):
        problem = family(draw, difficulty)
        if problem.answer not in _NUMERAL.findall(problem.question):
            return problem
    raise ValueError(f"math: {MAX_DRAWS} problems in a row show their own answer")
