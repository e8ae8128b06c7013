"""Checkpoints that a kill cannot break: written beside, synced, renamed into place."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch


def write_folder(folder: Path, fill: Callable[[Path], None]) -> None:
    """Replace `folder` by one that `fill` writes; at any moment the old one or the new one is whole.

    A kill between the two renames leaves the old one under its hidden name; the next call puts it back first.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh, old = folder.with_name(f".{folder.name}.new"), folder.with_name(f".{folder.name}.old")
    if old.exists() and not folder.exists():
        os.rename(old, folder)
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    fill(fresh)
    for path in fresh.rglob("*"):
        _sync(path)
    _sync(fresh)
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        os.rename(folder, old)
    os.rename(fresh, folder)
    _sync(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Replace a file's text in one step."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(text)
    _sync(fresh)
    os.replace(fresh, path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Checkpoints:
    """The `checkpoints/` folder of a run: one folder a step, named by the steps that are done."""

    def __init__(self, folder: Path, keep_last: int = 2):
        self.folder, self.keep_last = folder, max(1, keep_last)

    def steps(self) -> list[int]:
        """The saved steps, in order; what was being written when the run died does not count."""
        names = (path.name.removeprefix("step-") for path in self.folder.glob("step-*"))
        return sorted(int(name) for name in names if name.isdecimal())

    def save(self, step: int, state: dict[str, Any]) -> None:
        """Write the state after `step` steps and forget all but the last few."""
        write_folder(self._path(step), lambda folder: torch.save(state, folder / "state.pt"))
        for old in self.steps()[: -self.keep_last]:
            shutil.rmtree(self._path(old))

    def latest(self, device: torch.device) -> dict[str, Any] | None:
        """The newest state that is whole, or None."""
        for step in reversed(self.steps()):
            if (self._path(step) / "state.pt").exists():
                state: dict[str, Any] = torch.load(
                    self._path(step) / "state.pt", map_location=device, weights_only=True
                )
                return state
        return None

    def _path(self, step: int) -> Path:
        return self.folder / f"step-{step:06d}"
