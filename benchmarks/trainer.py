"""A GRPO step of Ludex against the same step of TRL: CPU seconds and peak memory, in one interleaved run.

Both trainers run as processes of their own, on one thread, and take their steps in
turn, so that a busy machine is busy for both. TRL lives in a virtual environment
of its own, `.venv-trl`, which the first run makes.

    python benchmarks/trainer.py [--steps 8] [--warmup 2] [--prompts 32 256]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table
from workload import Work

HERE = Path(__file__).resolve().parent
VENV = HERE.parent / ".venv-trl"
BARS = {32: (1.15, 1.2), 256: (2.7, 3.0)}  # prompt tokens: how many times faster, the bar and the goal


class Contestant:
    """A trainer in a process of its own, waiting for leave to take a step."""

    def __init__(self, python: Path | str, script: str, work: Work, threads: int = 1):
        offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
        limits = {"OMP_NUM_THREADS": str(threads)} if threads else {}
        paths = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
        self.steps: list[dict[str, float]] = []
        self._script = f"{script}.py"
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115  (lives as long as the process)
        self._process = subprocess.Popen(
            [str(python), self._script, work.to_json()],
            cwd=HERE,
            env=os.environ | offline | limits | {"PYTHONPATH": paths},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def step(self) -> dict[str, float]:
        """Let it take one step; RuntimeError with the end of its log if it died."""
        with contextlib.suppress(BrokenPipeError):
            print(file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()  # type: ignore[union-attr]
        if not line:
            self._log.seek(0)
            tail = "\n".join(self._log.read().splitlines()[-15:])
            raise RuntimeError(f"{self._script} died:\n{tail}")
        self.steps.append(json.loads(line))
        return self.steps[-1]

    def close(self) -> None:
        """Let it end."""
        self._process.communicate()
        self._log.close()


def trl_python() -> Path:
    """The interpreter of TRL's virtual environment, which the Makefile makes if there is none.

    Raises:
        subprocess.CalledProcessError: if its packages cannot be installed.
    """
    if not (VENV / "installed").exists():
        make = ["make", f"PYTHON={sys.executable}", f"{VENV.name}/installed"]
        subprocess.run(make, cwd=VENV.parent, check=True, stdout=sys.stderr)
    return VENV / "bin" / "python"


def compare(
    work: Work, pairs: dict[str, tuple[Path | str, str]], steps: int, warmup: int, threads: int = 1
) -> dict[str, Any]:
    """Every contestant's steps after the warm-up, taken in turn.

    Raises:
        RuntimeError: if one of them died, or did another amount of work.
    """
    expected = work.rows * (work.prompt_tokens + work.new_tokens)
    contestants = {name: Contestant(*command, work, threads) for name, command in pairs.items()}
    for number in range(warmup + steps):
        order = list(contestants.items())
        for name, contestant in order if number % 2 else reversed(order):  # neither always runs first
            found = contestant.step()
            if found["tokens"] != expected:
                raise RuntimeError(f"{name} handled {found['tokens']} tokens in a step instead of {expected}")
            print(f"  {name}: step {number}, {found['cpu_s']:.2f} CPU s", file=sys.stderr)
    for contestant in contestants.values():
        contestant.close()
    return {name: contestant.steps[warmup:] for name, contestant in contestants.items()}


def summarise(runs: dict[str, Any]) -> dict[str, Any]:
    """Medians, and how many times faster the first contestant is than the last."""
    ours, theirs = runs["ludex"], runs["trl"]
    cpu = {name: [step["cpu_s"] for step in steps] for name, steps in runs.items()}
    paired = [their / our for our, their in zip(cpu["ludex"], cpu["trl"], strict=True)]
    return {
        "ratio": median(cpu["trl"]) / median(cpu["ludex"]),
        "paired_ratio_range": [min(paired), max(paired)],
        "cpu_s": {name: {"median": median(v), "min": min(v), "max": max(v)} for name, v in cpu.items()},
        "peak_rss_mb": {"ludex": ours[-1]["peak_rss_mb"], "trl": theirs[-1]["peak_rss_mb"]},
        "last_reward": {"ludex": ours[-1]["reward"], "trl": theirs[-1]["reward"]},
    }


def versions(python: Path | str) -> dict[str, str]:
    """Versions of the libraries that an interpreter sees."""
    code = "import json, importlib.metadata as m; print(json.dumps({d.name: d.version for d in m.distributions()}))"
    found = json.loads(subprocess.run([str(python), "-c", code], capture_output=True, check=True).stdout)
    return {name: found[name] for name in ("torch", "transformers", "trl", "accelerate") if name in found}


def cpu_model() -> str:
    """What the processor calls itself."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def write(name: str, result: dict[str, Any]) -> Path:
    """Save a result under benchmarks/results/ with the date, the processor and the interpreter's version."""
    path = HERE / "results" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    about = {"date": date.today().isoformat(), "cpu": cpu_model(), "python": platform.python_version()}
    path.write_text(json.dumps(about | result, indent=2) + "\n")
    return path


def show(results: dict[int, dict[str, Any]], steps: int) -> None:
    """The table."""
    title = f"one GRPO step, 64 completions of 64 tokens, one thread; medians of {steps} steps"
    table = Table(title=title)
    columns = ("prompt", "CPU s, Ludex", "TRL", "times faster", "bar", "goal", "peak MB, Ludex", "TRL", "no higher")
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    for length, found in results.items():
        cpu, rss = found["cpu_s"], found["peak_rss_mb"]
        verdicts = [f"{bar} {'met' if found['ratio'] >= bar else 'missed'}" for bar in BARS.get(length, ())] or ["", ""]
        low, high = found["paired_ratio_range"]
        table.add_row(
            str(length),
            f"{cpu['ludex']['median']:.2f}",
            f"{cpu['trl']['median']:.2f}",
            f"{found['ratio']:.2f} [{low:.2f}, {high:.2f}]",
            *verdicts,
            f"{rss['ludex']:,.0f}",
            f"{rss['trl']:,.0f}",
            "met" if rss["ludex"] <= rss["trl"] else "missed",
        )
    Console(width=120).print(table)


def main() -> None:
    """Measure, save and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--prompts", type=int, nargs="+", default=[32, 256], help="prompt lengths in tokens")
    args = parser.parse_args()
    pairs: dict[str, tuple[Path | str, str]] = {
        "ludex": (sys.executable, "trainer_ours"),
        "trl": (trl_python(), "trainer_trl"),
    }
    results = {}
    for length in args.prompts:
        results[length] = summarise(compare(Work(prompt_tokens=length), pairs, args.steps, args.warmup))
    about = {"steps": args.steps, "warmup": args.warmup, "versions": {n: versions(p) for n, (p, _) in pairs.items()}}
    path = write("trainer", about | {"work": json.loads(Work().to_json()), "prompt_tokens": results})
    show(results, args.steps)
    print(f"written to {path.relative_to(HERE.parent)}")


if __name__ == "__main__":
    main()
