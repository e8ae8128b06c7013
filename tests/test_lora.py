"""Adapters: what they change, what they leave alone, and that sampling and learning mean the same model."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from small_models import FAMILIES, build_model, build_policy, equal, learner_of, random_batch, sampled_logps
from test_policy import dense
from torch import Tensor
from toys import run_table, save_toy_model

from ludex.agents.algorithms.grpo import GRPO
from ludex.agents.engine.local import LocalEngine
from ludex.agents.lora import LoraSettings
from ludex.agents.policy import Policy, load_model, save_model
from ludex.agents.sampling import Sampling, generate
from ludex.agents.settings import resolve
from ludex.agents.train import Trainer, train
from ludex.config import ConfigError

pytest.importorskip("peft", reason="the extra ludex[lora] is not installed")
LORA = LoraSettings(rank=4, alpha=8.0)


def lora_policy(family: str = "qwen2", **options: Any) -> Policy:
    return Policy(build_model(family), None, lora=LORA, **options)


def shake(policy: Policy) -> Policy:
    """Adapters as after some training: the second factor starts at 0."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, p in policy.named_parameters():
            if "lora_B" in name:
                p.copy_(torch.randn(p.shape, generator=generator) * 0.1)
    return policy


def base(policy: Policy) -> dict[str, Tensor]:
    return {n: p.detach().clone() for n, p in policy.named_parameters() if not p.requires_grad}


def by_hand(policy: Policy, family: str) -> Any:
    """A plain model whose weights are W + alpha / r B A."""
    plain = build_model(family)
    held = dict(policy.model.named_parameters())
    with torch.no_grad():
        for name, p in plain.named_parameters():
            factors = [held.get(name.replace(".weight", f".lora_{x}.default.weight")) for x in "BA"]
            if factors[0] is not None and factors[1] is not None:
                p += LORA.alpha / LORA.rank * factors[0] @ factors[1]
    return plain


def test_only_the_adapters_and_the_critic_are_trained():
    policy = lora_policy(critic=True)
    trained = {name for name, p in policy.named_parameters() if p.requires_grad}
    assert all("lora_" in name or name.startswith("value_head") for name in trained)
    assert len(trained) == 2 * 2 * 7 + 2  # two factors of seven layers in each of two blocks; and the head
    assert policy.packs


def test_they_change_nothing_at_first():
    batch = random_batch(1)
    assert torch.equal(lora_policy()(batch).logp, build_policy()(batch).logp)


def test_the_seed_draws_the_first_values_and_nothing_else():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one, two, three = (lora_policy(seed=i).trained_state() for i in (1, 1, 2))
    assert torch.equal(torch.rand(1), expected)
    assert equal(one, two)
    assert not equal(one, three)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("gradient_checkpointing", [False, True])
def test_log_probabilities_and_gradients_are_those_of_the_product(family: str, gradient_checkpointing: bool):
    policy = shake(lora_policy(family, gradient_checkpointing=gradient_checkpointing))
    plain = Policy(by_hand(policy, family), None)
    batch = random_batch(2)
    ours, theirs = policy(batch, entropy=True), dense(plain, batch)
    torch.testing.assert_close(ours.logp, theirs.logp, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(ours.entropy, theirs.entropy, atol=1e-5, rtol=1e-5)
    for out in (ours, theirs):
        (out.logp.sum() + out.entropy.sum()).backward()
    held, grads = dict(policy.model.named_parameters()), {n: p.grad for n, p in plain.model.named_parameters()}
    name = "model.layers.1.mlp.up_proj"
    a, b = (held[f"{name}.lora_{x}.default.weight"] for x in "AB")
    whole, scale = grads[f"{name}.weight"], LORA.alpha / LORA.rank
    assert whole is not None
    torch.testing.assert_close(b.grad, scale * whole @ a.T, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(a.grad, scale * b.T @ whole, atol=1e-4, rtol=1e-4)


def test_the_merged_sampler_is_the_unmerged_learner():
    policy = shake(lora_policy())
    prompts = [[1, 2, 3], [4, 5], [1, 2, 3]]
    engine = LocalEngine(policy, ())
    plain = by_hand(policy, "qwen2")
    for prompt, sample in zip(prompts, generate(engine, prompts, Sampling(6)), strict=True):
        assert sample.logps == pytest.approx(sampled_logps(plain, prompt, sample.ids), abs=1e-5)
    batch = random_batch(3)
    before = policy(batch).logp.detach()
    with policy.evaluating():
        state = policy.hidden(batch.tokens[:1, :4], None, None)
    torch.testing.assert_close(
        state, plain.model(input_ids=batch.tokens[:1, :4]).last_hidden_state.detach(), atol=1e-5, rtol=1e-5
    )
    assert torch.equal(policy(batch).logp, before)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_no_number_of_merges_wears_the_base_down(dtype: str):
    learner = learner_of(GRPO(beta=0.0), lora_policy(dtype=dtype), lr=1e-2)
    before = base(learner.policy)
    where = [p.data_ptr() for p in learner.policy.parameters()]
    batch = random_batch(4)
    changed = False
    for step in range(10):
        with learner.policy.evaluating(), learner.policy.evaluating():
            changed |= not equal(before, base(learner.policy))
        learner.learn(batch, step)
        assert equal(before, base(learner.policy))
    assert changed  # the sampler did see the adapters
    assert [p.data_ptr() for p in learner.policy.parameters()] == where  # captured CUDA graphs hold these


def test_the_reference_is_the_base_model_without_a_copy():
    learner = learner_of(GRPO(beta=0.1), lora_policy(), lr=1e-2)
    assert learner.reference is None
    batch = random_batch(5)
    first, second = learner.learn(batch, 0), learner.learn(batch, 1)
    assert first["kl_ref"] == pytest.approx(0.0, abs=1e-9)
    assert second["kl_ref"] > 1e-6
    with torch.no_grad():
        torch.testing.assert_close(learner._reference_logp(batch), build_policy()(batch).logp)
    assert all(p.requires_grad for n, p in learner.policy.named_parameters() if "lora_" in n)


def test_bfloat16_adapters_have_float32_masters_and_the_base_has_none():
    learner = learner_of(GRPO(beta=0.0), lora_policy(dtype="bfloat16"), lr=1e-2)
    assert {p.dtype for p in learner.policy.parameters()} == {torch.bfloat16}
    assert {m.dtype for m in learner.masters.named.values()} == {torch.float32}
    assert all("lora_" in name for name in learner.masters.named)
    learner.learn(random_batch(1), 0)
    weights = dict(learner.policy.named_parameters())
    assert all(torch.equal(weights[n], m.bfloat16()) for n, m in learner.masters.named.items())
    assert any((m != 0).any() for n, m in learner.masters.named.items() if "lora_B" in n)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_learner_takes_up_where_another_left_off(dtype: str):
    one, two = (learner_of(GRPO(beta=0.0), lora_policy(dtype=dtype, seed=i), lr=1e-2) for i in (0, 1))
    batch = random_batch(6)
    one.learn(batch, 0)
    with one.policy.evaluating(), two.policy.evaluating():  # a checkpoint follows an evaluation
        state = copy.deepcopy(one.state_dict())
    assert all("lora_" in name for name in state["policy"])
    two.load_state_dict(state)
    with one.policy.evaluating(), two.policy.evaluating():  # what was merged before is not sampled from any more
        states = [learner.policy.hidden(batch.tokens[:, :5], None, None) for learner in (one, two)]
    assert torch.equal(*states)
    one.learn(batch, 1)
    two.learn(batch, 1)
    assert equal(one.policy.trained_state(), two.policy.trained_state())
    assert equal(base(one.policy), base(two.policy))


def lora_table(model: str, **changes: Any) -> dict[str, Any]:
    return run_table(model, **{"lora": {"rank": 8, "alpha": 16.0}, "grpo": {"beta": 0.0}, **changes})


def primed_toy_model(folder: Path) -> str:
    """The toy after two steps on worked solutions, and sharper: adapters touch neither its last norm nor its head."""
    trainer = Trainer(resolve(run_table(save_toy_model(folder), algorithm="sft", optim={"lr": 3e-3})))
    for _ in range(2):
        trainer.step()
    with torch.no_grad():
        trainer.policy.model.model.norm.weight *= 4
    save_model(trainer.policy, folder / "primed")
    return str(folder / "primed")


def test_a_run_learns(tmp_path: Path):
    trainer = Trainer(resolve(lora_table(primed_toy_model(tmp_path))))
    before = base(trainer.policy)
    metrics = [trainer.step()[0] for _ in range(40)]
    assert metrics[0]["correct"] < 0.4
    assert max(m["correct"] for m in metrics[-5:]) > 0.8
    assert max(m["gap"] for m in metrics) < 1e-4
    assert trainer.policy.adapters is not None
    trainer.policy.adapters.unmerge()
    assert equal(before, base(trainer.policy))


def test_a_run_resumes_bit_for_bit_and_writes_both_folders(tmp_path: Path):
    model = save_toy_model(tmp_path / "toy")
    table = lora_table(model, steps=4, save={"every": 1}, eval={"every": 2, "n": 4})
    whole = train(resolve(table), tmp_path / "whole")
    train(resolve(table), tmp_path / "halves", stop_after=2)
    halves = train(resolve(table), tmp_path / "halves")
    for name in ("model/model.safetensors", "adapter/adapter_model.safetensors"):
        assert (whole / name).read_bytes() == (halves / name).read_bytes()
    losses = [json.loads((f / "metrics.jsonl").read_text().splitlines()[-1])["loss"] for f in (whole, halves)]
    assert losses[0] == losses[1]


def test_the_written_folders_are_the_policy(tmp_path: Path):
    from peft import PeftModel
    from safetensors import safe_open

    model = save_toy_model(tmp_path / "toy")
    original = Path(model) / "model.safetensors"
    folder = train(resolve(lora_table(model, steps=3, optim={"lr": 3e-2})), tmp_path / "runs")
    merged, _ = load_model(str(folder / "model"))
    plain, _ = load_model(model)
    ids = torch.arange(6)[None]
    with torch.no_grad():
        before = plain(input_ids=ids).logits
        adapted = PeftModel.from_pretrained(plain, str(folder / "adapter")).eval()
        after = adapted(input_ids=ids).logits
        torch.testing.assert_close(merged(input_ids=ids).logits, after, atol=1e-5, rtol=1e-5)
    assert (after - before).abs().max() > 1e-3
    with safe_open(folder / "model" / "model.safetensors", "pt") as written, safe_open(original, "pt") as plain_file:
        assert set(written.keys()) == set(plain_file.keys())


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"rank": -1}, r"lora: rank=-1 must be at least 0"),
        ({"rank": 4, "alpha": 0}, r"lora: alpha=0.0 must be positive"),
        ({"rank": 4, "targets": []}, r"lora: targets=\(\) adapts nothing"),
        ({"rnak": 4}, r"unknown key 'lora.rnak'; did you mean 'rank'\?"),
    ],
)
def test_a_mistake_is_one_clear_line(table: dict[str, Any], message: str):
    with pytest.raises(ConfigError, match=message) as caught:
        resolve({"name": "run", "model": "tiny", "env": [{"id": "countdown-v0"}], "lora": table})
    assert "\n" not in str(caught.value)


def test_layers_that_are_not_there_are_said():
    with pytest.raises(ValueError, match=r"^lora.targets=\('nothing',\) fit no layer[^\n]*$"):
        build_policy(lora=LoraSettings(rank=4, targets=("nothing",)))


def test_some_layers_can_be_chosen():
    policy = build_policy(lora=LoraSettings(rank=4, targets=("q_proj", "v_proj")))
    trained = {name.split(".")[-4] for name, p in policy.named_parameters() if p.requires_grad}
    assert trained == {"q_proj", "v_proj"}
