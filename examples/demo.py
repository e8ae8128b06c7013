"""The main job, small: teach a tiny transformer Countdown, then improve it by reinforcement learning.

Run it with `make demo`, or `python examples/demo.py` from the repository's root. It builds a model and its
tokenizer in place, warms it up on worked solutions (SFT), trains it on the ordinal reward (CoRPO), and evaluates
both on problems that neither phase has seen. Interrupted, it goes on where it stopped.
"""

from __future__ import annotations

import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

import ludex
from ludex.agents import settings
from ludex.agents.report import Report, percent

HERE = Path(__file__).parent
PROBLEMS, RESPONSES = 400, 8

console = Console()


def main() -> None:
    started = time.monotonic()
    console.print("[bold]1. SFT[/]: a tiny model learns the form of the task from worked solutions")
    sft = ludex.train(settings.load(HERE / "demo-sft.toml"))
    before = evaluate(sft)
    console.print(f"   held-out {before.headline()}\n")
    console.print("[bold]2. RL[/]: it practises on the ordinal reward")
    rl = ludex.train(settings.load(HERE / "demo-rl.toml"))
    after = evaluate(rl)
    console.print(f"   held-out {after.headline()}\n")
    show(before, after)
    console.print(f"\nCurves: {rl / 'curves.png'}   Run folder: {rl}   {time.monotonic() - started:.0f} s")
    console.print(
        "Next: [bold]ludex eval runs/demo-rl/model countdown difficulty=easy[/], or [bold]ludex play countdown[/]"
    )


def evaluate(run: Path) -> Report:
    """pass@1 and pass@8 on the test split, whose problems are disjoint from those of training."""
    return ludex.evaluate(
        str(run / "model"), "countdown", n=PROBLEMS, k=RESPONSES, split="test", max_new_tokens=24, difficulty="easy"
    )


def show(before: Report, after: Report) -> None:
    """Before and after, side by side, and ten responses of the trained model."""
    title = f"Countdown, three numbers: {before.n} unseen problems x {before.k} responses"
    table = Table("", "SFT", "SFT + RL", title=title)
    both = (before, after)
    table.add_row("pass@1", *(percent(r.pass_1, r.pass_1_interval) for r in both))
    table.add_row(f"pass@{before.k}", *(percent(r.pass_k, r.pass_k_interval) for r in both))
    table.add_row("mean reward", *(f"{r.reward:.3f}" for r in both))
    for level in before.levels:
        table.add_row(f"  {level}", *(f"{100 * r.levels.get(level, 0.0):.1f} %" for r in both))
    console.print(table)
    for sample in after.samples[:10]:
        why = f"  ({sample['why']})" if sample["why"] else ""
        console.print(f"[dim]{escape(sample['prompt'])}[/]")
        console.print(f"    {escape(sample['response'])}  [bold]{sample['level']}[/]{escape(why)}")


if __name__ == "__main__":
    main()
