"""Games that are played: the environment's rules for every game of the table."""

from __future__ import annotations

import json
import pickle
import random
from dataclasses import replace

import numpy as np
import pytest
from plays import say

import ludex
from ludex.code2logic.game import DIFFICULTIES, state_data
from ludex.code2logic.plays import PLAYS, load
from ludex.envs import registry
from ludex.envs.contract import hostile
from ludex.envs.core import SPLITS
from ludex.envs.game import revive, told
from ludex.rewards.play import SCALE, meant

every_game = pytest.mark.parametrize("name", PLAYS)


def played(env, responses):
    """The rewards of the responses, and the last step."""
    rewards = []
    for response in responses:
        last = env.step(response)
        rewards.append(last[1])
        if last[2] or last[3]:
            break
    return rewards, last


def starts(name, seed=0):
    """A start of every difficulty, against every opponent."""
    play, rng = load(name), random.Random(seed)
    return play, [play.start(rng, d, opponent) for d in DIFFICULTIES for opponent in play.opponents or ("",)]


def test_at_least_thirteen_games_are_played_and_all_are_registered():
    assert len(PLAYS) >= 13
    assert list(PLAYS) == sorted(PLAYS)
    assert {f"play-{name}-v0" for name in PLAYS} == {name for name in registry.ENVS if name.startswith("play-")}
    assert all(registry.target(f"play-{name}") is load(name) for name in PLAYS)
    assert all(load(name).game.name == name for name in PLAYS)
    with pytest.raises(ValueError, match="sokoban"):
        load("sokobna")


@every_game
@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_the_oracle_wins_through_the_environment(name, difficulty):
    env = ludex.make(f"play-{name}", difficulty=difficulty)
    for _ in range(4):
        _, info = env.reset()
        rewards, (observation, _, terminated, truncated, end) = played(env, info["solution"])
        assert len(rewards) == len(info["solution"])
        assert rewards == [0.0] * (len(rewards) - 1) + [1.0]
        assert (terminated, truncated) == (True, False)
        assert end["score"].level == "won"
        assert end["is_success"] is True
        assert end["legal"] == []
        assert "You have won." in observation


@pytest.mark.parametrize(("name", "opponent"), [("tictactoe", "best"), ("ultra-tictactoe", "greedy")])
def test_the_oracle_wins_against_the_better_opponent(name, opponent):
    env = ludex.make(f"play-{name}", opponent=opponent)
    for _ in range(10):
        assert played(env, env.reset()[1]["solution"])[1][4]["score"].level == "won"
        assert env.state.opponent == opponent


@every_game
def test_legal_moves_are_those_that_are_accepted(name):
    """A random walk: every listed move is taken, changes the state and nothing else does."""
    play, states = starts(name)
    rng = random.Random(1)
    for state in states:
        for _ in range(30):
            legal = play.moves(state)
            assert bool(legal) == (play.result(state) == "")
            assert len({meant(words, legal) for words in legal}) == len(set(legal)) == len(legal)
            assert 0 <= play.progress(state) <= 1
            assert (play.progress(state) == 1) == (play.result(state) == "won")
            if not legal:
                break
            after = [play.move(state, words) for words in rng.sample(legal, min(5, len(legal)))]
            assert state not in after
            state = rng.choice(after)


@every_game
def test_a_losing_move_gains_no_more_than_any_other(name):
    """Otherwise dense pay would be for losing, as where an exploding mine opened what is around it."""
    play, states = starts(name)
    rng = random.Random(4)
    for state in states * 3:
        for _ in range(40):
            legal = play.moves(state)
            if not legal:
                break
            after = [play.move(state, words) for words in rng.sample(legal, min(12, len(legal)))]
            lost = [other for other in after if play.result(other) == "lost"]
            others = [other for other in after if other not in lost]
            if lost:
                most = max(map(play.progress, lost))
                assert most < 1
                assert most <= max(map(play.progress, others), default=most)
            state = rng.choice(others or lost)


@every_game
def test_what_looks_the_same_is_one_problem(name):
    """The key tells starts apart by what is seen, and not by who plays against or what chance will bring."""
    play, states = starts(name)
    unseen = {"seed": 1, "opponent": (*play.opponents, "")[-1]}
    for state in states:
        changed = {field: value for field, value in unseen.items() if hasattr(state, field)}
        assert play.key(replace(state, **changed)) == play.key(state)
    seen = {(told(play, state, "text", 1), play.hidden(state)) for state in states}
    assert len({play.key(state) for state in states}) == len(seen)


@pytest.mark.parametrize("opponent", ["random", "best"])
def test_no_start_of_tictactoe_is_in_two_splits(opponent):
    prompts = {
        split: {source[i].prompt.rpartition("\n")[0] for i in range(300)}
        for split in SPLITS
        for source in [ludex.task_source("play-tictactoe", split=split, opponent=opponent)]
    }
    assert not prompts["train"] & prompts["test"]
    assert not prompts["train"] & prompts["valid"]
    assert not prompts["valid"] & prompts["test"]
    assert all(len(some) > 60 for some in prompts.values())


def test_codes_that_look_alike_are_problems_of_their_own():
    play = load("mastermind")
    states = [play.start(random.Random(i), "medium", "") for i in range(60)]
    assert len({play.game.describe(state) for state in states}) <= 7  # six of seven colours
    assert len({play.key(state) for state in states}) == len(set(states)) > 50


@every_game
@pytest.mark.parametrize("split", SPLITS)
def test_every_split_has_starts_of_every_difficulty(name, split):
    for difficulty in DIFFICULTIES:
        task = ludex.task_source(f"play-{name}", split=split, difficulty=difficulty)[0]
        assert task.info["difficulty"] == difficulty


@every_game
def test_states_survive_json(name):
    play, states = starts(name)
    for state in states:
        further = play.move(state, play.moves(state)[0])
        for each in (state, further):
            again = revive(play.state, json.loads(json.dumps(state_data(each))))
            assert again == each
            assert hash(again) == hash(each)


@every_game
def test_what_is_told_is_what_is_drawn(name):
    """Along a solution, positions have equal words exactly where they have equal pictures."""
    env = ludex.make(f"play-{name}", difficulty="easy", style="paper")
    _, info = env.reset()
    told = {env.play.game.describe(env.play.board(env.state)): env.png()}
    for response in info["solution"][:6]:
        env.step(response)
        words, picture = env.play.game.describe(env.play.board(env.state)), env.png()
        assert told.setdefault(words, picture) == picture
    assert len(set(told.values())) == len(told) > 1


@every_game
def test_observations_in_words_in_pictures_and_in_both(name):
    text = ludex.make(f"play-{name}", difficulty="easy", style="paper")
    both = ludex.make(f"play-{name}", difficulty="easy", style="paper", observation="both")
    image = ludex.make(f"play-{name}", difficulty="easy", style="paper", observation="image")
    for env in (text, both, image):
        env.reset(seed=3)
    text.state = both.state = image.state  # the three ids have streams of their own
    observations = [env.step("hm")[0] for env in (text, both, image)]
    assert observations[0].splitlines()[:-1] == observations[1]["text"].splitlines()[:-1]
    board = image.play.game.describe(image.play.board(image.state))
    assert board in observations[0]
    assert board not in observations[2]["text"]
    assert np.array_equal(observations[1]["image"], observations[2]["image"])
    assert observations[2]["image"].shape == (560, 560, 3)
    assert image.play.game.legend in image.reset(seed=3)[1]["system"]


@every_game
def test_an_episode_is_determined_by_its_seed_and_moves(name):
    def walk(env):
        rng, seen = random.Random(5), [env.reset(seed=11)[0]]
        for _ in range(15):
            moves = env._legal or ["none"]
            seen.append(env.step(say(rng.choice(moves))))
            if seen[-1][2] or seen[-1][3]:
                break
        return seen

    first = ludex.make(f"play-{name}", dense=0.3)
    assert repr(walk(first)) == repr(walk(ludex.make(f"play-{name}", dense=0.3)))
    assert repr(walk(first)) == repr(walk(pickle.loads(pickle.dumps(first))))


@every_game
def test_dense_pay_adds_up_to_the_progress_made(name):
    """The sum of an episode is its verdict's pay and the share of first to last progress, below the threshold."""
    env = ludex.make(f"play-{name}", dense=0.3, difficulty="easy")
    rng = random.Random(2)
    for _ in range(5):
        env.reset()
        before, rewards, ended = env.play.progress(env.state), [], False
        while not ended:
            _, reward, terminated, truncated, info = env.step(say(rng.choice([*env._legal, "nonsense"])))
            rewards.append(reward)
            ended = terminated or truncated
        gained = 0.3 * (env.play.progress(env.state) - before)
        assert sum(rewards) == pytest.approx(gained + info["score"].reward)
        assert (sum(rewards) > SCALE.threshold) == info["score"].correct


@every_game
def test_hostile_replies_cost_a_turn_and_are_answered_briefly(name):
    env = ludex.make(f"play-{name}", difficulty="hard")
    first, _ = env.reset()
    state = env.state
    for action in hostile.responses().values():
        observation, _, terminated, truncated, info = env.step(action)
        assert len(observation) < len(first) + 900
        observation.encode()  # a lone surrogate is shown escaped
        assert env.state == state
        assert not terminated
        if truncated:
            assert info["score"].level == "no legal move"
            env.reset()
            state = env.state
