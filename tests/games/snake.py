"""Checks snake by moving whole bodies: A* over them, under a bound that lets the head wait for the body to leave."""

from __future__ import annotations

import heapq
from dataclasses import replace
from functools import cache
from itertools import pairwise

COMPASS = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}


def around(cell):
    return [(cell[0] + r, cell[1] + c) for r, c in COMPASS.values()]


def inside(cell, side):
    return min(cell) >= 0 and max(cell) < side


def moved(body, head):
    """The body after a move; None if it runs into itself."""
    rest = body[:-1]
    return None if head in rest else (head, *rest)


def bound(body, food, side):
    """A number of moves that no way to the food undercuts: each cell of the body opens when it has been left."""
    opens = {cell: len(body) - i for i, cell in enumerate(body)}
    queue, done = [(0, body[0])], set()
    while True:
        time, cell = heapq.heappop(queue)
        if cell == food:
            break
        if cell not in done:
            done.add(cell)
            for near in around(cell):
                if inside(near, side) and near not in done:
                    heapq.heappush(queue, (max(time + 1, opens.get(near, 0)), near))
    return time + (time + sum(food) + sum(body[0])) % 2  # cells are coloured like a chessboard


@cache
def fewest(body, food, side):
    queue, seen = [(bound(body, food, side), 0, body)], set()
    while queue:
        _, minus, body = heapq.heappop(queue)
        if body[0] == food:
            return -minus
        for head in around(body[0]):
            after = moved(body, head) if inside(head, side) else None
            if after and (after, minus - 1) not in seen:
                seen.add((after, minus - 1))
                heapq.heappush(queue, (1 - minus + bound(after, food, side), minus - 1, after))
    return -1


def body_of(state):
    return tuple(map(tuple, state["body"]))


def head_cell(state, asked, answer):
    return answer == [n + 1 for n in state["body"][0]]


def food_cell(state, asked, answer):
    return answer == [n + 1 for n in state["food"]]


def cells_covered(state, asked, answer):
    return answer == len(state["body"])


def end_of_moves(state, asked, answer):
    body, food = body_of(state), tuple(state["food"])
    ends = []
    for move in asked["moves"]:
        head = (body[0][0] + COMPASS[move][0], body[0][1] + COMPASS[move][1])
        after = moved(body, head)
        if not inside(head, state["side"]):
            ends.append("the head leaves the board")
        elif after is None:
            ends.append("the head runs into the body")
        elif head == food:
            ends.append("the head reaches the food")
        if ends:
            break
        body = after
    return answer == (ends or ["none of these happens"])[0]


def moves_to_food(state, asked, answer):
    return answer == fewest(body_of(state), tuple(state["food"]), state["side"])


def sound(state):
    """A body of joined cells on the board, each once, and the food elsewhere."""
    body, food = body_of(state), tuple(state["food"])
    joined = all(b in around(a) for a, b in pairwise(body))
    on_board = all(inside(cell, state["side"]) for cell in (*body, food))
    return joined and on_board and len({*body, food}) == len(body) + 1 > 5


def variants(state, rng):
    """The food elsewhere; the body without its tail, turned round, or a move further."""
    cells = [(r, c) for r in range(state.side) for c in range(state.side)]
    free = [cell for cell in cells if cell not in state.body and cell != state.food]
    made = [replace(state, food=cell) for cell in rng.sample(free, 4)]
    bodies = [state.body[:-1], state.body[::-1]]
    bodies += [after for head in free if head in around(state.body[0]) and (after := moved(state.body, head))]
    return made + [replace(state, body=body) for body in bodies]
