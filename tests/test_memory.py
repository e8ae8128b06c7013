"""Counted bytes against bytes really kept."""

from __future__ import annotations

import importlib.util
import random
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from small_models import learner_of, random_batch
from test_packing import batch_of
from torch import Tensor

from ludex.agents.algorithms.grpo import GRPO
from ludex.agents.lora import LoraSettings
from ludex.agents.policy import Policy

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", BENCHMARKS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = found
    spec.loader.exec_module(found)
    return found


memory, workload = module("memory"), module("workload")
SMALL = memory.Shape("small", 3, 64, 8, 2, 8, 160, 300, tied=True)


def build(shape: Any) -> Any:
    return workload.build_model(
        workload.Work(
            layers=shape.layers,
            hidden=shape.hidden,
            heads=shape.heads,
            kv_heads=shape.kv_heads,
            mlp=shape.mlp,
            vocabulary=shape.vocabulary,
        )
    )


def kept(policy: Policy, load: Any) -> int:
    """Bytes of the distinct storages that a pass keeps for its backward pass, parameters left out."""
    rng = random.Random(0)
    prompts = [[rng.randrange(300) for _ in range(load.prompt)] for _ in range(load.prompts)]
    rows = [(prompts[i // load.group], [rng.randrange(300) for _ in range(load.new)]) for i in range(load.rows)]
    parameters = {p.untyped_storage().data_ptr() for p in policy.parameters()}
    found: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        if tensor.untyped_storage().data_ptr() not in parameters:
            found[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        out = policy(batch_of(rows))
    assert out.logp.requires_grad
    return sum(found.values())


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize(("dtype", "size"), [("bfloat16", 2), ("float32", 4)])
def test_the_activations_counted_are_those_kept(dtype: str, size: int, checkpointing: bool):
    load = memory.Load(rows=12, group=4, prompt=24, new=40)
    policy = Policy(build(SMALL), None, dtype=dtype, gradient_checkpointing=checkpointing, chunk=8 * 300)
    counted = memory.activations(SMALL, load, size, checkpointing=checkpointing)
    if checkpointing:  # the one layer that is being run again keeps nothing before the backward pass
        counted |= dict.fromkeys(memory.layer(SMALL, load, size), 0)
    mask = size * (load.new - 1) * 4 * 64 if checkpointing else 0  # 63 keys, and rows start at multiples of 16
    assert sum(counted.values()) - mask == pytest.approx(kept(policy, load), rel=0.04)


def test_with_adapters_no_more_is_kept_than_counted():
    """A frozen norm keeps a little less than a trained one, which the count does not know."""
    load = memory.Load(rows=12, group=4, prompt=24, new=40)
    policy = Policy(build(SMALL), None, dtype="bfloat16", lora=LoraSettings(rank=16), chunk=8 * 300)
    counted = sum(memory.activations(SMALL, load, rank=16).values())
    assert 0.85 * counted < kept(policy, load) <= counted
    assert SMALL.adapters(16) == sum(p.numel() for p in policy.parameters() if p.requires_grad)


def test_the_parameters_counted_are_those_of_a_model():
    model = build(SMALL)
    assert SMALL.parameters == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("shape", [memory.QWEN_HALF, memory.QWEN_7])
def test_the_real_shapes_have_the_published_sizes(shape: Any):
    published = {"Qwen2.5-0.5B": 494_032_768, "Qwen2.5-7B": 7_615_616_512}
    assert shape.parameters == published[shape.name]


def test_the_issues_limits_are_kept():
    for checkpointing in (False, True):
        for shape, limit, rank in ((memory.QWEN_HALF, 16, 0), (memory.QWEN_7, 80, 64)):
            tokens = memory.largest(shape, limit * memory.GB, checkpointing=checkpointing, rank=rank)
            load = memory.micro(memory.STEP, tokens)
            assert load.rows >= memory.STEP.group or tokens >= 1024
            need = memory.learning(shape, load, checkpointing=checkpointing, rank=rank)
            assert sum(need.values()) < limit * memory.GB


def test_rows_fill_the_budget():
    load = memory.micro(memory.STEP, 4096)
    assert (load.rows, load.tokens) == (14, 14 * 256 + 2 * 256)
    assert memory.micro(memory.STEP, 1).rows == 1


def test_the_tables_print(capsys: pytest.CaptureFixture[str]):
    memory.main()
    out = capsys.readouterr().out
    assert "micro_tokens" in out
    assert "not measured on a GPU" in out


def test_the_peak_of_memory_is_reported():
    """On the CPU it is the process's, which holds torch at least and never falls."""
    learner = learner_of(GRPO(beta=0.0))
    batch = random_batch(1)
    first = learner.learn(batch, 0)["memory/peak_mb"]
    assert 100 < first < 64_000
    ballast = torch.ones(16 << 20)  # 64 MiB
    assert learner.learn(batch, 1)["memory/peak_mb"] >= first
    assert ballast.sum() > 0
