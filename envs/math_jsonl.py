"""Questions and answers that already exist: a JSONL file, or a data set of the `datasets` library.

`task_source("math-jsonl", path="problems.jsonl")[i]` is row i. The layouts of
GSM8K (`answer` ends in "#### 42") and of MATH (the last box of `solution`) are
recognised by their columns; for others name the columns.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ludex.core import Task
from ludex.envs.core import TaskSource, split_of
from ludex.lookup import MissingExtra, suggest
from ludex.rewards.answers import boxed

REPLY = r"Put the final answer in \boxed{}."

# Question and answer columns, tried in this order.
LAYOUTS = (("question", "answer"), ("problem", "answer"), ("problem", "solution"))

# What data sets call the splits.
SPLIT_NAMES = {"train": "train", "valid": "validation", "test": "test"}

_HUB_NAME = re.compile(r"(?!\.)[\w.-]+(?:/[\w.-]+)?(?<!\.json)(?<!\.jsonl)")  # "gsm8k", "openai/gsm8k"

Row = Mapping[str, Any]


class DataError(ValueError):
    """A file or data set that cannot be read as questions and answers; one line says where and why."""


def rows(
    split: str,
    *,
    path: str = "",
    question: str = "",
    answer: str = "",
    subset: str = "",
    dataset_split: str = "",
    hold_out: bool = False,
) -> list[Row]:
    """The rows of one split.

    Args:
        split: "train", "valid" or "test".
        path: a JSONL file, a folder or a data set's name ("openai/gsm8k"). "{split}"
            in it stands for the split, so that "data/{split}.jsonl" names three files.
        question: the column of the questions; recognised if empty.
        answer: the column of the answers; recognised if empty.
        subset: the configuration of a data set, such as "main".
        dataset_split: the data set's own name of the split; else "train", "validation" or "test".
        hold_out: divide the rows into the three splits, each question into one; without it a
            single file is the same rows under every split.

    Raises:
        DataError: for a path, line, column or split that is not there.
        MissingExtra: if the `datasets` library is needed and not installed.
    """
    if not path:
        raise DataError("math-jsonl: path= must name a JSONL file or a data set")
    where = path.replace("{split}", split)
    if not Path(where).exists() and not _HUB_NAME.fullmatch(where):
        raise DataError(f"math-jsonl: there is no file or folder {where}")
    is_file = Path(where).is_file()
    found = read_jsonl(where) if is_file else _read_dataset(where, subset, dataset_split or SPLIT_NAMES[split])
    if not found:
        raise DataError(f"math-jsonl: {where} has no rows")
    asked, _ = columns(found[0], question, answer, where)
    if hold_out:
        found = [row for row in found if split_of(str(row.get(asked))) == split]
    if not found:
        raise DataError(f"math-jsonl: {where} has too few rows for a split {split!r}")
    return found


def read_jsonl(path: str) -> list[Row]:
    """Every line as a JSON object, empty lines left out; DataError names the file and line of a malformed one."""
    found: list[Row] = []
    with open(path, encoding="utf-8-sig", newline="\n") as file:
        for number, line in enumerate(_decoded(file, path), 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise DataError(f"{path}, line {number}: not JSON ({error})") from None
            if not isinstance(row, dict):
                raise DataError(f"{path}, line {number}: must be a JSON object, not {type(row).__name__}")
            found.append(row)
    return found


def _decoded(file: Any, path: str) -> Any:
    try:
        yield from file
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start} of a block)") from None


def _read_dataset(path: str, subset: str, split: str) -> list[Row]:
    try:
        import datasets
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"{path} is no JSONL file; a data set needs {error.name}: pip install 'ludex[data]'"
        ) from None
    try:
        if (Path(path) / "dataset_info.json").is_file() or (Path(path) / "dataset_dict.json").is_file():
            loaded = datasets.load_from_disk(path)
        else:
            loaded = datasets.load_dataset(path, subset or None)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise DataError(f"math-jsonl: cannot load data set {path!r}: {str(error).splitlines()[0]}") from error
    if isinstance(loaded, datasets.DatasetDict):
        if split not in loaded:
            raise DataError(f"math-jsonl: data set {path!r} has no split {split!r}; {suggest(split, loaded)}")
        loaded = loaded[split]
    return list(loaded)


def columns(row: Row, question: str, answer: str, where: str) -> tuple[str, str]:
    """The question and answer columns of a row; DataError says which there are."""
    for asked, gold in ((question or q, answer or a) for q, a in LAYOUTS):
        if asked in row and gold in row:
            return asked, gold
    wanted = f"{question or 'question or problem'!r} and {answer or 'answer or solution'!r}"
    raise DataError(f"{where}: needs the columns {wanted}, has {', '.join(map(repr, row)) or 'none'}")


def gold_of(value: object, column: str = "answer") -> str:
    """The final answer in a cell: after "####", in the last box, or all of it; "" (no usable gold) if there is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    text = str(value)
    marked = _marked(text)
    if marked:
        return marked[1]
    found = [box for box in boxed(text) if box is not None]
    if found:
        return found[-1].strip()
    return "" if column == "solution" else text.strip()


def _marked(text: str) -> tuple[str, str] | None:
    """The derivation and the answer behind "####" in the last line; None without one. Further up it is a heading."""
    derivation, mark, answer = text.rstrip().rpartition("####")
    return (derivation, answer.strip()) if mark and "\n" not in answer else None


def worked(value: object, gold: str) -> str:
    """The cell as a response: the derivation without its marks and boxes, then the answer in its only box."""
    derivation = (_marked(value) or (value, ""))[0] if isinstance(value, str) else ""
    text = re.sub(r"<<[^<>\n]*>>", "", derivation)
    for box in boxed(text):
        text = text.replace(f"\\boxed{{{box}}}", box or "")
    return f"{text.strip()}\nThe answer is \\boxed{{{gold}}}.".lstrip()


class Rows(TaskSource):
    """The rows of a file or data set as tasks; see `rows` for the options.

    There are `len(source)` of them, in the file's order whatever the seed; an index
    past the end is an IndexError, while an environment's plain `reset()` starts over.
    A row whose answer cannot be used is not left out: its verdict is an ERROR.
    """

    generate: Any = staticmethod(rows)  # it has the options and their defaults

    def __init__(self, name: str, *, seed: int = 0, split: str = "train", **options: Any):
        super().__init__(name, rows, seed=seed, split=split, **options)  # type: ignore[arg-type]
        self.rows = rows(self.split, **self.options)
        self.columns = columns(self.rows[0], self.options.get("question", ""), self.options.get("answer", ""), name)

    def at(self, *, seed: int | None = None, split: str | None = None) -> Rows:
        """The same file under another seed, or the rows of another split."""
        seed = self.seed if seed is None else seed
        return type(self)(self.name, seed=seed, split=split or self.split, **self.options)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Task:
        if not 0 <= index < len(self.rows):
            raise IndexError(f"{self.name}: row {index} of {len(self.rows)}; the first is 0")
        row, (asked, answer) = self.rows[index], self.columns
        if asked not in row:
            raise DataError(f"{self.name}: row {index} has no {asked!r}, only {', '.join(map(repr, row)) or 'nothing'}")
        given = row.get(answer)
        gold = gold_of(given, answer)
        return Task(
            prompt=f"{str(row[asked]).strip()}\n\n{REPLY}",
            answer=gold,
            verifier="maths",
            id=self.task_id(index),
            info={"solution": worked(given, gold), "key": str(row[asked]), "form": "boxed", "row": index},
        )
