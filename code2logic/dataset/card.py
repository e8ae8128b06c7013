"""What stands beside a data set's rows: the data card and a contact sheet of each game."""

from __future__ import annotations

import inspect
import json
import math
import random
import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ludex.code2logic.dataset.formats import Contents, dump, response
from ludex.code2logic.game import DIFFICULTIES, Game, state_data
from ludex.core import Task

CARD, SHEETS = "README.md", "sheets"
SHOWN = 3  # of the most frequent answers
LONGEST = 40  # characters of an answer in the table


@dataclass
class Tally:
    """The tasks of one question, counted."""

    levels: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    letters: Counter[str] = field(default_factory=Counter)


class Card:
    """Sees every task of a data set and then describes it."""

    def __init__(self, contents: Contents):
        self.contents = contents
        self.tallies: dict[tuple[str, str], Tally] = {}
        self.samples: dict[tuple[str, str, str], Task] = {}

    def add(self, task: Task) -> None:
        """Count a task; the first of each question and level is shown on the contact sheet."""
        info = task.info
        game, question = str(info.get("game", "")), str(info.get("question") or info.get("family") or "all")
        level = str(info.get("difficulty", ""))
        tally = self.tallies.setdefault((game, question), Tally())
        tally.levels[level] += 1
        tally.answers[content(task)] += 1
        if task.verifier == "choice":
            tally.letters[task.answer["letter"]] += 1
        if task.images and game in self.contents.games:
            self.samples.setdefault((game, question, level), task)

    def write(
        self, folder: Path, request: Mapping[str, Any], built: Mapping[str, int], speed: float, files: str
    ) -> None:
        """Write the card and the sheets into `folder`; `speed` is in tasks a CPU second, NaN if nothing was drawn."""
        parts = (
            head(self.contents, files),
            summary(request, built, speed),
            self._counts(),
            self._sheets(folder),
            *(states(game) for game in self._games()),
            LICENCE,
        )
        (folder / CARD).write_text("\n\n".join(filter(None, parts)) + "\n", encoding="utf-8")

    def _games(self) -> list[Game]:
        return [game for name, game in self.contents.games.items() if any(name == g for g, _ in self.tallies)]

    def _counts(self) -> str:
        columns = ["game", "question", *DIFFICULTIES, "other", "tasks", "most frequent answers", "most frequent letter"]
        rows = []
        for (game, question), tally in sorted(self.tallies.items()):
            levels = [tally.levels[level] for level in DIFFICULTIES]
            total = tally.levels.total()
            common = "; ".join(share(tally.answers, i) for i in range(min(SHOWN, len(tally.answers))))
            letter = share(tally.letters, 0) if tally.letters else ""
            rows.append([game, question, *levels, total - sum(levels), total, common, letter])
        for i in (8, 5, 4, 3, 2, 0):  # what no task has needs no column
            if not any(row[i] for row in rows):
                del columns[i]
                for row in rows:
                    del row[i]
        return "## Counts and balance\n\n" + table(columns, rows)

    def _sheets(self, folder: Path) -> str:
        lines = []
        for game in self._games():
            if any(game.name == name for name, _, _ in self.samples):
                from ludex.code2logic.sheet import of_tasks

                (folder / SHEETS).mkdir(exist_ok=True)
                shown = {(q, level): task for (name, q, level), task in self.samples.items() if name == game.name}
                of_tasks(game, shown).save(folder / SHEETS / f"{game.name}.png", compress_level=3)
                lines.append(f"- [{game.name}]({SHEETS}/{game.name}.png)")
        return "\n".join(["## Contact sheets", "", *lines]) if lines else ""


def content(task: Task) -> str:
    """The right answer: an option's text, what fills the gap, or the gold as JSON."""
    if task.verifier == "choice":
        return str(dict(zip("ABCDEFGHIJ", task.answer["options"], strict=False))[task.answer["letter"]])
    return response(task) if task.verifier == "fill" else dump(task.answer)


def share(counts: Counter[str], place: int) -> str:
    """The value at that place in the order of frequency, and its share."""
    value, n = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[place]
    return f"{value if len(value) <= LONGEST else value[: LONGEST - 3] + '...'} ({n / counts.total():.0%})"


def table(columns: list[str], rows: list[list[Any]]) -> str:
    """A table in Markdown."""
    cells = [[str(cell).replace("|", "\\|") for cell in row] for row in rows]
    lines = [columns, ["---"] * len(columns), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def head(contents: Contents, files: str) -> str:
    """The YAML that the Hugging Face hub reads, and the title."""
    category = "visual-question-answering" if contents.games else "text-generation"
    lines = [
        "---",
        "license: apache-2.0",
        "language: [en]",
        f"task_categories: [{category}]",
        "tags: [ludex, verifiable-rewards]",
        "configs:",
        "- config_name: default",
        "  data_files:",
        f"  - split: {contents.split}",
        f"    path: {json.dumps(files)}",
        "---",
        "",
        f"# {contents.id}, split {contents.split}",
    ]
    return "\n".join(lines)


def command(request: Mapping[str, Any]) -> str:
    """The command that writes this data set again, into `DIR`."""
    options = (f"{key}={value if isinstance(value, str) else dump(value)}" for key, value in request["options"].items())
    words = ["ludex", "data", "tasks", request["id"], *options, "-n", str(request["n"]), "-o", "DIR"]
    return shlex.join([*words, *(f"--{name}={request[name]}" for name in ("seed", "split", "format"))])


def summary(request: Mapping[str, Any], built: Mapping[str, int], speed: float) -> str:
    """Where the tasks come from, in a command and a few figures."""
    figures = [
        f"{built['tasks']:,} tasks from {built['draws']:,} draws; duplicates refused: {built['duplicates']:,}"
        + (f", draws broken off by the generator: {built['failed']:,}" if built["failed"] else "")
        + ".",
        "" if math.isnan(speed) else f"Drawn at {speed:,.0f} tasks per CPU second.",
        f"Made by Ludex {request['ludex']}; every answer is computed, and the same command gives the same bytes:",
    ]
    return " ".join(filter(None, figures)) + f"\n\n    {command(request)}"


def states(game: Game) -> str:
    """What a game's state holds, in the words of its own documentation."""
    state = type(game.start(random.Random(0), game.sizes["easy"]))
    said = [inspect.cleandoc(state.__doc__ or "")]
    if game.to_data is not state_data:
        said.append(inspect.cleandoc(game.to_data.__doc__ or ""))
    fields = ", ".join(f"`{name}`" for name in game.to_data(game.start(random.Random(0), game.sizes["easy"])))
    return f"## The state of {game.name}\n\nFields: {fields}.\n\n" + "\n\n".join(filter(None, said))


LICENCE = """## Licence

The generator and what it writes are under Apache-2.0."""
