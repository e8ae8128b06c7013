"""Checks the maze in space on single cubes: a graph of cubes and rungs, searched breadth first from both ends."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, pairwise, permutations, product

AXES = {"+x": (3, 0, 0), "-x": (-3, 0, 0), "+y": (0, 3, 0), "-y": (0, -3, 0), "up": (0, 0, 3), "down": (0, 0, -3)}


def moved(place, step, times=1):
    return tuple(a + times * b for a, b in zip(place, step, strict=True))


def unit(step):
    return tuple(a // 3 for a in step)


def ends(state):
    stations = [tuple(place) for place in state["stations"]]
    return [(stations[i], stations[state["parents"][i]]) for i in range(1, len(stations))]


def links(state):
    """Each link as the places that it passes, rungs included."""
    for a, b in ends(state):
        step = next(step for step in AXES.values() if moved(a, step) == b)
        yield [moved(a, unit(step), n) for n in range(4)]


def graph(state):
    beside = {}
    for places in links(state):
        for a, b in pairwise(places):
            beside.setdefault(a, set()).add(b)
            beside.setdefault(b, set()).add(a)
    return beside


def far(beside, source):
    steps, edge = {source: 0}, [source]
    for place in edge:
        for there in sorted(beside[place] - set(steps)):
            steps[there] = steps[place] + 1
            edge.append(there)
    return steps


def route(state):
    """Places on the way by their distance from the start: those where both distances add up to the whole."""
    beside = graph(state)
    goal = tuple(state["stations"][state["goal"]])
    there, back = far(beside, (0, 0, 0)), far(beside, goal)
    return {place: n for place, n in there.items() if n + back[place] == there[goal]}


def marked(state):
    return [tuple(state["stations"][i]) for i in state["marks"]]


def right_turns(state, asked, answer):
    way, told = route(state), dict(part.split(": ") for part in answer.split(", "))
    assert sorted(told) == [str(i + 1) for i in range(len(state["marks"]))]
    forks = {place for place, near in graph(state).items() if len(near) > 2 and place in way}
    assert forks == set(marked(state))
    return all(
        way.get(moved(place, unit(AXES[told[str(i)]])), -1) == way[place] + 1
        for i, place in enumerate(marked(state), 1)
    )


def order_met(state, asked, answer):
    way, marks = route(state), marked(state)
    numbers = list(map(int, answer.split(", ")))
    assert sorted(numbers) == [1, 2, 3]
    steps = [way[marks[i - 1]] for i in numbers]
    return steps == sorted(steps)


def heights(state, asked, answer):
    z = [place[2] for place in marked(state)]
    a, s, b, t, c = answer.split()
    pairs = [(s, int(a), int(b)), (t, int(b), int(c))]
    return all(z[i - 1] < z[j - 1] if sign == "<" else z[i - 1] == z[j - 1] and i < j for sign, i, j in pairs)


def on_the_way(state, asked, answer):
    way = route(state)
    lying = {i for i, place in enumerate(marked(state), 1) if place in way}
    return {int(sign) for sign in answer if sign.isdigit()} == lying


def centre(place):
    """Of a cube's hexagon in the picture, whose corners are 1 away from it."""
    x, y, z = place
    return (x + y) * 0.75**0.5, (x - y) / 2 - z


def apart(a, b):
    (i, j), (k, m) = centre(a), centre(b)
    return ((i - k) ** 2 + (j - m) ** 2) ** 0.5


def sound(state):
    """A tree, and no two cubes of links without a common station that touch in the picture."""
    stations = [tuple(place) for place in state["stations"]]
    solid = [(set(pair), [p for p in whole if whole[0][2] == whole[-1][2] or p in pair])
             for pair, whole in zip(ends(state), links(state), strict=True)]  # fmt: skip
    clear = all(
        apart(p, q) > 2 for (a, some), (b, others) in combinations(solid, 2) if not a & b
        for p, q in product(some, others)
    )  # fmt: skip
    cubes = {place for _, some in solid for place in some}
    return (
        stations[0] == (0, 0, 0)
        and len(set(stations)) == len(stations)
        and set(far(graph(state), (0, 0, 0))) >= set(stations)
        and all(apart(p, q) > 0.5 for p, q in combinations(cubes, 2))
        and len(set(state["marks"])) == len(state["marks"])
        and not {0, state["goal"]} & set(state["marks"]) | ({0} & {state["goal"]})
        and clear
    )


def variants(state, rng):
    """Other numbers, another goal, and an end of the maze elsewhere; a state holds nothing that is hidden."""
    count = len(state.stations)
    for marks in permutations(state.marks):
        yield replace(state, marks=marks)
    for i in set(range(1, count)) - {state.goal, *state.marks}:
        yield replace(state, goal=i)
        yield replace(state, marks=(i, *state.marks[1:]))
        yield replace(state, marks=(*state.marks, i))
        if i not in state.parents[1:]:
            parent = state.stations[state.parents[i]]
            for step in AXES.values():
                other = replace(state, stations=(*state.stations[:i], moved(parent, step), *state.stations[i + 1 :]))
                if sound(
                    {"stations": other.stations, "parents": other.parents, "goal": state.goal, "marks": state.marks}
                ):
                    yield other
