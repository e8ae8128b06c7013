"""Golden numbers of the algorithms, with their derivations, and what must hold of any advantages."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import pytest
import reference_algorithms as reference
import torch
from toy_batches import advantages, gradients, group_of, make, random_rows, row, to_batch
from toy_pairs import EPISODIC as ALGORITHMS

from ludex.agents.algorithms import ops
from ludex.agents.algorithms.corpo import CoRPO
from ludex.agents.algorithms.dapo import DAPO
from ludex.agents.algorithms.dr_grpo import DrGRPO
from ludex.agents.algorithms.grpo import GRPO
from ludex.agents.algorithms.ppo import PPO
from ludex.agents.algorithms.rloo import RLOO
from ludex.agents.algorithms.sft import SFT
from ludex.core import Stop, Trajectory

pytestmark = pytest.mark.filterwarnings("ignore:corpo")

GROUP_RELATIVE = ["corpo", "dapo", "dr_grpo", "grpo", "rloo"]
MIXED = (1.0, 0.0, 0.0, 1.0, 0.1, 0.1, 0.0, 1.0)  # rewards of one group; their mean is .4


# Golden numbers.


def test_corpo_never_reinforces_a_near_miss() -> None:
    # Mean -.85: GRPO's numerator rewards the two best failures; CoRPO's baseline is max(-.85, 0) = 0.
    rewards = (-1.0, -0.8, -0.9, -0.7)
    assert advantages(DrGRPO(), group_of(rewards)) == pytest.approx([-0.15, 0.05, -0.05, 0.15])
    assert advantages(CoRPO(r_min=0.0), group_of(rewards)) == pytest.approx(rewards)


@pytest.mark.parametrize(
    ("r_min", "expected"),
    [
        (0.5, (0.5, -0.5, -0.5, 0.5, -0.4, -0.4, -0.5, 0.5)),  # R - .5
        (1.0, (0, -1, -1, 0, -0.9, -0.9, -1, 0)),  # the top reward as the bar: nothing is reinforced
        (0.1, (0.6, -0.4, -0.4, 0.6, -0.3, -0.3, -0.4, 0.6)),  # below the mean of .4: the floor is idle
    ],
)
def test_corpo_floor(r_min: float, expected: tuple[float, ...]) -> None:
    assert advantages(CoRPO(r_min=r_min), group_of(MIXED)) == pytest.approx(expected)
    from_task = [replace(r, threshold=r_min) for r in group_of(MIXED)]
    assert advantages(CoRPO(), from_task) == pytest.approx(expected)
    assert advantages(CoRPO(r_min=r_min), [replace(r, threshold=9.0) for r in group_of(MIXED)]) == pytest.approx(
        expected
    )


def test_grpo_of_the_mixed_group() -> None:
    # Centred: .6, -.4, -.3; squares 3 * .36 + 3 * .16 + 2 * .09 = 1.74; std sqrt(1.74 / 7) or sqrt(1.74 / 8).
    cases = {(1, 1e-6): (1.203441, -0.802294, -0.60172), (0, 1e-4): (1.286259, -0.857506, -0.64313)}
    for (ddof, eps), (right, wrong, near) in cases.items():
        expected = (right, wrong, wrong, right, near, near, wrong, right)
        assert advantages(GRPO(ddof=ddof, eps=eps), group_of(MIXED)) == pytest.approx(expected, abs=1e-6)
        assert advantages(DAPO(ddof=ddof, eps=eps), group_of(MIXED)) == pytest.approx(expected, abs=1e-6)


def test_rloo_of_the_mixed_group() -> None:
    # G/(G-1) = 8/7 times the centred rewards .6, -.4, -.3.
    expected = (0.685714, -0.457143, -0.457143, 0.685714, -0.342857, -0.342857, -0.457143, 0.685714)
    assert advantages(RLOO(beta=0.0), group_of(MIXED)) == pytest.approx(expected, abs=1e-6)


def test_rloo_penalises_the_kl_inside_the_reward() -> None:
    # sum of log pi_old - log pi_ref: (-1 + 3) + (-1 + 1) = 2 and 0; rewards 1 - .1 * 2 = .8 and .5.
    rows = group_of([1.0, 0.5])
    rows[0].old, rows[0].ref = [0, -1, -1], [0, -3, -1]
    assert advantages(RLOO(beta=0.1), rows) == pytest.approx([0.3, -0.3])


def test_rloo_of_a_lone_trajectory() -> None:
    # Groups of 1 and 2. Without a baseline the lone one has its reward, with the KL .7 - .1 * (-1 + 3) = .5; the
    # others' 1 and 0 are each other's baselines.
    rows = [row(".xx", 0.7, group=0), row(".x", 1.0, 1, trajectory=1), row(".x", 0.0, 1, trajectory=2)]
    assert advantages(RLOO(beta=0.0), rows) == pytest.approx([0.0, 1.0, -1.0])
    assert advantages(RLOO(beta=0.0, lone="raw"), rows) == pytest.approx([0.7, 1.0, -1.0])
    for r, old, ref in zip(rows, ([0, -1, -1], [0, 0], [0, 0]), ([0, -3, -1], [0, 0], [0, 0]), strict=True):
        r.old, r.ref = old, ref
    assert advantages(RLOO(beta=0.1, lone="raw"), rows) == pytest.approx([0.5, 1.0, -1.0])


def test_ppo_penalises_the_kl_inside_the_reward() -> None:
    # lam 0, V = 0: A_t = r_t - .1 k1_t with k1 = 2, -1, so -.2 and 1.1 before whitening; targets are the same.
    rows = [row(".xx", 1.0, old=[0, -1, -2], ref=[0, -3, -1])]
    b = PPO(beta=0.1, lam=0.0).prepare(to_batch(rows)[0])
    torch.testing.assert_close(b.target, torch.tensor([[0, -0.2, 1.1, 0]]).double())
    # Two numbers a and -a have variance 2 a^2 with ddof 1: whitened to 1/sqrt 2.
    torch.testing.assert_close(b.adv, torch.tensor([[0, -1, 1, 0]]).double() / 2**0.5, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("old", "new", "target", "loss", "slope"),
    [
        (0.0, 0.1, 1.0, 0.405, -0.9),  # inside the clip: (0.1 - 1)^2 / 2
        (0.0, 0.5, 1.0, 0.32, 0.0),  # outside, towards the target: held at 0.2, (0.2 - 1)^2 / 2
        (0.0, 0.5, -1.0, 1.125, 1.5),  # outside, away from it: the larger of 1.5^2 and 1.2^2
    ],
)
def test_ppo_value_loss(old: float, new: float, target: float, loss: float, slope: float) -> None:
    b, forward = to_batch([row(".x", target, value=[0, old], new_value=[0, new])])
    algorithm = PPO(value_clip=0.2, value_weight=1.0, beta=0.0)
    b = algorithm.prepare(b)
    assert float(b.target[0, 1]) == pytest.approx(target)
    found, (_, gradient, _) = gradients(algorithm, b, forward)
    assert float(found) == pytest.approx(loss)  # one token: its whitened advantage is 0
    assert float(gradient[0, 1]) == pytest.approx(slope)


@pytest.mark.parametrize(("tokens", "punishment"), [(16384, 0), (18432, -0.5), (20480, -1), (20481, -1), (1, 0)])
def test_dapo_overlong(tokens: int, punishment: float) -> None:
    # ((20480 - 4096) - 18432) / 4096 = -.5
    assert float(DAPO().overlong(torch.tensor(tokens))) == punishment


def test_dapo_counts_the_sampled_tokens_of_all_rows() -> None:
    # 3 + 2 sampled tokens of L_max 6, L_c 4: (2 - 5)/4 = -.75; the other has 2: none. Rewards .25 and 1.
    rows = [
        row(".....xxx", 0.0, trajectory=0),
        row("......xx", 1.0, trajectory=0, turn=1),
        row("........xx", 1.0, trajectory=1),
    ]
    expected = 0.375 / (0.375 * 2**0.5)  # |R - mean| over the std with ddof 1
    adv = advantages(DAPO(max_length=6, cache=4, eps=0.0), rows)
    assert adv == pytest.approx([-expected, -expected, expected])


def outcomes(*correct: bool) -> list[Trajectory]:
    return [Trajectory("t", 0, correct=c) for c in correct]


def test_dapo_keeps_groups_by_correctness() -> None:
    keep = DAPO().keep
    assert keep(outcomes(True, False))
    assert not keep(outcomes(True, True))
    assert not keep(outcomes(False, False))
    assert not keep([])
    broken = Trajectory("t", 0, stop=Stop.ENV_ERROR)
    assert not keep([*outcomes(True, True), broken])
    assert DAPO(dynamic=False).keep(outcomes(True, True))
    assert all(make(name).keep(outcomes(False, False)) for name in ALGORITHMS if name != "dapo")


# Gradients and invariants.


@pytest.mark.parametrize("name", ["grpo", "dr_grpo", "dapo", "corpo", "rloo"])
def test_on_policy_the_gradient_is_minus_weight_times_advantage(name: str) -> None:
    # At rho = 1 clipping is inactive: d loss / d logp = - weight * A. RLOO's weight of a row is one in all.
    rows = [replace(r, new=list(r.old)) for r in random_rows(5)]
    algorithm = make(name, **({"beta": 0.0} if name in ("grpo", "rloo") else {}))
    b, new = to_batch(rows)
    b = algorithm.prepare(b)
    weight = b.mask / ops.trajectories(b) if name == "rloo" else b.weight
    loss, (gradient, _, _) = gradients(algorithm, b, new)
    torch.testing.assert_close(gradient, -weight * b.adv)
    assert float(loss) == pytest.approx(float(-(b.weight * b.adv).sum()))
    assert gradient.abs().sum() > 0


@pytest.mark.parametrize("name", ["grpo", "dr_grpo", "dapo", "rloo"])
def test_equal_rewards_teach_nothing(name: str) -> None:
    algorithm = make(name, **({"beta": 0.0} if name in ("grpo", "rloo") else {}))
    b, new = to_batch(group_of([0.1] * 3, [2, 5, 3]), dtype=torch.float32)
    _, (gradient, _, _) = gradients(algorithm, algorithm.prepare(b), new)
    assert not gradient.any()


@pytest.mark.parametrize(("reward", "sign"), [(0.1, -1), (1.0, 0)])
def test_corpo_learns_from_groups_that_all_failed_only(reward: float, sign: int) -> None:
    adv = advantages(CoRPO(r_min=0.5), group_of([reward] * 4))
    assert adv == pytest.approx([0.4 * sign] * 4)


@pytest.mark.parametrize("name", ["grpo", "dr_grpo", "dapo", "rloo"])
def test_advantages_ignore_a_shift_and_sum_to_zero(name: str) -> None:
    algorithm = make(name, **({"beta": 0.0} if name == "rloo" else {}))
    adv = advantages(algorithm, group_of(MIXED))
    assert sum(adv) == pytest.approx(0)
    assert advantages(algorithm, group_of([r + 3 for r in MIXED])) == pytest.approx(adv)


@pytest.mark.parametrize(("name", "scale"), [("grpo", 1), ("dapo", 1), ("dr_grpo", 5), ("rloo", 5)])
def test_advantages_under_a_scale(name: str, scale: float) -> None:
    settings = {"beta": 0.0} if name == "rloo" else {} if name == "dr_grpo" else {"eps": 0.0}
    adv = advantages(make(name, **settings), group_of(MIXED))
    scaled = advantages(make(name, **settings), group_of([5 * r for r in MIXED]))
    assert scaled == pytest.approx([scale * a for a in adv])


def test_corpo_invariants() -> None:
    rng = random.Random(0)
    for _ in range(200):
        rewards = [rng.choice([-1, -0.5, -0.1, 0.2, 0.5, 1]) for _ in range(rng.randint(1, 8))]
        r_min = rng.choice([-0.303, 0.011, 0.353, 0.811])  # never a mean of the rewards
        floored, plain = advantages(CoRPO(r_min=r_min), group_of(rewards)), advantages(DrGRPO(), group_of(rewards))
        idle = sum(rewards) / len(rewards) >= r_min
        assert all(a < 0 for a, r in zip(floored, rewards, strict=True) if r < r_min)
        assert all(a <= p + 1e-12 for a, p in zip(floored, plain, strict=True))
        assert (floored == pytest.approx(plain)) == idle
        assert sum(floored) == pytest.approx(-len(rewards) * max(0, r_min - sum(rewards) / len(rewards)))
        shifted = advantages(CoRPO(r_min=r_min + 2), group_of([r + 2 for r in rewards]))
        assert shifted == pytest.approx(floored)
        order = sorted(range(len(rewards)), key=lambda i: (rewards[i], i))
        assert all(floored[a] <= floored[b] for a, b in itertools.pairwise(order))


def test_corpo_with_an_idle_floor_is_dr_grpo() -> None:
    rows = random_rows(3)
    corpo, plain = CoRPO(r_min=-9.0), DrGRPO()
    b, new = to_batch(rows)
    for ours, theirs in zip(
        gradients(corpo, corpo.prepare(b), new)[1], gradients(plain, plain.prepare(b), new)[1], strict=True
    ):
        assert torch.equal(ours, theirs)


def test_shares_of_failed_positives() -> None:
    # 20,000 groups of 8 uniform rewards on six levels, threshold 0 (which counts as correct): a known
    # simulation of 50,000 groups found a reinforced failure in 26.7 % under a mean baseline, none under the floor.
    groups, size = 20_000, 8
    levels = torch.tensor([-1.0, -0.5, -0.1, 0.0, 0.5, 1.0])
    rewards = levels[torch.randint(0, 6, (groups * size,), generator=torch.Generator().manual_seed(0))]
    one = to_batch([row(".x", 0.0)], dtype=torch.float32)[0].rows([0] * (groups * size))
    b = one.with_(
        reward=one.mask * rewards[:, None],
        group=torch.arange(groups).repeat_interleave(size),
        trajectory=torch.arange(groups * size),
        correct=rewards >= 0,
    )
    shares, failed = {}, {}
    for name, algorithm in {"mean": DrGRPO(), "floor": CoRPO(r_min=0.0)}.items():
        done = algorithm.prepare(b)
        bad = (done.adv.amax(1) > 0) & ~done.correct
        shares[name] = float(bad.reshape(groups, size).any(1).float().mean())
        failed[name] = float(algorithm.statistics(done)["failed_positive"])
        assert failed[name] == pytest.approx(float(bad.sum() / (~done.correct).sum()))
    assert shares["mean"] == pytest.approx(0.267, abs=0.01)
    assert shares["floor"] == failed["floor"] == 0
    assert failed["mean"] > 0


def test_corpo_tells_how_often_the_floor_is_the_baseline() -> None:
    # Group 0 has mean .2 < .5, group 1 has mean .75: the floor binds for 2 of 5 trajectories, in 3 of 6 rows.
    rows = [
        row(".x", 0.0, 0, 0),
        row(".x", 0.1, 0, 0, turn=1),
        row(".x", 0.3, 0, 1),
        row(".x", 1.0, 1, 2, correct=True),
        row(".x", 0.5, 1, 3, correct=True),
        row(".x", 0.75, 1, 4, correct=True),
    ]
    algorithm = CoRPO()
    b = algorithm.prepare(to_batch(rows)[0])
    found = {name: float(value) for name, value in algorithm.statistics(b).items()}
    assert found == {"failed_positive": 0.0, "floor": pytest.approx(0.4)}


def test_corpo_needs_a_threshold() -> None:
    rows = [replace(r, threshold=float("nan")) for r in group_of(MIXED)]
    with pytest.raises(ValueError, match="no correctness threshold; set corpo"):
        CoRPO().prepare(to_batch(rows)[0])
    assert advantages(CoRPO(r_min=0.5), rows)[0] == pytest.approx(0.5)


@pytest.mark.filterwarnings("default:corpo")
@pytest.mark.parametrize(("r_min", "message"), [(1.0, "none is reinforced"), (0.0, "the floor is idle"), (0.5, None)])
def test_corpo_warns_of_a_floor_outside_the_gap(
    r_min: float, message: str | None, recwarn: pytest.WarningsRecorder
) -> None:
    rows = [replace(r, correct=r.reward[-1] == 1) for r in group_of(MIXED)]
    CoRPO(r_min=r_min).prepare(to_batch(rows)[0])
    said = [str(warning.message) for warning in recwarn]
    assert len(said) == (message is not None)
    assert all(message in line for line in said if message)


def test_dr_grpo_ignores_the_length_of_a_trajectory_and_grpo_does_not() -> None:
    found = {}
    for name in ("dr_grpo", "grpo"):
        algorithm = make(name, **({"beta": 0.0} if name == "grpo" else {}))
        for length in (2, 6):
            b, new = to_batch(group_of([1.0, 0.0], [length, 3]))
            found[name, length] = float(gradients(algorithm, algorithm.prepare(b), new)[1][0][0, 1])
    assert found["dr_grpo", 2] == found["dr_grpo", 6]
    assert found["grpo", 2] == pytest.approx(3 * found["grpo", 6])


@pytest.mark.parametrize("name", GROUP_RELATIVE)
def test_a_group_of_one_is_handled(name: str) -> None:
    adv = advantages(make(name, **({"beta": 0.0} if name == "rloo" else {})), group_of([0.1]))
    assert adv == pytest.approx([-0.4 if name == "corpo" else 0.0])


def test_sft_ignores_rewards() -> None:
    rows = random_rows(1)
    b, new = to_batch(rows)
    algorithm = SFT()
    loss, (gradient, _, _) = gradients(algorithm, algorithm.prepare(b), new)
    logps = [rows[i].new[t] for i, t in reference.sampled(rows)]
    assert float(loss) == pytest.approx(-sum(logps) / len(logps))
    torch.testing.assert_close(gradient, -b.mask / b.mask.sum())
