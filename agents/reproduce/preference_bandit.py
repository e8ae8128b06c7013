"""The bandits of Ramesh et al. 2024 (arXiv 2405.20304, appendix D): two groups that rank eight actions differently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

ACTIONS = 8
THETA = np.array([[1.0, 3.0, 1.0, 3.0], [3.0, 1.0, 3.0, 1.0]])  # of the groups' rewards
# Scenario: pairs of the two groups, and whether their second actions are drawn unevenly.
SCENARIOS: dict[str, tuple[tuple[int, int], bool]] = {
    "even, imbalanced": ((60, 240), False),
    "uneven, balanced": ((150, 150), True),
    "uneven, imbalanced": ((60, 240), True),
}

Kind = Literal["plain", "fair", "robust"]  # every pair counts the same, every group does, or the worst group counts


@dataclass
class Pairs:
    """Differences of features [N, 4] and groups [N] of pairs; the states and groups they came from."""

    difference: Tensor
    group: Tensor
    states: np.ndarray
    who: np.ndarray


def features(x: np.ndarray, y: np.ndarray, g: np.ndarray) -> np.ndarray:
    """The "swapped" features [N, 4] of states [N, 2], actions [N] and groups [N]."""
    a = y / 8 + 1
    columns = []
    for i in range(4):
        angle = np.pi * x[:, i // 2]
        columns.append(np.where(i % 2 == g, a * np.cos(angle), np.sin(angle) / a))
    return np.stack(columns, 1)


def draw(rng: np.random.Generator, count: tuple[int, int], uneven: bool) -> Pairs:
    """So many pairs of each group, the better one chosen."""
    g = np.repeat([0, 1], count)
    n = len(g)
    x = rng.random((n, 2))
    first = rng.integers(0, ACTIONS, n)
    if uneven:  # group 0 takes a neighbour (reflected at the ends), group 1 the action four further on
        step = first + rng.choice([-1, 1], n)
        near = np.where(step < 0, 1, np.where(step >= ACTIONS, ACTIONS - 2, step))
        second = np.where(g == 0, near, (first + 4) % ACTIONS)
    else:
        second = (first + rng.integers(1, ACTIONS, n)) % ACTIONS
    one, two = features(x, first, g), features(x, second, g)
    better = ((one - two) * THETA[g]).sum(1) > 0
    difference = np.where(better[:, None], one - two, two - one)
    return Pairs(torch.tensor(difference), torch.tensor(g), x, g)


def data(scenario: str, seed: int) -> tuple[Pairs, Pairs, Tensor]:
    """Training pairs, 1000 balanced ones for validation, and where theta starts."""
    rng = np.random.default_rng(seed)
    count, uneven = SCENARIOS[scenario]
    return draw(rng, count, uneven), draw(rng, (500, 500), uneven), torch.tensor(rng.uniform(0, 5, 4))


def descend(train: Pairs, theta: Tensor, kind: Kind, lr: float, eta: float, steps: int, beta: float = 1.0) -> Tensor:
    """Full-batch descent on the logistic loss, written out; every theta on the way, [T + 1, 4].

    `eta` is the step of the groups' weights, which take it before theta moves.
    """
    s, g = train.difference.numpy(), train.group.numpy()
    size = np.bincount(g)
    x, log_alpha, path = theta.numpy(), np.log([0.5, 0.5]), [theta.numpy()]
    weight = np.full(len(g), 1 / len(g)) if kind == "plain" else 0.5 / size[g]
    for _ in range(steps):
        h = s @ x
        if kind == "robust":
            losses = np.bincount(g, np.logaddexp(0, -beta * h)) / size
            log_alpha = log_alpha + eta * losses
            log_alpha -= np.logaddexp.reduce(log_alpha)
            weight = np.exp(log_alpha)[g] / size[g]
        x = x + lr * beta * ((weight / (1 + np.exp(beta * h))) @ s)
        path.append(x)
    return torch.tensor(np.array(path))


def worst_loss(pairs: Pairs, penalty: Tensor) -> float:
    """The higher of the groups' mean losses."""
    return max(float(penalty[pairs.group == g].mean()) for g in (0, 1))


def worst_reward_error(pairs: Pairs, theta: Tensor) -> float:
    """The higher of the groups' losses of reward by the actions that theta prefers, relative to the best."""
    n = len(pairs.who)
    phi = np.stack([features(pairs.states, np.full(n, y), pairs.who) for y in range(ACTIONS)], 1)  # [N, 8, 4]
    true = (phi * THETA[pairs.who][:, None]).sum(2)
    taken = true[np.arange(n), (phi @ theta.numpy()).argmax(1)]
    errors = []
    for g in (0, 1):
        best = true[pairs.who == g].max(1).mean()
        errors.append((best - taken[pairs.who == g].mean()) / best)
    return float(max(errors))
