"""Checks space invaders by a fleet whose own coordinates never change: only its offset moves; columns are stacks."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

KINDS = ["purple", "blue", "green"]


class Fleet:
    """Stacks of kinds by column, the lowest last, and an offset (down, right)."""

    def __init__(self, state):
        self.width, self.ahead = state["columns"], {"left": -1, "right": 1}[state["heading"]]
        self.price = dict(zip(KINDS, state["points"], strict=True))
        self.stacks = {}
        for _, column, kind in sorted(state["enemies"]):
            self.stacks.setdefault(column, []).append(kind)
        self.right = self.down = 0

    def shoot(self, column):
        stack = self.stacks.get(column - self.right, [])
        made = self.price[stack.pop()] if stack else 0
        self.stacks = {c: left for c, left in self.stacks.items() if left}
        return made

    def step(self):
        moved = [c + self.right + self.ahead for c in self.stacks]
        if moved and (min(moved) < 0 or max(moved) == self.width):
            self.ahead, self.down = -self.ahead, self.down + 1
        else:
            self.right += self.ahead


def tally(state, *wanted):
    """The number of enemies that have the wanted row, column and kind (None is any)."""
    return sum(all(w in (None, got) for w, got in zip(wanted, enemy, strict=True)) for enemy in state["enemies"])


def enemies_in_column(state, asked, answer):
    return tally(state, None, asked["column"] - 1, None) == int(answer)


def enemies_in_row(state, asked, answer):
    return tally(state, asked["row"] - 1, None, None) == int(answer)


def enemies_in_all(state, asked, answer):
    return tally(state, None, None, None) == int(answer)


def enemies_of_colour(state, asked, answer):
    return tally(state, None, None, asked["colour"]) == int(answer)


def points_here(state, asked, answer):
    return Fleet(state).shoot(state["ship"]) == int(answer)


def points_there(state, asked, answer):
    return Fleet(state).shoot(asked["column"] - 1) == int(answer)


def points_of_series(state, asked, answer):
    fleet, total = Fleet(state), 0
    for _ in range(asked["shots"]):
        total += fleet.shoot(state["ship"])
        fleet.step()
    return total == int(answer)


def paths(state, asked, shots):
    """Every series of columns that the ship can shoot from."""
    for path in product(range(state["columns"]), repeat=shots):
        if all(abs(b - a) <= asked["reach"] for a, b in zip((state["ship"], *path), path, strict=False)):
            yield path


def best(state, asked, shots):
    totals = []
    for path in paths(state, asked, shots):
        fleet, total = Fleet(state), 0
        for column in path:
            total += fleet.shoot(column)
            fleet.step()
        totals.append(total)
    return max(totals)


def best_shot(state, asked, answer):
    return best(state, asked, 1) == int(answer)


def best_two_shots(state, asked, answer):
    return best(state, asked, 2) == int(answer)


def sound(state):
    """Columns are filled from the fleet's first row without gaps; it fits the grid and cannot meet the ship soon."""
    cells = {(row, column) for row, column, _ in state["enemies"]}
    first = min(row for row, _ in cells)
    return (
        len(cells) == len(state["enemies"])
        and all(row == first or (row - 1, column) in cells for row, column in cells)
        and all(0 <= column < state["columns"] and 0 <= row < state["rows"] - 3 for row, column in cells)
        and 0 <= state["ship"] < state["columns"]
        and len(set(state["points"])) == 3
        and all(price > 0 for price in state["points"])
    )


def variants(state, rng):
    """Another ship, heading, price or grid; an enemy gone or of another kind."""
    for column in range(state.columns):
        if column != state.ship:
            yield replace(state, ship=column)
    yield replace(state, heading="left" if state.heading == "right" else "right")
    yield replace(state, points=state.points[::-1])
    yield replace(state, columns=state.columns + 1)
    yield replace(state, rows=state.rows + 1)
    for i, (row, column, kind) in enumerate(state.enemies):
        rest = state.enemies[:i] + state.enemies[i + 1 :]
        if rest:
            yield replace(state, enemies=rest)
        other = KINDS[(KINDS.index(kind) + rng.choice((1, 2))) % 3]
        yield replace(state, enemies=tuple(sorted((*rest, (row, column, other)))))
