"""`rollout.workers` and `rollout.stop` of a run."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from test_rollout_workers import said
from toys import run_table, save_toy_model

from ludex.agents.settings import resolve
from ludex.agents.train import Trainer
from ludex.config import ConfigError
from ludex.core import Trajectory


def trained(tmp_path: Path, steps: int = 2, **rollout: Any) -> tuple[list[dict[str, Any]], list[Trajectory]]:
    """Some steps of a run: what the first one measures, and the episodes of all."""
    env = [{"id": "toys:Echo", "turns": 3}]
    run = resolve(run_table(save_toy_model(tmp_path), env=env, rollout={"max_new_tokens": 8, **rollout}))
    trainer = Trainer(run)
    with closing(trainer.arena):
        done = [trainer.step() for _ in range(steps)]
    machine = ("time/", "tokens_s", "memory/")
    figures = [{k: v for k, v in row.items() if not k.startswith(machine)} for row, _ in done]
    return figures, [episode for _, played in done for episode in played]


def test_a_run_with_workers_learns_the_same(tmp_path: Path):
    (in_turn, first), (beside, second) = trained(tmp_path), trained(tmp_path, workers=3)
    assert said(first) == said(second)
    for one, other in zip(in_turn, beside, strict=True):
        assert one == pytest.approx(other, rel=1e-4, abs=1e-5, nan_ok=True)


def test_a_run_ends_responses_at_its_stop_texts(tmp_path: Path):
    _, played = trained(tmp_path, 1, stop=["ab", "c"])
    texts = [turn.text for t in played for turn in t.turns]
    ends = [text for text in texts if "ab" in text or "c" in text]
    assert len(ends) > 10
    assert all(text.endswith(("ab", "c")) and "ab" not in text[:-2] and "c" not in text[:-1] for text in ends)


@pytest.mark.parametrize(
    ("rollout", "message"),
    [
        ({"stop": ["a", ""]}, r"rollout: stop=.*an empty text would end every response at once"),
        ({"workers": -1}, r"rollout: workers=-1 must be at least 0"),
    ],
)
def test_mistakes_in_a_run_file(rollout: dict[str, Any], message: str):
    with pytest.raises(ConfigError, match=message):
        resolve({"name": "x", "model": "tiny", "env": [{"id": "countdown"}], "rollout": rollout})
    with pytest.raises(ConfigError, match=r"env.0.concurrency = 'fibre'"):
        resolve({"name": "x", "model": "tiny", "env": [{"id": "countdown", "concurrency": "fibre"}]})
