"""Whole episodes as chats, interrupted and resumed; and episodes as pages to read."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from foreign_games import Memory

import ludex
from ludex import cli
from ludex.agents.build_trajectories import Progress, Recipe, build_trajectories
from ludex.agents.evaluate import evaluate
from ludex.agents.transcripts import page, text
from ludex.core import Stop, Trajectory, Turn


def rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_demonstrations_are_chats_that_win(tmp_path: Path) -> None:
    path = tmp_path / "demos" / "a.jsonl"
    found = build_trajectories(Recipe("alfworld", options={"task": "pick_two_obj_and_place"}), path, 20)
    assert (found.episodes, found.failed, found.lost) == (20, 0, 0)
    for row in rows(path):
        task = ludex.task(str(row["id"]))
        replies = [m["content"] for m in row["messages"] if m["role"] == "assistant"]
        assert replies == task.info["solution"]
        assert [m["role"] for m in row["messages"][:3]] == ["system", "user", "assistant"]
        env = ludex.make("alfworld", task="pick_two_obj_and_place")
        env.reset(seed=0, options={"index": int(str(row["id"]).rpartition("/")[2])})
        assert [env.step(reply)[1] for reply in replies][-1] == 1 == row["reward"]


def test_only_what_succeeds(tmp_path: Path) -> None:
    recipe = Recipe("guess", agent="random", options={"largest": 3, "turns": 1}, correct=True)
    found = build_trajectories(recipe, tmp_path / "g.jsonl", 10)
    assert found.episodes <= 10
    assert all(row["correct"] for row in rows(tmp_path / "g.jsonl"))
    assert found.failed > 0


def test_longer_files_begin_like_shorter_ones(tmp_path: Path) -> None:
    recipe = Recipe("play-tictactoe", agent="random")
    build_trajectories(recipe, tmp_path / "a.jsonl", 40)
    for n in (5, 20, 40):
        found = build_trajectories(recipe, tmp_path / "b.jsonl", n)
    assert found == Progress(tasks=found.tasks, episodes=40, failed=found.failed)
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


@pytest.mark.parametrize("changes", [{}, {"correct": True}])
@pytest.mark.parametrize("n", [4, 16, 23])
def test_the_counts_are_those_of_the_rows(n: int, changes: dict[str, bool], tmp_path: Path) -> None:
    path, recipe = tmp_path / "t.jsonl", Recipe("play-tictactoe", agent="random", **changes)
    found = build_trajectories(recipe, path, n)
    last = rows(path)[-1]
    assert found.episodes == len(rows(path)) == n
    assert found.tasks == int(str(last["id"]).rpartition("/")[2]) + 1  # nothing behind the last row counts
    assert found.failed == found.tasks - sum(bool(row["correct"]) for row in rows(path))
    assert build_trajectories(recipe, path, n) == found
    assert build_trajectories(recipe, path, n + 3).episodes == n + 3
    assert build_trajectories(recipe, path, n).episodes == n + 3  # what is there is left as it is


def test_nothing_is_played_that_no_row_needs(tmp_path: Path) -> None:
    Memory.made.clear()
    build_trajectories(Recipe("foreign_games:Memory"), tmp_path / "m.jsonl", 5)
    assert len(Memory.made) == 5  # an environment for each episode that is played together


def test_how_far_it_has_got_is_reported(tmp_path: Path) -> None:
    counts: list[tuple[int, int]] = []
    build_trajectories(Recipe("guess"), tmp_path / "g.jsonl", 20, report=lambda *count: counts.append(count))
    build_trajectories(Recipe("guess"), tmp_path / "g.jsonl", 50, report=lambda *count: counts.append(count))
    assert counts == [(0, 0), (16, 0), (20, 20), (36, 20)]


def test_the_command_survives_being_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ludex.cli", "data", "trajectories", "alfworld", "-n", "400", "-o"]
    whole, broken = tmp_path / "whole.jsonl", tmp_path / "broken.jsonl"
    subprocess.run([*command, str(whole)], check=True, capture_output=True)
    killed = 0
    for _ in range(3):
        process = subprocess.Popen([*command, str(broken)], stdout=subprocess.DEVNULL, start_new_session=True)
        had = broken.stat().st_size if broken.exists() else 0
        while process.poll() is None and (not broken.exists() or broken.stat().st_size == had):
            time.sleep(0.005)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            killed += 1
        process.wait()
    subprocess.run([*command, str(broken)], check=True, capture_output=True)
    assert killed
    assert broken.read_bytes() == whole.read_bytes()


def test_mistakes_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "x.jsonl")
    assert cli.main(["data", "trajectories", "alfwrld", "-o", out]) == 2
    assert "did you mean 'alfworld-v0'" in capsys.readouterr().err
    Path(out).write_text("mine")
    assert cli.main(["data", "trajectories", "alfworld", "-o", out, "-n", "3"]) == 2
    assert "choose another -o" in capsys.readouterr().err
    assert Path(out).read_text() == "mine"


def test_pages_escape_what_models_write() -> None:
    turn = Turn("<b>seen</b> & heard", "</pre><script>alert(1)</script>", 0.5, cut=True)
    episode = Trajectory("task/<1>", 0, turns=[turn], correct=True, stop=Stop.TRUNCATED)
    html = page([episode], "a < b")
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "a &lt; b" in html
    assert "task/&lt;1&gt;" in html
    assert "cut by its length limit" in html
    plain = text([episode])
    assert "==== task/<1>: correct, 1 turns, reward 0.5, truncated" in plain
    assert "    > </pre><script>alert(1)</script>\n    [+0.5]" in plain


def test_an_evaluation_counts_kinds_and_turns(tmp_path: Path) -> None:
    page_ = tmp_path / "page.html"
    report = evaluate("oracle", "alfworld", n=24, by="task_type", html=page_)
    source = ludex.task_source("alfworld", split="test")
    kinds = [source[i].info["task_type"] for i in range(24)]
    assert {kind: found[0] for kind, found in report.groups.items()} == {kind: kinds.count(kind) for kind in kinds}
    assert all(found[1] == 1 for found in report.groups.values())
    lengths = [len(source[i].info["plan"]) for i in range(24)]
    assert report.turns == report.turns_won == pytest.approx(sum(lengths) / 24)
    assert page_.read_text().count("<details>") == 24
    with pytest.raises(ValueError, match="did you mean 'task_type'"):
        evaluate("oracle", "alfworld", n=2, by="task_typ")
