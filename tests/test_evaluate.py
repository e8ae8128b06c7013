"""Evaluation: estimators by hand and by simulation, known players, reports."""

from __future__ import annotations

import itertools
import json
import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from toys import run_table, save_toy_model

from ludex.agents.evaluate import Interrupted, evaluate, open_player
from ludex.agents.report import Report, interval, pass_at_k, percent, print_report, summarise
from ludex.agents.rollout import Domain
from ludex.agents.settings import resolve
from ludex.agents.train import train
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


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [(0, 10, 0.0, 0.2775), (1, 10, 0.0179, 0.4042), (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605)],
)
def test_the_interval_of_a_share_is_wilsons(right: int, n: int, low: float, high: float):
    """The two last are the worked examples of Newcombe 1998, table I, method 3; the others by the formula by hand."""
    values = [1.0] * right + [0.0] * (n - right)
    assert interval(values) == (pytest.approx(low, abs=6e-5), pytest.approx(high, abs=6e-5))
    mirrored = interval([1 - value for value in values])
    assert mirrored == (pytest.approx(1 - high, abs=6e-5), pytest.approx(1 - low, abs=6e-5))


@pytest.mark.parametrize(
    ("n", "k", "a", "b"),
    [(64, 1, 0.3, 5), (64, 8, 0.3, 5), (16, 8, 0.5, 0.5), (24, 4, 0.3, 1.5), (400, 8, 0.5, 1), (64, 8, 50, 100)],
)
def test_the_interval_covers_the_mean_about_as_often_as_it_says(n: int, k: int, a: float, b: float):
    """Problems of every difficulty, Beta(a, b): some hopeless, some sure, or all alike."""
    rng, covered = np.random.default_rng(0), 0
    for _ in range(1000):
        low, high = interval(list(rng.binomial(k, rng.beta(a, b, n)) / k), k)
        covered += low <= a / (a + b) <= high
    assert 0.90 <= covered / 1000 <= 0.99


def test_the_interval_of_a_mean_knows_what_stands_behind_each_value():
    assert interval([0.5] * 9, 2) == interval([0.0, 1.0] * 9)  # as if all draws were problems, and no narrower
    assert interval([0.0, 1.0] * 9, 50) == interval([0.0, 1.0] * 9)  # all or nothing: more draws tell no more
    assert all(map(math.isnan, interval([])))


def test_a_report_by_hand():
    episodes = [episode(0, "right"), episode(0, "wrong"), episode(1, "wrong"), episode(1, "none")]
    report = report_on(episodes)
    assert (report.n, report.k, report.errors) == (2, 2, 0)
    assert report.pass_1 == 0.25
    assert report.pass_k == 0.5
    assert report.reward == pytest.approx((1.0 + 0.1 + 0.1 + 0.0) / 4)
    assert report.levels == {"none": 0.25, "wrong": 0.5, "right": 0.25}
    assert (report.cut, report.tokens) == (0.25, 3)
    assert report.headline() == "pass@1 25.0 % [4.6, 69.9], pass@2 50.0 % [9.5, 90.5]"
    assert percent(0.42, (0.3811, 0.4619)) == "42.0 % [38.1, 46.2]"


def test_lost_episodes_are_counted_shown_and_left_out():
    lost = [episode(0, stop=Stop.ENV_ERROR), episode(2, stop=Stop.ENV_ERROR)]
    report = report_on([episode(0, "right"), lost[0], episode(1, "wrong"), episode(1, "right"), lost[1]])
    assert (report.errors, report.n) == (2, 2)  # problem 2 has no episode left
    assert report.pass_1 == pytest.approx((1 + 0.5) / 2)
    assert (report.k, report.pass_k) == (2, 1.0)  # problem 0 has one response only, and no pass@2
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
    assert (oracle.pass_1, oracle.n, oracle.k) == (1.0, 60, 2)
    assert oracle.pass_1_interval == (pytest.approx(0.9398, abs=1e-4), pytest.approx(1.0))
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


@pytest.mark.parametrize(("n", "k"), [(0, 1), (1, 0), (-2, 1)])
def test_nothing_to_measure_is_refused(n: int, k: int):
    with pytest.raises(ValueError, match=f"^n={n} and k={k} must be 1 or more"):
        evaluate("oracle", "countdown-v0", n=n, k=k)


@pytest.mark.parametrize(
    ("limit", "message"),
    [(4096, "the model's context of 4096 tokens leaves no room beside max_new_tokens=4096 for a prompt"),
     (4095, "no prompt leaves room for max_new_tokens=4095 in the model's context")],
)  # fmt: skip
def test_a_length_limit_that_leaves_no_room_for_a_prompt_is_refused(limit: int, message: str):
    with pytest.raises(ValueError, match=f"^{message}$"):
        evaluate("tiny", "foreign_games:Three", n=1, max_new_tokens=limit, device="cpu")


def test_who_says_what_is_correct():
    silent = evaluate("oracle", "foreign_games:Memory", n=3)
    assert (silent.judged, silent.pass_1, silent.reward) == (False, 0.0, 2.0)  # it paid, but nobody said that it won
    paid = evaluate("oracle", "foreign_games:Memory", n=3, success_at=2.0)
    assert (paid.judged, paid.pass_1) == (True, 1.0)
    assert evaluate("oracle", "foreign_games:Memory", n=3, success=True).judged
    assert evaluate("random", "countdown-v0", n=3).judged


def test_a_run_says_how_its_model_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = train(resolve(run_table(save_toy_model(tmp_path / "model"), steps=1)), tmp_path)
    assert f"next: ludex eval {folder}/model toys:Echo --success-at 0.99, or" in capsys.readouterr().out


def test_every_episode_is_told_as_soon_as_it_is_over():
    told: list[Trajectory] = []
    report = evaluate("oracle", "countdown-v0", n=5, k=3, ended=told.append)
    assert sorted(t.group for t in told) == [i for i in range(5) for _ in range(3)]
    assert report.pass_1 == 1.0
    assert not report.partial


def test_ctrl_c_gives_a_report_on_the_problems_that_are_finished(tmp_path: Path):
    told: list[Trajectory] = []

    def interrupt(at: int) -> Callable[[Trajectory], None]:
        def ended(trajectory: Trajectory) -> None:
            told.append(trajectory)
            if len(told) == at:
                raise KeyboardInterrupt

        return ended

    with pytest.raises(Interrupted) as stopped:
        evaluate("oracle", "countdown-v0", n=5, k=3, ended=interrupt(8), html=tmp_path / "page.html")
    report = stopped.value.report
    assert (report.partial, report.n, report.k, report.pass_1) == (True, 2, 3, 1.0)
    assert report.headline().endswith("partial: 2 problems")
    assert (tmp_path / "page.html").read_text().count("<details>") == 6
    told.clear()
    with pytest.raises(KeyboardInterrupt) as nothing:
        evaluate("oracle", "countdown-v0", n=5, k=3, ended=interrupt(2))
    assert nothing.type is KeyboardInterrupt


def test_where_nothing_was_won_no_length_is_said(capsys: pytest.CaptureFixture[str]):
    lost = episode(0)
    lost.turns *= 7
    print_report(report_on([lost]))
    assert "7.0, none" in capsys.readouterr().out


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
