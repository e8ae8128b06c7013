"""Two experts: one who knows where everything is, and one who reads what a player reads."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ludex.envs.alfworld.engine import TREATMENTS, House
from ludex.envs.alfworld.words import NOTHING
from ludex.envs.alfworld.world import Goal

VERBS = {becomes: (verb, station.removesuffix("type")) for verb, (station, _, becomes, _) in TREATMENTS.items()}
_NAMED = re.compile(r"\ba ([a-z]+ \d+)")


def plan(house: House) -> list[str]:
    """Commands that win from here, with every thing's place known; none where nothing can win."""
    return list(_steps(house))


class _Walk:
    """Where the agent has got to, and what it has opened, while a plan is made."""

    def __init__(self, house: House):
        self.house, self.spot, self.opened = house, house.place, set(house.opened)

    def to(self, r: str, inside: bool = True) -> Iterator[str]:
        """Go to a receptacle, and open it where its inside is needed."""
        _, there, opens = self.house.world.receptacles[r]
        if there != self.spot:
            yield f"go to {self.house.called[r]}"
            self.spot = there
        if inside and opens and r not in self.opened:
            yield f"open {self.house.called[r]}"
            self.opened.add(r)

    def put(self, thing: str, r: str) -> Iterator[str]:
        """Bring the thing in the hand into a receptacle."""
        yield from self.to(r)
        yield self.house.reading.wording.move[0].format(self.house.called[thing], self.house.called[r])


def _steps(house: House) -> Iterator[str]:
    world, goal = house.world, house.world.goal
    if house.won():
        return
    walk = _Walk(house)
    where = {thing: r for r in sorted(house.inside) if r in world.receptacles for thing in house.inside[r]}
    things = [t for t, (kind, has) in sorted(world.things.items()) if kind == goal.kind and "pickupable" in has]
    if house.held and house.held not in things:  # something else is in the way
        yield from walk.put(house.held, _shelf(house, house.held))
    target = _target(house, where, things)
    there = [t for t in things if where.get(t) == target and goal.form == "two"]
    things = [t for t in things if t not in there and (t == house.held or t in where)]
    things.sort(key=lambda t: (t != house.held, goal.flag not in house.flags[t]))
    needed = 1 if goal.form != "two" else 2 - len(there)
    for thing in things[:needed]:
        yield from _bring(house, walk, thing, where, target)


def _bring(house: House, walk: _Walk, thing: str, where: dict[str, str], target: str) -> Iterator[str]:
    """Take one thing, treat it and put it where it belongs, or under the lamp."""
    world, called, goal = house.world, house.called, house.world.goal
    if thing != house.held:
        yield from walk.to(where[thing])
        yield f"take {called[thing]} from {called[where[thing]]}"
    if goal.flag and goal.flag not in house.flags[thing]:
        verb, station = VERBS[goal.flag]
        at = next(r for r in house.reading.receptacles if world.receptacles[r][0] == f"{station}type")
        yield from walk.to(at, inside=False)
        yield f"{verb} {called[thing]} with {called[at]}"
    if goal.form != "look":
        yield from walk.put(thing, target)
        return
    yield from walk.to(target, inside=False)
    lamp = next(t for t in sorted(where) if world.things[t][0] == goal.place and where[t] == target)
    if "toggled" not in house.flags[lamp]:
        yield f"use {called[lamp]}"


def _shelf(house: House, thing: str) -> str:
    """A receptacle that takes the thing: an open one here, else one that need not be opened, else any."""
    kind = house.world.things[thing][0]
    receptacles = house.world.receptacles
    fitting = [r for r in house.reading.receptacles if (receptacles[r][0], kind) in house.world.accepts]
    return min(fitting, key=lambda r: (receptacles[r][2] and r not in house.opened, receptacles[r][1] != house.place))


def _target(house: House, where: dict[str, str], things: list[str]) -> str:
    """The receptacle to end at: the one with a lamp, or of the kind wanted, the fullest of what is wanted first."""
    world, goal = house.world, house.world.goal
    if goal.form == "look":
        return next(where[t] for t in sorted(where) if world.things[t][0] == goal.place)
    fitting = [r for r in house.reading.receptacles if world.receptacles[r][0] == goal.place]
    return max(fitting, key=lambda r: sum(where.get(t) == r for t in things)) if goal.form == "two" else fitting[0]


class Searcher:
    """Looks into one receptacle after the other until it has seen what it needs, by the text alone.

    Args:
        intro: the first observation.
        goal: what the task's words say.
    """

    def __init__(self, intro: str, goal: Goal):
        self.around = _NAMED.findall(intro.split("you see", 1)[1].split("Your task", 1)[0])
        self.left = list(self.around)
        self.goal = goal
        self.seen: dict[str, str] = {}
        self.opened: set[str] = set()
        self.commands: list[str] = []

    def play(self, house: House, limit: int = 400) -> list[str]:
        """The commands that win; up to `limit` of them if they do not."""
        for _ in self._moves(house):
            if len(self.commands) >= limit:
                break
        return self.commands

    def _say(self, house: House, command: str) -> str:
        self.commands.append(command)
        said = house.step(command)
        verb, _, rest = command.partition(" ")
        place = rest.removeprefix("to ") if verb == "go" else rest
        if verb in ("go", "open", "examine") and "you see" in said:
            for thing in _NAMED.findall(said.rsplit("you see", 1)[1]):
                self.seen.setdefault(thing, place)
        return said

    def _visit(self, house: House, place: str) -> Iterator[None]:
        said = self._say(house, f"go to {place}")
        yield
        if said == NOTHING:  # already there
            said = self._say(house, f"examine {place}")
            yield
        if "is closed" in said and place not in self.opened:
            self.opened.add(place)
            self._say(house, f"open {place}")
            yield
        if place in self.left:
            self.left.remove(place)

    def _find(self, house: House, kind: str, but: set[str]) -> Iterator[None]:
        while self._known(kind, but) is None and self.left:
            yield from self._visit(house, self.left[0])

    def _known(self, kind: str, but: set[str]) -> str | None:
        return next((t for t in self.seen if t.split()[0] == kind and t not in but), None)

    def _moves(self, house: House) -> Iterator[None]:
        goal, placed = self.goal, set[str]()
        kind, place = goal.kind.removesuffix("type"), goal.place.removesuffix("type")
        for _ in range(2 if goal.form == "two" else 1):
            yield from self._find(house, kind, placed)
            thing = self._known(kind, placed)
            if thing is None:
                return
            placed.add(thing)
            yield from self._visit(house, self.seen[thing])
            self._say(house, f"take {thing} from {self.seen[thing]}")
            yield
            if goal.form == "look":
                yield from self._light(house, place)
                return
            if goal.flag:
                verb, station = VERBS[goal.flag]
                at = next(r for r in self.around if r.split()[0] == station)
                self._say(house, f"go to {at}")
                yield
                self._say(house, f"{verb} {thing} with {at}")
                yield
            target = next(r for r in self.around if r.split()[0] == place)
            yield from self._visit(house, target)
            self._say(house, f"move {thing} to {target}")
            yield

    def _light(self, house: House, kind: str) -> Iterator[None]:
        yield from self._find(house, kind, set())
        lamp = self._known(kind, set())
        if lamp:
            yield from self._visit(house, self.seen[lamp])
            self._say(house, f"use {lamp}")
            yield
