"""What happens in a house: ALFWorld's domain and grammar as a state machine in Python.

It says the same words as TextWorld's PddlEnv does with ALFWorld 0.4.2's files, offers the same
commands and wins at the same step; tests compare the two. Where the original is odd, so is this, and says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ludex.envs.alfworld.words import HELP, LOOKS, MIDDLE, NOTHING, WORDINGS, Wording
from ludex.envs.alfworld.world import World, names

# verb -> the receptacle kind it needs, the property of the thing, and what the thing becomes and ceases to be
TREATMENTS = {
    "clean": ("sinkbasintype", "cleanable", "clean", ""),
    "heat": ("microwavetype", "heatable", "hot", "cool"),
    "cool": ("fridgetype", "coolable", "cool", "hot"),
}
KNIVES = ("knifetype", "butterknifetype")

Action = tuple[str, ...]  # a verb and ids


@dataclass(frozen=True)
class Reading:
    """What does not change while a world is played, looked up once for each world."""

    world: World
    called: dict[str, str]
    receptacles: tuple[str, ...]
    at: dict[str, tuple[str, ...]]
    wording: Wording = WORDINGS["new"]

    @classmethod
    def of(cls, world: World, wording: str = "new") -> Reading:
        """Names, and which receptacles are at which spot."""
        at: dict[str, list[str]] = defaultdict(list)
        for r in sorted(world.receptacles):
            at[world.receptacles[r][1]].append(r)
        called = names([*world.receptacles, *world.things, *at, world.start])
        spots = {spot: tuple(rs) for spot, rs in at.items()}
        return cls(world, called, tuple(sorted(world.receptacles)), spots, WORDINGS[wording])


class House:
    """A world being played; `step` takes a command and returns what the game says."""

    def __init__(self, reading: Reading):
        self.reading, self.world, self.called = reading, reading.world, reading.called
        self.place = self.world.start
        self.held = ""
        self.inside: dict[str, set[str]] = defaultdict(set)
        for thing, where in self.world.contents:
            self.inside[where].add(thing)
        self.spots = dict(self.world.spots)
        self.opened = set(self.world.opened)
        self.flags: dict[str, set[str]] = defaultdict(set)  # of a thing
        self.taken: set[tuple[str, str]] = set()  # (thing, receptacle) that were parted
        self._actions: dict[str, Action] | None = None

    # ---- words

    def intro(self) -> str:
        """The welcome, the receptacles of the room and the task."""
        around = _list(f"a {self.called[r]}" for r in self.reading.receptacles)
        return f"-= Welcome to TextWorld, ALFRED! =-\n\n{MIDDLE} {around}.\n\nYour task is to: {self.world.task}."

    def look(self) -> str:
        """The receptacles in front of the agent; in the middle of a room the original sees nothing."""
        here = self.reading.at.get(self.place)
        if not here:
            return f"{MIDDLE} nothing."
        near = sorted(thing for thing, spot in self.spots.items() if spot == self.place)
        floor = (f"a {self.called[t]}" for t in near for r in here if (t, r) in self.taken)
        return f"You are facing the {_list(self.called[r] for r in here)}. Next to it, you see {_list(floor)}."

    def examine(self, receptacle: str) -> str:
        """A receptacle and what is in it, unless it is closed."""
        name, (_, _, opens) = self.called[receptacle], self.world.receptacles[receptacle]
        if opens and receptacle not in self.opened:
            return f"The {name} is closed."
        seen = _list(f"a {self.called[t]}" for t in sorted(self.inside[receptacle]))
        return f"The {name} is open. In it, you see {seen}." if opens else f"On the {name}, you see {seen}."

    def inspect(self, thing: str) -> str:
        """The thing in the hand."""
        name = self.called[thing]
        if "isreceptacleobject" in self.world.things[thing][1]:
            seen = _list(f"a {self.called[t]}" for t in sorted(self.inside[thing]))
            return f"This is a normal {name}. In it, you see {seen}."
        flags = self.flags[thing]
        return next(words.format(name) for needed, words in LOOKS if flags.issuperset(needed))

    # ---- commands

    def actions(self) -> dict[str, Action]:
        """The commands that do something now, each with its verb and ids; in no particular order."""
        if self._actions is None:
            found: dict[str, Action] = {"look": ("look",), "inventory": ("inventory",)}
            if self.reading.wording.help:
                found["help"] = ("help",)
            called, receptacles = self.called, self.world.receptacles
            for r in self.reading.receptacles:
                if receptacles[r][1] != self.place:  # going where one is changes nothing, so it is not offered
                    found[f"go to {called[r]}"] = ("go", r)
            for r in self.reading.at.get(self.place, ()):
                self._at_receptacle(r, found)
            if self.held:
                self._in_hand(found)
            self._actions = found
        return self._actions

    def _at_receptacle(self, r: str, found: dict[str, Action]) -> None:
        kind, _, opens = self.world.receptacles[r]
        name, called, open_ = self.called[r], self.called, not opens or r in self.opened
        found[f"examine {name}"] = ("examine", r)
        if opens:
            found[f"close {name}" if open_ else f"open {name}"] = ("close" if open_ else "open", r)
        # Things that lie there cannot be examined: the original's precondition names a type without members.
        for thing in self.inside[r]:
            has = self.world.things[thing][1]
            if not self.held and open_ and "pickupable" in has:
                found[f"take {called[thing]} from {name}"] = ("take", thing, r)
            if "toggleable" in has:
                found[f"use {called[thing]}"] = ("use", thing)
        if self.held:
            held, (held_kind, has) = called[self.held], self.world.things[self.held]
            if open_ and (kind, held_kind) in self.world.accepts:
                found[self.reading.wording.move[0].format(held, name)] = ("move", self.held, r)
            for verb, (needed, able, _, _) in TREATMENTS.items():  # these work on a closed receptacle, too
                if kind == needed and able in has:
                    found[f"{verb} {held} with {name}"] = (verb, self.held, r)

    def _in_hand(self, found: dict[str, Action]) -> None:
        found[f"examine {self.called[self.held]}"] = ("inspect", self.held)
        if self.world.things[self.held][0] in KNIVES:
            for thing, spot in self.spots.items():
                if spot == self.place and "sliceable" in self.world.things[thing][1]:
                    found[f"slice {self.called[thing]} with {self.called[self.held]}"] = ("slice", thing, self.held)

    def step(self, command: str) -> str:
        """Carry a command out and say what the game says; what is not among `actions` does nothing."""
        action = self.actions().get(command)
        if action is None:
            return NOTHING
        verb, *ids = action
        return DOES[verb](self, *ids)

    def _changed(self) -> None:
        self._actions = None

    def _go(self, r: str) -> str:
        self.place = self.world.receptacles[r][1]
        self._changed()
        return f"You arrive at {self.called[self.place if self.reading.wording.by_spot else r]}. {self.examine(r)}"

    def _open(self, r: str) -> str:
        self.opened.add(r)
        self._changed()
        return f"You open the {self.called[r]}. {self.examine(r)}"

    def _close(self, r: str) -> str:
        self.opened.discard(r)
        self._changed()
        return f"You close the {self.called[r]}."

    def _take(self, thing: str, r: str) -> str:
        self.inside[r].discard(thing)  # of one receptacle only: what is in two stays in the other
        self.taken.add((thing, r))
        if self.spots.get(thing) == self.place:
            del self.spots[thing]
        self.held = thing
        self._changed()
        return f"You pick up the {self.called[thing]} from the {self.called[r]}."

    def _move(self, thing: str, r: str) -> str:
        self.inside[r].add(thing)
        self.taken.discard((thing, r))
        self.spots[thing] = self.place
        self.held = ""
        self._changed()
        return self.reading.wording.move[1].format(self.called[thing], self.called[r])

    def _treat(self, verb: str, thing: str, r: str) -> str:
        _, _, becomes, ceases = TREATMENTS[verb]
        self.flags[thing].add(becomes)
        self.flags[thing].discard(ceases)
        return f"You {verb} the {self.called[thing]} using the {self.called[r]}."

    def _use(self, thing: str) -> str:
        self.flags[thing].add("toggled")  # using it again leaves it on
        return f"You turn on the {self.called[thing]}."

    def _slice(self, thing: str, knife: str) -> str:
        self.flags[thing].add("sliced")
        return f"You sliced the {self.called[thing]} with the {self.called[knife]}."

    def _inventory(self) -> str:
        return f"You are carrying: a {self.called[self.held]}." if self.held else "You are not carrying anything."

    # ---- the goal

    def won(self) -> bool:
        """Whether the goal holds now."""
        goal, things = self.world.goal, self.world.things
        if goal.form == "look":
            lit = (
                things[t][0] == goal.place and "toggled" in self.flags[t]
                for r in self.reading.at.get(self.place, ())
                for t in self.inside[r]
            )
            return bool(self.held) and things[self.held][0] == goal.kind and any(lit)
        for r, (kind, _, _) in self.world.receptacles.items():
            if kind == goal.place and self.inside[r]:
                fit = sum(things[t][0] == goal.kind and self._as_wanted(t) for t in self.inside[r])
                if fit >= (2 if goal.form == "two" else 1):
                    return True
        return False

    def milestones(self) -> tuple[int, int]:
        """How many steps of the task are done now, and of how many: a thing taken, treated, put or lit."""
        goal, things = self.world.goal, self.world.things
        wanted = [t for t, (kind, _) in things.items() if kind == goal.kind]
        if goal.form == "look":
            lit = any(kind == goal.place and "toggled" in self.flags[t] for t, (kind, _) in things.items())
            return 3 if self.won() else (self.held in wanted) + lit, 3
        each, many = 3 if goal.flag else 2, 2 if goal.form == "two" else 1
        ends = [r for r, (kind, _, _) in self.world.receptacles.items() if kind == goal.place]
        done = (sum(sorted((self._stages(t, r, each) for t in wanted), reverse=True)[:many]) for r in ends)
        return max(done, default=0), each * many

    def _stages(self, thing: str, end: str, each: int) -> int:
        """The steps that are done for one thing, if it is to end in `end`."""
        treated = self._as_wanted(thing)
        return each if thing in self.inside[end] and treated else (thing == self.held) + (each == 3 and treated)

    def _as_wanted(self, thing: str) -> bool:
        return not self.world.goal.flag or self.world.goal.flag in self.flags[thing]


DOES: dict[str, Callable[..., str]] = {
    "look": House.look,
    "inventory": House._inventory,
    "help": lambda house: HELP,
    "examine": House.examine,
    "inspect": House.inspect,
    "go": House._go,
    "open": House._open,
    "close": House._close,
    "take": House._take,
    "move": House._move,
    "use": House._use,
    "slice": House._slice,
    **{verb: (lambda house, thing, r, verb=verb: house._treat(verb, thing, r)) for verb in TREATMENTS},
}


def _list(items: Iterable[str]) -> str:
    """Items as the game lists them."""
    *most, last = [*items] or ["nothing"]
    return f"{', '.join(most)}, and {last}" if most else last
