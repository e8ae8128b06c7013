"""`ludex new-game`: what it writes is a game that passes the contract and has right answers."""

from __future__ import annotations

import importlib
import random

import pytest

from ludex import cli
from ludex.code2logic import sheet
from ludex.code2logic.checks import contents, faults, guessable, others
from ludex.code2logic.game import DIFFICULTIES

STEPS = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}


def right(question, state, asked, answer):
    """Whether `answer` is right, from the state's data alone."""
    if question == "gem_count":
        return answer == len(state["gems"])
    row, column = state["token"]
    for move in asked["moves"]:
        row, column = row + STEPS[move][0], column + STEPS[move][1]
    return answer == f"row {row + 1}, column {column + 1}"


def test_the_skeleton_is_a_game(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    assert cli.main(["new-game", "my-first-game"]) == 0
    assert "ludex check my_first_game:game" in capsys.readouterr().out
    game = importlib.import_module("my_first_game").game
    assert game.name == "my-first-game"
    for question in game.questions:
        rng = random.Random(question)
        problems = [game.problem(rng, question=question, difficulty=DIFFICULTIES[i % 3]) for i in range(150)]
        tasks = [problem.task(rng, "text", "random") for problem in problems]
        assert not [fault for task in tasks for fault in faults(task)]
        assert not list(guessable(tasks))
        for task in tasks:
            state, asked = task.info["state"], task.info["asked"]
            assert all(right(question, state, asked, answer) for answer in contents(task))
            assert not any(right(question, state, asked, answer) for answer in others(task))
    assert cli.main(["check", "my_first_game:game"]) == 0


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        *((name, "must be letters, digits, - and _") for name in ("3x", "a b", "../x", "_x", "é", "")),
        *((name, "must not be a keyword of Python's") for name in ("class", "None", "async")),
        *((name, "must not be a standard module's") for name in ("json", "random", "this")),
    ],
)
def test_names_that_no_module_should_have(name, rule, tmp_path, capsys):
    assert cli.main(["new-game", name, "-o", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert f"a game's name {rule}" in said
    assert said.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sokoban", "-o", "{folder}/none/x.png"], "none/x.png: No such file or directory"),
        (["sokoban", "-o", "{folder}/x"], "x must end with .png"),
        (["sokoban", "-o", "{folder}/x.png", "--question", "x"], "sokoban: no question 'x'"),
        (["sokobam", "-o", "{folder}/x.png"], "did you mean 'sokoban'"),
        (["json:dumps", "-o", "{folder}/x.png"], "json:dumps is no Game"),
        (["none:game", "-o", "{folder}/x.png"], "No module named 'none'"),
    ],
)
def test_a_sheet_that_cannot_be_made_is_one_line(words, message, tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        sheet.main([word.format(folder=tmp_path) for word in words])
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(tmp_path, capsys):
    (tmp_path / "mine.py").write_text("mine")
    assert cli.main(["new-game", "mine", "-o", str(tmp_path)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert (tmp_path / "mine.py").read_text() == "mine"
