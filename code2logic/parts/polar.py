"""Places by angle and distance: degrees clockwise from straight up, and pixels from the middle of the picture."""

from __future__ import annotations

from functools import cache, lru_cache
from math import cos, pi, radians, sin, sqrt
from typing import TYPE_CHECKING

from ludex.envs.pictures import SIDE

if TYPE_CHECKING:
    from ludex.code2logic.draw import Canvas

Discs = tuple[tuple[float, float], ...]  # angle and distance of each


def place(angle: float, far: float) -> tuple[float, float]:
    """Where that is in the picture, in pixels."""
    return SIDE / 2 + far * sin(radians(angle)), SIDE / 2 - far * cos(radians(angle))


@cache
def spiral(outer: float, inner: float, pitch: float, step: float) -> Discs:
    """Places `step` apart on an Archimedean spiral that starts straight up and runs clockwise and inwards.

    From one turn to the next the distance falls by `pitch`, so that the length from `outer` to a distance d is
    pi * (outer**2 - d**2) / pitch.
    """
    found: list[tuple[float, float]] = []
    while (square := outer**2 - pitch * step * len(found) / pi) > inner**2:
        found.append((360 * (outer - sqrt(square)) / pitch, sqrt(square)))
    return tuple(found)


@lru_cache(maxsize=64)
def crossed(discs: Discs, radius: float, margin: float) -> list[dict[int, bool]]:
    """For each disc which lines from the middle, 5 degrees apart, pass its edge within `margin` or inside of it.

    True stands for a line that is inside by more than `margin`, False for one that is too close to the edge to tell.
    """
    found = []
    for angle, far in discs:
        turns = {line: radians(line - angle) for line in range(0, 360, 5)}
        edge = {line: far * abs(sin(turn)) - radius for line, turn in turns.items() if cos(turn) > 0}
        found.append({line: gap < -margin for line, gap in edge.items() if gap < margin})
    return found


def dial(canvas: Canvas, radius: float) -> None:
    """Marks on a circle every 5 degrees, numbers every 30, and lines up, down, left and right."""
    for angle in range(0, 360, 5):
        inner = 0 if angle % 90 == 0 else radius - (9 if angle % 30 == 0 else 6)
        canvas.pen.line([place(angle, inner), place(angle, radius)], canvas.style.ink, 1 + (angle % 30 == 0 < inner))
        if angle % 30 == 0:
            canvas.text(place(angle, radius + 12), str(angle), 12)
