"""Guess: find a hidden number by asking, told only "higher" or "lower"; the smallest game of many turns."""

from __future__ import annotations

import re
from math import log2
from typing import Any

import numpy as np

from ludex.core import Scale, Task
from ludex.envs.core import TaskSource, TextEnv
from ludex.rewards.answers import read, whole_number

SCALE = Scale(("no answer", "malformed", "not found", "found"), (0.0, 0.05, 0.1, 1.0), "found")

SYSTEM = (
    "A whole number is hidden. Each turn, guess it: end your reply with <answer>number</answer>. "
    "You are told whether the hidden number is higher or lower. A reply without a readable guess costs a turn."
)

# A reply with one marker and no other "<" has only one reading, found here at a fifth of the cost of the general one.
_PLAIN = re.compile(r"[^<]*<answer>([0-9]{1,300})</answer>[^<]*").fullmatch


class Guess(TextEnv):
    """The number guessing game; bisection always wins it within the default number of turns.

    The episode pays once, at its end, what its Score pays: `found`, else the best
    that any reply was (`not found` for a readable wrong guess).

    Args:
        source: the tasks.
        dense: what the guesses of an episode pay together for narrowing the number
            down, shared out by the bits that each gains; at most 0.4, which keeps
            an unsuccessful episode below the threshold.

    Raises:
        ValueError: if `dense` is out of range.
    """

    def __init__(self, source: TaskSource, dense: float = 0.0):
        super().__init__(source)
        if not 0 <= dense <= 0.4:
            raise ValueError(f"guess: dense={dense} must lie between 0 and 0.4")
        self.dense = dense

    @staticmethod
    def generate(rng: np.random.Generator, *, largest: int = 100, turns: int = 0) -> Task:
        """Hide a number.

        Args:
            rng: the source of randomness.
            largest: the number lies between 1 and this.
            turns: how many guesses there are; 0 gives as many as bisection needs.

        Raises:
            ValueError: for an option out of range.
        """
        if not 2 <= largest <= 10**18 or turns < 0:
            raise ValueError(f"guess: largest={largest} must lie between 2 and 10**18, and turns={turns} not below 0")
        secret, turns = int(rng.integers(1, largest + 1)), turns or largest.bit_length()
        return Task(
            prompt=f"The hidden number lies between 1 and {largest}. You have {turns} guesses.",
            answer=secret,
            verifier="integer",
            info={
                "solution": bisection(secret, largest),
                "key": f"{secret}/{largest}",
                "largest": largest,
                "turns": turns,
            },
        )

    def begin(self) -> tuple[str, dict[str, Any]]:
        """Hide the task's number; `info["system"]` holds the rules."""
        self._secret, self._left = self.task.answer, self.task.info["turns"]
        self._low, self._high = 1, self.task.info["largest"]
        self._level = "no answer"  # the best that any reply was
        return self.task.prompt, {"system": SYSTEM}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Answer one guess. Running out of guesses is a rule of the game, so it terminates the episode."""
        plain = _PLAIN(action)
        guess = int(plain[1]) if plain else self._read(action)
        self._left -= 1
        if guess is None:
            hint = "I cannot read a guess."
        else:
            hint = "Higher." if guess < self._secret else "Lower." if guess > self._secret else "Found."
            self._level = "not found"
        gain = self._narrow(guess) if self.dense and guess is not None else 0.0
        if self._left > 0 and guess != self._secret:
            return f"{hint} Guesses left: {self._left}.", gain, False, False, {}
        score = SCALE.score("found" if guess == self._secret else self._level, f"the number was {self._secret}")
        return hint, score.reward + gain, True, False, {"score": score, "is_success": score.correct}

    def _read(self, action: str) -> int | None:
        """The guess in any reply; without one, notes how good the attempt was."""
        reading = read(action, self.task)
        guess = None if reading.text is None else whole_number(reading.text)
        if guess is None and self._level == "no answer":
            self._level = reading.level or "malformed"
        return guess

    def _narrow(self, guess: int) -> float:
        """Take in what the answer to `guess` tells; the pay for the bits gained."""
        before = self._high - self._low + 1
        if guess <= self._secret:
            self._low = max(self._low, guess + (guess < self._secret))
        if guess >= self._secret:
            self._high = min(self._high, guess - (guess > self._secret))
        return self.dense * log2(before / (self._high - self._low + 1)) / log2(self.task.info["largest"])


def bisection(secret: int, largest: int) -> list[str]:
    """The guesses that halve what is left until they hit `secret`, as responses."""
    low, high, responses = 1, largest, []
    while True:
        guess = (low + high) // 2
        responses.append(f"<answer>{guess}</answer>")
        if guess == secret:
            return responses
        low, high = (guess + 1, high) if guess < secret else (low, guess - 1)
