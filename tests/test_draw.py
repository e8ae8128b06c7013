"""The drawing kit: colours that people tell apart, sharp glyphs, and clear errors."""

from __future__ import annotations

import io
import itertools

import numpy as np
import pytest
from PIL import Image

from ludex.code2logic import draw, glyphs
from ludex.code2logic.draw import COLOUR_NAMES, STYLES, Canvas, contrast, png, shade, sprite, style_named

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
VISION = {
    "normal": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def lab(colour, vision):
    """CIELAB of an sRGB colour as that eye sees it."""
    c = np.array(colour) / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(np.array(VISION[vision]) @ linear, 0, 1) / np.array([0.9505, 1, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("style", STYLES.values(), ids=list(STYLES))
@pytest.mark.parametrize("vision", VISION)
def test_colours_are_told_apart(style, vision):
    """2.3 is a just noticeable difference; six times that for every pair, and for each colour on a cell."""
    assert len(style.palette) == len(COLOUR_NAMES) == 8
    for a, b in itertools.combinations([*style.palette, style.cell], 2):
        assert np.linalg.norm(lab(a, vision) - lab(b, vision)) > 14, (a, b)
    for ground in (style.paper, style.cell, style.other):
        assert np.linalg.norm(lab(style.ink, vision) - lab(ground, vision)) > 60


@pytest.mark.parametrize("name", ["disc", "ring", "cross", "diamond", "square", "heart", "spade", "club"])
def test_glyphs_fill_their_square_and_have_smooth_edges(name):
    image = sprite(getattr(glyphs, name), 40, (10, 20, 30))
    alpha = np.asarray(image)[:, :, 3]
    left, top, right, bottom = image.getchannel("A").getbbox()
    assert right - left >= 30
    assert bottom - top >= 30
    assert ((alpha > 20) & (alpha < 235)).any()
    assert (np.asarray(image)[alpha == 255][:, :3] == (10, 20, 30)).all()


def test_headings_point_where_they_say():
    """The half with the tip holds less ink in its outer quarter, and the shaft is on the other side."""
    weights = {
        d: np.asarray(sprite(glyphs.heading, 40, (0, 0, 0), d))[:, :, 3] > 128 for d in ("up", "down", "left", "right")
    }
    for direction, edge in (("up", np.s_[:4]), ("down", np.s_[-4:]), ("left", np.s_[:, :4]), ("right", np.s_[:, -4:])):
        tip = weights[direction][edge].any(axis=0 if direction in ("up", "down") else 1)
        assert 0 < tip.sum() < 14, direction
        assert abs(np.flatnonzero(tip).mean() - 19.5) < 2


@pytest.mark.parametrize(("rows", "columns"), [(3, 3), (9, 4), (4, 9), (13, 13)])
def test_cells_are_square_and_inside(rows, columns):
    grid = Canvas(STYLES["paper"]).grid(rows, columns)
    x0, y0, _, _ = grid.rectangle(0, 0)
    _, _, x1, y1 = grid.rectangle(rows - 1, columns - 1)
    assert (x1 - x0, y1 - y0) == (columns * grid.side, rows * grid.side)
    assert min(x0, y0) >= 26
    assert max(x1, y1) < 560
    assert grid.centre(0, 0) == (x0 + grid.side / 2, y0 + grid.side / 2)
    assert max(rows, columns) * grid.side > 480


def test_text_lands_where_its_anchor_says():
    canvas = Canvas(STYLES["paper"])
    canvas.text((100, 100), "HHH", 30, anchor="lt")
    canvas.text((500, 400), "HHH", 30, anchor="rb")
    dark = np.argwhere(np.asarray(canvas.image).sum(axis=2) < 300)
    upper, lower = dark[dark[:, 0] < 250], dark[dark[:, 0] > 250]
    assert np.abs(upper.min(axis=0) - (100, 100)).max() <= 4
    assert np.abs(lower.max(axis=0) - (400, 500)).max() <= 7  # the last letter keeps its bearing


def test_a_cube_has_three_shades_and_covers_what_is_behind():
    canvas = Canvas(STYLES["paper"])
    canvas.cube((280, 280), 100, (0, 0, 0), (200, 100, 50))
    colours = {colour for _, colour in canvas.image.getcolors()}
    assert {(200, 100, 50), shade((200, 100, 50), 0.8), shade((200, 100, 50), 0.62)} <= colours
    canvas.cube((280, 280), 100, (1, 1, 1), (0, 0, 255))  # projects onto the first exactly
    assert (200, 100, 50) not in {colour for _, colour in canvas.image.getcolors()}


def test_cards_hide_their_faces():
    pictures = []
    for label, up in (("10", True), ("Q", True), ("10", False), ("Q", False)):
        canvas = Canvas(STYLES["slate"])
        canvas.card((50, 50), 80, label, "spade", up)
        pictures.append(canvas.image.tobytes())
    assert len(set(pictures)) == 3
    assert pictures[2] == pictures[3]


def test_pictures_are_png_of_one_size():
    data = png(Canvas(STYLES["night"]).image)
    assert Image.open(io.BytesIO(data)).size == (560, 560)
    with pytest.raises(ValueError, match="must be 560x560 pixels, not 10x20"):
        png(Image.new("RGB", (10, 20)))


def test_mistakes_are_one_line(monkeypatch, tmp_path):
    with pytest.raises(ValueError, match="did you mean 'light blue'"):
        STYLES["paper"].colour("lightblue")
    with pytest.raises(ValueError, match="did you mean 'night'"):
        style_named("nigth")
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"no font")
    monkeypatch.setattr(draw, "FONT", broken)
    with pytest.raises(ValueError, match=r"cannot read the font .*broken\.ttf"):
        draw.font.__wrapped__(20)


def test_contrast():
    assert contrast((255, 255, 0)) == (0, 0, 0)
    assert contrast((0, 0, 128)) == (255, 255, 255)
