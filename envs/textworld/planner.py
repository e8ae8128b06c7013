"""Commands that win from anywhere in a game, by who knows everything: each fact that is asked for is brought about.

The planner plays on a copy of the game, so that what it returns has been tried.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from ludex.envs.textworld.engine import Play
from ludex.envs.textworld.game import CONTAINERS, COOKED, CUT, PLACES, Event, Fact
from ludex.envs.textworld.kitchen import CUTTING, HEAT

LIMIT = 500  # commands


class Stuck(Exception):
    """No way is known from here."""


def plan(play: Play) -> list[str]:
    """Commands that win from here; empty if none are found."""
    planner = Planner(play.copy())
    try:
        planner.win()
    except Stuck:
        return []
    return planner.commands if planner.play.won else []


class Planner:
    """Brings about facts, one after the other.

    Attributes:
        play: the copy that it plays on.
        commands: what it has done.
        busy: locks that are being dealt with, which must not need themselves.
        keep: things that must stay in the hands.
    """

    def __init__(self, play: Play):
        self.play, self.reading = play, play.reading
        self.commands: list[str] = []
        self.busy: set[str] = set()
        self.keep: set[str] = set()

    def win(self) -> None:
        """Complete every quest; Stuck where that fails."""
        for _ in range(2):  # what one quest needs, another may have undone
            for i, quest in enumerate(self.reading.quests):
                if quest.wins and not quest.optional and i not in self.play.done and not self.play.won:
                    self._complete(quest.wins)
            if self.play.won:
                return
        raise Stuck

    def _complete(self, events: Iterable[Event]) -> None:
        for event in events:
            try:
                for fact in sorted(event, key=lambda fact: fact[:2] == ("at", "P")):
                    self._achieve(fact)
                if not self.commands:
                    self._do("look")  # quests are looked at after a turn
                return
            except Stuck:
                if self.play.lost or self.play.won:
                    return
        raise Stuck

    def _do(self, command: str) -> None:
        if self.play.won:
            return
        if command not in self.play.actions() or len(self.commands) >= LIMIT:
            raise Stuck
        self.commands.append(command)
        self.play.step(command)
        if self.play.lost:
            raise Stuck

    def _call(self, verb: str, thing: str, *rest: str) -> None:
        words = [self.reading.calls.get(word, word) for word in rest]
        self._do(" ".join([verb, self.reading.calls[thing], *words]))

    def _achieve(self, fact: Fact) -> None:
        if self.play.won or self.play.true(fact):
            return
        predicate, thing = fact[0], fact[1]
        if predicate in PLACES:
            self._bring(thing, fact[2])
        elif predicate in ("open", "closed", "locked"):
            self._set(thing, predicate)
        elif predicate in ("eaten", "consumed"):
            self._get(thing)
            self._call("drink" if f"drink {self.reading.calls[thing]}" in self.play.actions() else "eat", thing)
        elif predicate in COOKED:
            self._cook(thing, predicate)
        elif predicate in CUT:
            self._cut(thing, predicate)
        else:
            raise Stuck

    # ---- moving

    def _room(self, thing: str) -> str:
        """The room that a thing is in; where a door can be reached from, nearest first."""
        if self.reading.kinds[thing] == "d":
            return min(
                (room for room, doors in self.reading.doors.items() if thing in doors),
                key=lambda room: self._ways()[0].get(room, LIMIT),
            )
        place = self.play.where.get(thing, "")
        while place in self.play.where:
            place = self.play.where[place]
        if not place:
            raise Stuck
        return self.play.here if place == "I" else place

    def _ways(self) -> tuple[dict[str, int], dict[str, str]]:
        """How far every room is, closed doors counting, and the way to leave the room before it by."""
        far, by, queue = {self.play.here: 0}, {}, [(0, self.play.here)]
        while queue:
            cost, room = heapq.heappop(queue)
            for way, (there, door) in self.reading.game.exits[room].items():
                if door in self.busy and not self.play.open(door):
                    continue
                shut = 0 if not door or self.play.open(door) else 30 if self.play.locked(door) else 1
                if cost + 1 + shut < far.get(there, 1 << 30):
                    far[there] = cost + 1 + shut
                    by[there] = f"{room} {way}"
                    heapq.heappush(queue, (far[there], there))
        return far, by

    def _walk(self, room: str) -> None:
        for _ in range(LIMIT):
            if self.play.here == room or self.play.won:
                return
            _, by = self._ways()
            step = room
            while step in by and by[step].split()[0] != self.play.here:
                step = by[step].split()[0]
            if step not in by:
                raise Stuck
            way = by[step].split()[1]
            door = self.reading.game.exits[self.play.here][way][1]
            if door and not self.play.open(door):
                self._set(door, "open")
            else:
                self._do(f"go {way}")

    # ---- things

    def _set(self, thing: str, state: str) -> None:
        """Make a lid or a door open, closed or locked."""
        if thing in self.busy:
            raise Stuck
        self.busy.add(thing)
        key = self.reading.keys.get(thing, "")
        if (self.play.locked(thing) or state == "locked") and key:
            self._get(key)
        self._walk(self._room(thing))
        self.busy.discard(thing)
        if self.play.locked(thing):
            self._call("unlock", thing, "with", key)
        if state == "open" and not self.play.open(thing):
            self._call("open", thing)
        elif state != "open" and self.play.open(thing):
            self._call("close", thing)
        if state == "locked":
            self._call("lock", thing, "with", key)

    def _get(self, thing: str) -> None:
        """Take a thing into the hands."""
        self.keep.add(thing)
        if self.reading.kinds[thing] == "meal" and not self.play.where.get(thing):
            self._prepare()
            return
        if self.play.where.get(thing) == "I":
            return
        self._walk(self._room(thing))
        holder = self.play.where[thing]
        if self.reading.kinds[holder] in CONTAINERS and not self.play.open(holder):
            self._set(holder, "open")
            self._walk(self._room(thing))
        self._free_hand()
        rest = () if holder == self.play.here else ("from", holder)
        self._call("take", thing, *rest)

    def _free_hand(self) -> None:
        """With full hands, put down what is not needed now."""
        while len(self.play.inside["I"]) >= self.reading.capacity or not self.play.can_take():
            spare = [thing for thing in reversed(self.play.inside["I"]) if thing not in self.keep]
            self._call("drop", (spare or [self.play.inside["I"][-1]])[0])

    def _bring(self, thing: str, place: str) -> None:
        if thing == "P":
            self._walk(place)
            return
        self._get(thing)
        if place == "I" or self.play.won:
            return
        if self.reading.kinds[place] == "r":
            self._walk(place)
            self._call("drop", thing)
        elif self.reading.kinds[place] in CONTAINERS:
            if not self.play.open(place):
                self._set(place, "open")
            self._walk(self._room(place))
            self._call("insert", thing, "into", place)
        else:
            self._walk(self._room(place))
            self._call("put", thing, "on", place)

    # ---- the kitchen

    def _cook(self, food: str, how: str) -> None:
        self.keep = {food}
        self._get(food)
        if "cooked" in self.play.flags[food]:
            raise Stuck
        heats = [e for e, kind in self.reading.kinds.items() if HEAT.get(kind) == how]
        if not heats:
            raise Stuck
        self._walk(self._room(heats[0]))
        self._call("cook", food, "with", heats[0])

    def _cut(self, food: str, how: str) -> None:
        tool = next((e for e in self.reading.kinds if ("sharp", e) in self.reading.traits), "")
        if not tool:
            raise Stuck
        self.keep = {food, tool}
        self._get(food)
        self._get(tool)
        self._get(food)
        verb = next(verb for verb, done in CUTTING.items() if done == how)
        self._call(verb, food, "with", tool)

    def _prepare(self) -> None:
        for food, cooked, cut in self.reading.recipe:
            for how in (cooked, cut):
                if how:
                    self._achieve((how, food))
        self.keep = {food for food, _, _ in self.reading.recipe}
        for food, _, _ in self.reading.recipe:
            self._get(food)
        for _, room, _ in self.reading.game.named("cooking_location"):
            self._walk(room)
        self._do("prepare meal")
