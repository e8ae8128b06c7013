"""The tables and verdicts of gpu.py, from its runs by name: "CELL CONTESTANT"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import floor
from rich.table import Table
from workload import Work

Runs = Mapping[str, Mapping[str, Any]]
DECODE, STEP = 5.0, 2.0  # bars: times as fast as `generate`, and as TRL's step


def measured(device: str, works: Mapping[str, Work], runs: Runs) -> Table:
    """Tokens sampled a second, seconds a step and peak memory, side by side."""
    table = Table(title=f"on {device}; a dash is a run that failed, a blank one that is not done")
    heads = ("tokens/s, engine", "generate", "times", "step s, Ludex", "TRL", "times", "peak MB, Ludex", "TRL")
    table.add_column("")
    for head in heads:
        table.add_column(head, justify="right")
    for cell, work in works.items():
        sampled = work.rows * work.new_tokens
        table.add_row(
            cell,
            _show(runs, cell, "Ludex engine", "sample_s", ",.0f", sampled),
            _show(runs, cell, "generate", "sample_s", ",.0f", sampled),
            _format(ratio(runs, cell, "sample_s", "generate", "Ludex engine"), ".2f"),
            _show(runs, cell, "Ludex", "step_s", ".2f"),
            _show(runs, cell, "TRL", "step_s", ".2f"),
            _format(ratio(runs, cell, "step_s", "TRL", "Ludex"), ".2f"),
            _show(runs, cell, "Ludex", "peak_mb", ",.0f"),
            _show(runs, cell, "TRL", "peak_mb", ",.0f"),
        )
    return table


def floors(works: Mapping[str, Work], runs: Runs, speeds: Mapping[str, floor.Speed]) -> Table:
    """The least seconds that sampling and learning can take, and how often that goes into what Ludex took."""
    about = "; ".join(
        f"{by}: {speed.bandwidth / 1e12:.3g} TB/s, {speed.flops / 1e12:.3g} TFLOP/s" for by, speed in speeds.items()
    )
    table = Table(title=f"floors in ms ({about})")
    table.add_column("")
    parts = {
        "sampling": (floor.sampling_seconds, "Ludex engine", "sample_s"),
        "learning": (floor.learning_seconds, "Ludex", "learn_s"),
    }
    for part in parts:
        for by in speeds:
            table.add_column(f"{part}, {by}", justify="right")
        table.add_column("taken", justify="right")
        table.add_column("times", justify="right")
    for cell, work in works.items():
        cells = []
        for least, contestant, key in parts.values():
            seconds = [least(work, speed) for speed in speeds.values()]
            taken = runs.get(f"{cell} {contestant}", {}).get(key)
            cells += [f"{1e3 * value:,.3g}" for value in seconds]
            cells += [_format(taken and 1e3 * taken, ",.1f"), _format(taken and taken / seconds[-1], ".1f")]
        table.add_row(cell, *cells)
    return table


def verdicts(works: Mapping[str, Work], runs: Runs) -> Iterator[str]:
    """A line for every bar that can be judged."""
    for cell in works:
        faster = ratio(runs, cell, "sample_s", "generate", "Ludex engine")
        if faster is not None:
            yield _verdict(faster >= DECODE, f"{cell}: decode {faster:.2f} x generate, bar {DECODE:g}")
        faster = ratio(runs, cell, "step_s", "TRL", "Ludex")
        if faster is not None:
            yield _verdict(faster >= STEP, f"{cell}: step {faster:.2f} x TRL, bar {STEP:g}")
        smaller = ratio(runs, cell, "peak_mb", "TRL", "Ludex")
        if smaller is not None:
            yield _verdict(smaller >= 1, f"{cell}: peak memory {1 / smaller:.2f} of TRL's, bar 1")


def ratio(runs: Runs, cell: str, key: str, theirs: str, ours: str) -> float | None:
    """Theirs over ours; None while one of the two is missing."""
    values = [runs.get(f"{cell} {name}", {}).get(key) for name in (theirs, ours)]
    return values[0] / values[1] if values[0] is not None and values[1] else None


def _verdict(met: bool, text: str) -> str:
    return f"{'met   ' if met else 'missed'} {text}"


def _show(runs: Runs, cell: str, contestant: str, key: str, spec: str, over: float = 0) -> str:
    """A figure, or what `over` divided by it is."""
    run = runs.get(f"{cell} {contestant}", {})
    if "error" in run:
        return "-"
    value = run.get(key)
    return _format(over / value if over and value else value, spec)


def _format(value: float | None, spec: str) -> str:
    return "" if value is None else format(value, spec)
