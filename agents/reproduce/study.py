"""What the studies share: the sizes, the model that all arms start from, the run of one arm and seed, the command."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ludex.agents.files import write_folder
from ludex.agents.reproduce import STUDIES
from ludex.agents.reproduce.grid import Job, Measure, Say, run_all
from ludex.agents.reproduce.result import Curve, Result, show, write
from ludex.agents.runs import read_metrics
from ludex.lookup import UnknownName, load, suggest

# As easy as a transformer of 160,000 parameters needs it, so that effects can show within minutes.
EASY: dict[str, Any] = {"id": "countdown", "numbers": 3, "largest": 10, "target": [1, 30], "operations": "+-*"}
SHIFTED: dict[str, Any] = {**EASY, "numbers": 4}


@dataclass(frozen=True)
class Scale:
    """How large the studies are.

    Attributes:
        start: steps of supervised learning of the model that all arms share, and
        examples: worked solutions a step.
        steps: of a run; studies may take a multiple.
        prompts: groups of a step, of eight episodes each.
        problems, responses: of a measurement.
        simulation: steps of a simulation without a model.
        seeds: at most so many, 0 for each study's own number.
        workers: runs at a time.
    """

    start: int
    examples: int
    steps: int
    prompts: int
    problems: int
    responses: int
    simulation: int
    seeds: int = 0
    device: str = "cpu"
    workers: int = 2


SCALES = {
    "cpu": Scale(300, 128, steps=150, prompts=16, problems=150, responses=16, simulation=10_000),
    "gpu": Scale(300, 128, steps=600, prompts=64, problems=500, responses=64, simulation=10_000, device="cuda"),
    "test": Scale(140, 64, 2, 3, 3, 2, 20, seeds=2, workers=1),  # seconds: that everything runs, not what comes out
}


@dataclass(frozen=True)
class Place:
    """Where a study runs, how large, with how many seeds (0 for its own number), and how to say something."""

    root: Path
    scale: Scale
    seeds: int = 0
    say: Say = print

    def seeds_or(self, own: int) -> range:
        """Seeds 0, 1, ...: as many as asked for, else the study's own number."""
        return range(self.seeds or self.scale.seeds or own)

    def common(self) -> dict[str, Any]:
        """The tables that every run has."""
        return {
            "save": {"every": 40, "keep_last": 1, "keep_best": False},
            "log": {"sinks": [], "episodes_every": 0},
            "compute": {"device": self.scale.device, "threads": 1 if self.scale.device == "cpu" else 0},
        }

    def start(self) -> str:
        """The model that all arms start from: worked solutions with three numbers and a third of them with four."""
        job = Job(
            {
                **self.common(),
                "name": "start",
                "model": self._untrained(),
                "algorithm": "sft",
                "steps": self.scale.start,
                "env": [{**EASY, "weight": 2.0}, SHIFTED],
                "rollout": {"prompts": self.scale.examples, "group": 1, "max_new_tokens": 24},
                "optim": {"lr": 4e-3, "warmup": 20, "schedule": "cosine"},
            },
            self.root,
        )
        if not job.finished():
            self.say(f"training the model that all arms start from, in {job.folder}")
            run_all([job], 1, self.say)
        return str(job.folder / "model")

    def _untrained(self) -> str:
        """A transformers folder with two layers of 64 and a tokenizer for the tasks' text."""
        from ludex.agents import tiny
        from ludex.envs.registry import task_source

        folder = self.root / "untrained"
        if not folder.exists():
            options = [{key: value for key, value in env.items() if key != "id"} for env in (EASY, SHIFTED)]
            sources = [task_source("countdown", **own) for own in options]
            tokenizer = tiny.build_tokenizer(tiny.corpus(sources), 400)
            model = tiny.build_model(tokenizer, hidden=64, layers=2)

            def fill(path: Path) -> None:
                model.save_pretrained(path)
                tokenizer.save_pretrained(path)

            write_folder(folder, fill)
        return str(folder)


@dataclass(frozen=True)
class Arm:
    """One configuration of a study: its name, an algorithm, and what its run file says differently."""

    name: str
    algorithm: str
    table: Mapping[str, Any]  # of the algorithm
    changes: Mapping[str, Any] | None = None  # of any other table

    def job(self, place: Place, folder: str, base: Mapping[str, Any], seed: int, measures: Sequence[Measure]) -> Job:
        """The run of one seed."""
        table = {**place.common(), **base, "name": f"{self.name}-s{seed}", "seed": seed, "algorithm": self.algorithm}
        for key, value in (self.changes or {}).items():
            table[key] = {**table.get(key, {}), **value} if isinstance(value, Mapping) else value
        if self.table:
            table[self.algorithm] = dict(self.table)
        return Job(table, place.root / folder / "runs", tuple(measures))


def base_run(place: Place, model: str, **changes: Any) -> dict[str, Any]:
    """The run file that the arms of a study share."""
    scale = place.scale
    return {
        "model": model,
        "steps": scale.steps,
        "env": [EASY],
        "rollout": {"prompts": scale.prompts, "group": 8, "max_new_tokens": 24, "max_context": 256},
        "optim": {"lr": 3e-4},
        **changes,
    }


def run_arms(
    place: Place,
    folder: str,
    arms: Sequence[Arm],
    base: Mapping[str, Any],
    seeds: range,
    measures: Sequence[Measure],
) -> dict[tuple[str, int], Path]:
    """Finish the runs of all arms and seeds, seed by seed; their run folders."""
    jobs = {(arm.name, seed): arm.job(place, folder, base, seed, measures) for seed in seeds for arm in arms}
    run_all(list(jobs.values()), place.scale.workers, place.say)
    return {key: jobs[key].folder for key in sorted(jobs, key=lambda key: [arm.name for arm in arms].index(key[0]))}


def mean_of(rows: Sequence[Mapping[str, Any]], metric: str) -> float:
    """The mean of a metric over the steps that have it."""
    values = [row[metric] for row in rows if row.get(metric) is not None]
    return sum(values) / len(values)


def curve(arm: str, seed: int, folder: Path, value: Callable[[Mapping[str, Any]], float], window: int) -> Curve:
    """A metric over the steps of a run, averaged over windows of so many steps."""
    rows = [row for row in read_metrics(folder) if "reward" in row]
    parts = [rows[i : i + window] for i in range(0, len(rows) - window + 1, window)]
    return Curve(arm, seed, [part[-1]["step"] for part in parts], [sum(map(value, part)) / window for part in parts])


def reproduce(name: str, part: str, seeds: int, scale: str, output: str, say: Say = print) -> list[Result]:
    """Run a study, or one part of it, write its results and print them.

    Raises:
        UnknownName: for a study or part that there is not.
    """
    if name not in STUDIES:
        raise UnknownName(f"no study {name!r}; {suggest(name, STUDIES)}")
    parts: dict[str, Callable[[Place], Result]] = load(STUDIES[name])
    if part and part not in parts:
        raise UnknownName(f"no part {part!r} of {name}; {suggest(part, parts)}")
    place, results = Place(Path(output) / scale, SCALES[scale], seeds, say), []
    for key in [part] if part else parts:
        many = f" --seeds {seeds}" if seeds else ""
        result = parts[key](place)
        path = place.root / name / key
        write(result, path, f"ludex reproduce {name} --part {key}{many} --scale {scale}")
        show(result)
        say(f"written to {path}.json, .md and .png")
        results.append(result)
    return results
