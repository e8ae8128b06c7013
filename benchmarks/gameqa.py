"""Visual questions per CPU second, of every game and question, with the picture (PNG) and in words.

Every question is drawn equally often, from its train split at all levels and in all styles, in this one
process; the draws of one question follow each other. Beside a game's rates stand those that the original
generators had on a machine of the same kind (one image there carries up to ten questions).

    python benchmarks/gameqa.py [--draws 30] [game ...]
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from typing import Any

from rich.console import Console
from rich.table import Table
from trainer import write

import ludex
from ludex.code2logic.games import GAMES, load

BARS = {"overall": 100, "slowest": 10, "text": 1000}  # questions a CPU second
SHOWN = 10  # of the slowest questions

# Questions and images of the original generators per CPU second, start-up included: Game-RL of 2026-06-01,
# Python 3.11 with the newest libraries, one process, two busy cores. None: it did not end.
ORIGINAL: dict[str, tuple[float | None, float]] = {
    "chess-ranger": (11, 11),
    "freecell": (8.9, 3.0),
    "hue": (68, 68),
    "jewel2": (12, 1.2),
    "klondike": (27, 27),
    "langton": (225, 75),
    "life": (101, 101),
    "maze": (124, 20),
    "maze-3d": (4.7, 4.7),
    "minecraft": (1.1, 1.1),
    "minesweeper": (543, 90),
    "pacman": (262, 26),
    "pyramid-chess": (1.3, 1.3),
    "reconstruction": (15, 2.4),
    "rhythm": (167, 24),
    "rubiks-cube": (7.4, 1.7),
    "snake": (None, 0.3),
    "sokoban": (9.5, 2.5),
    "space-invaders": (75, 4.2),
    "spider": (442, 44),
    "star-battle": (15, 7.7),
    "sudoku": (186, 37),
    "tangram": (1.1, 1.1),
    "tents": (9.3, 1.3),
    "tetris": (1.75, 1.75),
    "tictactoe": (292, 97),
    "turing-2d": (7.2, 7.2),
    "ultra-tictactoe": (219, 31),
    "word-search": (30, 30),
    "zuma": (21, 3.4),
}

Costs = dict[tuple[str, str], dict[str, float]]  # CPU seconds a question: by game and question, then "image" and "text"


def measure(games: list[str], draws: int) -> Costs:
    """The mean costs of every question of the games."""
    costs: Costs = {}
    for game in games:
        for question in load(game).questions:
            costs[game, question] = {seen: cost(game, question, seen, draws) for seen in ("image", "text")}
    return costs


def cost(game: str, question: str, observation: str, draws: int) -> float:
    """CPU seconds a draw; one more is drawn first, which loads fonts and fills caches of sprites."""
    source = ludex.task_source(f"gameqa-{game}", question=question, observation=observation)
    source[draws]
    start = time.process_time()
    for index in range(draws):
        source[index]
    return (time.process_time() - start) / draws


def rate(costs: list[float]) -> float:
    """Questions a CPU second, where each of these costs occurs equally often."""
    return len(costs) / sum(costs)


def by_game(costs: Costs) -> dict[str, dict[str, Any]]:
    """Each game's rates, and the original's."""
    found: dict[str, dict[str, Any]] = {}
    mine: defaultdict[str, list[dict[str, float]]] = defaultdict(list)
    for (game, _), both in costs.items():
        mine[game].append(both)
    for game, rows in mine.items():
        questions, images = ORIGINAL.get(GAMES[game].original, (None, None))
        found[game] = {
            "with_png": rate([row["image"] for row in rows]),
            "text": rate([row["text"] for row in rows]),
            "original_questions": questions,
            "original_images": images,
        }
    return found


def summary(costs: Costs) -> dict[str, Any]:
    """Every figure that is printed and kept."""
    rates = {f"{game} {question}": 1 / both["image"] for (game, question), both in costs.items()}
    return {
        "overall": rate([both["image"] for both in costs.values()]),
        "text": rate([both["text"] for both in costs.values()]),
        "slowest": dict(sorted(rates.items(), key=lambda item: item[1])[:SHOWN]),
        "games": by_game(costs),
    }


def show(found: dict[str, Any], tasks: int, draws: int, console: Console) -> None:
    """The tables and the bars."""
    table = Table(title=f"questions per CPU second, {tasks} questions x {draws} draws")
    for column in ("game", "with PNG", "text", "original: images", "questions", "images, ratio"):
        table.add_column(column, justify="left" if column == "game" else "right", no_wrap=True)
    for game, row in found["games"].items():
        theirs = row["original_images"]
        table.add_row(
            game,
            f"{row['with_png']:,.0f}",
            f"{row['text']:,.0f}",
            f"{theirs:g}" if theirs else "",
            f"{row['original_questions']:g}" if row["original_questions"] else "",
            f"{row['with_png'] / theirs:,.1f} x" if theirs else "",
        )
    console.print(table)
    console.print("slowest:", ", ".join(f"{name} {speed:,.0f}/s" for name, speed in found["slowest"].items()))
    for line in verdicts(found):
        console.print(line)


def verdicts(found: dict[str, Any]) -> list[str]:
    """The bars, and whether they are met."""
    original = {game: row["original_images"] for game, row in found["games"].items() if row["original_images"]}
    behind = [game for game, theirs in original.items() if found["games"][game]["with_png"] <= theirs]
    ahead = f"images/s ahead of the original on {len(original) - len(behind)} of {len(original)} games"
    slowest = min(found["slowest"].values())
    bars = [
        (f"overall with PNG {found['overall']:,.0f}/s, bar {BARS['overall']}", found["overall"] >= BARS["overall"]),
        (f"slowest question {slowest:,.1f}/s, bar {BARS['slowest']}", slowest >= BARS["slowest"]),
        (f"in words {found['text']:,.0f}/s, bar {BARS['text']:,}", found["text"] >= BARS["text"]),
        (ahead + (f", not on {', '.join(behind)}" if behind else ""), not behind),
    ]
    return [f"{'met   ' if met else 'missed'} {text}" for text, met in bars]


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("games", nargs="*", metavar="game", help="default: all")
    parser.add_argument("--draws", type=int, default=30)
    args = parser.parse_args()
    costs = measure(args.games or list(GAMES), args.draws)
    found = summary(costs)
    show(found, len(costs), args.draws, Console(highlight=False, width=120))
    if not args.games:
        print("written to", write("gameqa", {"draws": args.draws, "questions": len(costs), **found}).name)


if __name__ == "__main__":
    main()
