"""Checks the rolling die as a solid: each face's outward normal is turned by the cross product with the roll's axis."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import permutations, product

# x to the right, y up the board, z up from it; a roll turns about an axis by a quarter.
NORMALS = {
    "top": (0, 0, 1),
    "front": (0, -1, 0),
    "right": (1, 0, 0),
    "bottom": (0, 0, -1),
    "back": (0, 1, 0),
    "left": (-1, 0, 0),
}
AXES = {"right": (0, 1, 0), "left": (0, -1, 0), "up": (-1, 0, 0), "down": (1, 0, 0)}
MOVES = {"right": (0, 1), "left": (0, -1), "up": (-1, 0), "down": (1, 0)}


def solid(die):
    """The number by its normal."""
    top, front, right = die
    return {NORMALS["top"]: top, NORMALS["front"]: front, NORMALS["right"]: right} | {
        NORMALS["bottom"]: 7 - top,
        NORMALS["back"]: 7 - front,
        NORMALS["left"]: 7 - right,
    }


def turned(v, axis):
    """Rodrigues' rotation by a quarter: the cross product axis x v, and the part along the axis."""
    along = sum(a * b for a, b in zip(v, axis, strict=True))
    cross = (
        axis[1] * v[2] - axis[2] * v[1],
        axis[2] * v[0] - axis[0] * v[2],
        axis[0] * v[1] - axis[1] * v[0],
    )
    return tuple(c + along * a for c, a in zip(cross, axis, strict=True))


def tipped(faces, name):
    return {turned(v, AXES[name]): number for v, number in faces.items()}


def tops(die, path):
    faces = solid(die)
    seen = [faces[NORMALS["top"]]]
    for name in path:
        faces = tipped(faces, name)
        seen.append(faces[NORMALS["top"]])
    return seen


def end(place, path):
    for name in path:
        place = (place[0] + MOVES[name][0], place[1] + MOVES[name][1])
    return place


def number_on(state, asked, answer):
    return int(answer) == solid(state["die"])[NORMALS[asked["face"]]]


def top_after(state, asked, answer):
    return int(answer) == tops(state["die"], state["path"])[-1]


def sum_of_tops(state, asked, answer):
    return int(answer) == sum(tops(state["die"], state["path"]))


def which_rolls(state, asked, answer):
    path = answer.split(", ")
    row, column = end(state["place"], path)
    assert [row + 1, column + 1] == asked["cell"]  # every option ends in the cell
    return tops(state["die"], path)[-1] == asked["top"]


@cache
def fewest(side, place, die):
    """By (place, top) the fewest rolls: the distances settle by sweeping over all positions until nothing changes."""
    turns, todo = {}, [tuple(sorted(solid(die).items()))]
    first = todo[0]
    while todo:
        position = todo.pop()
        if position not in turns:
            turns[position] = {name: tuple(sorted(tipped(dict(position), name).items())) for name in MOVES}
            todo += turns[position].values()
    assert len(turns) == 24
    far = {(place, first): 0}
    board, changed = set(product(range(side), repeat=2)), True
    while changed:
        changed = False
        for (where, position), steps in list(far.items()):
            for name, after in turns[position].items():
                there = end(where, [name])
                if there in board and far.get((there, after), 99) > steps + 1:
                    far[there, after], changed = steps + 1, True
    best = {}
    for (where, position), steps in far.items():
        goal = where, dict(position)[NORMALS["top"]]
        best[goal] = min(steps, best.get(goal, 99))
    return best


def fewest_rolls(state, asked, answer):
    goal = tuple(n - 1 for n in asked["cell"]), asked["top"]
    return fewest(state["side"], tuple(state["place"]), tuple(state["die"]))[goal] == answer


def sound(state):
    """A right-handed die (1, 2, 3 run counter-clockwise round their corner) and a path on the board without repeats."""
    cells = [tuple(end(state["place"], state["path"][:i])) for i in range(len(state["path"]) + 1)]
    inside = all(0 <= n < state["side"] for cell in cells for n in cell)
    where = {number: v for v, number in solid(state["die"]).items()}
    if set(where) != set(range(1, 7)):
        return False
    a, b, c = (where[n] for n in (1, 2, 3))
    triple = sum(a[i] * (b[i - 2] * c[i - 1] - b[i - 1] * c[i - 2]) for i in range(3))
    return inside and len(set(cells)) == len(cells) and triple == 1


def variants(state, rng):
    """Another position of the die, another place of it, another path."""
    for die in permutations(range(1, 7), 3):
        if die != state.die and len({min(n, 7 - n) for n in die}) == 3:
            yield replace(state, die=die)
    for i in range(state.side):
        moved = replace(state, place=(i, i), path=("up",) if i else ("down",))
        if moved != state:
            yield moved
    yield replace(state, path=state.path[:-1])
