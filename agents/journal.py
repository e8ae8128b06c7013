"""What a run writes down: metrics.jsonl, episodes.jsonl, and trackers through their own libraries."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

from ludex.agents.batch import rows_of
from ludex.agents.files import strict_json, write_text
from ludex.agents.settings import SINKS
from ludex.agents.transcripts import record
from ludex.core import Trajectory
from ludex.lookup import MissingExtra, suggest


class Sink(Protocol):
    """A tracker."""

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Record the scalars of one step."""
        ...

    def close(self) -> None:
        """Flush."""
        ...


class _TensorBoard:
    def __init__(self, folder: Path, name: str, config: Mapping[str, Any]):
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder / "tensorboard"))

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        for name, value in metrics.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        self._writer.close()


class _Tracker:
    """wandb, or trackio, which offers the same three calls."""

    def __init__(self, library: str, folder: Path, name: str, config: Mapping[str, Any]):
        module = importlib.import_module(library)
        options = {"dir": str(folder)} if library == "wandb" else {}
        self._module, self._run = module, module.init(project="ludex", name=name, config=dict(config), **options)

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        self._module.log(dict(metrics), step=step)

    def close(self) -> None:
        self._module.finish()


def open_sinks(names: Sequence[str], folder: Path, run: str, config: Mapping[str, Any]) -> list[Sink]:
    """The trackers of those names.

    Raises:
        ValueError, MissingExtra: as `check_sinks`.
    """
    check_sinks(names)
    return [
        _TensorBoard(folder, run, config) if name == "tensorboard" else _Tracker(name, folder, run, config)
        for name in names
    ]


def check_sinks(names: Sequence[str]) -> None:
    """Whether the trackers of those names can be opened, before anything is.

    Raises:
        ValueError: for an unknown name.
        MissingExtra: if a tracker's library is not installed.
    """
    for name in names:
        if name not in SINKS:
            raise ValueError(f"log.sinks: no tracker {name!r}; {suggest(name, SINKS)}")
        if importlib.util.find_spec(name) is None:
            raise MissingExtra(f"log.sinks: {name} is not installed: pip install {name}")


class Journal:
    """The files and trackers of one run folder."""

    def __init__(self, folder: Path, sinks: Sequence[Sink] = ()):
        self.folder, self.sinks = folder, list(sinks)

    def rewind(self, step: int) -> None:
        """Forget the lines of later steps, and a last line that a kill cut short."""
        for name in ("metrics.jsonl", "episodes.jsonl"):
            path = self.folder / name
            if path.exists():
                kept = [line for line in path.read_text().splitlines() if _step_of(line) <= step]
                write_text(path, "".join(line + "\n" for line in kept))

    def metrics(self, step: int, metrics: Mapping[str, Any]) -> None:
        """One line of metrics; numbers go to the trackers too."""
        _append(self.folder / "metrics.jsonl", [{"step": step, **metrics}])
        numbers = {k: float(v) for k, v in metrics.items() if isinstance(v, int | float) and not isinstance(v, bool)}
        for sink in self.sinks:
            sink.log(step, numbers)

    def episodes(self, step: int, trajectories: Iterable[Trajectory]) -> None:
        """One line an episode: text, tokens, mask, rewards, score."""
        _append(self.folder / "episodes.jsonl", [{"step": step, **episode_record(t)} for t in trajectories])

    def close(self) -> None:
        """Close the trackers."""
        for sink in self.sinks:
            sink.close()


def episode_record(trajectory: Trajectory) -> dict[str, Any]:
    """A trajectory as plain data; `rows` are its training rows (ids and mask)."""
    return {
        **record(trajectory),
        "rows": [
            {"ids": row.tokens, "mask": [int(m) for m in row.mask]}
            for row in (rows_of(trajectory) if all(t.action_ids for t in trajectory.turns) else ())
        ],
    }


def _append(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    with path.open("a") as file:
        file.writelines(strict_json(row) + "\n" for row in rows)


def _step_of(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")


def provenance() -> dict[str, Any]:
    """Where a run comes from: versions, command line, git commit of the working directory."""
    packages = {}
    for name in ("ludex", "torch", "transformers", "gymnasium", "numpy", "math-verify", "sympy"):
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            continue
    git = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    dirty = subprocess.run(["git", "status", "--porcelain"], capture_output=True, text=True, check=False)
    commit = git.stdout.strip() + ("+changes" if dirty.stdout.strip() else "") if git.returncode == 0 else None
    return {"python": sys.version.split()[0], "packages": packages, "commit": commit, "platform": sys.platform}
