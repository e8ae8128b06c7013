"""What a person sees while a run goes on: a live panel on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

PLAIN_EVERY_S = 10.0  # seconds between two lines where there is no terminal


class View(Protocol):
    """Shows the steps of a run."""

    def step(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Show the metrics after `step` steps."""
        ...

    def say(self, line: str) -> None:
        """A line that stays."""
        ...


class RunView:
    """The live view of one run; a context manager."""

    def __init__(self, title: str, total: int, done: int = 0, console: Console | None = None):
        self.console = console or Console()
        self.title, self.total = title, total
        self._progress = Progress(
            TextColumn("{task.description}", style="bold", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
        )
        self._bar = self._progress.add_task(title, total=total, completed=done)
        self._live = Live(self._progress, console=self.console, refresh_per_second=4, transient=True)
        self._last_line = 0.0

    def __enter__(self) -> RunView:
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.console.is_terminal:
            self._live.stop()

    def step(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Move the bar and redraw the panel; without a terminal, a line now and then."""
        self._progress.update(self._bar, completed=step)
        if self.console.is_terminal:
            self._live.update(Group(self._progress, Panel(_table(metrics), expand=False)))
        elif step == self.total or time.monotonic() - self._last_line > PLAIN_EVERY_S:
            self._last_line = time.monotonic()
            self.console.print(
                f"{self.title} {step}/{self.total}  {_line(metrics)}", highlight=False, markup=False, soft_wrap=True
            )

    def say(self, line: str) -> None:
        """A line above the panel that stays; rich then draws the panel without markup too."""
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)


def _line(metrics: Mapping[str, Any]) -> str:
    names = ("loss", "reward", "correct", "accuracy", "length", "tokens_s")
    return "  ".join(f"{name} {metrics[name]:.3g}" for name in names if name in metrics)


def _table(metrics: Mapping[str, Any]) -> Table:
    table = Table.grid(padding=(0, 2))
    scalars = [
        "reward",
        "correct",
        "accuracy",
        "margin",
        "loss",
        "entropy",
        "kl_ref",
        "grad_norm",
        "length",
        "cut",
        "gap",
        "tokens_s",
        "lr",
    ]
    shown = [(name, f"{metrics[name]:.4g}") for name in scalars if name in metrics]
    for left, right in zip(shown[::2], [*shown[1::2], ("", "")], strict=False):
        table.add_row(left[0], left[1], right[0], right[1])
    for name, share in metrics.items():
        if name.startswith("level/"):
            level, bar = Text(name.removeprefix("level/")), Text("#" * round(20 * share), "cyan")
            table.add_row(level, f"{100 * share:.0f} %", "", bar)
    phases = {k.removeprefix("time/"): v for k, v in metrics.items() if k.startswith("time/")}
    if phases:
        table.add_row("seconds", "  ".join(f"{k} {v:.2f}" for k, v in phases.items()))
    return table
