"""How hard the games that are played are: the solver's wins on fresh starts, and a random player's in the environment.

python benchmarks/play_rates.py [GAME ...] [-n 100]

The solver's rate is before starts that it does not win from are drawn again; the random player takes legal moves only.
"""

from __future__ import annotations

import argparse
import random
import time

import ludex
from ludex.code2logic.game import DIFFICULTIES
from ludex.code2logic.plays import PLAYS, load


def solved(name: str, difficulty: str, opponent: str, n: int) -> tuple[int, float, float]:
    """Wins of the solver, its moves and its milliseconds a start."""
    play, rng = load(name), random.Random(1)
    starts = [play.start(rng, difficulty, opponent) for _ in range(n)]
    began = time.process_time()
    found = [play.solve(state) for state in starts]
    spent = time.process_time() - began
    won = [moves for moves in found if moves]
    return len(won), sum(map(len, won)) / max(1, len(won)), 1e3 * spent / n


def guessed(name: str, difficulty: str, opponent: str, n: int) -> int:
    """Wins of random legal moves within the turns of the environment."""
    env, rng, wins = ludex.make(f"play-{name}", difficulty=difficulty, opponent=opponent), random.Random(2), 0
    for index in range(n):
        _, info = env.reset(seed=1, options={"index": index})
        ended = False
        while not ended:
            _, _, terminated, truncated, info = env.step(f"<answer>{rng.choice(info['legal'])}</answer>")
            ended = terminated or truncated
        wins += info["is_success"]
    return wins


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("games", nargs="*", default=PLAYS, metavar="GAME")
    parser.add_argument("-n", type=int, default=100, help="starts a difficulty (default 100)")
    args = parser.parse_args()
    print("| game | difficulty | solver wins | its moves, mean | ms a start | random wins |\n|---|---|---|---|---|---|")
    for name in args.games:
        for opponent in load(name).opponents or ("",):
            for difficulty in DIFFICULTIES:
                wins, moves, spent = solved(name, difficulty, opponent, args.n)
                by_chance = guessed(name, difficulty, opponent, args.n)
                label = f"{name}, {opponent} opponent" if opponent else name
                row = f"{wins} of {args.n} | {moves:.1f} | {spent:.1f} | {by_chance} of {args.n}"
                print(f"| {label} | {difficulty} | {row} |", flush=True)


if __name__ == "__main__":
    main()
