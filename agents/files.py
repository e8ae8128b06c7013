"""Files that a kill cannot break (written beside, synced, renamed into place), and JSON that every reader takes."""

from __future__ import annotations

import errno
import json
import math
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # a full disk, or what counts as one


@contextmanager
def locked(lock: Path, what: Path) -> Iterator[None]:
    """Keep every other process from writing `what` for the length of a block.

    The system lets go of a lock when its process dies, however that dies; the file `lock` is removed at the end.

    Raises:
        ValueError: if another process is at it.
    """
    import fcntl  # which Windows lacks; environments work there, and need no lock

    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            ours = os.path.samestat(os.fstat(file.fileno()), lock.stat())  # not one that its owner has just removed
        except (BlockingIOError, FileNotFoundError):
            ours = False
        except OSError as error:
            if error.errno not in (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP):
                raise
            ours = True  # this file system has no locks, as on some clusters
        if not ours:
            raise ValueError(f"another process is writing into {what}; wait until it has ended, or write elsewhere")
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def write_folder(folder: Path, fill: Callable[[Path], None]) -> None:
    """Replace `folder` by one that `fill` writes; at any moment the old one or the new one is whole.

    A kill between the renames leaves the old one under its hidden name; the next call puts it back first (`settle`).

    Raises:
        OSError: if there is no room for what `fill` writes, whatever the library that it writes with makes of that.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh, old = folder.with_name(f".{folder.name}.new"), folder.with_name(f".{folder.name}.old")
    settle(folder)
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    try:
        fill(fresh)
        for path in fresh.rglob("*"):
            _sync(path)
        _sync(fresh)
    except Exception as error:
        shutil.rmtree(fresh, ignore_errors=True)  # so that a full disk has room again
        if number := _no_room(error):
            raise OSError(number, os.strerror(number), str(folder)) from error
        raise
    if folder.exists():
        os.rename(folder, old)
    os.rename(fresh, folder)
    _sync(folder.parent)
    if old.exists():
        os.rename(old, fresh)  # a name that is never put back, for a kill while it is being deleted
    shutil.rmtree(fresh, ignore_errors=True)


def settle(folder: Path) -> None:
    """Undo a replacement of `folder` that was killed when the new one was not in its place yet, or else end it."""
    old = folder.with_name(f".{folder.name}.old")
    if folder.exists():
        shutil.rmtree(old, ignore_errors=True)
    elif old.exists():
        os.rename(old, folder)


def _no_room(error: BaseException | None) -> int:
    """Which of NO_ROOM is behind an error, 0 if none; safetensors tells it in its text only."""
    while error is not None:
        text = re.search(r"\(os error (\d+)\)", str(error))
        number = error.errno if isinstance(error, OSError) else int(text[1]) if text else 0
        if number in NO_ROOM:
            return number
        error = error.__cause__ or error.__context__
    return 0


def write_text(path: Path, text: str) -> None:
    """Replace a file's text in one step; where that fails, as on a full disk, nothing new is left."""
    fresh = path.with_name(f".{path.name}.new")
    try:
        fresh.write_text(text, encoding="utf-8")
        _sync(fresh)
        os.replace(fresh, path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def strict_json(value: Any, **options: Any) -> str:
    """Plain data as JSON that every reader takes: null for NaN and infinity, for which JSON has no numbers."""
    return json.dumps(_finite(value), allow_nan=False, default=str, **options)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(child) for key, child in value.items()}
    return [_finite(child) for child in value] if isinstance(value, list | tuple) else value
