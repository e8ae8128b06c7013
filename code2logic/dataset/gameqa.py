"""A data set of games in GameQA's own layout, for programs that were written to read that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ludex.code2logic.dataset.formats import Contents, Format, put, response, state_text
from ludex.core import Task
from ludex.rewards.choice import LETTERS


class GameQA(Format):
    """`data.json`, `images/` and `states/` with GameQA's field names; a mix has a folder `<game>_dataset` a game."""

    def __init__(self, folder: Path, contents: Contents, total: int):
        super().__init__(folder, contents, total)
        self.files: dict[str, Any] = {}
        self.counts = dict.fromkeys(contents.games, 0)

    @staticmethod
    def check(contents: Contents) -> None:
        """ValueError if the tasks are not a game's."""
        if not contents.games:
            raise ValueError(f"--format gameqa is for games, which {contents.id} is not; take parquet or jsonl")

    @staticmethod
    def names(contents: Contents) -> set[str]:
        """The folders of a mix's games, or what one game's folder holds."""
        return set(map(gameqa_folder, contents.games)) if contents.mixed else {"data.json", "images", "states"}

    @staticmethod
    def data_files(contents: Contents) -> str:
        """A file a game."""
        return "*_dataset/data.json" if contents.mixed else "data.json"

    def write(self, position: int, task: Task) -> None:
        """Add an entry to the game's array, and the files that it names."""
        game = task.info["game"]
        folder = self.folder / gameqa_folder(game) if self.contents.mixed else self.folder
        self.counts[game] += 1
        stem = f"{self.counts[game]:05}"
        if game not in self.files:
            folder.mkdir(exist_ok=True)
            self.files[game] = (folder / "data.json").open("w", encoding="utf-8")
        image = put(folder, f"images/{stem}.png", task.images[0]) if task.images else None
        state = put(folder, f"states/{stem}.json", state_text(task.info["state"]))
        entry = gameqa_entry(f"{game}-{stem}-{task.info['question']}", task, image, state)
        self.files[game].write(("[\n" if self.counts[game] == 1 else ",\n") + json.dumps(entry, ensure_ascii=False))

    def close(self) -> None:
        """Close the arrays."""
        for file in self.files.values():
            file.write("\n]\n")
            file.close()


QA_TYPES = {
    "perception": "Target Perception",
    "prediction": "State Prediction",
    "strategy": "Strategy Optimization",
}


def gameqa_folder(game: str) -> str:
    """The folder of a game in a mix."""
    return f"{game.replace('-', '_')}_dataset"


def gameqa_entry(data_id: str, task: Task, image: str | None, state: str) -> dict[str, Any]:
    """A task under GameQA's field names: levels capitalised, answers as text, letters for options."""
    info = task.info
    entry = {
        "data_id": data_id,
        "qa_type": QA_TYPES[info["kind"]],
        "question_id": info["number"],
        "question_description": info["question"].replace("_", " "),
        "image": image,
        "state": state,
        "plot_level": info["difficulty"].capitalize(),
        "qa_level": info["qa_level"].capitalize(),
        "question": task.prompt,
        "answer": response(task),
        "analysis": info["why"],
    }
    if task.verifier == "choice":
        options = task.answer["options"]
        entry["options"] = [f"{letter}. {text}" for letter, text in zip(LETTERS, options, strict=False)]
    return entry
