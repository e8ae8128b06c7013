"""Checks lights out by linear algebra over two elements: boards and presses are bit masks, solved by elimination."""

from __future__ import annotations

from dataclasses import replace
from functools import cache


def bit(side, row, column):
    return 1 << (side * row + column)


@cache
def masks(side):
    """What each press switches, by the number of its lamp."""
    found = []
    for row in range(side):
        for column in range(side):
            around = [(row, column), (row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
            found.append(sum(bit(side, r, c) for r, c in around if 0 <= r < side and 0 <= c < side))
    return found


@cache
def reduced(side):
    """Echelon form of the presses, each row (switched lamps, presses that do it), and the presses that do nothing."""
    rows, idle = {}, []
    for i, mask in enumerate(masks(side)):
        does, by = reduce(rows, mask, 1 << i)
        if does:
            rows[does.bit_length()] = does, by
        else:
            idle.append(by)
    return rows, idle


def reduce(rows, does, by):
    while does and does.bit_length() in rows:
        other = rows[does.bit_length()]
        does, by = does ^ other[0], by ^ other[1]
    return does, by


def lamps(state):
    return sum(bit(state["side"], *place) for place in state["lit"])


def solutions(state):
    """All sets of presses that darken the board, as bit masks."""
    rows, idle = reduced(state["side"])
    rest, by = reduce(rows, lamps(state), 0)
    if rest:
        return []
    found = [by]
    for other in idle:
        found += [one ^ other for one in found]
    return found


def shortest(state):
    found = solutions(state)
    fewest = min(one.bit_count() for one in found)
    return [one for one in found if one.bit_count() == fewest]


def lit(state, presses):
    board = lamps(state)
    for row, column in presses:
        board ^= masks(state["side"])[state["side"] * (row - 1) + column - 1]
    return board.bit_count()


def cell(answer):
    row, column = answer.removeprefix("row ").split(", column ")
    return int(row), int(column)


def lit_lamps(state, asked, answer):
    return int(answer) == len(state["lit"])


def lit_after(state, asked, answer):
    return int(answer) == lit(state, asked["cells"])


def darkest_press(state, asked, answer):
    side = range(1, state["side"] + 1)
    return lit(state, [cell(answer)]) == min(lit(state, [(r, c)]) for r in side for c in side)


def fewest_presses(state, asked, answer):
    return answer == shortest(state)[0].bit_count()


def needed_press(state, asked, answer):
    row, column = cell(answer)
    return all(one & bit(state["side"], row - 1, column - 1) for one in shortest(state))


def sound(state):
    """Some lamp is lit, all lie on the board, and the board can be darkened."""
    inside = all(0 <= n < state["side"] for place in state["lit"] for n in place)
    return inside and bool(state["lit"]) and bool(solutions(state))


def variants(state, rng):
    """Each lamp switched, and a larger board."""
    for row in range(state.side):
        for column in range(state.side):
            yield replace(state, lit=state.lit ^ {(row, column)})
    yield replace(state, side=state.side + 1)
