"""Games of the six task types, made from the floor plans: always solvable, never solved at the start, fair to search.

A game is drawn for a type and a room; drawn again until a player who sees only the text and looks into one
receptacle after the other needs at most FAIR steps, which leaves a quarter of the usual limit of 50 for wrong turns.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass

from ludex.envs.alfworld import rooms
from ludex.envs.alfworld.engine import House, Reading
from ludex.envs.alfworld.experts import Searcher
from ludex.envs.alfworld.rooms import Room
from ludex.envs.alfworld.world import FLAGS, PROPERTIES, Goal, World

FAIR = 38  # steps
MAX_DRAWS = 500


@dataclass(frozen=True)
class TaskType:
    """One of ALFWorld's six.

    Attributes:
        form: of the goal: "put", "two" or "look".
        flag: what the thing must become, "" for nothing.
        station: the class of receptacle that makes it so.
        says: the task in words, for the thing and the receptacle.
    """

    form: str
    flag: str
    station: str
    says: tuple[str, ...]


TYPES = {
    "pick_and_place_simple": TaskType("put", "", "", ("put a {0} in {1}", "put some {0} on {1}")),
    "look_at_obj_in_light": TaskType("look", "", "", ("look at {0} under the {1}", "examine the {0} with the {1}")),
    "pick_clean_then_place_in_recep": TaskType(
        "put", "clean", "SinkBasin", ("put a clean {0} in {1}", "clean some {0} and put it in {1}")
    ),
    "pick_heat_then_place_in_recep": TaskType(
        "put", "hot", "Microwave", ("put a hot {0} in {1}", "heat some {0} and put it in {1}")
    ),
    "pick_cool_then_place_in_recep": TaskType(
        "put", "cool", "Fridge", ("put a cool {0} in {1}", "cool some {0} and put it in {1}")
    ),
    "pick_two_obj_and_place": TaskType("two", "", "", ("put two {0} in {1}", "find two {0} and put them in {1}")),
}
LAMPS = ("DeskLamp", "FloorLamp")
TABLES = ("CoffeeTable", "Desk", "DiningTable", "Dresser", "Shelf", "SideTable")


def draw(rng: random.Random, task_type: str, unseen: bool = False) -> tuple[World, int]:
    """A game of that type and the number of its room, of those kept apart if `unseen`."""
    fitting = [room for room in rooms.load().seen(unseen) if _suits(room, TYPES[task_type])]
    for _ in range(MAX_DRAWS):
        room = rng.choice(fitting)
        world = _draw(rng, TYPES[task_type], room)
        if world and searched(world) <= FAIR:
            return world, room.number
    raise ValueError(f"no fair game of {task_type} in {MAX_DRAWS} draws")  # never seen


def searched(world: World) -> int:
    """The steps that a reader needs to win it."""
    house = House(Reading.of(world))
    return len(Searcher(house.intro(), world.goal).play(house))


def _suits(room: Room, task: TaskType) -> bool:
    have = {kind for kind, _ in room.receptacles}
    if task.form == "look":
        return room.kind in ("living room", "bedroom") and bool(have & set(TABLES))
    return not task.station or task.station in have


def _draw(rng: random.Random, task: TaskType, room: Room) -> World | None:
    """A game in that room; None if the thing drawn has nowhere to begin but at its goal."""
    facts = rooms.load()
    places = [(f"{_id(kind, i)}", kind, spot) for i, (kind, spot) in enumerate(room.receptacles)]
    able = facts.properties[FLAGS[task.flag]] if task.flag else None
    homes = {k: [p for p in places if k in facts.accepts[p[1]]] for k in room.things}
    candidates = [k for k in room.things if homes[k] and (able is None or k in able)]
    target = rng.choice(candidates)
    lamp = _lamp(rng, room) if task.form == "look" else ""
    goal_kind = lamp or rng.choice(sorted({kind for _, kind, _ in homes[target]}))
    begin = [p for p in homes[target] if p[1] != goal_kind]
    if not begin:
        return None
    put: dict[str, list[tuple[str, str, int]]] = defaultdict(list)
    if lamp:
        put[lamp] = [rng.choice([p for p in places if p[1] in TABLES])]
    put[target] = [rng.choice(begin) for _ in range(2 if task.form == "two" else rng.randint(1, 2))]
    for kind in room.things:
        if kind != target and homes[kind]:
            put[kind] = [rng.choice(homes[kind]) for _ in range(rng.choice((0, 1, 1, 2, 2, 3)))]
    says = rng.choice(task.says).format(target.lower(), goal_kind.lower())
    return _world(places, put, Goal(task.form, _type(target), _type(goal_kind), task.flag), says)


def _lamp(rng: random.Random, room: Room) -> str:
    return "DeskLamp" if room.kind == "bedroom" else rng.choice(LAMPS)


def _world(
    places: list[tuple[str, str, int]], put: dict[str, list[tuple[str, str, int]]], goal: Goal, says: str
) -> World:
    facts = rooms.load()
    things = {_id(kind, i): (kind, where) for kind, homes in put.items() for i, where in enumerate(homes)}
    return World(
        receptacles={r: (_type(kind), f"loc_bar_{spot:03d}", kind in facts.openable) for r, kind, spot in places},
        things={t: (_type(kind), _has(kind)) for t, (kind, _) in things.items()},
        contents=tuple((t, where[0]) for t, (_, where) in things.items()),
        spots={t: f"loc_bar_{where[2]:03d}" for t, (_, where) in things.items()},
        accepts=frozenset(
            (_type(place), _type(kind)) for _, place, _ in places for kind in facts.accepts[place] if put.get(kind)
        ),
        start="loc_bar_999",  # the middle of the room
        opened=frozenset(),
        goal=goal,
        task=says,
    )


def _has(kind: str) -> frozenset[str]:
    facts = rooms.load()
    has = {name for name in PROPERTIES if kind in facts.properties.get(name, ())}
    has |= {"isreceptacleobject"} if kind in facts.holders else set()
    return frozenset(has if kind in LAMPS else has | {"pickupable"})


def _id(kind: str, number: int) -> str:
    """An id that is named and ordered as ALFWorld's own."""
    stem = kind.removesuffix("Basin").lower()
    return f"{stem}_bar_{number:03d}" + (f"_bar_{kind.lower()}" if kind.endswith("Basin") else "")


def _type(kind: str) -> str:
    return f"{kind.lower()}type"
