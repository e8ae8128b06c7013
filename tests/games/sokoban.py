"""Checks Sokoban on the rows of the state: solutions by breadth-first search over all boxes and the player."""

from __future__ import annotations

from dataclasses import replace

STEPS = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}


def parse(state):
    cells = {(r, c): sign for r, row in enumerate(state["rows"], 1) for c, sign in enumerate(row, 1)}
    walls = {p for p, sign in cells.items() if sign == "#"}
    boxes = frozenset(p for p, sign in cells.items() if sign in "$*")
    goals = frozenset(p for p, sign in cells.items() if sign in ".*+")
    (player,) = (p for p, sign in cells.items() if sign in "@+")
    return walls, boxes, goals, player


def step(walls, boxes, player, direction):
    """Boxes and player after one move, and the pushed box's new cell."""
    dr, dc = STEPS[direction]
    there, beyond = (player[0] + dr, player[1] + dc), (player[0] + 2 * dr, player[1] + 2 * dc)
    if there in walls or (there in boxes and (beyond in walls or beyond in boxes)):
        return boxes, player, None
    if there in boxes:
        return boxes - {there} | {beyond}, there, (there, beyond)
    return boxes, there, None


def say(cell):
    return f"row {cell[0]}, column {cell[1]}"


def player_after(state, asked, answer):
    walls, boxes, _, player = parse(state)
    for direction in asked["moves"]:
        boxes, player, _ = step(walls, boxes, player, direction)
    return answer == say(player)


def box_after(state, asked, answer):
    walls, boxes, _, player = parse(state)
    followed = tuple(asked["box"])
    assert followed in boxes
    for direction in asked["moves"]:
        boxes, player, pushed = step(walls, boxes, player, direction)
        if pushed and pushed[0] == followed:
            followed = pushed[1]
    return answer == say(followed)


_solved = {}


def fewest_moves(state, asked, answer):
    key = tuple(state["rows"])
    if key not in _solved:
        _solved.clear()
        _solved[key] = shortest(state)
    return answer == str(_solved[key])


def shortest(state):
    """Breadth-first over (boxes, player), nothing pruned."""
    walls, boxes, goals, player = parse(state)
    layer, seen, depth = [(boxes, player)], {(boxes, player)}, 0
    while layer:
        following = []
        for boxes, player in layer:
            if boxes == goals:
                return depth
            for direction in STEPS:
                after = step(walls, boxes, player, direction)[:2]
                if after not in seen:
                    seen.add(after)
                    following.append(after)
        layer, depth = following, depth + 1
    return None


def player_at(state, asked, answer):
    return answer == say(parse(state)[3])


def box_to_goal(state, asked, answer):
    _, boxes, goals, _ = parse(state)
    box = tuple(asked["box"]) if asked else min(boxes)
    assert box in boxes
    assert asked or len(boxes) == 1
    distances = sorted(sum(abs(a - b) for a, b in zip(box, goal, strict=True)) for goal in goals)
    return int(answer) == distances[0 if asked.get("which") == "nearest" else -1]


def shortest_walk(state, asked, answer):
    """Relaxes all distances until none changes."""
    walls, boxes, _, _ = parse(state)
    size = len(state["rows"])
    free = [(r, c) for r in range(1, size + 1) for c in range(1, size + 1) if (r, c) not in walls | boxes]
    far = dict.fromkeys(free, 999)
    far[tuple(asked["source"])] = 0
    changed = True
    while changed:
        changed = False
        for r, c in free:
            best = 1 + min(far.get((r + dr, c + dc), 999) for dr, dc in STEPS.values())
            if best < far[r, c]:
                far[r, c], changed = best, True
    return far[tuple(asked["target"])] == int(answer)


def sound(state):
    """Walled in, one player, as many boxes as goals, and not solved yet."""
    rows = state["rows"]
    _, boxes, goals, _ = parse(state)
    border = rows[0] + rows[-1] + "".join(row[0] + row[-1] for row in rows)
    return set(border) == {"#"} and len(boxes) == len(goals) > 0 and boxes != goals


def variants(state, rng):
    """The player, a box or a goal elsewhere, or a floor cell made a wall."""
    free = sorted(state.floor - {state.player, *state.boxes, *state.goals})
    for place in free:
        yield replace(state, player=place)
        yield replace(state, boxes=state.boxes - {min(state.boxes)} | {place})
        yield replace(state, goals=state.goals - {max(state.goals)} | {place})
        yield replace(state, floor=state.floor - {place})
