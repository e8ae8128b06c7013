"""Environments stepped beside sampling: what overlaps, what stays the same, what is given back."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from foreign_games import Copier, Counting, Faulty, Memory, registered, starts
from small_models import build_model
from test_pool import ended, threads
from toys import build_tokenizer

from ludex.agents.engine.local import LocalEngine
from ludex.agents.players import Context, Episode, InstantPlayer, PolicyPlayer
from ludex.agents.policy import Policy
from ludex.agents.render import Renderer
from ludex.agents.rollout import Arena, Domain, Start
from ludex.agents.sampling import Sample, Sampling
from ludex.core import Stop, Trajectory, Turn


class OneByOne(InstantPlayer):
    """Answers one episode at a time; `again` is set once it is asked for a second answer."""

    def __init__(self) -> None:
        self.collected, self.again = 0, threading.Event()

    def collect(self) -> list[tuple[Episode, Turn | None]]:
        self.collected += 1
        if self.collected == 2:
            self.again.set()
        first, *self._waiting = self._waiting
        return [(first, Turn(first.observation, "a"))]


def test_environments_of_a_round_are_stepped_together():
    """Each step waits until three are being made, which is never the case where they are made in turn."""

    class Meeting(Memory):
        barrier = threading.Barrier(3)

        def step(self, action: str) -> Any:
            self.barrier.wait(0.5)
            return super().step(action)

    with registered(meeting=Meeting):
        for workers, expected in ((3, Stop.TERMINATED), (0, Stop.ENV_ERROR)):
            Meeting.barrier.reset()
            with closing(Arena([Domain("foreign/meeting-v0")], workers=workers)) as arena:
                assert {t.stop for t in arena.play(starts(3), Copier())} == {expected}


def test_resets_of_foreign_environments_are_made_together():
    class Meeting(Memory):
        barrier = threading.Barrier(3)

        def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
            self.barrier.wait(10)
            return super().reset(seed=seed)

    with registered(meeting=Meeting), closing(Arena([Domain("foreign/meeting-v0")], workers=3)) as arena:
        assert {t.stop for t in arena.play(starts(3), Copier())} == {Stop.TERMINATED}


@pytest.mark.parametrize(("workers", "overlaps"), [(1, True), (0, False)])
def test_the_next_response_is_sampled_while_an_environment_is_busy(workers: int, overlaps: bool):
    """The first step ends once the player is asked for its second answer, or has waited for that in vain."""
    player, seen = OneByOne(), []

    class Busy(Memory):
        def step(self, action: str) -> Any:
            seen.append(player.again.wait(10 if overlaps else 0.3))
            return super().step(action)

    with (
        registered(busy=Busy),
        closing(Arena([Domain("foreign/busy-v0", options={"turns": 1})], workers=workers)) as arena,
    ):
        played = arena.play(starts(2), player)
    assert all(t.stop is Stop.TERMINATED for t in played)
    assert seen == [overlaps, True]


class Watched:
    """The real engine, and a record of what is asked of it and when it answers."""

    def __init__(self, policy: Policy, renderer: Renderer):
        self.engine = LocalEngine(policy, renderer.stops, batch=5)  # fewer slots than episodes
        self.events: list[Any] = []
        self.kept: Counter[int] = Counter()
        self.given_back: Counter[int] = Counter()

    def submit(self, prompt: Sequence[int], sampling: Sampling, *, key: Any = (), keep: bool = False, after: int = 0):
        handle = self.engine.submit(prompt, sampling, key=key, keep=keep, after=after)
        self.events.append((handle, tuple(prompt), key, after))
        self.kept[handle] += keep
        if after:
            self.given_back[after] += 1
        return handle

    def poll(self) -> dict[int, Sample]:
        found = self.engine.poll()
        self.events.append({handle: (sample.ids, sample.logps) for handle, sample in found.items()})
        return found

    def release(self, handle: int) -> None:
        self.given_back[handle] += 1
        self.engine.release(handle)

    def refresh(self, seed: int) -> None:
        self.engine.refresh(seed)


class Restless(Memory):
    """As many turns as its first letter says, each of them taking its time, which no seed decides."""

    slowest_s = 0.01
    dice = random.Random()

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        observation, info = super().reset(seed=seed)
        self.left = 1 + "abcd".index(self.first)
        return observation, info

    def step(self, action: str) -> Any:
        time.sleep(self.slowest_s * self.dice.random())
        return super().step(action)


MIX = [Domain("foreign/restless-v0"), Domain("foreign_games:Counting"), Domain("guess-v0")]
STARTS = [Start(number % 3, 0, "train", number // 3, number) for number in range(12) for _ in range(2)]


def policy_player(tokens: int, max_context: int = 4096, history: int = 0, seed: int = 3) -> PolicyPlayer:
    """A small policy with a watched engine."""
    tokenizer = build_tokenizer()
    policy = Policy(build_model(vocab_size=len(tokenizer), max_position_embeddings=4096), tokenizer)
    renderer = Renderer(tokenizer, policy.stops)
    engine = Watched(policy, renderer)
    engine.refresh(seed)
    return PolicyPlayer(engine, Context(renderer, max_context, history), Sampling(tokens))


def sampled(
    workers: int, history: int = 0, seed: int = 3, chunk: int = 24, **options: Any
) -> tuple[list[Trajectory], Any]:
    """What a policy plays in a mix of games, so many episodes at once, and its engine."""
    player = policy_player(6, 400, history, seed)
    with closing(Arena(MIX, workers=workers, **options)) as arena:
        played = [t for first in range(0, 24, chunk) for t in arena.play(STARTS[first : first + chunk], player)]
    return played, player.engine


@pytest.fixture(autouse=True)
def foreign():
    with registered(restless=Restless):
        yield


def said(played: list[Trajectory]) -> list[Any]:
    """Everything that is not a number with rounding."""
    return [
        (t.task_id, t.group, t.domain, t.stop, t.correct, t.score, t.error, [replace(x, logps=[]) for x in t.turns])
        for t in played
    ]


def test_workers_change_no_trajectory():
    in_turn, beside = sampled(0)[0], sampled(3)[0]
    assert said(in_turn) == said(beside)
    assert len({len(t.turns) for t in in_turn}) > 2
    assert {t.stop for t in in_turn} == {Stop.TERMINATED, Stop.CONTEXT}
    both = [[p for t in played for turn in t.turns for p in turn.logps] for played in (in_turn, beside)]
    assert both[0] == pytest.approx(both[1], abs=1e-5)
    assert said(sampled(0, seed=4)[0]) != said(in_turn)


def test_the_speed_of_environments_changes_nothing_at_all(monkeypatch: pytest.MonkeyPatch):
    """What is asked of the engine, when, and every bit of its answers."""
    events = [sampled(3)[1].events]
    for slowest_s in (0.0, 0.05):
        monkeypatch.setattr(Restless, "slowest_s", slowest_s)
        events.append(sampled(3)[1].events)
    assert events[0] == events[1] == events[2]


def test_members_of_a_group_draw_from_streams_of_their_own_and_chunks_change_no_episode():
    played, engine = sampled(0)
    keys = [event[2] for event in engine.events if isinstance(event, tuple)]
    assert len(set(keys)) == len(keys)
    assert said(sampled(0, chunk=4)[0]) == said(played)


@pytest.mark.parametrize(("workers", "history"), [(0, 0), (3, 0), (3, 1)])
def test_every_kept_conversation_is_given_back_once(workers: int, history: int):
    played, engine = sampled(workers, history, max_turns=4)
    kept = {handle for handle, count in engine.kept.items() if count}
    assert engine.given_back == Counter(dict.fromkeys(kept, 1))
    assert len(kept) == (0 if history else sum(len(t.turns) for t in played))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_player_that_fails_leaves_nothing_behind(workers: int):
    class Failing(Exception):
        pass

    player, before = policy_player(3), threads()
    real = player.collect

    def collect() -> Any:
        found = real()
        if any(len(episode.trajectory.turns) == 2 for episode, _ in found):
            raise Failing
        return found

    player.collect = collect  # type: ignore[method-assign]
    Memory.made.clear()
    with closing(Arena([Domain("foreign/restless-v0")], workers=workers)) as arena:
        with pytest.raises(Failing):
            arena.play(starts(8), player)
        engine: Any = player.engine
        assert engine.given_back == Counter({handle: 1 for handle, count in engine.kept.items() if count})
        assert player == PolicyPlayer(engine, player.context, player.sampling)  # nothing waits, nothing is kept
        player.collect = real  # type: ignore[method-assign]
        player.engine.refresh(5)
        assert {t.stop for t in arena.play(starts(8), player)} == {Stop.TERMINATED}
    assert all(env.closed for env in Memory.made)
    assert threads() == before


@pytest.mark.parametrize(("workers", "timeout_s"), [(0, 0.0), (0, 600.0), (2, 0.0), (2, 600.0)])
def test_ctrl_c_waits_for_no_environment_that_is_busy(workers: int, timeout_s: float):
    """Of nine environments one a thread has begun its step; the others are closed, and never make theirs."""
    before, busy, release = threads(), [], threading.Event()

    class Busy(Memory):
        def step(self, action: str) -> Any:
            busy.append(self)
            if len(busy) == max(1, workers):
                time.sleep(0.3)  # the main thread waits, if there is another one
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            release.wait(30)
            return super().step(action)

    with (
        registered(busy=Busy),
        closing(Arena([Domain("foreign/busy-v0")], workers=workers, timeout_s=timeout_s)) as arena,
    ):
        with pytest.raises(KeyboardInterrupt):
            arena.play(starts(9), Copier())
        made = list(Memory.made)
    assert (len(made), len(busy)) == (9, max(1, workers))
    in_a_thread = set(busy if workers or timeout_s else [])  # without one the step itself was broken off
    assert {env for env in made if not env.closed} == in_a_thread
    release.set()
    assert ended(before)
    assert len(busy) == max(1, workers)


@pytest.mark.parametrize("fault", ["reset raises", "reset hangs", "step raises", "step panics", "step hangs", "nan"])
def test_a_fault_beside_others_costs_its_episode_alone(fault: str):
    """As without workers (test_rollout_faults); the environments of a lane outlive one that hangs there."""
    noted: list[int] = []

    class Note(Memory):
        def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[str, dict[str, Any]]:
            noted.append(seed or 0)
            return super().reset(seed=seed)

    with registered(note=Note, faulty=Faulty):
        with closing(Arena([Domain("foreign/note-v0")], timeout_s=0)) as arena:
            arena.play(starts(9), Copier())
        Faulty.bad_seeds = set(noted[::3])
        domain = Domain("foreign/faulty-v0", success_at=2.0, options={"fault": fault})
        with closing(Arena([domain], timeout_s=0.3 if "hangs" in fault else 20.0, workers=2)) as arena:
            played = arena.play(starts(9), Copier())
            assert [t.group for t in played if t.stop is Stop.ENV_ERROR] == [0, 3, 6]
            assert all(t.correct for t in played if t.stop is not Stop.ENV_ERROR)
            Faulty.bad_seeds = set()
            assert all(t.correct for t in arena.play(starts(9), Copier()))
            Faulty.hang.set()
    Faulty.hang = threading.Event()


def test_an_environment_stays_on_its_thread():
    homes: dict[int, set[int]] = {}

    class Home(Counting):
        def step(self, action: str) -> Any:
            homes.setdefault(id(self), set()).add(threading.get_ident())
            return super().step(action)

    with registered(home=Home), closing(Arena([Domain("foreign/home-v0")], workers=3)) as arena:
        for n in (9, 4, 9):
            arena.play(starts(n), Copier())
    assert all(len(own) == 1 for own in homes.values())
    assert len(set.union(*homes.values())) == 3
