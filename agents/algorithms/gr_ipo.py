"""GR-IPO: group-robust IPO (Ramesh et al. 2024, arXiv 2405.20304); the update stands in robust.py.

    l(h) = (h - 1/(2 beta))^2

For a log-linear policy with a uniform reference h = <phi(chosen) - phi(rejected), theta>, and the
best theta for given weights solves a linear system (Algorithm 2): `fit` and `fit_robust`. The
authors' routine leaves 1/N_g out of the system and divides the loss by it twice; this follows the paper.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ludex.agents.algorithms import ops
from ludex.agents.algorithms.ipo import squared
from ludex.agents.algorithms.robust import GroupRobust, ascend


@dataclass
class GRIPO(GroupRobust):
    """The worst group's squared distance of the margin from its target."""

    beta: float = 0.1  # the margin's target is 1/(2 beta)
    eta: float = 0.01  # step of the groups' weights; 0 keeps them equal
    chi: float = 1.0  # share of the weights that is robust; the rest is the same for every group

    def __post_init__(self) -> None:
        super().__post_init__()
        ops.above(0, beta=self.beta)

    def penalty(self, h: Tensor) -> Tensor:
        """Squared distance."""
        return squared(h, self.beta)


def fit(difference: Tensor, group: Tensor, alpha: Tensor, beta: float, ridge: float = 0.0) -> Tensor:
    """The theta that minimises sum_g alpha_g mean_{D_g} (<s, theta> - 1/(2 beta))^2 + ridge |theta|^2.

    Args:
        difference: [N, D], the rows s = phi(chosen) - phi(rejected).
        group: int [N], below K; every group has a pair.
        alpha: [K], weights of the groups: N_g/N is plain IPO, 1/K is IS-IPO.
        beta: as in the loss.
        ridge: what keeps the system solvable where features depend on one another.

    Returns:
        [D], the solution of (S'WS + ridge I) theta = S'W1 / (2 beta) with W = diag(alpha_g / N_g).
    """
    weight = alpha[group] / torch.bincount(group, minlength=len(alpha))[group]
    weighted = difference * weight[:, None]
    system = difference.T @ weighted + ridge * torch.eye(difference.shape[1], dtype=difference.dtype)
    solution: Tensor = torch.linalg.solve(system, weighted.sum(0) / (2 * beta))
    return solution


def fit_robust(
    difference: Tensor,
    group: Tensor,
    *,
    beta: float,
    eta: float,
    steps: int,
    theta: Tensor,
    ridge: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Algorithm 2: mirror descent of the weights, from equal ones, each followed by the best theta for them.

    Args:
        difference: [N, D], as of `fit`.
        group: int [N], as of `fit`.
        beta: as in the loss.
        eta: step of the weights.
        steps: how many.
        theta: [D], where to start; it matters for the first step of the weights only.
        ridge: as of `fit`.

    Returns:
        theta [D] and alpha [K].
    """
    count = torch.bincount(group)
    log_alpha = torch.full((len(count),), -math.log(len(count)), dtype=difference.dtype)
    for _ in range(steps):
        penalty = squared(difference @ theta, beta)
        losses = torch.zeros_like(log_alpha).index_add_(0, group, penalty) / count
        log_alpha = ascend(log_alpha, losses, eta)
        theta = fit(difference, group, log_alpha.exp(), beta, ridge)
    return theta, log_alpha.exp()
