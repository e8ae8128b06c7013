"""The trainer where its tensors do not live on the CPU, and in bfloat16; the latter runs on the CPU too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from toys import build_tokenizer, run_table, save_toy_model

from ludex.agents import tiny
from ludex.agents.batch import collate
from ludex.agents.engine import LocalEngine
from ludex.agents.policy import Policy
from ludex.agents.sampling import Sampling, generate
from ludex.agents.settings import resolve
from ludex.agents.train import Trainer, train
from ludex.core import Stop, Trajectory, Turn

CUDA = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")]
PLACES = [
    ("cpu", "bfloat16"),
    pytest.param("cuda", "bfloat16", marks=CUDA),
    pytest.param("cuda", "float32", marks=CUDA),
]
PROMPTS = [[5, 6, 7], [5, 6, 7], [6, 8, 9, 6, 7, 5], [9]]  # shared and ragged


def open_policy(device: str, dtype: str) -> Policy:
    tokenizer = build_tokenizer()
    return Policy(tiny.build_model(tokenizer, hidden=32, layers=2, heads=2), tokenizer, device=device, dtype=dtype)


def sampled(policy: Policy, tokens: int = 6) -> list[Trajectory]:
    """Responses to `PROMPTS` as trajectories."""
    engine = LocalEngine(policy, [])
    engine.refresh(3)
    samples = generate(engine, PROMPTS, Sampling(tokens))
    found = []
    for number, (prompt, sample) in enumerate(zip(PROMPTS, samples, strict=True)):
        turn = Turn("", "", float(number), sample.cut, prompt, sample.ids, sample.logps)
        found.append(Trajectory("toy", group=number // 2, turns=[turn], stop=Stop.TERMINATED))
    return found


@pytest.mark.parametrize(("device", "dtype"), PLACES)
def test_sampled_and_recomputed_log_probabilities_agree(device: str, dtype: str) -> None:
    policy = open_policy(device, dtype)
    batch = collate(sampled(policy)).to(policy.device)
    new = policy(batch).logp.detach()
    assert new.dtype == torch.float32
    gap = ((new - batch.old_logp) * batch.mask).abs().max()
    assert gap < (1e-4 if dtype == "float32" else 5e-2)  # bfloat16 has 8 bits


@pytest.mark.parametrize(("device", "dtype"), PLACES)
def test_a_run_learns_and_its_weights_stay_where_they_were(device: str, dtype: str, tmp_path: Path) -> None:
    model = save_toy_model(tmp_path / "toy")
    options: dict[str, Any] = {"grpo": {"beta": 0.0}, "compute": {"threads": 1, "device": device, "dtype": dtype}}
    trainer = Trainer(resolve(run_table(model, **options)))
    metrics = [trainer.step()[0] for _ in range(30)]
    assert metrics[0]["correct"] < 0.3
    assert max(m["correct"] for m in metrics[-5:]) > 0.6
    assert all(m["gap"] < 0.2 for m in metrics)
    assert {(p.device.type, p.dtype) for p in trainer.policy.parameters()} == {(device, torch.float32)}


@pytest.mark.parametrize(("device", "dtype"), PLACES)
@pytest.mark.parametrize("algorithm", ["ppo", "grpo", "dapo", "sft"])  # critic; reference; dynamic sampling; oracle
def test_every_need_of_an_algorithm_is_met_there(algorithm: str, device: str, dtype: str, tmp_path: Path) -> None:
    model = save_toy_model(tmp_path / "toy")
    table = run_table(
        model,
        algorithm=algorithm,
        steps=2,
        dapo={"max_length": 4, "cache": 1},
        optim={"updates": 2, "minibatches": 2, "micro_tokens": 40},
        compute={"threads": 1, "device": device, "dtype": dtype},
    )
    folder = train(resolve(table), tmp_path)
    assert len((folder / "metrics.jsonl").read_text().splitlines()) == 2


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")
def test_gradients_equal_the_cpus() -> None:
    here, there = open_policy("cpu", "float32"), open_policy("cuda", "float32")
    batch = collate(sampled(here))
    for policy in (here, there):
        policy(batch.to(policy.device)).logp.sum().backward()
    for mine, other in zip(here.parameters(), there.parameters(), strict=True):
        torch.testing.assert_close(other.grad.cpu(), mine.grad, rtol=1e-3, atol=1e-4)  # type: ignore[union-attr]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")
@pytest.mark.parametrize("prompts", [PROMPTS, PROMPTS[:2]], ids=["ragged", "shared"])
def test_a_decoding_step_never_waits_for_the_device(prompts: list[list[int]]) -> None:
    policy = open_policy("cuda", "bfloat16")
    engine, sampling = LocalEngine(policy, [3]), Sampling(8)
    with policy.evaluating():
        rows = engine._prefill(prompts)
        token, _ = engine._draw(rows.logits, sampling)
        engine._advance(rows, token)  # the first call may set things up
        torch.cuda.set_sync_debug_mode("error")
        try:
            for _ in range(4):
                token, _ = engine._draw(rows.logits, sampling)
                rows.done |= torch.isin(token, engine.stops)
                engine._advance(rows, token)
        finally:
            torch.cuda.set_sync_debug_mode("default")
