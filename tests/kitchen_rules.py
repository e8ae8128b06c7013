"""A second kitchen: its rules on plain tuples, and breadth-first search over them."""

from __future__ import annotations

from collections import deque

GOALS = {
    "sandwich": {("bread", "cheese", "bread")},
    "burger": {("bottom bun", "patty", "top bun")},
    "cheeseburger": {("bottom bun", "patty", "cheese", "top bun"), ("bottom bun", "cheese", "patty", "top bun")},
    "double-cheeseburger": {("bottom bun", "patty", "cheese", "second patty", "second cheese", "top bun")},
}


def actions(place):
    """Pairs of words and the place after them; a place is (robot, hand, piles)."""
    robot, hand, piles = place
    mine = list(piles[robot])

    def after(pile, held):
        changed = list(piles)
        changed[robot] = tuple(pile)
        return robot, held, tuple(changed)

    for station in range(len(piles)):
        if station != robot:
            yield f"move to station {station + 1}", (station, hand, piles)
    if hand and not mine:
        yield f"place {hand}", after([hand], "")
    if hand and mine:
        yield f"stack {hand} on {mine[-1]}", after([*mine, hand], "")
    if not hand and len(mine) == 1:
        yield f"pick up {mine[0]}", after([], mine[0])
    if not hand and len(mine) > 1:
        *rest, top = mine
        yield f"unstack {top} from {rest[-1]}", after(rest, top)


def done(dish, place):
    return any(pile in GOALS[dish] for pile in place[2])


def plain(state):
    return state.robot, state.hand, state.stations


def shortest(dish, place):
    """The length of the shortest plans and how many there are, by breadth-first search, layer by layer."""
    layer, seen, depth = {place: 1}, {place}, 0
    while not any(done(dish, p) for p in layer):
        following = {}
        for p, ways in layer.items():
            for _, q in actions(p):
                if q not in seen:
                    following[q] = following.get(q, 0) + ways
        seen |= following.keys()
        layer, depth = following, depth + 1
    return depth, sum(ways for p, ways in layer.items() if done(dish, p))


def reachable(place):
    """Every place that can be reached."""
    found, queue = {place}, deque([place])
    while queue:
        for _, q in actions(queue.popleft()):
            if q not in found:
                found.add(q)
                queue.append(q)
    return found


def distances(dish, places):
    """The fewest actions from each place to the dish, backwards: every action has its reverse."""
    steps = {p: 0 for p in places if done(dish, p)}
    queue = deque(steps)
    while queue:
        p = queue.popleft()
        for _, q in actions(p):
            if q not in steps:
                steps[q] = steps[p] + 1
                queue.append(q)
    return steps
