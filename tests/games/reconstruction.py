"""Checks reconstruction with bit masks of the 27 places, all subsets of them, and rays towards the viewer."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from itertools import combinations, product

PLACES = list(product((1, 2, 3), repeat=3))
BIT = {place: 1 << i for i, place in enumerate(PLACES)}
FRONT = {(x, z): sum(BIT[x, y, z] for y in (1, 2, 3)) for x, z in product((1, 2, 3), repeat=2)}
SIDE = {(y, z): sum(BIT[x, y, z] for x in (1, 2, 3)) for y, z in product((1, 2, 3), repeat=2)}
TOUCHING = {
    a: sum(BIT[b] for b in PLACES if sorted(abs(i - j) for i, j in zip(a, b, strict=True)) == [0, 0, 1]) for a in PLACES
}
SPOTS = [0.2, 0.45, 0.7, 0.9]  # of a face, where rays leave it


def mask(places):
    return sum(BIT[tuple(place)] for place in places)


def shadow(cubes, lines):
    return [[int(bool(cubes & lines[i, z])) for i in (1, 2, 3)] for z in (3, 2, 1)]


def goals(state):
    return [list(row) for row in state["front"]], [list(row) for row in state["side"]]


def views(cubes):
    return shadow(cubes, FRONT), shadow(cubes, SIDE)


def flood(source, within):
    """The places of `within` that can be reached from `source` through faces."""
    while True:
        wider = source
        for place in PLACES:
            if BIT[place] & within and TOUCHING[place] & source:
                wider |= BIT[place]
        if wider == source:
            return source
        source = wider


def cube_count(state, asked, answer):
    return answer == mask(state["cubes"]).bit_count()


def spots(text):
    return [tuple(map(int, numbers)) for numbers in re.findall(r"\((\d), (\d), (\d)\)", text)]


def filled_place(state, asked, answer):
    (place,) = spots(answer)
    return bool(mask(state["cubes"]) & BIT[place])


def matching(state, asked, answer):
    now, wanted = views(mask(state["cubes"])), goals(state)
    words = [["neither", "only the side"], ["only the front", "both"]]
    return answer == words[now[0] == wanted[0]][now[1] == wanted[1]]


def added(state, places):
    """The cubes after additions; None if one of them is not legal."""
    cubes = mask(state["cubes"])
    for place in places:
        if BIT[place] & cubes or not TOUCHING[place] & cubes:
            return None
        cubes |= BIT[place]
    return cubes


def after_adding(state, asked, answer):
    cubes = added(state, spots(" ".join(asked["added"])))
    assert cubes is not None
    return answer == shadow(cubes, {"front": FRONT, "side": SIDE}[asked["view"]])


def right_sequence(state, asked, answer):
    cubes = added(state, spots(answer))
    return cubes is not None and views(cubes) == goals(state)


def fewest_cubes(state, asked, answer):
    return answer == least(mask(state["cubes"]), str(goals(state)))


@cache
def least(cubes, wanted):
    """By every set of further cubes, the small ones first; a legal order exists where all are joined."""
    full = read_tables(wanted)
    lines = [(lines[k], filled[k]) for lines, filled in zip((FRONT, SIDE), full, strict=True) for k in filled]
    empty = [BIT[place] for place in PLACES if not BIT[place] & cubes]
    fits = [bit for bit in empty if all(filled or not bit & line for line, filled in lines)]
    wants = [line for line, filled in lines if filled]
    for count in range(len(fits) + 1):
        for some in combinations(fits, count):
            whole = cubes | sum(some)
            if all(whole & line for line in wants) and flood(cubes, whole) == whole:
                return count
    return None


def read_tables(text):
    """Two silhouettes from their text, by (column, z)."""
    digits = [int(d) for d in re.findall(r"\d", text)]
    return [{(i + 1, 3 - r): digits[9 * k + 3 * r + i] for r, i in product(range(3), repeat=2)} for k in (0, 1)]


def visible(cube, cubes):
    """Whether a ray from some spot of its three faces gets to the viewer, in the direction (1, -1, 1)."""
    x, y, z = cube
    starts = [(x + u, y + v, z + 1) for u in SPOTS for v in SPOTS]
    starts += [(x + u, y, z + v) for u in SPOTS for v in SPOTS] + [(x + 1, y + u, z + v) for u in SPOTS for v in SPOTS]
    return any(not any(enters(ray, other) for other in cubes if other != cube) for ray in starts)


def enters(ray, cube):
    """Whether the ray passes through the inside of a cube: three intervals of its length overlap."""
    spans = [(cube[0] - ray[0], cube[0] + 1 - ray[0]), (ray[1] - cube[1] - 1, ray[1] - cube[1])]
    spans.append((cube[2] - ray[2], cube[2] + 1 - ray[2]))
    return max(0, *(low for low, _ in spans)) + 1e-9 < min(high for _, high in spans)


def sound(state):
    """One joined structure on the floor, no cube of it hidden, and silhouettes that it can be brought to."""
    places = [tuple(cube) for cube in state["cubes"]]
    cubes = mask(places)
    front, side = goals(state)
    inside = mask(p for p in PLACES if front[3 - p[2]][p[0] - 1] and side[3 - p[2]][p[1] - 1])
    return (
        len(set(places)) == len(places)
        and flood(BIT[places[0]], cubes) == cubes
        and any(z == 1 for *_, z in places)
        and all(visible(cube, places) for cube in places)
        and cubes & inside == cubes
        and views(flood(cubes, inside)) == (front, side)
    )


def variants(state, rng):
    """A cube more or less, where none is hidden then (the rules exclude it), and a cell of a silhouette changed."""
    for place in PLACES:
        cubes = tuple(sorted({*state.cubes} ^ {place}))
        if cubes and all(visible(cube, cubes) for cube in cubes):
            yield replace(state, cubes=cubes)
    for field in ("front", "side"):
        for r, c in product(range(3), repeat=2):
            rows = [list(row) for row in getattr(state, field)]
            rows[r][c] = 1 - rows[r][c]
            yield replace(state, **{field: tuple(map(tuple, rows))})
