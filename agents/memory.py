"""How much memory learning takes, for the metrics."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

MB = 2**20


class Meter:
    """Watches a device while a learner works on it.

    `peak_mb` is the most that tensors took on a GPU since `start`, or that the
    process ever took of the CPU's memory. `activations_mb`, on a GPU only, is the
    most that a forward pass left behind for its backward pass.
    """

    def __init__(self, device: torch.device):
        self.device, self._kept = device, 0

    def start(self) -> None:
        """Forget what was seen."""
        self._kept = 0
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)

    @contextmanager
    def forward(self) -> Iterator[None]:
        """Watch a forward pass for the length of a block."""
        before = self._allocated()
        yield
        self._kept = max(self._kept, self._allocated() - before)

    def metrics(self) -> dict[str, float]:
        """What was seen since `start`."""
        if self.device.type == "cuda":
            peak = torch.cuda.max_memory_allocated(self.device)
            return {"memory/peak_mb": peak / MB, "memory/activations_mb": self._kept / MB}
        unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
        return {"memory/peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MB}

    def _allocated(self) -> int:
        return torch.cuda.memory_allocated(self.device) if self.device.type == "cuda" else 0
