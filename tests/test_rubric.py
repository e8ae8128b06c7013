"""Composing scores, by hand calculation."""

from __future__ import annotations

import math

import pytest

from ludex.core import Scale, Status
from ludex.rewards.rubric import Rubric

SCALE = Scale(("no answer", "poor", "fair", "good"), (0.0, 0.2, 0.5, 0.9), "good")
CUTS = {"poor": 0.0, "fair": 0.4, "good": 0.8}
WEIGHTS = {"style": 0.6, "content": 0.3, "length": 0.1}


def rubric(**changes):
    return Rubric(**{"scale": SCALE, "cuts": CUTS, "weights": WEIGHTS, **changes})


def parts(**values):
    return {name: lambda value=value: value for name, value in values.items()}


@pytest.mark.parametrize(
    ("values", "total", "level"),
    [
        ((1, 1, 1), 1.0, "good"),
        ((0.5, 0.2, 1), 0.46, "fair"),  # .30 + .06 + .10
        ((0, 1, 1), 0.4, "fair"),
        ((1, 0, 0), 0.6, "fair"),
        ((1, 1 / 3, 1), 0.8, "good"),  # a cut is reached, whatever the last bit of the sum
        ((0, 0, 0), 0.0, "poor"),
    ],
)
def test_the_total_is_the_weighted_mean_and_decides_the_level(values, total, level):
    score = rubric().score(parts(**dict(zip(WEIGHTS, values, strict=True))))
    assert score.parts["total"] == pytest.approx(total)
    assert {name: score.parts[name] for name in WEIGHTS} == dict(zip(WEIGHTS, values, strict=True))
    assert (score.level, score.status) == (level, Status.OK)


def test_weights_need_not_sum_to_one():
    assert rubric(weights={"style": 2, "content": 6}).total({"style": 1, "content": 0.5}) == pytest.approx(5 / 8)


def test_a_gate_multiplies_and_shuts():
    gated = rubric(gates=("original", "polite"))
    whole = {"style": 1, "content": 1, "length": 1}
    assert gated.score(parts(**whole, original=0, polite=1)).level == "poor"
    assert gated.total({**whole, "original": 0.5, "polite": 0.5}) == pytest.approx(0.25)


@pytest.mark.parametrize("broken", ["style", "content", "length", "original"])
def test_one_part_without_a_value_is_an_error_and_never_zero(broken):
    def fail():
        raise TimeoutError("the server\nsleeps")

    values = parts(style=1, content=1, length=1, original=1)
    score = rubric(gates=("original",)).score(values | {broken: fail})
    assert score.status is Status.ERROR
    assert score.level is None
    assert math.isnan(score.reward)
    assert score.why == f"{broken}: TimeoutError: the server sleeps"


@pytest.mark.parametrize("value", [math.nan, -0.1, 1.1, math.inf])
def test_what_is_no_share_is_an_error(value):
    score = rubric().score(parts(style=value, content=1, length=1))
    assert score.status is Status.ERROR
    assert score.why.startswith("style: ")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": {"style": -1, "content": 2}}, "weights"),
        ({"weights": {"style": 0}}, "weights"),
        ({"weights": {"style": math.nan}}, "weights"),
        ({"cuts": {"poor": 0.1, "good": 0.8}}, "rise from 0"),
        ({"cuts": {"poor": 0.0, "good": 0.8, "fair": 0.9}}, "rise from 0"),
        ({"cuts": {"poor": 0.0, "grand": 0.8}}, "no level 'grand'"),
    ],
)
def test_nonsense_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        rubric(**changes)
