"""The table of games: what each is called in GameQA, and whether its tasks are trained on or held out.

GameQA trains on 20 games ("in-domain") and holds 10 out; the mixes
`gameqa-indomain-v0` and `gameqa-heldout-v0` follow it. A game of our own has no
original and belongs to neither mix.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from ludex.code2logic.game import Game, Mix
from ludex.lookup import suggest


@dataclass(frozen=True)
class Row:
    """A game's name in GameQA ("" for our own), and its mix: "indomain", "heldout" or ""."""

    original: str
    mix: str


GAMES: dict[str, Row] = {
    "chess-ranger": Row("chess-ranger", "heldout"),
    "dice-roll": Row("", ""),
    "freecell": Row("freecell", "indomain"),
    "hanoi": Row("", ""),
    "hue": Row("hue", "indomain"),
    "jewel2": Row("jewel2", "heldout"),
    "klondike": Row("klondike", "heldout"),
    "langton-ant": Row("langton", "indomain"),
    "lifegame": Row("life", "heldout"),
    "lights-out": Row("", ""),
    "mastermind": Row("", ""),
    "maze": Row("maze", "indomain"),
    "maze-3d": Row("maze-3d", "indomain"),
    "minecraft": Row("minecraft", "heldout"),
    "minesweeper": Row("minesweeper", "heldout"),
    "pacman": Row("pacman", "heldout"),
    "pyramid-chess": Row("pyramid-chess", "heldout"),
    "reconstruction": Row("reconstruction", "indomain"),
    "rhythm": Row("rhythm", "indomain"),
    "rubiks-cube": Row("rubiks-cube", "indomain"),
    "snake": Row("snake", "heldout"),
    "sokoban": Row("sokoban", "indomain"),
    "space-invaders": Row("space-invaders", "indomain"),
    "spider": Row("spider", "indomain"),
    "star-battle": Row("star-battle", "indomain"),
    "sudoku": Row("sudoku", "heldout"),
    "tangram": Row("tangram", "indomain"),
    "tents": Row("tents", "indomain"),
    "tetris": Row("tetris", "indomain"),
    "tictactoe": Row("tictactoe", "indomain"),
    "turing": Row("turing-2d", "indomain"),
    "ultra-tictactoe": Row("ultra-tictactoe", "indomain"),
    "word-search": Row("word-search", "indomain"),
    "zuma": Row("zuma", "indomain"),
}


def load(name: str) -> Game:
    """The game of that name, from `games/<name>.py`. ValueError suggests for an unknown one."""
    if name not in GAMES:
        raise ValueError(f"no game {name!r}; {suggest(name, GAMES)}")
    game: Game = import_module(f"ludex.code2logic.games.{name.replace('-', '_')}").game
    return game


def __getattr__(name: str) -> Mix:
    """`indomain` and `heldout`, built when they are asked for."""
    names = [game for game, row in GAMES.items() if row.mix and row.mix == name]
    if not names:
        raise AttributeError(f"module {__name__} has no attribute {name!r}")
    return Mix([load(game) for game in names])
