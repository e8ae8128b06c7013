"""Match-three boards: what vanishes through a command, and how the rest falls; nothing new comes from above.

Gems are capitals, which vanish in lines of three or more. Special elements take others with them: a small letter the
gems of its capital, "|" its column, "+" its row and column.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from itertools import count

from ludex.code2logic.parts.grids import Place, beside

SPECIAL = "abcde|+"

Board = dict[Place, str]  # without the cells that hold nothing
Command = tuple[Place, ...]  # one cell to clear, or two to swap


def run_through(now: Mapping[Place, str], place: Place, step: Place) -> list[Place]:
    """The longest straight run of places through one that hold the same as it, along `step` and back."""
    before, after = (
        next(i for i in count() if now.get(beside(place, step, way * (i + 1))) != now[place]) for way in (-1, 1)
    )
    return [beside(place, step, i) for i in range(-before, after + 1)]


def fallen(now: Mapping[Place, str], gone: Set[Place]) -> dict[Place, str]:
    """A board, whose last row must not be empty, without some of its contents; the others fall down."""
    floor = max(row for row, _ in now)
    after: dict[Place, str] = {}
    for row, column in sorted(now.keys() - gone, reverse=True):
        height = sum(there[1] == column for there in after)
        after[floor - height, column] = now[row, column]
    return after


def lines(now: Board, place: Place) -> set[Place]:
    """The lines of three or more gems of a kind through a place."""
    runs = [run_through(now, place, step) for step in ((0, 1), (1, 0))] if now[place] not in SPECIAL else []
    return {there for run in runs if len(run) >= 3 for there in run}


def taken(now: Board, place: Place) -> Iterable[Place]:
    """What a special element takes with it; nothing for a gem."""
    kind = now[place]
    if kind in "|+":
        return [there for there in now if there[1] == place[1] or (kind == "+" and there[0] == place[0])]
    return [there for there in now if now[there] == kind.upper()] if kind in SPECIAL else []


def vanishing(now: Board, command: Command) -> tuple[Board, set[Place]]:
    """The board as a command leaves it before anything falls, and the places whose elements vanish from it."""
    if len(command) == 2:
        swapped = now | {command[0]: now[command[1]], command[1]: now[command[0]]}
        gone = lines(swapped, command[0]) | lines(swapped, command[1])
        return (swapped, gone) if gone else (now, gone)
    gone = {*command} if now[command[0]] in SPECIAL else lines(now, command[0])
    todo = [*gone]
    while todo:
        new = {*taken(now, todo.pop())} - gone
        gone |= new
        todo += new
    return now, gone


def swaps(now: Board) -> list[Command]:
    """The commands that swap two elements side by side."""
    return [(place, there) for place in now for step in ((0, 1), (1, 0)) if (there := beside(place, step)) in now]
