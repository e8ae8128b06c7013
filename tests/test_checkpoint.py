"""Checkpoints under the knife: whenever a run is killed, the latest one loads."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from ludex.agents.checkpoint import Checkpoints
from ludex.agents.files import write_folder, write_text

CPU = torch.device("cpu")

WRITER = """
import sys
import torch
from pathlib import Path
from ludex.agents.checkpoint import Checkpoints

torch.set_num_threads(1)
checkpoints = Checkpoints(Path(sys.argv[1]), keep_last=2)
print("ready", flush=True)
for line in sys.stdin:  # each line: a process of its own goes on from the latest checkpoint
    import os

    child = os.fork()
    if not child:
        state = checkpoints.latest(torch.device("cpu"))
        step = state["step"] if state else 0
        while True:
            step += 1
            checkpoints.save(step, {"step": step, "weights": torch.full((200_000,), float(step))})
    print(child, flush=True)
    os.waitpid(child, 0)
"""


def state_of(step: int) -> dict[str, Any]:
    return {"step": step, "weights": torch.full((10,), float(step)), "skips": 0, "best": -1.0}


def files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_a_killed_writer_always_leaves_the_latest_checkpoint_whole(tmp_path: Path):
    folder = tmp_path / "checkpoints"
    rng = random.Random(0)
    command = [sys.executable, "-c", WRITER, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as nursery:
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        assert nursery.stdout.readline() == "ready\n"
        last, torn, kills = 0, 0, 0
        while kills < 25 or (torn <= 5 and kills < 400):  # until enough of them fell in the middle of writing
            kills += 1
            nursery.stdin.write("\n")
            nursery.stdin.flush()
            child = int(nursery.stdout.readline())
            deadline = time.monotonic() + 30
            goal = last + rng.randint(1, 4)
            while not (folder / f".step-{goal:06d}.new").exists() and time.monotonic() < deadline:
                if max(Checkpoints(folder).steps(), default=0) >= goal:
                    break
            time.sleep(rng.random() * 0.004)
            os.kill(child, signal.SIGKILL)
            time.sleep(0.01)
            done = max(Checkpoints(folder).steps(), default=0)
            torn += any(folder.glob(".step-*.new"))
            state = Checkpoints(folder).latest(CPU)
            step = state["step"] if state else 0
            assert step == done >= last
            if state:
                assert torch.equal(state["weights"], torch.full((200_000,), float(step)))
            last = step
        nursery.stdin.close()
    assert last > 25
    assert torn > 5


def test_only_the_last_few_are_kept(tmp_path: Path):
    checkpoints = Checkpoints(tmp_path / "checkpoints", keep_last=2)
    assert checkpoints.latest(CPU) is None
    for step in (1, 2, 10, 300):
        checkpoints.save(step, state_of(step))
    assert checkpoints.steps() == [10, 300]
    assert sorted(os.listdir(tmp_path / "checkpoints")) == ["step-000010", "step-000300"]
    latest = checkpoints.latest(CPU)
    assert latest is not None
    assert latest["step"] == 300
    assert Checkpoints(tmp_path / "other", keep_last=0).keep_last == 1


def test_the_same_step_can_be_saved_again(tmp_path: Path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(3, state_of(1))
    checkpoints.save(3, state_of(2))
    latest = checkpoints.latest(CPU)
    assert latest is not None
    assert latest["step"] == 2


def test_what_is_no_checkpoint_is_passed_over(tmp_path: Path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(5, state_of(5))
    (tmp_path / "step-000006").mkdir()  # the remains of one that was being deleted
    (tmp_path / "step-000007.backup").mkdir()
    (tmp_path / ".step-000008.new").mkdir()
    latest = checkpoints.latest(CPU)
    assert latest is not None
    assert latest["step"] == 5


def test_a_checkpoint_cannot_run_code(tmp_path: Path):
    class Evil:
        def __reduce__(self) -> Any:
            return (os.mkdir, (str(tmp_path / "owned"),))

    Checkpoints(tmp_path).save(1, {"step": Evil()})
    with pytest.raises(Exception, match=r"weights_only|Weights only"):
        Checkpoints(tmp_path).latest(CPU)
    assert not (tmp_path / "owned").exists()


def fail(folder: Path) -> None:
    (folder / "a").write_text("half")
    raise OSError("disk full")


def test_a_folder_is_replaced_as_a_whole_or_not_at_all(tmp_path: Path):
    target = tmp_path / "best"
    write_folder(target, lambda folder: (folder / "a").write_text("1") and None)
    with pytest.raises(OSError, match="disk full"):
        write_folder(target, fail)
    assert files(target) == {"a": "1"}
    write_folder(target, lambda folder: (folder / "b").write_text("2") and None)
    assert files(target) == {"b": "2"}
    assert os.listdir(tmp_path) == ["best"]


def test_a_kill_between_the_two_renames_loses_nothing(tmp_path: Path):
    target = tmp_path / "best"
    (tmp_path / ".best.old").mkdir()  # where the old one lies at that moment
    (tmp_path / ".best.old/a").write_text("1")
    with pytest.raises(OSError, match="disk full"):
        write_folder(target, fail)
    assert files(target) == {"a": "1"}


def test_text_is_replaced_in_one_step(tmp_path: Path):
    path = tmp_path / "config.toml"
    write_text(path, "a = 1\n")
    write_text(path, "b = 'ä'\n")
    assert files(tmp_path) == {"config.toml": "b = 'ä'\n"}
