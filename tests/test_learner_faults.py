"""Updates that are not finite are skipped, counted and, if they go on, refused by name."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from small_models import equal, learner_of, random_batch, weights
from torch import Tensor

from ludex.agents.algorithms import ops
from ludex.agents.algorithms.base import Algorithm, Forward, Metrics
from ludex.agents.batch import Batch
from ludex.agents.learner import Diverged


@dataclass(frozen=True)
class Poisoned(Algorithm):
    """A loss, or a gradient, that is not finite, in the second micro-batch."""

    what: str = "loss"

    def prepare(self, b: Batch) -> Batch:
        return b.with_(adv=b.mask, weight=ops.token_mean(b))

    def loss(self, new: Forward, b: Batch) -> tuple[Tensor, Metrics]:
        loss = -ops.total(new.logp, b)
        if self.what == "none" or int(b.trajectory.min()) == 0:
            return loss, {}
        if self.what == "loss":
            return loss * math.nan, {}
        return loss + (new.logp.sum() * 0).sqrt(), {}  # 0, and its derivative is infinite


@pytest.mark.parametrize(
    ("what", "named"), [("loss", "the loss"), ("gradient", r"the gradient of model\.model\.embed_tokens\.weight")]
)
def test_a_poisoned_update_is_skipped_counted_and_in_the_end_refused(what: str, named: str):
    learner = learner_of(Poisoned(what), micro_tokens=40, max_skips=3)
    before = weights(learner.policy)
    batch = random_batch(5)
    for count in (1, 2):
        metrics = learner.learn(batch, 0)
        assert metrics["skipped"] == 1
        assert learner.skips == count
        assert equal(before, weights(learner.policy))
        assert not learner.optimizer.state
    with pytest.raises(
        Diverged, match=rf"^3 updates in a row were not finite; the first bad tensor is {named}\. [^\n]*$"
    ):
        learner.learn(batch, 0)
    assert equal(before, weights(learner.policy))


def test_bad_weights_are_named():
    learner = learner_of(Poisoned("none"), max_skips=1)
    with torch.no_grad():
        learner.policy.model.lm_head.weight[0] = math.nan
    with pytest.raises(Diverged, match="the policy's logp"):
        learner.learn(random_batch(5), 0)


def test_a_good_update_forgives_the_skipped_ones():
    learner = learner_of(Poisoned("loss"), micro_tokens=40)
    learner.learn(random_batch(5), 0)
    learner.algorithm = Poisoned("none")
    metrics = learner.learn(random_batch(5), 0)
    assert (learner.skips, metrics["skipped"]) == (0, 0)


def test_skipped_updates_do_not_dilute_the_means():
    learner = learner_of(Poisoned("none"), lr=0.0)
    whole = learner.learn(random_batch(5), 0)["loss"]
    calls = iter(["loss", "none"])

    class Once(Poisoned):
        def loss(self, new: Forward, b: Batch) -> tuple[Tensor, Metrics]:
            return Poisoned("none").loss(new, b) if next(calls) == "none" else (new.logp.sum() * math.nan, {})

    metrics = learner_of(Once(), lr=0.0, updates=2).learn(random_batch(5), 0)
    assert metrics["loss"] == pytest.approx(whole)
    assert metrics["skipped"] == 0.5
