"""Checks the cube as pieces: a piece is the set of faces at which it lies, a turn sends its letters round a cycle.

The cycles and the places of the net are written out by hand; no coordinates, no permutation of 54 stickers.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

NET = {
    "U": "ULB UB UBR / UL U UR / ULF UF URF",
    "L": "ULB UL ULF / LB L LF / DLB DL DLF",
    "F": "ULF UF URF / LF F RF / DLF DF DRF",
    "R": "URF UR UBR / RF R BR / DRF DR DBR",
    "B": "UBR UB ULB / BR B LB / DBR DB DLB",
    "D": "DLF DF DRF / DL D DR / DLB DB DBR",
}
CYCLES = {"U": "FLBR", "D": "FRBL", "F": "URDL", "B": "ULDR", "R": "UBDF", "L": "UFDB"}
FACES = "ULFRBD"
CORNERS = ["URF", "UFL", "ULB", "UBR", "DFR", "DLF", "DBL", "DRB"]  # clockwise, from U or D
PLACES = [
    (frozenset(piece), face) for face in FACES for row in NET[face].split("/") for piece in row.split()
]  # as the stickers are listed


def read(state):
    """The colour's letter by (piece, face)."""
    return dict(zip(PLACES, state["stickers"], strict=True))


def turn(cube, move):
    cycle = CYCLES[move[0]]
    for _ in range(3 if move.endswith("'") else 1):
        sent = dict(zip(cycle, cycle[1:] + cycle[0], strict=True))
        cube = {
            (frozenset(sent.get(f, f) for f in piece), sent.get(face, face)) if move[0] in piece else (piece, face): c
            for (piece, face), c in cube.items()
        }
    return cube


def turned(cube, moves):
    for move in moves:
        cube = turn(cube, move)
    return cube


def order(moves):
    """How often the moves must be made until everything is back."""
    first = {place: place for place in PLACES}
    cube, times = turned(first, moves), 1
    while cube != first:
        cube, times = turned(cube, moves), times + 1
    return times


def face(cube, name):
    return [cube[place] for place in PLACES if place[1] == name]


def look(state, cube, asked):
    row, column = asked["cell"]
    return state["colours"][FACES.index(face(cube, asked["face"])[3 * row + column - 4])]


def colour_at(state, asked, answer):
    return answer == look(state, read(state), asked)


def colour_after(state, asked, answer):
    return answer == look(state, turned(read(state), asked["moves"]), asked)


def fewest(cube, done, most):
    """Whether no list of fewer than `most` turns does it, trying all."""
    moves = [f + mark for f in FACES for mark in ("", "'")]
    return not any(done(turned(cube, some)) for n in range(most) for some in product(moves, repeat=n))


_tried: dict = {}  # the last cube: its options need the search only once


def works(state, done, answer, tag):
    cube, moves = read(state), answer[1:-1].split(", ")
    if not done(turned(cube, moves)):
        return False
    key = (tag, state["stickers"], len(moves))
    if key not in _tried:
        _tried.clear()
        _tried[key] = fewest(cube, done, len(moves))
    return _tried[key]


def face_uniform(state, asked, answer):
    return works(state, lambda cube: len(set(face(cube, asked["face"]))) == 1, answer, asked["face"])


def solve(state, asked, answer):
    return works(state, lambda cube: all(len(set(face(cube, f))) == 1 for f in FACES), answer, "")


def stickers_on(state, asked, answer):
    return int(answer) == face(read(state), asked["face"]).count(FACES[state["colours"].index(asked["colour"])])


def even(permuted):
    """Whether a mapping of a set to itself is an even permutation."""
    left, cycles = set(permuted), 0
    while left:
        place, cycles = left.pop(), cycles + 1
        while (place := permuted[place]) in left:
            left.remove(place)
    return (len(permuted) - cycles) % 2 == 0


def sound(state):
    """Not solved, and reachable: whole pieces, corner twists that add to 0, even edge stickers as even corners."""
    cube = read(state)
    homes = {}  # the home of each sticker
    for piece, f in PLACES:
        whole = frozenset(cube[piece, g] for g in piece)
        homes[piece, f] = whole, cube[piece, f]
    if set(homes.values()) != set(PLACES) or len(set(state["colours"])) != 6:
        return False
    twists = sum(next(i for i, f in enumerate(c) if cube[frozenset(c), f] in "UD") for c in CORNERS)
    corners = {frozenset(c): frozenset(cube[frozenset(c), f] for f in c) for c in CORNERS}
    edges = {place: home for place, home in homes.items() if len(place[0]) == 2}
    middles = all(cube[place] == place[1] for place in PLACES if len(place[0]) == 1)
    # A flipped edge is an odd permutation of edge stickers, two edges exchanged an even one.
    pieces = {piece: home[0] for (piece, _), home in edges.items()}
    legal = twists % 3 == 0 and even(edges) and even(corners) == even(pieces)
    return middles and legal and any(place != home for place, home in homes.items())


def variants(state, rng):
    """A quarter turn more, or two colours exchanged."""
    letters = "".join(FACES)
    for f in letters:
        cube = turn(dict(zip(PLACES, state.stickers, strict=True)), f)
        yield replace(state, stickers="".join(cube[place] for place in PLACES))
    for i in range(5):
        colours = list(state.colours)
        colours[i], colours[i + 1] = colours[i + 1], colours[i]
        yield replace(state, colours=tuple(colours))
