"""Trajectories to tensors: masks as text, rows, rewards, alignment."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import pytest
import torch
from small_models import random_trajectories

from ludex.agents.batch import Batch, collate, rows_of, split_groups
from ludex.core import Stop, Trajectory, Turn


def logp_of(token: int) -> float:
    """A log-probability from which its token can be told."""
    return -token / 128


def turn(prompt: str, action: str, reward: float = 0.0, cut: bool = False) -> Turn:
    ids = list(map(ord, action))
    return Turn("", action, reward, cut, list(map(ord, prompt)), ids, list(map(logp_of, ids)))


def episode(story: str, rewards: Sequence[float] = (), group: int = 0, **facts: object) -> Trajectory:
    """ "a|go/b|go": the prompt a, the action go, the observation b, the action go; history is kept."""
    turns, context = [], ""
    pieces = story.split("/")
    for piece, reward in zip(pieces, rewards or [0.0] * len(pieces), strict=True):
        observation, action = piece.split("|")
        turns.append(turn(context + observation, action, reward))
        context += observation + action
    return Trajectory(story, group, turns=turns, **facts)  # type: ignore[arg-type]


def windowed(*turns: Turn, **facts: object) -> Trajectory:
    return Trajectory("windowed", 0, turns=list(turns), **facts)  # type: ignore[arg-type]


def shown(batch: Batch) -> list[tuple[str, str]]:
    """Each row's tokens and mask as text; padding is left out."""
    return [
        ("".join(map(chr, tokens[:n])), "".join(".x"[int(m)] for m in mask[:n]))
        for tokens, mask, n in zip(batch.tokens.tolist(), batch.mask.tolist(), batch.length.tolist(), strict=True)
    ]


@pytest.mark.parametrize(
    ("story", "tokens", "mask"),
    [
        ("a|go/b|go", "agobgo", ".xx.xx"),
        ("ab|xx/cde|xx", "abxxcdexx", "..xx...xx"),
        ("ask|y", "asky", "...x"),
        ("a|go/|on", "agoon", ".xxxx"),  # the environment said nothing
        ("a|b/c|d/e|f", "abcdef", ".x.x.x"),
    ],
)
def test_masks_against_text(story: str, tokens: str, mask: str):
    assert shown(collate([episode(story)], append_only=True)) == [(tokens, mask)]


def test_a_turns_reward_lands_on_its_last_sampled_token():
    batch = collate([episode("a|go/bc|stop", [0.25, 2.0])])
    #                                a g  o     b  c  s  t  o  p    one column more
    assert batch.reward.tolist() == [[0, 0, 0.25, 0, 0, 0, 0, 0, 2.0, 0]]


def test_log_probabilities_stay_beside_their_tokens_and_are_0_elsewhere():
    batch = collate([episode("a|go/bcd|x"), episode("abcdef|stay/b|on"), episode("q|r")])
    expected = torch.where(batch.mask > 0, -batch.tokens / 128, 0.0)
    assert torch.equal(batch.old_logp, expected)


def test_a_windowed_history_starts_a_new_row():
    batch = collate([windowed(turn("ab", "c", 1.0), turn("bcd", "e", 2.0), turn("bcdef", "gh", 4.0))])
    assert shown(batch) == [("abc", "..x"), ("bcdefgh", "...x.xx")]  # the third turn extends the second
    assert batch.turn.tolist() == [0, 1]
    assert batch.prompt.tolist() == [2, 3]
    assert batch.trajectory.tolist() == [0, 0]
    assert batch.first.tolist() == [True, False]
    assert batch.reward.sum(1).tolist() == [1, 6]
    assert batch.returns.tolist() == [7, 7]


def test_a_prompt_that_rewrites_a_sampled_token_starts_a_new_row():
    again = windowed(turn("a", "bc"), turn("abXd", "e"))  # what a decode and encode round trip does
    assert shown(collate([again])) == [("abc", ".xx"), ("abXde", "....x")]


def test_a_broken_promise_of_append_only_history_is_refused():
    with pytest.raises(ValueError, match="windowed: the prompt of turn 1 does not extend"):
        collate([windowed(turn("ab", "c"), turn("bc", "d"))], append_only=True)


def test_statistics_count_a_trajectory_once():
    many = windowed(turn("a", "b", 1.0), turn("c", "d", 2.0), turn("e", "f", 3.0))
    batch = collate([many, episode("x|y", [5.0])])
    assert batch.first.tolist() == [True, False, False, True]
    assert batch.returns.tolist() == [6, 6, 6, 5]
    assert batch.per_trajectory(torch.tensor([1.0, 10.0, 100.0, 7.0])).tolist() == [111, 111, 111, 7]


@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        (Stop.TERMINATED, [False, False]),
        (Stop.TRUNCATED, [False, True]),
        (Stop.CONTEXT, [False, True]),
    ],
)
def test_only_the_last_row_of_a_cut_off_episode_is_truncated(stop: Stop, expected: list[bool]):
    assert collate([windowed(turn("a", "b"), turn("c", "d"), stop=stop)]).truncated.tolist() == expected


def test_a_cut_response_marks_its_row():
    batch = collate([windowed(turn("a", "b", cut=True), turn("abc", "d"), turn("x", "y"))])
    assert batch.cut.tolist() == [True, False]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (episode("a|go", stop=Stop.ENV_ERROR), r"a\|go: an episode that ended in an error"),
        (windowed(turn("a", "")), "without sampled tokens"),
        (windowed(turn("", "a")), "without a prompt"),
        (windowed(Turn("", "", 0.0, False, [1], [2, 3], [-1.0])), "2 sampled tokens but 1 log-prob"),
        (windowed(), "no episode to learn from"),
    ],
)
def test_what_has_no_place_in_a_batch_is_refused(bad: Trajectory, message: str):
    with pytest.raises(ValueError, match=message):
        collate([bad])


def test_ragged_groups_in_any_order():
    stories = [("a|b", 7), ("cc|d", 2), ("a|e", 7), ("f|g", 4), ("a|hh", 7)]
    episodes = [
        episode(s, [float(i)], group=g, domain=i, threshold=i / 2, correct=i % 2 == 1)
        for i, (s, g) in enumerate(stories)
    ]
    batch = collate(episodes)
    assert batch.group.tolist() == [2, 4, 7, 7, 7]
    assert batch.returns.tolist() == [1, 3, 0, 2, 4]
    assert batch.domain.tolist() == [1, 3, 0, 2, 4]
    assert batch.threshold.tolist() == [0.5, 1.5, 0, 1, 2]
    assert batch.correct.tolist() == [True, True, False, False, False]
    assert batch.trajectory.tolist() == [0, 1, 2, 3, 4]
    assert batch.shared.tolist() == [0, 1, 2, 2, 2]  # the prompt "a" is one


def test_there_is_one_column_more_than_the_longest_row():
    batch = collate([episode("a|bcd"), episode("a|b/ccc|d")])
    assert batch.tokens.shape == (2, 7)
    padding = torch.arange(7)[None] >= batch.length[:, None]
    for name in ("tokens", "mask", "old_logp", "reward"):
        assert not getattr(batch, name)[padding].any()


def test_what_nobody_filled_in_is_nan():
    batch = collate([episode("a|b")])
    for name in ("ref_logp", "entropy", "value", "adv", "weight", "target"):
        assert getattr(batch, name).shape == batch.mask.shape
        assert getattr(batch, name).isnan().all()
    assert math.isnan(collate([episode("a|b")]).threshold[0])


def test_rows_add_up_to_the_trajectory():
    for seed in range(20):
        for trajectory in random_trajectories(seed):
            rows = list(rows_of(trajectory))
            assert sum(sum(row.mask) for row in rows) == trajectory.tokens
            assert sum(sum(row.reward) for row in rows) == pytest.approx(trajectory.reward)
            sampled = [token for row in rows for token, m in zip(row.tokens, row.mask, strict=True) if m]
            assert sampled == [token for t in trajectory.turns for token in t.action_ids]
            assert all(row.tokens[: row.prompt] == trajectory.turns[row.turn].prompt_ids for row in rows)


@pytest.mark.parametrize("parts", [1, 2, 3, 5, 9])
def test_split_groups_gives_whole_groups_and_every_row_once(parts: int):
    batch = collate([episode(f"{i}|x", [float(i)], group=g) for i, g in enumerate([3, 3, 8, 5, 5, 5, 0, 9])])
    split = split_groups(batch, parts)
    assert len(split) == min(parts, 5)
    counts = [len(part.group.unique()) for part in split]
    assert max(counts) - min(counts) <= 1
    seen = [set(part.group.tolist()) for part in split]
    assert sum(map(len, seen)) == len(set().union(*seen)) == 5
    assert torch.equal(torch.cat([part.returns for part in split]), batch.returns)


def test_rows_takes_every_tensor_along():
    batch = collate(random_trajectories(3))
    order = list(range(len(batch)))
    random.Random(0).shuffle(order)
    picked = batch.rows(order)
    for name, tensor in vars(batch).items():
        assert torch.equal(getattr(picked, name).nan_to_num(-1.0), tensor[order].nan_to_num(-1.0)), name
