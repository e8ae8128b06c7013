"""What happens in a TextWorld game: its rules, quests and words as a state machine in Python.

It says the words that TextWorld 1.7's compiled games say, wins, loses and scores at the same step, and offers the same
commands; tests compare the two. Where the original is odd, so is this, and says so.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import partial

from ludex.envs.textworld import kitchen, text
from ludex.envs.textworld.commands import Action, actions, refusal
from ludex.envs.textworld.game import CHANGING, CONTAINERS, COOKED, CUT, FOODS, HOLDERS, OFFSTAGE, PLACES, Event, Fact
from ludex.envs.textworld.reading import UNLIMITED, Reading


class Play:
    """A game being played; `step` takes a command and returns what the game says.

    Attributes:
        here: the room that the player is in.
        inside: holder -> what is in or on it, what came last first.
        where: thing -> its holder, "" for nowhere.
        flags: thing -> the properties that it has now.
        free: slots of the hands that the logic takes for free; in some games it starts with too few or too many.
        ghosts: what a meal has used up and the logic still takes for carried, for want of such slots.
    """

    def __init__(self, reading: Reading):
        self.reading, self.kinds, self.names = reading, reading.kinds, reading.names
        self.here = next(fact[2] for fact in reading.game.facts if fact[:2] == ("at", "P"))
        self.where = {
            fact[1]: fact[2]
            for fact in reading.game.named(*PLACES)
            if fact[1] != "P" and self.kinds[fact[1]] not in OFFSTAGE
        }
        self.inside: dict[str, list[str]] = defaultdict(list)
        for thing in reading.game.entities:
            if thing in self.where:
                self.inside[self.where[thing]].append(thing)
        self.flags: dict[str, set[str]] = defaultdict(set)
        for predicate, *things in reading.game.named(*CHANGING):
            self.flags[things[0]].add(predicate)
        limited = reading.capacity < UNLIMITED
        self.free = (
            sum(fact[0] == "free" and len(fact) == 2 for fact in reading.game.facts) if limited else UNLIMITED // 2
        )
        self.ghosts: list[str] = []
        self.done: set[int] = set()  # quests completed
        self.score, self.won, self.lost = 0.0, False, False
        self._actions: dict[str, Action] | None = None

    @property
    def goal(self) -> str:
        """The objective in words."""
        return text.objective(self.reading.game.goal)

    @property
    def max_score(self) -> float:
        """Points of a game won in full; 1 for a game that gives none."""
        return float(self.reading.game.max_score) or 1.0

    def copy(self) -> Play:
        """Another play of the game that goes on from here."""
        twin = copy.copy(self)
        twin.where, twin.done, twin._actions = dict(self.where), set(self.done), None
        twin.inside = defaultdict(list, {holder: list(things) for holder, things in self.inside.items()})
        twin.flags = defaultdict(set, {thing: set(flags) for thing, flags in self.flags.items()})
        return twin

    def plan(self) -> list[str]:
        """Commands that win from here, as the planner finds them; empty if it finds none."""
        from ludex.envs.textworld.planner import plan

        return plan(self)

    # ---- words

    def open(self, thing: str) -> bool:
        """Whether it is open."""
        return "open" in self.flags[thing]

    def locked(self, thing: str) -> bool:
        """Whether it is locked."""
        return "locked" in self.flags[thing]

    def holds(self, holder: str) -> bool:
        """Whether anything is in or on it."""
        return bool(self.inside[holder])

    def listed(self, holder: str) -> str:
        """What is in or on it."""
        return text.series(self.a(thing) for thing in self.inside[holder])

    def name(self, thing: str) -> str:
        """A thing's name; food is called by what was done to it."""
        if self.kinds[thing] not in FOODS or not self.reading.game.kitchen:
            return self.names[thing]
        flags = self.flags[thing]
        cut = next((f"{how} " for how in CUT if how in flags), "")
        heat = next((f"{how} " for how in COOKED if how in flags), "")
        return (
            cut + ("raw " if "needs_cooking" in flags else "burned " if "burned" in flags else heat) + self.names[thing]
        )

    def the(self, thing: str) -> str:
        """The name behind its definite article."""
        return f"the {self.name(thing)}"

    def a(self, thing: str) -> str:
        """The name behind its indefinite article."""
        name = self.name(thing)
        article = self.reading.game.entities[thing].article or ("an" if name[:1].lower() in "aeiou" else "a")
        return f"{article} {name}"

    def plain(self, thing: str) -> str:
        """How a report names a thing: Inform takes a door's name for a proper one, without an article."""
        return self.names[thing] if self.kinds[thing] == "d" else f"the {self.names[thing]}"

    def intro(self) -> str:
        """The objective and the first room."""
        return f"{self.goal}\n\n{self.look()}".strip()

    def look(self) -> str:
        """The room."""
        floor = [self.a(thing) for thing in self.inside[self.here] if self.kinds[thing] not in HOLDERS]
        words = f"-= {text.quoted(self.reading.game.entities[self.here].name.title())} =-\n"
        words += text.say(self.reading.texts[self.here], self).strip()
        return words + (f"\n\nThere is {text.series(floor)} on the floor." if floor else "")

    def inventory(self) -> str:
        """What the player carries."""
        return f"You are carrying: {self.listed('I')}." if self.inside["I"] else "You are carrying nothing."

    def examine(self, thing: str) -> str:
        """A thing, and what is in or on it."""
        words = text.say(self.reading.texts[thing], self)
        inside = self.inside[thing]
        closed = self.kinds[thing] in CONTAINERS and not self.open(thing)
        if inside and not closed:
            preposition = "In" if self.kinds[thing] in CONTAINERS else "On"
            verb = "are" if len(inside) > 1 else "is"
            words += f"\n\n{preposition} {self.the(thing)} {verb} {self.listed(thing)}."
        return words.strip() or f"You see nothing special about {self.the(thing)}."

    # ---- play

    def actions(self) -> dict[str, Action]:
        """The commands that do something now, each with its verb and ids; in no particular order."""
        if self._actions is None:
            self._actions = actions(self)
        return self._actions

    def commands(self) -> list[str]:
        """The commands that do something now, sorted."""
        return sorted(self.actions())

    def step(self, command: str) -> str:
        """Carry a command out and say what the game says; what is not among the commands changes nothing."""
        if self.won or self.lost:
            return "The game is over."
        action = self.actions().get(command)
        if action is None:
            return refusal(self, command)
        verb, *ids = action
        said = DOES[verb](self, *ids)
        gained = self._every_turn()
        if gained:
            change = "has just gone up by" if gained > 0 else "changed by minus"
            said += f"\n\nYour score {change} {text.counted(abs(gained))} point{'s' * (abs(gained) > 1)}."
        if self.won or self.lost:
            said += f"\n\n*** {'The End' if self.won else 'You lost!'} ***"
        return said

    def _every_turn(self) -> int:
        """Complete quests and end the game as Inform's rules do; the points gained."""
        gained = 0
        for i, quest in enumerate(self.reading.quests):
            if i in self.done:
                continue
            if any(self._all(event) for event in quest.fails):
                self.lost = True
            elif any(self._all(event) for event in quest.wins):
                gained += quest.reward
                if not quest.repeatable:
                    self.done.add(i)
        self.score += gained
        asked = [i for i, quest in enumerate(self.reading.quests) if quest.wins and not quest.optional]
        if asked and self.done.issuperset(asked):
            self.won, self.lost = True, False
        return gained

    def can_take(self) -> bool:
        """Whether the logic sees a free hand."""
        return self.free > 0

    def can_drop(self) -> bool:
        """Whether the logic sees a hand in use."""
        return self.free < self.reading.capacity

    def _all(self, event: Event) -> bool:
        return all(self.true(fact) for fact in event)

    def true(self, fact: Fact) -> bool:
        """Whether a fact that can change holds now."""
        predicate, thing, holder = fact[0], fact[1], fact[-1]
        if predicate in PLACES:
            return (self.here if thing == "P" else self.where.get(thing)) == holder
        if predicate == "closed":  # and unlocked
            return not self.flags[thing] & {"open", "locked"}
        return predicate in self.flags[thing]

    def put(self, thing: str, holder: str) -> None:
        """Move a thing, "" for out of the world; what comes to a holder last is listed first."""
        old = self.where.get(thing)
        if old:
            self.inside[old].remove(thing)
        if holder:
            self.inside[holder].insert(0, thing)
        self.free += (old == "I") - (holder == "I")
        self.where[thing] = holder
        self._actions = None

    def turn(self, thing: str, add: Iterable[str], drop: Iterable[str]) -> None:
        """Change a thing's properties."""
        self.flags[thing].difference_update(drop)
        self.flags[thing].update(add)
        self._actions = None

    def _go(self, way: str) -> str:
        self.here = self.reading.game.exits[self.here][way][0]
        self._actions = None
        return self.look()

    def _open(self, thing: str) -> str:
        self.turn(thing, ("open",), ("closed",))
        inside = f", revealing {self.listed(thing)}" if self.inside[thing] else ""
        return f"You open {self.plain(thing)}{inside}."

    def _close(self, thing: str) -> str:
        self.turn(thing, ("closed",), ("open",))
        return f"You close {self.plain(thing)}."

    def _lock(self, thing: str) -> str:
        self.turn(thing, ("locked",), ("closed",))
        return f"You lock {self.plain(thing)}."

    def _unlock(self, thing: str) -> str:
        self.turn(thing, ("closed",), ("locked",))
        return f"You unlock {self.plain(thing)}."

    def _take(self, thing: str) -> str:
        holder = self.where[thing]
        if len(self.inside["I"]) >= self.reading.capacity:
            return "You're carrying too many things already."
        self.put(thing, "I")
        if holder == self.here:
            return f"You pick up {self.plain(thing)} from the ground."
        return f"You take {self.plain(thing)} from {self.plain(holder)}."

    def _drop(self, thing: str) -> str:
        self.put(thing, self.here)
        return f"You drop {self.plain(thing)} on the ground."

    def _place(self, thing: str, holder: str) -> str:
        self.put(thing, holder)
        preposition = "into" if self.kinds[holder] in CONTAINERS else "on"
        return f"You put {self.plain(thing)} {preposition} {self.plain(holder)}."


DOES: dict[str, Callable[..., str]] = {
    "look": Play.look,
    "inventory": Play.inventory,
    "examine": Play.examine,
    "go": Play._go,
    "open": Play._open,
    "close": Play._close,
    "lock": Play._lock,
    "unlock": Play._unlock,
    "take": Play._take,
    "drop": Play._drop,
    "put": Play._place,
    "miss": lambda play: "You can't see any such thing.",
    "eat": kitchen.eat,
    "drink": kitchen.drink,
    "cook": kitchen.cook,
    "prepare": kitchen.prepare,
    **{verb: partial(kitchen.cut, verb) for verb in kitchen.CUTTING},
}
