"""Maths verification on the exact path, through `ludex.verify`, without caching. CPU seconds, medians of rounds."""

from __future__ import annotations

import time
from statistics import median

from rich.console import Console
from rich.table import Table

import ludex
from ludex import Task

BAR = 25_000  # verifications a second on one core
ROUNDS, CALLS = 7, 20_000

# What tasks of ludex/arithmetic-v0 and ludex/math-v0 are answered with, and other spellings of it.
SPELLINGS = {
    "integers, right": [(str(n), f"The answer is \\boxed{{{n}}}.") for n in range(-500, 500)],
    "integers, wrong": [(str(n), f"The answer is \\boxed{{{n + 1}}}.") for n in range(-500, 500)],
    "fractions a/b": [(f"{n}/7", f"So \\boxed{{{2 * n}/14}}") for n in range(1, 1000)],
    "\\frac{a}{b}": [(f"{n}/7", f"So \\boxed{{\\frac{{{n}}}{{7}}}}") for n in range(1, 1000)],
    "decimals": [(f"{n}/8", f"\\boxed{{{n / 8}}}") for n in range(1, 1000)],
}


def main() -> None:
    table = Table("answers", "verifications a CPU second", f"bar {BAR:,}")
    for name, pairs in SPELLINGS.items():
        tasks = [(Task("?", gold, "maths", info={"form": "boxed"}), response) for gold, response in pairs]
        expected = "wrong" not in name
        assert all(ludex.verify(response, task).correct == expected for task, response in tasks)
        rate = median(measure(tasks) for _ in range(ROUNDS))
        table.add_row(name, f"{rate:,.0f}", "met" if rate >= BAR else "missed")
    Console().print(table)


def measure(tasks: list[tuple[Task, str]]) -> float:
    """Verifications a CPU second over one round."""
    start = time.process_time()
    for number in range(CALLS):
        task, response = tasks[number % len(tasks)]
        ludex.verify(response, task)
    return CALLS / (time.process_time() - start)


if __name__ == "__main__":
    main()
