"""A house and the task in it, as plain data; read from JSON or from the PDDL problem of an ALFWorld game.

Names of things are ids such as "mug_bar__minus_00_dot_50": ALFWorld numbers the things of a class by
the order of their ids, from the highest number down, so the order is part of the game.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FLAGS = {"clean": "cleanable", "hot": "heatable", "cool": "coolable", "sliced": "sliceable"}
FOLDERS = {"train": "train", "valid": "valid_seen", "test": "valid_unseen"}  # how ALFWorld names the splits
PROPERTIES = ("pickupable", "cleanable", "heatable", "coolable", "toggleable", "sliceable", "isreceptacleobject")


@dataclass(frozen=True)
class Goal:
    """What wins.

    Attributes:
        form: "put" (one thing of `kind` in a receptacle of kind `place`), "two" (two of them in one) or "look" (hold
            one under a lit lamp of kind `place`).
        flag: what the thing must have become for "put": "clean", "hot", "cool", "sliced" or "".
    """

    form: str
    kind: str
    place: str
    flag: str = ""


@dataclass(frozen=True)
class World:
    """A house at the start of a game; every id in lower case.

    Attributes:
        receptacles: id -> (kind, spot, openable); receptacles at one spot are in reach together.
        things: id -> (kind, properties of PROPERTIES).
        contents: (thing, where): a receptacle's id, or that of a thing that holds others. A thing may be in two.
        spots: thing -> the spot it is at.
        accepts: (receptacle kind, thing kind) that fit.
        start: the agent's spot.
        opened: receptacles that stand open.
        goal: what wins.
        task: the goal in words.
    """

    receptacles: dict[str, tuple[str, str, bool]]
    things: dict[str, tuple[str, frozenset[str]]]
    contents: tuple[tuple[str, str], ...]
    spots: dict[str, str]
    accepts: frozenset[tuple[str, str]]
    start: str
    opened: frozenset[str]
    goal: Goal
    task: str

    def to_data(self) -> dict[str, Any]:
        """As JSON data; `from_data` reads it."""
        return {
            "receptacles": {r: list(row) for r, row in self.receptacles.items()},
            "things": {t: [kind, sorted(has)] for t, (kind, has) in self.things.items()},
            "contents": [list(pair) for pair in self.contents],
            "spots": self.spots,
            "accepts": sorted(map(list, self.accepts)),
            "start": self.start,
            "opened": sorted(self.opened),
            "goal": [self.goal.form, self.goal.kind, self.goal.place, self.goal.flag],
            "task": self.task,
        }

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> World:
        """The world that `to_data` wrote."""
        return cls(
            {r: (kind, spot, opens) for r, (kind, spot, opens) in data["receptacles"].items()},
            {t: (kind, frozenset(has)) for t, (kind, has) in data["things"].items()},
            tuple((thing, where) for thing, where in data["contents"]),
            data["spots"],
            frozenset((place, kind) for place, kind in data["accepts"]),
            data["start"],
            frozenset(data["opened"]),
            Goal(*data["goal"]),
            data["task"],
        )


def names(ids: Iterable[str]) -> dict[str, str]:
    """What the game calls things: class and number, counted down in the order of the ids."""
    ordered = sorted(i for i in ids if "_bar_" in i)
    left = Counter(map(_class, ordered))
    called = {}
    for i in ordered:
        called[i] = f"{_class(i)} {left[_class(i)]}"
        left[_class(i)] -= 1
    return called


def _class(i: str) -> str:
    return i.split("_bar_", 1)[0] + ("basin" if "basin" in i else "")


# ---- ALFWorld's own files

_FACT = re.compile(r"\(([^()]*)\)")
_TASK = re.compile(r'Your task is to: (.*?)"')


def read_game(path: Path) -> World:
    """The game in a `game.tw-pddl` file. ValueError in one line if it is none."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        found = _TASK.search(data["grammar"])
        return parse(data["pddl_problem"], found[1].rstrip(".") if found else "")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: cannot be read ({error})") from None
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{path}: not an ALFWorld game ({type(error).__name__}: {error})") from None


def parse(problem: str, task: str) -> World:
    """A PDDL problem of ALFWorld's domain. ValueError for another domain's, or a goal of another form."""
    text = problem.lower()
    if "(:domain alfred)" not in text or "(:init" not in text or "(:goal" not in text:
        raise ValueError("no PDDL problem of the domain alfred with (:init ...) and (:goal ...)")
    begin, end = text.index("(:init") + 6, text.index("(:goal")
    facts: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for match in _FACT.finditer(text, begin, end):
        words = match[1].split()
        if words:
            facts[words[0]].append(tuple(words[1:]))
    places, kinds, spots = (
        {one: other for one, other in facts[name]}
        for name in ("receptacleatlocation", "objecttype", "objectatlocation")
    )
    opens = {r for (r,) in facts["openable"]}
    has = {name: {i for (i,) in facts[name]} for name in PROPERTIES}
    return World(
        receptacles={r: (kind, places[r], r in opens) for r, kind in facts["receptacletype"] if r in places},
        things={t: (kind, frozenset(p for p in PROPERTIES if t in has[p])) for t, kind in kinds.items()},
        contents=tuple((t, r) for t, r in (*facts["inreceptacle"], *facts["inreceptacleobject"])),
        spots=spots,
        accepts=frozenset((place, kind) for place, kind in facts["cancontain"]),
        start=facts["atlocation"][0][1],
        opened=frozenset(r for (r,) in facts["opened"]),
        goal=_goal(text[end:]),
        task=task,
    )


def _goal(text: str) -> Goal:
    """The goal; ALFWorld's library has five forms, which differ by these predicates."""
    kinds = {variable: kind for variable, kind in re.findall(r"objecttype \?(\w+) (\w+)\)", text)}
    place = re.search(r"receptacletype \?\w+ (\w+)\)", text)
    if "istoggled" in text:
        return Goal("look", kinds["o"], kinds["ot"])
    if place is None or not kinds:
        raise ValueError("a goal of another form than ALFWorld's six tasks")
    kind = next(iter(kinds.values()))
    if "?o2" in text:
        return Goal("two", kind, place[1])
    flag = re.search(r"\(is(clean|hot|cool|sliced) \?", text)
    return Goal("put", kind, place[1], flag[1] if flag else "")


def games(folder: Path) -> Iterator[Path]:
    """Every game file below a folder, sorted."""
    yield from sorted(folder.rglob("game.tw-pddl"))
