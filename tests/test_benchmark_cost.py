"""The benchmark of cost against work: what its conversations ask of the engine, and what it writes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


class Recording:
    """The real engine, and what it was asked."""

    def __init__(self, engine: Any):
        self.engine, self.asked, self.released = engine, [], []
        self.samples: dict[int, Any] = {}

    def submit(self, prompt: Sequence[int], sampling: Any, *, keep: bool = False, after: int = 0) -> int:
        handle: int = self.engine.submit(prompt, sampling, keep=keep, after=after)
        self.asked.append((handle, list(prompt), keep, after))
        return handle

    def poll(self) -> dict[int, Any]:
        found: dict[int, Any] = self.engine.poll()
        self.samples |= found
        return found

    def refresh(self, seed: int) -> None:
        self.engine.refresh(seed)

    def release(self, handle: int) -> None:
        self.released.append(handle)
        self.engine.release(handle)


@pytest.mark.parametrize("kept", [True, False])
def test_each_turn_continues_the_conversation(kept: bool) -> None:
    from sampler import open_engine
    from talker import talk
    from workload import Work

    small = {"layers": 1, "hidden": 16, "heads": 2, "mlp": 16}
    work = Work(prompts=3, group=1, prompt_tokens=4, new_tokens=5, **small)  # type: ignore[arg-type]
    engine = Recording(open_engine(work))
    costs = talk(work, engine, kept, 4, seed=0)  # type: ignore[arg-type]
    assert len(costs) == 4
    assert all(cost["seconds"] > 0 and cost["mb"] > 50 for cost in costs)
    turns = [engine.asked[i : i + 3] for i in range(0, 12, 3)]
    assert len(engine.asked) == 12
    assert all(len(prompt) == 4 for _, prompt, _, _ in turns[0])
    for before, now in pairwise(turns):
        for (old, prompt, _, _), (_, longer, keep, after) in zip(before, now, strict=True):
            answer = engine.samples[old].ids
            assert len(answer) == 5
            assert longer[: len(prompt) + 5] == prompt + answer
            assert len(longer) == len(prompt) + 5 + 4
            assert (keep, after) == ((True, old) if kept else (False, 0))
    assert engine.released == [handle for handle, *_ in turns[-1]]


def test_the_figures_in_words_and_the_plot(tmp_path: Path) -> None:
    import cost

    curves = {
        "rows": {"x": [8.0, 16.0], "seconds": [0.5, 1.0], "mb": [400.0, 1500.0]},
        "new tokens": {"x": [16.0], "seconds": [0.25], "mb": [300.0]},
        "kept": {"x": [1.0, 2.0], "seconds": [0.001, 0.001], "mb": [1.0, 1.0]},
        "again": {"x": [1.0, 2.0], "seconds": [0.001, 0.0025], "mb": [1.0, 2.0]},
    }
    assert cost.lines(curves) == [
        "   8 rows: 0.500 s a step, 400 MB",
        "  16 rows: 1.000 s a step, 1,500 MB",
        "  16 new tokens: 0.250 s a step, 300 MB",
        "turn  1: 1.000 ms a new token kept, 1.000 prefilled again",
        "turn  2: 1.000 ms a new token kept, 2.500 prefilled again",
    ]
    cost.draw(curves, "CPU", tmp_path / "plots" / "cost.png")
    assert (tmp_path / "plots" / "cost.png").stat().st_size > 10_000


@pytest.mark.slow
def test_a_small_measurement() -> None:
    import cost

    curves = cost.measure("cpu", 1, rows=(8,), new=(4, 8), last=3)
    assert {name: curve["x"] for name, curve in curves.items()} == {
        "rows": [8],
        "new tokens": [4, 8],
        "kept": [1, 2, 3],
        "again": [1, 2, 3],
    }
    for curve in curves.values():
        assert len(curve["seconds"]) == len(curve["mb"]) == len(curve["x"])
        assert min(curve["seconds"]) > 0
        assert min(curve["mb"]) > 50
