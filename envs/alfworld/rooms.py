"""The floor plans and affordances of rooms.json: facts from AI2-THOR and ALFWorld (MIT), in a form of our own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

UNSEEN = (10, 219, 308, 424)  # the rooms that ALFWorld keeps for valid_unseen, which is our test split
KINDS = {"kitchen": (1, 100), "living room": (200, 300), "bedroom": (300, 400), "bathroom": (400, 500)}


@dataclass(frozen=True)
class Room:
    """A floor plan: its receptacles as (class, spot), in the order of their ids, and the classes of things in it."""

    number: int
    receptacles: tuple[tuple[str, int], ...]
    things: tuple[str, ...]

    @property
    def kind(self) -> str:
        """Kitchen, living room, bedroom or bathroom."""
        return next(kind for kind, (low, high) in KINDS.items() if low <= self.number < high)


@dataclass(frozen=True)
class Rooms:
    """Everything known about rooms; classes are written as in ALFWorld, such as CounterTop.

    Attributes:
        rooms: by number.
        accepts: receptacle class -> classes of things that fit.
        properties: "cleanable" and so on -> classes of things.
        openable: classes of receptacles.
        holders: classes of things that hold others.
        thing_types, receptacle_types: all classes there are.
    """

    rooms: dict[int, Room]
    accepts: dict[str, frozenset[str]]
    properties: dict[str, frozenset[str]]
    openable: frozenset[str]
    holders: frozenset[str]
    thing_types: tuple[str, ...]
    receptacle_types: tuple[str, ...]

    def seen(self, unseen: bool = False) -> list[Room]:
        """The rooms to train in, or those kept apart."""
        return [room for number, room in sorted(self.rooms.items()) if (number in UNSEEN) == unseen]


@cache
def load() -> Rooms:
    """The table, read once."""
    data = json.loads((Path(__file__).parent / "rooms.json").read_text(encoding="utf-8"))
    rooms = {
        int(n): Room(int(n), tuple((kind, spot) for kind, spot in row["receptacles"]), tuple(row["things"]))
        for n, row in data["rooms"].items()
    }
    return Rooms(
        rooms,
        {place: frozenset(kinds) for place, kinds in data["accepts"].items()},
        {name: frozenset(kinds) for name, kinds in data["properties"].items()},
        frozenset(data["openable"]),
        frozenset(data["holders"]),
        tuple(data["thing_types"]),
        tuple(data["receptacle_types"]),
    )
