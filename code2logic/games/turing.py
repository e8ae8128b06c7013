"""A Turing machine whose tape is a board with opposite borders joined; picture and words show its whole table.

Boards have 9-12, 15-16 and 20-25 cells, with 3 symbols and 2 states, 4 and 3, 5
and 4. The table is random. The step at which a state is first entered is drawn
first, each of 1 to 8 equally often, and machines until one enters a state then.
The cell whose history is asked for is written at least twice; options for it
combine two first symbols, two second ones and two ends, so that none stands out.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import pairwise, product
from typing import TYPE_CHECKING

from ludex.code2logic.game import Game, Question, at
from ludex.envs.pictures import SIDE

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Canvas, Style

MOVES = {"up": (-1, 0), "right": (0, 1), "down": (1, 0), "left": (0, -1)}
WAYS, SYMBOLS, STATES = tuple(MOVES), "01234", "ABCD"
COLOURS = ("yellow", "light blue", "red", "green", "purple")  # of the symbols
STEPS, TRIES = (3, 8), 2000  # steps of a question; machines drawn for one
SPLIT, TILE = 318, 28  # pixels above the table, and of a symbol in it

Rule = tuple[str, str, str]
Size = tuple[tuple[tuple[int, int], ...], int, int]  # boards (rows, columns); how many symbols, how many states


@dataclass(frozen=True)
class State:
    """The machine at one moment: rows of digits; the head's row and column (from 0) and its state, "A" to "D".

    `rules` hold for each state from A, for each symbol from 0: the symbol to write, the move, the next state.
    """

    cells: tuple[str, ...]
    row: int
    column: int
    state: str
    rules: tuple[tuple[Rule, ...], ...]

    @property
    def symbol(self) -> str:
        """What stands under the head."""
        return self.cells[self.row][self.column]


def start(rng: random.Random, size: Size) -> State:
    """A random machine on a board of one of the level's forms."""
    boards, symbols, states = size
    return machine(rng, *rng.choice(boards), symbols, states)


def machine(rng: random.Random, rows: int, columns: int, symbols: int, states: int) -> State:
    """A random table on a random board with the head anywhere."""
    marks, names = SYMBOLS[:symbols], STATES[:states]
    rules = tuple(tuple((rng.choice(marks), rng.choice(WAYS), rng.choice(names)) for _ in marks) for _ in names)
    cells = tuple("".join(rng.choices(marks, k=columns)) for _ in range(rows))
    return State(cells, rng.randrange(rows), rng.randrange(columns), rng.choice(names), rules)


def rule(state: State) -> Rule:
    """What the table says now: the symbol to write, the move and the next state."""
    return state.rules[STATES.index(state.state)][SYMBOLS.index(state.symbol)]


def step(state: State) -> State:
    """Write, move, and take the next state."""
    symbol, move, after = rule(state)
    line = state.cells[state.row]
    written = line[: state.column] + symbol + line[state.column + 1 :]
    cells = (*state.cells[: state.row], written, *state.cells[state.row + 1 :])
    row, column = (state.row + MOVES[move][0]) % len(cells), (state.column + MOVES[move][1]) % len(line)
    return State(cells, row, column, after, state.rules)


def run(state: State, steps: int) -> list[State]:
    """The moments from now on, `steps` + 1 of them."""
    moments = [state]
    for _ in range(steps):
        moments.append(step(moments[-1]))
    return moments


def head(state: State) -> str:
    """The head's cell in words."""
    return str(at(state.row, state.column))


def told(moments: list[State]) -> str:
    """A run in words, a sentence a step."""
    lines = []
    for i, (before, after) in enumerate(pairwise(moments), 1):
        symbol, move, _ = rule(before)
        read = f"{before.state} reads {before.symbol} at {head(before)}"
        lines.append(f"Step {i}: {read}, writes {symbol}, moves {move} to {head(after)}, state {after.state}.")
    return " ".join(lines)


def describe(state: State) -> str:
    """The board, the head and the table."""
    rows = [f"row {r + 1}: {' '.join(line)}" for r, line in enumerate(state.cells)]
    table = [
        f"{name} reads {symbol}: write {write}, move {move}, state {after}"
        for name, line in zip(STATES, state.rules, strict=False)
        for symbol, (write, move, after) in zip(SYMBOLS, line, strict=False)
    ]
    return "\n".join(["The board:", *rows, f"The head: {head(state)}, state {state.state}.", "The table:", *table])


def draw(state: State, style: Style) -> Image.Image:
    """The board with the head framed and its state beside; below them the table."""
    from ludex.code2logic.draw import Canvas

    canvas = Canvas(style)
    rows, columns = len(state.cells), len(state.cells[0])
    grid = canvas.grid(rows, columns, (6, 6, SIDE - 110, SPLIT - 12))
    for row, column in product(range(rows), range(columns)):
        tile(canvas, *grid.centre(row, column), grid.side, state.cells[row][column])
    grid.frame(state.row, state.column, style.ink, 8)
    grid.frame(state.row, state.column, style.paper, 3)  # two tones stand out from every colour
    canvas.text((SIDE - 58, SPLIT / 2 - 30), "state", 22)
    canvas.text((SIDE - 58, SPLIT / 2 + 16), state.state, 56)
    draw_table(canvas, state.rules)
    return canvas.image


def draw_table(canvas: Canvas, rules: tuple[tuple[Rule, ...], ...]) -> None:
    """A row a state, a column a symbol; in each cell what to write, the move and the next state."""
    from ludex.code2logic.glyphs import heading

    ink, cell, edge = canvas.style.ink, canvas.style.cell, canvas.style.line
    wide, high = (SIDE - 60) // len(rules[0]), (SIDE - 6 - SPLIT - 36) // len(rules)
    for column in range(len(rules[0])):
        tile(canvas, 54 + (column + 0.5) * wide, SPLIT + 16, TILE, SYMBOLS[column])
    for row, line in enumerate(rules):
        y = SPLIT + 36 + (row + 0.5) * high
        canvas.text((30, y), STATES[row], 24)
        for column, (symbol, move, after) in enumerate(line):
            x = 54 + (column + 0.5) * wide
            canvas.pen.rectangle((x - wide / 2, y - high / 2, x + wide / 2, y + high / 2), cell, edge)
            tile(canvas, x - 30, y, TILE, symbol)
            canvas.glyph((x, y), 24, heading, ink, move)
            canvas.text((x + 29, y), after, 22)


def tile(canvas: Canvas, x: float, y: float, side: int, symbol: str) -> None:
    """A symbol on its colour, centred at x, y."""
    from ludex.code2logic.draw import contrast

    colour, half = canvas.style.colour(COLOURS[int(symbol)]), side / 2
    canvas.pen.rectangle((x - half, y - half, x + half, y + half), colour, canvas.style.line)
    canvas.text((x, y), symbol, max(20, round(side * 0.4)), contrast(colour))


def area(state: State) -> int:
    """The number of cells."""
    return len(state.cells) * len(state.cells[0])


game = Game(
    name="turing",
    rules=(
        "A Turing machine works on a board of symbols. In one step its head reads the symbol of its cell; the table "
        "says, for the head's state and this symbol, which symbol it writes there in place of the old one, in which "
        "direction it then moves by one cell, and which state it then has (each may be the same as before). Opposite "
        "borders are joined: a head that leaves the board enters it again on the other side, in the same row or column."
    ),
    legend=(
        "Above is the board; the framed cell is the head's, and the letter beside the board is its state. Below is the "
        "table: a row for each state, a column for each symbol read; its cells hold the symbol to write, an arrow "
        "for the move, and the next state."
    ),
    sizes={
        "easy": (((3, 3), (3, 4), (4, 3)), 3, 2),
        "medium": (((4, 4), (3, 5), (5, 3)), 4, 3),
        "hard": (((4, 5), (5, 4), (5, 5)), 5, 4),
    },
    start=start,
    draw=draw,
    describe=describe,
    measure=area,
    measured="cells",
)


@game.question(kind="prediction", qa_level="medium", number=0)
def head_later(state: State, rng: random.Random) -> Question:
    """Where the head is after some steps; cells of its path are offered first."""
    steps = rng.randint(*STEPS)
    moments = run(state, steps)
    every = [at(*cell) for cell in product(range(len(state.cells)), range(len(state.cells[0])))]
    text, near = f"Where is the head after {steps} steps?", map(head, moments)
    return Question.choice(text, head(moments[-1]), every, told(moments), near=near, steps=steps)


@game.question(kind="prediction", qa_level="medium", number=1)
def reading_later(state: State, rng: random.Random) -> Question:
    """The head's state and the symbol under it after some steps."""
    steps = rng.randint(*STEPS)
    moments = run(state, steps)
    names = product(STATES[: len(state.rules)], SYMBOLS[: len(state.rules[0])])
    every = [f"state {name}, symbol {symbol}" for name, symbol in names]
    right = f"state {moments[-1].state}, symbol {moments[-1].symbol}"
    text = f"What is the head's state, and which symbol is under it, after {steps} steps?"
    return Question.choice(text, right, every, f"{told(moments)} So: {right}.", steps=steps)


@game.question(kind="prediction", qa_level="medium", number=2, wishes=(False, True))
def written_on(state: State, rng: random.Random, wish: bool) -> Question | None:
    """The symbols written on a cell, one after the other; more than two as often as two."""
    steps = rng.randint(*STEPS)
    moments = run(state, steps)
    path = [at(moment.row, moment.column) for moment in moments[:-1]]
    often = sorted({cell for cell in path if (path.count(cell) > 2 if wish else path.count(cell) == 2)})
    if not often:
        return None
    cell = rng.choice(often)
    first, second, *rest = (rule(m)[0] for m, where in zip(moments, path, strict=False) if where == cell)
    symbols = SYMBOLS[: len(state.rules[0])]
    other, another = (rng.choice(symbols.replace(symbol, "")) for symbol in (first, second))
    end = rest or [rng.choice(symbols)]
    every = [", ".join([a, b, *c]) for a, b, c in product((first, other), (second, another), (end[:0], end))]
    right = ", ".join([first, second, *rest])
    text = f"Which symbols does the head write on the cell at {cell} in the first {steps} steps, in this order?"
    return Question.choice(text, right, every, f"{told(moments)} On {cell}: {right}.", cell=cell, steps=steps)


@game.question(kind="prediction", qa_level="medium", number=3)
def first_entered(state: State, rng: random.Random) -> Question | None:
    """After how many steps the head has a state for the first time."""
    when = rng.randint(1, STEPS[1])
    for _ in range(TRIES):
        moments = run(state, when)
        wanted = moments[-1].state
        if all(moment.state != wanted for moment in moments[:-1]):
            break
        state = machine(rng, len(state.cells), len(state.cells[0]), len(state.rules[0]), len(state.rules))
    else:
        return None
    text = f"After how many steps does the head have state {wanted} for the first time?"
    why = f"{told(moments)} So state {wanted} comes first after {when} steps."
    return Question.choice(text, when, range(1, STEPS[1] + 1), why, state=state, wanted=wanted)
