"""Environments in processes of their own: declared, whole, hanging, dying, and what cannot go through a pipe."""

from __future__ import annotations

import multiprocessing
import os
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import gymnasium
import pytest
from foreign_games import Apart, Copier, Counting, Memory, registered, starts
from test_pool import ended, threads

import ludex
from ludex.agents.players import Oracle, RandomPlayer
from ludex.agents.rollout import Arena, Domain
from ludex.core import Stop
from ludex.envs.process import EnvFailure, ProcessEnv, declared


def gone(pid: int) -> bool:
    """Whether a process ends within ten seconds."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if not Path(f"/proc/{pid}").exists():
            return True
        time.sleep(0.01)
    return False


def test_what_classes_declare():
    assert declared("foreign_games:Apart") == "process"
    assert declared("foreign_games:Counting") == declared("countdown") == declared("play-maze") == "thread"
    assert declared("FrozenLake-v1") == declared("guess") == "thread"
    with pytest.raises(ValueError, match=r"foreign_games:Misspelt: metadata.*'proces'; did you mean 'process'"):
        declared("foreign_games:Misspelt")
    with pytest.raises(ValueError, match=r"no concurrency 'proces'; did you mean 'process'"):
        Domain("countdown", concurrency="proces")  # type: ignore[arg-type]
    with pytest.raises(ludex.lookup.UnknownName, match="countdown-v0"):
        Arena([Domain("countdwn", concurrency="process")])
    with pytest.raises(EnvFailure, match=r"TypeError: .*'numbrs'.*numbers"):
        Arena([Domain("countdown", concurrency="process", options={"numbrs": 3})])


def test_an_environment_keeps_its_state_in_its_process(tmp_path: Path):
    replies = ["a", "end"]
    player = Copier(lambda episode: replies[len(episode.trajectory.turns)])
    gymnasium.register("foreign/apart-v0", Apart)  # in this process only
    try:
        domain = Domain("foreign/apart-v0", options={"mark": str(tmp_path / "mark")})
        with closing(Arena([domain], workers=2)) as arena:
            rounds = [arena.play(starts(2), player) for _ in range(2)]
            pids = {int(env.reset()[0].split()[0]) for env, _ in arena._idle[0]}
    finally:
        del gymnasium.registry["foreign/apart-v0"]
    assert {t.stop for played in rounds for t in played} == {Stop.TERMINATED}
    assert [[turn.observation.split()[1] for turn in t.turns] for t in rounds[0]] == [["0", "1"]] * 2
    assert [[turn.observation.split()[1] for turn in t.turns] for t in rounds[1]] == [["2", "3"]] * 2
    assert len(pids) == 2
    assert os.getpid() not in pids
    assert not Apart.steps
    assert (tmp_path / "mark").read_text().startswith("closed in ")
    assert all(gone(pid) for pid in pids)


FAULTS = {
    "hang": "EnvTimeout: no answer within 4 s",
    "die": "EnvFailure: its process ended in step",
    "exit": "EnvFailure: SystemExit: bye",
    "panic": "EnvFailure: Panic: gone",
    "raise": "EnvFailure: KeyError: 'lost\\npiece'",
    "odd": "EnvFailure: step gave back what cannot be sent between processes (TypeError: cannot pickle",
    "nan": "ValueError: the reward is nan",
}


def test_whatever_happens_there_costs_the_episode_alone_and_a_hang_ends():
    before, replies = threads(), [*FAULTS, "end"]
    player = Copier(lambda episode: replies[episode.trajectory.group])
    with closing(Arena([Domain("foreign_games:Apart")], workers=2, timeout_s=4)) as arena:
        played = arena.play(starts(len(replies)), player)
        assert all(
            t.stop is Stop.ENV_ERROR and FAULTS[r] in t.error for r, t in zip(replies, played[:-1], strict=False)
        )
        assert all(gone(int(t.turns[0].observation.split()[0])) for t in played[:-1])
        assert (played[-1].stop, len(arena._idle[0])) == (Stop.TERMINATED, 1)
    assert ended(before)  # the thread that waited for the process that hung, too


def test_tasks_of_ours_are_the_same_there():
    there = Domain("countdown", options={"difficulty": "easy"}, concurrency="process")
    here = Domain("countdown", options={"difficulty": "easy"})
    own = Domain("foreign_games:OwnTasks", options={"size": 3})
    with closing(Arena([here, there, own], workers=2)) as arena:
        first, second = (arena.play(starts(3, split="valid", seed=5, domain=i), Oracle()) for i in (0, 1))
        third = arena.play(starts(3, split="valid", seed=5, domain=2), Oracle())
        source = arena.source(2, 5, "valid")
        assert [t.turns[0].observation for t in third] == [source[i].prompt for i in range(3)]
        assert all(t.correct and t.score and t.score.level == "correct" for t in third)
    assert [(t.task_id, t.turns, t.score) for t in first] == [(t.task_id, t.turns, t.score) for t in second]


def test_spaces_come_through_and_what_cannot_is_one_line():
    env = ProcessEnv("foreign_games:Counting")
    try:
        assert env.action_space == Counting.action_space
        assert env.source is None
        assert env.unwrapped is env
        with pytest.raises(Exception, match="pickle"):
            env.step(lambda: "a")  # type: ignore[arg-type]
        assert env.reset(seed=0)[0] == "a"
    finally:
        env.close()
    with pytest.raises(EnvFailure, match="its process ended in reset"):
        env.reset(seed=0)
    with closing(Arena([Domain("foreign_games:Counting", concurrency="process")])) as arena:
        (t,) = arena.play(starts(1), RandomPlayer())
    assert len(t.turns) == 4


@pytest.mark.parametrize(("fault", "message"), [("raise", "OSError: no display :0"), ("hang", "no answer within 3 s")])
def test_an_environment_that_cannot_be_started_is_one_line_and_leaves_nothing_behind(fault: str, message: str):
    before, children = threads(), {child.pid for child in multiprocessing.active_children()}
    domains = [Domain("foreign/memory-v0"), Domain("foreign_games:Unstartable", options={"fault": fault})]
    with registered(memory=Memory):
        with pytest.raises(EnvFailure) as raised:
            Arena(domains, timeout_s=3 if fault == "hang" else 60)
        assert [env.closed for env in Memory.made] == [True]
    assert str(raised.value) == f"foreign_games:Unstartable cannot be started: {message}"
    assert ended(before)
    assert all(gone(child.pid) for child in multiprocessing.active_children() if child.pid not in children)


def test_an_environment_of_a_notebook():
    """What was registered in this process only, by its class."""
    made: Any = Apart
    ludex.register("apart-here", made)
    with closing(Arena([Domain("apart-here")])) as arena:
        (t,) = arena.play(starts(1), Copier(lambda _: "end"))
    assert (t.stop, t.turns[0].observation.split()[1]) == (Stop.TERMINATED, "0")
    assert int(t.turns[0].observation.split()[0]) != os.getpid()
