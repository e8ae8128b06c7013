"""verl's core functions beside ours: the same tensors; advantages, losses and gradients by the log-probabilities.

Rows have observations between their sampled tokens and groups are of one to some ten rows. One
row is one trajectory, as there is nothing else in verl. Where the two differ the test predicts it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("verl", reason="needs verl in an environment of its own: make test-official")

import torch
from torch import Tensor
from toy_batches import gradients, group_of, make, random_rows, to_batch
from verl.trainer.config import AlgoConfig
from verl.trainer.ppo import core_algos as verl
from verl.workers.config import ActorConfig

from ludex.agents.algorithms import ops
from ludex.agents.algorithms.base import Forward
from ludex.agents.batch import Batch

LIKE = {"rtol": 0.0, "atol": 1e-5}
SEEDS = range(25)
NO_DUAL_CLIP = 1e12


def batch(seed: int, truncated: bool = False) -> tuple[Batch, Forward]:
    """Random rows in groups of two and more, each row a trajectory."""
    rows = [replace(r, group=10 * k + r.group) for k in range(3) for r in random_rows(100 * seed + k)]
    sizes = Counter(r.group for r in rows)
    kept = [r for r in rows if sizes[r.group] > 1]
    kept = [replace(r, trajectory=i, turn=0, truncated=truncated) for i, r in enumerate(kept)]
    return to_batch(kept, pad=seed % 4)


def index(b: Batch) -> Any:
    return b.group.numpy()


def first(b: Batch, x: Tensor) -> Tensor:
    """[B], `x` at each row's first sampled token."""
    return x.gather(1, b.mask.argmax(1, keepdim=True))[:, 0]


def actor(low: float = 0.2, high: float = 0.2, mode: str = "token-mean", **options: Any) -> ActorConfig:
    """verl's settings of the policy loss."""
    return ActorConfig(
        strategy="fsdp",
        rollout_n=2,
        ppo_micro_batch_size_per_gpu=1,
        clip_ratio_low=low,
        clip_ratio_high=high,
        loss_agg_mode=mode,
        **{"clip_ratio_c": NO_DUAL_CLIP, **options},
    )


def theirs(kind: str, b: Batch, new: Forward, config: ActorConfig) -> tuple[Tensor, Tensor]:
    """The loss of that name, on our advantages, and its gradient by the log-probabilities."""
    policy_loss = verl.get_policy_loss_fn(kind)
    loss, _ = policy_loss(b.old_logp, new.logp, b.adv, b.mask, config.loss_agg_mode, config)
    return loss.detach(), torch.autograd.grad(loss, new.logp)[0]


def agree(name: str, settings: dict[str, Any], kind: str, config: ActorConfig, seed: int) -> None:
    algorithm = make(name, **settings)
    b, new = batch(seed)
    b = algorithm.prepare(b)
    loss, gradient = theirs(kind, b, new, config)
    ours, (found, *_) = gradients(algorithm, b, new)
    torch.testing.assert_close(ours, loss, **LIKE)
    torch.testing.assert_close(found, gradient, **LIKE)


# Advantages.


@pytest.mark.parametrize("seed", SEEDS)
def test_group_advantages(seed: int) -> None:
    b, _ = batch(seed)
    grpo, _ = verl.compute_grpo_outcome_advantage(b.reward.clone(), b.mask, index(b))
    dr_grpo, _ = verl.compute_grpo_outcome_advantage(b.reward.clone(), b.mask, index(b), norm_adv_by_std_in_grpo=False)
    rloo, _ = verl.compute_rloo_outcome_advantage(b.reward.clone(), b.mask, index(b))
    for name in ("grpo", "gspo", "cispo"):
        torch.testing.assert_close(make(name, eps=1e-6).prepare(b).adv, grpo, **LIKE)
    torch.testing.assert_close(make("dapo", eps=1e-6).prepare(b).adv, grpo, **LIKE)
    torch.testing.assert_close(make("dr_grpo").prepare(b).adv, dr_grpo, **LIKE)
    torch.testing.assert_close(make("rloo", beta=0.0).prepare(b).adv, rloo, **LIKE)


@pytest.mark.parametrize("seed", SEEDS)
def test_their_eps_is_a_hundredth_of_ours(seed: int) -> None:
    b, _ = batch(seed)
    found, _ = verl.compute_grpo_outcome_advantage(b.reward.clone(), b.mask, index(b))
    std = ops.group_std(b.returns, b, 1)[:, None]
    torch.testing.assert_close(make("grpo").prepare(b).adv * (std + 1e-4) / (std + 1e-6), found, **LIKE)


def test_a_group_of_one() -> None:
    """Theirs learns its whole reward; ours, with nothing to compare it with, nothing."""
    b, _ = batch(1)
    alone = b.trajectory == int(b.returns.argmax())
    b = b.with_(group=torch.where(alone, b.group.max() + 1, b.group))
    assert float(b.returns[alone]) > 0.5
    grpo, _ = verl.compute_grpo_outcome_advantage(b.reward.clone(), b.mask, index(b))
    rloo, _ = verl.compute_rloo_outcome_advantage(b.reward.clone(), b.mask, index(b))
    expected = b.returns[alone]
    torch.testing.assert_close(first(b, grpo)[alone], expected, **LIKE)
    torch.testing.assert_close(first(b, rloo)[alone], expected, **LIKE)
    for name, settings in (("grpo", {}), ("dr_grpo", {}), ("rloo", {"beta": 0.0})):
        assert bool((make(name, **settings).prepare(b).adv[alone] == 0).all())


def test_equal_rewards_teach_nothing() -> None:
    """In float32 the rounding of their mean is left, over their deviation and eps; ours is exactly 0."""
    b, _ = to_batch(group_of([0.7] * 10), dtype=torch.float32)
    found, _ = verl.compute_grpo_outcome_advantage(b.reward.clone(), b.mask, index(b))
    assert 0.01 < float(found.abs().max()) < 0.1
    assert bool((make("grpo", eps=1e-6).prepare(b).adv == 0).all())


@pytest.mark.parametrize("seed", SEEDS)
def test_reinforce_pp(seed: int) -> None:
    b, _ = batch(seed)
    gamma = 0.9
    found, _ = verl.compute_reinforce_plus_plus_outcome_advantage(b.reward, b.mask, AlgoConfig(gamma=gamma))
    torch.testing.assert_close(make("reinforce_pp", beta=0.0, gamma=gamma).prepare(b).adv, found, **LIKE)
    found, _ = verl.compute_reinforce_plus_plus_baseline_outcome_advantage(b.reward.clone(), b.mask, index(b))
    torch.testing.assert_close(make("reinforce_pp", beta=0.0, baseline="group").prepare(b).adv, found, **LIKE)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_kl_in_the_reward(seed: int) -> None:
    b, _ = batch(seed)
    reward = verl.compute_rewards(b.reward, b.old_logp, b.ref_logp, 0.3) * b.mask
    rloo, _ = verl.compute_rloo_outcome_advantage(reward.clone(), b.mask, index(b))
    torch.testing.assert_close(make("rloo", beta=0.3).prepare(b).adv, rloo, **LIKE)
    plus, _ = verl.compute_reinforce_plus_plus_outcome_advantage(reward, b.mask, AlgoConfig(gamma=1.0))
    torch.testing.assert_close(make("reinforce_pp", beta=0.3).prepare(b).adv, plus, **LIKE)


@pytest.mark.parametrize("seed", SEEDS)
def test_gae(seed: int) -> None:
    """Both step from sampled token to sampled token, across observations, and whiten with ddof 1."""
    b, _ = batch(seed)
    adv, target = verl.compute_gae_advantage_return(b.reward, b.value, b.mask, 0.97, 0.9)
    ours = make("ppo", beta=0.0, gamma=0.97, lam=0.9).prepare(b)
    torch.testing.assert_close(ours.adv, adv * b.mask, **LIKE)
    torch.testing.assert_close(ours.target, target * b.mask, **LIKE)


@pytest.mark.parametrize("seed", SEEDS)
def test_truncation_is_their_termination(seed: int) -> None:
    """An episode cut off is worth gamma V after its end to us, 0 to them: paid on the last token, they agree."""
    gamma = 0.97
    b, _ = batch(seed, truncated=True)
    ours = make("ppo", beta=0.0, gamma=gamma, lam=0.9).prepare(b)
    _, target = verl.compute_gae_advantage_return(b.reward, b.value, b.mask, gamma, 0.9)
    assert float((ours.target - target * b.mask).abs().max()) > 0.05
    last = (b.mask.cumsum(1) * b.mask).argmax(1, keepdim=True)
    reward = b.reward.scatter_add(1, last, gamma * b.value.gather(1, b.length[:, None]))
    adv, target = verl.compute_gae_advantage_return(reward, b.value, b.mask, gamma, 0.9)
    torch.testing.assert_close(ours.adv, adv * b.mask, **LIKE)
    torch.testing.assert_close(ours.target, target * b.mask, **LIKE)


# Losses.

ALIKE: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    ("grpo", {"beta": 0.0}, "vanilla", {"mode": "seq-mean-token-mean"}),
    ("dr_grpo", {"max_tokens": 9}, "vanilla", {"mode": "seq-mean-token-sum-norm"}),
    ("dapo", {}, "vanilla", {"high": 0.28}),
    ("gspo", {"clip_low": 0.02, "clip_high": 0.03}, "gspo", {"low": 0.02, "high": 0.03, "mode": "seq-mean-token-mean"}),
    ("cispo", {"low": 0.8, "high": 1.28}, "cispo", {"high": 0.28}),
    ("cispo", {}, "cispo", {"low": 1.0, "high": 4.0}),  # distances from 1 there, the bounds themselves here
    ("reinforce_pp", {"beta": 0.0}, "vanilla", {}),
]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("name", "settings", "kind", "options"), ALIKE, ids=[f"{case[0]}-{i}" for i, case in enumerate(ALIKE)]
)
def test_policy_losses(name: str, settings: dict[str, Any], kind: str, options: dict[str, Any], seed: int) -> None:
    config = actor(**options)
    if name == "dr_grpo":
        config = actor(**options, global_batch_info={"loss_scale_factor": settings["max_tokens"]})
    agree(name, settings, kind, config, seed)


def test_dr_grpo_divides_by_the_padded_width() -> None:
    """Unless it is given a constant: then a batch with more padding learns less."""
    algorithm = make("dr_grpo")
    b, new = batch(1)
    b = algorithm.prepare(b)
    loss, gradient = theirs("vanilla", b, new, actor(mode="seq-mean-token-sum-norm"))
    ours, (found, *_) = gradients(algorithm, b, new)
    times = algorithm.max_tokens / b.mask.shape[1]  # type: ignore[attr-defined]
    assert times > 10
    torch.testing.assert_close(times * ours, loss, **LIKE)
    torch.testing.assert_close(times * found, gradient, **LIKE)


def test_the_dual_clip() -> None:
    """A token that got over 3 times likelier though A < 0 counts 3 A there, and has no gradient; here rho A."""
    algorithm = make("dapo")
    b, new = batch(1)
    b = algorithm.prepare(b)
    with torch.no_grad():
        new.logp += (b.adv < 0) * b.mask * torch.linspace(0, 3, b.mask.shape[1], dtype=b.mask.dtype)
    loss, gradient = theirs("vanilla", b, new, actor(high=0.28, clip_ratio_c=3.0))
    ours, (found, *_) = gradients(algorithm, b, new)
    ratio = ops.token_ratio(new, b).detach()
    held = (b.adv < 0) & (ratio > 3)
    assert 0 < int(held.sum()) < int(((b.adv < 0) * b.mask).sum())
    torch.testing.assert_close(found * ~held, gradient, **LIKE)
    torch.testing.assert_close(found * held, -b.weight * ratio * b.adv * held, **LIKE)
    torch.testing.assert_close(ours + (b.weight * (ratio - 3) * b.adv * held).sum(), loss, **LIKE)


@pytest.mark.parametrize("seed", SEEDS)
def test_rloo_by_tokens(seed: int) -> None:
    """One ratio a token there, one a response here: the same on policy, and where a response is one token."""
    algorithm = make("rloo", beta=0.0)
    config = actor(mode="seq-mean-token-sum")
    b, new = batch(seed)
    b = algorithm.prepare(b)
    on_policy = b.with_(old_logp=new.logp.detach().clone())
    _, gradient = theirs("vanilla", on_policy, new, config)
    torch.testing.assert_close(gradients(algorithm, on_policy, new)[1][0], gradient, **LIKE)
    last = torch.zeros_like(b.mask).scatter(1, (b.mask.cumsum(1) * b.mask).argmax(1, keepdim=True), 1.0)
    short = algorithm.prepare(b.with_(mask=last, reward=b.returns[:, None] * last, old_logp=b.old_logp * last))
    loss, gradient = theirs("vanilla", short, new, config)
    ours, (found, *_) = gradients(algorithm, short, new)
    torch.testing.assert_close(ours, loss, **LIKE)
    torch.testing.assert_close(found, gradient, **LIKE)


def test_rloo_by_tokens_is_another_loss_off_policy() -> None:
    algorithm = make("rloo", beta=0.0)
    b, new = batch(1)
    b = algorithm.prepare(b)
    _, gradient = theirs("vanilla", b, new, actor(mode="seq-mean-token-sum"))
    assert float((gradients(algorithm, b, new)[1][0] - gradient).abs().max()) > 0.01


@pytest.mark.parametrize("seed", SEEDS)
def test_value_loss(seed: int) -> None:
    algorithm = make("ppo", beta=0.0)
    b, new = batch(seed)
    b = algorithm.prepare(b)
    policy, policy_gradient = theirs("vanilla", b, new, actor())
    value, _ = verl.compute_value_loss(new.value, b.target, b.value, b.mask, 0.2)
    ours, (found, by_value, _) = gradients(algorithm, b, new)
    torch.testing.assert_close(ours, policy + 0.1 * value.detach(), **LIKE)
    torch.testing.assert_close(found, policy_gradient, **LIKE)
    torch.testing.assert_close(by_value, 0.1 * torch.autograd.grad(value, new.value)[0], **LIKE)


@pytest.mark.parametrize("kind", ["k1", "k2", "k3"])
def test_kl_estimators(kind: Any) -> None:
    b, new = batch(1)
    expected = verl.kl_penalty(new.logp, b.ref_logp, kind)
    found = ops.kl(kind, new.logp, b.ref_logp)
    torch.testing.assert_close(found, expected, **LIKE)
    by = [torch.autograd.grad(x.sum(), new.logp)[0] for x in (found, expected)]
    torch.testing.assert_close(by[0], by[1], **LIKE)


def test_their_k3_stops_at_10() -> None:
    """exp(d) - 1 - d = 10 at d = 2.61: past it theirs has no gradient, ours up to d = 20."""
    logp = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    ref = torch.tensor([2.5, 3.0, 10.0], dtype=torch.float64)
    ours, theirs = ops.k3(logp, ref), verl.kl_penalty(logp, ref, "k3")
    torch.testing.assert_close(theirs, ours.clamp(max=10), **LIKE)
    assert ours[1:].min() > 10 > ours[0]
    (mine,), (other,) = (torch.autograd.grad(x.sum(), logp) for x in (ours, theirs))
    torch.testing.assert_close(mine, 1 - ref.exp(), **LIKE)
    torch.testing.assert_close(other, mine * torch.tensor([1.0, 0.0, 0.0]), **LIKE)
