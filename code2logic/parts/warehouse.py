"""Sokoban's world: its states, its moves, how boards are made, and the shortest solution."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace

from ludex.code2logic.parts import grids
from ludex.code2logic.parts.grids import STEPS, Place, beside, places

MAX_EXPANDED = 6_000  # states; a board that takes more is not asked about


@dataclass(frozen=True)
class State:
    """Floor cells, and what stands on them; places are (row, column) from 0."""

    size: int
    floor: frozenset[Place]
    goals: frozenset[Place]
    boxes: frozenset[Place]
    player: Place


def move(state: State, direction: str) -> State:
    """The state after one move: a push where a box can give way, the same state where the way is blocked."""
    step = STEPS[direction]
    target, behind = beside(state.player, step), beside(state.player, step, 2)
    if target in state.floor and target not in state.boxes:
        return replace(state, player=target)
    if target not in state.boxes or behind not in state.floor or behind in state.boxes:
        return state
    return replace(state, player=target, boxes=state.boxes - {target} | {behind})


def start(rng: random.Random, size: tuple[int, int]) -> State:
    """A board of `size` (side, boxes): boxes pulled from their goals at random, at most a third of them still there."""
    side, count = size
    inner = [(r + 1, c + 1) for r, c in places(side - 2, side - 2)]
    while True:
        floor = grids.connected({place for place in inner if rng.random() < 0.82})
        if len(floor) < 0.6 * len(inner):
            continue
        *marked, player = rng.sample(sorted(floor), count + 1)
        goals = frozenset(marked)
        state = State(side, floor, goals, goals, player)
        for _ in range(rng.randint(4 * side, 14 * side)):
            state = pull(state, rng)
        if len(state.boxes & goals) <= count // 3:
            return state


def pull(state: State, rng: random.Random) -> State:
    """A random step of the player backwards, preferably one that drags the box in front along."""
    for step in rng.sample(list(STEPS.values()), 4):
        target, front = beside(state.player, step), beside(state.player, step, -1)
        if target in state.floor and target not in state.boxes and (front in state.boxes or rng.random() < 0.4):
            dragged = {state.player} if front in state.boxes else set()
            return replace(state, player=target, boxes=state.boxes - {front} | dragged)
    return state


def pushes(state: State) -> dict[Place, int]:
    """Pushes that a box alone on the board needs to its nearest goal; places without a way are missing."""

    def before(place: Place) -> list[Place]:
        ways = [(beside(place, step, -1), beside(place, step, -2)) for step in STEPS.values()]
        return [box for box, player in ways if box in state.floor and player in state.floor]

    return grids.distances(state.goals, before)


def solve(state: State) -> list[str] | None:
    """A shortest solution, counted in moves; None if the search takes more than MAX_EXPANDED states.

    Every push is a move and brings one box at most one step closer, so the sum of `pushes` never overestimates.
    """
    needed = pushes(state)

    def estimate(here: State) -> float:
        return sum(needed.get(box, math.inf) for box in here.boxes)

    def after(here: State) -> list[tuple[str, State]]:
        return [(direction, move(here, direction)) for direction in STEPS]

    return grids.shortest(state, after, lambda here: estimate(here) == 0, estimate, MAX_EXPANDED)
