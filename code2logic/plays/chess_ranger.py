"""Chess ranger, capture by capture; the solver is the game's own search."""

from __future__ import annotations

from ludex.code2logic.games.chess_ranger import game
from ludex.code2logic.parts.captures import State, board_of, captures, longest, state_of, take
from ludex.code2logic.plays import places_in
from ludex.code2logic.question import at
from ludex.envs.game import Play

MOST = 7  # pieces of a board


def moves(state: State) -> list[str]:
    """Every capture."""
    return [f"{at(*taker)} takes {at(*taken)}" for taker, taken in captures(board_of(state))]


def move(state: State, words: str) -> State:
    """The board after a capture."""
    taker, taken = places_in(words)
    return state_of(take(board_of(state), (taker, taken)))


def result(state: State) -> str:
    """Won with one piece, lost where several cannot take each other."""
    return "won" if len(state.pieces) == 1 else "" if captures(board_of(state)) else "lost"


def progress(state: State) -> float:
    """How few pieces are left, of at most seven."""
    return 1 - (len(state.pieces) - 1) / MOST


def solve(state: State) -> list[str] | None:
    """Captures down to one piece."""
    series = longest(board_of(state), {})
    done = len(series) == len(state.pieces) - 1
    return [f"{at(*taker)} takes {at(*taken)}" for taker, taken in series] if done else None


play = Play(
    game=game,
    rules=(
        "Chess ranger: chess pieces of one colour on eight by eight cells. Every move is a capture: a piece takes any "
        "other piece that it could take in chess, and then stands in its cell. Kings may be taken like any piece, and "
        "there is no check. Pawns take one cell diagonally upwards, towards row 1, and never change their kind. You "
        "win when a single piece is left, and lose when several are left that cannot take each other."
    ),
    state=State,
    moves=moves,
    move=move,
    result=result,
    progress=progress,
    solve=solve,
)
