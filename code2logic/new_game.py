"""`ludex new-game`: a skeleton of a game, whole and passing the contract, under a name of one's own."""

from __future__ import annotations

import keyword
from pathlib import Path

from ludex.code2logic import skeleton


def write(name: str, folder: Path) -> Path:
    """Write `<name>.py` into `folder` and return its path.

    Raises:
        ValueError: for a name that no module can have.
        FileExistsError: if the file is there.
    """
    stem = name.replace("-", "_")
    if not stem.isascii() or not stem.isidentifier() or keyword.iskeyword(stem) or stem.startswith("_"):
        raise ValueError(f"a game's name must be letters, digits, - and _, beginning with a letter, not {name!r}")
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
