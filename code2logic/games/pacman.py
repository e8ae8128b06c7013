"""Pac-Man: a maze with beans, and two ghosts whose every move follows from a rule.

Mazes have 11, 13 and 15 cells a side; both ghosts stand near Pac-Man as often as anywhere. What a question will answer
is drawn first, evenly: which ghost is nearer, how many beans are ahead, whether Pac-Man is caught, where a ghost goes,
whether that depends on Pac-Man's move, and where he should run.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

from ludex.code2logic.game import Game, Question, at, cells
from ludex.code2logic.parts.grids import STEPS, apart, places
from ludex.code2logic.parts.pursuit import BLINKY, GHOSTS, PINKY, State, beans, chase, gaps, play, start, stroll, ways

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Style

EVEN, NOWHERE = "both are equally near", "none, he is caught in each"


def describe(state: State) -> str:
    """The maze with everybody in it, and Pac-Man's direction."""
    board = [[*row] for row in state.rows]
    for (row, column), sign in zip((state.pacman, *state.ghosts), "CBP", strict=True):
        board[row][column] = sign
    rows = "\n".join(f"row {r + 1}: {' '.join(row)}" for r, row in enumerate(board))
    legend = "# wall, . bean, _ empty, C Pac-Man, B Blinky, P Pinky"
    return f"The maze ({legend}):\n{rows}\nPac-Man faces {state.facing}."


def draw(state: State, style: Style) -> Image.Image:
    """Beans are dots; the ghosts bear their letters."""
    from ludex.code2logic.draw import Canvas, contrast
    from ludex.code2logic.glyphs import disc, ghost, mouth

    canvas, side = Canvas(style), len(state.rows)
    grid = canvas.grid(side, side)
    for r, c in places(side, side):
        if state.rows[r][c] == "#":
            grid.fill(r, c, style.solid)
        elif state.rows[r][c] == ".":
            grid.put(r, c, disc, style.ink, scale=0.24)
    grid.put(*state.pacman, mouth, style.colour("orange"), state.facing, scale=0.9)
    for place, letter, colour in zip(state.ghosts, "BP", map(style.colour, ("red", "light blue")), strict=True):
        grid.put(*place, ghost, colour, scale=0.9)
        grid.write(*place, letter, contrast(colour), scale=0.6)
    return canvas.image


game = Game(
    name="pacman",
    rules=(
        "Pac-Man. In a turn Pac-Man moves one cell, faces that way and eats the bean there; then each ghost moves one "
        "cell, always. Of the cells beside it without a wall a ghost takes the one nearest to its target, by rows "
        "apart plus columns apart; of equally near ones the first in the order up, down, left, right. Blinky's target "
        "is Pac-Man's cell. Pinky's is the cell 4 ahead of Pac-Man in the direction that he faces, even past walls or "
        "off the board. Ghosts eat nothing and may share a cell; no bean is under a ghost now. Pac-Man is caught as "
        "soon as a ghost is in his cell, after his move or after theirs, by Blinky if both are."
    ),
    legend="Filled cells are walls, dots are beans. Pac-Man's mouth shows where he faces; B is Blinky, P is Pinky.",
    sizes={"easy": 11, "medium": 13, "hard": 15},
    start=start, draw=draw, describe=describe, measure=beans, measured="beans",
)  # fmt: skip


@game.question(kind="perception", qa_level="easy", number=0)
def place_and_direction(state: State, rng: random.Random) -> Question:
    """Where Pac-Man is and faces, among other directions and a cell beside him."""
    there = rng.choice([*ways(state.rows, state.pacman).values()])
    options = [f"{at(*place)}, facing {name}" for place in (state.pacman, there) for name in STEPS]
    right = f"{at(*state.pacman)}, facing {state.facing}"
    return Question.choice("Where is Pac-Man, and where does he face?", right, options, f"Pac-Man is at {right}.")


@game.question(kind="perception", qa_level="easy", number=1)
def beans_around(state: State, rng: random.Random) -> Question:
    """The beans of five by five cells."""
    row, column = (max(0, n - 2) for n in state.pacman)
    count = [line[column : state.pacman[1] + 3].count(".") for line in state.rows[row : state.pacman[0] + 3]]
    text = "How many beans are at most two rows and at most two columns away from Pac-Man (five by five cells)?"
    return Question.fill(text, sum(count), f"Row by row: {' + '.join(map(str, count))} = {sum(count)}.")


@game.question(kind="perception", qa_level="easy", number=2, wishes=(*GHOSTS, EVEN))
def nearer_ghost(state: State, rng: random.Random, wish: str) -> Question | None:
    """The ghost fewer rows and columns away: either, or both, equally often."""
    blinky, pinky = (apart(place, state.pacman) for place in state.ghosts)
    right = EVEN if blinky == pinky else GHOSTS[blinky > pinky]
    text = "Which ghost is nearer to Pac-Man, by rows apart plus columns apart?"
    why = f"Blinky is {blinky} away, Pinky {pinky}: {wish}."
    return Question.choice(text, wish, (*GHOSTS, EVEN), why) if wish == right else None


@game.question(kind="prediction", qa_level="easy", number=3, wishes=range(6))
def beans_ahead(state: State, rng: random.Random, wish: int) -> Question | None:
    """The beans on the way to the next wall, 0 to 5 equally often."""
    states = play(replace(state, ghosts=()), [state.facing] * len(state.rows))
    text = "If the ghosts were gone and Pac-Man ran where he faces until a wall stops him, how many beans would he eat?"
    why = f"He stops at {at(*states[-1].pacman)}. On the way are {wish} beans."
    return Question.fill(text, wish, why) if beans(state) - beans(states[-1]) == wish else None


@game.question(kind="prediction", qa_level="hard", number=4, wishes=(*GHOSTS, "", ""))
def result_of_moves(state: State, rng: random.Random, wish: str) -> Question | None:
    """What three to six moves lead to; Pac-Man is caught in half of the cases."""
    moves = stroll(rng, state.rows, state.pacman, rng.randint(3, 6))
    states, turns = play(state, moves), range(len(moves) + 1)
    last = states[-1]
    if wish != (GHOSTS[last.ghosts.index(last.pacman)] if last.pacman in last.ghosts else ""):
        return None
    caught = [f"caught by {name} in turn {k}" for name in GHOSTS for k in turns[1:]]
    free = [f"not caught, beans eaten: {k}" for k in turns]
    right = f"caught by {wish} in turn {len(states) - 1}" if wish else free[beans(state) - beans(last)]
    trail = "; ".join(", ".join(f"({cell})" for cell in cells((now.pacman, *now.ghosts))) for now in states)
    text = f"Pac-Man makes these moves, as far as he is not caught: {', '.join(moves)}. What is the result?"
    near = rng.sample(caught, 4) + rng.sample(free, 4)
    return Question.choice(text, right, (), f"Pac-Man, Blinky, Pinky: {trail}. So {right}.", near=near, moves=moves)


def told(values: dict[str, int]) -> str:
    """The values with their names."""
    return ", ".join(f"{name} {value}" for name, value in values.items())


def compared(state: State, rng: random.Random, ghost: str, same: bool) -> Question | None:
    """A ghost's next move if Pac-Man waits, and if he moves; they are the same in half of the cases."""
    move, there = rng.choice([*ways(state.rows, state.pacman).items()])
    moved = replace(state, pacman=there, facing=move)
    one, other = chase(state, ghost), chase(moved, ghost)
    if there in state.ghosts or (one == other) != same:
        return None
    pairs = [f"{a}, {b}" for a in STEPS for b in STEPS]
    near = rng.sample(pairs[::5], 2) + rng.sample([pair for pair in pairs if pair not in pairs[::5]], 2)
    text = f"Where would {ghost} move next if Pac-Man waited, facing as he does, and where if he moved {move} first?"
    why = (
        f"Rows and columns to the target after each move are {told(gaps(state, ghost))} if he waits, and "
        f"{told(gaps(moved, ghost))} if he goes to {at(*there)}. So {one}, {other}."
    )
    return Question.choice(text, f"{one}, {other}", (), why, near=near, move=move)


@game.question(kind="prediction", qa_level="medium", number=5, options=4, wishes=(True, False))
def pinky_compared(state: State, rng: random.Random, wish: bool) -> Question | None:
    """Whether Pac-Man's move changes Pinky's."""
    return compared(state, rng, PINKY, wish)


@game.question(kind="prediction", qa_level="medium", number=6, options=4, wishes=(True, False))
def blinky_compared(state: State, rng: random.Random, wish: bool) -> Question | None:
    """Whether Pac-Man's move changes Blinky's."""
    return compared(state, rng, BLINKY, wish)


def waiting(state: State, ghost: str, wish: str) -> Question | None:
    """A ghost's next move if Pac-Man waits, each direction equally often."""
    text = f"Pac-Man waits, facing as he does. Where does {ghost} move next?"
    why = f"Rows and columns to the target after each move: {told(gaps(state, ghost))}. So {wish}."
    return Question.choice(text, wish, STEPS, why) if wish == chase(state, ghost) else None


@game.question(kind="prediction", qa_level="medium", number=7, options=4, wishes=STEPS)
def pinky_next(state: State, rng: random.Random, wish: str) -> Question | None:
    """Pinky's next move."""
    return waiting(state, PINKY, wish)


@game.question(kind="prediction", qa_level="medium", number=8, options=4, wishes=STEPS)
def blinky_next(state: State, rng: random.Random, wish: str) -> Question | None:
    """Blinky's next move."""
    return waiting(state, BLINKY, wish)


@game.question(kind="strategy", qa_level="hard", number=9, options=5, wishes=(*STEPS, NOWHERE))
def best_run(state: State, rng: random.Random, wish: str) -> Question | None:
    """The direction with the most beans without being caught, or that there is none."""
    eaten = {}
    for name in ways(state.rows, state.pacman):
        last = play(state, [name] * len(state.rows))[-1]
        eaten[name] = -1 if last.pacman in last.ghosts else beans(state) - beans(last)
    most = [name for name in eaten if eaten[name] == max(0, *eaten.values())] or [NOWHERE]
    runs = ", ".join(f"{name} {'he is caught' if n < 0 else f'he eats {n}'}" for name, n in eaten.items())
    text = "Pac-Man runs straight until a wall stops him. In which direction does he eat most without being caught?"
    return Question.choice(text, wish, (*STEPS, NOWHERE), f"Running {runs}: {wish}.") if most == [wish] else None
