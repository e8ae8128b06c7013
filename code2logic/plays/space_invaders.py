"""Space invaders, shot by shot; the fleet moves after every second one.

The solver shoots what stands lowest among the columns within reach, and goes towards the fleet where there is
nothing; starts that it does not win from are drawn again.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from ludex.code2logic.games import space_invaders as base
from ludex.envs.game import Play

REACH = 3  # columns that the ship goes at most before a shot
PACE = 2  # shots between two steps of the fleet


@dataclass(frozen=True)
class State:
    """The grid, the shots so far, and the size of the fleet at the start."""

    grid: base.State
    shots: int
    fleet: int


def start(rng: random.Random, size: tuple[int, tuple[int, int]]) -> State:
    """A fleet before the first shot."""
    grid = base.start(rng, size)
    return State(grid, 0, len(grid.enemies))


def columns(state: State) -> range:
    """The columns within reach, none once the game is over."""
    return range(0) if result(state) else base.reachable(state.grid, state.grid.ship, REACH)


def moves(state: State) -> list[str]:
    """A shot from each column within reach."""
    return [f"shoot in column {column + 1}" for column in columns(state)]


def move(state: State, words: str) -> State:
    """The ship moves and shoots; after every second shot the fleet makes a step."""
    return shoot(state, int(words.split()[-1]) - 1)


def shoot(state: State, column: int) -> State:
    """The same, by the column from 0."""
    grid, shots = replace(base.shot(state.grid, column)[1], ship=column), state.shots + 1
    return replace(state, grid=base.step(grid) if grid.enemies and shots % PACE == 0 else grid, shots=shots)


def result(state: State) -> str:
    """Won without enemies, lost with one in the ship's row."""
    if not state.grid.enemies:
        return "won"
    return "lost" if state.grid.enemies[-1][0] >= state.grid.rows - 1 else ""


def progress(state: State) -> float:
    """The share of the fleet that is shot."""
    return 1 - len(state.grid.enemies) / state.fleet


def solve(state: State) -> list[str] | None:
    """Shots at what stands lowest within reach, else from where the fleet is nearest; None where that loses."""
    done: list[str] = []
    while not result(state):
        enemies = state.grid.enemies
        lowest = {c: max((row for row, column, _ in enemies if column == c), default=-1) for c in columns(state)}
        off = {c: -min(abs(column - c) for _, column, _ in enemies) for c in lowest}
        column = max(lowest, key=lambda c: (lowest[c], off[c]))
        done.append(f"shoot in column {column + 1}")
        state = shoot(state, column)
    return done if result(state) == "won" else None


def note(state: State) -> str:
    """When the fleet moves."""
    left = PACE - state.shots % PACE
    return f"The fleet moves after your next {'shot' if left == 1 else f'{left} shots'}."


def shown(state: State) -> base.State:
    """The grid."""
    return state.grid


play = Play(
    game=replace(base.game, start=start),
    rules=(
        "Space invaders: enemies form a fleet above a ship, which is in the lowest row of the grid. Each turn the ship "
        "goes to a column at most 3 away, or stays, and shoots once: the shot flies straight up and at once destroys "
        "the lowest enemy in that column. After every second shot the fleet makes a step: all enemies move one column "
        "together in the fleet's direction; but if that would take any of them off the grid, they all move one row "
        "down instead, and the direction is reversed. You win when no enemy is left, and lose when one reaches the "
        "ship's row. Points do not matter."
    ),
    state=State,
    moves=moves,
    move=move,
    result=result,
    progress=progress,
    solve=solve,
    board=shown,
    note=note,
)
