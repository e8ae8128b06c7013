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
