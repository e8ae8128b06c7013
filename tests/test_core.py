"""Scale, Score, Task and Trajectory."""

from __future__ import annotations

import json
import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ludex
from ludex.core import Scale, Score, Status, Stop, Task, Trajectory, Turn

SCALE = Scale(("none", "wrong", "partly", "right"), (0.0, 0.1, 0.3, 1.0), "right")


@pytest.mark.parametrize(
    ("levels", "pays", "correct", "message"),
    [
        (("a", "b"), (0.0,), "b", "one pay for each"),
        (("a", "a"), (0.0, 1.0), "a", "distinct"),
        (("a", "b"), (0.0, 1.0), "a", "above the worst"),
        (("a", "b"), (0.0, 1.0), "c", "above the worst"),
        (("a", "b", "c"), (0.0, 1.0, 0.5), "b", "must not fall"),
        (("a", "b"), (0.0, math.inf), "b", "finite"),
        (("a", "b"), (math.nan, 1.0), "b", "finite"),
        (("a", "b", "c"), (0.0, 1.0, 1.0), "c", "must pay more"),
    ],
)
def test_a_scale_that_is_no_order_is_refused(levels, pays, correct, message):
    with pytest.raises(ValueError, match=message):
        Scale(levels, pays, correct)


def test_scale_by_hand():
    assert [SCALE.rank(level) for level in SCALE.levels] == [0, 1, 2, 3]
    assert SCALE.threshold == pytest.approx(0.65)  # midway between 0.3 and 1
    assert Scale(("a", "b", "c"), (0, 0.5, 0.5), "b").threshold == 0.25
    with pytest.raises(ValueError, match="no level 'perfect'"):
        SCALE.score("perfect")


@pytest.mark.parametrize(
    ("level", "reward", "correct"), [("none", 0.0, False), ("partly", 0.3, False), ("right", 1.0, True)]
)
def test_score_by_hand(level, reward, correct):
    score = SCALE.score(level, "because", {"part": 0.5})
    assert (score.reward, score.correct, score.status) == (reward, correct, Status.OK)
    assert json.loads(json.dumps(score.to_dict())) == {
        "level": level,
        "reward": reward,
        "correct": correct,
        "why": "because",
        "status": "ok",
        "parts": {"part": 0.5},
    }


def test_levels_above_the_first_correct_one_are_correct():
    scale = Scale(("no", "yes", "elegant"), (0.0, 0.8, 1.0), "yes")
    assert [scale.score(level).correct for level in scale.levels] == [False, True, True]


def test_an_error_is_never_paid():
    score = SCALE.error("the gold is broken")
    assert score.level is None
    assert not score.correct
    assert score.status is Status.ERROR
    assert math.isnan(score.reward)
    assert score.to_dict()["reward"] is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.text(), JSON, st.lists(st.binary(max_size=20), max_size=2), st.dictionaries(st.text(), JSON, max_size=3))
def test_tasks_come_back_from_one_line_of_json(prompt, answer, images, info):
    task = Task(prompt, answer, "text", "x-v0/train/0/0", tuple(images), info)
    line = task.to_json()
    assert "\n" not in line
    assert Task.from_json(line) == task


def test_tasks_and_scores_pickle():
    task = ludex.task_source("countdown")[0]
    assert pickle.loads(pickle.dumps(task)) == task
    score = ludex.verify(task.info["solution"], task)
    assert pickle.loads(pickle.dumps(score)) == score


def test_trajectory_sums_rewards_and_counts_tokens():
    turns = [Turn("o", "a", 0.1, action_ids=[1, 2]), Turn("o", "b", 0.2, action_ids=[3]), Turn("o", "c", 0.7)]
    trajectory = Trajectory("id", 0, turns=turns)
    assert trajectory.reward == pytest.approx(1.0)
    assert trajectory.tokens == 3
    assert trajectory.stop is Stop.TERMINATED
    assert math.isnan(trajectory.threshold)
    assert not trajectory.correct


def test_a_verifier_that_raises_gives_an_error_and_one_that_is_missing_suggests():
    def broken(response: str, task: Task) -> Score:
        raise RuntimeError("no gold")

    ludex.register_verifier("test-broken", broken)
    score = ludex.verify("x", Task("", 1, "test-broken"))
    assert score.status is Status.ERROR
    assert "no gold" in score.why
    with pytest.raises(KeyError, match="did you mean 'countdown'"):
        ludex.verify("x", Task("", 1, "countdwon"))
    with pytest.raises(ValueError, match="already"):
        ludex.register_verifier("countdown", broken)
