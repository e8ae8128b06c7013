"""A JSONL file that can be interrupted: a card beside it holds the recipe of its rows and how far it has got.

Rows are written in chunks, the card after each. A file that was interrupted is cut back to what its card counts and
goes on from there, so that it ends with the rows that an uninterrupted one would have.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ludex.agents.files import locked, write_text


@dataclass(frozen=True)
class Growing:
    """The file at `path`.

    Attributes:
        recipe: a dataclass of JSON data that decides the rows.
        rows: the field of a progress that counts them.
    """

    path: Path
    recipe: Any
    rows: str

    @property
    def card(self) -> Path:
        """The file beside it."""
        return self.path.with_name(self.path.name + ".card.json")

    def alone(self) -> AbstractContextManager[None]:
        """A block in which no other process writes the file, `resume` included; ValueError if one does."""
        return locked(self.path.with_name(f".{self.path.name}.lock"), self.path)

    def resume(self, start: Any, n: int) -> Any:
        """How far the file has got, which is cut back to that; `start` if there is none yet.

        Args:
            start: the progress of an empty file, a dataclass of JSON data.
            n: rows wanted; a file that holds as many is left as it is.

        Raises:
            ValueError: if the file has another recipe, is a stranger's, or has lost rows.
        """
        if not self.card.exists():
            if self.path.exists():
                raise ValueError(
                    f"{self.path} exists and has no {self.card.name}, so nothing can be added to it; choose another -o"
                )
            return start
        progress = self._read(type(start))
        text = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        lines = [line for line in text.splitlines(keepends=True) if line.endswith("\n")]
        count = getattr(progress, self.rows)
        if len(lines) < count:
            raise ValueError(f"{self.path} has lost rows that {self.card.name} counts; delete both to begin again")
        if count < n:
            write_text(self.path, "".join(lines[:count]))
        return progress

    def _read(self, kind: type[Any]) -> Any:
        try:
            found = json.loads(self.card.read_text(encoding="utf-8"))
            old, progress = type(self.recipe)(**found["recipe"]), kind(**found["progress"])
        except (ValueError, KeyError, TypeError) as error:
            what = f"{type(error).__name__}: {error}"
            raise ValueError(f"{self.card} is no card of a file of {self.rows} ({what})") from None
        for name, value in json.loads(json.dumps(asdict(self.recipe))).items():  # as a card has it: tuples are lists
            if getattr(old, name) != value:
                was = f"{self.path} was begun with {name} = {getattr(old, name)!r}"
                raise ValueError(f"{was}, not {value!r}; choose another -o")
        return progress

    def begin(self, progress: Any) -> None:
        """Write the card before the first row, without which the file would be a stranger's."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.keep(progress)

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Append rows."""
        with self.path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)

    def keep(self, progress: Any) -> None:
        """Write how far the file has got."""
        data = {"recipe": asdict(self.recipe), "progress": asdict(progress)}
        write_text(self.card, json.dumps(data, indent=2) + "\n")
