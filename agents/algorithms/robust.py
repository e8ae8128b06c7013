"""Group-robust preference optimisation: the worst group's loss instead of the mean (Ramesh et al. 2024).

    min over pi, max over alpha in the simplex, of sum_g alpha_g mean_{D_g} l(h)         arXiv 2405.20304

    L_g     = N/N_g 1/P sum_{i in g} l(h_i)          over the P pairs of a step; 0 for a group without one
    alpha_g = alpha_g exp(eta L_g) / sum             before the policy moves, from its loss as it is
    loss    = sum_g ((1-chi)/K + chi alpha_g) L_g    with the new alpha

This is their Algorithm 1 with P pairs for one: L_g is an unbiased estimate of the group's mean loss.
eta and the scale of the loss belong together (a loss c times as large wants eta / c), and alpha
follows the sum of all losses so far: it moves until the groups' losses are equal. The authors'
language-model code sums over the batch where this takes the mean, so that its eta is P times smaller.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ludex.agents.algorithms import ops
from ludex.agents.algorithms.base import Metrics, Need
from ludex.agents.algorithms.preference import Preference, margins, per_group, rarity
from ludex.agents.batch import Batch, PairBatch


def ascend(log_alpha: Tensor, losses: Tensor, eta: float) -> Tensor:
    """One mirror-descent step of the weights [K], in logarithms: alpha_g exp(eta L_g), normalised."""
    return (log_alpha + eta * losses).log_softmax(0)


class GroupRobust(Preference):
    """Base of the robust algorithms; the groups' weights are state that a checkpoint keeps."""

    eta: float
    chi: float
    log_alpha: Tensor | None = None  # [K] in float64; None before the first step

    def __post_init__(self) -> None:
        ops.at_least(0, eta=self.eta)
        ops.between(0, 1, chi=self.chi)

    @property
    def needs(self) -> frozenset[Need]:
        """Also the policy's own log-probabilities before the update, from which the weights move."""
        return super().needs | {"logp"}

    @property
    def alpha(self) -> Tensor:
        """[K], the groups' weights; they sum to 1."""
        return torch.empty(0) if self.log_alpha is None else self.log_alpha.exp()

    def shares(self, b: PairBatch) -> Tensor:
        """[B], the group's weight over its share of the pairs, after a step of the weights."""
        groups = b.sizes.shape[1]
        if self.log_alpha is None:
            self.log_alpha = torch.full((groups,), -math.log(groups), dtype=torch.float64)
        losses = self.group_losses(b).double().cpu()
        if losses.isfinite().all():  # the update of any other step is skipped, and so are its losses here
            self.log_alpha = ascend(self.log_alpha, losses, self.eta)
        weights = (1 - self.chi) / groups + self.chi * self.alpha
        return weights.to(b.mask)[b.domain] * rarity(b)

    def group_losses(self, b: PairBatch) -> Tensor:
        """[K], L_g under the policy as it is."""
        penalty = self.penalty(margins(b.old_logp, b))
        return per_group(ops.sequence_mean(b).sum(1) * penalty * rarity(b), b)

    def statistics(self, b: Batch) -> Metrics:
        """The groups' weights."""
        return {f"alpha/{g}": weight for g, weight in enumerate(self.alpha)}

    def state_dict(self) -> dict[str, Tensor]:
        """The groups' weights."""
        return {} if self.log_alpha is None else {"log_alpha": self.log_alpha}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take back what `state_dict` gave."""
        found = state.get("log_alpha")
        self.log_alpha = None if found is None else found.cpu()
