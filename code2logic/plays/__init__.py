"""The games that are played, `play-<game>-v0`: one small file each, with the rules of play on a game's own states."""

from __future__ import annotations

import re
from importlib import import_module

from ludex.code2logic.parts.grids import Place
from ludex.envs.game import Play
from ludex.lookup import suggest

PLAYS = (
    "2048",
    "chess-ranger",
    "hanoi",
    "lights-out",
    "mastermind",
    "maze",
    "minesweeper",
    "sliding",
    "sokoban",
    "space-invaders",
    "sudoku",
    "tents",
    "tictactoe",
    "ultra-tictactoe",
)

_CELL = re.compile(r"row (\d+), column (\d+)")


def load(name: str) -> Play:
    """The game of that name. ValueError suggests for an unknown one."""
    if name not in PLAYS:
        raise ValueError(f"no game {name!r} to play; {suggest(name, PLAYS)}")
    file = name.replace("-", "_").replace("2048", "twenty48")
    play: Play = import_module(f"ludex.code2logic.plays.{file}").play
    return play


def places_in(words: str) -> list[Place]:
    """The cells that a move names, counted from 0."""
    return [(int(row) - 1, int(column) - 1) for row, column in _CELL.findall(words)]
