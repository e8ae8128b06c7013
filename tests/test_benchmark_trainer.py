"""The benchmark of the trainer gives every contestant the work that it says it does."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.mark.parametrize("length", [32, 256])
def test_a_prompt_has_its_length_in_tokens_for_whoever_loads_the_folder(length: int, tmp_path: Path) -> None:
    from transformers import AutoTokenizer
    from workload import Work, build_tokenizer, prompt, save

    for stops in (True, False):
        folder = save(Work(layers=1, hidden=16, heads=2, mlp=16), tmp_path / str(stops), stops=stops)
        for tokenizer in (build_tokenizer(512), AutoTokenizer.from_pretrained(folder)):
            assert {len(tokenizer(prompt(i, length)[0])["input_ids"]) for i in range(200)} == {length}
            assert tokenizer.decode(tokenizer("say b 0001 ..")["input_ids"]) == "say b 0001 .."


def test_the_reward_by_hand() -> None:
    from workload import reward

    assert reward("ab1a", "a") == pytest.approx(2 / 4 + 0.1 * 3 / 4)
    assert reward("", "a") == 0.0


@pytest.mark.slow
def test_our_trainer_takes_its_steps_when_told() -> None:
    from trainer import compare
    from workload import Work

    work = Work(layers=1, hidden=16, heads=2, mlp=16, prompts=2, group=2, new_tokens=4)
    steps = compare(work, {"ludex": (sys.executable, "trainer_ours")}, steps=2, warmup=1)["ludex"]
    assert [step["tokens"] for step in steps] == [4 * (32 + 4)] * 2
    assert all(0 < step["cpu_s"] < 60 and step["peak_rss_mb"] > 50 for step in steps)


@pytest.mark.slow
def test_a_contestant_that_dies_is_named_with_its_last_words() -> None:
    from trainer import compare
    from workload import Work

    with pytest.raises(RuntimeError, match=r"^trainer_ours.py died:[\s\S]*Error"):
        compare(Work(layers=1, hidden=16, heads=3, mlp=16), {"x": (sys.executable, "trainer_ours")}, 1, 0)
