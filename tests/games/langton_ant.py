"""Checks Langton's ant with a set of black cells and a complex heading: turning is multiplication by i."""

from __future__ import annotations

from dataclasses import replace

ROWS_DOWN = {"up": -1j, "right": 1, "down": 1j, "left": -1}  # x to the right, y down


def wrapped(z, size):
    return complex(z.real % size, z.imag % size)


def visits(state, steps):
    """The cells that the ant leaves, its last cell and its last heading."""
    size = len(state["cells"])
    black = {complex(x, y) for y, line in enumerate(state["cells"]) for x, cell in enumerate(line) if cell == "#"}
    z, heading, left = complex(state["column"], state["row"]), ROWS_DOWN[state["heading"]], []
    for _ in range(steps):
        heading *= -1j if z in black else 1j  # y points down, so i turns clockwise
        black ^= {z}
        left.append(z)
        z = wrapped(z + heading, size)
    return left, z, heading


def words(z, heading):
    name = next(name for name, step in ROWS_DOWN.items() if step == heading)
    return f"row {int(z.imag) + 1}, column {int(z.real) + 1}, facing {name}"


def ant_now(state, asked, answer):
    return answer == words(*visits(state, 0)[1:])


def ant_later(state, asked, answer):
    assert 5 <= asked["steps"] <= 10
    return answer == words(*visits(state, asked["steps"])[1:])


def colour_changes(state, asked, answer):
    assert 5 <= asked["steps"] <= 12
    row, column = asked["cell"]
    return answer == visits(state, asked["steps"])[0].count(complex(column - 1, row - 1))


def sound(state):
    size = len(state["cells"])
    lines = all(len(line) == size and set(line) <= {"#", "."} for line in state["cells"])
    return lines and 0 <= state["row"] < size and 0 <= state["column"] < size and state["heading"] in ROWS_DOWN


def variants(state, rng):
    """Any cell in the other colour; the ant in another row or column; the ant turned."""
    size = len(state.cells)
    for r, line in enumerate(state.cells):
        c = rng.randrange(size)
        other = line[:c] + ("." if line[c] == "#" else "#") + line[c + 1 :]
        yield replace(state, cells=(*state.cells[:r], other, *state.cells[r + 1 :]))
    yield replace(
        state,
        cells=tuple(
            "".join("#."[(c == "#")] if (i, j) == (state.row, state.column) else c for j, c in enumerate(line))
            for i, line in enumerate(state.cells)
        ),
    )
    yield replace(state, row=(state.row + 1) % size)
    yield replace(state, column=(state.column + 1) % size)
    for heading in ROWS_DOWN:
        if heading != state.heading:
            yield replace(state, heading=heading)
