"""What a part of a study found: every number with its arm and seed, tables, verdicts on its claims, a plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, sqrt
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from ludex.agents.files import strict_json, write_text
from ludex.agents.journal import provenance

Row = dict[str, Any]  # "arm", "seed", and the metrics

# 97.5 % quantiles of Student's t with 0, 1, 2 ... degrees of freedom; the last one serves for more, on the safe side.
STUDENT = (inf, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)


@dataclass(frozen=True)
class Claim:
    """That `metric` is higher in one arm than in another, or than 0."""

    text: str
    metric: str
    higher: str
    lower: str = ""

    def verdict(self, result: Result) -> str:
        """Holds, the opposite holds, or neither, by whether the mean difference's 95 % interval (±) contains 0.

        Differences are within a seed, whose tasks and first model the arms share; the interval is Student's.
        Where all of them are equal there is nothing to tell chance by.
        """
        high = result.by_seed(self.higher, self.metric)
        low = result.by_seed(self.lower, self.metric) if self.lower else dict.fromkeys(high, 0.0)
        gaps = [high[seed] - low[seed] for seed in sorted(high.keys() & low.keys())]
        gap, half = fmean(gaps), inf
        if len(gaps) > 1:
            half = STUDENT[min(len(gaps), len(STUDENT)) - 1] * stdev(gaps) / sqrt(len(gaps))
        if not half:
            return f"the same with every seed ({gap:+.3g})"
        found = "not shown" if abs(gap) <= half else "holds" if gap > 0 else "the opposite holds"
        return f"{found} ({gap:+.3g} ± {half:.2g})"


@dataclass(frozen=True)
class Curve:
    """A line of one run, for the plot."""

    arm: str
    seed: int
    x: Sequence[float]
    y: Sequence[float]


@dataclass
class Result:
    """The outcome of one part.

    Attributes:
        title: what was compared.
        metrics: keys of the rows, each with its heading.
        rows: one an arm and seed.
        claims: what the paper lets one expect.
        curves: for each panel of lines, its heading and the lines; drawn against `axis`.
        scatter: two metrics to draw against each other instead of one panel a metric.
        notes: lines for the reader.
        setting: the run that all arms share, for the record.
    """

    title: str
    metrics: dict[str, str]
    rows: list[Row]
    claims: Sequence[Claim] = ()
    curves: dict[str, list[Curve]] = field(default_factory=dict)
    axis: str = "step"
    scatter: tuple[str, str] | None = None
    notes: Sequence[str] = ()
    setting: Mapping[str, Any] = field(default_factory=dict)

    @property
    def arms(self) -> list[str]:
        """In the order of the rows."""
        return list(dict.fromkeys(row["arm"] for row in self.rows))

    def values(self, arm: str, metric: str) -> list[float]:
        """The metric of every seed of an arm that has it."""
        return list(self.by_seed(arm, metric).values())

    def by_seed(self, arm: str, metric: str) -> dict[int, float]:
        """The metric of an arm by seed."""
        return {row["seed"]: row[metric] for row in self.rows if row["arm"] == arm and row.get(metric) is not None}

    def table(self) -> list[list[str]]:
        """Headings, then one line an arm: mean, standard deviation and range over its seeds."""
        lines = [[arm, *(spread(self.values(arm, metric)) for metric in self.metrics)] for arm in self.arms]
        return [["", *self.metrics.values()], *lines]

    def verdicts(self) -> list[str]:
        """One line a claim."""
        return [f"{claim.text}: {claim.verdict(self)}" for claim in self.claims]


def spread(values: Sequence[float]) -> str:
    """Mean, standard deviation (ddof 1) and range, such as "0.512 ± 0.031 [0.481, 0.55]"."""
    if not values:
        return "-"
    if len(values) == 1:
        return _number(values[0])
    deviation = f"{stdev(values):.2g}" if stdev(values) < 100 else f"{stdev(values):.0f}"
    return f"{_number(fmean(values))} ± {deviation} [{_number(min(values))}, {_number(max(values))}]"


def _number(x: float) -> str:
    return f"{x:.3g}" if abs(x) < 1000 else f"{x:,.0f}"


def markdown(result: Result, command: str) -> str:
    """The table, the verdicts and the command as a page of Markdown."""
    head, *lines = result.table()
    seeds = sorted({row["seed"] for row in result.rows})
    parts = [f"# {result.title}", f"`{command}`: mean ± standard deviation [range] over seeds {listed(seeds)}."]
    parts.append("\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *lines)))
    parts += ["\n".join(f"- {line}" for line in [*result.verdicts(), *result.notes])]
    return "\n\n".join(part for part in parts if part) + "\n"


def listed(seeds: Sequence[int]) -> str:
    """Such as "0 to 4", or "3"."""
    return f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else str(seeds[0])


def write(result: Result, path: Path, command: str) -> None:
    """`path` with the endings .json, .md and .png."""
    data: Row = {"title": result.title, "command": command, "provenance": provenance(), "setting": result.setting}
    data |= {"metrics": result.metrics, "rows": result.rows, "claims": result.verdicts(), "notes": list(result.notes)}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path.with_suffix(".json"), strict_json(data, indent=1, ensure_ascii=False) + "\n")
    write_text(path.with_suffix(".md"), markdown(result, command))
    draw(result, path.with_suffix(".png"))


def show(result: Result) -> None:
    """Print the table and the verdicts."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(markup=False, highlight=False)
    head, *lines = result.table()
    table = Table(*head, title=result.title, box=box.SIMPLE_HEAD)
    for cells in lines:
        table.add_row(*(cell.replace(" [", "\n[") for cell in cells))
    console.print(table)
    for line in [*result.verdicts(), *result.notes]:
        console.print(f"- {line}", soft_wrap=True)


def draw(result: Result, path: Path) -> None:
    """One panel a metric (each seed a dot, the mean a bar) or one scatter, and one panel a set of curves."""
    from matplotlib.figure import Figure

    panels = [result.scatter] if result.scatter else list(result.metrics)
    width = len(panels) + len(result.curves)
    columns = min(3, width)
    rows = -(-width // columns)
    figure = Figure(figsize=(4.4 * columns, 3.6 * rows), layout="constrained")
    figure.suptitle(result.title, fontsize=10)
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for ax, panel in zip(axes, panels, strict=False):
        if result.scatter:
            _scatter(ax, result, *result.scatter)
        else:
            _bars(ax, result, str(panel))
    for ax, (heading, curves) in zip(axes[len(panels) :], result.curves.items(), strict=False):
        _lines(ax, heading, curves, result.axis)
    for ax in axes[width:]:
        ax.axis("off")
    figure.savefig(path, dpi=80)


def _bars(ax: Any, result: Result, metric: str) -> None:
    arms = [arm for arm in result.arms if result.values(arm, metric)]
    for i, arm in enumerate(arms):
        values = result.values(arm, metric)
        ax.bar(i, fmean(values), color=f"C{i % 10}", alpha=0.5)
        ax.plot([i] * len(values), values, "k.", markersize=4)
    turn, align = (35, "right") if len(arms) < 8 else (90, "center")
    ax.set_xticks(range(len(arms)), arms, rotation=turn, ha=align, fontsize=8)
    ax.set_title(result.metrics[metric], fontsize=9)


def _scatter(ax: Any, result: Result, x: str, y: str) -> None:
    for i, arm in enumerate(result.arms):
        xs, ys = result.values(arm, x), result.values(arm, y)
        ax.plot(xs, ys, ".", color=f"C{i % 10}", alpha=0.4)
        ax.plot(fmean(xs), fmean(ys), "o", color=f"C{i % 10}", label=arm)
    ax.set_xlabel(result.metrics[x], fontsize=9)
    ax.set_ylabel(result.metrics[y], fontsize=9)
    ax.legend(fontsize=7)
    ax.grid(alpha=0.3)


def _lines(ax: Any, heading: str, curves: Sequence[Curve], axis: str) -> None:
    """The mean over the seeds, and their range as a band."""
    for i, arm in enumerate(dict.fromkeys(curve.arm for curve in curves)):
        mine = [curve for curve in curves if curve.arm == arm]
        length = min(len(curve.x) for curve in mine)
        x = [fmean(curve.x[t] for curve in mine) for t in range(length)]
        columns = [[curve.y[t] for curve in mine] for t in range(length)]
        ax.plot(x, [fmean(c) for c in columns], color=f"C{i % 10}", label=arm)
        ax.fill_between(x, [min(c) for c in columns], [max(c) for c in columns], color=f"C{i % 10}", alpha=0.2)
    ax.set_title(heading, fontsize=9)
    ax.set_xlabel(axis, fontsize=8)
    ax.legend(fontsize=7)
    ax.grid(alpha=0.3)
