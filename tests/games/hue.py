"""Checks hue by exact fractions, edges first, and by CIELAB in its form with the constants of CIE 15."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import floor, sqrt

NAMES = {
    "red": (215, 30, 40),
    "orange": (255, 140, 0),
    "yellow": (250, 225, 50),
    "green": (30, 150, 60),
    "cyan": (70, 215, 220),
    "blue": (35, 70, 210),
    "purple": (130, 40, 170),
    "pink": (255, 150, 200),
    "brown": (120, 70, 30),
    "grey": (128, 128, 128),
}
APART = {5: 24, 6: 19, 7: 19, 8: 14}


def between(a, b, share):
    return [x + (y - x) * share for x, y in zip(a, b, strict=True)]


def cell(state, row, column):
    """A colour, by going down both borders and then across."""
    n = state["size"] - 1
    top_left, top_right, low_left, low_right = state["corners"]
    left = between(top_left, low_left, Fraction(row, n))
    right = between(top_right, low_right, Fraction(row, n))
    return [floor(v + Fraction(1, 2)) for v in between(left, right, Fraction(column, n))]


def distance(a, b):
    return sqrt(sum((x - y) ** 2 for x, y in zip(a, b, strict=True)))


def cielab(colour):
    """By luminance on the scale of 100, with epsilon 216/24389 and kappa 24389/27."""
    r, g, b = (v / 255 / 12.92 if v / 255 <= 0.04045 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in colour)
    x = (41.24564 * r + 35.75761 * g + 18.04375 * b) / 95.047
    y = (21.26729 * r + 71.51522 * g + 7.2175 * b) / 100
    z = (1.93339 * r + 11.9192 * g + 95.03041 * b) / 108.883
    fx, fy, fz = (t ** (1 / 3) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116 for t in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def name(colour):
    """The nearest name; it must be about twice as near as any other, to numbers and to eyes."""
    for space in (list, cielab):
        by_distance = {name: distance(space(colour), space(there)) for name, there in NAMES.items()}
        ranked = sorted(by_distance, key=by_distance.get)
        assert by_distance[ranked[1]] > 1.98 * by_distance[ranked[0]]
    return min(NAMES, key=lambda name: distance(colour, NAMES[name]))


def gap_colour(state, asked, answer):
    row, column = state["gaps"]["ABCD".index(asked["gap"])]
    return state["palette"][int(answer.removeprefix("colour ")) - 1] == cell(state, row, column)


def cell_colour(state, asked, answer):
    row, column = asked["cell"]
    assert [row - 1, column - 1] not in state["gaps"]
    return answer == name(cell(state, row - 1, column - 1))


def line_change(state, asked, answer):
    kind, number, *_ = asked["line"].replace(",", "").split()
    i, last = int(number) - 1, state["size"] - 1
    ends = [[i, 0], [i, last]] if kind == "row" else [[0, i], [last, i]]
    assert not any(end in state["gaps"] for end in ends)
    return answer == "from {} to {}".format(*(name(cell(state, *end)) for end in ends))


def sound(state):
    """Every gap's colour is once in the palette, whose colours look different; corners are seen and near named ones."""
    last, gaps, palette = state["size"] - 1, state["gaps"], state["palette"]
    pairs = [(a, b) for i, a in enumerate(palette) for b in palette[:i]]
    return (
        state["size"] in APART
        and len(palette) == 6
        and all(0 <= v <= 255 for colour in palette for v in colour)
        and all(0 <= r <= last and 0 <= c <= last and not {r, c} <= {0, last} for r, c in gaps)
        and len({tuple(gap) for gap in gaps}) == len(gaps)
        and all(palette.count(cell(state, *gap)) == 1 for gap in gaps)
        and all(distance(cielab(a), cielab(b)) > APART[state["size"]] - 0.1 for a, b in pairs)
        and all(any(distance(c, there) <= 26 for there in NAMES.values()) for c in state["corners"])
    )


def variants(state, rng):
    """A corner a little or much different, other gaps or letters, another palette or order of it."""
    for i, corner in enumerate(state.corners):
        for step in (1, -1, 30, -30):
            other = (max(0, min(255, corner[0] + step)), *corner[1:])
            if other != corner:
                yield replace(state, corners=(*state.corners[:i], other, *state.corners[i + 1 :]))
    yield replace(state, gaps=state.gaps[::-1])
    yield replace(state, gaps=state.gaps[1:])
    yield replace(state, palette=state.palette[::-1])
    yield replace(state, palette=((1, 2, 3), *state.palette[1:]))
    yield replace(state, size=state.size + 1)
