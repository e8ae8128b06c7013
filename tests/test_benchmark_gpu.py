"""The GPU benchmark: its floors by hand and by torch's own count, its plan, and how it takes up where it stopped."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
import torch

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def toy(**changes: Any) -> Any:
    from workload import Work

    small = {"layers": 1, "hidden": 4, "heads": 2, "kv_heads": 1, "mlp": 3, "vocabulary": 10}
    return Work(**{**small, "prompts": 2, "group": 1, "prompt_tokens": 3, "new_tokens": 2, **changes})


def test_weights_by_hand() -> None:
    import floor

    # Query and output 4 x 4 each, key and value 4 x 2 each, three of 4 x 3; the head is 4 x 10.
    assert floor.layer_weights(toy()) == 16 + 16 + 8 + 8 + 3 * 12
    assert floor.layer_weights(toy(layers=5)) == 5 * 84
    assert floor.head_weights(toy()) == 40


def test_a_decoding_step_by_hand() -> None:
    import floor

    cost = floor.decode(toy(), 5)
    # 124 weights of 2 bytes; 2 rows x 5 tokens x (2 keys + 2 values) of 2 bytes; 2 x 10 logits of 4, written and read.
    assert cost.bytes == 248 + 80 + 160
    # 2 rows x 124 weights x 2, and 2 rows x 5 tokens x 4 channels x 2 products x 2.
    assert cost.flops == 496 + 160


def test_prefill_and_learning_by_hand() -> None:
    import floor

    work = toy(group=2)
    # 2 prompts x 3 tokens x 84 weights x 2; 6 pairs a prompt x 16; 2 last tokens x 40 x 2: copies of a prompt are free.
    assert floor.prefill(work) == floor.Cost(248, 1008 + 192 + 160)
    # 6 prompt tokens and one of each of 4 rows; pairs: 6 a prompt, and 3 + 1 a row; the head for 4 x 2 tokens.
    assert floor.learn(work) == floor.Cost(30 * 124, 6 * 10 * 84 + 3 * 16 * (12 + 16) + 8 * 8 * 40)


def test_seconds_by_hand() -> None:
    import floor

    slow_memory, slow_units = floor.Speed(1.0, 1e9), floor.Speed(1e9, 1.0)
    # One prefill, and one step with 3 + 1 tokens to look at.
    assert floor.sampling_seconds(toy(), slow_memory) == pytest.approx(248 + 248 + 64 + 160)
    assert floor.sampling_seconds(toy(), slow_units) == pytest.approx(1008 + 192 + 160 + 496 + 128)
    cost = floor.learn(toy())
    assert floor.learning_seconds(toy(), floor.Speed(3.0, 7.0)) == pytest.approx(cost.bytes / 3 + cost.flops / 7)


@pytest.mark.parametrize("length", [1, 7])
def test_operations_are_those_that_torch_counts(length: int) -> None:
    import floor
    from torch.utils.flop_counter import FlopCounterMode
    from workload import build_model

    work = toy(hidden=16, heads=4, kv_heads=2, mlp=20, layers=3, vocabulary=30)
    model = build_model(work)
    model.set_attn_implementation("eager")  # which computes all pairs, and of which torch counts every product
    with FlopCounterMode(display=False) as counter:
        model(input_ids=torch.zeros(1, length, dtype=torch.long), use_cache=False)
    weights = floor.layer_weights(work) + floor.head_weights(work)
    assert counter.get_total_flops() == 2 * length * weights + floor._attention(work, length**2)
    linear = sum(m.weight.numel() for m in model.modules() if isinstance(m, torch.nn.Linear))
    assert linear == weights


def test_the_shapes_are_those_of_qwen() -> None:
    import floor
    from gpu import SHAPES

    full = {name: floor.layer_weights(work) + 151_936 * work.hidden for name, work in SHAPES.items()}
    # The published 0.49 and 1.54 billion parameters, norms and biases included.
    assert full["0.5B"] == pytest.approx(0.494e9, rel=2e-3)
    assert full["1.5B"] == pytest.approx(1.544e9, rel=2e-3)


@pytest.mark.parametrize(
    ("name", "terabytes"),
    [
        ("NVIDIA H200", 4.8),
        ("NVIDIA H100 80GB HBM3", 3.35),
        ("NVIDIA H100 PCIe", 2.0),
        ("NVIDIA A100-SXM4-80GB", 2.039),
        ("NVIDIA A100-SXM4-40GB", 1.555),
        ("NVIDIA GeForce RTX 4090", 1.008),
    ],
)
def test_a_device_finds_its_data_sheet(name: str, terabytes: float) -> None:
    import floor

    speed = floor.data_sheet(name)
    assert speed is not None
    assert speed.bandwidth == pytest.approx(terabytes * 1e12)


def test_an_unknown_device_has_no_data_sheet() -> None:
    import floor

    assert floor.data_sheet("cpu") is None
    found = floor.measured("cpu", 1 << 12, 32)
    assert found.bandwidth > 0
    assert found.flops > 0


def test_the_plan_covers_the_grid_headline_first() -> None:
    import gpu

    runs = gpu.plan(gpu.arguments([]))
    cells = list(dict.fromkeys(run.cell for run in runs))
    assert cells[0] == "0.5B 128+256 V151936"
    assert len(cells) == len(set(cells)) == 1 + 2 * 3 * 2 * 2
    assert {run.cell for run in gpu.plan(gpu.arguments(["--quick"]))} == {cells[0]}
    assert [r.name for r in gpu.plan(gpu.arguments(["--only", "1.5B 32.256 V512 (TRL|gen)"]))] == [
        "1.5B 32+256 V512 generate",
        "1.5B 32+256 V512 TRL",
    ]
    for run in runs:
        assert run.work.rows == 128
        assert 128 % run.work.micro_rows == 0
        assert run.work.micro_rows * (run.work.prompt_tokens + run.work.new_tokens) <= 16384
    assert runs[0].work.micro_rows == 32


def records(**changes: Any) -> dict[str, Any]:
    done: dict[str, Any] = {"Ludex engine": {"sample_s": 0.5}, "generate": {"sample_s": 3.0}}
    done |= {"Ludex": {"step_s": 1.0, "peak_mb": 900.0, "learn_s": 0.25}, "TRL": {"step_s": 1.5, "peak_mb": 1000.0}}
    return {f"toy 32+8 V512 {name}": record for name, record in (done | changes).items()}


def test_verdicts_by_hand() -> None:
    import gpu_tables

    works = {"toy 32+8 V512": toy()}
    assert list(gpu_tables.verdicts(works, records())) == [
        "met    toy 32+8 V512: decode 6.00 x generate, bar 5",
        "missed toy 32+8 V512: step 1.50 x TRL, bar 2",
        "met    toy 32+8 V512: peak memory 0.90 of TRL's, bar 1",
    ]
    lost = records(TRL={"error": "out of memory"})
    assert [line[:6] for line in gpu_tables.verdicts(works, lost)] == ["met   "]
    assert list(gpu_tables.verdicts(works, {})) == []


def results_file(folder: Path, device: str = "cpu", **changes: Any) -> Path:
    path = folder / "gpu.json"
    speed = {"bandwidth": 1e9, "flops": 1e9}
    path.write_text(json.dumps({"device": device, "measured": speed, "runs": records(**changes)}))
    return path


def test_what_is_done_is_not_run_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import gpu

    path = results_file(tmp_path, TRL={"error": "out of memory"})
    before = path.read_text()
    gpu.main(["--toy", "--out", str(path)])
    assert path.read_text() == before
    printed = capsys.readouterr().out
    assert " 128 " in printed  # 64 tokens in half a second
    assert "- " in printed


def test_results_of_another_device_are_left_alone(tmp_path: Path) -> None:
    import gpu

    path = results_file(tmp_path, device="NVIDIA H200")
    with pytest.raises(SystemExit, match="is of 'NVIDIA H200', this is 'cpu'; name another file with --out"):
        gpu.main(["--toy", "--out", str(path)])


@pytest.mark.slow
def test_the_toy_runs_the_whole_path(tmp_path: Path) -> None:
    import gpu

    path = tmp_path / "new" / "gpu.json"
    words = ["--toy", "--steps", "1", "--warmup", "1", "--out", str(path)]
    gpu.main([*words, "--only", "generate"])
    assert list(json.loads(path.read_text())["runs"]) == ["toy 32+8 V512 generate"]
    theirs = "" if importlib.util.find_spec("trl") else "(Ludex|generate)"
    gpu.main([*words, "--only", theirs])
    runs = json.loads(path.read_text())["runs"]
    assert {"toy 32+8 V512 Ludex engine", "toy 32+8 V512 Ludex"} < set(runs)
    assert not [name for name, run in runs.items() if "error" in run]
    ours = runs["toy 32+8 V512 Ludex"]
    assert 0 < ours["learn_s"] < ours["step_s"]
    assert ours["peak_mb"] > 50
