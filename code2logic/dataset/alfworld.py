"""Household games in the folders that ALFWorld itself loads."""

from __future__ import annotations

from ludex.code2logic.dataset.formats import Contents, Format
from ludex.core import Task
from ludex.envs.alfworld import export
from ludex.envs.alfworld.world import FOLDERS, World

ROOT = "json_2.1.1"


class Alfworld(Format):
    """`json_2.1.1/<split>/<type>-<thing>-None-<place>-<room>/trial_.../` with the three files of each game."""

    @staticmethod
    def check(contents: Contents) -> None:
        """ValueError for other tasks; MissingExtra without ALFWorld's wheel, whose grammar each game carries."""
        if contents.id != "alfworld-v0":
            raise ValueError(f"--format alfworld is for alfworld-v0, which {contents.id} is not")
        export.official_logic()

    @staticmethod
    def names(contents: Contents) -> set[str]:
        """The one folder."""
        return {ROOT}

    @staticmethod
    def data_files(contents: Contents) -> str:
        """A file a game."""
        return f"{ROOT}/{FOLDERS[contents.split]}/*/*/game.tw-pddl"

    def write(self, position: int, task: Task) -> None:
        """Write the game's folder."""
        world, info = World.from_data(task.answer["world"]), task.info
        split = self.folder / ROOT / FOLDERS[self.contents.split]
        export.write(world, info["task_type"], info["room"], f"trial_{position:06}", split)

    def close(self) -> None:
        """Every game was whole when it was written."""
