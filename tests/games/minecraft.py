"""Checks the block land forwards, over every height of every cell, and by rays towards the viewer."""

from __future__ import annotations

import heapq
from dataclasses import asdict, replace
from functools import cache

NAMES = {"cactus", "flower", "house", "mushroom", "pumpkin", "tree"}
FRONT = {"left": (1, 0), "right": (0, 1)}
HIGHEST = 6


def stack(state, row, column):
    return state["stacks"][row][column]


def kinds_present(state, asked, answer):
    kinds = {thing[0] for thing in state["things"]}
    if any("~" in row for row in state["ground"]):
        kinds.add("river")
    if state["ladders"]:
        kinds.add("ladder")
    return set(answer.split(", ")) == kinds


def cuboid_blocks(state, asked, answer):
    filled = [(r, c) for r, row in enumerate(state["stacks"]) for c, n in enumerate(row) if n]
    (r0, c0), (r1, c1) = filled[0], filled[-1]
    assert len(filled) == (r1 - r0 + 1) * (c1 - c0 + 1)
    assert len({stack(state, *place) for place in filled}) == 1
    return answer == sum(sum(row) for row in state["stacks"])


def blocks(state, asked, answer):
    key = tuple((name, repr(value)) for name, value in sorted(state.items()))
    KEPT[key] = state
    return answer == cheapest(key)


KEPT: dict = {}
blocks_across = blocks_up = blocks_across_and_up = blocks


@cache
def cheapest(key):
    """The fewest blocks, and a way for them must exist that enters no cell twice."""
    steps_from, first, goal = heights_graph(KEPT.pop(key))
    best, queue = {first: 0}, [(0, first)]
    while queue:
        cost, here = heapq.heappop(queue)
        if here[0] == goal:
            break
        for there, more in steps_from(here) if best[here] == cost else ():
            if cost + more < best.get(there, 99):
                best[there] = cost + more
                heapq.heappush(queue, (cost + more, there))
    before = {}
    for past in sorted(best, key=best.get):
        for there, more in steps_from(past) if best[past] <= cost else ():
            if best.get(there) == best[past] + more:
                before.setdefault(there, []).append(past)
    near = hops(before, first)
    assert simple(before, near, first, [here]), "only ways that enter a cell twice are as cheap"
    return cost


def heights_graph(state):
    """The moves between (cell, height of the stack there), with the blocks that the second one takes."""
    size = range(len(state["ground"]))
    spots = {name: (r, c) for name, r, c in state["things"]}
    level = {(r, c): -1 if state["ground"][r][c] == "~" else stack(state, r, c) for r in size for c in size}
    ladders = {((r + FRONT[face][0], c + FRONT[face][1]), (r, c)): low for r, c, face, low in state["ladders"]}

    def steps_from(here):
        place, height = here
        for dr, dc in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            there = place[0] + dr, place[1] + dc
            if there in level:
                most = level[there] if there in spots.values() else HIGHEST
                for after in range(max(0, level[there]), min(height + 1, most) + 1):
                    yield (there, after), after - level[there]
                if height >= ladders.get((place, there), 99) - 1:
                    yield (there, level[there]), 0

    return steps_from, (spots["player"], 0), spots["pumpkin"]


def hops(before, first):
    """How many moves lead to each place over the cheapest ones."""
    after = {}
    for there, pasts in before.items():
        for past in pasts:
            after.setdefault(past, []).append(there)
    found, edge = {first: 0}, [first]
    for past in edge:
        for there in after.get(past, []):
            if there not in found:
                found[there] = found[past] + 1
                edge.append(there)
    return found


def simple(before, near, first, way):
    """Whether some cheapest way back to the start enters no cell twice; the short ones are tried first."""
    if way[-1] == first:
        return True
    cells = {place for place, _ in way}
    pasts = sorted({past for past in before[way[-1]] if past[0] not in cells and past in near}, key=near.get)
    return any(simple(before, near, first, [*way, past]) for past in pasts)


def lit(state, r, c, z):
    """Whether a ray from a point, to the viewer in the direction (1, 1, 1), meets no block."""
    size, top, t = len(state["ground"]), max(map(max, state["stacks"])), 0.02
    while z + t < top:
        row, column = int(r + t), int(c + t)
        if row >= size or column >= size:
            return True
        if stack(state, row, column) > z + t:
            return False
        t += 0.06
    return True


SPOTS = (0.15, 0.4, 0.65, 0.9)


def surface(r, c, z):
    return [(r + i, c + j, z) for i in SPOTS for j in SPOTS]


def side(r, c, z, face):
    return [(r + 1, c + i, z + j) if face == "left" else (r + i, c + 1, z + j) for i in SPOTS for j in SPOTS]


def visible(state):
    """All of tops, water, ladders and the cells of things can be seen, and something of each block."""
    whole, parts = [], []
    for r, row in enumerate(state["stacks"]):
        for c, height in enumerate(row):
            if height or state["ground"][r][c] == "~" or any(thing[1:] == [r, c] for thing in state["things"]):
                whole += surface(r, c, height)
            parts += [side(r, c, z, "left") + side(r, c, z, "right") for z in range(height)]
    for r, c, face, low in state["ladders"]:
        whole += [point for z in range(low - 1, stack(state, r, c)) for point in side(r, c, z, face)]
    return all(lit(state, *point) for point in whole) and all(any(lit(state, *p) for p in part) for part in parts)


def sound(state):
    """Things stand on land, one a cell; ladders hang on stacks; nothing is hidden, save inside the cuboid."""
    places = [(r, c) for _, r, c in state["things"]]
    return (
        len(set(places)) == len(places)
        and {name for name, *_ in state["things"]} <= NAMES | {"player"}
        and all(state["ground"][r][c] == "." for r, c in places)
        and all(
            n == 0 or state["ground"][r][c] == "." for r, row in enumerate(state["stacks"]) for c, n in enumerate(row)
        )
        and all(1 <= low <= stack(state, r, c) for r, c, _, low in state["ladders"])
        and (visible(state) or not state["things"])
    )


def changed(rows, r, c, value):
    kind = "".join if isinstance(rows[r], str) else tuple
    return (*rows[:r], kind([*rows[r][:c], value, *rows[r][c + 1 :]]), *rows[r + 1 :])


def variants(state, rng):
    """Water, stacks, things and ladders changed, as long as the rules hold: what they say of hidden cells included."""
    size = range(len(state.ground))
    some = []
    for r in size:
        for c in size:
            some.append(replace(state, ground=changed(state.ground, r, c, "." if state.ground[r][c] == "~" else "~")))
            some += [replace(state, stacks=changed(state.stacks, r, c, n)) for n in range(4) if n != state.stacks[r][c]]
            some.append(replace(state, things=(("player", r, c), *state.things[1:])))
    _, row, column = state.things[1]
    for face in FRONT:
        for low in range(1, state.stacks[row][column] + 1):
            some.append(replace(state, ladders=((row, column, face, low),)))
    some.append(replace(state, ladders=()))
    for other in rng.sample(some, 120):
        data = asdict(other)
        data["things"] = [list(thing) for thing in data["things"]]
        if other != state and sound(data):
            yield other
