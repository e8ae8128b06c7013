"""Checks pyramid chess on points in space: levels at heights 0, 1, ..., balls two apart, each level shifted by one.

A ball at (x, y, z) rests on those at (x ± 1, y ± 1, z - 1); four balls make a square around a point of their height.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

DIAGONALS = list(product((-1, 1), repeat=2))


def space(state):
    """What is at each point of the pyramid."""
    size = state["size"]
    points = [(2 * c + z, 2 * r + z, z) for z in range(size) for r in range(size - z) for c in range(size - z)]
    return dict(zip(points, state["balls"], strict=True))


def point(level, cell):
    return 2 * cell[1] + level - 3, 2 * cell[0] + level - 3, level - 1


def read(text):
    level, row, column = (int(part.split()[1]) for part in text.split(", "))
    return point(level, (row, column))


def carriers(p):
    return [(p[0] + dx, p[1] + dy, p[2] - 1) for dx, dy in DIAGONALS] if p[2] else []


def can_hold(balls, p):
    return balls.get(p) == "." and all(balls[q] != "." for q in carriers(p))


def squares(balls, side):
    """The full squares of a colour, by their middles."""
    middles = {(x + dx, y + dy, z) for x, y, z in balls for dx, dy in DIAGONALS}
    return {(x, y, z) for x, y, z in middles if all(balls.get((x + dx, y + dy, z)) == side for dx, dy in DIAGONALS)}


def gained(balls, p, side):
    return len(squares({**balls, p: side}, side) - squares(balls, side))


def slot_content(state, asked, answer):
    sign = space(state).get(point(asked["level"], asked["cell"]))
    return answer == {"R": "a red ball", "B": "a blue ball", ".": "empty", None: "there is no such slot"}[sign]


def slot_status(state, asked, answer):
    balls, p = space(state), point(asked["level"], asked["cell"])
    if p not in balls:
        return answer == "there is no such slot"
    if balls[p] == ".":
        return answer == ("empty and open" if can_hold(balls, p) else "empty but not open")
    carrying = any(p in carriers(q) for q, sign in balls.items() if sign != ".")
    return answer == ("a ball that is not free" if carrying else "a free ball")


def can_place(state, asked, answer):
    balls, p = space(state), point(asked["level"], asked["cell"])
    if balls[p] != ".":
        return answer == "no, it holds a ball"
    if not can_hold(balls, p):
        return answer == "no, it is empty but not open"
    return answer == ("yes, and take back" if gained(balls, p, state["mover"]) else "yes, but not take back")


def balls_needed(state, asked, answer):
    """Fills the pyramid under the slot, lowest first, one open slot after the other."""
    balls, target, placed = space(state), point(asked["level"], asked["cell"]), 0
    assert balls[target] == "."
    x, y, z = target
    while not can_hold(balls, target):
        p = min(
            (q for q in balls if abs(q[0] - x) <= z - q[2] and abs(q[1] - y) <= z - q[2] and can_hold(balls, q)),
            key=lambda q: q[2],
        )
        balls[p] = "R"
        placed += 1
    return placed == answer


def best_slot(state, asked, answer):
    balls, side = space(state), state["mover"]
    other = "B" if side == "R" else "R"
    worth = {p: 2 * gained(balls, p, side) + gained(balls, p, other) for p in balls if can_hold(balls, p)}
    return worth.get(read(answer)) == max(worth.values())


def balls_in_all(state, asked, answer):
    return answer == sum(sign != "." for sign in space(state).values())


def sound(state):
    """Every ball is carried by four, the top is empty."""
    balls = space(state)
    carried = all(balls[q] in ("R", "B") for p, sign in balls.items() if sign != "." for q in carriers(p))
    return carried and set(state["balls"]) <= {*"RB."} and state["balls"][-1] == "." and state["mover"] in ("R", "B")


def variants(state, rng):
    """The other side to move, or one slot changed."""
    yield replace(state, mover="B" if state.mover == "R" else "R")
    for i, old in enumerate(state.balls):
        for sign in {"R", "B", "."} - {old}:
            yield replace(state, balls=state.balls[:i] + sign + state.balls[i + 1 :])
