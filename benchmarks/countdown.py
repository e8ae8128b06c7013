"""Countdown problems and verifications per CPU second, beside reasoning-gym's on the same machine.

Four numbers from 1 to 50, targets from 10 to 100. Each library runs in a process
and a virtual environment of its own (`.venv-rg` is made if absent) and is asked
for one round in turn; a round generates new problems and judges each once, so
that nothing is cached. The medians of the rounds are printed.

    python benchmarks/countdown.py [--rounds 9]
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

RG_HOME = Path(__file__).resolve().parent.parent / ".venv-rg"
RG_VERSION = "0.1.25"
MEASURES = ("problems", "right answers judged", "wrong answers judged")
BARS = (5_000, 50_000, 50_000)  # a second
Judge = Callable[[str, Any], float]


def ludex() -> tuple[Any, Callable[[Any], tuple[str, list[int]]], Judge]:
    """The stream of problems, what solves one, and what judges an expression."""
    from ludex import task_source, verify

    def solved(task: Any) -> tuple[str, list[int]]:
        return re.sub("</?answer>", "", task.info["solution"]), task.answer["numbers"]

    source = task_source("countdown", numbers=4, largest=50, target=(10, 100))
    return source, solved, lambda text, task: verify(f"<answer>{text}</answer>", task).reward


def reasoning_gym() -> tuple[Any, Callable[[Any], tuple[str, list[int]]], Judge]:
    """The same of reasoning-gym."""
    from reasoning_gym.games.countdown import CountdownConfig, CountdownDataset

    config = CountdownConfig(
        min_numbers=4, max_numbers=4, max_value=50, min_target=10, max_target=100, seed=0, size=10**9
    )
    data = CountdownDataset(config)
    return data, lambda entry: (entry["metadata"]["expression"], entry["metadata"]["numbers"]), data.score_answer


def work(library: str, n: int) -> None:
    """Answer every line on stdin with the rates of one round of `n` problems."""
    source, solved, judge = {"ludex": ludex, "reasoning-gym": reasoning_gym}[library]()
    for done, _ in enumerate(sys.stdin):
        tasks, speed = timed(source.__getitem__, [(done * n + i,) for i in range(n)])
        pairs = [solved(task) for task in tasks]
        right, right_speed = timed(judge, [(text, task) for (text, _), task in zip(pairs, tasks, strict=True)])
        sums = ["+".join(map(str, numbers)) + f"-{numbers[0]}" for _, numbers in pairs]  # one number too many
        wrong, wrong_speed = timed(judge, list(zip(sums, tasks, strict=True)))
        if min(right) < 1 or max(wrong) >= 1:
            raise SystemExit(f"{library}: the judgements are not what they should be")
        print(json.dumps([speed, right_speed, wrong_speed]), flush=True)


def timed(function: Callable[..., Any], calls: list[tuple[Any, ...]]) -> tuple[list[Any], float]:
    """The results of the calls, and how many there were in a CPU second."""
    start = time.process_time()
    results = [function(*arguments) for arguments in calls]
    return results, len(calls) / (time.process_time() - start)


def rg_python() -> str:
    """The interpreter that has reasoning-gym."""
    python = RG_HOME / "bin" / "python"
    if not python.exists():
        venv.create(RG_HOME, with_pip=True)
    probe = subprocess.run([python, "-c", "import reasoning_gym"], capture_output=True, check=False)
    if probe.returncode:
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, f"reasoning-gym=={RG_VERSION}"], check=True)
    return str(python)


def measure(rounds: int) -> dict[str, list[list[float]]]:
    """The rates of every round of both libraries, asked in turn."""
    pythons = {"ludex": (sys.executable, 4000), "reasoning-gym": (rg_python(), 40)}
    workers = {
        name: subprocess.Popen(
            [python, __file__, "--worker", name, "-n", str(n)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for name, (python, n) in pythons.items()
    }
    found: dict[str, list[list[float]]] = {name: [] for name in workers}
    for _ in range(rounds + 1):
        for name, worker in workers.items():
            assert worker.stdin is not None
            assert worker.stdout is not None
            print(file=worker.stdin, flush=True)
            found[name].append(json.loads(worker.stdout.readline()))
    for worker in workers.values():
        worker.communicate()
    return {name: rates[1:] for name, rates in found.items()}  # the first round warms up


def main() -> None:
    """Measure both and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--worker", choices=("ludex", "reasoning-gym"), help=argparse.SUPPRESS)
    parser.add_argument("-n", type=int, default=100, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        work(args.worker, args.n)
        return
    from rich.console import Console
    from rich.table import Table

    found = measure(args.rounds)
    table = Table(title=f"Countdown, four numbers, per CPU second; median of {args.rounds} rounds")
    for column in ("", "Ludex", f"reasoning-gym {RG_VERSION}", "ratio", "bar", ""):
        table.add_column(column, justify="left" if not column else "right")
    for i, (what, bar) in enumerate(zip(MEASURES, BARS, strict=True)):
        ours, theirs = (median(rates[i] for rates in found[name]) for name in ("ludex", "reasoning-gym"))
        table.add_row(
            what,
            f"{ours:,.0f}",
            f"{theirs:,.0f}",
            f"{ours / theirs:,.0f} x",
            f"{bar:,}",
            "met" if ours >= bar else "missed",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
