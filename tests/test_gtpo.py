"""GTPO: conflict tokens, the entropy filter and its memory, against hand calculations."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from toy_batches import Row, advantages, gradients, group_of, random_rows, row, to_batch

from ludex.agents.algorithms.grpo import GRPO
from ludex.agents.algorithms.gtpo import GTPO, conflicts


def texts(sequences: Sequence[Sequence[int]], rewards: Sequence[float], entropy: float = 0.0) -> list[Row]:
    """One group; each sequence is what a trajectory sampled, after one token of prompt."""
    return [
        row("." + "x" * len(s), r, 0, i, tokens=[9, *s], entropy=[0.0] + [entropy] * len(s))
        for i, (s, r) in enumerate(zip(sequences, rewards, strict=True))
    ]


def token_weights(
    sequences: Sequence[Sequence[int]], adv: Sequence[float], pad: int = 0, **settings: Any
) -> list[list[float]]:
    b, _ = to_batch(texts(sequences, adv), pad)
    found = GTPO(**settings).token_weights(b, torch.tensor(adv).double())
    assert not found[b.mask == 0].any()
    return [line[1 : 1 + len(s)] for line, s in zip(found.tolist(), sequences, strict=True)]


FORKED = [[5, 6, 7, 8, 9], [5, 6, 3, 9], [5, 6, 7, 4, 8, 9]]


def test_conflicts_at_both_ends() -> None:
    # From the start 5, 6 stand in a good and a bad one; from the end only 9 does. The third, with A = 0, is on no side.
    assert token_weights(FORKED, [1, -1, 0]) == [[2, 2, 1, 1, 2], [0, 0, 1, 0], [1] * 6]


def test_a_token_in_both_runs() -> None:
    same = [[5, 6, 7], [5, 6, 7]]
    assert token_weights(same, [1, -1]) == [[2, 2, 2], [0, 0, 0]]
    assert token_weights(same, [1, -1], overlap="product") == [[4, 4, 4], [0, 0, 0]]
    assert token_weights(same, [1, -1], boost=3.0) == [[3, 3, 3], [0, 0, 0]]


def test_a_run_is_carried_on_by_different_partners() -> None:
    # Place 0: 1 in good and bad, 2 in good and bad; place 1: 10 and 11 too, in other pairs. Place 2 parts them.
    sequences = [[1, 10, 3], [2, 11, 3], [1, 11, 4], [2, 10, 5]]
    assert token_weights(sequences, [1, 1, -1, -1]) == [[2, 2, 1], [2, 2, 1], [0, 0, 1], [0, 0, 1]]


def test_conflicts_in_the_middle_are_left_alone() -> None:
    assert token_weights([[1, 5, 6, 2], [3, 5, 6, 4]], [1, -1]) == [[1] * 4, [1] * 4]


def test_the_divisor_is_the_longer_run() -> None:
    # Runs of 2 from the start and 1 from the end: everything halved in the first two; the third has no run.
    expected = [[1, 1, 0.5, 0.5, 1], [0, 0, 0.5, 0], [1] * 6]
    assert token_weights(FORKED, [1, -1, 0], divide=True) == expected


def test_other_groups_padding_and_token_0_do_not_matter() -> None:
    # Padding holds token 0, which is also a real token at the end of the shorter one.
    sequences = [[5, 0], [5, 0, 0]]
    assert token_weights(sequences, [1, -1], pad=3) == [[2, 2], [0, 0, 0]]
    rows = texts(FORKED, [1, -1, 0])
    apart = [replace(r, group=i) for i, r in enumerate(rows)]
    adv = torch.tensor([1, -1, 0]).double()
    assert GTPO().token_weights(to_batch(apart)[0], adv).sum() == 5 + 4 + 6


def test_prompts_and_observations_do_not_count_as_places() -> None:
    # The same answers 5, 6 after prompts of other lengths and around an observation.
    rows = [
        row("..xx", 1.0, trajectory=0, tokens=[8, 8, 5, 6]),
        row("....x..x", 0.0, trajectory=1, tokens=[1, 2, 3, 4, 5, 7, 7, 6]),
    ]
    found = GTPO().token_weights(to_batch(rows)[0], torch.tensor([1.0, -1.0]).double())
    assert found[0, :4].tolist() == [0, 0, 2, 2]
    assert found[1].tolist() == [0] * 9


def random_group(rng: random.Random) -> tuple[list[list[int]], list[float]]:
    size = rng.randint(1, 6)
    sequences = [[rng.choice([1, 1, 2, 3]) for _ in range(rng.randint(1, 6))] for _ in range(size)]
    return sequences, [rng.choice([-1.0, -0.5, 0.0, 0.5, 1.0]) for _ in range(size)]


def test_invariants_of_the_weights() -> None:
    rng = random.Random(0)
    boosted = spared = 0
    for _ in range(400):
        sequences, adv = random_group(rng)
        weights = token_weights(sequences, adv)
        for line, a in zip(weights, adv, strict=True):
            assert set(line) <= ({1, 2} if a > 0 else {0, 1} if a < 0 else {1})
            boosted, spared = boosted + line.count(2), spared + line.count(0)
        if min(adv) >= 0 or max(adv) <= 0:
            assert all(weight == 1 for line in weights for weight in line)
        order = rng.sample(range(len(adv)), len(adv))
        again = token_weights([sequences[i] for i in order], [adv[i] for i in order], pad=rng.randint(0, 3))
        assert again == [weights[i] for i in order]
    assert boosted > 100
    assert spared > 100


def run_lengths(sequences: Sequence[Sequence[int]], adv: Sequence[float]) -> tuple[list[int], list[int]]:
    b, _ = to_batch(texts(sequences, adv))
    forward, backward = conflicts(b, torch.tensor(adv).double())
    for run, s in zip(forward.tolist(), sequences, strict=True):  # a run from the first token on, and nothing else
        assert sorted(run[1 : 1 + len(s)], reverse=True) == run[1 : 1 + len(s)]
    return forward.sum(1).int().tolist(), backward.sum(1).int().tolist()


def test_reversing_every_sequence_swaps_the_runs() -> None:
    rng = random.Random(1)
    for _ in range(200):
        sequences, adv = random_group(rng)
        forward, backward = run_lengths(sequences, adv)
        assert run_lengths([s[::-1] for s in sequences], adv) == (backward, forward)
        assert all(n <= len(s) for n, s in zip(forward, sequences, strict=True))


def slopes(algorithm: Any, rows: Sequence[Row]) -> Tensor:
    b, new = to_batch(rows)
    _, (slope, value, entropy) = gradients(algorithm, algorithm.prepare(b), new)
    assert not value.any()
    assert not entropy.any()  # the entropy is a constant
    return slope


def test_a_shared_first_token_is_pushed_up_where_grpo_pushes_it_down() -> None:
    # Lengths 10 and 2, A = +-.5 (centred 1 and 0), mean over 2 trajectories. GRPO without scale: .5 (1/10 - 1/2) / 2
    # of probability-gradient on the shared token; GTPO: .5 (2/10 - 0) / 2.
    rows = texts([[5, 1, 1, 1, 1, 1, 1, 1, 1, 1], [5, 2]], [1.0, 0.0])
    assert float(-slopes(GTPO(gamma=0.0), rows)[:, 1].sum()) == pytest.approx(0.5 * 0.2 / 2)
    grpo = float(-slopes(GRPO(beta=0.0, eps=0.0), rows)[:, 1].sum())  # scaled by the deviation of 1/sqrt 2
    assert grpo == pytest.approx(0.5 * 2**0.5 * (0.1 - 0.5) / 2)


def test_conflict_tokens_of_a_negative_get_no_gradient() -> None:
    slope = slopes(GTPO(), texts(FORKED, [1.0, 0.0, 0.5], entropy=0.3))
    assert slope[1, 1:5].eq(0).tolist() == [True, True, False, True]


def test_the_entropy_shifts_the_advantage_and_may_turn_its_sign() -> None:
    # Rewards .51, .5, .49: A = .01, 0, -.01; <H> = .5, gamma .1: A' = -.04, -.05, -.06; the boost of 2 stays.
    rows = texts([[5, 6], [7, 8], [5, 9]], [0.51, 0.5, 0.49], entropy=0.5)
    b = GTPO().prepare(to_batch(rows)[0])
    expected = [[-0.08, -0.04], [-0.05, -0.05], [0.0, -0.06]]
    assert b.adv[:, 1:3].tolist() == [pytest.approx(line, abs=1e-9) for line in expected]


def test_equal_rewards_feel_the_entropy_alone_unless_they_are_skipped() -> None:
    # 0.1 + 0.2 and 0.3 differ by rounding only: no side, no conflict.
    rows = texts([[5, 6], [5, 6]], [0.3, 0.1 + 0.2], entropy=0.5)
    assert advantages(GTPO(), rows) == pytest.approx([-0.05, -0.05])
    assert advantages(GTPO(skip_equal=True), rows) == [0, 0]


def test_without_conflicts_and_entropy_it_is_grpo_without_scale() -> None:
    rows = [
        replace(r, new=list(r.old), tokens=[100 * i + t for t in range(len(r.sampled))])
        for i, r in enumerate(random_rows(3))
    ]
    b, new = to_batch(rows)
    b = GTPO(gamma=0.0, initial_rule=False, threshold=9.0).prepare(b)
    _, (slope, _, _) = gradients(GTPO(), b, new)
    group = {g: [r.trajectory for r in rows if r.group == g] for g in {r.group for r in rows}}
    for i, r in enumerate(rows):
        returns = {t: sum(sum(x.reward) for x in rows if x.trajectory == t) for t in group[r.group]}
        adv = returns[r.trajectory] - sum(returns.values()) / len(returns)
        length = sum(sum(x.sampled) for x in rows if x.trajectory == r.trajectory)
        many = len({x.trajectory for x in rows})
        at = r.sampled.index(True)
        assert float(slope[i, at]) == pytest.approx(-adv / length / many, abs=1e-12)


def uncertain(first: float, second: float) -> list[Row]:
    rows = group_of([1.0, 0.0])
    rows[0].entropy, rows[1].entropy = [0, first, first], [0, second, second]
    return rows


def test_an_uncertain_trajectory_gives_no_gradient() -> None:
    algorithm = GTPO()
    b, new = to_batch(uncertain(0.1, 1.2))  # mean .65 < ln 2: the filter is on
    b = algorithm.prepare(b)
    _, (slope, _, _) = gradients(algorithm, b, new)
    assert slope[0, 1:3].ne(0).all()
    assert not slope[1].any()
    assert float(algorithm.statistics(b)["dropped"]) == 0.5


def test_the_first_policys_entropy_switches_the_filter_for_good() -> None:
    algorithm = GTPO()
    wild, calm = to_batch(uncertain(0.9, 1.2))[0], to_batch(uncertain(0.1, 1.2))[0]
    assert algorithm.prepare(wild).adv[:, 1].ne(0).all()  # starts above ln 2: never filters
    assert algorithm.prepare(calm).adv[:, 1].ne(0).all()
    assert GTPO(initial_rule=False).prepare(calm).adv[1].eq(0).all()
    other = GTPO()
    assert other.prepare(calm).adv[1].eq(0).all()  # starts below: filters, whatever comes later
    assert other.prepare(wild).adv.eq(0).all()


def test_the_first_policys_entropy_survives_a_restart() -> None:
    algorithm = GTPO()
    algorithm.prepare(to_batch(uncertain(0.9, 1.2))[0])
    state = algorithm.state_dict()
    assert float(state["initial"]) == pytest.approx(1.05)
    restored = GTPO()
    restored.load_state_dict(state)
    calm = to_batch(uncertain(0.1, 1.2))[0]
    assert torch.equal(restored.prepare(calm).adv, algorithm.prepare(calm).adv)
    assert restored.prepare(calm).adv[1].ne(0).any()


def test_where_the_threshold_comes_from() -> None:
    # If no token has a probability over 1/2, the entropy is at least ln 2, the entropy of a fair coin.
    logits = torch.randn(20_000, 6, generator=torch.Generator().manual_seed(0)).double() * 2
    p = logits.softmax(1)
    spread = p[p.amax(1) <= 0.5]
    assert len(spread) > 1000
    assert float(-(spread * spread.log()).sum(1).min()) >= math.log(2) == GTPO().threshold
