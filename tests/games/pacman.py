"""Checks Pac-Man by a second simulation on complex numbers: a cell is row + column * 1j."""

from __future__ import annotations

import re
from dataclasses import replace

WAYS = {"up": -1, "down": 1, "left": -1j, "right": 1j}


def read(state):
    """The open cells, the beans, Pac-Man and the two ghosts."""
    cells = {r + c * 1j: sign for r, row in enumerate(state["rows"]) for c, sign in enumerate(row) if sign != "#"}
    everybody = [complex(*place) for place in (state["pacman"], *state["ghosts"])]
    return cells.keys(), {cell for cell, sign in cells.items() if sign == "."}, *everybody


def away(a, b):
    return abs(a.real - b.real) + abs(a.imag - b.imag)


def ghost_way(cells, here, target):
    """The direction of a ghost: candidates in the order of the rules, replaced only by a nearer one."""
    best = None
    for way in ("up", "down", "left", "right"):
        there = here + WAYS[way]
        if there in cells and (best is None or away(there, target) < away(here + WAYS[best], target)):
            best = way
    return best


def targets(pacman, facing):
    return pacman, pacman + 4 * WAYS[facing]


def simulate(state, moves):
    """What a list of moves leads to: the catcher and the turn, or "" and the beans eaten."""
    cells, beans, pacman, *ghosts = read(state)
    eaten = set()
    for number, move in enumerate(moves, 1):
        pacman += WAYS[move]
        assert pacman in cells
        for after in (False, True):
            if after:
                aims = targets(pacman, move)
                ghosts = [g + WAYS[ghost_way(cells, g, aim)] for g, aim in zip(ghosts, aims, strict=True)]
            for name, ghost in zip(("Blinky", "Pinky"), ghosts, strict=True):
                if ghost == pacman:
                    return name, number
        eaten |= beans & {pacman}
    return "", len(eaten)


def line(state, direction):
    """The signs from Pac-Man's neighbour to the wall, as text."""
    r, c = state["pacman"]
    column = "".join(row[c] for row in state["rows"])
    lines = {"up": column[:r][::-1], "down": column[r + 1 :]}
    lines |= {"left": state["rows"][r][:c][::-1], "right": state["rows"][r][c + 1 :]}
    return lines[direction].split("#")[0]


def place_and_direction(state, asked, answer):
    row, column, facing = re.fullmatch(r"row (\d+), column (\d+), facing (\w+)", answer).groups()
    return [int(row) - 1, int(column) - 1] == state["pacman"] and facing == state["facing"]


def beans_around(state, asked, answer):
    _, beans, pacman, *_ = read(state)
    return answer == sum(max(abs((b - pacman).real), abs((b - pacman).imag)) <= 2 for b in beans)


def nearer_ghost(state, asked, answer):
    _, _, pacman, blinky, pinky = read(state)
    more = away(blinky, pacman) - away(pinky, pacman)
    return answer == ("both are equally near" if more == 0 else "Pinky" if more > 0 else "Blinky")


def beans_ahead(state, asked, answer):
    return answer == line(state, state["facing"]).count(".")


def result_of_moves(state, asked, answer):
    who, number = simulate(state, asked["moves"])
    return answer == (f"caught by {who} in turn {number}" if who else f"not caught, beans eaten: {number}")


def two_ways(state, move, ghost):
    cells, _, pacman, *ghosts = read(state)
    aims = targets(pacman, state["facing"]), targets(pacman + WAYS[move], move)
    assert pacman + WAYS[move] in cells - set(ghosts)
    return ", ".join(ghost_way(cells, ghosts[ghost], aim[ghost]) for aim in aims)


def blinky_compared(state, asked, answer):
    return answer == two_ways(state, asked["move"], 0)


def pinky_compared(state, asked, answer):
    return answer == two_ways(state, asked["move"], 1)


def blinky_next(state, asked, answer):
    cells, _, pacman, blinky, _ = read(state)
    return answer == ghost_way(cells, blinky, pacman)


def pinky_next(state, asked, answer):
    cells, _, pacman, _, pinky = read(state)
    return answer == ghost_way(cells, pinky, targets(pacman, state["facing"])[1])


def best_run(state, asked, answer):
    free = {}
    for way in WAYS:
        who, eaten = simulate(state, [way] * len(line(state, way)))
        if line(state, way) and not who:
            free[way] = eaten
    if not free:
        return answer == "none, he is caught in each"
    return answer in free and all(free[answer] > n for way, n in free.items() if way != answer)


def sound(state):
    """A closed square, all open cells connected; Pac-Man and the ghosts on three cells without beans."""
    cells, beans, *everybody = read(state)
    side = len(state["rows"])
    closed = all(len(row) == side for row in state["rows"])
    closed = closed and all(min(c.real, c.imag) > 0 and max(c.real, c.imag) < side - 1 for c in cells)
    reached, edge = set(), {everybody[0]}
    while edge:
        reached |= edge
        edge = {cell + way for cell in edge for way in WAYS.values()} & cells - reached
    apart = len(set(everybody)) == 3 and set(everybody) <= cells - beans
    return closed and apart and reached == set(cells) and state["facing"] in WAYS


def variants(state, rng):
    """Pac-Man or a ghost elsewhere, the ghosts exchanged, another direction; a bean or a wall more or less."""
    signs = {(r, c): sign for r, row in enumerate(state.rows) for c, sign in enumerate(row)}
    taken = {state.pacman, *state.ghosts}
    free = [cell for cell, sign in signs.items() if sign == "_" and cell not in taken]
    made = [replace(state, ghosts=state.ghosts[::-1])]
    made += [replace(state, facing=way) for way in WAYS if way != state.facing]
    if free:
        place = rng.choice(free)
        made += [replace(state, pacman=place), replace(state, ghosts=(place, state.ghosts[1]))]
    for (r, c), sign in rng.sample(sorted(signs.items()), 6):
        if (r, c) not in taken:
            row = state.rows[r][:c] + rng.choice("#._".replace(sign, "")) + state.rows[r][c + 1 :]
            made.append(replace(state, rows=(*state.rows[:r], row, *state.rows[r + 1 :])))
    return made
