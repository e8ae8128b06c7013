"""Environments that break, hang or lie cost their episode and nothing else."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from foreign_games import Copier, Faulty, Memory, play, registered, starts

from ludex.agents.rollout import Arena, Domain
from ludex.core import Stop
from ludex.lookup import UnknownName


def seeds_of(groups: int) -> list[int]:
    """The seeds that a foreign environment is reset with."""
    noted: list[int] = []

    class Note(Memory):
        def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[str, dict[str, Any]]:
            assert seed is not None
            noted.append(seed)
            return super().reset(seed=seed)

    with registered(note=Note):
        play(Domain("foreign/note-v0"), n=groups, timeout_s=0)
    return noted


@pytest.fixture(autouse=True)
def foreign() -> Iterator[None]:
    """Of nine episodes every third breaks."""
    Faulty.bad_seeds = set(seeds_of(9)[::3])
    with registered(memory=Memory, faulty=Faulty):
        yield
    Faulty.hang.set()
    Faulty.hang = threading.Event()


FAULTS = {
    "reset raises": "OSError: no board no game",
    "reset hangs": "EnvTimeout: no answer within 0.2 s",
    "reset not text": "TypeError: foreign/faulty-v0: observations must be text, got int",
    "reset no info": "'NoneType' object has no attribute 'get'",
    "step raises": "KeyError: 'lost piece'",
    "step panics": "RuntimeError: it raised Panic: the engine is gone",
    "step hangs": "EnvTimeout: no answer within 0.2 s",
    "nan": "ValueError: the reward is nan",
    "inf": "ValueError: the reward is inf",
    "none": "TypeError: ",
    "error score": "RuntimeError: gold is broken",
    "not text": "observations must be text, got NoneType",
    "four": "ValueError: not enough values to unpack",
    "odd success": "ValueError: neither true nor false",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_costs_its_episode_and_says_why(fault: str):
    limit = 0.2 if "hangs" in fault else 20.0
    played = play(Domain("foreign/faulty-v0", success_at=2.0, options={"fault": fault}), n=9, timeout_s=limit)
    lost = [t for t in played if t.stop is Stop.ENV_ERROR]
    assert [t.group for t in lost] == [0, 3, 6]
    for t in lost:
        assert FAULTS[fault] in t.error
        assert "\n" not in t.error
        assert not t.correct
        assert len(t.turns) == (0 if fault.startswith("reset") else 1)
    assert all(t.reward == 2 and t.correct and not t.error for t in played if t not in lost)
    # Nine were needed at once; the three that broke are closed, unless they may still be at work.
    broken = [env for env in Memory.made if getattr(env, "bad", False)]
    assert len(broken) == 3
    assert all(env.closed != ("hangs" in fault) for env in broken)


def test_a_broken_environment_is_replaced_and_a_whole_one_is_kept():
    with closing(Arena([Domain("foreign/faulty-v0", options={"fault": "step raises"})])) as arena:
        arena.play(starts(3), Copier())
        assert len(Memory.made) == 3
        second = arena.play(starts(3), Copier())
        assert [t.stop for t in second] == [Stop.ENV_ERROR, Stop.TERMINATED, Stop.TERMINATED]
        assert len(Memory.made) == 4  # one replaced, two used again
    assert all(env.closed for env in Memory.made)


def test_an_environment_that_cannot_be_made_is_said_at_once():
    with pytest.raises(UnknownName, match=r"no environment 'countdwn'.*countdown-v0"):
        Arena([Domain("countdwn")])
    with pytest.raises(TypeError, match=r"no option 'numbrs'.*numbers"):
        Arena([Domain("countdown-v0", options={"numbrs": 3})])


@pytest.mark.parametrize("weight", [0.0, -1.0, math.nan, math.inf])
def test_a_weight_is_positive(weight: float):
    with pytest.raises(ValueError, match="must be a positive number"):
        Domain("countdown-v0", weight=weight)
