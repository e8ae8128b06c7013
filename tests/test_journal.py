"""What a run writes down, whatever happens to it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from ludex.agents.journal import Journal, open_sinks
from ludex.core import Scale, Score, Stop, Trajectory, Turn

SCALE = Scale(("wrong", "right"), (0.0, 1.0), "right")


def test_metrics_that_are_not_finite_are_null_in_the_journal(tmp_path: Path):
    journal = Journal(tmp_path)
    journal.metrics(1, {"eval/pass_1": math.nan, "kl": math.inf, "loss": 0.5})
    broken = Trajectory("t", 0, turns=[Turn("a", "b", math.nan)], stop=Stop.ENV_ERROR, error="x")
    scored = Trajectory("u", 1, turns=[Turn("a", "b", 1.0, False, [0, 5], [7, 8], [-1.0, -2.0])])
    scored.score = Score("right", SCALE, parts={"speed": math.nan})
    journal.episodes(1, [broken, scored])
    row = json.loads((tmp_path / "metrics.jsonl").read_text())
    assert row == {"step": 1, "eval/pass_1": None, "kl": None, "loss": 0.5}
    first, second = map(json.loads, (tmp_path / "episodes.jsonl").read_text().splitlines())
    assert (first["reward"], first["turns"][0]["reward"]) == (None, None)
    assert second["score"]["parts"] == {"speed": None}
    assert second["rows"] == [{"ids": [0, 5, 7, 8], "mask": [0, 0, 1, 1]}]


def test_rewinding_a_journal_drops_later_steps_and_a_torn_line(tmp_path: Path):
    journal = Journal(tmp_path)
    for step in range(4):
        journal.metrics(step, {"loss": float(step)})
    path = tmp_path / "metrics.jsonl"
    path.write_text(path.read_text() + '{"step": 1, "lo')
    journal.rewind(2)
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [0, 1, 2]


class Note:
    """A tracker that remembers."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, dict[str, float]]] = []
        self.closed = False

    def log(self, step: int, metrics: dict[str, float]) -> None:
        self.seen.append((step, dict(metrics)))

    def close(self) -> None:
        self.closed = True


def test_trackers_get_the_numbers_only(tmp_path: Path):
    note = Note()
    journal = Journal(tmp_path, [note])
    journal.metrics(3, {"loss": 1, "alarms": ["x"], "done": True, "reward": 0.5})
    journal.close()
    assert note.seen == [(3, {"loss": 1.0, "reward": 0.5})]
    assert note.closed


def test_tensorboard_reads_what_was_logged(tmp_path: Path):
    pytest.importorskip("tensorboard", reason="needs TensorBoard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    journal = Journal(tmp_path, open_sinks(["tensorboard"], tmp_path, "run", {}))
    for step in (1, 2):
        journal.metrics(step, {"reward": step / 4})
    journal.close()
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [(e.step, e.value) for e in events.Scalars("reward")] == [(1, 0.25), (2, 0.5)]


def test_an_unknown_tracker_suggests(tmp_path: Path):
    with pytest.raises(ValueError, match=r"log.sinks: no tracker 'tensorbord'; did you mean 'tensorboard'\?"):
        open_sinks(["tensorbord"], tmp_path, "run", {})
