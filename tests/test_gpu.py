"""The trainer where its tensors do not live on the CPU, and in bfloat16; the latter runs on the CPU too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from toys import build_tokenizer, run_table, save_toy_model

from ludex.agents import tiny
from ludex.agents.batch import collate
from ludex.agents.engine.decoder import Decoder
from ludex.agents.engine.local import LocalEngine
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


@pytest.mark.parametrize(
    ("device", "dtype", "bound"),
    [
        ("cpu", "float32", 1e-6),
        ("cpu", "bfloat16", 1e-2),  # 4e-3 when measured; 8 bits
        pytest.param("cuda", "float32", 1e-4, marks=CUDA),
        pytest.param("cuda", "bfloat16", 5e-2, marks=CUDA),
    ],
)
def test_sampled_and_recomputed_log_probabilities_agree(device: str, dtype: str, bound: float) -> None:
    policy = open_policy(device, dtype)
    batch = collate(sampled(policy, 40)).to(policy.device)
    new = policy(batch).logp.detach()
    assert new.dtype == torch.float32
    gap = ((new - batch.old_logp) * batch.mask).abs().max()
    assert gap < bound


@pytest.mark.parametrize(("device", "dtype"), PLACES)
def test_a_run_learns_and_its_weights_stay_where_they_were(device: str, dtype: str, tmp_path: Path) -> None:
    model = save_toy_model(tmp_path / "toy")
    options: dict[str, Any] = {"grpo": {"beta": 0.0}, "compute": {"threads": 1, "device": device, "dtype": dtype}}
    trainer = Trainer(resolve(run_table(model, **options)))
    metrics = [trainer.step()[0] for _ in range(30)]
    assert metrics[0]["correct"] < 0.3
    assert max(m["correct"] for m in metrics[-5:]) > 0.6
    assert all(m["gap"] < 0.2 for m in metrics)
    assert {(p.device.type, str(p.dtype)) for p in trainer.policy.parameters()} == {(device, f"torch.{dtype}")}


@pytest.mark.parametrize(("device", "dtype"), PLACES)
def test_the_same_seed_gives_the_same_bits(device: str, dtype: str, tmp_path: Path) -> None:
    model = save_toy_model(tmp_path / "toy")
    table = run_table(model, optim={"lr": 1e-3}, compute={"threads": 1, "device": device, "dtype": dtype})
    states = []
    for _ in range(2):
        trainer = Trainer(resolve(table))
        for _ in range(5):
            trainer.step()
        states.append(trainer.policy.state_dict())
    for name, weight in states[0].items():
        assert torch.equal(weight, states[1][name]), name


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
def test_a_decoding_step_never_waits_for_the_device() -> None:
    decoder, sampling = Decoder(open_policy("cuda", "bfloat16"), [3]), Sampling(8)
    decoder.fit(4, 16, 8)
    with torch.no_grad():
        logits = decoder.prefill(range(4), PROMPTS, [0] * 4)
        lengths = [len(prompt) for prompt in PROMPTS]
        decoder.begin(range(4), logits, lengths=lengths, limits=[8] * 4, keys=[1, 2, 3, 4], sampling=sampling)
        decoder.step(4, 8, sampling)  # captures
        torch.cuda.set_sync_debug_mode("error")
        try:
            for _ in range(4):
                decoder.step(4, 8, sampling)
        finally:
            torch.cuda.set_sync_debug_mode("default")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")
@pytest.mark.parametrize("sampling", [Sampling(20, 1.0), Sampling(20, 0.0), Sampling(20, 0.8, 0.9, 4, 0.05)])
def test_captured_steps_sample_what_plain_ones_do(sampling: Sampling) -> None:
    """The same prompts by replayed graphs, with refills and new lengths in between, and by steps on the CPU."""
    tokenizer = build_tokenizer()
    found = []
    for device in ("cpu", "cuda"):
        model = tiny.build_model(tokenizer, hidden=32, layers=2, heads=2)
        engine = LocalEngine(Policy(model, tokenizer, device=device, dtype="float32"), [3], batch=3)
        engine.refresh(7)
        found.append([sample for rounds in (1, 3) for sample in generate(engine, PROMPTS * rounds, sampling)])
    for here, there in zip(*found, strict=True):
        assert here.ids == there.ids
        assert here.logps == pytest.approx(there.logps, abs=1e-4)
