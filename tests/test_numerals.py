"""Exact numerals, units and bases, by hand and by brute force."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ludex import rewards
from ludex.core import Task
from ludex.rewards.numerals import numeral


def judge(gold: Any, answer: str) -> rewards.Score:
    return rewards.verify(f"\\boxed{{{answer}}}", Task("?", gold, "maths", info={"form": "boxed"}))


NUMERALS = {
    "0": Fraction(0),
    "-5": Fraction(-5),
    "+7": Fraction(7),
    "007": Fraction(7),
    "7,425,000": Fraction(7425000),
    "1 000": Fraction(1000),
    "12 345 678": Fraction(12345678),
    "5.": Fraction(5),
    ".5": Fraction(1, 2),
    "-0.125": Fraction(-1, 8),
    "1,000.50": Fraction(2001, 2),
    "2/3": Fraction(2, 3),
    "-2 / 3": Fraction(-2, 3),
    "4/6": Fraction(2, 3),
    r"\frac{2}{3}": Fraction(2, 3),
    r"\dfrac{2}{3}": Fraction(2, 3),
    r"\frac23": Fraction(2, 3),
    r"\frac1{72}": Fraction(1, 72),
    r"-\frac{-2}{-3}": Fraction(-2, 3),
    r"2\frac{1}{2}": Fraction(5, 2),
    r"-2 \frac{1}{2}": Fraction(-5, 2),
    "2 1/2": Fraction(5, 2),
    r"1.5\times10^{3}": Fraction(1500),
    r"7.5 \cdot 10^{-3}": Fraction(3, 400),
    "1e-3": Fraction(1, 1000),
    "2.5E2": Fraction(250),
    "10^{6}": Fraction(10**6),
    "-10^2": Fraction(-100),
    r"0.\overline{3}": Fraction(1, 3),
    r"0.1\overline{6}": Fraction(1, 6),
    "(1/3)": Fraction(1, 3),
    "-(1/3)": Fraction(-1, 3),
}
NO_NUMERALS = [
    "", "-", ".", "e5", "1 2", "1,23", "1,2345", ",000", "--5", "+-5", "1/0", r"\frac{1}{0}", "2 3/2", "1.2.3", "0x2A",
    "4_2", "1e9999", "10^{9999}", "3+2", "2^{10}", "x", "5x", "\u0664", "\uff14", "\u00b2", "nan", "inf",
    "1/2/3", "(1,234)", "((1))", "1e", "1 000 00", "7" * 301,
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), NUMERALS.items())
def test_numerals_by_hand(text: str, value: Fraction) -> None:
    assert numeral(text) == value


@pytest.mark.parametrize("text", NO_NUMERALS)
def test_no_numerals(text: str) -> None:
    assert numeral(text) is None


def spellings(value: Fraction) -> list[str]:
    sign, n, d = "-" if value < 0 else "", abs(value.numerator), value.denominator
    found = [
        f"{sign}\\frac{{{n}}}{{{d}}}",
        f"{sign}{3 * n}/{3 * d}",
        f"\\tfrac{{{sign}{n}}}{{{d}}}",
        f"({sign}{n}/{d})",
    ]
    if d == 1:
        found += [
            f"{sign}{n}",
            f"{sign}{n:,}",
            f"{sign}{n}.00",
            f"\\, {sign}{n}\\!",
            f"{n:,}".replace(",", "{,}")[: 0 if sign else None],
        ]
    if n > d > 1:
        found.append(f"{sign}{n // d}\\frac{{{n % d}}}{{{d}}}")
    if 10**6 % d == 0:
        found.append(f"{sign}{n // d}.{n % d * 10**6 // d:06d}")
    return [text for text in found if text]


@settings(max_examples=150, deadline=None)
@given(st.fractions(max_denominator=10**4), st.fractions(max_denominator=10**4))
def test_every_spelling_of_a_fraction_is_that_fraction_only(value: Fraction, other: Fraction) -> None:
    for text in spellings(value):
        assert judge(f"{value.numerator}/{value.denominator}", text).level == "correct", text
        expected = "correct" if value == other else "wrong"
        assert judge(f"{other.numerator}/{other.denominator}", text).level == expected, text


def test_fractions_by_brute_force() -> None:
    small = list(itertools.product(range(-3, 4), range(1, 5)))
    for (a, b), (c, d) in itertools.product(small, small):
        assert judge(f"{a}/{b}", f"\\frac{{{c}}}{{{d}}}").correct == (a * d == c * b)


def test_numbers_as_golds() -> None:
    assert judge(42, "42").correct
    assert judge(0.1, "1/10").correct  # the shortest decimal, not the binary value
    assert not judge(0.1, "0.1000000000000000055511151231257827").correct
    assert not judge(1, "True").correct


UNITS = {
    ("45", "45^\\circ"): True,
    ("45^{\\circ}", "45"): True,
    ("5", "5 \\text{ cm}"): True,
    ("5 \\text{ m}", "5 \\text{ cm}"): False,
    ("5 \\text{ m}^2", "5 \\text{ m}"): False,
    ("12 \\text{ hours}", "12 hours"): True,
    ("7.78", "\\$7.78"): True,
    ("28\\%", "28 percent"): True,
    ("0.1", "10\\%"): True,
    ("10\\%", "0.1"): True,
    ("50", "50\\%"): True,
    ("0.5", "0.5\\%"): False,
    ("100", "10\\text{ units}"): False,
    ("11_2", "11"): False,
    ("11", "11_2"): False,
    ("11", "11_{10}"): True,
    ("1010_2", "(1010)_{2}"): True,
    ("1010_2", "1010_3"): False,
}


@pytest.mark.parametrize(("pair", "same"), UNITS.items())
def test_units_and_bases(pair: tuple[str, str], same: bool) -> None:
    assert judge(*pair).correct == same
