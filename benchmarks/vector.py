"""Steps per second of ludex/guess-v0 against the same game as a plain Gymnasium environment.

Both run through `gymnasium.make_vec` with 64 environments in one process, in
interleaved rounds; the medians of the rounds' CPU rates are compared.

Long episodes: 1000 guesses each, so that next to nothing but `step` is measured.
As played: 7 guesses and a reset, against two twins. The one with tasks gives the
same information as Ludex does (numbered tasks, id, worked solution, Score); the bare
one draws a number and says nothing else, so the difference is what that costs.

    python benchmarks/vector.py [--rounds 21] [--steps 400] [--envs 64]
"""

from __future__ import annotations

import argparse
import re
import time
from statistics import median
from typing import Any

import gymnasium
from rich.console import Console
from rich.table import Table

import ludex
from ludex.envs.guess import SCALE, SYSTEM
from ludex.envs.spaces import FreeText

BAR = 0.95
ANSWER = re.compile(r"<answer>\s*([-+]?[0-9]{1,300})\s*</answer>")


class PlainGuess(gymnasium.Env[str, str]):
    """The twin: nothing of Ludex but the text space and the wording of the rules."""

    observation_space = FreeText()
    action_space = FreeText()

    def __init__(self, largest: int = 100, turns: int = 7):
        self.largest, self.turns = largest, turns

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Hide a number."""
        super().reset(seed=seed)
        self.secret = int(self.np_random.integers(1, self.largest + 1))
        self.left = self.turns
        prompt = f"The hidden number lies between 1 and {self.largest}. You have {self.turns} guesses."
        return prompt, {"system": SYSTEM}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Answer a guess."""
        self.left -= 1
        found = ANSWER.findall(action)
        guess = int(found[0]) if len(found) == 1 else None
        if guess == self.secret:
            return "Found.", 1.0, True, False, {"is_success": True}
        hint = "I cannot read a guess." if guess is None else "Higher." if guess < self.secret else "Lower."
        if self.left:
            return f"{hint} Guesses left: {self.left}.", 0.0, False, False, {}
        return hint, 0.0, True, False, {"is_success": False}


class PlainGuessWithTasks(PlainGuess):
    """The twin with the numbered tasks and the information that Ludex gives."""

    def __init__(self) -> None:
        super().__init__()
        self.source, self.index = ludex.task_source("guess"), -1

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Take the next task."""
        if seed is not None:
            self.source, self.index = ludex.task_source("guess", seed=seed), -1
        self.index += 1
        task = self.source[self.index]
        self.secret, self.left = task.answer, self.turns
        return task.prompt, {"system": SYSTEM, "task_id": task.id, "solution": task.info["solution"]}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Answer a guess; the last with a Score."""
        observation, reward, ended, cut, info = super().step(action)
        if ended:
            score = SCALE.score("found" if reward else "not found")
            return observation, score.reward, ended, cut, {"score": score, "is_success": score.correct}
        return observation, reward, ended, cut, info


gymnasium.register(id="plain/guess-v0", entry_point=PlainGuess)
gymnasium.register(id="plain/guess-with-tasks-v0", entry_point=PlainGuessWithTasks)

# The order in which bisection would ask, without listening to the answers; and what finds nothing.
PLAYED = [f"I try <answer>{n}</answer>" for n in (50, 25, 75, 12, 37, 62, 88, 6)]
LONG = ["I try <answer>101</answer>"]


def rate(vector: Any, guesses: list[str], steps: int) -> float:
    """Environment steps per CPU second over `steps` vector steps."""
    n = vector.num_envs
    batches = [(guess,) * n for guess in guesses]
    start = time.process_time()
    for i in range(steps):
        vector.step(batches[i % len(batches)])
    return n * steps / (time.process_time() - start)


def compare(
    twin: str, options: dict[str, int], guesses: list[str], args: argparse.Namespace
) -> tuple[float, float, float]:
    """Median rates of Ludex and of the twin, and the median of the rounds' ratios."""
    pair = [gymnasium.make_vec(name, num_envs=args.envs, **options) for name in ("ludex/guess-v0", twin)]
    for vector in pair:
        vector.reset(seed=0)
    rounds = []
    for i in range(args.rounds + 1):
        order = (0, 1) if i % 2 else (1, 0)  # neither always runs first
        found = {which: rate(pair[which], guesses, args.steps) for which in order}
        rounds.append((found[0], found[1], found[0] / found[1]))
    ours, plain, ratios = zip(*rounds[1:], strict=True)  # the first round warms up
    return median(ours), median(plain), median(ratios)


def main() -> None:
    """Measure, print, and say whether the bar is met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--envs", type=int, default=64)
    args = parser.parse_args()
    table = Table(title=f"environment steps per CPU second, {args.envs} environments, median of {args.rounds} rounds")
    for column in ("", "ludex/guess-v0", "plain twin", "ratio", f"bar {BAR}"):
        table.add_column(column, justify="left" if not column else "right")
    for name, twin, options, guesses in (
        ("long episodes, bare twin", "plain/guess-v0", {"turns": 1000}, LONG),
        ("as played, twin with tasks", "plain/guess-with-tasks-v0", {}, PLAYED),
        ("as played, bare twin", "plain/guess-v0", {}, PLAYED),
    ):
        ours, plain, ratio = compare(twin, options, guesses, args)
        table.add_row(name, f"{ours:,.0f}", f"{plain:,.0f}", f"{ratio:.3f}", "met" if ratio >= BAR else "missed")
    Console().print(table)


if __name__ == "__main__":
    main()
