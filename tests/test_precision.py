"""bfloat16 weights with float32 master weights: nothing small is lost, and nothing is kept twice for long."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from small_models import build_policy, equal, learner_of, random_batch, weights
from test_policy import dense
from torch import Tensor
from toys import run_table, save_toy_model

from ludex.agents.algorithms.grpo import GRPO
from ludex.agents.batch import Batch
from ludex.agents.learner import Learner
from ludex.agents.policy import Policy
from ludex.agents.settings import resolve
from ludex.agents.train import train


def bfloat16_learner(**settings: Any) -> Learner:
    return learner_of(GRPO(beta=0.0), build_policy(dtype="bfloat16"), **settings)


def exact(policy: Policy) -> Policy:
    """The same weights, computed with in float32."""
    twin = build_policy(critic=policy.value_head is not None)
    twin.load_state_dict({name: tensor.float() for name, tensor in policy.state_dict().items()})
    return twin


def masters(learner: Learner) -> list[Tensor]:
    return [master.detach().clone() for master in learner.masters.named.values()]


def unmoved(policy: Policy, before: dict[str, Tensor]) -> float:
    """Share of weights that are what they were."""
    same = [(tensor == before[name]).flatten() for name, tensor in weights(policy).items()]
    return float(torch.cat(same).float().mean())


def test_the_weights_are_bfloat16_and_the_rest_is_exact():
    policy = build_policy(critic=True, dtype="bfloat16")
    assert {p.dtype for p in policy.model.parameters()} == {torch.bfloat16}
    assert policy.value_head is not None
    assert {p.dtype for p in policy.value_head.parameters()} == {torch.float32}
    buffers = {name: b for name, b in policy.named_buffers() if b.is_floating_point()}
    assert buffers  # rotary frequencies: in bfloat16, position 257 would be position 256
    assert {b.dtype for b in buffers.values()} == {torch.float32}
    batch = random_batch(14)
    out, truth = policy(batch, entropy=True), dense(exact(policy), batch)
    for name in ("logp", "entropy", "value"):
        assert getattr(out, name).dtype == torch.float32
        torch.testing.assert_close(getattr(out, name), getattr(truth, name), atol=0.25, rtol=0)
    assert not torch.equal(out.logp, truth.logp)  # it did run in bfloat16


def test_an_update_is_that_of_float32_copies_stepped_by_hand():
    learner = bfloat16_learner(lr=1e-2)
    policy = build_policy(dtype="bfloat16")
    copies = [torch.nn.Parameter(p.detach().float()) for p in policy.parameters()]
    optimizer = torch.optim.AdamW(copies, lr=1e-2, betas=(0.9, 0.95), weight_decay=0.0)
    batch = random_batch(1)
    for _ in range(3):
        learner.learn(batch, 0)
        prepared = GRPO(beta=0.0).prepare(batch)
        policy.zero_grad()
        GRPO(beta=0.0).loss(policy(prepared), prepared)[0].backward()  # type: ignore[no-untyped-call]
        for mine, p in zip(copies, policy.parameters(), strict=True):
            mine.grad = p.grad.float() if p.grad is not None else None
        torch.nn.utils.clip_grad_norm_(copies, 1.0)
        optimizer.step()
        with torch.no_grad():
            for mine, p in zip(copies, policy.parameters(), strict=True):
                p.copy_(mine)
    assert all(torch.equal(a, b) for a, b in zip(masters(learner), copies, strict=True))
    assert equal(weights(learner.policy), weights(policy))


def test_steps_below_the_last_bit_add_up():
    """A step of 1e-5 at a weight of 0.2 is a hundredth of a bfloat16's last bit there."""
    learner = bfloat16_learner(lr=1e-5)
    before, rounded = masters(learner), weights(learner.policy)
    batch = random_batch(1)
    learner.learn(batch, 0)
    moved = torch.cat([(a - b).flatten() for a, b in zip(masters(learner), before, strict=True)])
    same = unmoved(learner.policy, rounded)
    assert (moved != 0).float().mean() > 0.5
    assert same > 0.8  # rounding hides most of it ...
    for _ in range(60):
        learner.learn(batch, 0)
    now = unmoved(learner.policy, rounded)
    assert now < same - 0.1  # ... for a while


def test_the_policy_is_its_masters_rounded_where_it_always_was():
    learner = bfloat16_learner(lr=1e-2)
    where = [p.data_ptr() for p in learner.policy.parameters()]
    learner.learn(random_batch(1), 0)
    for p, master in zip(learner.policy.parameters(), learner.masters.named.values(), strict=True):
        assert torch.equal(p, master.bfloat16())
        assert p.grad is None  # no gradient outlives the backward pass of its layer
    assert [p.data_ptr() for p in learner.policy.parameters()] == where


def gradient(batch: Batch, tokens: int) -> Tensor:
    learner = bfloat16_learner(lr=0.0, micro_tokens=tokens, max_grad_norm=1e9)
    learner.learn(batch, 0)
    found = [m.grad for m in learner.masters.named.values() if m.grad is not None]
    assert {g.dtype for g in found} == {torch.float32}
    return torch.cat([g.flatten() for g in found])


def test_micro_batches_add_up_in_float32():
    """What is left is the rounding of each part's own gradient to 8 bits."""
    batch = random_batch(1)
    whole = gradient(batch, 10**9)
    for tokens in (1, 60):
        assert (gradient(batch, tokens) - whole).norm() < 0.02 * whole.norm()


def test_a_learner_takes_up_where_another_left_off():
    one, two, three = (bfloat16_learner(lr=1e-4) for _ in range(3))
    batch = random_batch(2)
    one.learn(batch, 0)
    state = copy.deepcopy(one.state_dict())
    two.load_state_dict(state)
    three.load_state_dict(state | {"masters": [p.detach().float() for p in one.policy.parameters()]})
    for learner in (one, two, three):
        learner.learn(batch, 1)
    assert equal(weights(one.policy), weights(two.policy))
    assert all(torch.equal(a, b) for a, b in zip(masters(one), masters(two), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(masters(one), masters(three), strict=True))  # they matter


def test_a_checkpoint_of_another_precision_is_refused():
    state = learner_of(GRPO(beta=0.0)).state_dict()
    with pytest.raises(ValueError, match=r"^a checkpoint with 0 float32 master weights[^\n]*compute.dtype[^\n]*$"):
        bfloat16_learner().load_state_dict(state)


def test_a_run_resumes_bit_for_bit(tmp_path: Path):
    model = save_toy_model(tmp_path / "toy")
    table = run_table(model, steps=4, save={"every": 1}, compute={"dtype": "bfloat16"})
    whole = train(resolve(table), tmp_path / "whole")
    for _ in range(2):
        halves = train(resolve(table), tmp_path / "halves", stop_after=2)
    halves = train(resolve(table), tmp_path / "halves")
    files = [json.loads((folder / "metrics.jsonl").read_text().splitlines()[-1])["loss"] for folder in (whole, halves)]
    assert files[0] == files[1]
    one, two = ((folder / "model" / "model.safetensors").read_bytes() for folder in (whole, halves))
    assert one == two
    assert b'"dtype":"BF16"' in one[:1000]  # what the policy is
