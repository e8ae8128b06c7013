"""Turns of a batch, GAE over them, and GiGPO's advantages, by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from test_batch import episode, turn, windowed
from toy_batches import Row, row, to_batch

from ludex.agents.algorithms import turns
from ludex.agents.algorithms.gigpo import GiGPO
from ludex.agents.algorithms.ppo import PPO
from ludex.agents.algorithms.turns import Turns
from ludex.agents.batch import collate
from ludex.core import Turn


def test_collate_numbers_turns() -> None:
    batch = collate([episode("ab|go/c|x/|on")])  # the last two turns stand together: the environment said nothing
    assert batch.step.tolist() == [[-1, -1, 0, 0, -1, 1, 2, 2, -1]]


def test_collate_numbers_turns_across_rows() -> None:
    batch = collate([windowed(turn("ab", "c"), turn("bcd", "e"), turn("bcdef", "gh"))])
    assert batch.step.tolist() == [[-1, -1, 0, -1, -1, -1, -1, -1], [-1, -1, -1, 1, -1, 2, 2, -1]]


def seen(observation: str, prompt: str, action: str) -> Turn:
    return replace(turn(prompt, action), observation=observation)


def test_equal_observations_share_a_number() -> None:
    first = windowed(seen("hall", "ab", "c"), seen("cave", "abcd", "ee"), seen("hall", "xy", "z"))
    other = replace(windowed(seen("cave", "q", "r"), seen("pit", "qrs", "t")), task_id="other")
    batch = collate([first, other])
    hall, cave = int(batch.state[0, 2]), int(batch.state[0, 4])
    assert hall != cave
    assert batch.state[0].tolist() == [-1, -1, hall, -1, cave, cave, -1]
    assert batch.state[1, 2] == hall
    assert batch.state[2, 1] == cave
    assert batch.state[2, 3] not in (hall, cave, -1)


def test_turns_in_order_of_time() -> None:
    rows = [
        row(".x", 4.0, trajectory=5, turn=3),
        row("..xx.x", 2.0, trajectory=5, turn=0),
        row(".xx", 1.0, trajectory=2),
    ]
    rows[1].reward[3] = 8.0
    b, _ = to_batch(rows, pad=1)
    t = Turns.of(b)
    assert t.total(b.reward).tolist() == [1, 8, 2, 4]
    assert t.who.tolist() == [0, 1, 1, 1]
    assert t.place.tolist() == [0, 0, 1, 2]
    assert t.to_go(b.reward, 0.5).tolist() == [1, 8 + 2 / 2 + 4 / 4, 2 + 4 / 2, 4]
    spread = t.spread(torch.tensor([1.0, 2.0, 3.0, 4.0]), b)
    assert spread.tolist() == [[0, 4, 0, 0, 0, 0, 0, 0], [0, 0, 2, 2, 0, 3, 0, 0], [0, 1, 1, 0, 0, 0, 0, 0]]
    assert t.start(b.tokens).tolist() == [rows[2].tokens[1], rows[1].tokens[2], rows[1].tokens[5], rows[0].tokens[1]]


def test_a_batch_without_turn_numbers_is_refused() -> None:
    b, _ = to_batch([row(".x", 1.0)])
    with pytest.raises(ValueError, match="which turn sampled each token"):
        Turns.of(b.with_(step=torch.full_like(b.tokens, -1)))


# V = .1 before the first turn (.9 within it), .3 before the second; reward .5 then 1; gamma .9, lam .8.
# deltas: .5 + .9 * .3 - .1 = .67 and 1 - .3 = .7; A: .67 + .72 * .7 = 1.174 and .7; targets 1.274 and 1.
TWO_TURNS: dict[str, Any] = {"value": [9, 0.1, 0.9, 9, 0.3], "after": 2.0}


def two_turns(**facts: Any) -> list[Row]:
    rows = [row(".xx.x", 1.0, **(TWO_TURNS | facts))]
    rows[0].reward[2] = 0.5
    return rows


def test_gae_over_turns() -> None:
    b, _ = to_batch(two_turns(), pad=1)
    adv, target = turns.gae(b.reward, b, 0.9, 0.8)
    assert adv[0].tolist() == pytest.approx([0, 1.174, 1.174, 0, 0.7, 0, 0])
    assert target[0].tolist() == pytest.approx([0, 1.274, 1.274, 0, 1.0, 0, 0])


def test_gae_over_turns_bootstraps_a_truncated_trajectory() -> None:
    # The last delta gains .9 * 2: .7 + 1.8 = 2.5; the first A is .67 + .72 * 2.5 = 2.47.
    b, _ = to_batch(two_turns(truncated=True))
    assert turns.gae(b.reward, b, 0.9, 0.8)[0][0].tolist() == pytest.approx([0, 2.47, 2.47, 0, 2.5, 0])


def test_gae_over_turns_does_not_depend_on_their_length() -> None:
    long = row(".xxxxx.x", 1.0, value=[9, 0.1, 5, 5, 5, 5, 9, 0.3], after=2.0)
    long.reward[5] = 0.5
    b, _ = to_batch([long])
    assert turns.gae(b.reward, b, 0.9, 0.8)[0][0, [1, 5, 7]].tolist() == pytest.approx([1.174, 1.174, 0.7])


def test_with_gamma_and_lambda_1_it_is_the_future_reward_minus_the_value() -> None:
    b, _ = to_batch(two_turns())
    assert turns.gae(b.reward, b, 1.0, 1.0)[0][0, [1, 2, 4]].tolist() == pytest.approx([1.4, 1.4, 0.7])


def test_ppo_over_turns_fits_the_turns_targets() -> None:
    b = PPO(level="turn", gamma=0.9, lam=0.8, beta=0.0).prepare(to_batch(two_turns())[0])
    assert b.target[0].tolist() == pytest.approx([0, 1.274, 1.274, 0, 1.0, 0])
    inside = b.adv[b.mask > 0].tolist()
    assert inside[0] == inside[1] > inside[2]
    assert sum(inside) == pytest.approx(0)


# GiGPO.


def crossing() -> list[Row]:
    """Two episodes meet in state 1: one goes right at once, the other comes to it late. gamma .5.

    Returns 1 and 0 (centred +-.5). To go: first (.5, 1), second (0, 0). States: first (0, 1), second (1, 2).
    """
    return [
        row(".x.x", 1.0, trajectory=0, state=[-1, 0, -1, 1]),
        row(".xx.x", 0.0, trajectory=1, state=[-1, 1, 1, -1, 2]),
    ]


def test_gigpo_compares_turns_in_the_same_state() -> None:
    # In state 1: to go 1 and 0, mean .5. States 0 and 2 have nobody else: 0.
    b = GiGPO(gamma=0.5, beta=0.0).prepare(to_batch(crossing())[0])
    assert b.adv.tolist() == [[0, 0.5, 0, 1.0, 0, 0], [0, -1.0, -1.0, 0, -0.5, 0]]
    half = GiGPO(gamma=0.5, beta=0.0, omega=0.5).prepare(to_batch(crossing())[0])
    assert half.adv.tolist() == [[0, 0.5, 0, 0.75, 0, 0], [0, -0.75, -0.75, 0, -0.5, 0]]


def test_gigpo_without_the_turns_is_the_centred_return() -> None:
    b = GiGPO(omega=0.0, beta=0.0).prepare(to_batch(crossing())[0])
    assert b.adv[b.mask > 0].tolist() == [0.5, 0.5, -0.5, -0.5, -0.5]


def test_gigpo_scaled_by_the_deviation() -> None:
    # Two numbers that differ by 1 have deviation sqrt .5 with ddof 1: +-.7071 in both kinds; alone it stays 0.
    b = GiGPO(gamma=0.5, beta=0.0, scale="std", eps=1e-12).prepare(to_batch(crossing())[0])
    one = 0.5**0.5
    assert b.adv[b.mask > 0].tolist() == pytest.approx([one, 2 * one, -2 * one, -2 * one, -one])


def test_gigpo_states_of_other_groups_do_not_meet() -> None:
    rows = [replace(r, group=i) for i, r in enumerate(crossing())]
    assert not GiGPO(beta=0.0).prepare(to_batch(rows)[0]).adv.any()


def test_gigpo_meets_itself() -> None:
    # One episode comes through state 0 twice: to go .25 and 1 with gamma .5 (mean .625), state 1 once.
    rows = [row(".x.x.x", 1.0, state=[-1, 0, -1, 1, -1, 0])]
    b = GiGPO(gamma=0.5, beta=0.0).prepare(to_batch(rows)[0])
    assert b.adv[b.mask > 0].tolist() == pytest.approx([-0.375, 0, 0.375])


def test_equal_returns_teach_gigpo_nothing() -> None:
    rows = [row(".xx", 0.1, trajectory=i, state=[-1, 0, 0]) for i in range(3)]
    for scale in ("none", "std"):
        assert not GiGPO(beta=0.0, scale=scale).prepare(to_batch(rows)[0]).adv.any()  # type: ignore[arg-type]
