"""What a rule of the contract examines, and a second process to examine it in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import gymnasium

from ludex.core import Task
from ludex.envs.contract import hostile
from ludex.envs.registry import ENVS, GROUP, env_options, is_env, make, names, short, target, task_source
from ludex.lookup import plugins

SAMPLE = 20  # tasks that most rules look at
FRESH_SECONDS = 120.0  # for a second process to answer


class Broken(Exception):
    """A rule does not hold; the message says what would be right."""


@dataclass(frozen=True)
class Subject:
    """The environment under examination: an id or "module:thing", and its options."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def thing(self) -> Any:
        """What the id names; None for an id that only Gymnasium knows."""
        return target(self.name) if ":" in self.name or short(self.name) in names() else None

    @cached_property
    def has_tasks(self) -> bool:
        """Whether there is a stream of tasks behind the environment."""
        return self.thing is not None and (not is_env(self.thing) or hasattr(self.thing, "generate"))

    @cached_property
    def task_options(self) -> dict[str, Any]:
        """The options without the environment's own."""
        return {k: v for k, v in self.options.items() if k not in env_options(self.thing)}

    @cached_property
    def importable(self) -> bool:
        """Whether a second process can build it too; what `ludex.register` added cannot be."""
        return ":" in self.name or short(self.name) in {*ENVS, *plugins(GROUP)}

    def source(self, seed: int = 0, split: str = "train") -> Any:
        """A fresh stream of tasks."""
        return task_source(self.name, seed=seed, split=split, **self.task_options)

    def draw(self, n: int, seed: int = 0, split: str = "train") -> list[Task]:
        """The first `n` tasks of a fresh stream, fewer where it ends."""
        source, found = self.source(seed, split), []
        for index in range(n):
            try:
                found.append(source[index])
            except IndexError:
                break
        return found

    @cached_property
    def tasks(self) -> list[Task]:
        """The tasks that most rules look at."""
        found = self.draw(SAMPLE)
        if not found:
            raise Broken("the training split is empty: source[0] must be a task")
        return found

    def env(self) -> gymnasium.Env[Any, Any]:
        """A fresh environment without Gymnasium's wrappers."""
        return make(self.name, **self.options).unwrapped


def in_fresh_process(subject: Subject, what: str) -> Any:
    """The result of `serve` in a second Python process, which may hang or die without harm to this one."""
    order = json.dumps({"name": subject.name, "options": subject.options, "what": what})
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(["", *sys.path]), "PYTHONHASHSEED": "12345"}
    command = [sys.executable, "-c", "from ludex.envs.contract.subject import serve; serve()"]
    try:
        done = subprocess.run(
            command, input=order, capture_output=True, text=True, timeout=FRESH_SECONDS, env=env, check=False
        )
    except subprocess.TimeoutExpired:
        raise Broken(
            f"a second process did not end within {FRESH_SECONDS:.0f} s: bound the work on any response"
        ) from None
    if done.returncode:
        raise Broken(f"a second process failed ({done.returncode}): {done.stderr.strip().rpartition(chr(10))[2][:200]}")
    return json.loads(done.stdout.rpartition("\x1e")[2])


def serve() -> None:
    """The other end of `in_fresh_process`: an order on stdin, its result on stdout."""
    order = json.loads(sys.stdin.read())
    subject = Subject(order["name"], order["options"])
    result: Any = [t.to_json() for t in subject.tasks] if order["what"] == "tasks" else hostile.judge(subject.tasks[0])
    print("\x1e" + json.dumps(result))
