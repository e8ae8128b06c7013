"""DS-GRPO: golden advantages, what smoothing does to them, and the bandit in which GRPO keeps one answer."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

import pytest
import torch
from toy_batches import Row, advantages, gradients, group_of, make, random_rows, row, to_batch

from ludex.agents.algorithms.dr_grpo import DrGRPO
from ludex.agents.algorithms.ds_grpo import DSGRPO
from ludex.agents.algorithms.grpo import GRPO
from ludex.agents.reproduce.ds_grpo import BANDITS, bandit

REWARDS = (1.0, 0.0, 0.0, 1.0, 0.1, 0.1, 0.0, 1.0)
LOGPS = (-5.0, -8.0, -12.0, -20.0, -6.0, -9.0, -15.0, -7.0)


def sampled_with(rewards: Sequence[float], logps: Sequence[float], bar: float = 1.0) -> list[Row]:
    """One group; trajectory i has two tokens whose log-probabilities sum to `logps[i]`."""
    pairs = zip(group_of(rewards), rewards, logps, strict=True)
    return [replace(r, old=[0, logp / 4, 3 * logp / 4], correct=reward >= bar) for r, reward, logp in pairs]


def test_smoothed_advantages() -> None:
    # GRPO of the mixed group (1.203441, -.802294, -.60172) plus .01 |logp| if correct, minus it if not: 1.203441 + .05.
    post = (1.253441, -0.882294, -0.922294, 1.403441, -0.66172, -0.69172, -0.952294, 1.273441)
    found = advantages(DSGRPO(logprob="sum", eps=1e-6), sampled_with(REWARDS, LOGPS))
    assert found == pytest.approx(post, abs=1e-6)


def test_centred_smoothed_rewards() -> None:
    # 1.05, -.08, -.12, 1.2, .04, .01, -.15, 1.07 have mean .3775.
    pre = (0.6725, -0.4575, -0.4975, 0.8225, -0.3375, -0.3675, -0.5275, 0.6925)
    assert advantages(DSGRPO(mode="pre", logprob="sum"), sampled_with(REWARDS, LOGPS)) == pytest.approx(pre)


def test_the_mean_over_two_tokens_is_half_the_sum() -> None:
    rows = sampled_with(REWARDS, LOGPS)
    plain = advantages(GRPO(), rows)
    whole, mean = advantages(DSGRPO(logprob="sum"), rows), advantages(DSGRPO(), rows)
    assert [m - p for m, p in zip(mean, plain, strict=True)] == pytest.approx(
        [(w - p) / 2 for w, p in zip(whole, plain, strict=True)]
    )


def test_a_response_in_two_rows_has_one_probability() -> None:
    # Tokens -1, -2 and -3 of one trajectory in two rows: mean -2, wrong: the advantage falls by .02; the other's is 0.
    rows = [
        row(".xx", 0.0, trajectory=0, old=[0, -1, -2]),
        row(".x", 0.0, trajectory=0, turn=1, old=[0, -3]),
        row(".x", 0.0, trajectory=1),
    ]
    assert advantages(DSGRPO(), rows) == pytest.approx([-0.02, -0.02, 0.0])


@pytest.mark.parametrize(("mode", "plain"), [("post", GRPO(beta=0.0)), ("pre", DrGRPO())])
def test_without_smoothing_the_advantages_are_the_plain_ones(mode: Any, plain: Any) -> None:
    b, _ = to_batch(random_rows(3))
    assert torch.equal(DSGRPO(0.0, 0.0, mode=mode).prepare(b).adv, plain.prepare(b).adv)


@pytest.mark.parametrize("mode", ["post", "pre"])
def test_rare_correct_rises_and_rare_wrong_falls(mode: Any) -> None:
    logps = [-1.0, -2.0, -5.0] * 2
    adv = advantages(DSGRPO(mode=mode), sampled_with([1.0] * 3 + [0.0] * 3, logps))
    assert adv[0] < adv[1] < adv[2]
    assert adv[3] > adv[4] > adv[5]


def test_which_way_each_mode_moves() -> None:
    rng = random.Random(0)
    for _ in range(50):
        rewards = [rng.choice([0.0, 0.1, 1.0]) for _ in range(6)]
        rows = sampled_with(rewards, [-rng.uniform(0.1, 30) for _ in rewards])
        for a, p, r in zip(advantages(DSGRPO(), rows), advantages(GRPO(), rows), rows, strict=True):
            assert a > p if r.correct else a < p
        assert sum(advantages(DSGRPO(mode="pre"), rows)) == pytest.approx(0)


@pytest.mark.parametrize("reward", [1.0, 0.0])
def test_groups_of_equal_rewards_teach(reward: float) -> None:
    rows = sampled_with([reward] * 2, [-2.0, -6.0])
    sign = 1 if reward else -1
    assert advantages(DSGRPO(), rows) == pytest.approx([sign * 0.01, sign * 0.03])
    assert advantages(DSGRPO(mode="pre"), rows) == pytest.approx([-sign * 0.01, sign * 0.01])


def test_correct_is_the_environments_word() -> None:
    rows = sampled_with([1.0, 0.0], [-2.0, -2.0])
    turned = [replace(r, correct=not r.correct) for r in rows]
    shift = [b - a for a, b in zip(advantages(DSGRPO(), rows), advantages(DSGRPO(), turned), strict=True)]
    assert shift == pytest.approx([-0.02, 0.02])


def test_a_negative_gamma_is_refused() -> None:
    with pytest.raises(ValueError, match=r"gamma_correct=-0\.01 must be at least 0"):
        make("ds_grpo", gamma_correct=-0.01)


def test_the_entropy_bonus_reaches_the_gradient() -> None:
    b, new = to_batch(random_rows(4))
    algorithm = DSGRPO(entropy=0.3)
    assert algorithm.needs == {"entropy"}
    _, (_, _, slope) = gradients(algorithm, algorithm.prepare(b), new)
    torch.testing.assert_close(slope, -0.3 * b.mask / b.mask.sum())
    assert not DSGRPO().needs


def test_the_best_policy_under_smoothed_rewards() -> None:
    # The maximum of E[r + D] - beta KL(pi || base) is base exp((r + D) / beta), so a ratio q between two correct arms
    # becomes q^(1 - gamma_correct/beta) = 5^.5 = 2.236, and between two wrong ones (5/3)^(1 + .02/.1) = 1.846.
    base, beta = torch.tensor([0.5, 0.1, 0.25, 0.15]).double(), 0.1
    rows = [row(".x", float(i < 2), trajectory=i, old=[0, float(p.log())], correct=i < 2) for i, p in enumerate(base)]
    smoothing = DSGRPO(0.05, 0.02).smoothing(to_batch(rows)[0])
    best = (base.log() + (torch.tensor([1.0, 1.0, 0.0, 0.0]) + smoothing) / beta).softmax(0)
    assert float(best[0] / best[1]) == pytest.approx(2.236, abs=1e-3)
    assert float(best[2] / best[3]) == pytest.approx(1.846, abs=1e-3)


@pytest.mark.parametrize(("settings", "arms"), BANDITS.values(), ids=BANDITS)
def test_smoothing_keeps_several_answers_where_grpo_keeps_one(settings: dict[str, Any], arms: float) -> None:
    found, correct = map(fmean, bandit(settings))
    print(f"{settings}: {found:.2f} effective arms (earlier: {arms}), {correct:.4f} correct")
    assert found == pytest.approx(arms, rel=0.15)
    assert correct >= 0.989


def test_a_seed_of_the_bandit_is_the_same_however_many_run() -> None:
    settings = BANDITS["post .2/.2"][0]
    few, many = bandit(settings, range(2), 60), bandit(settings, range(5), 60)
    for one, two in zip(few, many, strict=True):
        assert one == pytest.approx(two[:2], rel=1e-9)
        assert len(set(two)) == 5
    assert bandit(settings, [4], 60)[0] == pytest.approx(many[0][4:], rel=1e-9)
