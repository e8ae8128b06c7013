"""Writes envs/alfworld/rooms.json: the facts about rooms that ALFWorld's wheel holds, in a compact form.

    pip download --no-deps alfworld==0.4.2 && unzip -d wheel alfworld-0.4.2*.whl
    python tests/update_rooms.py wheel/alfworld

From gen/layouts it takes which receptacles a floor plan has, which of them are reached from one spot, and which
classes of things occur; from gen/constants.py what goes where and what can be cleaned, heated, cooled, lit or sliced.
Receptacles that the layouts leave out though their class is listed for the room (a stove has burners) are added, as
many as in ALFWorld's own games, at a spot of their own.
"""

from __future__ import annotations

import importlib.util
import json
import random
import re
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parent.parent / "envs" / "alfworld" / "rooms.json"
# Listed for rooms, but furniture: never picked up in the text games.
FIXED = (
    "ArmChair Bathtub BathtubBasin Bed Blinds Boots Box Cabinet Cart Chair CoffeeMachine CoffeeTable CounterTop "
    "Curtains Desk DeskLamp DiningTable Drawer Dresser Faucet FloorLamp Footstool Fridge GarbageCan "
    "HandTowelHolder HousePlant Lamp LaundryHamper LaundryHamperLid LightSwitch Microwave Mirror Ottoman Painting "
    "PaintingHanger Poster Safe Shelf ShowerCurtain ShowerDoor ShowerGlass ShowerHead SideTable Sink SinkBasin "
    "Sofa StoveBurner StoveKnob Television Toaster Toilet ToiletPaperHanger TowelHolder TVStand Window"
)
ONE_LEFT_OUT = (
    "CoffeeMachine Toaster GarbageCan TowelHolder ToiletPaperHanger Toilet LaundryHamper Microwave Fridge Safe"
)
LEFT_OUT = {"StoveBurner": 4, "HandTowelHolder": 2} | dict.fromkeys(ONE_LEFT_OUT.split(), 1)


def constants(package: Path) -> Any:
    """ALFWorld's table of constants, without importing ALFWorld, which writes into the home folder."""
    spec = importlib.util.spec_from_file_location("constants", package / "gen" / "constants.py")
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    return module


def receptacle_class(rid: str) -> str:
    """The class of a receptacle's id; a basin is named after its sink or bathtub."""
    first, last = rid.split("|")[0], rid.split("|")[-1]
    return last if last.endswith("Basin") else f"{first}Basin" if first in ("Sink", "Bathtub") else first


def room(package: Path, number: int, fixed: set[str], things: set[str]) -> dict[str, Any]:
    """The receptacles of a floor plan as [class, spot], in the order of their ids, and the classes of things."""
    layouts = package / "gen" / "layouts"
    classes = json.loads((layouts / f"FloorPlan{number}-objects.json").read_text())
    poses = json.loads((layouts / f"FloorPlan{number}-openable.json").read_text())
    spots: list[Any] = []
    found = []
    for rid, pose in sorted(poses.items()):
        if receptacle_class(rid) in fixed:
            spots += [pose] if pose not in spots else []
            found.append([receptacle_class(rid), spots.index(pose)])
    have, spot, rng = {name for name, _ in found}, len(spots), random.Random(number)
    for name, most in LEFT_OUT.items():
        if name in classes and name not in have:
            count = most if name == "StoveBurner" else rng.randint(1, most)
            found += [[name, spot + i] for i in range(count)]
            spot += count
    return {"receptacles": sorted(found, key=lambda row: row[0]), "things": sorted(set(classes) & things)}


def main(package: Path) -> None:
    """Write the file."""
    table = constants(package)
    fixed = set(table.RECEPTACLES) - set(table.MOVABLE_RECEPTACLES)
    things = set(table.OBJECTS_SET) - fixed - set(FIXED.split())
    numbers = sorted(int(re.findall(r"\d+", p.name)[0]) for p in package.glob("gen/layouts/FloorPlan*-objects.json"))
    rooms = {number: room(package, number, fixed, things) for number in numbers}
    named = {name for one in rooms.values() for name in one["things"]} | {"DeskLamp", "FloorLamp"}
    data = {
        "about": "Facts from AI2-THOR's floor plans as ALFWorld 0.4.2 (MIT) lists them; see tests/update_rooms.py.",
        "accepts": {r: sorted(table.VAL_RECEPTACLE_OBJECTS.get(r, set()) & named) for r in sorted(fixed)},
        "properties": {
            key.lower(): sorted(set(table.VAL_ACTION_OBJECTS[key]) & named)
            for key in ("Cleanable", "Heatable", "Coolable", "Toggleable", "Sliceable")
        },
        "openable": sorted(table.OPENABLE_CLASS_SET & fixed),
        "holders": sorted(table.MOVABLE_RECEPTACLES_SET & named),
        "thing_types": sorted(set(table.OBJECTS_SET) - fixed),
        "receptacle_types": sorted(fixed),
        "rooms": rooms,
    }
    text = json.dumps(data, separators=(",", ":"))
    TARGET.write_text(re.sub(r'("\d+":\{"rec)', r"\n\1", text) + "\n")  # a line a room


if __name__ == "__main__":
    main(Path(sys.argv[1]))
