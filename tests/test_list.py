"""`ludex list ID`: the options that an environment takes, as its code declares them."""

from __future__ import annotations

import inspect
import json

import pytest

import ludex
from ludex import cli, describe
from ludex.envs import registry
from ludex.envs.countdown import DIFFICULTIES, generate


@pytest.mark.parametrize("name", registry.names())
def test_every_option_of_every_environment_has_a_default_and_a_meaning(name: str) -> None:
    options = describe.options(name)
    assert options
    assert all(option.meaning.endswith(".") for option in options)
    assert len({option.name for option in options}) == len(options)
    assert not {"seed", "split", "rng", "source", "self"} & {option.name for option in options}


def test_the_options_of_countdown_are_those_of_its_generator() -> None:
    found = {option.name: option.default for option in describe.options("countdown") if option.of == "tasks"}
    parameters = inspect.signature(generate).parameters.values()
    assert found == {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    assert describe.presets("countdown")["difficulty=easy"] == "numbers 3, largest 20, target (1, 100)"
    assert len(describe.presets("countdown")) == len(DIFFICULTIES)


def test_the_defaults_are_accepted() -> None:
    for name in ("countdown", "alfworld", "play-hanoi", "gameqa-maze"):
        ludex.make(name, **{option.name: option.default for option in describe.options(name)})
        tasks = {option.name: option.default for option in describe.options(name) if option.of == "tasks"}
        assert ludex.task_source(name, **tasks)[0] == ludex.task_source(name)[0]


def test_one_text_may_be_for_several_options() -> None:
    text = (
        "What it does.\n\nArgs:\n    a, b: two of them,\n        on two lines.\n    c: 1: one.\n\nRaises:\n    d: no.\n"
    )
    assert describe.arguments(text) == {
        "a": "two of them, on two lines.",
        "b": "two of them, on two lines.",
        "c": "1: one.",
    }
    assert describe.arguments("Nothing.") == {}


def test_the_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert cli.main(["list", "countdown"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("ludex/countdown-v0: reach a target number")
    assert 'difficulty   "medium"' in out
    assert "closeness    false" in out
    assert "difficulty=hard: numbers 5" in out
    assert cli.main(["list", "gameqa-maze", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["id"] == "ludex/gameqa-maze-v0"
    assert {"name", "default", "meaning", "of"} == set(found["options"][0])
    assert any(name.startswith("question=") for name in found["presets"])
    assert cli.main(["list", "foreign_games:Memory"]) == 0
    assert "'terminated'" not in capsys.readouterr().out
    assert cli.main(["list", "CartPole-v1"]) == 2
    assert "Gymnasium" in capsys.readouterr().err
