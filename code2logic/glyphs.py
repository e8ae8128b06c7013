"""Shapes that several games use; a game adds its own as functions of the same form.

A glyph is `(pen, size, *colours)`: it draws into a square of `size` pixels, and
everything after the size must be hashable, since `draw.sprite` keeps the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import cos, pi, sin

from PIL import ImageDraw

RGB = tuple[int, int, int]
Point = tuple[float, float]
Glyph = Callable[..., None]


def disc(pen: ImageDraw.ImageDraw, s: float, fill: RGB, edge: RGB | None = None) -> None:
    """A disc, with an edge if a colour is given for it."""
    pen.ellipse((s * 0.04, s * 0.04, s * 0.96, s * 0.96), fill, edge, round(s * 0.06) if edge else 0)


def ring(pen: ImageDraw.ImageDraw, s: float, colour: RGB) -> None:
    """A thick circle."""
    pen.ellipse((s * 0.06, s * 0.06, s * 0.94, s * 0.94), None, colour, round(s * 0.14))


def cross(pen: ImageDraw.ImageDraw, s: float, colour: RGB) -> None:
    """A diagonal cross with round ends."""
    for start, end in (((0.14, 0.14), (0.86, 0.86)), ((0.14, 0.86), (0.86, 0.14))):
        stroke(pen, s, colour, 0.15, start, end)


def stroke(pen: ImageDraw.ImageDraw, s: float, colour: RGB, width: float, *points: Point) -> None:
    """A line with round ends and joints through points of the unit square."""
    scaled = [(x * s, y * s) for x, y in points]
    pen.line(scaled, colour, round(width * s))
    half = width * s / 2
    for x, y in scaled:
        pen.ellipse((x - half, y - half, x + half, y + half), colour)


def polygon(pen: ImageDraw.ImageDraw, s: float, colour: RGB, points: Iterable[Point]) -> None:
    """A filled polygon through points of the unit square."""
    pen.polygon([(x * s, y * s) for x, y in points], colour)


def diamond(pen: ImageDraw.ImageDraw, s: float, colour: RGB) -> None:
    """A square on its corner."""
    polygon(pen, s, colour, ((0.5, 0.02), (0.9, 0.5), (0.5, 0.98), (0.1, 0.5)))


def star(pen: ImageDraw.ImageDraw, s: float, fill: RGB, edge: RGB) -> None:
    """A star of five points."""
    for colour, size in ((edge, 0.5), (fill, 0.4)):
        polar = [(size * (0.45 if i % 2 else 1), i * pi / 5) for i in range(10)]
        polygon(pen, s, colour, ((0.5 + r * sin(turn), 0.53 - r * cos(turn)) for r, turn in polar))


def square(pen: ImageDraw.ImageDraw, s: float, colour: RGB, edge: RGB | None = None) -> None:
    """A square with rounded corners."""
    pen.rounded_rectangle(
        (s * 0.05, s * 0.05, s * 0.95, s * 0.95), s * 0.12, colour, edge, round(s * 0.06) if edge else 0
    )


def crate(pen: ImageDraw.ImageDraw, s: float, fill: RGB, ink: RGB) -> None:
    """A box with a cross of boards."""
    square(pen, s, fill, ink)
    for start, end in (((0.2, 0.2), (0.8, 0.8)), ((0.2, 0.8), (0.8, 0.2))):
        stroke(pen, s, ink, 0.06, start, end)


def person(pen: ImageDraw.ImageDraw, s: float, fill: RGB, ink: RGB) -> None:
    """Head and shoulders."""
    pen.pieslice((s * 0.1, s * 0.46, s * 0.9, s * 1.3), 180, 360, fill, ink, round(s * 0.05))
    pen.ellipse((s * 0.28, s * 0.06, s * 0.72, s * 0.5), fill, ink, round(s * 0.05))


_TURNS: dict[str, Callable[[float, float], Point]] = {
    "up": lambda x, y: (x, y),
    "right": lambda x, y: (1 - y, x),
    "down": lambda x, y: (1 - x, 1 - y),
    "left": lambda x, y: (y, 1 - x),
}


def heading(pen: ImageDraw.ImageDraw, s: float, colour: RGB, direction: str) -> None:
    """A broad arrow that points up, right, down or left."""
    shape = ((0.5, 0.04), (0.94, 0.52), (0.66, 0.52), (0.66, 0.94), (0.34, 0.94), (0.34, 0.52), (0.06, 0.52))
    polygon(pen, s, colour, (_TURNS[direction](x, y) for x, y in shape))


def tube(pen: ImageDraw.ImageDraw, s: float, colour: RGB, width: float, side: str) -> None:
    """A thick line from the middle to the side named."""
    stroke(pen, s, colour, width, (0.5, 0.5), _TURNS[side](0.5, 0))


def eyes(pen: ImageDraw.ImageDraw, s: float, direction: str) -> None:
    """Two eyes that look up, right, down or left."""
    for x in (0.3, 0.7):
        for radius, y, colour in ((0.15, 0.36, (255, 255, 255)), (0.08, 0.3, (0, 0, 0))):
            cx, cy = _TURNS[direction](x, y)
            pen.ellipse(((cx - radius) * s, (cy - radius) * s, (cx + radius) * s, (cy + radius) * s), colour)


def mouth(pen: ImageDraw.ImageDraw, s: float, colour: RGB, direction: str) -> None:
    """A disc with a mouth that is open up, right, down or left."""
    turn = 90 * (list(_TURNS).index(direction) - 1)
    pen.pieslice((s * 0.02, s * 0.02, s * 0.98, s * 0.98), turn + 38, turn + 322, colour)


def ghost(pen: ImageDraw.ImageDraw, s: float, colour: RGB) -> None:
    """A round head on a ragged gown."""
    pen.ellipse((s * 0.04, s * 0.02, s * 0.96, s * 0.94), colour)
    hem = [(0.04 + 0.92 * i / 6, 0.82 if i % 2 else 0.99) for i in range(7)]
    polygon(pen, s, colour, ((0.04, 0.48), *hem, (0.96, 0.48)))


def flag(pen: ImageDraw.ImageDraw, s: float, colour: RGB, pole: RGB) -> None:
    """A pennant on a pole."""
    stroke(pen, s, pole, 0.09, (0.3, 0.08), (0.3, 0.92))
    polygon(pen, s, colour, ((0.3, 0.06), (0.9, 0.32), (0.3, 0.58)))


def heart(pen: ImageDraw.ImageDraw, s: float, colour: RGB) -> None:
    """The suit of hearts."""
    for x in (0.07, 0.47):
        pen.ellipse((s * x, s * 0.1, s * (x + 0.46), s * 0.56), colour)
    polygon(pen, s, colour, ((0.1, 0.44), (0.9, 0.44), (0.5, 0.95)))


def spade(pen: ImageDraw.ImageDraw, s: float, colour: RGB) -> None:
    """The suit of spades."""
    for x in (0.07, 0.49):
        pen.ellipse((s * x, s * 0.36, s * (x + 0.44), s * 0.78), colour)
    polygon(pen, s, colour, ((0.12, 0.47), (0.88, 0.47), (0.5, 0.03)))
    polygon(pen, s, colour, ((0.5, 0.6), (0.68, 0.97), (0.32, 0.97)))


def club(pen: ImageDraw.ImageDraw, s: float, colour: RGB) -> None:
    """The suit of clubs."""
    for x, y in ((0.29, 0.04), (0.06, 0.36), (0.52, 0.36)):
        pen.ellipse((s * x, s * y, s * (x + 0.42), s * (y + 0.42)), colour)
    polygon(pen, s, colour, ((0.5, 0.45), (0.68, 0.97), (0.32, 0.97)))


SUITS: dict[str, Glyph] = {"heart": heart, "spade": spade, "club": club, "diamond": diamond}


def double_arrow(pen: ImageDraw.ImageDraw, s: float, colour: RGB, upright: bool = False) -> None:
    """An arrow with two heads, across or upright."""
    xs, ys = (0, 25, 25, 75, 75, 100, 75, 75, 25, 25), (50, 30, 42, 42, 30, 50, 70, 58, 58, 70)
    points = zip(ys, xs, strict=True) if upright else zip(xs, ys, strict=True)
    polygon(pen, s, colour, ((x / 100, y / 100) for x, y in points))


def serpent(pen: ImageDraw.ImageDraw, s: float, colour: RGB, part: str, eyes: RGB) -> None:
    """A part of a snake that hangs from its tail: "T", "B" or "H" for tail, body or head; the parts touch."""
    if part == "T":
        polygon(pen, s, colour, ((0.14, 1), (0.86, 1), (0.5, 0.1)))
    else:
        pen.rectangle((s * 0.14, 0, s * 0.86, s * (1 if part == "B" else 0.45)), colour)
    if part == "H":
        pen.ellipse((s * 0.04, 0, s * 0.96, s * 0.94), colour)
        for x in (0.24, 0.58):
            pen.ellipse((s * x, s * 0.4, s * (x + 0.18), s * 0.62), eyes)
