"""`ludex eval`: its bar, its files and what is said; the work is in agents/evaluate.py."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ludex.commands import trainer
from ludex.config import parse_options
from ludex.progress import Count, progress

if TYPE_CHECKING:
    from ludex.agents.report import Report
    from ludex.core import Trajectory

UNJUDGED = (
    "nothing says which episodes succeed: the environment reports neither `score` nor `is_success`; "
    "give --success-at X, the reward from which an episode does"
)


def eval_(args: Namespace) -> int:
    """Measure a model on an environment, print the report and write the files asked for.

    Returns:
        0; 1 if there is not one whole episode; 130 after Ctrl-C, with a report on the problems that were finished.

    Raises:
        OSError: if a file cannot be written; for want of its folder before anything is played.
    """
    options = parse_options(args.options)
    for flag in ("html", "json", "episodes"):
        _check_place(flag, getattr(args, flag))
    played: list[Trajectory] = []
    report = _evaluate(args, options, played)
    if report.n:
        from ludex.agents.report import print_report

        print_report(report)
    _write(args, report, played)
    for line in _remarks(args, report):
        print(f"ludex eval: {line}", file=sys.stderr)
    return 130 if report.partial else int(not report.n)


def _evaluate(args: Namespace, options: dict[str, Any], played: list[Trajectory]) -> Report:
    """The report; `played` gets every episode."""
    with trainer(), progress(args.n) as count:
        from ludex.agents.evaluate import Interrupted, evaluate

        ended = Ended(played, args.k, count, args.episodes and Path(args.episodes))
        names = ("n", "k", "split", "seed", "temperature", "max_new_tokens", "device", "success_at", "by")
        chosen = {name: getattr(args, name) for name in names}
        try:
            return evaluate(args.model, args.environment, **chosen, ended=ended, **options)
        except Interrupted as stopped:
            return stopped.report


class Ended:
    """What is done with every episode as soon as it is over."""

    def __init__(self, played: list[Trajectory], k: int, count: Count, path: Path | None):
        self.played, self.k, self.count, self.path = played, k, count, path

    def __call__(self, trajectory: Trajectory) -> None:
        """Keep it, count it, and write it to the file."""
        from ludex.agents.files import strict_json
        from ludex.agents.transcripts import record

        if self.path:  # replaced with the first episode, not by a command that cannot play any
            with self.path.open("a" if self.played else "w", encoding="utf-8") as file:
                file.write(strict_json(record(trajectory)) + "\n")
        self.played.append(trajectory)
        self.count(len(self.played) // self.k, 0)


def _check_place(flag: str, name: str | None) -> None:
    path = Path(name or "")
    if name and not path.parent.is_dir():
        raise FileNotFoundError(f"--{flag} {name}: there is no folder {path.parent}")
    if name and path.is_dir():
        raise IsADirectoryError(f"--{flag} {name}: this is a folder; name a file")


def _write(args: Namespace, report: Report, played: list[Trajectory]) -> None:
    """The files asked for, once the report is printed."""
    from ludex.agents.evaluate import title
    from ludex.agents.transcripts import page

    if args.json:
        Path(args.json).write_text(report.to_json() + "\n", encoding="utf-8")
    if args.html:
        episodes = sorted(played, key=lambda trajectory: trajectory.group)
        Path(args.html).write_text(page(episodes, title(report)), encoding="utf-8")
        print(f"every episode: {args.html}")


def _remarks(args: Namespace, report: Report) -> list[str]:
    """What the table does not say."""
    lines = []
    if not report.n:
        lost = (
            f"all {report.errors} episodes were lost to the environment" if report.errors else "no episode was played"
        )
        lines.append(lost + "".join(f"; {sample['task_id']}: {sample['why']}" for sample in report.samples[-1:]))
    if report.n and not report.judged:
        lines.append(UNJUDGED)
    if report.partial:
        lines.append(f"stopped; the report is on the {report.n} of {args.n} problems that were finished")
    return lines
