"""Walking and searching, for games on grids and for any game with moves.

Places are (row, column) from 0; a direction is one of STEPS.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Set
from itertools import count
from typing import Any

Place = tuple[int, int]

STEPS: dict[str, Place] = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
AROUND = tuple((r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if (r, c) != (0, 0))


def places(rows: int, columns: int) -> list[Place]:
    """Every place of a board, row by row."""
    return [(row, column) for row in range(rows) for column in range(columns)]


def beside(place: Place, step: Place, times: int = 1) -> Place:
    """The place `times` steps further."""
    return place[0] + times * step[0], place[1] + times * step[1]


def direction(here: Place, there: Place) -> str:
    """The name of the step from a place to one beside it."""
    return next(name for name, step in STEPS.items() if beside(here, step) == there)


def apart(a: Place, b: Place) -> int:
    """The Manhattan distance: rows apart plus columns apart."""
    return abs(a[0] - b[0]) + abs(a[1] - b[1])


def neighbours(
    place: Place, among: Collection[Place], steps: Iterable[Place] = tuple(STEPS.values())
) -> Iterator[Place]:
    """The places of `among` one step away; AROUND for the eight with diagonals."""
    return (there for step in steps if (there := beside(place, step)) in among)


def distances(sources: Iterable[Place], following: Callable[[Place], Iterable[Place]]) -> dict[Place, int]:
    """The fewest steps from any of `sources` to each place that can be reached, breadth first."""
    steps = dict.fromkeys(sources, 0)
    queue = deque(steps)
    while queue:
        place = queue.popleft()
        for there in following(place):
            if there not in steps:
                steps[there] = steps[place] + 1
                queue.append(there)
    return steps


def walks(free: Collection[Place], source: Place) -> dict[Place, int]:
    """The fewest steps from `source` to each place that can be reached over `free` ones."""
    return distances([source], lambda place: neighbours(place, free))


def connected(free: Set[Place]) -> frozenset[Place]:
    """The largest connected part of `free`."""
    best: frozenset[Place] = frozenset()
    rest = set(free)
    while rest:
        part = frozenset(walks(rest, min(rest)))
        best, rest = max(best, part, key=len), rest - part
    return best


def spread(rng: random.Random, board: Collection[Place], parts: Mapping[Place, str]) -> dict[Place, str]:
    """Connected parts that fill a connected board, grown at random from one place each, which `parts` names."""
    filled = dict(parts)
    edge = [(place, name) for seed, name in parts.items() for place in neighbours(seed, board)]
    while edge:
        place, name = edge.pop(rng.randrange(len(edge)))
        if place not in filled:
            filled[place] = name
            edge += [(there, name) for there in neighbours(place, board) if there not in filled]
    return filled


def placements(
    free: list[Place], needs: list[tuple[frozenset[Place], int]], taken: frozenset[Place] = frozenset()
) -> Iterator[frozenset[Place]]:
    """Every subset of `free` (joined to `taken`) of which each set of `needs` holds the number given with it."""
    if not all(0 <= need <= len(near) for near, need in needs):
        return
    if not free:
        yield taken
        return
    place, rest = free[0], free[1:]
    for take in (False, True):
        after = [(near - {place}, need - (take and place in near)) for near, need in needs if near]
        yield from placements(rest, after, taken | {place} if take else taken)


def shortest(
    start: Hashable,
    moves: Callable[[Any], Iterable[tuple[str, Any]]],
    won: Callable[[Any], bool],
    estimate: Callable[[Any], float],
    limit: int,
) -> list[str] | None:
    """The names of the moves of a shortest way from `start` to a state that is `won`, by A*.

    Args:
        start: a hashable state.
        moves: pairs of a move's name and the state after it.
        won: whether a state is what is looked for.
        estimate: a lower bound on the moves still needed that falls by at most 1 a move; inf for a hopeless state.
        limit: states to expand.

    Returns:
        None if there is no way, or the limit was reached first.
    """
    ticket, cost = count(0, -1), {start: 0}
    came: dict[Any, tuple[Any, str]] = {}
    queue = [(estimate(start), next(ticket), 0, start)]
    for _ in range(limit):
        if not queue or queue[0][0] == float("inf"):
            return None
        _, _, spent, here = heapq.heappop(queue)
        if won(here):
            return _trace(came, here)
        for name, there in moves(here) if spent == cost[here] else ():
            if cost.get(there, spent + 2) > spent + 1:
                cost[there], came[there] = spent + 1, (here, name)
                heapq.heappush(queue, (spent + 1 + estimate(there), next(ticket), spent + 1, there))
    return None


def _trace(came: dict[Any, tuple[Any, str]], here: Any) -> list[str]:
    names = []
    while here in came:
        here, name = came[here]
        names.append(name)
    return names[::-1]


def board(rows: Iterable[str]) -> dict[Place, str]:
    """The signs of a board by place; its rows from top to bottom."""
    return {(r, c): sign for r, line in enumerate(rows) for c, sign in enumerate(line)}


def written(rows: Iterable[str]) -> str:
    """A board of signs in words, a numbered line for each row."""
    return "\n".join(f"row {r}: {' '.join(line)}" for r, line in enumerate(rows, 1))
