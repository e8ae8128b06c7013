"""GRPO steps of models of Qwen2.5's shapes on one GPU: Ludex beside `model.generate`, TRL, and what is possible at all.

Random weights, 16 prompts x 8 completions of exactly so many tokens, bfloat16. Every contestant is a process of
its own, one after another in the same order, and has the device to itself. What is finished is written at once
and skipped by the next call, so that a device can be borrowed for a few minutes at a time. TRL is taken from the
interpreter that runs this, or from `.venv-trl`, which is made where it can be.

    python benchmarks/gpu.py                       the whole grid: hours
    python benchmarks/gpu.py --quick               the headline only: 0.5B, 128 + 256 tokens, whole vocabulary
    python benchmarks/gpu.py --only '1.5B.*Ludex'  runs whose name fits, as in '1.5B 32+256 V512 Ludex'
    python benchmarks/gpu.py --toy                 a toy down the same path on the CPU: a check, no measurement
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import platform
import re
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import floor
import gpu_tables
import torch
from rich.console import Console
from trainer import HERE, compare, cpu_model, trl_python, versions
from workload import Work

SHAPES = {
    "0.5B": Work(layers=24, hidden=896, heads=14, kv_heads=2, mlp=4864),
    "1.5B": Work(layers=28, hidden=1536, heads=12, kv_heads=2, mlp=8960),
}
TOY = Work(layers=2, hidden=32, heads=2, kv_heads=1, mlp=64, prompts=2, group=4, new_tokens=8, micro_rows=4, bf16=True)
HEADLINE = ("0.5B", 128, 256, 151_936)
GRID = (HEADLINE, *itertools.product(SHAPES, (32, 256, 1024), (256, 1024), (512, 151_936)))
CONTESTANTS = {  # by name: the script, and what samples
    "Ludex engine": ("sampler", "local"),
    "generate": ("sampler", "generate"),
    "Ludex": ("trainer_ours", "local"),
    "TRL": ("trainer_trl", ""),
}


@dataclass(frozen=True)
class Run:
    """One contestant on the work of one cell of the grid."""

    cell: str
    contestant: str
    work: Work

    @property
    def name(self) -> str:
        """As `--only` and the results know it."""
        return f"{self.cell} {self.contestant}"


def plan(args: argparse.Namespace) -> list[Run]:
    """What there is to run, in order."""
    cells = {"toy 32+8 V512": TOY}
    if not args.toy:
        grid = GRID[:1] if args.quick else GRID
        cells = {f"{size} {old}+{new} V{words}": build(args, size, old, new, words) for size, old, new, words in grid}
    runs = [Run(cell, contestant, work) for cell, work in cells.items() for contestant in CONTESTANTS]
    return [run for run in runs if re.search(args.only, run.name)]


def build(args: argparse.Namespace, size: str, prompt_tokens: int, new_tokens: int, vocabulary: int) -> Work:
    """The work of a cell; a learner forwards a power of two of completions at once."""
    fitting = max(1, args.micro_tokens // (prompt_tokens + new_tokens))
    return replace(
        SHAPES[size],
        vocabulary=vocabulary,
        prompts=args.prompts,
        group=args.group,
        prompt_tokens=prompt_tokens,
        new_tokens=new_tokens,
        lr=1e-6,
        device="cuda",
        bf16=True,
        micro_rows=min(1 << (fitting.bit_length() - 1), args.prompts * args.group),
    )


def measure(run: Run, python: Path | str, steps: int, warmup: int) -> dict[str, Any]:
    """Medians of a contestant's steps in seconds, and its peak memory; or why there are none."""
    script, engine = CONTESTANTS[run.contestant]
    about = {"date": date.today().isoformat(), "steps": steps, "work": vars(run.work)}
    work = replace(run.work, engine=engine or run.work.engine)
    try:
        found = compare(work, {run.name: (python, script)}, steps, warmup, threads=0)[run.name]
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return about | {"error": str(error).strip().splitlines()[-1]}
    keys = {"sample_s": "wall_s"} if script == "sampler" else {"step_s": "wall_s", "sample_s": "sample_s"}
    if "learn_s" in found[0]:
        keys["learn_s"] = "learn_s"
    seconds = {key: median(step[old] for step in found) for key, old in keys.items() if old in found[0]}
    return about | seconds | {"peak_mb": found[-1].get("peak_cuda_mb", found[-1]["peak_rss_mb"])}


class Results:
    """The results file: facts about the machine, and by name the runs that are done."""

    def __init__(self, path: Path | None, device: str):
        self.path = path
        old = json.loads(path.read_text()) if path is not None and path.exists() else {}
        if old and old["device"] != device:
            raise SystemExit(f"{path} is of {old['device']!r}, this is {device!r}; name another file with --out")
        about = {"device": device, "cpu": cpu_model(), "python": platform.python_version()}
        self.data: dict[str, Any] = {**about, "versions": versions(sys.executable), "runs": {}, **old}
        self.runs: dict[str, dict[str, Any]] = self.data["runs"]

    def speeds(self) -> dict[str, floor.Speed]:
        """The device's, by its data sheet where that is known and as measured here, once."""
        if "measured" not in self.data:
            toy = self.data["device"] == "cpu"
            speed = floor.measured("cpu", 1 << 22, 256) if toy else floor.measured("cuda")
            self.data["measured"] = vars(speed)
        sheet = floor.data_sheet(self.data["device"])
        return ({"sheet": sheet} if sheet else {}) | {"measured": floor.Speed(**self.data["measured"])}

    def add(self, name: str, found: dict[str, Any]) -> None:
        """Keep a finished run."""
        self.runs[name] = found
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(json.dumps(self.data, indent=2) + "\n")


def interpreter(contestant: str) -> Path | str | None:
    """Who runs a contestant; None where there is no TRL and none can be installed."""
    if contestant != "TRL" or importlib.util.find_spec("trl") is not None:
        return sys.executable
    try:
        return trl_python()
    except (subprocess.CalledProcessError, OSError):
        return None


def complete(results: Results, runs: list[Run], args: argparse.Namespace) -> None:
    """Run what is not in the results yet."""
    for run in runs:
        done = results.runs.get(run.name)
        if done is not None and not (args.retry and "error" in done):
            continue
        python = interpreter(run.contestant)
        if python is None:
            print(f"{run.name} is left out: this interpreter has no trl, and .venv-trl cannot be made here")
            continue
        print(run.name, file=sys.stderr)
        results.add(run.name, measure(run, python, args.steps, args.warmup))


def arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the headline only")
    parser.add_argument("--only", default="", metavar="REGEX", help="runs whose name it is found in")
    parser.add_argument("--toy", action="store_true", help="the same path on the CPU with a toy model")
    parser.add_argument("--retry", action="store_true", help="once more what failed")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--prompts", type=int, default=16)
    parser.add_argument("--group", type=int, default=8)
    parser.add_argument("--micro-tokens", type=int, default=16384, help="prompt and completion, forwarded at once")
    parser.add_argument("--out", type=Path, help="the results file; default results/gpu.json, for a toy none")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> None:
    """Measure, save and print."""
    args = arguments(words)
    if not args.toy and not torch.cuda.is_available():
        print(f"benchmarks/gpu.py: torch {torch.__version__} sees no CUDA device here; nothing was measured")
        return
    path = args.out or (None if args.toy else HERE / "results" / "gpu.json")
    results = Results(path, "cpu" if args.toy else torch.cuda.get_device_name())
    speeds, runs = results.speeds(), plan(args)
    if not args.toy:
        torch.cuda.empty_cache()  # the contestants' now
    complete(results, runs, args)
    console = Console(width=130)
    works = {run.cell: run.work for run in runs}
    console.print(gpu_tables.measured(results.data["device"], works, results.runs))
    console.print(gpu_tables.floors(works, results.runs, speeds))
    for line in () if args.toy else gpu_tables.verdicts(works, results.runs):
        console.print(line)
    if path is not None:
        print(f"in {path}: {len(results.runs)} runs")


if __name__ == "__main__":
    main()
