"""Tasks read back from a data set on disk, in Parquet or JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ludex.code2logic.dataset.formats import JSONS
from ludex.core import Task


def read_tasks(folder: str | Path) -> Iterator[Task]:
    """The tasks that `ludex data tasks` wrote as Parquet or JSON lines, in order and equal to the drawn ones.

    Raises:
        ValueError: if the folder holds neither.
    """
    folder = Path(folder)
    shards = sorted((folder / "data").glob("*.parquet"))
    if shards:
        return (_from_row(row) for shard in shards for row in _parquet_rows(shard))
    if (folder / "data.jsonl").exists():
        return _json_lines(folder)
    raise ValueError(f"{folder} has neither data/*.parquet nor data.jsonl in it")


def _parquet_rows(shard: Path) -> Iterator[dict[str, Any]]:
    from pyarrow.parquet import ParquetFile

    with ParquetFile(shard) as file:
        for batch in file.iter_batches(batch_size=100):
            yield from batch.to_pylist()


def _from_row(row: dict[str, Any]) -> Task:
    own = {"id", "prompt", "answer", "verifier", "images", "info"}
    info = {key: value for key, value in row.items() if key not in own and value is not None}
    info |= {key: json.loads(info[key]) for key in JSONS if key in info}
    return Task(
        prompt=row["prompt"],
        answer=json.loads(row["answer"]),
        verifier=row["verifier"],
        id=row["id"],
        images=tuple(image["bytes"] for image in row["images"]),
        info={**info, **json.loads(row["info"])},
    )


def _json_lines(folder: Path) -> Iterator[Task]:
    with (folder / "data.jsonl").open(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            row = json.loads(line)
            if "state" in row:
                row["info"]["state"] = json.loads((folder / row.pop("state")).read_text(encoding="utf-8"))
            images = tuple((folder / name).read_bytes() for name in row.pop("images"))
            yield Task(**row, images=images)
