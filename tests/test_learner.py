"""From a batch to weights: gradients that no memory setting changes, and updates that cannot do harm."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from small_models import build_policy, equal, learner_of, random_batch, sampled_logps, weights, words
from torch import Tensor
from toy_pairs import EPISODIC as ALGORITHMS

from ludex.agents.algorithms import algorithm_class, ops
from ludex.agents.algorithms.base import Algorithm, Forward, Metrics, Need
from ludex.agents.algorithms.grpo import GRPO
from ludex.agents.batch import Batch, collate, split_groups
from ludex.agents.engine.local import LocalEngine
from ludex.agents.learner import Learner, learning_rate, micro_batches, repeatable
from ludex.agents.policy import Policy
from ludex.agents.sampling import Sampling, generate
from ludex.agents.settings import OptimSettings
from ludex.core import Trajectory, Turn


def near_policy(policy: Policy, batch: Batch, seed: int = 0) -> Batch:
    """The batch as if sampled by a policy close by, so that some ratios are clipped and some are not."""
    with torch.no_grad():
        noise = torch.randn(batch.mask.shape, generator=torch.Generator().manual_seed(seed)) * 0.2
        return batch.with_(old_logp=(policy(batch).logp + noise) * batch.mask)


def gradient_of(learner: Learner, batch: Batch) -> dict[str, Tensor]:
    """Of one update at a learning rate of 0."""
    learner.learn(batch, 0)
    return {n: p.grad.clone() for n, p in learner.policy.named_parameters() if p.grad is not None}


def sampled_batch(policy: Policy, seed: int = 0, temperature: float = 1.0) -> Batch:
    """What the policy really samples: four groups of four, rewards by chance."""
    rng = random.Random(seed)
    engine = LocalEngine(policy, (3,))
    engine.refresh(seed)
    prompts = [prompt for _ in range(4) for prompt in [words(rng, 3, 9)] * 4]
    episodes = []
    for i, (prompt, sample) in enumerate(
        zip(prompts, generate(engine, prompts, Sampling(8, temperature)), strict=True)
    ):
        turn = Turn("", "", float(rng.random() < 0.5), sample.cut, prompt, sample.ids, sample.logps)
        episodes.append(Trajectory("", i // 4, turns=[turn], threshold=0.5, correct=turn.reward > 0.5))
    return collate(episodes)


@pytest.mark.parametrize("name", sorted(ALGORITHMS))
def test_micro_batches_never_change_the_gradient(name: str):
    algorithm = algorithm_class(name)()
    options = {"lr": 0.0, "max_grad_norm": math.inf}
    policy = build_policy(critic="value" in algorithm.needs)
    batch = near_policy(policy, random_batch(1))
    whole = gradient_of(learner_of(algorithm_class(name)(), policy, micro_tokens=10**9, **options), batch)
    assert sum(float(g.norm()) for g in whole.values()) > 1e-3
    for tokens in (1, 60, 150):
        parts = list(micro_batches(batch, tokens))
        assert len(parts) == len(batch) if tokens == 1 else 1 < len(parts) < len(batch)
        split = gradient_of(learner_of(algorithm_class(name)(), policy, micro_tokens=tokens, **options), batch)
        for key, g in whole.items():
            assert (split[key] - g).norm() <= 1e-5 * g.norm() + 1e-7, (key, tokens)


def test_packing_never_changes_an_update():
    batch = random_batch(2)
    found = []
    for packs in (False, True):
        policy = build_policy(critic=True)
        policy.packs = packs
        found.append(gradient_of(learner_of(algorithm_class("ppo")(), policy, lr=0.0), near_policy(policy, batch)))
    for key, g in found[0].items():
        assert (found[1][key] - g).norm() <= 1e-5 * g.norm() + 1e-7, key


@pytest.mark.parametrize("name", sorted(ALGORITHMS))
def test_metrics_are_means_whatever_the_micro_batches(name: str):
    policy = build_policy(critic=True)
    batch = near_policy(policy, random_batch(3))
    found = [learner_of(algorithm_class(name)(), policy, lr=0.0, micro_tokens=n).learn(batch, 0) for n in (1, 10**9)]
    assert found[0].keys() == found[1].keys()
    for key in found[0].keys() - {"memory/peak_mb"}:
        value = found[0][key]
        assert value == pytest.approx(found[1][key], rel=1e-4, abs=1e-5), key


@dataclass(frozen=True)
class Probe(Algorithm):
    """Reports what it is given; its weights sum to 4."""

    @property
    def needs(self) -> frozenset[Need]:
        return frozenset({"ref", "value", "entropy"})

    def prepare(self, b: Batch) -> Batch:
        assert not any(t.isnan().any() for t in (b.ref_logp, b.value, b.entropy))
        return b.with_(adv=b.mask, weight=4 * ops.token_mean(b))

    def loss(self, new: Forward, b: Batch) -> tuple[Tensor, Metrics]:
        metrics = {"one": ops.total(b.mask, b), "off": ops.total((b.entropy - new.entropy.detach()).abs(), b)}
        return -ops.total(new.logp, b), metrics

    def statistics(self, b: Batch) -> Metrics:
        return {"trajectories": ops.trajectories(b)}


def test_metrics_are_divided_by_the_weight_and_statistics_are_logged():
    learner = learner_of(Probe(), build_policy(critic=True), lr=0.0, micro_tokens=50)
    metrics = learner.learn(random_batch(4), 0)
    assert metrics["one"] == pytest.approx(1.0, abs=1e-5)
    assert metrics["trajectories"] == 10
    assert metrics["off"] == pytest.approx(0.0, abs=1e-5)  # the entropy as sampled, row by row in place


@pytest.mark.parametrize("temperature", [0.7, 1.0])
def test_the_gap_between_sampler_and_learner_is_nothing_on_the_cpu(temperature: float):
    learner = learner_of(GRPO(beta=0.0), temperature=temperature, updates=2, minibatches=2, lr=1e-2)
    batch = sampled_batch(learner.policy, temperature=temperature)
    assert learner.learn(batch, 0)["gap"] < 1e-5  # although three of the four updates are off policy
    assert learner.learn(batch, 1)["gap"] > 1e-3  # now the first one is as well


def test_the_sampler_follows_the_weights_at_once():
    learner = learner_of(GRPO(beta=0.0), lr=1e-2)
    engine = LocalEngine(learner.policy, (3,))
    prompts = [[1, 2, 3], [4, 5]]
    batch = sampled_batch(learner.policy)
    for step in range(2):
        learner.learn(batch, step)
        engine.refresh(step)
        for prompt, sample in zip(prompts, generate(engine, prompts, Sampling(6)), strict=True):
            assert sample.logps == pytest.approx(sampled_logps(learner.policy.model, prompt, sample.ids), abs=1e-5)


def test_a_sampler_at_another_temperature_shows_in_the_gap():
    learner = learner_of(GRPO(beta=0.0), temperature=1.0)
    assert learner.learn(sampled_batch(learner.policy, temperature=0.7), 0)["gap"] > 0.05


def test_the_reference_stays_behind():
    learner = learner_of(GRPO(beta=0.1), lr=1e-2)
    assert learner.reference is not None
    before = weights(learner.reference)
    batch = sampled_batch(learner.policy)
    first, second = learner.learn(batch, 0), learner.learn(batch, 1)
    assert first["kl_ref"] == pytest.approx(0.0, abs=1e-9)
    assert second["kl_ref"] > 1e-5
    assert equal(before, weights(learner.reference))
    assert not equal(before, weights(learner.policy))
    assert not any(p.requires_grad for p in learner.reference.parameters())


@pytest.mark.parametrize(("updates", "minibatches"), [(1, 1), (2, 1), (1, 2), (2, 2)])
def test_every_pass_takes_a_step_for_every_minibatch(updates: int, minibatches: int):
    learner = learner_of(GRPO(beta=0.0), updates=updates, minibatches=minibatches, lr=1e-2)
    batch = sampled_batch(learner.policy)
    by_hand = build_policy()
    optimizer = torch.optim.AdamW(by_hand.parameters(), lr=1e-2, betas=(0.9, 0.95), weight_decay=0.0)
    learner.learn(batch, 0)
    for _ in range(updates):
        for part in split_groups(batch, minibatches):
            optimizer.zero_grad()
            loss, _ = GRPO(beta=0.0).loss(by_hand(part), GRPO(beta=0.0).prepare(part))
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(by_hand.parameters(), 1.0)
            optimizer.step()
    steps = {int(state["step"]) for state in learner.optimizer.state.values()}
    assert steps == {updates * minibatches}
    for (name, ours), theirs in zip(learner.policy.named_parameters(), by_hand.parameters(), strict=True):
        # Adam turns rounding into a step where a gradient is near nothing, hence the absolute tolerance.
        assert (ours - theirs).abs().mean() < 1e-5, name


def test_a_long_gradient_is_clipped():
    found = {}
    for limit in (1e-3, math.inf):
        learner = learner_of(GRPO(beta=0.0), lr=0.0, max_grad_norm=limit)
        batch = sampled_batch(learner.policy)
        found[limit] = gradient_of(learner, batch)
    norms = {limit: math.sqrt(sum(float(g.norm()) ** 2 for g in gs.values())) for limit, gs in found.items()}
    assert norms[math.inf] > 1e-2
    assert norms[1e-3] == pytest.approx(1e-3, rel=1e-3)


@pytest.mark.parametrize(
    ("schedule", "warmup", "expected"),
    [
        ("constant", 0, [1, 1, 1, 1]),
        ("constant", 2, [0.5, 1, 1, 1]),
        ("linear", 0, [1, 0.75, 0.5, 0.25]),
        ("linear", 2, [0.5, 1, 1, 0.5]),
        ("cosine", 0, [1, (1 + math.sqrt(0.5)) / 2, 0.5, (1 - math.sqrt(0.5)) / 2]),
        ("cosine", 9, [1 / 9, 2 / 9, 3 / 9, 4 / 9]),
    ],
)
def test_the_learning_rate_of_four_steps(schedule: Any, warmup: int, expected: Sequence[float]):
    settings = OptimSettings(lr=2e-3, schedule=schedule, warmup=warmup)
    assert [learning_rate(step, settings, 4) for step in range(4)] == pytest.approx([2e-3 * x for x in expected])


def test_the_learning_rate_reaches_the_optimiser():
    learner = learner_of(GRPO(beta=0.0), schedule="linear")
    learner.learn(sampled_batch(learner.policy), 5)
    assert learner.optimizer.param_groups[0]["lr"] == pytest.approx(5e-4)


def test_a_learner_takes_up_where_another_left_off():
    settings: dict[str, Any] = {"updates": 2, "lr": 1e-2}
    one = learner_of(GRPO(), **settings)
    batch = sampled_batch(one.policy)
    one.learn(batch, 0)
    two = learner_of(GRPO(), build_policy(), **settings)
    two.load_state_dict(copy.deepcopy(one.state_dict()))
    one.learn(batch, 1)
    two.learn(batch, 1)
    assert equal(weights(one.policy), weights(two.policy))


def test_a_batch_with_a_bad_reward_is_refused():
    learner = learner_of(GRPO(beta=0.0))
    batch = sampled_batch(learner.policy)
    reward = batch.reward.clone()
    reward[2, int(batch.length[2]) - 1] = math.nan
    with pytest.raises(ValueError, match="row 2 of the batch has a reward that is not a finite number"):
        learner.learn(batch.with_(reward=reward), 0)


def test_the_critic_learns_what_truncated_episodes_are_worth():
    """PPO sees the value behind the last token of a row that was cut off."""
    policy = build_policy(critic=True)
    seen: list[Tensor] = []

    class Spy(algorithm_class("ppo")):  # type: ignore[misc]
        def prepare(self, b: Batch) -> Batch:
            seen.append(b.value)
            return super().prepare(b)  # type: ignore[no-any-return]

    batch = random_batch(6)
    learner_of(Spy(), policy, lr=0.0, micro_tokens=60).learn(batch, 0)
    with torch.no_grad():
        for i, n in enumerate(batch.length.tolist()):
            states = policy.model.base_model(input_ids=batch.tokens[i : i + 1, :n]).last_hidden_state
            assert policy.value_head is not None
            assert float(seen[0][i, n]) == pytest.approx(float(policy.value_head(states[0, -1])), abs=1e-5)


def test_the_objective_rises():
    """Rewarded tokens become likelier and others rarer, by the plainest measure."""
    learner = learner_of(GRPO(beta=0.0), lr=3e-3)
    batch = sampled_batch(learner.policy, 1)
    prepared = GRPO().prepare(batch)

    def likelihoods() -> list[float]:
        rows = zip(batch.tokens.tolist(), batch.prompt.tolist(), batch.length.tolist(), strict=True)
        return [sum(sampled_logps(learner.policy.model, row[:p], row[p:n])) for row, p, n in rows]

    before = likelihoods()
    for step in range(5):
        learner.learn(batch, step)
    gain = torch.tensor(likelihoods()) - torch.tensor(before)
    advantage = prepared.adv.sum(1) / prepared.mask.sum(1)
    assert (advantage != 0).any()
    assert float((gain * advantage).sum()) > 0.1


def test_repeatable_kernels_are_asked_for_and_let_go():
    def asked() -> tuple[bool, bool]:
        return torch.are_deterministic_algorithms_enabled(), torch.utils.deterministic.fill_uninitialized_memory

    before = asked()
    with repeatable(False):
        assert asked() == before == (False, True)
    with repeatable(True):
        assert asked() == (True, False)
    assert asked() == before
    refusal = r"^compute.deterministic = false learns in spite of this: put_ does not have [^\n]*$"
    with pytest.raises(RuntimeError, match=refusal), repeatable(True):
        torch.zeros(4).put_(torch.tensor([0]), torch.ones(1))
    assert asked() == before
    with pytest.raises(RuntimeError, match=r"^of another kind$"), repeatable(True):
        raise RuntimeError("of another kind")
    assert asked() == before
