"""What an algorithm is: two functions on a Batch, and its hyper-parameters as a dataclass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from ludex.agents.batch import Batch
from ludex.core import Trajectory

Need = Literal["oracle", "pairs", "ref", "logp", "value", "entropy"]


@dataclass
class Forward:
    """What the policy being trained says of a batch's tokens; `[B, T]`, zero where the mask is.

    Attributes:
        logp: log-probability of each sampled token, nats, with gradient.
        entropy: of the whole next-token distribution, nats; with gradient if the
            algorithm needs "entropy", else detached.
        value: of the state before each token, if the algorithm needs "value"; it
            is also filled at the first position after each row's end.
    """

    logp: Tensor
    entropy: Tensor
    value: Tensor


Metrics = dict[str, Tensor]


class Algorithm:
    """Base of all algorithms; a subclass is a dataclass of its hyper-parameters.

    State that must survive a restart lives in attributes which `state_dict`
    returns and `load_state_dict` takes back; most algorithms have none.

    Attributes:
        one_update: a batch is good for a single optimiser step: nothing corrects for a policy that has moved.
    """

    one_update: ClassVar[bool] = False

    @property
    def needs(self) -> frozenset[Need]:
        """What the loop must provide; it may depend on a hyper-parameter (a KL weight of 0 needs no reference).

        "oracle" (learn from worked solutions instead of samples), "pairs" (from
        preference pairs, a `PairBatch`), "ref" (log-probabilities of the frozen
        first policy), "logp" (the policy's own before the update, in
        `Batch.old_logp`, where nothing was sampled), "value" (a critic head),
        "entropy" (with gradient; also as sampled, in `Batch.entropy`).
        """
        return frozenset()

    @property
    def smallest_group(self) -> int:
        """Episodes that a group must have for rewards to teach anything: 2 where all are compared with their mean."""
        return 1

    def keep(self, group: list[Trajectory]) -> bool:
        """Whether a sampled group is worth training on; the loop samples more for those that are not."""
        return True

    def prepare(self, b: Batch) -> Batch:
        """Fill `adv` and `weight`, without gradient, for all rows of one optimiser step."""
        raise TypeError(f"{type(self).__name__} must define prepare")

    def loss(self, new: Forward, b: Batch) -> tuple[Tensor, Metrics]:
        """Loss of one micro-batch: a sum over `b.weight`, so that micro-batches add up exactly.

        The metrics are sums too, detached, which `means` makes means of once they
        are added up over the micro-batches.
        """
        raise TypeError(f"{type(self).__name__} must define loss")

    def means(self, sums: Mapping[str, float], b: Batch) -> dict[str, float]:
        """The metrics of all rows of a prepared step from their sums; here those are sums over `b.weight`."""
        weight = float(b.weight.sum()) or 1.0
        return {name: value / weight for name, value in sums.items()}

    def statistics(self, b: Batch) -> Metrics:
        """Scalars for the log from all rows of a prepared step: those that need whole trajectories or groups."""
        return {}

    def state_dict(self) -> dict[str, Tensor]:
        """State to save in a checkpoint."""
        return {}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take back what `state_dict` gave."""
