"""Checks mazes on the rows of text: ways by filling dead ends, until only the way from player to goal is left."""

from __future__ import annotations

import re
from dataclasses import replace

COMPASS = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}


def walls(state):
    return {(r, c) for r, row in enumerate(state["rows"], 1) for c, sign in enumerate(row, 1) if sign == "#"}


def seat(state, who):
    return state[who][0] + 1, state[who][1] + 1


def say(cell):
    return f"row {cell[0]}, column {cell[1]}"


def corridors(state):
    blocked, n = walls(state), len(state["rows"])
    return {(r, c) for r in range(1, n + 1) for c in range(1, n + 1)} - blocked


def degree(cell, cells):
    return sum((cell[0] + dr, cell[1] + dc) in cells for dr, dc in COMPASS.values())


def way(state):
    """The cells of the only way: every dead end but the two ends is filled, again and again."""
    cells, ends = corridors(state), {seat(state, "player"), seat(state, "goal")}
    while dead := {cell for cell in cells - ends if degree(cell, cells) <= 1}:
        cells -= dead
    return cells


def player_cell(state, asked, answer):
    return answer == say(seat(state, "player"))


def goal_cell(state, asked, answer):
    return answer == say(seat(state, "goal"))


def way_to_goal(state, asked, answer):
    here, blocked = seat(state, "player"), walls(state)
    for part in answer.split(", "):
        direction, steps = re.fullmatch(r"(up|down|left|right) (\d+)", part).groups()
        for _ in range(int(steps)):
            here = (here[0] + COMPASS[direction][0], here[1] + COMPASS[direction][1])
            if here in blocked:
                return False
    return here == seat(state, "goal")


def turns(state, asked, answer):
    """Corners of the way: cells on it, not ends, whose two neighbours on it are not opposite each other."""
    cells, ends, corners = way(state), {seat(state, "player"), seat(state, "goal")}, 0
    for r, c in cells - ends:
        upright, level = {(r - 1, c), (r + 1, c)} <= cells, {(r, c - 1), (r, c + 1)} <= cells
        corners += not (upright or level)
    return answer == corners


def open_directions(state, asked, answer):
    r, c = seat(state, "player")
    free = {name for name, (dr, dc) in COMPASS.items() if (r + dr, c + dc) not in walls(state)}
    return set(re.findall(r"\w+", answer)) - {"and"} == free


def cell_after(state, asked, answer):
    r, c = seat(state, "player")
    for move in asked["moves"]:
        dr, dc = COMPASS[move]
        if state["rows"][r - 1 + dr][c - 1 + dc] == ".":
            r, c = r + dr, c + dc
    return answer == say((r, c))


def sound(state):
    """A closed square; corridors are a tree (one cell more than joints, all connected); player and goal apart in it."""
    cells, n = corridors(state), len(state["rows"])
    closed = all(len(row) == n for row in state["rows"]) and all(1 < r < n and 1 < c < n for r, c in cells)
    joints = sum(((r + 1, c) in cells) + ((r, c + 1) in cells) for r, c in cells)
    reached, border = set(), {seat(state, "player")}
    while border:
        reached |= border
        border = {(r + dr, c + dc) for r, c in border for dr, dc in COMPASS.values()} & cells - reached
    apart = state["player"] != state["goal"] and seat(state, "goal") in cells
    return closed and joints == len(cells) - 1 and reached == cells and apart


def variants(state, rng):
    """The player or the goal elsewhere, and each cell without them changed from wall to open or back."""
    free = [p for p in state.open if p not in (state.player, state.goal)]
    yield from (replace(state, player=p) for p in free)
    yield from (replace(state, goal=p) for p in free)
    for r in range(len(state.rows)):
        for c in range(len(state.rows)):
            if (r, c) not in (state.player, state.goal):
                sign = ".#"[state.rows[r][c] == "."]
                row = state.rows[r][:c] + sign + state.rows[r][c + 1 :]
                yield replace(state, rows=(*state.rows[:r], row, *state.rows[r + 1 :]))
