"""The benchmark of the games: the table of the original's rates, and the arithmetic by hand."""

from __future__ import annotations

from pathlib import Path

import gameqa_table
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import gameqa

    return gameqa


def test_every_game_of_the_original_has_its_rates(bench):
    assert sorted(bench.ORIGINAL) == sorted({**gameqa_table.INDOMAIN, **gameqa_table.HELDOUT})


def test_the_figures_by_hand(bench):
    costs = {
        ("sokoban", "a"): {"image": 0.02, "text": 0.001},
        ("sokoban", "b"): {"image": 0.03, "text": 0.003},
        ("tictactoe", "c"): {"image": 0.01, "text": 0.0005},
    }
    found = bench.summary(costs)
    assert found["overall"] == pytest.approx(50)  # 3 questions in 0.06 s
    assert found["text"] == pytest.approx(3 / 0.0045)
    assert found["games"]["sokoban"]["with_png"] == pytest.approx(40)
    assert found["games"]["sokoban"]["original_images"] == 2.5
    assert next(iter(found["slowest"])) == "sokoban b"
    assert [line.partition(" ")[0] for line in bench.verdicts(found)] == ["missed", "met", "missed", "met"]
    slower = {**costs, ("tictactoe", "c"): {"image": 0.2, "text": 0.0005}}
    said = bench.verdicts(bench.summary(slower))
    assert said[1].startswith("missed slowest question 5.0/s")
    assert said[3] == "missed images/s ahead of the original on 1 of 2 games, not on tictactoe"


def test_it_measures_every_question(bench):
    costs = bench.measure(["tictactoe"], 2)
    assert list(costs) == [("tictactoe", name) for name in ("piece_at", "best_move", "best_reply")]
    assert all(both["image"] > both["text"] > 0 for both in costs.values())
