"""Pac-Man's world: mazes, beans, and two ghosts that move by rule.

Mazes have pillars at every second cell and a wall from most of them to the next, none upwards, which shuts nothing in.
Both ghosts stand near Pac-Man as often as anywhere.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ludex.code2logic.parts.grids import STEPS, Place, apart, beside, places

BLINKY, PINKY = GHOSTS = ("Blinky", "Pinky")


@dataclass(frozen=True)
class State:
    """The rows ("#" wall, "." bean, "_" neither), Pac-Man's place and direction, Blinky's place and Pinky's.

    Places are (row, column) from 0; nobody is on a bean. How the ghosts move is in the game's rules.
    """

    rows: tuple[str, ...]
    pacman: Place
    facing: str
    ghosts: tuple[Place, ...]


def pillared(rng: random.Random, side: int) -> frozenset[Place]:
    """The walls of a square maze with loops, `side` being odd: a border, and pillars at every second place.

    From four pillars of five a wall goes to the next, never upwards, so that no place is shut in.
    """
    pillars = [(2 * r + 2, 2 * c + 2) for r, c in places(side // 2 - 1, side // 2 - 1)]
    ways = [STEPS[name] for name in ("down", "left", "right")]
    walls = {beside(pillar, rng.choice(ways), rng.random() < 0.8) for pillar in pillars}
    return frozenset(walls.union(pillars, (place for place in places(side, side) if {0, side - 1} & {*place})))


def ways(rows: Sequence[str], place: Place, wall: str = "#") -> dict[str, Place]:
    """The directions without a wall, in the order of STEPS, and the places there; `rows` have walls all round."""
    steps = ((name, beside(place, step)) for name, step in STEPS.items())
    return {name: (row, column) for name, (row, column) in steps if rows[row][column] != wall}


def stroll(rng: random.Random, rows: Sequence[str], place: Place, count: int) -> list[str]:
    """Random directions to go in from a place, without walking into walls, and back only from dead ends."""
    names: list[str] = []
    before = place
    for _ in range(count):
        free = ways(rows, place)
        names.append(rng.choice([name for name, there in free.items() if there != before] or [*free]))
        before, place = place, free[names[-1]]
    return names


def start(rng: random.Random, side: int) -> State:
    """A maze with a random share of beans."""
    board, walls = places(side, side), pillared(rng, side)
    free = [place for place in board if place not in walls]
    pacman = free.pop(rng.randrange(len(free)))
    near = [place for place in free if apart(place, pacman) < 6]
    ghosts, share = rng.sample(rng.choice((near, free)), 2), rng.uniform(0.3, 0.9)
    beans = {place for place in free if rng.random() < share}.difference(ghosts)
    signs = ("#" if place in walls else "." if place in beans else "_" for place in board)
    return State(tuple(map("".join, zip(*[signs] * side, strict=True))), pacman, rng.choice([*STEPS]), tuple(ghosts))


def gaps(state: State, ghost: str) -> dict[str, int]:
    """How far a ghost is from its target after each move that it can make, by rows and columns."""
    target = state.pacman if ghost == BLINKY else beside(state.pacman, STEPS[state.facing], 4)
    free = ways(state.rows, state.ghosts[GHOSTS.index(ghost)])
    return {name: apart(there, target) for name, there in free.items()}


def chase(state: State, ghost: str) -> str:
    """The direction of a ghost's next move: where it comes nearest to its target, the first of equals."""
    left = gaps(state, ghost)
    return min(left, key=lambda name: left[name])


def play(state: State, moves: list[str]) -> list[State]:
    """This state and those after each turn, until Pac-Man is caught or stands before a wall."""
    states = [state]
    for move in moves:
        r, c = there = beside(state.pacman, STEPS[move])
        if state.pacman in state.ghosts or state.rows[r][c] == "#":
            break
        rows = (*state.rows[:r], state.rows[r][:c] + "_" + state.rows[r][c + 1 :], *state.rows[r + 1 :])
        state = State(rows, there, move, state.ghosts)
        if there not in state.ghosts:
            to = (beside(here, STEPS[chase(state, name)]) for name, here in zip(GHOSTS, state.ghosts, strict=False))
            state = replace(state, ghosts=tuple(to))
        states.append(state)
    return states


def beans(state: State) -> int:
    """The number of beans."""
    return sum(row.count(".") for row in state.rows)
