"""Colours by name, and how different two colours look."""

from __future__ import annotations

from functools import lru_cache
from math import dist

RGB = tuple[int, int, int]

NAMES: dict[str, RGB] = {
    "red": (215, 30, 40),
    "orange": (255, 140, 0),
    "yellow": (250, 225, 50),
    "green": (30, 150, 60),
    "cyan": (70, 215, 220),
    "blue": (35, 70, 210),
    "purple": (130, 40, 170),
    "pink": (255, 150, 200),
    "brown": (120, 70, 30),
    "grey": (128, 128, 128),
}
SAFE = 2  # how many times as far the second nearest name must be
MATRIX = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))  # sRGB to XYZ, IEC 61966-2-1


@lru_cache(maxsize=4096)
def lab(colour: RGB) -> tuple[float, float, float]:
    """A colour of sRGB in CIELAB, for the white point D65."""
    linear = [((v / 255 + 0.055) / 1.055) ** 2.4 if v > 10 else v / 255 / 12.92 for v in colour]
    shares = (sum(m * v for m, v in zip(row, linear, strict=True)) / sum(row) for row in MATRIX)
    x, y, z = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in shares)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def apart(a: RGB, b: RGB) -> float:
    """The distance of two colours in CIELAB; a difference of about 2 can just be seen."""
    return dist(lab(a), lab(b))


def named(colour: RGB) -> str:
    """The name of a colour; "" unless it is clearly the nearest of NAMES both in RGB and in CIELAB."""
    found = ""
    for distance in (dist, apart):
        (near, name), (far, _) = sorted((distance(colour, there), name) for name, there in NAMES.items())[:2]
        if far < SAFE * near or name != (found or name):
            return ""
        found = name
    return found
