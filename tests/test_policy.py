"""Scoring: every way through the policy gives the same log-probabilities, values and gradients."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from small_models import FAMILIES, VOCABULARY, build_model, build_policy, random_batch, random_trajectories
from torch import Tensor

from ludex.agents.algorithms.base import Forward
from ludex.agents.batch import Batch, collate
from ludex.agents.policy import Policy

SEEDS = (0, 1, 2, 3)


def dense(policy: Policy, b: Batch, temperature: float = 1.0) -> Forward:
    """Row by row, with the whole [T, V] tensor: what a forward pass means."""
    blank = torch.zeros_like(b.mask)
    logp, entropy, value = blank.clone(), blank.clone(), blank.clone()
    for i, n in enumerate(b.length.tolist()):
        out = policy.model(input_ids=b.tokens[i : i + 1, :n], output_hidden_states=True)
        log = (out.logits[0] / temperature).log_softmax(-1)
        for t in range(1, n + 1):
            if t < n and b.mask[i, t]:
                logp[i, t] = log[t - 1, b.tokens[i, t]]
                entropy[i, t] = -(log[t - 1].exp() * log[t - 1]).sum()
            if policy.value_head is not None and (t == n or b.mask[i, t]):
                value[i, t] = policy.value_head(out.hidden_states[-1][0, t - 1])[0]
    return Forward(logp, entropy, value)


def gradient(policy: Policy, out: Forward, seed: int = 0) -> dict[str, Tensor]:
    """Of a random combination of everything that a forward pass gives."""
    generator = torch.Generator().manual_seed(seed)
    parts = (out.logp, out.entropy, out.value)
    loss = sum((torch.randn(x.shape, generator=generator) * x).sum() for x in parts)
    policy.zero_grad()
    assert isinstance(loss, Tensor)
    loss.backward()  # type: ignore[no-untyped-call]
    return {n: p.grad.clone() for n, p in policy.named_parameters() if p.grad is not None}


def assert_same(policy: Policy, one: Forward, two: Forward, tolerance: float = 1e-5) -> None:
    for name in ("logp", "entropy", "value"):
        torch.testing.assert_close(getattr(one, name), getattr(two, name), atol=tolerance, rtol=tolerance, msg=name)
    first, second = gradient(policy, one), gradient(policy, two)
    assert first.keys() == second.keys()
    for name in first:
        difference = (first[name] - second[name]).norm() / second[name].norm().clamp(min=1e-3)
        assert difference < tolerance, (name, float(difference))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("critic", [False, True], ids=["", "critic"])
@pytest.mark.parametrize("packs", [False, True], ids=["padded", "packed"])
def test_a_forward_pass_equals_the_dense_one(family: str, critic: bool, packs: bool):
    policy = build_policy(family, critic=critic)
    assert policy.packs
    policy.packs = packs
    for seed in SEEDS:
        batch = random_batch(seed)
        assert_same(policy, policy(batch, 1.3, entropy=True), dense(policy, batch, 1.3))


def test_prompts_of_one_length_are_shared_without_padding():
    policy = build_policy(critic=True)
    batch = random_batch(5, prompt=(6, 6), groups=(4, 4))
    one_turn = batch.rows((batch.turn == 0).nonzero()[:, 0])
    assert_same(policy, policy(one_turn, entropy=True), dense(policy, one_turn))


def test_a_batch_of_one_token_responses():
    episodes = random_trajectories(6, groups=(3, 3))
    for episode in episodes:
        turn = episode.turns[0]
        episode.turns = [replace(turn, action_ids=turn.action_ids[:1], logps=turn.logps[:1])]
    batch = collate(episodes)
    for critic in (False, True):
        policy = build_policy(critic=critic)
        assert_same(policy, policy(batch, entropy=True), dense(policy, batch))


def test_the_value_after_the_end_is_that_of_the_whole_row():
    policy = build_policy(critic=True)
    batch = random_batch(7)
    for packs in (False, True):
        policy.packs = packs
        value = policy(batch).value.detach()
        for i, n in enumerate(batch.length.tolist()):
            states = policy.model.base_model(input_ids=batch.tokens[i : i + 1, :n]).last_hidden_state
            assert policy.value_head is not None
            torch.testing.assert_close(value[i, n], policy.value_head(states[0, -1])[0].detach(), atol=1e-5, rtol=1e-5)
            assert not value[i, n + 1 :].any()


def test_positions_that_were_not_sampled_are_0():
    policy = build_policy()
    batch = random_batch(8)
    out = policy(batch, entropy=True)
    for tensor in (out.logp, out.entropy):
        assert not tensor[batch.mask == 0].any()
        assert tensor[batch.mask == 1].all()


@pytest.mark.parametrize("chunk", [1, 5 * VOCABULARY, 1 << 25])
def test_the_head_in_chunks_equals_the_dense_one(chunk: int):
    policy = build_policy(critic=True, chunk=chunk)
    batch = random_batch(9)
    assert_same(policy, policy(batch, 0.8, entropy=True), dense(policy, batch, 0.8))


def test_the_head_in_chunks_holds_no_more_than_a_chunk():
    """No tensor of [tokens, vocabulary] is kept for the backward pass."""
    sizes: list[int] = []

    def note(tensor: Tensor) -> Tensor:
        sizes.append(tensor.numel())
        return tensor

    batch = random_batch(10)
    tokens = int(batch.mask.sum())
    for chunk, whole in ((5 * VOCABULARY, False), (1 << 25, True)):
        policy = build_policy(chunk=chunk)
        sizes.clear()
        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            policy(batch, entropy=True)
        assert (tokens * VOCABULARY in sizes) == whole


def test_the_entropy_needs_not_be_computed():
    policy = build_policy()
    assert not policy(random_batch(0)).entropy.any()


def test_scoring_without_gradients_is_the_same():
    policy = build_policy(critic=True, chunk=5 * VOCABULARY)
    batch = random_batch(11)
    whole = policy(batch, entropy=True)
    with torch.no_grad():
        again = policy(batch, entropy=True)
    for name in ("logp", "entropy", "value"):
        torch.testing.assert_close(getattr(again, name), getattr(whole, name).detach())
        assert not getattr(again, name).requires_grad


@pytest.mark.parametrize("packs", [False, True], ids=["padded", "packed"])
@pytest.mark.parametrize("family", FAMILIES)
def test_gradient_checkpointing_recomputes_and_gives_the_same_gradient(family: str, packs: bool):
    plain = build_policy(family, critic=True)
    frugal = build_policy(family, critic=True, gradient_checkpointing=True)
    plain.packs = frugal.packs = packs
    batch = random_batch(12)
    calls: list[str] = []
    for policy, name in ((plain, "plain"), (frugal, "frugal")):
        layer = policy.model.base_model.layers[0]
        layer.mlp.register_forward_pre_hook(lambda *_, name=name: calls.append(name))
    one, two = plain(batch, entropy=True), frugal(batch, entropy=True)
    ours, theirs = gradient(frugal, two), gradient(plain, one)
    assert calls == ["plain", "frugal", "frugal"]  # the backward pass went through the layer again
    for name in theirs:
        torch.testing.assert_close(ours[name], theirs[name], atol=1e-5, rtol=1e-5)
    assert not any(module.training for module in frugal.model.modules())


def test_gradient_checkpointing_does_not_disturb_sampling():
    from ludex.agents.engine.local import LocalEngine
    from ludex.agents.sampling import Sampling, generate

    def greedy(policy: Policy) -> list[list[int]]:
        return [s.ids for s in generate(LocalEngine(policy, ()), [[1, 2, 3], [4, 5]], Sampling(8, 0.0))]

    frugal = build_policy(gradient_checkpointing=True)
    assert greedy(frugal) == greedy(build_policy())
    gradient(frugal, frugal(random_batch(0)))
    assert greedy(frugal) == greedy(build_policy())


def test_a_model_with_windows_of_attention_is_padded():
    policy = Policy(build_model("mistral", sliding_window=4), None)
    assert not policy.packs
    batch = random_batch(13)
    assert_same(policy, policy(batch, entropy=True), dense(policy, batch))
    assert Policy(build_model("mistral", sliding_window=None), None).packs


def test_logit_soft_capping_is_refused():
    with pytest.raises(ValueError, match=r"^Gemma2ForCausalLM changes its logits behind the LM head[^\n]*$"):
        Policy(build_model("gemma2", initializer_range=0.02), None)


def test_a_scaled_head_is_refused():
    from transformers import GraniteConfig, GraniteForCausalLM

    config = GraniteConfig(
        vocab_size=VOCABULARY,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        logits_scaling=8.0,
    )
    with pytest.raises(ValueError, match="GraniteForCausalLM changes its logits"):
        Policy(GraniteForCausalLM(config), None)
