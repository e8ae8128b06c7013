"""`ludex data tasks` and `ludex data steps`: what is said; the work is in code2logic/dataset and envs/steps.py."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from ludex.code2logic.dataset.build import Built, Request, build, data_files
from ludex.config import parse_options
from ludex.progress import progress


def tasks(args: Namespace) -> int:
    """Write a data set of tasks; status 1 if the stream has fewer than asked for."""
    request = Request(args.environment, args.n, parse_options(args.options), args.seed, args.split, args.format)
    folder = Path(args.output)
    with progress(request.n, "writing the files") as report:
        built = build(request, folder, args.workers, report)
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
