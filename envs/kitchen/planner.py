"""Exact plans for the kitchen: A* with a lower bound that counts what each possible place of the dish still needs."""

from __future__ import annotations

from functools import lru_cache
from math import inf

from ludex.code2logic.parts.grids import shortest
from ludex.envs.kitchen.rules import DISHES, Recipe, State, following, result

LIMIT = 200_000  # states that the planner expands at most


def estimate(state: State) -> int:
    """A lower bound on the actions still needed: the least over all stations where the dish may come to stand."""
    best = 1 << 30
    for recipe in DISHES[state.dish]:
        covering = [_covering(pile, recipe) for pile in state.stations]
        every = sum(covering)
        for station, pile in enumerate(state.stations):
            needed = _needed(pile, recipe, state.hand, state.robot == station)
            # Each is taken, carried off and put elsewhere, and the robot comes back for what it covered.
            best = min(best, needed + 4 * (every - covering[station]))
    return best


@lru_cache(maxsize=1 << 14)
def _covering(pile: Recipe, recipe: Recipe) -> int:
    """Items of a pile that lie on one which is needed before them, and so must be put elsewhere first."""
    last = {item: place for place, item in enumerate(recipe)}
    first = {item: place for place, item in reversed(list(enumerate(recipe)))}
    lowest, count = len(recipe), 0
    for item in pile:
        count += first.get(item, len(recipe)) > lowest
        lowest = min(lowest, last.get(item, lowest))
    return count


def _needed(pile: Recipe, recipe: Recipe, hand: str, here: bool) -> int:
    """Actions without which `recipe` cannot come to stand where `pile` is; `here` says whether the robot is there.

    What lies above the part that is right must be taken off, each item carried away, before what is missing is
    carried here, item by item. So the robot must be here, away, here ...: each change is a walk.
    """
    right = 0
    while right < min(len(pile), len(recipe)) and pile[right] == recipe[right]:
        right += 1
    wrong, missing = len(pile) - right, len(recipe) - right
    if not wrong and not missing:
        return 0
    if not wrong and hand == recipe[right]:  # in the hand already
        return (not here) + 1 + 4 * (missing - 1)
    dropped = 1 + here if hand else 0  # what is held goes elsewhere first
    away = bool(hand) or not here
    if not missing:  # the last item may stay in the hand
        return dropped + away + 4 * wrong - 3
    if wrong:
        return dropped + away + 4 * wrong - 1 + 4 * missing - 1
    return dropped + (not away) + 4 * missing - 1


@lru_cache(maxsize=1 << 14)
def solve(state: State) -> list[str] | None:
    """A shortest plan; the same one of several every time."""
    return shortest(state, following, lambda here: bool(result(here)), estimate, LIMIT)


def steps(state: State) -> float:
    """The fewest actions to the dish; inf where the planner gives up."""
    plan = solve(state)
    return inf if plan is None else len(plan)


def optimal(state: State) -> list[str]:
    """Every action that a shortest plan may begin with; none once the dish is ready."""
    left = steps(state) - 1
    return [words for words, after in following(state) if estimate(after) <= left and steps(after) <= left]


def progress(state: State) -> float:
    """How little is still needed at least, against a dish made from nothing."""
    most = 4 * max(map(len, DISHES[state.dish])) + 2
    return 1 - min(estimate(state), most) / most
