"""`ludex new-game`: a skeleton of a game, whole and passing the contract, under a name of one's own."""

from __future__ import annotations

import keyword
import sys
from pathlib import Path

from ludex.code2logic import skeleton


def write(name: str, folder: Path) -> Path:
    """Write `<name>.py` into `folder` and return its path.

    Raises:
        ValueError: for a name that no module can or should have.
        FileExistsError: if the file is there.
    """
    stem = name.replace("-", "_")
    if not stem.isascii() or not stem.isidentifier() or stem.startswith("_"):
        raise ValueError(f"a game's name must be letters, digits, - and _, beginning with a letter, not {name!r}")
    if keyword.iskeyword(stem):
        raise ValueError(f"a game's name must not be a keyword of Python's, such as {name!r}; no module can have it")
    if stem in sys.stdlib_module_names:
        raise ValueError(f"a game's name must not be a standard module's, such as {name!r}; it would take its place")
    path = folder / f"{stem}.py"
    title = stem.replace("_", " ").capitalize()
    source = Path(skeleton.__file__).read_text(encoding="utf-8")
    source = source.replace('name="skeleton"', f'name="{stem.replace("_", "-")}"').replace('"""Skeleton', f'"""{title}')
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(source)
    except FileExistsError:
        raise FileExistsError(f"{path} is there already; choose another name") from None
    return path
