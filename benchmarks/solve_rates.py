"""How hard Countdown's difficulties are: distinct solutions, and what blind guessing solves.

A blind guess joins random pairs of the given numbers by random operations, so it always uses the right numbers.
With a run folder's model as argument its own rate is printed too.
"""

from __future__ import annotations

import argparse
import random
from fractions import Fraction
from statistics import median

from rich.console import Console
from rich.table import Table

import ludex
from ludex.agents.report import interval, pass_at_k, percent
from ludex.envs.countdown import DIFFICULTIES
from ludex.envs.solver import count

GUESSES = 1000


def guess(draw: random.Random, numbers: list[int]) -> Fraction | None:
    """The value of a random expression, None after a division by zero."""
    values = [Fraction(n) for n in numbers]
    while len(values) > 1:
        a, b = values.pop(draw.randrange(len(values))), values.pop(draw.randrange(len(values)))
        sign = draw.choice("+-*/")
        if sign == "/" and b == 0:
            return None
        values.append(a + b if sign == "+" else a - b if sign == "-" else a * b if sign == "*" else a / b)
    return values[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", help="a model to evaluate as well")
    parser.add_argument("-n", type=int, default=200, help="problems of each difficulty")
    args = parser.parse_args()
    table = Table(
        "difficulty", "numbers", "target", "solutions, median", "blind pass@1", "blind pass@64", "model pass@1"
    )
    for name, preset in DIFFICULTIES.items():
        source = ludex.task_source("countdown", split="test", difficulty=name)
        golds = [source[i].answer for i in range(args.n)]
        draw = random.Random(0)
        hits = [sum(guess(draw, g["numbers"]) == g["target"] for _ in range(GUESSES)) for g in golds]
        first, many = [h / GUESSES for h in hits], [pass_at_k(GUESSES, h, 64) for h in hits]
        model = ""
        if args.model:
            report = ludex.evaluate(args.model, "countdown", n=args.n, k=4, max_new_tokens=64, difficulty=name)
            model = percent(report.pass_1, report.pass_1_interval)
        table.add_row(
            name,
            f"{preset.numbers} up to {preset.largest}",
            f"{preset.target[0]} to {preset.target[1]}",
            f"{median(count(g['numbers'], g['target']) for g in golds):g}",
            percent(sum(first) / len(first), interval(first, GUESSES)),
            percent(sum(many) / len(many), interval(many, GUESSES)),
            model,
        )
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
