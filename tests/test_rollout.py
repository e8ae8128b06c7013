"""Rollouts against environments that know nothing of Ludex."""

from __future__ import annotations

import math
import string
from collections.abc import Iterator
from contextlib import closing
from typing import Any, ClassVar

import gymnasium
import pytest
from foreign_games import LETTERS, Copier, Memory, play, registered, starts
from gymnasium.spaces import Text
from small_models import build_model
from toys import build_tokenizer

from ludex.agents.batch import collate
from ludex.agents.engine.local import LocalEngine
from ludex.agents.players import Context, Oracle, PolicyPlayer, RandomPlayer
from ludex.agents.policy import Policy
from ludex.agents.render import Renderer
from ludex.agents.rollout import Arena, Domain, Start
from ludex.agents.sampling import Sampling
from ludex.core import Stop


@pytest.fixture(autouse=True)
def foreign() -> Iterator[None]:
    with registered(memory=Memory):
        yield


def test_a_two_turn_game_of_somebody_else():
    played = play(Domain("foreign/memory-v0", success_at=2.0), n=12)
    assert len({t.turns[0].observation for t in played}) > 1
    for number, t in enumerate(played):
        assert t.group == number
        assert (t.stop, t.reward, t.correct, t.threshold) == (Stop.TERMINATED, 2.0, True, 2.0)
        assert [turn.reward for turn in t.turns] == [1.0, 1.0]
        assert [turn.text for turn in t.turns] == [t.turns[0].observation] * 2
        assert t.score is None


def test_the_policy_plays_it_and_its_tokens_become_a_batch():
    tokenizer = build_tokenizer()
    policy = Policy(build_model(vocab_size=len(tokenizer)), tokenizer)
    renderer = Renderer(tokenizer, policy.stops)
    engine = LocalEngine(policy, renderer.stops)
    engine.refresh(0)
    player = PolicyPlayer(engine, Context(renderer), Sampling(3))
    played = play(Domain("foreign/memory-v0"), player, n=4, size=4)
    batch = collate(played, append_only=True)
    assert len(batch) == 16
    for t, tokens, mask, n in zip(played, batch.tokens, batch.mask, batch.length, strict=True):
        sampled = [int(x) for x, m in zip(tokens[:n], mask[:n], strict=True) if m]
        assert sampled == [x for turn in t.turns for x in turn.action_ids]
        text = tokenizer.decode(tokens[:n])
        first, second = (turn.observation for turn in t.turns)
        assert text.startswith(f"<|user|>{first}<|end|><|assistant|>{t.turns[0].text}<|end|><|user|>{second}<|end|>")


def test_group_members_start_from_the_same_reset_and_play_their_own_game():
    player = Copier(lambda episode: LETTERS[episode.member])
    played = play(Domain("foreign/memory-v0"), player, n=6, size=4)
    for group in range(6):
        own = [t for t in played if t.group == group]
        assert len(own) == 4
        assert len({t.turns[0].observation for t in own}) == 1
        assert len({t.turns[1].observation for t in own}) == 1  # the environment's dice fall alike too
        assert len({t.task_id for t in own}) == 1
        assert sorted(t.reward for t in own) == [0, 0, 0, 2]
    assert len({t.task_id for t in played}) == 6


def test_seeds_splits_and_indices_give_different_resets():
    with closing(Arena([Domain("foreign/memory-v0", options={"turns": 1})])) as arena:
        stories = {
            (seed, split): "".join(t.turns[0].observation for t in arena.play(starts(30, 1, split, seed), Copier()))
            for seed in (0, 1)
            for split in ("train", "valid", "test")
        }
        assert len(set(stories.values())) == 6
        again = arena.play(starts(30, 1, "valid", 1), Copier())
    assert "".join(t.turns[0].observation for t in again) == stories[1, "valid"]


def test_a_ludex_environment_plays_the_very_task():
    from ludex.envs.registry import task_source

    source = task_source("countdown-v0", seed=3, split="valid", difficulty="easy")
    with closing(Arena([Domain("countdown-v0", options={"difficulty": "easy"})])) as arena:
        played = arena.play([Start(0, 3, "valid", i, i) for i in (4, 0, 4)], Oracle())
    assert [t.task_id for t in played] == [source[i].id for i in (4, 0, 4)]
    assert [t.turns[0].observation for t in played] == [source[i].prompt for i in (4, 0, 4)]
    assert all(t.correct and t.score and t.threshold == t.score.scale.threshold for t in played)


def test_a_data_set_starts_over_and_is_read_once():
    with closing(Arena([Domain("foreign_games:Three")])) as arena:
        played = arena.play(starts(7, 2), Oracle())
        assert [t.turns[0].observation for t in played[::2]] == [f"train {i % 3}" for i in range(7)]
        assert all(t.correct for t in played)
        source = arena.source(0, 0, "train")
        assert len({id(env.unwrapped.source) for env, _ in arena._idle[0]} | {id(source)}) == 1


def test_a_toy_game_through_two_wrappers():
    class Described(gymnasium.ObservationWrapper[str, Any, Any]):
        observation_space = Text(80, charset=string.printable)

        def observation(self, observation: Any) -> str:
            return f"You stand on field {observation} of 16."

    class Spoken(gymnasium.ActionWrapper[Any, str, Any]):
        action_space = Text(20, min_length=0)
        words: ClassVar[list[str]] = ["left", "down", "right", "up"]

        def action(self, action: str) -> int:
            return self.words.index(action) if action in self.words else 0

    def lake() -> gymnasium.Env[str, str]:
        return Spoken(Described(gymnasium.make("FrozenLake-v1", is_slippery=False)))

    with registered(lake=lake):
        path = ["down", "down", "right", "right", "down", "right"]
        player = Copier(lambda episode: path[len(episode.trajectory.turns)])
        (won,) = play(Domain("foreign/lake-v0", success_at=1.0), player, n=1)
        (drowned,) = play(Domain("foreign/lake-v0", success_at=1.0), Copier(lambda _: "right"), n=1, max_turns=7)
        (lost,) = play(Domain("foreign/lake-v0"), RandomPlayer(), n=1)
    assert won.correct
    assert won.turns[1].observation == "You stand on field 4 of 16."
    assert (drowned.stop, drowned.correct, len(drowned.turns)) == (Stop.TRUNCATED, False, 7)
    assert lost.stop in (Stop.TERMINATED, Stop.TRUNCATED)


def test_terminated_and_truncated_stay_apart():
    ends = {
        "terminated": play(Domain("foreign/memory-v0")),
        "truncated": play(Domain("foreign/memory-v0", options={"ending": "truncated"})),
        "limit": play(Domain("foreign/memory-v0", options={"turns": 9}), max_turns=3),
    }
    stops = {name: {t.stop for t in played} for name, played in ends.items()}
    assert stops == {"terminated": {Stop.TERMINATED}, "truncated": {Stop.TRUNCATED}, "limit": {Stop.TRUNCATED}}
    assert {len(t.turns) for t in ends["limit"]} == {3}


@pytest.mark.parametrize(("success_at", "expected"), [(math.nan, False), (2.0, True), (2.5, False)])
def test_success_at_decides_where_the_environment_is_silent(success_at: float, expected: bool):
    assert {t.correct for t in play(Domain("foreign/memory-v0", success_at=success_at))} == {expected}


def test_the_environments_own_success_goes_before_success_at():
    wrong = Copier(lambda episode: "abcd".replace(episode.observation, "")[0])
    domain = Domain("foreign/memory-v0", success_at=-1.0, options={"turns": 1, "success": True})
    assert not any(t.correct for t in play(domain, wrong))
    assert all(t.correct for t in play(domain))


def test_a_mix_keeps_its_domains_apart():
    mix = [Domain("foreign/memory-v0", success_at=2.0), Domain("countdown-v0", options={"difficulty": "easy"})]
    with closing(Arena(mix)) as arena:
        played = arena.play([Start(i % 2, 0, "train", i, i) for i in range(6)], Oracle())
    assert [t.domain for t in played] == [0, 1, 0, 1, 0, 1]
    assert [len(t.turns) for t in played] == [2, 1, 2, 1, 2, 1]
    assert all(t.correct for t in played)
