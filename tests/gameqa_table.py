"""The tasks of GameQA by game: `number:kind level`, kinds P(erception), (prediction) F, S(trategy), levels E, M, H.

Taken from the 158 (game, question_id) pairs of its example data. Names are ours.
"""

INDOMAIN = {
    "maze-3d": "0:FH 1:FM 2:PE 3:FM",
    "rubiks-cube": "1:PE 2:FM 3:FH 4:SH 5:PE",
    "reconstruction": "0:PE 1:PE 2:PM 3:FM 4:FH 5:SH",
    "tangram": "1:PE 2:FM 3:PM 4:PM 5:FH",
    "freecell": "1:PE 2:FM 3:FH",
    "tetris": "0:PE 1:PE 2:FM 3:SH",
    "zuma": "1:PE 2:PE 3:PM 4:PM 5:FH 6:SH",
    "spider": "0:PE 1:PE 2:PE 3:FE 4:FM 5:FH 6:SH",
    "hue": "0:FH 1:PE 2:PM",
    "langton": "1:PE 2:FM 3:FH",
    "turing-2d": "0:FM 1:FM 2:FM 3:FM",
    "word-search": "0:PE 1:PM 2:PM",
    "tents": "0:PE 3:PE 4:PM 5:FM 6:FH 8:PE 9:FM",
    "rhythm": "1:PE 2:PE 3:FM 4:FM 5:FM 6:SH 7:SH",
    "star-battle": "1:FH 2:PE 3:PE 4:FM",
    "sokoban": "1:FM 2:FM 3:SH 4:PE 5:PE 6:SH",
    "maze": "1:PE 2:PE 3:SM 4:SH 5:PE 6:FM",
    "tictactoe": "1:PE 2:SM 3:SH",
    "ultra-tictactoe": "1:PE 2:PE 3:PE 4:PM 5:PM 6:FH 7:SH",
    "space-invaders": "1:PE 2:PE 3:PM 4:PM 5:FE 6:FE 7:FH 8:SM 9:SH",
}
HELDOUT = {
    "pyramid-chess": "0:PE 1:FM 2:FH 3:SH 4:PE 5:PM",
    "minecraft": "1:PE 2:PM 3:FM 4:FM 5:FH",
    "jewel2": "0:PE 1:PE 2:PE 3:FM 4:FM 5:FH 6:SH",
    "klondike": "1:PE 2:FM 3:SH",
    "sudoku": "1:PE 2:PE 3:FM 4:FM 5:FH",
    "life": "1:PE 2:FM 3:FM 4:FH",
    "minesweeper": "0:PE 1:PE 2:PE 3:PE 4:SH 5:SH",
    "snake": "0:PE 1:PE 2:PM 3:FH 4:SH",
    "chess-ranger": "1:FH 2:PM 3:PE 4:PE 5:SH",
    "pacman": "0:PE 1:PE 2:PE 3:FE 4:FH 5:FM 6:FM 7:FM 8:FM 9:SH",
}
KINDS = {"P": "perception", "F": "prediction", "S": "strategy"}
LEVELS = {"E": "easy", "M": "medium", "H": "hard"}


def tasks(line: str) -> dict[int, tuple[str, str]]:
    """Kind and level by number."""
    pairs = (item.split(":") for item in line.split())
    return {int(number): (KINDS[what[0]], LEVELS[what[1]]) for number, what in pairs}
