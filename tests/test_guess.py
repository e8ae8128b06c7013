"""The guessing game, against its rules played by hand."""

from __future__ import annotations

from math import ceil, log2

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ludex
from ludex.core import Task
from ludex.envs import guess
from ludex.rewards.answers import read, whole_number


def start(secret: int, largest: int = 100, turns: int = 7, **options):
    """A game whose hidden number is known."""
    env = ludex.make("guess", largest=largest, turns=turns, **options)
    hidden = env.source.generate

    def rigged(rng, *, largest, turns):
        return hidden(rng, largest=largest, turns=turns).with_(answer=secret)

    env.source.generate = rigged
    env.reset()
    return env


def say(n: object) -> str:
    return f"I guess <answer>{n}</answer>."


def test_a_game_by_hand():
    env = start(42)
    assert env.step(say(50)) == ("Lower. Guesses left: 6.", 0.0, False, False, {})
    assert env.step(say(40)) == ("Higher. Guesses left: 5.", 0.0, False, False, {})
    observation, reward, terminated, truncated, info = env.step(say(42))
    assert (observation, reward, terminated, truncated) == ("Found.", 1.0, True, False)
    assert info["score"].level == "found"
    assert info["is_success"] is True


@pytest.mark.parametrize(
    ("replies", "level", "pay"),
    [
        (["hm", "well", ""], "no answer", 0.0),
        (["hm", say("x"), ""], "malformed", 0.05),
        ([say("x"), say(7), "hm"], "not found", 0.1),
        ([say(1), say(2), say("1 or 2")], "not found", 0.1),
        ([say("x"), "hm", say(42)], "found", 1.0),
    ],
)
def test_the_end_is_scored_by_the_best_reply(replies, level, pay):
    env = start(42, turns=3)
    *before, last = [env.step(reply) for reply in replies]
    assert [step[1:4] for step in before] == [(0.0, False, False)] * 2
    assert last[1:4] == (pay, True, False)  # the limit is a rule of the game: terminated, not truncated
    assert last[4]["score"].level == level
    assert last[4]["is_success"] == (level == "found")


def test_an_unreadable_guess_costs_a_turn():
    env = start(42)
    assert env.step("forty-two")[0] == "I cannot read a guess. Guesses left: 6."
    assert env.step(say(42) + say(43))[0] == "I cannot read a guess. Guesses left: 5."
    assert env.step(f"<think>{say(42)}")[0] == "I cannot read a guess. Guesses left: 4."
    assert env.step(f"<think>{say(41)}</think>{say(42)}")[0] == "Found."


def test_dense_pay_shares_out_the_bits():
    """Of 8 numbers, the answers to 4 and 6 leave 4 and then 2 of them: one of the 3 bits each."""
    env = start(7, largest=8, turns=3, dense=0.3)
    rewards = [env.step(say(n))[1] for n in (4, 6, 6)]
    assert rewards == pytest.approx([0.1, 0.1, 0.1])  # the last gains nothing, and ends as not found
    env = start(7, largest=8, turns=3, dense=0.3)
    assert sum(env.step(say(n))[1] for n in (4, 6, 7)) == pytest.approx(1.3)
    env = start(7, largest=8, turns=3, dense=0.3)
    assert [env.step(say(n))[1] for n in (-5, 99)] == [0.0, 0.0]  # rule nothing out


def test_dense_pay_stays_below_the_threshold():
    lost = 0.4 + guess.SCALE.pays[guess.SCALE.rank("not found")]
    assert lost < guess.SCALE.threshold
    with pytest.raises(ValueError, match=r"between 0 and 0\.4"):
        ludex.make("guess", dense=0.5)


@pytest.mark.parametrize("largest", [2, 3, 7, 8, 100, 1000])
def test_bisection_wins_within_the_default_turns(largest):
    turns = ludex.task_source("guess", largest=largest)[0].info["turns"]
    assert turns == ceil(log2(largest + 1))
    for secret in range(1, largest + 1):
        responses = guess.bisection(secret, largest)
        assert len(responses) <= turns
        assert len(set(responses)) == len(responses)
        assert responses[-1] == f"<answer>{secret}</answer>"


@pytest.mark.parametrize("options", [{"largest": 1}, {"turns": -1}, {"largest": 10**19}])
def test_options_out_of_range(options):
    with pytest.raises(ValueError, match="guess: largest="):
        ludex.task_source("guess", **options)[0]


REPLY = st.lists(
    st.sampled_from(
        ["<answer>", "</answer>", "<think>", "</think>", "7", "42", " ", "+", "-", "\n", "x", "<", "\u0664", "0"]
    ),
    max_size=9,
).map("".join)


@settings(max_examples=500, deadline=None)
@given(st.one_of(REPLY, st.text(max_size=30).map(say), st.integers().map(say)))
def test_the_short_cut_reads_what_the_general_reader_reads(reply):
    found = guess._PLAIN(reply)
    if found:
        general = read(reply, Task("", 0, "integer")).text
        assert general is not None
        assert whole_number(general) == int(found[1])
