"""Pictures with Pillow alone: grids, labels, cards, arrows and boxes, in several styles.

Everything is painted on one Canvas of 560x560 pixels. A glyph (see glyphs.py) is
painted once at four times its size, reduced (which smooths its edges), and kept.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from ludex.code2logic.glyphs import RGB, SUITS, Glyph, Point
from ludex.envs.pictures import SIDE
from ludex.lookup import suggest

FONT = Path(__file__).parent / "fonts" / "DejaVuSans.ttf"
SMOOTH = 4  # a glyph is painted this many times larger

COLOUR_NAMES = ("blue", "orange", "green", "yellow", "red", "purple", "light blue", "grey")


@dataclass(frozen=True)
class Style:
    """One look.

    Attributes:
        paper: background of the canvas.
        ink: text, outlines and lines on the paper or on a cell.
        cell: background of a cell; `other` is the second one of a chequered board.
        line: lines of a grid.
        solid: walls and whatever is covered.
        palette: the eight colours of COLOUR_NAMES, distinct for colour-blind readers.
    """

    name: str
    paper: RGB
    ink: RGB
    cell: RGB
    other: RGB
    line: RGB
    solid: RGB
    palette: tuple[RGB, ...]

    def colour(self, name: str) -> RGB:
        """The colour that people call `name`. ValueError for one that is not of COLOUR_NAMES."""
        if name not in COLOUR_NAMES:
            raise ValueError(f"no colour {name!r}; {suggest(name, COLOUR_NAMES)}")
        return self.palette[COLOUR_NAMES.index(name)]


def _rgb(codes: str) -> tuple[RGB, ...]:
    return tuple((int(c[:2], 16), int(c[2:4], 16), int(c[4:], 16)) for c in codes.split())


# After Okabe and Ito (2008) and Tol, "Colour schemes" (2021). Red is moved away from orange, since questions name both,
# and each was adjusted until every pair, and every colour on a cell, is at least 15 apart in CIELAB for protanopes,
# deuteranopes and others alike.
_OKABE_ITO = _rgb("0072B2 E69F00 00A375 F0E442 C9341C CC78B7 56B4E9 7C7D86")
_BRIGHT = _rgb("4477AA EE7733 1F8345 DDCC55 D42B3F AA3377 66CCEE 9A9A9A")
_VIBRANT = _rgb("1D7AD7 FF9F40 11BF85 FFE45C E8503A BD64B9 7FD4FF ACA1AC")


def _style(name: str, colours: str, palette: tuple[RGB, ...]) -> Style:
    paper, ink, cell, other, line, solid = _rgb(colours)
    return Style(name, paper, ink, cell, other, line, solid, palette)


STYLES = {
    "paper": _style("paper", "FAF8F2 22262B FFFFFF EFEBE0 B9B4A6 6B6459", _OKABE_ITO),
    "slate": _style("slate", "DFE5EC 14202E F4F7FA D3DCE6 8697A8 44566B", _BRIGHT),
    "night": _style("night", "1C2128 F2F2EE 30363F 3B434E 5B6572 8B95A3", _VIBRANT),
}


def style_named(name: str) -> Style:
    """The style of that name. ValueError suggests for an unknown one."""
    if name not in STYLES:
        raise ValueError(f"no style {name!r}; {suggest(name, [*STYLES, 'random'])}")
    return STYLES[name]


@lru_cache(maxsize=1)
def _bytes(path: Path) -> bytes:
    """A file, read once: a drafted game draws where no file can be opened any more."""
    return path.read_bytes()


@lru_cache(maxsize=128)
def font(size: int) -> ImageFont.FreeTypeFont:
    """The bundled font at `size` pixels. ValueError if its file is missing or broken."""
    try:
        return ImageFont.truetype(io.BytesIO(_bytes(FONT)), size)
    except OSError as error:
        raise ValueError(f"cannot read the font {FONT}: {error}") from None


@lru_cache(maxsize=4096)
def sprite(glyph: Glyph, size: int, *colours: Any) -> Image.Image:
    """`glyph` painted at `size` pixels with smooth edges, RGBA, from the cache; never change it."""
    big = Image.new("RGBA", (size * SMOOTH, size * SMOOTH), (0, 0, 0, 0))
    glyph(ImageDraw.Draw(big), size * SMOOTH, *colours)
    return big.convert("RGBa").reduce(SMOOTH).convert("RGBA")  # premultiplied, or edges turn dark


@lru_cache(maxsize=4096)
def _word(text: str, size: int, colour: RGB) -> Image.Image:
    left, top, right, bottom = (int(v) for v in font(size).getbbox(text, anchor="lt"))
    image = Image.new("RGBA", (max(1, right - left + 2), max(1, bottom - top + 2)), (*colour, 0))
    ImageDraw.Draw(image).text((1 - left, 1 - top), text, fill=(*colour, 255), font=font(size), anchor="lt")
    return image


def png(image: Image.Image) -> bytes:
    """The picture as PNG; level 1, because level 9 takes eight times as long for a tenth less.

    Raises:
        ValueError: if it is not SIDE x SIDE pixels.
    """
    if image.size != (SIDE, SIDE):
        raise ValueError(f"a picture must be {SIDE}x{SIDE} pixels, not {image.size[0]}x{image.size[1]}")
    out = io.BytesIO()
    image.convert("RGB").save(out, "PNG", compress_level=1)
    return out.getvalue()


class Canvas:
    """A picture under way; `image` is the result. Coordinates are pixels from the top left."""

    def __init__(self, style: Style):
        self.style = style
        self.image = Image.new("RGB", (SIDE, SIDE), style.paper)
        self.pen = ImageDraw.Draw(self.image)

    def grid(self, rows: int, columns: int, box: tuple[int, int, int, int] | None = None, labels: bool = True) -> Grid:
        """A board of square cells, centred in `box` (the whole canvas), with row and column numbers as `labels`."""
        return Grid(self, rows, columns, box or (6, 6, SIDE - 6, SIDE - 6), labels)

    def text(self, at: Point, text: str, size: int = 20, colour: RGB | None = None, anchor: str = "mm") -> None:
        """One line of text; `anchor` is l, m or r and t, m or b: which point of the text is at `at`."""
        word = _word(text, size, colour or self.style.ink)
        x = at[0] - {"l": 0, "m": word.width / 2, "r": word.width}[anchor[0]]
        y = at[1] - {"t": 0, "m": word.height / 2, "b": word.height}[anchor[1]]
        self.image.paste(word, (round(x), round(y)), word)

    def glyph(self, at: Point, size: int, glyph: Glyph, *colours: Any) -> None:
        """A glyph centred at `at`, `size` pixels wide; its `colours` (any hashable arguments) are passed on."""
        image = sprite(glyph, size, *colours)
        self.image.paste(image, (round(at[0] - size / 2), round(at[1] - size / 2)), image)

    def arrow(self, start: Point, end: Point, colour: RGB | None = None, width: int = 4) -> None:
        """An arrow whose tip is at `end`."""
        dx, dy = end[0] - start[0], end[1] - start[1]
        length = max(1.0, (dx * dx + dy * dy) ** 0.5)
        ux, uy, head = dx / length, dy / length, 3.2 * width
        back = (end[0] - ux * head, end[1] - uy * head)
        fill = colour or self.style.ink
        self.pen.line([start, back], fill, width)
        side = 0.6 * head
        self.pen.polygon(
            [end, (back[0] - uy * side, back[1] + ux * side), (back[0] + uy * side, back[1] - ux * side)], fill
        )

    def card(self, at: Point, width: int, label: str, suit: str, face_up: bool = True) -> None:
        """A playing card with its top left corner at `at`; `suit` is spade, heart, diamond or club, painted."""
        x, y = at
        box = (x, y, x + width, y + width * 1.4)
        self.pen.rounded_rectangle(box, width // 8, (255, 255, 255), (60, 60, 60), 1)
        if not face_up:
            inner = (x + 4, y + 4, x + width - 4, y + width * 1.4 - 4)
            self.pen.rounded_rectangle(inner, width // 10, self.style.colour("blue"))
            return
        red = suit in ("heart", "diamond")
        colour = (200, 30, 30) if red else (20, 20, 20)
        small = round(width * 0.4)
        self.text((x + width * 0.28, y + width * 0.26), label, small, colour)
        self.glyph((x + width * 0.72, y + width * 0.26), small, SUITS[suit], colour)
        self.glyph((x + width * 0.5, y + width * 0.9), round(width * 0.6), SUITS[suit], colour)

    def cube(self, origin: Point, unit: float, at: tuple[float, float, float], colour: RGB, label: str = "") -> None:
        """An isometric box of side `unit` at (x, y, z): x runs right and down, y left and down, z up.

        Paint boxes in the order of x + y + z, so that the nearer cover the farther.
        """
        w, h = unit * 0.866, unit * 0.5

        def place(x: float, y: float, z: float) -> Point:
            return origin[0] + (x - y) * w, origin[1] + (x + y) * h - z * unit

        x, y, z = at
        top = [place(x, y, z + 1), place(x + 1, y, z + 1), place(x + 1, y + 1, z + 1), place(x, y + 1, z + 1)]
        left = [top[3], top[2], place(x + 1, y + 1, z), place(x, y + 1, z)]
        right = [top[2], top[1], place(x + 1, y, z), left[2]]
        for face, light in ((top, 1.0), (left, 0.8), (right, 0.62)):
            self.pen.polygon(face, shade(colour, light))
            self.pen.line([*face, face[0]], shade(colour, 0.4), 1)
        if label:
            centre = ((top[0][0] + top[2][0]) / 2, (top[0][1] + top[2][1]) / 2)
            self.text(centre, label, round(unit * 0.5), contrast(colour))


class Grid:
    """Square cells of a board, counted from 0 here and labelled from 1."""

    def __init__(self, canvas: Canvas, rows: int, columns: int, box: tuple[int, int, int, int], labels: bool):
        self.canvas, self.rows, self.columns = canvas, rows, columns
        room = 26 if labels else 0
        self.side = min((box[2] - box[0] - room) // columns, (box[3] - box[1] - room) // rows)
        self.left = (box[0] + box[2] + room - self.side * columns) // 2
        self.top = (box[1] + box[3] + room - self.side * rows) // 2
        for row in range(rows):
            for column in range(columns):
                self.fill(row, column, canvas.style.cell)
        if labels:
            self._label()

    def _label(self) -> None:
        size = min(18, max(12, self.side // 2))
        for row in range(self.rows):
            self.canvas.text((self.left - 14, self.centre(row, 0)[1]), str(row + 1), size)
        for column in range(self.columns):
            self.canvas.text((self.centre(0, column)[0], self.top - 14), str(column + 1), size)

    def centre(self, row: float, column: float) -> Point:
        """The middle of a cell."""
        return self.left + (column + 0.5) * self.side, self.top + (row + 0.5) * self.side

    def rectangle(self, row: int, column: int) -> tuple[int, int, int, int]:
        """The corners of a cell, the last pixel included."""
        x, y = self.left + column * self.side, self.top + row * self.side
        return x, y, x + self.side, y + self.side

    def fill(self, row: int, column: int, colour: RGB, line: RGB | None = None) -> None:
        """Paint a cell's background, with its border."""
        self.canvas.pen.rectangle(self.rectangle(row, column), colour, line or self.canvas.style.line)

    def frame(self, row: int, column: int, colour: RGB, width: int = 4) -> None:
        """A border inside a cell, to mark it."""
        self.canvas.pen.rectangle(self.rectangle(row, column), None, colour, width)

    def borders(self, parts: Mapping[tuple[int, int], object], colour: RGB, width: int = 5) -> None:
        """Thick lines round the parts of a board; `parts` says of each of its cells to which part it belongs."""
        for row, column in parts:
            left, top, right, bottom = self.rectangle(row, column)
            half = width // 2
            for beside, line in (
                ((row - 1, column), (left - half, top, right + half, top)),
                ((row + 1, column), (left - half, bottom, right + half, bottom)),
                ((row, column - 1), (left, top - half, left, bottom + half)),
                ((row, column + 1), (right, top - half, right, bottom + half)),
            ):
                if parts.get(beside) != parts[row, column]:
                    self.canvas.pen.line(line, colour, width)

    def put(self, row: float, column: float, glyph: Glyph, *colours: Any, scale: float = 0.8) -> None:
        """A glyph in the middle of a cell, `scale` of its side wide."""
        self.canvas.glyph(self.centre(row, column), max(1, round(self.side * scale)), glyph, *colours)

    def write(self, row: float, column: float, text: str, colour: RGB | None = None, scale: float = 0.5) -> None:
        """Text in the middle of a cell, `scale` of its side high."""
        self.canvas.text(self.centre(row, column), text, max(8, round(self.side * scale)), colour)


def shade(colour: RGB, light: float) -> RGB:
    """A colour made darker (`light` below 1) or lighter (up to 2, white)."""
    if light <= 1:
        return (round(colour[0] * light), round(colour[1] * light), round(colour[2] * light))
    return tuple(round(c + (255 - c) * (light - 1)) for c in colour)  # type: ignore[return-value]


def mix(one: RGB, other: RGB, share: float) -> RGB:
    """A colour between two, `share` of it the first."""
    red, green, blue = (round(a * share + b * (1 - share)) for a, b in zip(one, other, strict=True))
    return red, green, blue


def contrast(colour: RGB) -> RGB:
    """Black or white, whichever is easier to read on `colour`."""
    return (0, 0, 0) if 299 * colour[0] + 587 * colour[1] + 114 * colour[2] > 140_000 else (255, 255, 255)
