"""The text space, and text environments in Gymnasium's vector environments."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium.error import CustomSpaceError

import ludex
from ludex.envs.spaces import FreeText

COUNTDOWN = "ludex/countdown-v0"


def test_it_holds_what_models_write():
    space = FreeText(10, min_length=1)
    for text in ("a", "\u4e2d\u6587", "\x00\n\t", "\U0001f600" * 10, "\ud800"):
        assert text in space, repr(text)
    for other in ("", "a" * 11, b"a", None, 3, ["a"]):
        assert other not in space, repr(other)
    assert "" in FreeText()


class Unwalked(str):
    """A text that nobody may go through."""

    def __iter__(self):
        raise AssertionError("the string was walked")


def test_membership_does_not_walk_the_string():
    """Gymnasium's own space does, character by character."""
    assert Unwalked("abc") in FreeText()
    with pytest.raises(AssertionError, match="walked"):
        assert Unwalked("abc") in gymnasium.spaces.Text(5)


def test_samples_are_seeded_and_inside():
    space, twin = FreeText(100, min_length=3, seed=5), FreeText(100, min_length=3, seed=5)
    drawn = [space.sample() for _ in range(200)]
    assert drawn == [twin.sample() for _ in range(200)]
    assert all(text in space for text in drawn)
    assert len(set(drawn)) > 150
    assert {len(text) for text in drawn} >= {3, 64}


def test_masks_fix_length_and_characters():
    space = FreeText(100, seed=1)
    allowed = np.zeros(len(space.character_list), dtype=np.int8)
    allowed[[ord("x"), ord("y")]] = 1
    text = space.sample(mask=(12, allowed))
    assert len(text) == 12
    assert set(text) <= {"x", "y"}


def test_equality_is_of_the_lengths():
    assert FreeText(5) == FreeText(5)
    assert FreeText(5) != FreeText(6)
    assert FreeText(5) != gymnasium.spaces.Text(5)
    assert repr(FreeText(5)) == "FreeText(0, 5)"


@pytest.mark.parametrize(("mode", "options"), [("sync", {}), ("async", {"shared_memory": False})])
def test_vector_environments_pose_the_tasks_of_their_seeds(mode, options):
    vector = gymnasium.make_vec(COUNTDOWN, num_envs=3, vectorization_mode=mode, vector_kwargs=options)
    try:
        streams = [ludex.task_source("countdown", seed=10 + i) for i in range(3)]
        observations, info = vector.reset(seed=10)
        assert tuple(observations) == tuple(stream[0].prompt for stream in streams)
        solutions = [stream[0].info["solution"] for stream in streams]
        _, rewards, terminated, truncated, info = vector.step((solutions[0], "", solutions[2]))
        assert rewards.tolist() == [1.0, 0.0, 1.0]
        assert terminated.all()
        assert not truncated.any()
        assert [score.level for score in info["score"]] == ["correct", "no answer", "correct"]
        observations, _, terminated, *_ = vector.step(("", "", ""))  # Gymnasium resets ended episodes in the next step
        assert tuple(observations) == tuple(stream[1].prompt for stream in streams)
        assert not terminated.any()
    finally:
        vector.close()


def test_async_with_shared_memory_fails_loudly():
    with pytest.raises(ValueError, match="shared_memory=False") as caught:
        gymnasium.make_vec(COUNTDOWN, num_envs=2, vectorization_mode="async")
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value.__cause__, CustomSpaceError)


def test_vector_environments_play_many_turns():
    vector = gymnasium.make_vec("ludex/guess-v0", num_envs=4)
    _, info = vector.reset(seed=0)
    solutions, found = [list(s) for s in info["solution"]], [False] * 4
    for turn in range(7):
        actions = tuple(s[min(turn, len(s) - 1)] for s in solutions)
        _, rewards, *_ = vector.step(actions)
        found = [was or bool(reward == 1.0) for was, reward in zip(found, rewards, strict=True)]
    assert all(found)
