"""Cubes with a mark on each face, seen obliquely: the front is flat, the top and the right are slanted."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageDraw

from ludex.code2logic.draw import shade, sprite
from ludex.code2logic.glyphs import RGB, Glyph, Point

if TYPE_CHECKING:
    from ludex.code2logic.draw import Canvas

DEPTH = 0.5  # of the slanted faces, as a share of the front's side
LIGHT = {"top": 1.0, "front": 0.92, "right": 0.8}
PIPS = ("", "4", "08", "048", "0268", "02468", "023568")  # which of nine places, row by row, have a pip


def pips(pen: ImageDraw.ImageDraw, s: float, colour: RGB, number: int) -> None:
    """None to six pips, as on dice and dominoes."""
    for place in map(int, PIPS[number]):
        x, y = s * (0.2 + 0.3 * (place % 3)), s * (0.2 + 0.3 * (place // 3))
        pen.ellipse((x - s * 0.11, y - s * 0.11, x + s * 0.11, y + s * 0.11), colour)


@lru_cache(maxsize=1024)
def panel(side: int, face: str, fill: RGB, edge: RGB, glyph: Glyph, *colours: Any) -> Image.Image:
    """A face with its mark as it is seen, RGBA; never change it."""
    flat = Image.new("RGBA", (side, side), (*shade(fill, LIGHT[face]), 255))
    mark, margin = sprite(glyph, round(side * 0.76), *colours), round(side * 0.12)
    flat.paste(mark, (margin, margin), mark)
    ImageDraw.Draw(flat).rectangle((0, 0, side - 1, side - 1), None, edge, 3)
    far = round(side * DEPTH)
    if face == "front":
        return flat
    inverse: tuple[float, ...]
    size, inverse = {
        "top": ((side + far, far), (1.0, 1.0, -far, 0.0, side / far, 0.0)),
        "right": ((far, side + far), (side / far, 0.0, 0.0, 1.0, 1.0, -far)),
    }[face]
    return flat.transform(size, Image.Transform.AFFINE, inverse, Image.Resampling.BICUBIC)


def solid(
    canvas: Canvas, at: Point, side: int, fill: RGB, edge: RGB, marks: Mapping[str, tuple[Glyph, tuple[Any, ...]]]
) -> None:
    """A cube whose front face has its top left corner at `at`; `marks` are its faces' glyphs with their colours."""
    far = round(side * DEPTH)
    for face, (dx, dy) in (("front", (0, 0)), ("top", (0, -far)), ("right", (side, -far))):
        glyph, colours = marks[face]
        image = panel(side, face, fill, edge, glyph, *colours)
        canvas.image.paste(image, (round(at[0]) + dx, round(at[1]) + dy), image)
