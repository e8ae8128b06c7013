"""Every algorithm learns; a resumed run equals an uninterrupted one; a broken environment costs its episode only."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import time
import tomllib
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch
from toys import run_table, save_toy_model

from ludex.agents import runs
from ludex.agents.checkpoint import Checkpoints
from ludex.agents.metrics import describe, repetition
from ludex.agents.settings import resolve
from ludex.agents.sources import RunError
from ludex.agents.train import Trainer, train
from ludex.config import ConfigError
from ludex.core import Scale, Trajectory, Turn

HERE = Path(__file__).parent

# Settings with which each algorithm should solve the echo game from chance (under 15 %) within 40 steps.
ALGORITHMS: dict[str, dict[str, Any]] = {
    "sft": {"rollout": {"prompts": 16, "group": 1}},
    "alpha_dpg": {"alpha_dpg": {"max_tokens": 2}},
    "grpo": {"grpo": {"beta": 0.0}},
    "dr_grpo": {"dr_grpo": {"max_tokens": 2}},
    "rloo": {"rloo": {"beta": 0.0}},
    "dapo": {"dapo": {"max_length": 4, "cache": 1}, "rollout": {"max_rounds": 2}},
    "cispo": {},
    "corpo": {"corpo": {"r_min": 0.5, "max_tokens": 2}},
    "ds_grpo": {},
    "gigpo": {"gigpo": {"beta": 0.0}},
    "gspo": {},
    "gtpo": {},
    "reinforce_pp": {"reinforce_pp": {"beta": 0.0}, "rollout": {"prompts": 16}},
    "ppo": {"ppo": {"beta": 0.0}, "optim": {"updates": 2, "lr": 3e-3}},
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_toy_model(tmp_path_factory.mktemp("toy"))


def weights(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return dict(load_file(folder / "model" / "model.safetensors"))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_learns_the_echo_game(algorithm: str, model: str, tmp_path: Path) -> None:
    changes = {"eval": {"every": 40, "n": 32, "split": "test"}, **ALGORITHMS[algorithm]}
    folder = train(resolve(run_table(model, algorithm=algorithm, **changes)), tmp_path)
    rows = runs.read_metrics(folder)
    assert rows[0]["eval/pass_1"] < 0.4  # before
    assert rows[-1]["eval/pass_1"] > 0.9  # on letters of another stream
    assert (folder / "curves.png").exists()


@pytest.mark.parametrize(
    ("algorithm", "settings"),
    [
        ("grpo", {"beta": 0.0}),
        pytest.param("gigpo", {"beta": 0.0}, marks=pytest.mark.slow),
        pytest.param("ppo", {"beta": 0.0, "level": "turn"}, marks=pytest.mark.slow),
    ],
)
def test_an_algorithm_learns_over_two_turns_from_memory(
    algorithm: str, settings: dict[str, Any], model: str, tmp_path: Path
) -> None:
    env = [{"id": "toys:Echo", "turns": 2, "success_at": 1.99}]
    changes = {"algorithm": algorithm, algorithm: settings, "optim": {"lr": 5e-3}}
    table = run_table(model, env=env, steps=120, **changes)
    rows = runs.read_metrics(train(resolve(table), tmp_path))
    assert rows[-1]["turns"] == 2
    assert sum(row["correct"] for row in rows[-5:]) / 5 > 0.8


@pytest.mark.parametrize(
    "changes",
    [
        {"algorithm": "grpo"},
        {"algorithm": "grpo", "optim": {"updates": 2, "minibatches": 2}},
        {"algorithm": "ppo", "optim": {"updates": 2}},
        {"algorithm": "dapo", "dapo": {"max_length": 4, "cache": 1}},
        {"algorithm": "gtpo"},
    ],
    ids=["grpo", "two updates", "ppo", "dynamic sampling", "an algorithm with state"],
)
def test_resuming_at_every_step_gives_the_same_weights(changes: dict[str, Any], model: str, tmp_path: Path) -> None:
    table = run_table(model, steps=5, save={"every": 1}, eval={"every": 2, "n": 4}, **changes)
    whole = weights(train(resolve(table), tmp_path / "whole"))
    lines = (tmp_path / "whole/echo/metrics.jsonl").read_text().splitlines()
    for stop in range(1, 5):
        root = tmp_path / str(stop)
        train(resolve(table), root, stop_after=stop)
        folder = train(resolve(table), root)
        resumed = weights(folder)
        assert all(torch.equal(whole[name], resumed[name]) for name in whole)
        again = (folder / "metrics.jsonl").read_text().splitlines()
        assert [timeless(line) for line in again] == [timeless(line) for line in lines]


def timeless(line: str) -> dict[str, Any]:
    return {k: v for k, v in json.loads(line).items() if not k.startswith(("time/", "memory/")) and k != "tokens_s"}


RUN = """
import json, sys, torch
from ludex.agents.settings import resolve
from ludex.agents.train import train
train(resolve(json.loads(sys.argv[1])), sys.argv[2])
"""


def test_two_runs_of_the_same_settings_share_no_state(model: str, tmp_path: Path) -> None:
    settings = resolve(run_table(model, algorithm="gtpo", gtpo={"threshold": 1.0}, steps=3))
    one, two = (weights(train(settings, tmp_path / name)) for name in ("one", "two"))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert torch.isnan(settings.chosen.initial)  # type: ignore[attr-defined]


def test_a_run_killed_again_and_again_ends_with_the_same_weights(model: str, tmp_path: Path) -> None:
    table = run_table(model, steps=30, save={"every": 1}, log={"episodes_every": 1})
    whole = weights(train(resolve(table), tmp_path / "whole"))
    command = [sys.executable, "-c", RUN, json.dumps(table), str(tmp_path / "killed")]
    env = {**os.environ, "PYTHONPATH": str(HERE)}
    saved = tmp_path / "killed/echo/checkpoints"
    kills = 0
    for target in (3, 11, 19):
        process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < deadline:
            done = [int(path.name.removeprefix("step-")) for path in saved.glob("step-*")]
            if done and max(done) >= target:
                process.send_signal(signal.SIGKILL)
                kills += 1
                break
            time.sleep(0.002)
        process.wait(timeout=60)
        assert process.stderr is not None
        process.stderr.close()
    assert kills == 3
    subprocess.run(command, env=env, check=True, capture_output=True)
    killed = weights(tmp_path / "killed/echo")
    assert all(torch.equal(whole[name], killed[name]) for name in whole)
    steps = [json.loads(line)["step"] for line in (tmp_path / "killed/echo/metrics.jsonl").read_text().splitlines()]
    assert steps == list(range(1, 31))


def test_ctrl_c_stops_after_the_step_and_the_run_resumes(model: str, tmp_path: Path) -> None:
    table = run_table(model, steps=2000, save={"every": 0})
    command = [sys.executable, "-c", RUN, json.dumps(table), str(tmp_path)]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(HERE)}, stdout=subprocess.PIPE, text=True)
    metrics = tmp_path / "echo/metrics.jsonl"
    while process.poll() is None and not (metrics.exists() and metrics.read_text().count("\n") >= 2):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT  # what comes after an unfinished run must not follow
    assert "stopping after this step" in out
    trainer = Trainer(resolve(table))
    state = Checkpoints(tmp_path / "echo/checkpoints").latest(trainer.policy.device)
    assert state is not None
    assert state["done"] == metrics.read_text().count("\n")


@pytest.mark.parametrize("rollout", [{"timeout_s": 0.0}, {"timeout_s": 600.0}, {"timeout_s": 0.0, "workers": 2}])
def test_a_second_ctrl_c_stops_at_once(rollout: dict[str, Any], model: str, tmp_path: Path) -> None:
    """Nothing waits for environments that never answer."""
    mark = tmp_path / "mark"
    table = run_table(model, env=[{"id": "foreign_games:Endless", "mark": str(mark)}], rollout=rollout)
    command = [sys.executable, "-c", RUN, json.dumps(table), str(tmp_path)]
    env = {**os.environ, "PYTHONPATH": str(HERE), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        while process.poll() is None and not mark.exists():
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        assert "stopping after this step" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == -signal.SIGINT, err
    assert err.rstrip().endswith("KeyboardInterrupt")


def test_a_run_killed_before_its_first_checkpoint_begins_anew(model: str, tmp_path: Path) -> None:
    table = run_table(model, steps=2000, eval={"every": 1, "n": 2}, log={"episodes_every": 1})
    command = [sys.executable, "-c", RUN, json.dumps(table), str(tmp_path)]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(HERE)}, stdout=subprocess.DEVNULL)
    metrics = tmp_path / "echo/metrics.jsonl"
    while process.poll() is None and not (metrics.exists() and metrics.read_text().count("\n") >= 2):
        time.sleep(0.01)
    process.kill()
    process.wait(60)
    assert not list((tmp_path / "echo/checkpoints").glob("step-*"))
    folder = train(resolve(table), tmp_path, stop_after=2)
    assert [row["step"] for row in runs.read_metrics(folder)] == [0, 1, 2]
    episodes = [json.loads(line)["step"] for line in (folder / "episodes.jsonl").read_text().splitlines()]
    assert episodes == [1] * 64 + [2] * 64


def test_a_resumed_run_lets_go_of_its_checkpoint(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = resolve(run_table(model, steps=2, save={"every": 1}, compute={"dtype": "bfloat16"}))
    train(settings, tmp_path, stop_after=1)
    latest, step = Checkpoints.latest, Trainer.step
    saved: list[weakref.ref[torch.Tensor]] = []
    alive = []

    def watch(checkpoints: Checkpoints, device: torch.device) -> Any:
        state = latest(checkpoints, device)
        assert state is not None
        learner = state["learner"]
        saved.extend(weakref.ref(tensor) for tensor in [*learner["policy"].values(), *learner["masters"]])
        return state

    def look(trainer: Trainer) -> Any:
        gc.collect()
        alive.append(sum(tensor() is not None for tensor in saved))
        return step(trainer)

    monkeypatch.setattr(Checkpoints, "latest", watch)
    monkeypatch.setattr(Trainer, "step", look)
    train(settings, tmp_path)
    assert len(saved) > 20
    assert alive == [0]


def test_another_configuration_is_refused_with_the_difference(model: str, tmp_path: Path) -> None:
    train(resolve(run_table(model, steps=1)), tmp_path)
    with pytest.raises(ConfigError, match=r"optim.lr: 0.01 -> 0.02"):
        train(resolve(run_table(model, steps=1, optim={"lr": 2e-2})), tmp_path)


def test_a_model_that_does_not_load_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"there is no model folder './nowhere'"):
        train(resolve(run_table("./nowhere")), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("fault", ["raise", "hang", "nan"])
def test_a_broken_environment_costs_its_episodes_only(fault: str, model: str, tmp_path: Path) -> None:
    env = [{"id": "toys:Echo", "fault": fault, "success_at": 0.99}]
    rollout = {"timeout_s": 0.2, "max_errors": 0.9, "group": 2}
    folder = train(resolve(run_table(model, env=env, steps=3, rollout=rollout)), tmp_path)
    rows = runs.read_metrics(folder)
    lost = sum(row["env_errors"] for row in rows)
    assert 0 < lost < 24
    records = [json.loads(line) for line in (folder / "episodes.jsonl").read_text().splitlines()]
    assert len(records) == lost
    assert all(record["stop"] == "env_error" and record["error"] for record in records)


def test_too_many_environment_errors_stop_the_run(model: str, tmp_path: Path) -> None:
    env = [{"id": "toys:Echo", "fault": "raise"}]
    with pytest.raises(RunError, match=r"lost to environment errors .*max_errors.*the game broke"):
        train(resolve(run_table(model, env=env, rollout={"max_errors": 0.0, "prompts": 40})), tmp_path)


def test_an_evaluation_that_cannot_be_played_stops_the_run(model: str, tmp_path: Path) -> None:
    env = [{"id": "guess", "largest": 3}]  # three problems: the test split is empty
    table = run_table(model, env=env, eval={"every": 1, "n": 4, "split": "test"})
    with pytest.raises(RunError, match=r"4 of 4 episodes were lost .* no problem of split 'test'"):
        train(resolve(table), tmp_path)


def test_prompts_that_do_not_fit_stop_the_run(model: str, tmp_path: Path) -> None:
    table = run_table(model, env=[{"id": "guess"}], rollout={"max_context": 50, "max_new_tokens": 2})
    with pytest.raises(RunError, match=r"leaves room for a response .*max_context=50"):
        train(resolve(table), tmp_path)


def test_dynamic_sampling_gives_up_with_a_clear_line(model: str, tmp_path: Path) -> None:
    env = [{"id": "toys:Echo", "success_at": 2.0}]  # can never be reached
    table = run_table(model, env=env, algorithm="dapo", rollout={"max_rounds": 2}, dapo={"max_length": 4, "cache": 1})
    with pytest.raises(RunError, match="solved no task"):
        train(resolve(table), tmp_path)


def test_what_a_run_writes_down(model: str, tmp_path: Path) -> None:
    table = run_table(model, steps=2, log={"episodes_every": 1, "sinks": ["tensorboard"]})
    folder = train(resolve(table), tmp_path)
    assert json.loads((folder / "provenance.json").read_text())["packages"]["torch"] == torch.__version__
    record = json.loads((folder / "episodes.jsonl").read_text().splitlines()[0])
    row = record["rows"][0]
    assert sum(row["mask"]) in (1, 2)  # at most two sampled tokens
    assert len(row["ids"]) == len(row["mask"])
    assert record["turns"][0]["observation"] in "abcd"
    assert list((folder / "tensorboard").glob("events*"))
    reloaded = resolve(tomllib.loads((folder / "config.toml").read_text()))
    assert reloaded.to_dict() == resolve(table).to_dict()


@pytest.mark.parametrize("algorithm", ["ppo", "ds_grpo"])
def test_what_learning_tells_overwrites_nothing_that_sampling_tells(algorithm: str, model: str) -> None:
    trainer = Trainer(resolve(run_table(model, algorithm=algorithm, **{algorithm: {"entropy": 0.1}})))
    data = trainer.source.draw(0)
    assert data.batch is not None
    assert not trainer.learner.learn(data.batch, 0).keys() & data.metrics.keys()


def test_levels_of_a_mix_are_counted_on_every_scale() -> None:
    pass_fail, three = (
        Scale(("failed", "solved"), (0.0, 1.0), "solved"),
        Scale(("bad", "near", "good"), (0, 0, 1), "good"),
    )
    scores = [pass_fail.score("solved"), three.score("near"), three.score("good"), None]
    played = [
        Trajectory("t", i, i % 2, [Turn("", "x", 0.0, False, [1], [2], [-1.0])], score=score, correct=i == 3)
        for i, score in enumerate(scores)
    ]
    found = {name: share for name, share in describe(played).items() if name.startswith("level/")}
    expected = {"failed": 0, "solved": 0.25, "bad": 0, "near": 0.25, "good": 0.25, "correct": 0.25}
    assert found == {f"level/{name}": share for name, share in expected.items()}


def test_repetition_counts_repeated_four_grams() -> None:
    assert repetition([1, 2, 3, 4, 5]) == 0
    assert repetition([7] * 8) == pytest.approx(4 / 5)  # five 4-grams, one of them new
    assert repetition([1, 2]) == 0
