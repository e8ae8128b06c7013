"""Run folders: what replaces one, who may write into it, how a run is extended, what is left when one breaks off."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from toys import run_table, save_toy_model

from ludex import cli
from ludex.agents import files, runs
from ludex.agents.checkpoint import Checkpoints
from ludex.agents.files import locked, settle, write_folder
from ludex.agents.growing import Growing
from ludex.agents.settings import resolve
from ludex.agents.setup import pick_device
from ludex.agents.train import train
from ludex.config import ConfigError, to_toml
from ludex.lookup import MissingExtra

HERE = Path(__file__).parent
COMMAND = [sys.executable, "-m", "ludex.cli", "train"]
ENV = {**os.environ, "PYTHONPATH": str(HERE)}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_toy_model(tmp_path_factory.mktemp("toy"))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def weights(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return dict(load_file(folder / "model" / "model.safetensors"))


def run_file(folder: Path, model: str, **changes: Any) -> Path:
    path = folder / "echo.toml"
    path.write_text(to_toml(run_table(model, **changes)))
    return path


def test_a_run_that_cannot_start_leaves_the_old_one(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = run_file(tmp_path, model, steps=1)
    assert cli.main(["train", str(path)]) == 0
    before = contents(tmp_path / "runs")
    for change in (
        "model=/nonexistent",
        "compute.device=foo",
        'log.sinks=["wandbb"]',
        "name=../runs",
        "name=",
        "data=1",
    ):
        assert cli.main(["train", str(path), change, "--fresh"]) == 2, change
        assert capsys.readouterr().err.count("\n") == 1
        assert contents(tmp_path / "runs") == before
    assert [*tmp_path.glob("runs*/*")] == [tmp_path / "runs/echo"]


def test_fresh_begins_again(model: str, tmp_path: Path) -> None:
    folder = train(resolve(run_table(model, steps=2, seed=1)), tmp_path)
    other = resolve(run_table(model, steps=1, seed=2))
    with pytest.raises(ConfigError, match=r"seed: 1 -> 2; steps: 2 -> 1\); choose another name=.* or --fresh, which"):
        train(other, tmp_path)
    assert train(other, tmp_path, fresh=True) == folder
    assert [row["step"] for row in runs.read_metrics(folder)] == [1]
    whole = train(other, tmp_path / "whole")
    assert all(torch.equal(a, b) for a, b in zip(weights(folder).values(), weights(whole).values(), strict=True))
    assert sorted(os.listdir(tmp_path)) == ["echo", "whole"]


RENAMES = ("first", "second", "third")


@pytest.mark.parametrize("kill", RENAMES)
def test_a_kill_while_a_run_is_replaced_leaves_one_of_the_two(kill: str, model: str, tmp_path: Path) -> None:
    """A process that dies before one of the renames: the old folder or the new one is there, whole."""
    old, new = (resolve(run_table(model, steps=n)) for n in (3, 7))
    folder = tmp_path / "echo"
    runs.claim(folder, old)
    (folder / "precious").write_text("x")
    process = multiprocessing.get_context("fork").Process(
        target=_die_in_rename, args=(folder, new, RENAMES.index(kill))
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    settle(folder)
    holds = (folder / "config.toml").read_text()
    if kill in ("first", "second"):
        assert holds == old.to_toml()
        assert (folder / "precious").read_text() == "x"
    else:
        assert holds == new.to_toml()
    runs.claim(folder, new, fresh=True)
    assert sorted(os.listdir(folder)) == ["config.toml", "provenance.json"]
    assert os.listdir(tmp_path) == ["echo"]


def _die_in_rename(folder: Path, settings: Any, survive: int) -> None:
    renames = 0
    rename = os.rename

    def count(a: Any, b: Any) -> None:
        nonlocal renames
        renames += 1
        if renames > survive:
            os.kill(os.getpid(), signal.SIGKILL)
        rename(a, b)

    files.os.rename = count  # type: ignore[attr-defined]
    runs.claim(folder, settings, fresh=True)


HOLD = """
import sys, time
from pathlib import Path
from ludex.agents.files import locked
with locked(Path(sys.argv[1]), Path("it")):
    print("held", flush=True)
    time.sleep(600)
"""


@contextmanager
def held(lock: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds a lock."""
    with subprocess.Popen([sys.executable, "-c", HOLD, str(lock)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_lock_ends_with_its_process_however_that_dies(tmp_path: Path) -> None:
    lock = tmp_path / "folder" / ".lock"
    with held(lock) as process:
        for _ in range(2):
            with (
                pytest.raises(ValueError, match=r"^another process is writing into out; wait"),
                locked(lock, Path("out")),
            ):
                pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        with locked(lock, Path("out")), pytest.raises(ValueError, match="another process"), locked(lock, Path("out")):
            pass
    assert not os.listdir(lock.parent)


def test_two_processes_never_hold_one_lock(tmp_path: Path) -> None:
    """Many take and leave one lock, which is removed each time; only its holder makes a file that must not be there."""
    context = multiprocessing.get_context("fork")
    with context.Pool(4) as pool:
        found = pool.starmap(_take_turns, [(tmp_path / "lock", tmp_path / "alone")] * 4)
    assert all(taken > 0 for taken, _ in found)
    assert not any(shared for _, shared in found)


def _take_turns(lock: Path, mark: Path) -> tuple[int, int]:
    taken = shared = 0
    deadline = time.monotonic() + 120
    while taken < 200 and time.monotonic() < deadline:
        try:
            with locked(lock, mark):
                taken += 1
                try:
                    os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
                except FileExistsError:
                    shared += 1
                else:
                    mark.unlink()
        except ValueError:
            continue
    return taken, shared


def test_two_processes_do_not_train_into_one_folder(model: str, tmp_path: Path) -> None:
    settings = resolve(run_table(model, steps=1))
    with held(tmp_path / ".echo.lock"):
        for fresh in (False, True):
            with pytest.raises(ValueError, match=r"another process is writing into .*echo"):
                train(settings, tmp_path, fresh=fresh)
        assert not (tmp_path / "echo").exists()
    train(settings, tmp_path)
    assert os.listdir(tmp_path) == ["echo"]


@pytest.mark.parametrize(
    "words", [("trajectories", "guess"), ("pairs", "countdown", "--model", "random", "--solutions", "-k", "2")]
)
def test_two_processes_do_not_write_one_file(
    words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "rows.jsonl"
    command = ["data", *words, "-n", "3", "-o", str(out)]
    with held(tmp_path / ".rows.jsonl.lock"):
        assert cli.main(command) == 2
    assert capsys.readouterr().err == f"ludex data: another process is writing into {out}; wait until it has ended, " \
        "or write elsewhere\n"  # fmt: skip
    assert cli.main(command) == 0
    assert sorted(os.listdir(tmp_path)) == ["rows.jsonl", "rows.jsonl.card.json"]


def test_ctrl_c_ends_the_command_with_130_and_the_same_one_goes_on(model: str, tmp_path: Path) -> None:
    path = run_file(tmp_path, model, steps=2000)
    process = subprocess.Popen([*COMMAND, str(path)], env=ENV, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    metrics = tmp_path / "runs/echo/metrics.jsonl"
    while process.poll() is None and not (metrics.exists() and metrics.read_text().count("\n") >= 2):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    done = metrics.read_text().count("\n")
    assert f"stopped after step {done}; the same command goes on from there" in out
    assert os.listdir(tmp_path / "runs") == ["echo"]


def test_a_longer_run_is_the_one_that_was_longer_from_the_start(model: str, tmp_path: Path) -> None:
    table = run_table(model, optim={"warmup": 4}, eval={"every": 2, "n": 4})
    whole = train(resolve({**table, "steps": 5}), tmp_path / "whole")
    folder = train(resolve({**table, "steps": 3}), tmp_path)
    train(resolve({**table, "steps": 5}), tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(weights(folder).values(), weights(whole).values(), strict=True))
    assert [row["reward"] for row in runs.read_metrics(folder) if row["step"]] == [
        row["reward"] for row in runs.read_metrics(whole) if row["step"]
    ]
    assert (folder / "config.toml").read_text() == (whole / "config.toml").read_text()


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({}, {"steps": 1}),
        ({}, {"steps": 3, "seed": 1}),
        ({"optim": {"schedule": "cosine"}}, {"steps": 3, "optim": {"schedule": "cosine"}}),
    ],
    ids=["fewer", "another seed", "a rate that falls until the end"],
)
def test_a_run_that_would_have_gone_otherwise_is_not_extended(
    first: dict[str, Any], then: dict[str, Any], model: str, tmp_path: Path
) -> None:
    folder = tmp_path / "echo"
    runs.claim(folder, resolve(run_table(model, steps=2, **first)))
    with pytest.raises(ConfigError, match=rf"steps: 2 -> .*with model={folder}/model to train on from its weights"):
        train(resolve(run_table(model, **then)), tmp_path)


def test_a_study_does_not_take_a_shorter_run_for_its_own(model: str, tmp_path: Path) -> None:
    runs.claim(tmp_path, resolve(run_table(model, steps=2)))
    with pytest.raises(ConfigError, match=r"steps: 2 -> 3"):
        runs.check(tmp_path, resolve(run_table(model, steps=3)))


@pytest.mark.parametrize("damage", ["empty", "half", "rubbish", "a pickle that names what it may not"])
def test_a_damaged_checkpoint_is_named_with_what_to_do(damage: str, model: str, tmp_path: Path) -> None:
    settings = resolve(run_table(model, steps=4, save={"every": 1}))
    whole = weights(train(settings, tmp_path / "whole"))
    folder = train(settings, tmp_path, stop_after=3)
    path = folder / "checkpoints/step-000003/state.pt"
    good = path.read_bytes()
    texts = {"empty": b"", "half": good[: len(good) // 2], "rubbish": b"rubbish" * 99}
    path.write_bytes(texts.get(damage, b"cposix\nsystem\n(S'true'\ntR."))
    with pytest.raises(
        ValueError, match=rf"^{path} is damaged \(.*\); delete {path.parent} to go on from step 2$"
    ) as e:
        train(settings, tmp_path)
    assert "\n" not in str(e.value)
    shutil.rmtree(path.parent)
    resumed = weights(train(settings, tmp_path))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    checkpoints = Checkpoints(tmp_path / "one")
    checkpoints.save(1, {"a": 1})
    (tmp_path / "one/step-000001/state.pt").write_bytes(b"")
    with pytest.raises(ValueError, match=r"delete .*step-000001 to begin again$"):
        checkpoints.latest(torch.device("cpu"))


LIMITED = """
import json, resource, sys
from ludex.agents.settings import resolve
from ludex.agents.sources import RunError
from ludex.agents.train import train
table, root, limit = json.loads(sys.argv[1]), sys.argv[2], int(sys.argv[3])
train(resolve(table), root, stop_after=2)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    train(resolve(table), root)
except RunError as error:
    print(error)
"""


@pytest.mark.parametrize(("limit", "what"), [(10_000, "checkpoints/step-000003"), (0, "echo")])
def test_no_room_is_one_line_and_the_run_goes_on(limit: int, what: str, model: str, tmp_path: Path) -> None:
    table = run_table(model, steps=4, save={"every": 1}, log={"sinks": []})
    command = [sys.executable, "-c", LIMITED, json.dumps(table), str(tmp_path), str(limit)]
    done = subprocess.run(command, env=ENV, capture_output=True, text=True, check=True)
    last = done.stdout.splitlines(keepends=True)[-1]
    assert last.endswith("File too large; make room, and the same command goes on after step 2\n"), done.stdout
    assert what in last
    whole = weights(train(resolve(table), tmp_path / "whole"))
    resumed = weights(train(resolve(table), tmp_path))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


@pytest.mark.parametrize("sinks", [[], ["tensorboard"]])
def test_a_full_disk_is_one_line_and_the_run_goes_on_with_more_room(
    sinks: list[str], model: str, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("no right to mount a small disk")
    try:
        table = run_table(model, steps=3, save={"every": 1}, log={"sinks": sinks, "episodes_every": 1})
        path = tmp_path / "run.toml"
        path.write_text(to_toml(table))
        size = sum(map(len, contents(train(resolve(table), tmp_path / "whole")).values())) // 1000
        failed = 0
        for part in (0.3, 0.6, 0.95):  # too little for a checkpoint, for the next one, and for the last files
            subprocess.run(["mount", "-o", f"remount,size={int(size * part)}k", disk], check=True)
            done = subprocess.run([*COMMAND, str(path)], env=ENV, cwd=disk, capture_output=True, text=True)
            if done.returncode:
                failed += 1
                assert done.stderr.count("\n") == 1, done.stderr
                assert "No space left on device" in done.stderr
        assert failed > 1
        subprocess.run(["mount", "-o", "remount,size=100M", disk], check=True)
        subprocess.run([*COMMAND, str(path)], env=ENV, cwd=disk, check=True, capture_output=True)
        whole, resumed = (place / "model/model.safetensors" for place in (tmp_path / "whole/echo", disk / "runs/echo"))
        assert whole.read_bytes() == resumed.read_bytes()
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_replacement_without_room_leaves_nothing_of_itself(tmp_path: Path) -> None:
    def fill(folder: Path) -> None:
        (folder / "a").write_text("half")
        raise RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)")

    with pytest.raises(OSError, match=r"No space left on device") as caught:
        write_folder(tmp_path / "model", fill)
    assert caught.value.filename == str(tmp_path / "model")
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("name", ["foo", "", "mps", "cuda:x", "cpu:0:0"])
def test_what_is_no_device_is_one_line(name: str) -> None:
    with pytest.raises(
        ValueError, match=r"^device='.*' must be 'auto', 'cpu', 'cuda' or the number of a GPU"
    ) as caught:
        pick_device(name)
    assert "\n" not in str(caught.value)


def test_a_gpu_that_is_not_there_is_one_line() -> None:
    want = r"the last CUDA device here is 'cuda:\d+'" if torch.cuda.is_available() else "sees no CUDA device here"
    with pytest.raises(ValueError, match=want):
        pick_device("cuda:99")


def test_a_tracker_that_is_not_installed_is_found_before_anything_is_written(model: str, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs TensorBoard")
    missing = [name for name in ("wandb", "trackio") if not _installed(name)]
    if not missing:
        pytest.skip("every tracker is installed")
    with pytest.raises(MissingExtra, match=rf"log.sinks: {missing[0]} is not installed: pip install {missing[0]}"):
        train(resolve(run_table(model, log={"sinks": ["tensorboard", missing[0]]})), tmp_path)
    assert not os.listdir(tmp_path)


def _installed(name: str) -> bool:
    from importlib.util import find_spec

    return find_spec(name) is not None


def test_growing_files_are_locked_beside_themselves(tmp_path: Path) -> None:
    file = Growing(tmp_path / "rows.jsonl", None, "rows")
    with file.alone():
        assert os.listdir(tmp_path) == [".rows.jsonl.lock"]
    assert not os.listdir(tmp_path)
