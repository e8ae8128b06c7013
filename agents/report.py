"""What an evaluation found: shares with their intervals, levels, lengths; and how it is printed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import NormalDist, fmean

from ludex.agents.files import strict_json
from ludex.core import Stop, Trajectory

Interval = tuple[float, float]


@dataclass
class Report:
    """The result of an evaluation.

    Attributes:
        n: problems. k: responses to each. errors: episodes lost to the environment.
        pass_1, pass_k: shares with 95 % intervals over problems; a problem that lost a response has no part in pass_k.
        reward: mean of the episodes' rewards. levels: share of each level.
        cut: share of episodes with a response ended by its length limit.
        tokens: mean sampled tokens an episode.
        turns, turns_won: mean turns of all episodes, and of the correct ones.
        groups: for each value of a key of the tasks' info, its problems and their pass@1 with its interval.
        samples: some episodes, and the first that was lost.
        partial: whether the evaluation was stopped before its last problem.
        judged: whether anything says which episodes succeed: the environment, or a threshold of reward.
    """

    env: str
    model: str
    split: str
    n: int
    k: int
    pass_1: float
    pass_1_interval: Interval
    pass_k: float
    pass_k_interval: Interval
    reward: float
    levels: dict[str, float]
    cut: float
    tokens: float
    errors: int
    turns: float = math.nan
    turns_won: float = math.nan
    groups: dict[str, tuple[int, float, Interval]] = field(default_factory=dict)
    samples: list[dict[str, str]] = field(default_factory=list)
    partial: bool = False
    judged: bool = True

    def to_json(self) -> str:
        """The report as JSON; null where there was nothing to count."""
        return strict_json(asdict(self), indent=2, ensure_ascii=False)

    def headline(self) -> str:
        """One line for people."""
        text = f"pass@1 {percent(self.pass_1, self.pass_1_interval)}"
        text += f", pass@{self.k} {percent(self.pass_k, self.pass_k_interval)}" if self.k > 1 else ""
        return text + (f", partial: {self.n} problems" if self.partial else "")


def percent(share: float, interval: Interval) -> str:
    """Such as "42.0 % [38.1, 46.2]"."""
    return f"{100 * share:.1f} % [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]"


def pass_at_k(n: int, correct: int, k: int) -> float:
    """Unbiased chance that one of k responses is right, from `correct` of `n` (Chen et al. 2021, arXiv 2107.03374)."""
    return 1.0 - math.comb(n - correct, k) / math.comb(n, k)


def interval(values: Sequence[float], draws: int = 1) -> Interval:
    """95 % interval of the mean of shares in [0, 1], one a problem, each from so many independent draws.

    Wilson's score interval (1927) with as many trials as would scatter like these values (Kish's effective
    size): the problems themselves for values of 0 and 1, more where every value is itself a mean, at most
    all draws. Unlike resampling, it has a width where no problem was solved, or all were.
    """
    if not values:
        return (math.nan, math.nan)
    mean, square = fmean(values), NormalDist().inv_cdf(0.975) ** 2
    variance = fmean([(value - mean) ** 2 for value in values])
    single = mean * (1 - mean)  # the variance of a draw
    n = len(values) * (min(draws, single / variance) if variance else draws if single > 0 else 1)
    centre = (mean + square / (2 * n)) / (1 + square / n)
    half = math.sqrt(square * single / n + (square / (2 * n)) ** 2) / (1 + square / n)
    return (max(0.0, centre - half), min(1.0, centre + half))


def summarise(
    trajectories: Sequence[Trajectory],
    *,
    env: str,
    model: str,
    split: str,
    samples: int = 10,
    kinds: Mapping[int, str] | None = None,
) -> Report:
    """A report on episodes; those that ended in an environment error are counted and left out.

    Args:
        trajectories: the episodes.
        env: the environment's id.
        model: who played.
        split: of the problems.
        samples: how many are kept as text.
        kinds: the group of each problem, by its index.
    """
    whole = [t for t in trajectories if t.stop is not Stop.ENV_ERROR]
    lost = [t for t in trajectories if t.stop is Stop.ENV_ERROR]
    problems: dict[int, list[bool]] = {}
    for t in whole:
        problems.setdefault(t.group, []).append(t.correct)
    k = max((len(answers) for answers in problems.values()), default=0)
    first = [sum(answers) / len(answers) for answers in problems.values()]
    best = [pass_at_k(k, sum(answers), k) for answers in problems.values() if len(answers) == k]
    levels = Counter(map(level_of, whole))
    order = next((t.score.scale.levels for t in whole if t.score), ("failed", "correct"))
    return Report(
        env=env,
        model=model,
        split=split,
        n=len(problems),
        k=k,
        pass_1=_mean(first),
        pass_1_interval=interval(first, k),
        pass_k=_mean(best),
        pass_k_interval=interval(best),
        reward=_mean([t.reward for t in whole]),
        levels={level: levels[level] / len(whole) for level in dict.fromkeys([*order, *levels])} if whole else {},
        cut=_mean([any(turn.cut for turn in t.turns) for t in whole]),
        tokens=_mean([t.tokens for t in whole]),
        errors=len(lost),
        turns=_mean([len(t.turns) for t in whole]),
        turns_won=_mean([len(t.turns) for t in whole if t.correct]),
        groups=_groups(problems, kinds or {}, k),
        samples=[_sample(t) for t in [*whole[:: max(1, len(whole) // max(1, samples))][:samples], *lost[:1]]],
    )


def _groups(
    problems: Mapping[int, Sequence[bool]], kinds: Mapping[int, str], k: int
) -> dict[str, tuple[int, float, Interval]]:
    """Number of problems, pass@1 and its interval for each kind of problem."""
    shares: dict[str, list[float]] = {}
    for index, answers in problems.items():
        if index in kinds:
            shares.setdefault(kinds[index], []).append(sum(answers) / len(answers))
    return {kind: (len(some), _mean(some), interval(some, k)) for kind, some in sorted(shares.items())}


def _mean(values: Sequence[float]) -> float:
    return fmean(values) if values else math.nan


def level_of(trajectory: Trajectory) -> str:
    """The level that an episode is counted under: its score's, "correct" or "failed" without one, or "error"."""
    if trajectory.stop is Stop.ENV_ERROR:
        return "error"
    if trajectory.score and trajectory.score.level:
        return trajectory.score.level
    return "correct" if trajectory.correct else "failed"


def _sample(trajectory: Trajectory) -> dict[str, str]:
    last = trajectory.turns[-1] if trajectory.turns else None
    return {
        "task_id": trajectory.task_id,
        "prompt": trajectory.turns[0].observation if trajectory.turns else "",
        "response": last.text if last else "",
        "level": level_of(trajectory),
        "why": trajectory.score.why if trajectory.score else trajectory.error,
    }


def print_report(report: Report, samples: int = 3) -> None:
    """The report as a table, and some responses."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    counts = f"{report.split}, {report.n} problems x {report.k}{', partial' if report.partial else ''}"
    table = Table("", "", title=escape(f"{report.model} in {report.env} ({counts})"))
    table.show_header = False
    table.add_row("pass@1", percent(report.pass_1, report.pass_1_interval))
    if report.k > 1:
        table.add_row(f"pass@{report.k}", percent(report.pass_k, report.pass_k_interval))
    table.add_row("mean reward", f"{report.reward:.3f}")
    for level, share in report.levels.items():
        table.add_row(f"  {level}", f"{100 * share:.1f} %")
    table.add_row("cut by length", f"{100 * report.cut:.1f} %")
    table.add_row("tokens an episode", f"{report.tokens:.1f}")
    if report.turns > 1:
        won = "none" if math.isnan(report.turns_won) else f"{report.turns_won:.1f}"
        table.add_row("turns an episode, correct ones", f"{report.turns:.1f}, {won}")
    for kind, (count, share, interval) in report.groups.items():
        table.add_row(f"  {kind} ({count})", percent(share, interval))
    if report.errors:
        table.add_row("environment errors", str(report.errors))
    console.print(table)
    for sample in report.samples[:samples]:
        prompt, response = escape(_visible(sample["prompt"])), escape(_visible(sample["response"]))
        why = f"  ({escape(_visible(sample['why']))})" if sample["why"] else ""
        console.print(f"[dim]{prompt}[/]\n  {response}  [bold]{sample['level']}[/]{why}")


def _visible(text: str) -> str:
    """The text without what could command a terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)
