"""What can be done in a kitchen: one robot with one hand, stations with piles, and the dishes that count.

Actions, preconditions and dishes follow Robotouille (Gonzalez-Pumariega et al., arXiv 2502.05227).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Recipe = tuple[str, ...]  # from the bottom up

# What counts as the dish; everything in a recipe is the only one of its name, but for the bread.
DISHES: dict[str, tuple[Recipe, ...]] = {
    "sandwich": (("bread", "cheese", "bread"),),
    "burger": (("bottom bun", "patty", "top bun"),),
    "cheeseburger": (
        ("bottom bun", "patty", "cheese", "top bun"),
        ("bottom bun", "cheese", "patty", "top bun"),
    ),
    "double-cheeseburger": (("bottom bun", "patty", "cheese", "second patty", "second cheese", "top bun"),),
}


@dataclass(frozen=True)
class State:
    """What lies where.

    Attributes:
        dish: what to cook.
        stations: the pile of each station, from the bottom up.
        robot: the station at which the robot is, from 0.
        hand: what it holds, "" for nothing.
    """

    dish: str
    stations: tuple[tuple[str, ...], ...]
    robot: int
    hand: str


def handling(state: State) -> tuple[str, State] | None:
    """What the robot can do where it stands, and the state after it; None at an empty station with an empty hand.

    There is never a choice: a hand holds one item, and only the top of a pile can be taken or built on.
    """
    pile, hand = state.stations[state.robot], state.hand
    if hand:
        words = f"stack {hand} on {pile[-1]}" if pile else f"place {hand}"
        return words, State(state.dish, _with(state, (*pile, hand)), state.robot, "")
    if not pile:
        return None
    words = f"unstack {pile[-1]} from {pile[-2]}" if len(pile) > 1 else f"pick up {pile[-1]}"
    return words, State(state.dish, _with(state, pile[:-1]), state.robot, pile[-1])


def _with(state: State, pile: Recipe) -> tuple[Recipe, ...]:
    return (*state.stations[: state.robot], pile, *state.stations[state.robot + 1 :])


def following(state: State) -> Iterator[tuple[str, State]]:
    """Every action in words, and the state after it."""
    handled = handling(state)
    if handled:
        yield handled
    for station in range(len(state.stations)):
        if station != state.robot:
            yield f"move to station {station + 1}", State(state.dish, state.stations, station, state.hand)


def moves(state: State) -> list[str]:
    """The legal actions; none once the dish is ready."""
    if result(state):
        return []
    handled = handling(state)
    walks = [f"move to station {i}" for i in range(1, len(state.stations) + 1) if i != state.robot + 1]
    return [handled[0], *walks] if handled else walks


def move(state: State, words: str) -> State:
    """The state after a legal action."""
    if words.startswith("move"):
        return State(state.dish, state.stations, int(words.rpartition(" ")[2]) - 1, state.hand)
    handled = handling(state)
    return handled[1] if handled else state


def result(state: State) -> str:
    """Won once a station holds the dish and nothing else."""
    return "won" if any(recipe in state.stations for recipe in DISHES[state.dish]) else ""
