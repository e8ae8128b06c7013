"""The forms that a data set takes on disk: Parquet, and JSON lines with pictures beside them."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ludex.code2logic.game import Game, Mix
from ludex.core import Task
from ludex.lookup import MissingExtra, missing

SHARD = 5000  # rows of a Parquet file
GROUP = 100  # rows of a row group: pictures make them large
TEXTS = ("game", "question", "kind", "qa_level", "difficulty", "style", "why", "solution")
JSONS = ("asked", "state")


@dataclass(frozen=True)
class Contents:
    """What is known of a data set before its tasks are.

    Attributes:
        id, split: the stream of tasks.
        games: the games that tasks come from, by name; none for other tasks.
        mixed: whether the stream is a mix of games.
        columns: the keys of `Task.info` that get columns of their own.
    """

    id: str
    split: str
    games: Mapping[str, Game]
    mixed: bool
    columns: tuple[str, ...]

    @classmethod
    def of(cls, name: str, split: str, source: Any, first: Task) -> Contents:
        """The contents of a stream, whose first task shows which columns there are."""
        thing = getattr(source, "game", None)
        games = [game for game, _ in thing.templates] if isinstance(thing, Mix) else [thing]
        columns = tuple(key for key in ("number", *TEXTS, *JSONS) if key in first.info)
        found = {game.name: game for game in games if isinstance(game, Game)}
        return cls(name, split, found, isinstance(thing, Mix), columns)


class Format(ABC):
    """Writes the rows of one data set into a folder.

    Args:
        folder: an empty folder.
        contents: what is known of the tasks.
        total: how many there will be.
    """

    def __init__(self, folder: Path, contents: Contents, total: int):
        self.folder, self.contents, self.total = folder, contents, total

    @staticmethod  # noqa: B027, most formats take any tasks
    def check(contents: Contents) -> None:
        """Raise a ValueError or MissingExtra if such tasks cannot be written in this format."""

    @staticmethod
    @abstractmethod
    def names(contents: Contents) -> set[str]:
        """What stands in the folder afterwards."""

    @staticmethod
    @abstractmethod
    def data_files(contents: Contents) -> str:
        """The files of rows, or a pattern that matches them."""

    @abstractmethod
    def write(self, position: int, task: Task) -> None:
        """Add the task that stands at `position`, counted from 0."""

    @abstractmethod
    def close(self) -> None:
        """Complete the files."""


class Parquet(Format):
    """`data/<split>-00000-of-00001.parquet`, pictures inside, in an Image column that `datasets` decodes.

    `number` is a whole number, `answer`, `asked`, `state` and `info` (whatever else the task's info holds) are
    JSON, all other columns text.
    """

    def __init__(self, folder: Path, contents: Contents, total: int):
        super().__init__(folder, contents, total)
        self.rows: list[dict[str, Any]] = []
        self.file: Any = None
        self.schema = self._schema()
        (folder / "data").mkdir()

    @staticmethod
    def check(contents: Contents) -> None:
        """MissingExtra without the libraries."""
        if missing("data"):
            raise MissingExtra("--format parquet needs datasets: pip install 'ludex[data]', or take --format jsonl")

    @staticmethod
    def names(contents: Contents) -> set[str]:
        """The folder of the shards."""
        return {"data"}

    @staticmethod
    def data_files(contents: Contents) -> str:
        """All shards."""
        return "data/*.parquet"

    def _schema(self) -> Any:
        from datasets import Features, Image, List, Value

        columns = ("id", "prompt", "answer", "verifier")
        features = {name: Value("int64" if name == "number" else "string") for name in self.contents.columns}
        text = {name: Value("string") for name in columns}
        return Features({**text, "images": List(Image()), **features, "info": Value("string")}).arrow_schema

    def write(self, position: int, task: Task) -> None:
        """Add a row; a shard begins every 5,000."""
        if position % SHARD == 0:
            self._next_shard(position // SHARD)
        self.rows.append(parquet_row(position, task, self.contents.columns))
        if len(self.rows) == GROUP:
            self._flush()

    def _next_shard(self, number: int) -> None:
        from pyarrow.parquet import ParquetWriter

        self.close()
        shards = -(-self.total // SHARD)
        name = f"{self.contents.split}-{number:05}-of-{shards:05}.parquet"
        self.file = ParquetWriter(self.folder / "data" / name, self.schema, compression="zstd")

    def _flush(self) -> None:
        import pyarrow

        if self.rows:
            self.file.write_table(pyarrow.Table.from_pylist(self.rows, self.schema))
            self.rows = []

    def close(self) -> None:
        """Complete the last shard."""
        self._flush()
        if self.file:
            self.file.close()


def parquet_row(position: int, task: Task, columns: tuple[str, ...]) -> dict[str, Any]:
    """A task as a row; what does not fit its column's type stands in `info`."""
    rest: dict[str, Any] = {}
    row: dict[str, Any] = {}
    for key, value in task.info.items():
        if key in columns and key in JSONS:
            row[key] = dump(value)
        elif key in columns and type(value) is (int if key == "number" else str):
            row[key] = value
        else:
            rest[key] = value
    return {
        "id": task.id,
        "prompt": task.prompt,
        "answer": dump(task.answer),
        "verifier": task.verifier,
        "images": [{"bytes": png, "path": f"{position:06}-{i}.png"} for i, png in enumerate(task.images)],
        **row,
        "info": dump(rest),
    }


class JsonLines(Format):
    """`data.jsonl`, a Task a line, with `images/*.png` and `states/*.json` as relative paths."""

    def __init__(self, folder: Path, contents: Contents, total: int):
        super().__init__(folder, contents, total)
        self.file = (folder / "data.jsonl").open("w", encoding="utf-8")

    @staticmethod
    def names(contents: Contents) -> set[str]:
        """The rows, and the folders beside them."""
        return {"data.jsonl", "images", "states"}

    @staticmethod
    def data_files(contents: Contents) -> str:
        """The one file."""
        return "data.jsonl"

    def write(self, position: int, task: Task) -> None:
        """Add a line, and the files that it names."""
        images = [
            put(self.folder, f"images/{position:06}{f'-{i}' if i else ''}.png", png)
            for i, png in enumerate(task.images)
        ]
        row = {**json.loads(task.with_(images=()).to_json()), "images": images}
        if "state" in row["info"]:
            row["state"] = put(self.folder, f"states/{position:06}.json", state_text(row["info"].pop("state")))
        self.file.write(dump(row) + "\n")

    def close(self) -> None:
        """Complete the file."""
        self.file.close()


def response(task: Task) -> str:
    """What the worked solution gives as its answer: a letter, or a fill-in's value."""
    return str(task.info["solution"]).rsplit("<answer>", 1)[-1].removesuffix("</answer>")


def dump(value: Any) -> str:
    """Compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def state_text(state: Any) -> str:
    """A state as JSON for people: a field a line."""
    if not isinstance(state, dict):
        return dump(state) + "\n"
    return "{\n" + ",\n".join(f"  {dump(key)}: {json.dumps(value)}" for key, value in state.items()) + "\n}\n"


def put(folder: Path, name: str, data: bytes | str) -> str:
    """Write a file below `folder`; returns its name, for the row that refers to it."""
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return name
