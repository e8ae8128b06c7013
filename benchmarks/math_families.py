"""For each family of math-v0: tasks a second, distinct problems among the draws, and the commonest answers.

python benchmarks/math_families.py [draws] [family ...]
"""

from __future__ import annotations

import sys
import time
from collections import Counter

from ludex.envs.core import TaskSource
from ludex.envs.math import DIFFICULTIES, FAMILIES, generate


def main(draws: int, families: list[str]) -> None:
    print(f"{'family':20}{'difficulty':12}{'tasks/s':>8}{'problems':>10}{'answers':>9}  commonest, of {draws} draws")
    for family in families:
        for difficulty in DIFFICULTIES:
            source = TaskSource("math-v0", generate, family=family, difficulty=difficulty)
            start = time.process_time()
            tasks = [source[i] for i in range(draws)]
            speed = draws / (time.process_time() - start)
            answers = Counter(task.answer for task in tasks)
            problems = len({task.info["key"] for task in tasks})
            common = ", ".join(f"{answer} {n / draws:.1%}" for answer, n in answers.most_common(2))
            print(f"{family:20}{difficulty:12}{speed:8.0f}{problems:10}{len(answers):9}  {common}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000, sys.argv[2:] or ["all", *FAMILIES])
