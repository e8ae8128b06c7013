"""The studies run end to end; their numbers are those of the run folders; a kill costs nothing but time."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from itertools import combinations
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import torch
from toys import run_table, save_toy_model

from ludex.agents.algorithms import ops
from ludex.agents.algorithms.dapo import DAPO
from ludex.agents.evaluate import evaluate
from ludex.agents.reproduce import STUDIES, alpha_dpg, sweep
from ludex.agents.reproduce.answers import answered, blank
from ludex.agents.reproduce.grid import Job, Measure, measured, run_all
from ludex.agents.reproduce.result import Claim, Curve, Result, spread, write
from ludex.agents.reproduce.study import SHIFTED
from ludex.cli import SCALES, main
from ludex.cli import STUDIES as NAMED
from ludex.config import ConfigError
from ludex.core import Trajectory
from ludex.lookup import load

HERE = Path(__file__).parent
QUICK = [("corpo", "countdown"), ("ds-grpo", "bandit"), ("preferences", "bandit"), ("sweep", "dynamic")]
ALL = [(name, part) for name, path in STUDIES.items() for part in load(path)]
PARTS = [pytest.param(*x, marks=[] if x in QUICK else [pytest.mark.slow], id="-".join(x)) for x in ALL]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the studies of this module run; they share their first model."""
    return tmp_path_factory.mktemp("reproduce")


def test_the_command_names_what_there_is() -> None:
    assert sorted(NAMED) == sorted(STUDIES)
    assert set(SCALES) == set(load("ludex.agents.reproduce.study:SCALES"))


@pytest.mark.parametrize(("name", "part"), PARTS)
def test_every_part_runs_and_says_where_its_numbers_come_from(
    name: str, part: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reproduce", name, "--part", part, "--scale", "test", "-o", str(root)]) == 0
    folder = root / "test" / name
    found = json.loads((folder / f"{part}.json").read_text())
    assert found["command"] == f"ludex reproduce {name} --part {part} --scale test"
    assert found["rows"]
    assert found["claims"]
    assert found["provenance"]["packages"]["torch"]
    assert {row["seed"] for row in found["rows"]} in ({0, 1}, {2021, 2022})
    page = (folder / f"{part}.md").read_text()
    shown = capsys.readouterr().out
    for claim in found["claims"]:
        assert claim in page
        assert claim in shown
    for row in found["rows"]:
        assert all(isinstance(row.get(metric, 0.0), float | None) for metric in found["metrics"])
    assert (folder / f"{part}.png").read_bytes().startswith(b"\x89PNG")


def rows_of(root: Path, name: str, part: str = "countdown") -> list[tuple[dict[str, Any], Path]]:
    """The rows of a part and the run folder of each."""
    if not (root / "test" / name / f"{part}.json").exists():
        main(["reproduce", name, "--part", part, "--scale", "test", "-o", str(root)])
    rows = json.loads((root / "test" / name / f"{part}.json").read_text())["rows"]
    return [(row, root / "test" / name / "runs" / f"{row['arm']}-s{row['seed']}") for row in rows]


def steps_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_corpo_counts_what_its_runs_recorded(root: Path) -> None:
    rows = rows_of(root, "corpo")
    for row, folder in rows:
        assert row["failed_positive"] == pytest.approx(fmean(step["failed_positive"] for step in steps_of(folder)))
        options = {key: value for key, value in SHIFTED.items() if key != "id"}
        again = evaluate(
            str(folder / "model"), "countdown", n=3, k=2, device="cpu", max_new_tokens=24, split="test", **options
        )
        assert row["shifted"] == pytest.approx(again.pass_1)
    assert all(row["failed_positive"] == 0 for row, _ in rows if row["arm"] == "corpo")
    assert any(row["failed_positive"] > 0 for row, _ in rows if row["arm"] == "grpo")


@pytest.mark.slow
def test_gtpo_compares_the_first_and_the_last_tenth(root: Path) -> None:
    for row, folder in rows_of(root, "gtpo"):
        steps = steps_of(folder)  # six: a tenth is one
        form = [
            sum(s[f"level/{x}"] for x in ("wrong numbers", "wrong value", "correct")) for s in (steps[0], steps[-1])
        ]
        assert row["format_end"] == pytest.approx(form[1])
        assert row["format_loss"] == pytest.approx(form[0] - form[1])
        assert row["entropy_change"] == pytest.approx(steps[-1]["entropy"] - steps[0]["entropy"])


def chance(correct: int, n: int, k: int) -> float:
    """That k of n responses, the first of which are correct, hold a correct one: by counting."""
    draws = list(combinations(range(n), k))
    return sum(min(draw) < correct for draw in draws) / len(draws)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ds-grpo", "alpha-dpg"])
def test_pass_at_k_by_counting(name: str, root: Path) -> None:
    for row, folder in rows_of(root, name):
        found = json.loads((folder / "measured-three.json").read_text())
        assert len(found["correct"]) == 3
        assert found["k"] == 4
        k = 4 if name == "alpha-dpg" else 2
        assert row["pass_1"] == pytest.approx(fmean(chance(c, 4, 1) for c in found["correct"]))
        assert row["pass_k"] == pytest.approx(fmean(chance(c, 4, k) for c in found["correct"]))


def test_the_sweep_counts_generated_samples(root: Path) -> None:
    for row, folder in rows_of(root, "sweep", "dynamic"):
        steps = steps_of(folder)
        assert row["samples"] == sum(step.get("episodes", 0) for step in steps)
        assert row["pass_1_end"] == steps[-1]["eval/pass_1"]
        if row["arm"] != "DAPO":
            assert row["samples"] == 2 * 3 * 8  # steps, prompts, group


def test_a_line_is_read_between_its_points() -> None:
    line = Curve("a", 0, [0, 100, 300], [0.1, 0.3, 0.5])
    assert [sweep.at(line, x) for x in (50, 100, 250, 999)] == pytest.approx([0.2, 0.3, 0.45, 0.5])


def test_dapo_without_dynamic_sampling_keeps_every_group() -> None:
    failed = [Trajectory("a", 0), Trajectory("a", 0)]
    assert DAPO(dynamic=False).keep(failed)
    assert not DAPO().keep(failed)


def result(high: list[float], low: list[float]) -> Result:
    rows = [{"arm": arm, "seed": i, "m": v} for arm, vs in (("a", high), ("b", low)) for i, v in enumerate(vs)]
    return Result("t", {"m": "metric"}, rows)


def test_verdicts() -> None:
    # Differences .1, .3, .2 of the seeds: mean .2, standard error .1 / sqrt 3 = .0577, times 4.303 = .248.
    claim = Claim("a over b", "m", "a", "b")
    assert claim.verdict(result([0.2, 0.5, 0.8], [0.1, 0.2, 0.6])) == "not shown (+0.2 ± 0.25)"
    # Once more each: the same mean, deviation .0894, standard error .0365, times 2.571 = .0939.
    high, low = [0.2, 0.5, 0.8] * 2, [0.1, 0.2, 0.6] * 2
    assert claim.verdict(result(high, low)) == "holds (+0.2 ± 0.094)"
    assert claim.verdict(result(low, high)) == "the opposite holds (-0.2 ± 0.094)"
    assert claim.verdict(result([0.5], [0.1])) == "not shown (+0.4 ± inf)"  # one seed shows nothing
    assert claim.verdict(result([0.5, 0.5], [0.5, 0.5])) == "the same with every seed (+0)"
    assert claim.verdict(result([0.75, 0.5], [0.25, 0.0])) == "the same with every seed (+0.5)"
    # Mean .11, standard error .01, times 12.706 = .127.
    assert Claim("b over 0", "m", "b").verdict(result([], [0.1, 0.12])) == "not shown (+0.11 ± 0.13)"


def test_the_interval_of_a_difference_covers_it_as_often_as_it_says() -> None:
    """Normal differences around 0: a claim about them, either way, is wrong in one case of twenty."""
    rng, wrong = random.Random(0), 0
    for _ in range(4000):
        seeds = rng.choice([2, 3, 4, 5, 8])
        draws = [rng.gauss(0, 1) for _ in range(seeds)]
        wrong += "holds" in Claim("", "m", "a").verdict(result(draws, []))
    assert 160 < wrong < 240  # 200 expected, standard deviation 14


def test_spread_is_mean_deviation_and_range() -> None:
    assert spread([1.0, 2.0, 3.0]) == "2 ± 1 [1, 3]"  # ddof 1
    assert spread([0.25]) == "0.25"
    assert spread([19000.0, 21000.0]) == "20,000 ± 1414 [19,000, 21,000]"


def test_a_page_and_its_numbers_agree(tmp_path: Path) -> None:
    write(result([1.0, 3.0], [0.0, 1.0]), tmp_path / "x", "the command")
    page = (tmp_path / "x.md").read_text()
    assert "`the command`: mean ± standard deviation [range] over seeds 0 to 1." in page
    assert "| a | 2 ± 1.4 [1, 3] |" in page
    assert json.loads((tmp_path / "x.json").read_text())["rows"][1] == {"arm": "a", "seed": 1, "m": 3.0}


def test_mistakes_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "copro", "-o", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "ludex reproduce: no study 'copro'; did you mean 'corpo'?\n"
    assert main(["reproduce", "sweep", "--part", "dynamics", "-o", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "ludex reproduce: no part 'dynamics' of sweep; did you mean 'dynamic'?\n"
    assert not list(tmp_path.iterdir())


def test_seeds_are_as_many_as_asked_for(root: Path) -> None:
    assert main(["reproduce", "ds-grpo", "--part", "bandit", "--seeds", "3", "--scale", "test", "-o", str(root)]) == 0
    found = json.loads((root / "test/ds-grpo/bandit.json").read_text())
    assert {row["seed"] for row in found["rows"]} == {0, 1, 2}
    assert found["command"].endswith("--seeds 3 --scale test")


# Simulations.


def test_answers_are_a_sound_batch() -> None:
    right = torch.tensor([True, False, False, True, True, False])
    b = answered(blank(2, 3), torch.full((6,), -0.5).double(), right, torch.full((6,), -0.75).double())
    ops.check(b)
    assert b.returns.tolist() == [1, 0, 0, 1, 1, 0]
    assert b.group.tolist() == [0, 0, 0, 1, 1, 1]
    assert (b.old_logp * b.mask).sum(1).tolist() == [-0.5] * 6
    assert (b.ref_logp * b.mask).sum(1).tolist() == [-0.75] * 6


def test_exact_pass_rates_against_sampling() -> None:
    given = alpha_dpg.problems(3)
    found = alpha_dpg.judge(given, given.weights)
    probability = (given.x @ given.weights).softmax(1)[alpha_dpg.TRAIN :]
    draws = torch.multinomial(probability, 256, replacement=True, generator=torch.Generator().manual_seed(0))
    right = given.correct[alpha_dpg.TRAIN :].gather(1, draws)
    assert found["pass_1"] == pytest.approx(float(right.double().mean()), abs=0.01)
    assert found["pass_256"] == pytest.approx(float(right.any(1).double().mean()), abs=0.04)
    assert 1 <= given.correct.sum(1).min() <= given.correct.sum(1).max() <= 64


@pytest.mark.parametrize("arm", alpha_dpg.TOYS)
def test_every_toy_arm_learns(arm: str) -> None:
    given = alpha_dpg.problems(0)
    after = alpha_dpg.judge(given, alpha_dpg.learn(given, alpha_dpg.TOYS[arm], 0, 60))
    assert after["pass_1"] > alpha_dpg.judge(given, given.weights)["pass_1"] + 0.03


# Running.


def jobs(model: str, root: Path, steps: int = 4) -> list[Job]:
    table = {**run_table(model, steps=steps, save={"every": 1}), "eval": {"every": 0}}
    echo = Measure("echo", {"id": "toys:Echo", "success_at": 0.99}, 4, 2)
    return [Job({**table, "name": f"echo-s{seed}", "seed": seed}, root, (echo,)) for seed in (0, 1)]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return dict(load_file(folder / "model" / "model.safetensors"))


def test_finished_runs_are_skipped_and_missing_measurements_made_up(tmp_path: Path) -> None:
    model, said = save_toy_model(tmp_path / "toy"), []
    mine = jobs(model, tmp_path / "runs")
    run_all(mine, 1, said.append)
    assert len(said) == 2
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*") if path.is_file()}
    lost = measured(mine[1].folder, "echo")
    text = lost.read_text()
    lost.unlink()
    run_all(mine, 1, said.append)
    assert said[2] == "1 of 2 runs are finished already"
    assert lost.read_text() == text
    changed = {path for path, when in before.items() if path.stat().st_mtime_ns != when}
    assert changed <= {lost, mine[1].folder / "log.txt"}


def test_another_configuration_is_refused(tmp_path: Path) -> None:
    model = save_toy_model(tmp_path / "toy")
    run_all(jobs(model, tmp_path / "runs"), 1, print)
    with pytest.raises(ConfigError, match="steps: 4 -> 5"):
        run_all(jobs(model, tmp_path / "runs", steps=5), 1, print)


RUN = """
import sys
from pathlib import Path
from ludex.agents.reproduce.grid import run_all
from test_reproduce import jobs
if __name__ == "__main__":
    run_all(jobs(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])), 2, print)
"""


@pytest.mark.slow
def test_a_kill_ends_the_workers_too_and_the_same_runs_go_on(tmp_path: Path) -> None:
    model, steps = save_toy_model(tmp_path / "toy"), 150
    script = tmp_path / "go.py"
    script.write_text(RUN)
    env = {**os.environ, "PYTHONPATH": str(HERE), "OMP_NUM_THREADS": "1"}
    started = subprocess.Popen([sys.executable, script, model, tmp_path / "cut", str(steps)], env=env)
    lines = tmp_path / "cut/echo-s0/metrics.jsonl"
    deadline = time.monotonic() + 120
    while not lines.exists() or len(lines.read_text().splitlines()) < 3:
        assert started.poll() is None
        assert time.monotonic() < deadline, "the run does not begin"
        time.sleep(0.05)
    started.send_signal(signal.SIGKILL)
    started.wait()
    time.sleep(1)
    size = lines.stat().st_size
    time.sleep(1)
    assert lines.stat().st_size == size  # a worker that lived on would have written
    assert len(lines.read_text().splitlines()) < steps
    cut, whole = (jobs(model, tmp_path / name, steps) for name in ("cut", "whole"))
    run_all(cut, 1, print)
    run_all(whole[:1], 1, print)
    again, once = weights(cut[0].folder), weights(whole[0].folder)
    assert all(torch.equal(again[name], once[name]) for name in once)
    assert measured(cut[0].folder, "echo").read_text() == measured(whole[0].folder, "echo").read_text()
