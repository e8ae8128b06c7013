"""Many training runs, resumable: each is an ordinary run folder, skipped once it is trained and measured.

A kill costs at most what a run has done since its last checkpoint; the same command goes on.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import closing, redirect_stdout
from dataclasses import dataclass, replace
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from typing import Any

from ludex.agents import runs
from ludex.agents.files import strict_json, write_text
from ludex.agents.report import pass_at_k
from ludex.agents.settings import resolve
from ludex.core import Stop

Say = Callable[[str], None]


@dataclass(frozen=True)
class Measure:
    """What to measure once a run is trained: k responses to each of n problems of an environment."""

    name: str
    env: Mapping[str, Any]  # as an [[env]] table
    n: int
    k: int
    split: str = "test"


@dataclass(frozen=True)
class Job:
    """A run file as plain data, the folder that holds its run folder, and what to measure at the end."""

    table: Mapping[str, Any]
    root: Path
    measures: tuple[Measure, ...] = ()

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self.root / str(self.table["name"])

    def finished(self) -> bool:
        """Whether nothing is left to do; ConfigError if the folder holds another run."""
        runs.check(self.folder, resolve(dict(self.table)))
        files = [self.folder / "model" / "config.json", *(measured(self.folder, m.name) for m in self.measures)]
        return all(path.exists() for path in files)


def measured(folder: Path, name: str) -> Path:
    """The file of a measurement."""
    return folder / f"measured-{name}.json"


def run_all(jobs: Sequence[Job], workers: int, say: Say) -> None:
    """Train and measure what is not finished, `workers` runs at a time in processes of their own.

    Raises:
        ConfigError: if a run folder holds another configuration.
        KeyboardInterrupt: after Ctrl-C, once the runs have saved their step.
    """
    todo = [job for job in jobs if not job.finished()]
    if len(todo) < len(jobs):
        say(f"{len(jobs) - len(todo)} of {len(jobs)} runs are finished already")
    start = time.monotonic()
    for done, name in enumerate(_finish(todo, min(workers, len(todo))), 1):
        seconds = time.monotonic() - start
        left = seconds / done * (len(todo) - done)
        say(f"[{done}/{len(todo)}] {name} after {seconds:.0f} s" + (f", about {left:.0f} s left" if left else ""))


def _finish(jobs: Sequence[Job], workers: int) -> Iterable[str]:
    """Finish the jobs; their names in the order in which they are done."""
    if workers <= 1:
        yield from map(finish, jobs)
        return
    with ProcessPoolExecutor(workers, get_context("spawn"), _die_with_parent) as pool:
        pending = [pool.submit(finish, job) for job in jobs]
        try:
            for future in as_completed(pending):
                yield future.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _die_with_parent() -> None:
    """A worker whose parent was killed must not write on into a folder that the next command resumes."""
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def finish(job: Job) -> str:
    """Train and measure one job; its training is told in the run folder's `log.txt`. Returns its name."""
    from ludex.agents.train import train

    settings = resolve(dict(job.table))
    job.folder.mkdir(parents=True, exist_ok=True)
    with (job.folder / "log.txt").open("a", encoding="utf-8") as log, redirect_stdout(log):
        if not (job.folder / "model" / "config.json").exists():
            train(settings, job.root)
        for measure in job.measures:
            if not measured(job.folder, measure.name).exists():
                text = strict_json(_measure(job, measure))
                write_text(measured(job.folder, measure.name), text)
    return settings.name


def _measure(job: Job, measure: Measure) -> dict[str, Any]:
    """Correct responses to each problem, and the share of each level."""
    import torch

    from ludex.agents.evaluate import play, policy_player
    from ludex.agents.report import summarise
    from ludex.agents.rollout import Arena
    from ludex.agents.sampling import Sampling
    from ludex.agents.setup import open_policy

    settings = resolve({**job.table, "env": [dict(measure.env)]})
    if settings.compute.threads:
        torch.set_num_threads(settings.compute.threads)
    with closing(Arena(settings.env)) as arena:
        policy = open_policy(str(job.folder / "model"), settings.env, device=settings.compute.device)
        player = policy_player(policy, Sampling(settings.rollout.max_new_tokens, 1.0))
        player.context = replace(player.context, history=settings.rollout.history)
        episodes = play(player, arena, n=measure.n, k=measure.k, split=measure.split, seed=0)
    correct = [0] * measure.n
    for episode in episodes:
        if episode.stop is Stop.ENV_ERROR:
            raise RuntimeError(f"{episode.task_id}: {episode.error}")
        correct[episode.group] += episode.correct
    levels = summarise(episodes, env=settings.env[0].id, model=settings.name, split=measure.split).levels
    return {"env": str(settings.env[0]), "k": measure.k, "correct": correct, "levels": levels}


def read_measure(folder: Path, name: str) -> dict[str, Any]:
    """What a measurement found."""
    found: dict[str, Any] = json.loads(measured(folder, name).read_text())
    return found


def pass_at(found: Mapping[str, Any], k: int) -> float:
    """pass@k of a measurement, the mean over its problems."""
    return sum(pass_at_k(found["k"], c, k) for c in found["correct"]) / len(found["correct"])
