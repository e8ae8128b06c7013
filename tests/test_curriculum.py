"""Curricula: which level a step samples from, by hand and in a run that is resumed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from toys import run_table, save_toy_model

from ludex.agents import runs
from ludex.agents.curriculum import Curriculum, CurriculumSettings
from ludex.agents.settings import resolve
from ludex.agents.train import train
from ludex.config import ConfigError
from ludex.core import Stop, Trajectory


def played(level: int, *correct: bool) -> list[Trajectory]:
    return [Trajectory("t", 0, level, correct=right) for right in correct]


def test_all_levels_by_their_weights_without_a_curriculum() -> None:
    mixed = Curriculum(CurriculumSettings(), [1, 3])
    assert mixed.weights(0).tolist() == [0.25, 0.75]
    mixed.note(played(0, True))
    assert mixed.weights(9).tolist() == [0.25, 0.75]


def test_levels_by_step() -> None:
    levels = Curriculum(CurriculumSettings("step", steps=(2, 5), review=0.2), [1, 3, 9])
    assert [levels.weights(step).tolist() for step in (0, 1)] == [[1, 0, 0]] * 2
    assert [levels.weights(step).tolist() for step in (2, 4)] == [[0.2, 0.8, 0]] * 2
    assert levels.weights(5).tolist() == pytest.approx([0.05, 0.15, 0.8])


def test_levels_by_success() -> None:
    levels = Curriculum(CurriculumSettings("success", success=0.75, window=2), [1, 1])
    for rates, level in (((True, False), 0), ((True, True), 1)):  # the mean of 0.5 and 1
        levels.note(played(0, *rates))
        assert levels.level == level
    assert levels.weights(0).tolist() == [0, 1]
    levels.note(played(1, True, True))
    levels.note(played(1, True, True))
    assert levels.level == 1  # there is no further one
    fresh = Curriculum(CurriculumSettings("success", success=0.75, window=2), [1, 1])
    fresh.note([*played(1, True), Trajectory("t", 0, 0, correct=True, stop=Stop.ENV_ERROR)])
    assert fresh.recent == []  # of other levels, or lost
    fresh.note(played(0, True))
    again = Curriculum(fresh.settings, [1, 1])
    again.load_state_dict(json.loads(json.dumps(fresh.state_dict())))
    again.note(played(0, True))
    assert again.level == 1


@pytest.mark.parametrize(
    ("curriculum", "message"),
    [
        ({"by": "step"}, "needs 1 steps for 2"),
        ({"by": "step", "steps": [3, 2]}, "must be 1 or more and rise"),
        ({"by": "sucess"}, "did you mean 'success'"),
        ({"by": "success", "success": 1.5}, "above 0, at most 1"),
        ({"review": 1.0}, "0 to below 1"),
        ({"steps": [5]}, "curriculum.steps does nothing with curriculum.by = ''; leave it out"),
        ({"review": 0.5}, "curriculum.review does nothing with curriculum.by = ''"),
        ({"by": "success", "steps": [5]}, "curriculum.steps does nothing with curriculum.by = 'success'"),
        ({"by": "step", "steps": [5], "success": 0.5}, "curriculum.success does nothing with curriculum.by = 'step'"),
    ],
)
def test_mistakes_are_one_line(curriculum: dict[str, object], message: str) -> None:
    table = {"name": "x", "model": "tiny", "env": [{"id": "countdown"}] * 2, "curriculum": curriculum}
    with pytest.raises(ConfigError, match=message) as caught:
        resolve(table)
    assert "\n" not in str(caught.value)


def test_a_run_climbs_and_a_resumed_one_is_where_it_was(tmp_path: Path) -> None:
    """Echo of one turn, then of two; the level stands in the metrics and in the checkpoint."""
    env = [{"id": "toys:Echo", "success_at": 0.99}, {"id": "toys:Echo", "turns": 2, "success_at": 1.99}]
    changes = {"curriculum": {"by": "success", "success": 0.7, "window": 2}, "save": {"every": 1}}
    model = save_toy_model(tmp_path / "model")
    table = run_table(model, env=env, steps=40, **changes)
    rows = runs.read_metrics(train(resolve(table), tmp_path / "whole"))
    climb = next(i for i, row in enumerate(rows) if row["level"] == 1)
    assert 2 <= climb < 40
    assert {row["turns"] for row in rows[:climb]} == {1}
    assert {row["turns"] for row in rows[climb:]} == {2}
    assert sum(row["correct"] for row in rows[climb - 2 : climb]) / 2 >= 0.7
    train(resolve(table), tmp_path / "parts", stop_after=climb - 1)
    again = runs.read_metrics(train(resolve(table), tmp_path / "parts"))
    assert [row["level"] for row in again] == [row["level"] for row in rows]
