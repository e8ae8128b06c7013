"""The robust algorithms on the paper's bandits: the table of an independent reproduction, within its spread."""

from __future__ import annotations

import itertools
from statistics import fmean
from typing import Any

import pytest
import torch
from torch import Tensor
from toy_pairs import pair, to_pairs

from ludex.agents.algorithms.base import Forward
from ludex.agents.algorithms.dpo import DPO, logistic
from ludex.agents.algorithms.gr_dpo import GRDPO
from ludex.agents.algorithms.ipo import squared
from ludex.agents.algorithms.preference import Preference
from ludex.agents.reproduce.preference_bandit import SCENARIOS, Pairs, data, worst_loss, worst_reward_error
from ludex.agents.reproduce.preference_bandit import descend as by_hand
from ludex.agents.reproduce.preferences import logistic_arms, squared_arms

SEEDS = range(2021, 2031)

# Worst validation loss and worst reward error of IPO, IS-IPO and GR-IPO, means of ten seeds.
IPO_TABLE = {
    "even, imbalanced": ((24.3, 17.5, 16.8), (0.092, 0.054, 0.050)),
    "uneven, balanced": ((20.0, 20.0, 17.9), (0.103, 0.103, 0.055)),
    "uneven, imbalanced": ((20.9, 20.1, 17.7), (0.115, 0.105, 0.062)),
}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_closed_form_gives_the_papers_bandit_table(scenario: str) -> None:
    losses: list[list[float]] = [[], [], []]
    errors: list[list[float]] = [[], [], []]
    for seed in SEEDS:
        train, valid, theta = data(scenario, seed)
        for i, found in enumerate(squared_arms(train, theta).values()):
            losses[i].append(worst_loss(valid, squared(valid.difference @ found, 0.1)))
            errors[i].append(worst_reward_error(valid, found))
    print(scenario, [round(fmean(x), 3) for x in losses], [round(fmean(x), 4) for x in errors])
    expected_losses, expected_errors = IPO_TABLE[scenario]
    assert [fmean(x) for x in losses] == pytest.approx(expected_losses, rel=0.1)
    assert [fmean(x) for x in errors] == pytest.approx(expected_errors, rel=0.35)
    assert fmean(losses[2]) < min(fmean(losses[0]), fmean(losses[1]))
    assert fmean(errors[2]) < min(fmean(errors[0]), fmean(errors[1]))


def batch(train: Pairs) -> Any:
    """The pairs of a log-linear policy with a uniform reference: one token a response."""
    rows = [r for i in range(len(train.group)) for r in pair((0.0, 0.0), (0.0, 0.0), i)]
    return to_pairs(rows, train.group.repeat_interleave(2).tolist(), torch.bincount(train.group).tolist())[0]


def descend(algorithm: Preference, train: Pairs, theta: Tensor, lr: float, steps: int) -> list[Tensor]:
    """Gradient descent on all pairs at once through the algorithm itself; every theta on the way."""
    b, path = batch(train), [theta]
    for _ in range(steps):
        theta = theta.detach().requires_grad_()
        logp = torch.zeros_like(b.mask)
        logp[::2, 1] = train.difference @ theta
        loss, _ = algorithm.loss(Forward(logp, logp, logp), algorithm.prepare(b.with_(old_logp=logp.detach())))
        (gradient,) = torch.autograd.grad(loss, theta)
        theta = (theta - lr * gradient).detach()
        path.append(theta)
    return path


ALGORITHMS: dict[str, Any] = {
    "plain": lambda eta: DPO(beta=1.0),
    "fair": lambda eta: DPO(beta=1.0, weighting="groups"),
    "robust": lambda eta: GRDPO(beta=1.0, eta=eta),
}


@pytest.mark.parametrize("kind", ALGORITHMS)
def test_the_algorithm_takes_the_steps_written_out(kind: str) -> None:
    train, _, theta = data("uneven, imbalanced", 2021)
    path = descend(ALGORITHMS[kind](0.5), train, theta, 0.9, 200)
    torch.testing.assert_close(torch.stack(path), by_hand(train, theta, kind, 0.9, 0.5, 200), rtol=1e-6, atol=1e-9)


# The same table of DPO, IS-DPO and GR-DPO.
DPO_TABLE = {
    "even, imbalanced": ((0.859, 0.502, 0.467), (0.085, 0.053, 0.047)),
    "uneven, balanced": ((0.535, 0.533, 0.482), (0.086, 0.086, 0.046)),
    "uneven, imbalanced": ((0.626, 0.539, 0.467), (0.098, 0.089, 0.051)),
}


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_descent_gives_the_papers_bandit_table(scenario: str) -> None:
    expected_losses, expected_errors = DPO_TABLE[scenario]
    losses: list[list[float]] = [[], [], []]
    errors: list[list[float]] = [[], [], []]
    for seed in SEEDS:
        train, valid, theta = data(scenario, seed)
        for i, found in enumerate(logistic_arms(train, theta, scenario, 10_000).values()):
            losses[i].append(worst_loss(valid, logistic(valid.difference @ found, 1.0)))
            errors[i].append(worst_reward_error(valid, found))
    print(scenario, [round(fmean(x), 3) for x in losses], [round(fmean(x), 4) for x in errors])
    assert [fmean(x) for x in losses] == pytest.approx(expected_losses, rel=0.12)
    assert [fmean(x) for x in errors] == pytest.approx(expected_errors, rel=0.35)
    assert fmean(losses[2]) < min(fmean(losses[0]), fmean(losses[1]))
    assert fmean(errors[2]) < min(fmean(errors[0]), fmean(errors[1]))


@pytest.mark.slow
def test_the_averaged_iterate_nears_the_best_worst_loss_like_one_over_root_t() -> None:
    """Proposition 4.1, with steps that shrink like T^-1/2: a gap of at most c / sqrt(T) for one c."""
    train, _, theta = data("uneven, imbalanced", 2021)

    def worst(x: Tensor) -> float:
        return worst_loss(train, logistic(train.difference @ x, 1.0))

    def run(steps: int) -> float:
        size = 20 * steps**-0.5
        return worst(by_hand(train, theta, "robust", size, size, steps)[1:].mean(0))

    best = min(map(worst, by_hand(train, theta, "robust", 0.3, 0.01, 100_000)[::100]))
    gaps = [run(steps) - best for steps in (1_000, 4_000, 16_000, 64_000)]
    print("best", best, "gaps", gaps)
    assert min(gaps) > -1e-4  # `best` is one
    for fewer, more in itertools.pairwise(gaps):
        assert more < 0.7 * fewer
    assert gaps[-1] < gaps[0] / 8  # sqrt(64)
