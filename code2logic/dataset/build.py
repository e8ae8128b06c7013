"""A data set on disk from any stream of tasks: parallel, resumable, without duplicates.

What an interrupted run has drawn lies in the hidden folder `.work`; the same
request goes on from there. A folder with a manifest is finished, and its bytes
depend on the request alone: not on the number of workers, nor on that of attempts.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ludex.agents.files import locked, write_text
from ludex.code2logic.dataset.alfworld import Alfworld
from ludex.code2logic.dataset.card import CARD, SHEETS, Card
from ludex.code2logic.dataset.draw import Report, Request, as_line, chunk_file, draw, drawn, lines
from ludex.code2logic.dataset.formats import Contents, Format, JsonLines, Parquet
from ludex.code2logic.dataset.gameqa import GameQA
from ludex.core import Task
from ludex.lookup import suggest

FORMATS: dict[str, type[Format]] = {"parquet": Parquet, "jsonl": JsonLines, "gameqa": GameQA, "alfworld": Alfworld}
WORK, PINNED, MANIFEST = ".work", "request.json", "manifest.json"


@dataclass(frozen=True)
class Built:
    """A finished data set: how many tasks it has, and what it took.

    Attributes:
        tasks: fewer than asked for if the stream has too few distinct problems.
        draws: indices of the stream that were looked at.
        duplicates: draws whose problem was there already.
        failed: draws that the generator broke off with a ValueError.
    """

    tasks: int
    draws: int
    duplicates: int
    failed: int


def build(request: Request, folder: Path, workers: int = 1, report: Report = lambda kept, old: None) -> Built:
    """Write the data set into `folder`, or go on with one that was interrupted.

    Raises:
        ValueError: if the folder holds anything else, or the request cannot be met.
        TypeError: if the generator breaks, or makes what JSON cannot hold; with the task's index.
        MissingExtra: if the format or the environment needs a distribution that is not installed.
        OSError: if a file cannot be written; what was drawn stays, and the same request goes on.
    """
    if workers < 1:
        raise ValueError(f"workers={workers} must be at least 1")
    form = format_named(request.format)
    source = request.source()
    first = drawn(source, 0)
    as_line(first)  # every mistake is found before anything is written
    contents = Contents.of(request.id, request.split, source, first)
    form.check(contents)
    built = _finished(request, folder)
    if built is None:
        with _claimed(request, folder, {CARD, SHEETS, *form.names(contents)}):
            selection, speed = draw(request, source, folder / WORK, workers, report)
            built = Built(len(selection.kept), selection.drawn, selection.duplicates, selection.failed)
            _assemble(request, folder, form, contents, selection.kept, built, speed)
    shutil.rmtree(folder / WORK, ignore_errors=True)
    return built


def data_files(request: Request, folder: Path) -> str:
    """The path of a finished data set's rows, or the pattern of their paths."""
    source = request.source()
    contents = Contents.of(request.id, request.split, source, source[0])
    return str(folder / format_named(request.format).data_files(contents))


def format_named(name: str) -> type[Format]:
    """The format; ValueError suggests."""
    if name not in FORMATS:
        raise ValueError(f"no format {name!r}; {suggest(name, FORMATS)}")
    return FORMATS[name]


def _finished(request: Request, folder: Path) -> Built | None:
    """What the manifest in the folder says, None if there is none."""
    path = folder / MANIFEST
    if not path.exists():
        return None
    found = _read(path)
    try:
        old, built = found["request"], Built(**found["built"])
    except (KeyError, TypeError):
        raise ValueError(f"{folder} has other files in it ({MANIFEST}); choose another -o") from None
    _check_same(request, old, folder)
    return built


@contextmanager
def _claimed(request: Request, folder: Path, names: set[str]) -> Iterator[None]:
    """The folder is this request's, and no other process writes into it."""
    work = folder / WORK
    pinned = work / PINNED
    if pinned.exists():
        _check_same(request, _read(pinned), folder)
    allowed = {WORK, *names} if pinned.exists() else {WORK}
    strangers = sorted({path.name for path in folder.iterdir()} - allowed) if folder.exists() else []
    if strangers:
        raise ValueError(f"{folder} has other files in it ({', '.join(strangers[:3])}); choose another -o")
    with locked(work / "lock", folder):
        write_text(pinned, request.to_json() + "\n")
        yield


def _check_same(request: Request, old: dict[str, Any], folder: Path) -> None:
    for name, value in json.loads(request.to_json()).items():
        if old.get(name) != value:
            had, has = (json.dumps(x, ensure_ascii=False) for x in (old.get(name), value))
            raise ValueError(f"{folder} was begun with {name} = {had}, not {has}; choose another -o, or delete it")


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ValueError(f"{path} is none that ludex wrote; choose another -o")
    return found


def _assemble(
    request: Request, folder: Path, form: type[Format], contents: Contents, kept: list[int], built: Built, speed: float
) -> None:
    """The kept tasks in the data set's files; these are written aside, then moved, and the manifest comes last."""
    final = folder / WORK / "final"
    shutil.rmtree(final, ignore_errors=True)
    final.mkdir()
    try:
        rows, card = form(final, contents, built.tasks), Card(contents)
        for position, task in enumerate(_tasks(request, folder / WORK, kept)):
            rows.write(position, task)
            card.add(task)
        rows.close()
        card.write(final, json.loads(request.to_json()), asdict(built), speed, form.data_files(contents))
        os.sync()
    except OSError:
        shutil.rmtree(final, ignore_errors=True)  # so that a full disk has room again
        raise
    for path in sorted(final.iterdir()):
        place = folder / path.name
        if place.is_dir():
            shutil.rmtree(place)  # of an attempt that was killed here
        os.replace(path, place)
    manifest = {"request": json.loads(request.to_json()), "built": asdict(built)}
    write_text(folder / MANIFEST, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")


def _tasks(request: Request, work: Path, kept: list[int]) -> Iterator[Task]:
    """The kept draws, from their chunks."""
    rows: list[str] = []
    loaded = -1
    for index in kept:
        start = index - index % request.chunk
        if start != loaded:
            rows, loaded = lines(chunk_file(work, start)), start
        yield Task.from_json(rows[index - start])


__all__ = ["FORMATS", "Built", "Request", "build", "data_files", "format_named"]
