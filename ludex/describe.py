"""`ludex list ID`: what an environment can be told, from the signatures and docstrings of what the id names."""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ludex.envs import registry
from ludex.envs.core import TaskEnv

GIVEN = ("self", "rng", "source", "seed", "split")  # not by key=value


@dataclass(frozen=True)
class Option:
    """A key of key=value: its default, what it means, and whether it is the environment's own or of its tasks."""

    name: str
    default: Any
    meaning: str
    of: str


def options(name: str) -> list[Option]:
    """The options of an id, those of its tasks first.

    Raises:
        UnknownName: if there is no such environment.
        ValueError: for an environment of Gymnasium's own.
    """
    if registry.is_foreign(name):
        raise ValueError(f"{name} is Gymnasium's own, not one of `ludex list`; gymnasium.spec({name!r}) describes it")
    thing = registry.target(name)
    generate = _generator(thing)
    env = thing if registry.is_env(thing) else getattr(thing, "env_class", TaskEnv)
    tasks = _read(generate, "tasks") if generate else []
    return tasks + [option for option in _read(env, "environment") if option.name not in {o.name for o in tasks}]


def presets(name: str) -> dict[str, str]:
    """What the names of difficulties stand for, and the questions of a game."""
    thing = registry.target(name)
    table = getattr(sys.modules.get(getattr(_generator(thing), "__module__", "")), "DIFFICULTIES", None)
    found = {}
    for level, preset in table.items() if isinstance(table, Mapping) else ():
        if dataclasses.is_dataclass(preset):
            values = {f.name: getattr(preset, f.name) for f in dataclasses.fields(preset)}
            found[f"difficulty={level}"] = ", ".join(f"{key} {value}" for key, value in values.items())
    for question, template in getattr(thing, "questions", {}).items():
        found[f"question={question}"] = getattr(template, "kind", "")
    return found


def _generator(thing: Any) -> Callable[..., Any] | None:
    """What has the options of the tasks in its signature."""
    if isinstance(thing, type) or not inspect.isroutine(thing):
        return getattr(thing, "generate", None)
    return thing


def _read(made: Callable[..., Any], of: str) -> list[Option]:
    """The options in a signature, with their meaning from the docstrings."""
    texts = [inspect.getdoc(kind) or "" for kind in (made.__mro__ if isinstance(made, type) else [made])]
    meanings: dict[str, str] = {}
    for text in reversed(texts):
        meanings |= arguments(text)
    given = [p for p in inspect.signature(made).parameters.values() if p.name not in GIVEN]
    named = [p for p in given if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [Option(p.name, None if p.default is p.empty else p.default, meanings.get(p.name, ""), of) for p in named]


def arguments(text: str) -> dict[str, str]:
    """The meanings of a docstring's Args section, by name; several names may share one."""
    section = re.search(r"^Args:\n((?: +.*\n?|\n)+)", text, re.M)
    found: dict[str, str] = {}
    for entry in re.findall(r"^ {4}(\S.*(?:\n {5,}\S.*)*)", section[1] if section else "", re.M):
        names, _, meaning = entry.partition(": ")
        found |= dict.fromkeys(names.split(", "), " ".join(meaning.split()))
    return found
