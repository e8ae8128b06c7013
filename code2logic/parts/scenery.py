"""Things that stand in a landscape, as glyphs; `SCENERY` names their colours."""

from __future__ import annotations

from PIL import ImageDraw

from ludex.code2logic.glyphs import RGB, Glyph, person, polygon, stroke


def tree(pen: ImageDraw.ImageDraw, s: float, leaves: RGB, trunk: RGB) -> None:
    """A round crown on a trunk."""
    pen.rectangle((s * 0.43, s * 0.55, s * 0.57, s * 0.97), trunk)
    for x, y in ((0.12, 0.22), (0.42, 0.22), (0.27, 0.03)):
        pen.ellipse((s * x, s * y, s * (x + 0.46), s * (y + 0.46)), leaves)


def cactus(pen: ImageDraw.ImageDraw, s: float, colour: RGB, ink: RGB) -> None:
    """A column with an arm on either side."""
    stroke(pen, s, colour, 0.2, (0.5, 0.14), (0.5, 0.88))
    stroke(pen, s, colour, 0.14, (0.5, 0.64), (0.18, 0.64), (0.18, 0.36))
    stroke(pen, s, colour, 0.14, (0.5, 0.5), (0.82, 0.5), (0.82, 0.22))
    for y in (0.2, 0.38, 0.56, 0.74):
        stroke(pen, s, ink, 0.03, (0.5, y), (0.5, y + 0.08))


def flower(pen: ImageDraw.ImageDraw, s: float, petals: RGB, stem: RGB, heart: RGB) -> None:
    """Five petals on a stem."""
    stroke(pen, s, stem, 0.07, (0.5, 0.4), (0.5, 0.96))
    stroke(pen, s, stem, 0.07, (0.5, 0.85), (0.72, 0.7))
    for x, y in ((0.5, 0.15), (0.73, 0.31), (0.64, 0.57), (0.36, 0.57), (0.27, 0.31)):
        pen.ellipse((s * (x - 0.15), s * (y - 0.15), s * (x + 0.15), s * (y + 0.15)), petals)
    pen.ellipse((s * 0.38, s * 0.27, s * 0.62, s * 0.51), heart)


def mushroom(pen: ImageDraw.ImageDraw, s: float, cap: RGB, stem: RGB) -> None:
    """A cap with dots on a broad stem."""
    pen.rounded_rectangle((s * 0.36, s * 0.5, s * 0.64, s * 0.96), s * 0.1, stem, cap, round(s * 0.03))
    pen.pieslice((s * 0.06, s * 0.08, s * 0.94, s * 1.06), 180, 360, cap)
    for x, y in ((0.24, 0.36), (0.46, 0.18), (0.64, 0.38)):
        pen.ellipse((s * x, s * y, s * (x + 0.14), s * (y + 0.14)), stem)


def pumpkin(pen: ImageDraw.ImageDraw, s: float, skin: RGB, stem: RGB) -> None:
    """A ribbed ball with a stalk."""
    pen.rectangle((s * 0.45, s * 0.08, s * 0.57, s * 0.34), stem)
    for x in (0.04, 0.5, 0.27):
        pen.ellipse((s * x, s * 0.26, s * (x + 0.46), s * 0.94), skin, stem, round(s * 0.035))


def house(pen: ImageDraw.ImageDraw, s: float, wall: RGB, roof: RGB) -> None:
    """Walls, a door and a pointed roof."""
    pen.rectangle((s * 0.16, s * 0.45, s * 0.84, s * 0.96), wall, roof, round(s * 0.03))
    polygon(pen, s, roof, ((0.5, 0.04), (0.98, 0.47), (0.02, 0.47)))
    pen.rectangle((s * 0.42, s * 0.62, s * 0.58, s * 0.96), roof)


BROWN, DARK, PALE, INK = (110, 72, 40), (30, 60, 30), (245, 238, 225), (20, 20, 30)
SCENERY: dict[str, tuple[Glyph, tuple[str | RGB, ...]]] = {
    "tree": (tree, ("green", BROWN)),
    "cactus": (cactus, ("green", DARK)),
    "flower": (flower, ("purple", "green", "yellow")),
    "mushroom": (mushroom, ("red", PALE)),
    "pumpkin": (pumpkin, ("orange", BROWN)),
    "player": (person, ("blue", INK)),
    "house": (house, ("yellow", BROWN)),
}
