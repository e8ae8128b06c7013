"""A TextWorld game as plain data: the map, what is where, what it is called, and what is asked.

TextWorld writes a game as facts of its logic, such as in(f_0, c_1), beside names, descriptions and quests. Our form
keeps exactly that, compactly: a fact is "in f_0 c_1".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

Fact = tuple[str, ...]  # a predicate and ids
Event = tuple[Fact, ...]  # facts that must hold together

DIRECTIONS = ("north", "south", "east", "west")
HOLDERS = ("c", "oven", "toaster", "s", "stove")
CONTAINERS = ("c", "oven", "toaster")
PORTABLE = ("o", "f", "k", "meal")
FOODS = ("f", "meal")
OFFSTAGE = ("RECIPE", "ingredient", "slot")  # bookkeeping of the cooking games
KINDS = ("P", "I", "r", "d", *HOLDERS, *PORTABLE, *OFFSTAGE)
PLACES = ("at", "in", "on")
DOORS = ("open", "closed", "locked")
COOKED = ("roasted", "fried", "grilled")
CUT = ("sliced", "diced", "chopped")
FOOD_STATES = ("eaten", "consumed", "edible", "inedible", "needs_cooking", "raw", "cooked", "burned", "uncut")
CHANGING = (*DOORS, *FOOD_STATES, *COOKED, *CUT)  # properties that come and go while a game is played
# Facts that never change, or that follow from others.
MAPPED = ("free", "link", "match", "cooking_location", *(f"{way}_of" for way in DIRECTIONS))
KITCHEN = (
    "sharp",
    "cuttable",
    "cookable",
    "drinkable",
    "base",
    "out",
    "used",
    *(f"ingredient_{i}" for i in range(1, 6)),
)
KNOWN = frozenset((*PLACES, *CHANGING, *MAPPED, *KITCHEN))


@dataclass(frozen=True)
class Entity:
    """A room or a thing: its kind, its name, its description in Inform's words, its article where it has its own."""

    kind: str
    name: str
    text: str
    article: str = ""


@dataclass(frozen=True)
class Quest:
    """What is asked: any of `wins` completes it, any of `fails` loses the game.

    Attributes:
        reward: points for completing it.
        optional: not needed to win.
        repeatable: pays again at every step that it holds.
    """

    wins: tuple[Event, ...]
    fails: tuple[Event, ...]
    reward: int = 1
    optional: bool = False
    repeatable: bool = False


@dataclass(frozen=True)
class Game:
    """A game at its start.

    Attributes:
        goal: the objective in words.
        entities: everything by id, in the order in which TextWorld lists it.
        facts: all facts, sorted.
        quests: what is asked.
        walkthrough: commands that win, as TextWorld gives them; may be empty.
        kitchen: whether the cooking rules hold rather than the general ones.
    """

    goal: str
    entities: dict[str, Entity]
    facts: tuple[Fact, ...]
    quests: tuple[Quest, ...]
    walkthrough: tuple[str, ...]
    kitchen: bool = False

    @property
    def max_score(self) -> int:
        """Points of a game that is won in full."""
        return sum(quest.reward for quest in self.quests if not quest.optional or quest.reward > 0)

    def named(self, *predicates: str) -> list[Fact]:
        """The facts with one of these predicates."""
        return [fact for fact in self.facts if fact[0] in predicates]

    @cached_property
    def exits(self) -> dict[str, dict[str, tuple[str, str]]]:
        """Room -> direction -> the room there, and the door between or ""."""
        doors = {(room, other): door for _, room, door, other in self.named("link")}
        free = {fact[1:] for fact in self.named("free")}  # of slots, too
        found: dict[str, dict[str, tuple[str, str]]] = {e: {} for e, x in self.entities.items() if x.kind == "r"}
        for predicate, there, here in self.named(*(f"{d}_of" for d in DIRECTIONS)):
            back = {"north": "south", "south": "north", "east": "west", "west": "east"}
            for way, a, b in ((predicate[:-3], here, there), (back[predicate[:-3]], there, here)):
                if (a, b) in doors or (a, b) in free:
                    found[a][way] = (b, doors.get((a, b), ""))
        return found

    def to_data(self) -> dict[str, Any]:
        """JSON-ready; defaults are left out."""
        data: dict[str, Any] = {
            "goal": self.goal,
            "entities": {
                e: [x.kind, x.name, x.text, *([x.article] if x.article else [])] for e, x in self.entities.items()
            },
            "facts": [" ".join(fact) for fact in self.facts],
            "quests": [_quest_data(quest) for quest in self.quests],
            "walkthrough": list(self.walkthrough),
        }
        return data | {"kitchen": True} if self.kitchen else data

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Game:
        """The game that `to_data` wrote; ValueError for anything else."""
        try:
            return cls(
                goal=data["goal"],
                entities={e: Entity(*values) for e, values in data["entities"].items()},
                facts=tuple(tuple(fact.split()) for fact in data["facts"]),
                quests=tuple(
                    Quest(**{**quest, "wins": _events(quest.get("wins", ())), "fails": _events(quest.get("fails", ()))})
                    for quest in data["quests"]
                ),
                walkthrough=tuple(data["walkthrough"]),
                kitchen=data.get("kitchen", False),
            ).checked()
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a game in Ludex's form: {type(error).__name__} {error}") from None

    def checked(self) -> Game:
        """Itself; ValueError for what the engine does not know, or a game without a player."""
        for e, entity in self.entities.items():
            if entity.kind not in KINDS:
                raise ValueError(f"{e} is of kind {entity.kind!r}, which is none of TextWorld's own")
        events = [event for quest in self.quests for event in (*quest.wins, *quest.fails)]
        for fact in [*self.facts, *(fact for event in events for fact in event)]:
            if fact[0] not in KNOWN:
                raise ValueError(f"the fact {' '.join(fact)!r} has a predicate that is none of TextWorld's own")
            if not set(fact[1:]) <= set(self.entities):
                raise ValueError(f"the fact {' '.join(fact)!r} names something that does not exist")
        if not any(fact[:2] == ("at", "P") for fact in self.facts):
            raise ValueError("the player is nowhere: the fact 'at P room' is missing")
        return self


def _quest_data(quest: Quest) -> dict[str, Any]:
    data = {"wins": [[" ".join(fact) for fact in event] for event in quest.wins]}
    data |= {"fails": [[" ".join(fact) for fact in event] for event in quest.fails]}
    kept = {key: getattr(quest, key) for key in ("reward", "optional", "repeatable")}
    return {k: v for k, v in data.items() if v} | {k: v for k, v in kept.items() if v != getattr(Quest, k)}


def _events(data: Iterable[Iterable[str]]) -> tuple[Event, ...]:
    return tuple(tuple(tuple(fact.split()) for fact in event) for event in data)


def from_textworld(data: Mapping[str, Any]) -> Game:
    """A game from what TextWorld saves as .json beside its .z8.

    Raises:
        ValueError: if it is none, or one with rules of its own.
    """
    try:
        facts = sorted(_fact(fact) for fact in data["world"])
        kinds = {a["name"]: a["type"] for fact in data["world"] for a in fact["arguments"]} | {"P": "P", "I": "I"}
        infos = {e: info for e, info in data["infos"]}
        entities = {}
        for e in _order(facts, kinds):
            info = infos.get(e, {})
            text = info.get("desc") or ""
            entities[e] = Entity(kinds[e], info.get("name") or "", text, info.get("indefinite") or "")
        return Game(
            goal=_objective(data),
            entities=entities,
            facts=tuple(facts),
            quests=tuple(_quest(quest) for quest in data["quests"]),
            walkthrough=tuple((data.get("metadata") or {}).get("walkthrough") or ()),
            kitchen="make/recipe" in data["KB"]["logic"],
        ).checked()
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a game as TextWorld saves it: {type(error).__name__} {error}") from None


def _objective(data: Mapping[str, Any]) -> str:
    if data.get("objective") is not None:
        return str(data["objective"])
    return "\nAND\n".join(quest["desc"] for quest in data["quests"] if quest.get("desc"))


def _fact(data: Mapping[str, Any]) -> Fact:
    return (data["name"], *(argument["name"] for argument in data["arguments"]))


def _quest(data: Mapping[str, Any]) -> Quest:
    wins, fails = (  # sorted: TextWorld leaves some of it in the order of a hash table
        tuple(sorted(tuple(sorted(map(_fact, event["condition"]["preconditions"]))) for event in data[key]))
        for key in ("win_events", "fail_events")
    )
    return Quest(wins, fails, data["reward"], data.get("optional", False), data.get("repeatable", False))


def _order(facts: Iterable[Fact], kinds: Mapping[str, str]) -> list[str]:
    """Ids in the order in which Inform creates them, which is the order of its lists: rooms, doors, then by kind."""
    seen: dict[str, None] = {}
    facts = list(facts)
    for fact in facts:  # TextWorld reads rooms first, then doors, then things
        if kinds[fact[1]] == "r":
            seen.setdefault(fact[1])
            if fact[0].endswith("_of"):
                seen.setdefault(fact[2])
    for fact in facts:
        for e in fact[1:] if fact[0] == "link" else ():
            seen.setdefault(e)
    for fact in facts:
        if kinds[fact[1]] != "r":
            seen.setdefault(fact[1])
            if fact[0] in ("match", *PLACES):
                seen.setdefault(fact[2])
    for e in kinds:
        seen.setdefault(e)
    first = [e for e in seen if kinds[e] in ("P", "I", "r", "d")]
    return first + sorted((e for e in seen if e not in first), key=lambda e: kinds[e])
