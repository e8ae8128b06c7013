"""What is done to food: eating, drinking, cutting, cooking, and the meal of a cooking game."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ludex.envs.textworld.game import COOKED, CUT

if TYPE_CHECKING:
    from ludex.envs.textworld.engine import Play

HEAT = {"stove": "fried", "oven": "roasted", "toaster": "grilled"}
CUTTING = {"slice": "sliced", "dice": "diced", "chop": "chopped"}


def eat(play: Play, food: str) -> str:
    """Eat something."""
    _consume(play, food)
    return f"You eat {play.plain(food)}. Not bad."


def drink(play: Play, food: str) -> str:
    """Drink something."""
    _consume(play, food)
    return f"You drink {play.plain(food)}. Not bad."


def _consume(play: Play, food: str) -> None:
    play.put(food, "")
    play.turn(food, ("consumed" if play.reading.game.kitchen else "eaten",), ("edible",))


def cut(verb: str, play: Play, food: str) -> str:
    """Slice, dice or chop something."""
    play.turn(food, (CUTTING[verb],), ("uncut",))
    return f"You {verb} {play.plain(food)}."


def cook(play: Play, food: str, heat: str) -> str:
    """Fry, roast or grill something; a second time burns it."""
    if "cooked" in play.flags[food]:
        play.turn(food, ("burned", "inedible"), ("cooked", "edible"))
        return f"You burned {play.plain(food)}!"
    how = HEAT[play.kinds[heat]]
    if "needs_cooking" in play.flags[food]:
        play.turn(food, ("edible",), ("inedible", "needs_cooking"))
    play.turn(food, (how, "cooked"), ("raw",))
    return f"You {how} {play.plain(food)}."


def prepare(play: Play, meal: str) -> str:
    """Make the meal, if every ingredient is at hand and as the recipe wants it."""
    recipe = play.reading.recipe
    for food, cooked, sliced in recipe:
        if play.where.get(food) != "I":
            return "You still miss something."
        if _first(play, food, COOKED) != cooked:
            return "Something still needs to be cooked."
        if _first(play, food, CUT) != sliced:
            return "Something still needs to be cut."
    used = play.reading.capacity - play.free
    for food, _, _ in recipe:
        play.put(food, "")
    play.put(meal, "I")
    reckoned = _reckoned(len(recipe), used)
    play.free = play.reading.capacity - used + reckoned - 1
    order = sorted(trait for trait in play.reading.traits if trait[0].startswith("ingredient_"))
    play.ghosts = [food for _, food in order[reckoned:]]
    play.turn(meal, ("edible", "raw"), ())
    return "Adding the meal to your inventory."


def _reckoned(ingredients: int, used: int) -> int:
    """How many ingredients the logic takes for used up: its rule for n needs some n hands in use, that for one none."""
    needs = {1: 0, 2: 2, 3: 3, 4: 3, 5: 5}
    return max(n for n in range(1, ingredients + 1) if used >= needs[n])


def _first(play: Play, food: str, states: tuple[str, ...]) -> str:
    return next((state for state in states if state in play.flags[food]), "")
