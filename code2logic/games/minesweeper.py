"""Minesweeper: what is certain is decided over every mine set that agrees with the board.

Levels: 4x4 with 3 mines, 5x5 with 5, 6x6 with 8. Between a quarter and three
quarters of the safe cells are revealed; any number of mines, drawn evenly, is
flagged, and flags are always right. What a question about a cell will answer is
drawn evenly first, then a board and a cell that fit it. `to_data` gives the rows
(# covered, F flag, - revealed without a number, digits), how many mines there
are, and where they lie (row and column from 1), which no answer depends on.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ludex.code2logic.game import Game, Question, at, cells
from ludex.code2logic.parts.grids import AROUND, Place, beside, placements, places

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Style


@dataclass(frozen=True)
class State:
    """A square board; places are (row, column) from 0. The flags are some of the mines."""

    side: int
    mines: frozenset[Place]
    revealed: frozenset[Place]
    flags: frozenset[Place]

    @property
    def covered(self) -> list[Place]:
        """The cells that are neither revealed nor flagged."""
        return [place for place in places(self.side, self.side) if place not in self.revealed | self.flags]


def start(rng: random.Random, size: tuple[int, int]) -> State:
    """A board of `size` (side, mines) after a few reveals and flags."""
    side, count = size
    board = places(side, side)
    while True:
        state = State(side, frozenset(rng.sample(board, count)), frozenset(), frozenset())
        safe = len(board) - count
        wanted = rng.uniform(0.25, 0.7) * safe
        while len(state.revealed) < wanted:
            state = reveal(state, rng.choice([p for p in state.covered if p not in state.mines]))
        if len(state.revealed) <= 0.75 * safe:
            return replace(state, flags=frozenset(rng.sample(sorted(state.mines), rng.randint(0, count))))


def around(state: State, place: Place) -> list[Place]:
    """The up to eight cells next to one."""
    return [(r, c) for r, c in (beside(place, step) for step in AROUND) if 0 <= r < state.side and 0 <= c < state.side]


def number(state: State, place: Place) -> int:
    """The mines next to a cell."""
    return sum(near in state.mines for near in around(state, place))


def reveal(state: State, place: Place) -> State:
    """The board after revealing a cell; next to one without a mine and without a number all are revealed too."""
    opened, waiting = set(state.revealed), [place]
    while waiting:
        here = waiting.pop()
        if here not in opened:
            opened.add(here)
            waiting += around(state, here) if here not in state.mines and number(state, here) == 0 else []
    return replace(state, revealed=frozenset(opened))


def outcomes(state: State) -> dict[Place, set[str]]:
    """For every covered cell what revealing it may do in some mine set: "mine", "number" or "area".

    The mines next to numbers are enumerated; how many are left for the other covered cells, the inner ones, follows.
    """
    covered = frozenset(state.covered)
    clues = [(frozenset(around(state, p)), number(state, p)) for p in sorted(state.revealed)]
    needs = [(near & covered, count - len(near & state.flags)) for near, count in clues]
    border = sorted(frozenset().union(*(near for near, _ in needs)))
    inner, found = covered - set(border), {place: set[str]() for place in state.covered}
    for mined in placements(border, needs):
        left = len(state.mines) - len(state.flags) - len(mined)
        if not 0 <= left <= len(inner):
            continue
        for place in covered - mined:
            near = set(around(state, place))
            others, nearby = inner - {place}, (inner & near) - {place}
            certain = near & (mined | state.flags)
            seen = {
                "mine": place in inner and left > 0,
                "number": left <= len(others) and bool(certain or (nearby and left)),
                "area": not certain and left <= len(others - nearby),
            }
            found[place] |= {outcome for outcome, possible in seen.items() if possible}
        for place in mined:
            found[place].add("mine")
    return found


def sign(state: State, place: Place) -> str:
    """What is seen of a cell: # covered, F flag, * a mine that exploded, - revealed without a number, or the number."""
    if place in state.flags or place not in state.revealed:
        return "F" if place in state.flags else "#"
    return "*" if place in state.mines else str(number(state, place) or "-")


def to_data(state: State) -> dict[str, Any]:
    """`rows` of signs as in the words (# covered, F flag, - no number); `mines` are (row, column) from 1."""
    rows = ["".join(sign(state, (r, c)) for c in range(state.side)) for r in range(state.side)]
    return {"rows": rows, "mine_count": len(state.mines), "mines": [list(cell) for cell in cells(state.mines)]}


def describe(state: State) -> str:
    """The board in signs."""
    board = "\n".join(f"row {r + 1}: {' '.join(row)}" for r, row in enumerate(to_data(state)["rows"]))
    key = "# covered, F flag, - revealed without a number, a digit is the number of a revealed cell"
    key += ", * a mine that exploded" if state.revealed & state.mines else ""
    return f"The board ({key}):\n{board}\nMines on the board: {len(state.mines)}."


def draw(state: State, style: Style) -> Image.Image:
    """Covered cells are raised blocks; the number of mines stands above the board."""
    from ludex.code2logic.draw import Canvas, shade
    from ludex.code2logic.glyphs import flag, square, star

    canvas = Canvas(style)
    canvas.text((290, 20), f"Mines on the board: {len(state.mines)}", 20)
    grid = canvas.grid(state.side, state.side, (6, 36, 554, 554))
    for place in places(state.side, state.side):
        seen = sign(state, place)
        if seen in "#F":
            grid.put(*place, square, style.solid, shade(style.solid, 0.75), scale=0.96)
        if seen == "F":
            grid.put(*place, flag, style.colour("yellow"), style.paper, scale=0.6)
        elif seen == "*":
            grid.put(*place, star, style.colour("red"), style.ink)
        elif seen.isdigit():
            grid.write(*place, seen)
    return canvas.image


def cells_in_all(state: State) -> int:
    """Cells of the board."""
    return state.side**2


game = Game(
    name="minesweeper",
    rules=(
        "Minesweeper. Some cells hide a mine. A revealed cell shows how many of the up to eight cells next to it (also "
        "diagonally) hold mines; without a number there are none. Revealing a mine makes it explode; revealing a cell "
        "with no mine next to it opens an area, all its neighbours. Every flag stands on a mine, and the number of "
        "mines on the board is known."
    ),
    legend="Raised blocks are covered cells, flat cells are revealed, and a pennant is a flag.",
    sizes={"easy": (4, 3), "medium": (5, 5), "hard": (6, 8)},
    start=start, draw=draw, describe=describe, measure=cells_in_all, measured="cells of the board", to_data=to_data,
)  # fmt: skip


@game.question(kind="perception", qa_level="easy", number=0)
def flags_placed(state: State, rng: random.Random) -> Question:
    """The number of flags."""
    return Question.fill("How many flags are on the board?", len(state.flags), f"There are {len(state.flags)} flags.")


@game.question(kind="perception", qa_level="easy", number=1)
def mines_left(state: State, rng: random.Random) -> Question:
    """Mines without a flag."""
    left = len(state.mines) - len(state.flags)
    why = f"Of {len(state.mines)} mines {len(state.flags)} are flagged: {left} are left."
    return Question.fill("How many mines are not flagged yet?", left, why)


@game.question(kind="perception", qa_level="easy", number=2)
def cells_revealed(state: State, rng: random.Random) -> Question:
    """The number of revealed cells."""
    return Question.fill("How many cells are revealed?", (n := len(state.revealed)), f"{n} cells are revealed.")


SIGNS = {"#": "covered, without a flag", "F": "flagged", "-": "revealed, without a number"}


@game.question(kind="perception", qa_level="easy", number=3, options=4)
def cell_state(state: State, rng: random.Random) -> Question:
    """What is seen of a cell, each kind that is on the board equally often."""
    seen: dict[str, list[Place]] = {}
    for place in places(state.side, state.side):
        seen.setdefault(sign(state, place), []).append(place)
    kind = rng.choice(sorted(seen))
    cell = at(*rng.choice(seen[kind]))
    told = SIGNS | {str(n): f"revealed, with the number {n}" for n in range(1, 5)}
    told |= {kind: told.get(kind, f"revealed, with the number {kind}")}
    text, why = f"What is the state of the cell at {cell}?", f"The cell at {cell} is {told[kind]}."
    return Question.choice(text, told[kind], told.values(), why, cell=cell)


RESULTS = {
    "mine": "a mine explodes",
    "number": "it shows a number",
    "area": "it opens an area",
    "open": "this cannot be determined",
}


@game.question(kind="strategy", qa_level="hard", number=4, wishes=RESULTS)
def reveal_outcome(state: State, rng: random.Random, wish: str) -> Question | None:
    """What revealing a cell does, each of the four results equally often."""
    found = outcomes(state)
    fit = [place for place, seen in found.items() if seen == {wish} or (wish == "open" and len(seen) > 1)]
    if not fit:
        return None
    place = rng.choice(fit)
    possible = " or ".join(RESULTS[kind] for kind in sorted(found[place]))
    why = f"Over all mine sets that agree with the board, on revealing {at(*place)} {possible}: so {RESULTS[wish]}."
    text = f"What happens when the cell at {at(*place)} is revealed?"
    return Question.choice(text, RESULTS[wish], RESULTS.values(), why, cell=at(*place))


ACTIONS = {
    "safe": "reveal it: it is certainly safe",
    "mine": "flag it: it is certainly a mine",
    "open": "neither yet: it may be a mine or safe",
    "revealed": "nothing: it is revealed already",
    "flagged": "nothing: it is flagged already",
}


def action(state: State, place: Place, seen: set[str]) -> str:
    """Which of ACTIONS suits a cell."""
    if not seen:
        return "flagged" if place in state.flags else "revealed"
    return "safe" if "mine" not in seen else "mine" if len(seen) == 1 else "open"


@game.question(kind="strategy", qa_level="hard", number=5, wishes=ACTIONS)
def best_action(state: State, rng: random.Random, wish: str) -> Question | None:
    """What to do with a cell, each of the five actions equally often."""
    found = outcomes(state)
    fit = [p for p in places(state.side, state.side) if action(state, p, found.get(p, set())) == wish]
    if not fit:
        return None
    cell, right = at(*rng.choice(fit)), ACTIONS[wish]
    why = f"Over all mine sets that agree with the board, the right action at {cell} is: {right}."
    return Question.choice(f"What is the best action at the cell at {cell}?", right, ACTIONS.values(), why, cell=cell)
