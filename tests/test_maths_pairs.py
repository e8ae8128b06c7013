"""The maths verifier against pairs that others labelled; each disagreement is listed by its id."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ludex import rewards
from ludex.core import Status, Task

pytest.importorskip("math_verify", reason="needs ludex[math]")
pytest.importorskip("pebble", reason="needs ludex[math]")

DATA = Path(__file__).parents[2] / "shared" / "data"
FIXTURE = json.loads((Path(__file__).parent / "fixtures" / "maths_disagreements.json").read_text())


def task(gold: Any) -> Task:
    return Task(prompt="?", answer=gold, verifier="maths", info={"form": "boxed"})


def judge(gold: Any, answer: str) -> rewards.Score:
    return rewards.verify(f"Thus \\boxed{{{answer}}}.", task(gold))


def rows(name: str) -> list[dict[str, Any]]:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{path.name} is not here; it is read from ../shared/data")
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def judged() -> list[tuple[dict[str, Any], rewards.Score, rewards.Score]]:
    """Each pair with its score in the evaluation that its form asks for, and on the reward path."""
    found = []
    for row in rows("math_pairs_dev.jsonl"):
        bare = row["form"] == "answer"
        response = f"\\boxed{{{row['pred']}}}" if bare else row["pred"]
        default = rewards.verify(response, task(row["gold"]))
        found.append(
            (row, default if bare else rewards.verify(response, task(row["gold"]), extract="lenient"), default)
        )
    return found


def test_agreement_with_the_labels(judged: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    for form, bar in (("answer", 0.95), ("text", 0.85)):
        verdicts = [
            s.correct == row["expected"] for row, s, _ in judged if row["form"] == form and "disputed" not in row
        ]
        with capsys.disabled():
            print(
                f"\nmaths pairs, form {form}: {sum(verdicts)} of {len(verdicts)} = {sum(verdicts) / len(verdicts):.1%}"
            )
        assert sum(verdicts) >= bar * len(verdicts)


def test_disagreements_are_the_listed_ones(judged: list[Any]) -> None:
    found = {
        str(row["id"]) for row, score, _ in judged if score.correct != row["expected"] or score.status is Status.ERROR
    }
    assert found == set(FIXTURE["pairs"])


def test_false_accepts_on_the_reward_path(judged: list[Any]) -> None:
    accepted = [row["id"] for row, _, default in judged if default.correct and not row["expected"]]
    assert len(accepted) <= 0.01 * len(judged), accepted


def test_adversarial_pairs() -> None:
    accepted, unequal = set(), set()
    for row in rows("math_adversarial_dev.jsonl"):
        score = judge(row["gold"], row["pred"])
        if row["truth"] == "different" and score.correct:
            accepted.add(str(row["id"]))
        if row["truth"] == "equal" and not score.correct:
            unequal.add(str(row["id"]))
    assert len(accepted) <= 2
    assert accepted | unequal == set(FIXTURE["adversarial"])
