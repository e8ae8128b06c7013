"""What a player can do now, by the rules of TextWorld's logic, and what is said to anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ludex.envs.textworld.game import CONTAINERS, DIRECTIONS, FOODS, HOLDERS

if TYPE_CHECKING:
    from ludex.envs.textworld.engine import Play

Action = tuple[str, ...]  # a verb and ids


def actions(play: Play) -> dict[str, Action]:
    """The commands that do something now, each with its verb and ids."""
    found: dict[str, Action] = {"look": ("look",), "inventory": ("inventory",)}
    for way, (_, door) in play.reading.game.exits[play.here].items():
        if not door or play.open(door):
            found[f"go {way}"] = ("go", way)
        if door:
            _lid(play, door, found)
            if not play.reading.game.kitchen:  # the cooking games' logic has no rule for looking at doors
                found[f"examine {play.reading.calls[door]}"] = ("examine", door)
    for thing in play.inside[play.here]:
        found[f"examine {play.reading.calls[thing]}"] = ("examine", thing)
        if play.kinds[thing] in HOLDERS:
            _at_holder(play, thing, found)
        elif play.can_take():
            found[f"take {play.reading.calls[thing]}"] = ("take", thing)
    for thing in play.inside["I"]:
        _in_hand(play, thing, found)
    if play.reading.game.kitchen:
        _meal(play, found)
        _ghosts(play, found)
    return found


def _ghosts(play: Play, found: dict[str, Action]) -> None:
    """What the logic offers though the thing is gone."""
    offered: dict[str, Action] = {}
    for ghost in play.ghosts:
        _in_hand(play, ghost, offered)
        for holder in play.inside[play.here] if play.can_drop() else ():
            if play.kinds[holder] in HOLDERS:
                _into(play, ghost, holder, offered)
    found |= dict.fromkeys(offered, ("miss",))


def _into(play: Play, thing: str, holder: str, found: dict[str, Action]) -> None:
    name, onto = play.reading.calls[thing], play.reading.calls[holder]
    if play.kinds[holder] not in CONTAINERS:
        found[f"put {name} on {onto}"] = ("put", thing, holder)
    elif play.open(holder):
        found[f"insert {name} into {onto}"] = ("put", thing, holder)


def _in_hand(play: Play, thing: str, found: dict[str, Action]) -> None:
    name, kitchen = play.reading.calls[thing], play.reading.game.kitchen
    if play.can_drop():
        found[f"drop {name}"] = ("drop", thing)
    if not kitchen:  # nor for looking at what is carried
        found[f"examine {name}"] = ("examine", thing)
    if play.kinds[thing] not in FOODS:
        return
    if kitchen:
        _with_food(play, thing, found)
    else:
        found[f"eat {name}"] = ("eat", thing)


def _lid(play: Play, thing: str, found: dict[str, Action]) -> None:
    """Opening, closing, locking and unlocking."""
    name, flags, key = play.reading.calls[thing], play.flags[thing], play.reading.keys.get(thing, "")
    if "open" in flags:
        found[f"close {name}"] = ("close", thing)
    elif "closed" in flags:
        found[f"open {name}"] = ("open", thing)
    if key and play.where.get(key) == "I":
        if "closed" in flags:
            found[f"lock {name} with {play.reading.calls[key]}"] = ("lock", thing)
        elif "locked" in flags:
            found[f"unlock {name} with {play.reading.calls[key]}"] = ("unlock", thing)


def _at_holder(play: Play, holder: str, found: dict[str, Action]) -> None:
    """What goes in and out, on and off."""
    calls, container = play.reading.calls, play.kinds[holder] in CONTAINERS
    if container:
        _lid(play, holder, found)
        if not play.open(holder):
            return
    name = calls[holder]
    for thing in play.inside[holder]:
        found[f"examine {calls[thing]}"] = ("examine", thing)
        if play.can_take():
            found[f"take {calls[thing]} from {name}"] = ("take", thing)
    for thing in play.inside["I"] if play.can_drop() else ():
        _into(play, thing, holder, found)


def _with_food(play: Play, food: str, found: dict[str, Action]) -> None:
    """What a kitchen allows: eating and drinking, cutting, cooking."""
    name, traits, flags = play.reading.calls[food], play.reading.traits, play.flags[food]
    if "edible" in flags and play.can_drop():
        found[f"eat {name}"] = ("eat", food)
    if ("drinkable", food) in traits and play.can_drop():
        found[f"drink {name}"] = ("drink", food)
    tools = [tool for tool in play.inside["I"] if ("sharp", tool) in traits] if "uncut" in flags else []
    for tool in tools:
        for verb in ("slice", "dice", "chop"):
            found[f"{verb} {name} with {play.reading.calls[tool]}"] = (verb, food)
    if flags & {"raw", "needs_cooking"} or flags >= {"cooked", "edible"}:
        for heat in play.inside[play.here]:
            if play.kinds[heat] in ("stove", "oven", "toaster"):
                found[f"cook {name} with {play.reading.calls[heat]}"] = ("cook", food, heat)


def _meal(play: Play, found: dict[str, Action]) -> None:
    """The logic offers the meal as soon as the first ingredient is at hand; the game then says what is missing."""
    traits = play.reading.traits
    if ("cooking_location", play.here, "RECIPE") in traits:
        for thing in play.inside["I"]:
            if ("ingredient_1", thing) in traits:
                found["prepare meal"] = ("prepare", play.reading.meal)


HANDS = ("take", "drop", "put", "insert", "open", "close", "lock", "unlock", "eat", "drink")
VERBS = ("go", "look", "inventory", "examine", *HANDS, "cook", "slice", "dice", "chop", "prepare")


def refusal(play: Play, command: str) -> str:
    """What the game says to a command that does nothing."""
    verb, _, rest = command.partition(" ")
    if not verb:
        return "I beg your pardon?"
    if command == "goal":
        return play.goal
    if verb not in VERBS:
        return "That's not a verb I recognise."
    if verb == "go":
        return _blocked(play, rest)
    if not rest:
        return f"What do you want to {verb}?"
    return _pointless(play, verb, rest)


def _blocked(play: Play, way: str) -> str:
    if way not in DIRECTIONS:
        return "You'll have to say which compass direction to go in."
    _, door = play.reading.game.exits[play.here].get(way, ("", ""))
    return f"You have to open the {play.names[door]} first." if door else "You can't go that way."


def _pointless(play: Play, verb: str, rest: str) -> str:
    """The commonest answers; TextWorld's parser has many more for what changes nothing anyway."""
    seen = {play.reading.calls[thing]: thing for thing in in_sight(play)}
    thing = next((seen[name] for name in sorted(seen, key=len, reverse=True) if f"{rest} ".startswith(f"{name} ")), "")
    if not thing:
        return "You can't see any such thing."
    flags, name = play.flags[thing], play.names[thing]
    if verb == "open" and "locked" in flags:
        key = play.reading.keys.get(thing)
        if not key:
            return f"The {name} is welded shut."
        return f"You have to unlock the {name} with the {play.names[key]} first."
    if verb == "open" and "open" in flags:
        return "That's already open."
    if verb == "close" and flags & {"closed", "locked"}:
        return "That's already closed."
    if verb == "take" and play.where.get(thing) == "I":
        return "You already have that."
    return "That does nothing here."


def in_sight(play: Play) -> list[str]:
    """Every thing that the player can name now."""
    shown = [*play.reading.doors[play.here], *play.inside["I"]]
    for thing in play.inside[play.here]:
        shown.append(thing)
        if play.kinds[thing] not in CONTAINERS or play.open(thing):
            shown += play.inside[thing]
    return shown
