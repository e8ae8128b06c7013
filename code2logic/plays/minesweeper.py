"""Minesweeper, played from a first area on; the solver reveals only what is certain, and every board can be won so."""

from __future__ import annotations

import random
from dataclasses import replace

from ludex.code2logic.games import minesweeper as base
from ludex.code2logic.games.minesweeper import State
from ludex.code2logic.parts.grids import places
from ludex.code2logic.plays import places_in
from ludex.code2logic.question import at
from ludex.envs.game import Play


def start(rng: random.Random, size: tuple[int, int]) -> State:
    """A board of `size` (side, mines) with one area open, at most half of what is safe."""
    side, count = size
    board = places(side, side)
    while True:
        state = State(side, frozenset(rng.sample(board, count)), frozenset(), frozenset())
        areas = [place for place in board if place not in state.mines and not base.number(state, place)]
        state = base.reveal(state, rng.choice(areas)) if areas else state
        if areas and progress(state) <= 0.5:
            return state


def moves(state: State) -> list[str]:
    """Covered cells may be revealed or flagged, flags taken away."""
    if result(state):
        return []
    covered = [at(*place) for place in state.covered]
    flagged = [at(*place) for place in sorted(state.flags)]
    return [
        f"{verb} {cell}"
        for verb, some in (("reveal", covered), ("flag", covered), ("unflag", flagged))
        for cell in some
    ]


def move(state: State, words: str) -> State:
    """The board after a reveal or a change of flags; an area that opens takes the flags in it away."""
    verb, (place,) = words.split()[0], places_in(words)
    if verb != "reveal":
        return replace(state, flags=state.flags ^ {place})
    after = base.reveal(state, place)
    return replace(after, flags=after.flags - after.revealed)


def result(state: State) -> str:
    """Lost with a mine revealed, won with everything else revealed."""
    if state.revealed & state.mines:
        return "lost"
    return "won" if len(state.revealed) == state.side**2 - len(state.mines) else ""


def progress(state: State) -> float:
    """The share of the cells without a mine that is revealed."""
    return len(state.revealed - state.mines) / (state.side**2 - len(state.mines))


def solve(state: State) -> list[str] | None:
    """Reveals of cells that hold no mine in any mine set that agrees with the board; None where that is not enough."""
    done: list[str] = []
    while not result(state):
        safe = [place for place, seen in base.outcomes(state).items() if "mine" not in seen]
        if not safe:
            return None
        for place in safe:
            if place not in state.revealed:
                done.append(f"reveal {at(*place)}")
                state = base.reveal(state, place)
    return done


def note(state: State) -> str:
    """Where a mine was revealed."""
    return "".join(f"A mine exploded at {at(*place)}." for place in state.revealed & state.mines)


play = Play(
    game=replace(
        base.game,
        legend=f"{base.game.legend} A star is a mine that exploded.",
        start=start,
        sizes={"easy": (5, 4), "medium": (6, 7), "hard": (8, 11)},
    ),
    rules=(
        "Minesweeper. Some cells hide a mine. A revealed cell shows how many of the up to eight cells next to it (also "
        "diagonally) hold mines; without a number there are none. Reveal every cell that holds no mine; revealing a "
        "mine loses the game. Revealing a cell with no mine next to it reveals all its neighbours too. Flags are your "
        "own notes: a flagged cell cannot be revealed until its flag is taken away. No guess is ever needed."
    ),
    state=State,
    moves=moves,
    move=move,
    result=result,
    progress=progress,
    solve=solve,
    note=note,
)
