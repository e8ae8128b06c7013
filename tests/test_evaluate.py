"""Evaluation: estimators by hand and by simulation, known players, reports."""

from __future__ import annotations

import itertools
import json
import math
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from toys import save_toy_model

from ludex.agents.evaluate import evaluate, open_player
from ludex.agents.report import Report, bootstrap, pass_at_k, percent, print_report, summarise
from ludex.agents.rollout import Domain
from ludex.core import Scale, Stop, Trajectory, Turn

SCALE = Scale(("none", "wrong", "right"), (0.0, 0.1, 1.0), "right")


def episode(group: int, level: str = "", stop: Stop = Stop.TERMINATED, correct: bool = False) -> Trajectory:
    score = SCALE.score(level) if level else None
    turn = Turn("?", level, score.reward if score else 0.0, level == "none", [0], [1] * 3, [-1.0] * 3)
    right = score.correct if score else correct
    return Trajectory(f"t{group}", group, turns=[turn], score=score, correct=right, stop=stop, error="it broke")


def report_on(episodes: Sequence[Trajectory]) -> Report:
    return summarise(episodes, env="toy-v0", model="m", split="test")


@pytest.mark.parametrize(("k", "expected"), [(1, 0.1875), (4, 0.607143), (8, 0.9), (16, 1.0)])
def test_pass_at_k_of_3_in_16(k: int, expected: float):
    assert pass_at_k(16, 3, k) == pytest.approx(expected, abs=5e-7)


def test_pass_at_k_counts_the_subsets_with_a_right_answer():
    for n in range(1, 8):
        for correct in range(n + 1):
            answers = [i < correct for i in range(n)]
            for k in range(1, n + 1):
                subsets = list(itertools.combinations(answers, k))
                assert pass_at_k(n, correct, k) == pytest.approx(sum(map(any, subsets)) / len(subsets))


def test_the_interval_covers_the_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for i in range(200):
        low, high = bootstrap(rng.random(60) < 0.3, seed=i)
        covered += low <= 0.3 <= high
    assert 0.88 <= covered / 200 <= 0.99  # 95 %, less what a percentile interval lacks at n = 60


def test_the_interval_is_over_problems_as_wide_as_the_normal_one():
    values = [0.0] * 120 + [1.0] * 280
    low, high = bootstrap(values)
    half = 1.96 * math.sqrt(0.7 * 0.3 / 400)
    assert (low, high) == (pytest.approx(0.7 - half, abs=0.01), pytest.approx(0.7 + half, abs=0.01))
    assert bootstrap([0.5] * 9) == (0.5, 0.5)
    assert all(map(math.isnan, bootstrap([])))


def test_a_report_by_hand():
    episodes = [episode(0, "right"), episode(0, "wrong"), episode(1, "wrong"), episode(1, "none")]
    report = report_on(episodes)
    assert (report.n, report.k, report.errors) == (2, 2, 0)
    assert report.pass_1 == 0.25
    assert report.pass_k == 0.5
    assert report.reward == pytest.approx((1.0 + 0.1 + 0.1 + 0.0) / 4)
    assert report.levels == {"none": 0.25, "wrong": 0.5, "right": 0.25}
    assert (report.cut, report.tokens) == (0.25, 3)
    assert report.headline() == "pass@1 25.0 % [0.0, 50.0], pass@2 50.0 % [0.0, 100.0]"
    assert percent(0.42, (0.3811, 0.4619)) == "42.0 % [38.1, 46.2]"


def test_lost_episodes_are_counted_shown_and_left_out():
    lost = [episode(0, stop=Stop.ENV_ERROR), episode(2, stop=Stop.ENV_ERROR)]
    report = report_on([episode(0, "right"), lost[0], episode(1, "wrong"), episode(1, "right"), lost[1]])
    assert (report.errors, report.n) == (2, 2)  # problem 2 has no episode left
    assert report.pass_1 == pytest.approx((1 + 0.5) / 2)
    assert report.samples[-1]["level"] == "error"
    assert report.samples[-1]["why"] == "it broke"


def test_the_levels_add_up_even_where_some_episodes_have_no_score():
    report = report_on([episode(0, "right"), episode(1, stop=Stop.CONTEXT), episode(2, correct=True)])
    assert report.levels == pytest.approx({"none": 0, "wrong": 0, "right": 1 / 3, "failed": 1 / 3, "correct": 1 / 3})


def test_an_environment_without_scores_has_two_levels():
    assert report_on([episode(0, correct=True), episode(1)]).levels == {"failed": 0.5, "correct": 0.5}


def test_a_report_goes_through_json():
    report = report_on([episode(g, random.Random(g).choice(SCALE.levels)) for g in range(30)])
    again = Report(**json.loads(report.to_json()))
    again.pass_1_interval, again.pass_k_interval = tuple(again.pass_1_interval), tuple(again.pass_k_interval)
    assert again == report


def test_a_report_without_a_whole_episode_is_still_json():
    report = report_on([episode(0, stop=Stop.ENV_ERROR)])
    assert (report.n, report.errors) == (0, 1)

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    assert json.loads(report.to_json(), parse_constant=refuse)["pass_1"] is None


def test_the_worked_solutions_are_right_and_chance_is_not():
    oracle = evaluate("oracle", "countdown-v0", n=60, k=2)
    assert (oracle.pass_1, oracle.pass_1_interval, oracle.n, oracle.k) == (1.0, (1.0, 1.0), 60, 2)
    assert oracle.levels["correct"] == 1.0
    chance = evaluate("random", "countdown-v0", n=60)
    assert chance.pass_1 < 0.02
    assert chance.levels["no answer"] > 0.9


def test_a_data_set_is_asked_once_however_large_n():
    report = evaluate("oracle", "foreign_games:Three", n=50, k=2)
    assert (report.n, report.k, report.errors, report.pass_1) == (3, 2, 0, 1.0)
    assert {s["prompt"] for s in report.samples} == {"test 0", "test 1", "test 2"}


def test_no_model_is_one_clear_line(tmp_path: Path):
    with pytest.raises(OSError, match=r"^there is no model folder '.*empty'$"):
        evaluate(str(tmp_path / "empty"), "countdown-v0", n=1)
    (tmp_path / "empty").mkdir()
    with pytest.raises(OSError, match=r"^no model could be loaded from '.*empty' [^\n]*$"):
        evaluate(str(tmp_path / "empty"), "countdown-v0", n=1)


def test_the_untrained_default_needs_no_more_text_than_there_is():
    report = evaluate("tiny", "foreign_games:Three", n=3, max_new_tokens=2, device="cpu")
    assert (report.n, report.errors) == (3, 0)


@pytest.mark.parametrize("k", [1, 3])
def test_a_model_on_disk(k: int, tmp_path: Path):
    model = save_toy_model(tmp_path / "model")
    report = evaluate(model, "toys:Echo", n=40, k=k, max_new_tokens=2, device="cpu", success_at=1.0)
    again = evaluate(model, "toys:Echo", n=40, k=k, max_new_tokens=2, device="cpu", success_at=1.0)
    assert report == again
    assert report.n == 40
    assert report.pass_1 < 0.5  # untrained: one letter in ten tokens
    assert report.reward == pytest.approx(report.pass_1)
    assert report.pass_k >= report.pass_1
    assert 1 <= report.tokens <= 2


def test_the_split_is_the_one_that_was_asked_for():
    ids = {
        split: evaluate("oracle", "countdown-v0", n=3, split=split).samples[0]["task_id"] for split in ("valid", "test")
    }
    assert ids == {"valid": "countdown-v0/valid/0/0", "test": "countdown-v0/test/0/0"}


def test_the_players_by_name():
    with pytest.raises(ValueError, match="must read openai:URL#model"):
        open_player("openai:http://localhost:8000/v1", Domain("countdown-v0"), None)  # type: ignore[arg-type]


def test_the_table_escapes_what_a_model_wrote(capsys: pytest.CaptureFixture[str]):
    hostile = episode(0, "wrong")
    hostile.turns[0].text = "[bold]x[/nonsense] \x1b[2J\r \\"
    print_report(report_on([hostile, episode(1, stop=Stop.ENV_ERROR)]))
    out = capsys.readouterr().out
    assert "[bold]x[/nonsense]" in out
    assert "\x1b" not in out
    assert "\r" not in out
    assert "environment errors" in out
