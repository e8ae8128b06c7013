"""Checks zuma by complex numbers: shots fly in small steps, and groups grow from marble to marble."""

from __future__ import annotations

import cmath
from dataclasses import replace
from functools import cache
from itertools import pairwise
from math import hypot, pi

COLOURS = {"R": "red", "G": "green", "B": "blue", "Y": "yellow"}
QUARTERS = {"north-east": 1, "south-east": -1j, "south-west": -1, "north-west": 1j}


@cache
def centre(diameter, slot):
    """A slot's centre; the real part is to the right, the imaginary one up."""
    far = (226**2 - 1.25 * diameter**2 * slot / pi) ** 0.5
    turns = (226 - far) / (1.25 * diameter)
    return cmath.rect(far, pi / 2 - 2 * pi * turns)


def marbles(state):
    return {k: centre(state["diameter"], k) for k, sign in enumerate(state["track"]) if sign != "."}


def group(state, slot):
    """The marbles that hang together with one, by their distance and colour."""
    found, new, at = {slot}, [slot], marbles(state)
    while new:
        k = new.pop()
        for other in (k - 1, k + 1):
            same = other in at and state["track"][other] == state["track"][k]
            if same and other not in found and abs(at[other] - at[k]) < 1.02 * state["diameter"]:
                found.add(other)
                new.append(other)
    return found


def hit(state, angle):
    """The marble that a shot hits first; lines a little to either side must hit the same."""
    found = {flight(state, cmath.rect(1, pi / 2 - angle * pi / 180), shift) for shift in (-4.5, 0, 4.5)}
    assert len(found) == 1, (angle, found)
    return found.pop()


def flight(state, way, shift):
    at, radius, gone = marbles(state), state["diameter"] / 2, 0
    ahead = {k: z / way for k, z in at.items()}  # the way is now to the right
    close = {k: z for k, z in ahead.items() if abs(z.imag - shift) <= radius and z.real > 0}
    while close and gone < 300:
        gone += radius / 25
        met = [k for k, z in close.items() if hypot(z.real - gone, z.imag - shift) <= radius]
        if met:
            return min(met, key=lambda k: abs(close[k]))
    return None


def gone(state, angle):
    """How many marbles a shot removes; None if it hits nothing."""
    slot = hit(state, angle)
    if slot is None:
        return None
    size = len(group(state, slot))
    return size if size >= 2 and state["track"][slot] == state["loaded"] else 0


def loaded_colour(state, asked, answer):
    return COLOURS[state["loaded"]] == answer


def marbles_of_colour(state, asked, answer):
    return sum(COLOURS.get(sign) == asked["colour"] for sign in state["track"]) == int(answer)


def groups_in_sector(state, asked, answer):
    """Also with the sector 4 pixels wider and narrower."""
    turned = {k: z / QUARTERS[asked["sector"]] for k, z in marbles(state).items()}
    for margin in (-4, 0, 4):
        inside = {frozenset(group(state, k)) for k, z in turned.items() if min(z.real, z.imag) > margin}
        if len(inside) != int(answer):
            return False
    return True


def hit_colour(state, asked, answer):
    slot = hit(state, asked["angle"])
    return answer == ("nothing" if slot is None else COLOURS[state["track"][slot]])


def shot_outcome(state, asked, answer):
    count = gone(state, asked["angle"])
    words = {None: "it leaves the field", 0: "it stays on the track"}
    return answer == words.get(count, f"it removes {count} marbles")


def best_shots(state, asked, answer):
    counts = [gone(state, angle) or 0 for angle in asked["angles"]]
    most = max(counts)
    return len(counts) == 6 and list(answer) == (["yes", most, counts.count(most)] if most else ["no", 0, 0])


def sound(state):
    """Runs have one to five marbles; they fit the picture, overlap by a pixel at most, and leave room for the frog."""
    at, width = marbles(state), state["diameter"]
    return (
        set(state["track"]) <= {*"RGBY."}
        and state["track"][-1] != "."
        and state["loaded"] in COLOURS
        and all(len(group(state, k)) <= 5 for k in at)
        and all(34 + width / 2 < abs(z) < 250 - width / 2 + 1 for z in at.values())
        and all(abs(at[a] - at[b]) > width - 1 for a in at for b in at if a < b)
        and all(abs(at[a] - at[b]) < width + 1 for a, b in pairwise(at) if b == a + 1)
        and {44: 20, 34: 45, 28: 80}[width] - 5 <= len(at) <= {44: 30, 34: 70, 28: 105}[width]
    )


def variants(state, rng):
    """Another marble to shoot; a marble gone, of another colour or added; another size of marbles."""
    for sign in COLOURS:
        if sign != state.loaded:
            yield replace(state, loaded=sign)
    for k, sign in enumerate(state.track[:-1]):
        for other in "RGBY.":
            if other != sign:
                yield replace(state, track=state.track[:k] + other + state.track[k + 1 :])
    yield replace(state, diameter=state.diameter - 1)
