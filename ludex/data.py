"""`ludex data tasks` and `ludex data steps`: what is said; the work is in code2logic/dataset and envs/steps.py."""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ludex.code2logic.dataset.build import Built, Request, build, data_files
from ludex.config import parse_options


def tasks(args: Namespace) -> int:
    """Write a data set of tasks; status 1 if the stream has fewer than asked for."""
    request = Request(args.environment, args.n, parse_options(args.options), args.seed, args.split, args.format)
    folder = Path(args.output)
    try:
        with progress(request.n) as report:
            built = build(request, folder, args.workers, report)
    except KeyboardInterrupt:
        print("ludex data: stopped; the same command goes on from here", file=sys.stderr)
        return 130
    print(outcome(request, folder, built))
    return int(built.tasks < request.n)


def steps(args: Namespace) -> int:
    """Write every state of experts' plans as a task of one step. ValueError if the file exists."""
    from ludex.agents.files import write_text
    from ludex.envs.steps import FirstPlans

    path = Path(args.output)
    if path.exists():
        raise ValueError(f"{path} exists; choose another -o")
    if not args.n:
        raise ValueError("-n 0 asks for no plans; give 1 or more")
    options = parse_options(args.options)
    source = FirstPlans("steps-v0", seed=args.seed, split=args.split, of=args.environment, plans=args.n, **options)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, "".join(task.to_json() + "\n" for task in source))
    print(f'{len(source):,} steps of {args.n:,} plans in {path}; to train on them: id = "steps-v0", path = "{path}"')
    return 0


def outcome(request: Request, folder: Path, built: Built) -> str:
    """Where the files lie, and how to go on."""
    failed = f", draws that failed: {built.failed:,}" if built.failed else ""
    refused = f"duplicates refused: {built.duplicates:,}{failed}"
    lines = [f"{built.tasks:,} tasks in {folder} ({refused}); {folder / 'README.md'} describes them"]
    if built.tasks < request.n:
        lines = [f"only {built.tasks:,} of {request.n:,} tasks: nothing new came any more", *lines]
    files = data_files(request, folder)
    if request.format == "parquet":
        lines.append(f'read them: datasets.load_dataset("parquet", data_files="{files}")')
    elif request.format == "jsonl":
        lines.append(f'read them: ludex.code2logic.dataset.read.read_tasks("{folder}")')
    else:
        lines.append(f"the entries are in {files}, with paths relative to that file's folder")
    return "\n".join(lines)


@contextmanager
def progress(total: int) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr with rate and time left; the tasks of an earlier run count for neither."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[speed]}"))
    console, start = Console(stderr=True), time.monotonic()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        shown = bar.add_task("tasks", total=total, speed="")

        def report(kept: int, old: int) -> None:
            rate = (kept - old) / (time.monotonic() - start)
            left = f", {(total - kept) / rate:,.0f} s left" if rate else ""
            speed = "writing the files" if kept == total else f"{rate:,.0f}/s{left}"
            bar.update(shown, completed=kept, speed=speed)

        yield report
