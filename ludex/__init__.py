"""Ludex: verifiable environments, ordinal rewards and a trainer for LLM agents.

Importing this package registers every environment with Gymnasium by name and
imports none of them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ludex.core import Scale, Score, Status, Stop, Task, Trajectory, Turn
from ludex.envs.registry import make, register, task, task_source
from ludex.rewards import register_verifier, verify

if TYPE_CHECKING:
    from ludex.agents.evaluate import evaluate
    from ludex.agents.train import train

__version__ = "0.1.0"

__all__ = [
    "Scale",
    "Score",
    "Status",
    "Stop",
    "Task",
    "Trajectory",
    "Turn",
    "evaluate",
    "make",
    "register",
    "register_verifier",
    "task",
    "task_source",
    "train",
    "verify",
]

_LAZY = {"evaluate": "ludex.agents.evaluate", "train": "ludex.agents.train"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'ludex' has no attribute {name!r}")
