"""math-jsonl-v0: other people's questions, read from files and data sets made here."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest

import ludex
from ludex.core import Status
from ludex.envs.math_jsonl import DataError, Rows, gold_of
from ludex.lookup import MissingExtra

# Written for this test, in the layouts of GSM8K and of MATH.
GRADE = [
    {"question": "Six boxes hold 7 pens each. How many pens?", "answer": "6*7 = <<6*7=42>>42 pens.\n#### 42"},
    {"question": "A car costs 1,000 and a van 234 more. The van?", "answer": "1000+234\n#### 1,234"},
    {"question": "Half of 5?", "answer": "5/2 = 2.5\n#### 2.5"},
]
CONTEST = [
    {
        "problem": "Solve $2x = 3$.",
        "solution": r"First \boxed{2x = 3}, so $x = \boxed{\frac{3}{2}}$.",
        "level": "Level 1",
        "type": "Algebra",
    },
    {"problem": "What is $1+1$?", "solution": r"It is $\boxed{2}$."},
]

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_lines(lines: list[Any], name: str = "rows.jsonl") -> str:
        path = tmp_path / name
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        path.write_text("\n".join(texts) + "\n", encoding="utf-8")
        return str(path)

    return write_lines


def test_grade_school_layout(write: Write) -> None:
    source = ludex.task_source("math-jsonl", path=write(GRADE))
    assert [task.answer for task in source] == ["42", "1,234", "2.5"]
    assert source[0].prompt.startswith(GRADE[0]["question"])
    assert "\\boxed{}" in source[0].prompt
    assert source[0].info["solution"] == "6*7 = 42 pens.\nThe answer is \\boxed{42}."
    assert all(ludex.verify(task.info["solution"], task).correct for task in source)
    assert ludex.verify("\\boxed{2 1/2}", source[2]).correct
    assert ludex.verify("\\boxed{43}", source[0]).level == "wrong"


def test_contest_layout_takes_the_last_box(write: Write) -> None:
    source = ludex.task_source("math-jsonl", path=write(CONTEST))
    assert [task.answer for task in source] == [r"\frac{3}{2}", "2"]
    assert source[0].info["solution"] == "First 2x = 3, so $x = \\frac{3}{2}$.\nThe answer is \\boxed{\\frac{3}{2}}."
    assert all(ludex.verify(task.info["solution"], task).correct for task in source)


def test_a_plain_answer_column_comes_before_the_solution(write: Write) -> None:
    row = {"problem": "p", "solution": r"\boxed{1}", "answer": "x + 1"}
    assert ludex.task_source("math-jsonl", path=write([row]))[0].answer == "x + 1"


def test_columns_can_be_named(write: Write) -> None:
    path = write([{"q": "2+2?", "a": 4, "question": "no"}, {"q": "1/4?", "a": 0.25}])
    source = ludex.task_source("math-jsonl", path=path, question="q", answer="a")
    assert [(task.prompt.split("\n")[0], task.answer) for task in source] == [("2+2?", "4"), ("1/4?", "0.25")]
    with pytest.raises(
        DataError, match=r"rows.jsonl: needs the columns 'q' and 'answer or solution', has 'q', 'a', 'question'"
    ):
        ludex.task_source("math-jsonl", path=path, question="q")
    with pytest.raises(TypeError, match="no option 'qestion'; did you mean 'question'"):
        ludex.task_source("math-jsonl", path=path, qestion="q")


@pytest.mark.parametrize(
    ("cell", "gold"),
    [
        ("#### 70,000", "70,000"),
        ("It is there.\n#### (1, 2)", "(1, 2)"),
        ("#### [0,100)\n", "[0,100)"),
        ("5\n#### Note\nfive apples", "5\n#### Note\nfive apples"),  # a heading
        ("#### Step 1\n\\boxed{3}", "3"),
        ("\\boxed{\\text{no}}", "\\text{no}"),
        (" -3 ", "-3"),
        (7, "7"),
        (None, ""),
        (True, ""),
        ([1, 2], ""),
        ("####", ""),
    ],
)
def test_golds(cell: object, gold: str) -> None:
    assert gold_of(cell) == gold


@pytest.mark.parametrize(
    ("cell", "right", "wrong"),
    [("#### 70,000", "70000", "70"), ("#### (1, 2)", "(1,2)", "12"), ("#### [0,100)", "[0, 100)", "[0,100]")],
)
def test_commas_of_a_gold_keep_their_meaning(write: Write, cell: str, right: str, wrong: str) -> None:
    task = ludex.task_source("math-jsonl", path=write([{"question": "?", "answer": cell}]))[0]
    assert ludex.verify(f"\\boxed{{{right}}}", task).correct
    assert ludex.verify(f"\\boxed{{{wrong}}}", task).level == "wrong"


def test_a_solution_without_a_box_has_no_gold() -> None:
    assert gold_of("It is 2.", "solution") == ""


@pytest.mark.parametrize("cell", [None, "", "#### ", [1], "\\boxed{}", "5\n#### Note\nfive apples"])
def test_an_unusable_gold_is_an_error_not_a_wrong_answer(write: Write, cell: object) -> None:
    task = ludex.task_source("math-jsonl", path=write([{"question": "?", "answer": cell}]))[0]
    for response in ("\\boxed{1}", "\\boxed{None}"):
        score = ludex.verify(response, task)
        assert (score.status, score.level) == (Status.ERROR, None)
        assert math.isnan(score.reward)


def test_rows_are_addressed_and_a_plain_reset_starts_over(write: Write) -> None:
    path = write(GRADE)
    env = gym.make("ludex/math-jsonl-v0", path=path)
    seen = [env.reset()[0].split("\n")[0] for _ in range(5)]
    assert seen == [GRADE[i]["question"] for i in (0, 1, 2, 0, 1)]
    observation, info = env.reset(options={"index": 2})
    assert observation.startswith(GRADE[2]["question"])
    assert ludex.task(info["task_id"]).info["row"] == 2
    assert ludex.task(info["task_id"]).prompt == observation
    assert env.step(info["solution"])[1] == 1.0
    assert env.reset(seed=5)[0].startswith(GRADE[0]["question"])
    with pytest.raises(IndexError, match="math-jsonl-v0: row 3 of 3; the first is 0"):
        env.reset(options={"index": 3})
    with pytest.raises(ValueError, match="reset: index = -1 must be a whole number, 0 or more"):
        env.reset(options={"index": -1})


def test_a_file_for_each_split(write: Write, tmp_path: Path) -> None:
    write(GRADE[:2], "train.jsonl")
    write(GRADE[2:], "test.jsonl")
    source = ludex.task_source("math-jsonl", path=str(tmp_path / "{split}.jsonl"))
    assert (len(source), len(source.at(split="test")), source.at(split="test").split) == (2, 1, "test")
    assert ludex.task(source.at(split="test")[0].id).answer == "2.5"
    env = gym.make("ludex/math-jsonl-v0", path=str(tmp_path / "{split}.jsonl"))
    assert env.reset(options={"split": "test"})[0].startswith("Half")
    with pytest.raises(DataError, match=r"there is no file or folder .*valid\.jsonl"):
        source.at(split="valid")


def test_holding_out_divides_the_questions(write: Write) -> None:
    many = [{"question": f"{i % 150}?", "answer": str(i % 150)} for i in range(300)]  # each question twice
    parts = [Rows("math-jsonl-v0", path=write(many), hold_out=True, split=s) for s in ("train", "valid", "test")]
    keys = [{task.info["key"] for task in part} for part in parts]
    assert sum(map(len, parts)) == 300
    assert len(keys[0] | keys[1] | keys[2]) == sum(map(len, keys)) == 150
    assert len(keys[0]) > 100 > 40 > len(keys[1])
    assert all(keys)
    with pytest.raises(DataError, match="too few rows for a split"):
        [Rows("math-jsonl-v0", path=write(many[:1]), hold_out=True, split=s) for s in ("train", "valid", "test")]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([GRADE[0], '{"question": "?", '], r"rows\.jsonl, line 2: not JSON"),
        ([GRADE[0], "", "[1, 2]"], r"rows\.jsonl, line 3: must be a JSON object, not list"),
        (["[" * 200_000], r"line 1: not JSON"),
        ([], "has no rows"),
        ([{"Question": "?", "answer": "1"}], "needs the columns 'question or problem' and 'answer or solution', has"),
        ([{}], "has none"),
    ],
)
def test_a_broken_file_is_one_clear_line(write: Write, lines: list[Any], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        ludex.task_source("math-jsonl", path=write(lines))
    assert "\n" not in str(caught.value)


def test_other_files_are_one_clear_line(write: Write, tmp_path: Path) -> None:
    (tmp_path / "latin.jsonl").write_bytes(b'{"question": "caf\xe9", "answer": "1"}\n')
    with pytest.raises(DataError, match=r"latin\.jsonl: not UTF-8"):
        ludex.task_source("math-jsonl", path=str(tmp_path / "latin.jsonl"))
    with pytest.raises(DataError, match="path= must name"):
        ludex.task_source("math-jsonl")
    with pytest.raises(DataError, match=r"no file or folder nowhere\.jsonl"):
        ludex.task_source("math-jsonl", path="nowhere.jsonl")
    source = ludex.task_source("math-jsonl", path=write([GRADE[0], {"answer": "1"}]))
    with pytest.raises(DataError, match="row 1 has no 'question', only 'answer'"):
        source[1]


def test_a_byte_order_mark_and_blank_lines_do_no_harm(tmp_path: Path) -> None:
    text = (
        "\ufeff"
        + json.dumps(GRADE[0])
        + "\r\n\r\n  \n"
        + json.dumps({**GRADE[1], "question": "a\u2028b"}, ensure_ascii=False)
    )
    (tmp_path / "odd.jsonl").write_text(text, encoding="utf-8", newline="")
    assert [task.answer for task in ludex.task_source("math-jsonl", path=str(tmp_path / "odd.jsonl"))] == [
        "42",
        "1,234",
    ]


@pytest.fixture
def datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    module = pytest.importorskip("datasets", reason="needs ludex[data]")
    monkeypatch.setattr(module.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    module.disable_progress_bars()
    return module


def test_a_data_set_saved_to_disk(datasets: Any, tmp_path: Path) -> None:
    train, test = datasets.Dataset.from_list(GRADE[:2]), datasets.Dataset.from_list(GRADE[2:])
    train.save_to_disk(tmp_path / "one")
    datasets.DatasetDict(train=train, test=test).save_to_disk(tmp_path / "both")
    assert [task.answer for task in Rows("math-jsonl-v0", path=str(tmp_path / "one"))] == ["42", "1,234"]
    both = Rows("math-jsonl-v0", path=str(tmp_path / "both"), split="test")
    assert [task.answer for task in both] == ["2.5"]
    assert ludex.task(both[0].id) == both[0]
    with pytest.raises(DataError, match="has no split 'validation'; known: test, train"):
        both.at(split="valid")
    assert len(Rows("math-jsonl-v0", path=str(tmp_path / "both"), split="valid", dataset_split="test")) == 1


def test_a_folder_loaded_as_a_data_set(datasets: Any, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    for subset, rows in {"main": GRADE[:2], "other": GRADE[2:]}.items():
        (folder / subset).mkdir(parents=True)
        datasets.Dataset.from_list(rows).to_parquet(folder / subset / "train-0.parquet")
    configs = "".join(f"- config_name: {name}\n  data_files: {name}/*.parquet\n" for name in ("main", "other"))
    (folder / "README.md").write_text(f"---\nconfigs:\n{configs}---\n")
    assert [task.answer for task in Rows("math-jsonl-v0", path=str(folder), subset="main")] == ["42", "1,234"]
    assert [task.answer for task in Rows("math-jsonl-v0", path=str(folder), subset="other")] == ["2.5"]
    with pytest.raises(DataError, match="cannot load data set") as caught:
        Rows("math-jsonl-v0", path=str(folder), subset="mian")
    assert "\n" not in str(caught.value)


def test_a_data_set_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtra, match=r"pip install 'ludex\[data\]'"):
        Rows("math-jsonl-v0", path=str(tmp_path))
