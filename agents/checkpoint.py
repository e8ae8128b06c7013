"""Checkpoints that a kill cannot break."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch

from ludex.agents.files import write_folder


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
        write_folder(self._path(step), lambda folder: _write(state, folder / "state.pt"))
        for old in self.steps()[: -self.keep_last]:
            shutil.rmtree(self._path(old))

    def latest(self, device: torch.device) -> dict[str, Any] | None:
        """The newest state, or None.

        Raises:
            ValueError: if its file is damaged; the message says what to delete.
        """
        for step in reversed(self.steps()):
            if (self._path(step) / "state.pt").exists():
                return self._read(step, device)
        return None

    def _read(self, step: int, device: torch.device) -> dict[str, Any]:
        path = self._path(step) / "state.pt"
        try:
            state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
        except (PermissionError, torch.OutOfMemoryError):
            raise
        except Exception as error:  # a damaged file raises anything, from EOFError to IndexError
            earlier = [str(old) for old in self.steps() if old < step]
            then = f"go on from step {earlier[-1]}" if earlier else "begin again"
            what = f"{type(error).__name__}: {error}".partition(". ")[0].rstrip(": ")
            raise ValueError(f"{path} is damaged ({what}); delete {path.parent} to {then}") from error
        return state

    def _path(self, step: int) -> Path:
        return self.folder / f"step-{step:06d}"


def _write(state: dict[str, Any], path: Path) -> None:
    with path.open("wb") as file:  # torch's own writer would hide why it failed
        torch.save(state, file)
