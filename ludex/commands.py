"""What the sub-commands of `ludex` do; each takes the parsed arguments and returns the exit status."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ludex.config import parse_options
from ludex.core import Scale, Score, Task
from ludex.envs import registry
from ludex.lookup import MissingExtra, missing
from ludex.progress import progress
from ludex.rewards import verify as judge

if TYPE_CHECKING:
    from rich.console import Console


WHOLE = ("id", "needs", "option")  # columns of what is copied


def console() -> Console:
    """A console that prints text as it is: no markup, no colouring of what only looks like a number or path."""
    from rich.console import Console

    return Console(markup=False, highlight=False, emoji=False, soft_wrap=True)


def list_(args: Namespace) -> int:
    """Every environment, and what to install for those that need more than is there; or the options of one."""
    if args.environment:
        return _list_options(args.environment, args.json)
    rows = [_summary(name) for name in registry.names()]
    if args.json:
        print(json.dumps(rows, indent=2))
        return 0
    table = _table("id", "summary", *(["needs"] if any(row["needs"] for row in rows) else []))
    for row in rows:
        table.add_row(*[row[column.header] for column in table.columns])
    console().print(table)
    return 0


def _summary(name: str) -> dict[str, str]:
    entry = registry.entry(name)
    needs = f"pip install 'ludex[{entry.extra}]'" if entry.extra and missing(entry.extra) else ""
    return {
        "id": name if ":" in name else registry.NAMESPACE + registry.short(name),
        "summary": entry.summary,
        "needs": needs,
    }


def _list_options(name: str, as_json: bool) -> int:
    from ludex import describe

    options, presets = describe.options(name), describe.presets(name)
    about = _summary(name)
    if as_json:
        print(json.dumps({**about, "options": [asdict(o) for o in options], "presets": presets}, indent=2, default=str))
        return 0
    out = console()
    out.print(": ".join(filter(None, (about["id"], about["summary"]))))
    table = _table("option", "default", "meaning", "of the")
    for option in options:
        default = json.dumps(option.default, ensure_ascii=False, default=str)  # as key=value reads it
        table.add_row(option.name, default, option.meaning, option.of)
    out.print(table)
    for preset, meaning in presets.items():
        out.print(f"{preset}: {meaning}")
    return 0


def show(args: Namespace) -> int:
    """The first tasks of a stream: prompt, answer, worked solution, levels and pays."""
    options = parse_options(args.options)
    source = registry.task_source(args.environment, seed=args.seed, split=args.split, **options)
    out = console()
    for index in range(args.n):
        task = source[index]
        line = task.to_json()
        if args.json:
            print(line)
            continue
        out.rule(task.id, align="left")
        solution = task.info.get("solution")
        fields = {
            "prompt": task.prompt,
            "answer": json.dumps(task.answer, ensure_ascii=False),
            "solution": "\n".join(solution) if isinstance(solution, list) else solution or "(none)",
            "levels": levels(_scale(args.environment, options, task)),
        }
        for name, value in fields.items():
            out.print(f"{name:9}" + str(value).replace("\n", "\n" + " " * 9))
    return 0


def levels(scale: Scale) -> str:
    """The levels, worst first, and what each pays; the correct ones are marked with *."""
    correct = scale.rank(scale.correct)
    marked = [
        f"{name}{'*' * (i >= correct)} {pay:g}"
        for i, (name, pay) in enumerate(zip(scale.levels, scale.pays, strict=True))
    ]
    return " < ".join(marked)


def _scale(name: str, options: dict[str, Any], task: Task) -> Scale:
    """The scale that an episode is scored on: the environment's own where a game has one, else the verifier's."""
    solution = task.info.get("solution")
    if not isinstance(solution, list):
        return judge("", task).scale
    env = registry.build(name, **options).unwrapped
    *_, split, seed, index = task.id.rsplit("/", 3)
    env.reset(seed=int(seed), options={"index": int(index), "split": split})
    info: dict[str, Any] = {}
    for response in solution:
        *_, info = env.step(response)
    score = info.get("score")
    return score.scale if isinstance(score, Score) else judge("", task).scale


def play(args: Namespace) -> int:
    """Play in the terminal."""
    from ludex.play import episodes

    options = parse_options(args.options)
    env = registry.make(args.environment, **options).unwrapped
    own = {"split": args.split} if hasattr(env, "source") else {}
    episodes(env, args.seed, own, args.n, sys.stdin, console(), args.save and Path(args.save))
    return 0


def verify(args: Namespace) -> int:
    """Judge one response, or every row of a file."""
    if args.file and (args.task or args.response):
        raise ValueError("give either a task id and a response, or --file")
    if args.file:
        return _verify_file(Path(args.file), args.json)
    if not args.task or args.response is None:
        raise ValueError('give a task id and a response ("-" reads it from stdin), or --file')
    task = registry.task(args.task)
    score = judge(sys.stdin.read() if args.response == "-" else args.response, task)
    print(json.dumps({"id": task.id, **score.to_dict()}) if args.json else verdict(score))
    return 0


def verdict(score: Score) -> str:
    """A score on one line."""
    what = f"ERROR ({score.why})" if score.level is None else f"{score.level}, reward {score.reward:g}"
    return what + (f": {score.why}" if score.why and score.level is not None else "")


def _verify_file(path: Path, as_json: bool) -> int:
    scores = []
    for task, response in rows(path):
        scores.append(judge(response, task))
        print(json.dumps({"id": task.id, **scores[-1].to_dict()}) if as_json else f"{task.id}: {verdict(scores[-1])}")
    if not scores:
        raise ValueError(f'{path} holds no rows; each must be {{"id": task id, "response": text}}')
    if not as_json:
        judged = [score.reward for score in scores if score.level is not None]
        mean = f"mean reward {sum(judged) / len(judged):.4f}, " if judged else ""
        errors = len(scores) - len(judged)
        print(f"{sum(score.correct for score in scores)} of {len(scores)} correct, {mean}{errors} without a verdict")
    return 0


def rows(path: Path) -> Iterator[tuple[Task, str]]:
    """The tasks and responses of a JSONL file; ValueError names the line that is wrong."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line.decode())
                task, response = registry.task(row["id"]), row["response"]
            except UnicodeDecodeError as error:
                raise ValueError(f"{path}:{number}: not UTF-8 text ({error.reason})") from None
            except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
                want = 'must be {"id": task id, "response": text}'
                raise ValueError(f"{path}:{number}: {want} ({type(error).__name__}: {error})") from None
            if not isinstance(response, str):
                raise ValueError(f"{path}:{number}: the response must be text, not {type(response).__name__}")
            yield task, response


def check(args: Namespace) -> int:
    """Run the contract; status 1 if a rule does not hold."""
    from ludex.envs import contract

    findings = contract.check(args.environment, **parse_options(args.options))
    broken = sum(not finding.ok for finding in findings)
    if args.json:
        print(json.dumps([{"rule": f.rule, "ok": f.ok, "message": f.message} for f in findings], indent=2))
        return int(broken > 0)
    table = _table("", "rule", "found")
    for f in findings:
        table.add_row("FAIL" if not f.ok else "warn" if f.warning else "ok", f.rule, f.message)
    console().print(table)
    console().print(f"{broken} of {len(findings)} rules do not hold" if broken else f"all {len(findings)} rules hold")
    return int(broken > 0)


def eval_(args: Namespace) -> int:
    """Measure a model on an environment, print the report and write it to files."""
    from ludex.measure import eval_ as run

    return run(args)


def tasks(args: Namespace) -> int:
    """Write a data set of tasks; status 1 if there are fewer than asked for."""
    from ludex.data import tasks as run

    return run(args)


def steps(args: Namespace) -> int:
    """Write every state of experts' plans as a task of one step."""
    from ludex.data import steps as run

    return run(args)


def pairs(args: Namespace) -> int:
    """Write preference pairs; status 1 if there are fewer than asked for."""
    options = parse_options(args.options)
    registry.make(args.environment, **options).close()  # a wrong id or option ends here
    with trainer(), progress(args.n) as report:
        from ludex.agents.build_pairs import Recipe, build_pairs

        names = ("model", "seed", "split", "k", "temperature", "max_new_tokens", "group_by", "solutions")
        recipe = Recipe(args.environment, options=options, **{name: getattr(args, name) for name in names})
        found = build_pairs(recipe, Path(args.output), args.n, tasks=args.tasks, device=args.device, report=report)
    print(
        f"{found.pairs} pairs from {found.tasks} tasks in {args.output}; {found.all_right} were always right, "
        f"{found.all_wrong} never; {found.unusable} responses were cut or lost"
    )
    if found.pairs:
        print(f"to train on them: ludex train FILE.toml algorithm=dpo data.path={args.output}")
    return int(found.pairs < args.n)


def trajectories(args: Namespace) -> int:
    """Write whole episodes as chats; status 1 if there are fewer than asked for."""
    options = parse_options(args.options)
    registry.make(args.environment, **options).close()  # a wrong id or option ends here
    with trainer(), progress(args.n) as report:
        from ludex.agents.build_trajectories import Recipe, build_trajectories

        names = ("agent", "seed", "split", "correct", "temperature", "max_new_tokens")
        recipe = Recipe(args.environment, options=options, **{name: getattr(args, name) for name in names})
        found = build_trajectories(recipe, Path(args.output), args.n, device=args.device, report=report)
    print(
        f"{found.episodes} episodes of {found.tasks} tasks in {args.output}; {found.failed} did not succeed, "
        f"{found.lost} were lost"
    )
    if found.episodes:
        print(f'read them: datasets.load_dataset("json", data_files="{args.output}"); the column "messages" is a chat')
    return int(found.episodes < args.n)


def train(args: Namespace) -> int:
    """Train as a run file says; status 1 if the run breaks off, 130 after Ctrl-C."""
    parse_options(args.options)  # a malformed override is found before torch is loaded
    with trainer():
        from ludex.agents import settings
        from ludex.agents.learner import Diverged
        from ludex.agents.sources import RunError
        from ludex.agents.train import train as run

        plan = settings.load(args.file, args.options)
        try:
            print(run(plan, fresh=args.fresh))
        except (RunError, Diverged) as error:
            print(f"ludex train: {error}", file=sys.stderr)
            return 1
    return 0


@contextmanager
def trainer() -> Iterator[None]:
    """Says what to install where torch or transformers are missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("torch", "transformers", "tokenizers"):
            raise MissingExtra(f"this needs {error.name}: pip install 'ludex[train]'") from error
        raise


def _table(*columns: str) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in WHOLE)
    return table
