"""2048 with four words; the solver looks two slides ahead, past some places of the new tile."""

from __future__ import annotations

from functools import lru_cache
from math import log2
from operator import mul

from ludex.code2logic.games import twenty48 as base
from ludex.code2logic.games.twenty48 import DIRECTIONS, State
from ludex.envs.game import Play

# A snake from one corner: along it, tiles shall fall.
WEIGHTS = tuple(1.5**-i for i in (0, 1, 2, 3, 7, 6, 5, 4, 8, 9, 10, 11, 15, 14, 13, 12))
TRIED = 4  # empty cells in which a new tile is tried
EMPTY = 8.0  # what an empty cell is worth


def moves(state: State) -> list[str]:
    """The directions that change something."""
    return (
        [] if max(state.cells) >= state.goal else [d for d in DIRECTIONS if base.slide(state.cells, d) != state.cells]
    )


def result(state: State) -> str:
    """Won with the tile to reach, lost where no move changes anything."""
    return "won" if max(state.cells) >= state.goal else "" if moves(state) else "lost"


def progress(state: State) -> float:
    """The doublings of the largest tile, of those that the tile to reach takes."""
    return min(1.0, (log2(max(state.cells)) - 1) / (log2(state.goal) - 1))


def order(cells: tuple[int, ...]) -> float:
    """How good a board is: room, and large tiles along the snake."""
    return float(sum(map(mul, cells, WEIGHTS)) + EMPTY * cells.count(0))


@lru_cache(maxsize=4096)
def reply(cells: tuple[int, ...]) -> float:
    """The order of a board after the best slide; a board without one is worst."""
    after = {base.slide(cells, direction) for direction in DIRECTIONS} - {cells}
    return max(map(order, after), default=-1e6)


def worth(cells: tuple[int, ...]) -> float:
    """What a slide is worth that leads to these cells: the mean over a 2 in some of the empty cells."""
    free = [i for i, tile in enumerate(cells) if not tile]
    free = free[:: len(free) // TRIED + 1]
    return sum(reply((*cells[:i], 2, *cells[i + 1 :])) for i in free) / len(free)


def solve(state: State) -> list[str] | None:
    """The heuristic's moves; it sees no tile before it comes. None where they lose."""
    done: list[str] = []
    while not result(state):
        done.append(max(moves(state), key=lambda d: worth(base.slide(state.cells, d))))
        state = base.move(state, done[-1])
    return done if result(state) == "won" else None


play = Play(
    game=base.game,
    rules=(
        "2048 on four by four cells. A move slides all tiles up, down, left or right as far as they go; one that "
        "changes nothing is not legal. Two equal tiles that meet merge into one of their sum; a tile merges once a "
        "move at most, and of three equal ones in a line the two in front merge. Then a new tile, a 2 or seldom a 4, "
        "comes in an empty cell. You win with the tile to reach, and lose when no move is left."
    ),
    state=State,
    moves=moves,
    move=base.move,
    result=result,
    progress=progress,
    solve=solve,
)
