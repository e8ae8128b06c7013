"""What a person at a terminal sees while a command works, and after Ctrl-C; and what a pipe gets of it."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
LUDEX = (sys.executable, "-m", "ludex")
GOES_ON = "ludex data: stopped; the same command goes on from here"


def on_a_terminal(words: tuple[str, ...], folder: Path, until: str, key: str = "\x03") -> tuple[int, str]:
    """Run a command in a pseudo-terminal; type `key` once it has printed the pattern `until`. Its status and words."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.environ |= {"COLUMNS": "100", "TERM": "xterm", "PYTHONPATH": str(TESTS)}
        os.execv(sys.executable, [*LUDEX, *words])
    said = b""
    while True:
        try:
            said += os.read(terminal, 65536)
        except OSError:  # the terminal's other end is closed
            break
        if key and re.search(until, said.decode(errors="replace")):
            os.write(terminal, key.encode())
            key = ""
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said.decode()


UNHURRIED = ("foreign_games:Unhurried", "success=true")


@pytest.mark.parametrize(
    ("words", "bar", "bye"),
    [
        (
            ("eval", "random", *UNHURRIED, "-n", "40", "-k", "2"),
            r" [1-9]\d?/40",
            "ludex eval: stopped; the report is on",
        ),
        (("data", "trajectories", *UNHURRIED, "-n", "900", "-o", "t.jsonl"), " 16/900", GOES_ON),
        (("data", "pairs", *UNHURRIED, "--model", "random", "-o", "p.jsonl"), " 0/1000", GOES_ON),
    ],
    ids=["eval", "trajectories", "pairs"],
)
def test_a_bar_and_a_word_after_ctrl_c(words: tuple[str, ...], bar: str, bye: str, tmp_path: Path) -> None:
    status, said = on_a_terminal(words, tmp_path, bar)
    assert status == 130
    assert re.search(bar, said)
    assert bye in said
    assert "Traceback" not in said


def test_an_evaluation_that_is_stopped_reports_what_was_finished(tmp_path: Path) -> None:
    words = ("eval", "random", *UNHURRIED, "-n", "40", "-k", "2", "--json", "r.json")
    status, said = on_a_terminal(words, tmp_path, r" [1-9]\d?/40")
    assert status == 130
    assert "problems x 2, partial)" in said
    assert "of 40 problems that were finished" in said
    assert '"partial": true' in (tmp_path / "r.json").read_text()


def test_pipes_get_no_bar(tmp_path: Path) -> None:
    words = ("data", "trajectories", "countdown", "-n", "3", "-o", "t.jsonl")
    done = subprocess.run([*LUDEX, *words], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout.startswith("3 episodes of 3 tasks in t.jsonl; 0 did not succeed, 0 were lost\nread them: ")


def test_a_reader_that_leaves_is_no_error() -> None:
    script = f"set -o pipefail; {sys.executable} -m ludex show countdown -n 400 | head -1"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("countdown-v0/train/0/0")


def test_a_working_directory_that_is_gone_is_one_line(tmp_path: Path) -> None:
    script = f"mkdir here && cd here && rmdir ../here && {sys.executable} -P -m ludex list"
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "ludex list: the working directory is no longer there\n"
