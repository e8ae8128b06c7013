"""Shapes that several games use; a game adds its own as functions of the same form.

A glyph is `(pen, size, *colours)`: it draws into a square of `size` pixels, and
everything after the size must be hashable, since `draw.sprite` keeps the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

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
