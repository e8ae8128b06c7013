"""Colours against published values, and names against the plain rule."""

import pytest

from ludex.code2logic.parts.colours import NAMES, SAFE, apart, lab, named


@pytest.mark.parametrize(
    ("colour", "expected"),  # the corners of sRGB in CIELAB, D65, after Lindbloom's calculator, to a decimal
    [
        ((255, 255, 255), (100, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((255, 0, 0), (53.2, 80.1, 67.2)),
        ((0, 255, 0), (87.7, -86.2, 83.2)),
        ((0, 0, 255), (32.3, 79.2, -107.9)),
    ],
)
def test_cielab(colour, expected):
    assert lab(colour) == pytest.approx(expected, abs=0.15)


def test_the_named_colours_are_far_apart():
    assert min(apart(NAMES[a], NAMES[b]) for a in NAMES for b in NAMES if a != b) > 29
    assert all(named(colour) == name for name, colour in NAMES.items())


def test_colours_between_two_names_have_none():
    assert named((128, 129, 127)) == "grey"
    assert named(tuple((a + b) // 2 for a, b in zip(NAMES["red"], NAMES["orange"], strict=True))) == ""
    assert SAFE > 1
