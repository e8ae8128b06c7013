"""Environments that each break one rule of the contract, and sound ones beside them."""

from __future__ import annotations

import itertools
import time
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Discrete

import ludex
from ludex.core import Score, Task
from ludex.envs.core import TaskEnv, TaskSource
from ludex.envs.spaces import FreeText
from ludex.rewards import answers


def sound(rng: np.random.Generator, *, largest: int = 10_000) -> Task:
    """Breaks nothing."""
    n = int(rng.integers(largest))
    return Task(
        f"What comes after {n}?", n + 1, "integer", info={"solution": f"<answer>{n + 1}</answer>", "key": str(n)}
    )


# --- tasks

counter = itertools.count()


def counts_calls(rng: np.random.Generator) -> Task:
    n = next(counter)
    return sound(rng).with_(prompt=f"Call {n}.")


def salted(rng: np.random.Generator) -> Task:
    return sound(rng).with_(prompt=f"What is {hash('text')}?")


class Shifted(TaskSource):
    """Seeds that are offsets."""

    def __init__(self, name: str, *, seed: int = 0, split: str = "train"):
        super().__init__(name, sound, seed=seed, split=split)

    def at(self, *, seed: int | None = None, split: str | None = None) -> Shifted:
        return Shifted(self.name, seed=self.seed if seed is None else seed, split=split or self.split)

    def _rng(self, index: int) -> np.random.Generator:
        return np.random.default_rng(self.seed + index)


def nonce_key(rng: np.random.Generator) -> Task:
    task = sound(rng, largest=50)
    return task.with_(info={**task.info, "key": str(rng.random())})


def wrong_solution(rng: np.random.Generator) -> Task:
    task = sound(rng)
    return task.with_(info={**task.info, "solution": f"<answer>{task.answer + (task.answer % 7 == 0)}</answer>"})


def no_solution(rng: np.random.Generator) -> Task:
    return sound(rng).with_(info={})


def tuple_answer(rng: np.random.Generator) -> Task:
    task = sound(rng)
    return task.with_(info={**task.info, "span": (1, 2)})


class SloppyIds(TaskSource):
    """Ids that do not say which task it is."""

    def __init__(self, name: str, *, seed: int = 0, split: str = "train"):
        super().__init__(name, sound, seed=seed, split=split)

    def task_id(self, index: int) -> str:
        return super().task_id(0)


def shows_answer(rng: np.random.Generator) -> Task:
    task = sound(rng)
    return task.with_(prompt=f"{task.prompt} (It is {task.answer}.)")


class SwallowsOptions(TaskSource):
    """Misspelt options go unnoticed."""

    def __init__(self, name: str, *, seed: int = 0, split: str = "train", **options: Any):
        super().__init__(name, sound, seed=seed, split=split)


# --- verifiers


def judged(verifier: str):
    def generate(rng: np.random.Generator) -> Task:
        return sound(rng).with_(verifier=verifier)

    return generate


def pays_silence(response: str, task: Task) -> Score:
    score = answers.integer(response, task)
    return answers.SCALE.score("wrong") if score.level == "no answer" else score


def last_marker(response: str, task: Task) -> Score:
    found = [text for text in answers.tagged(response) if text is not None]
    return answers.integer(f"<answer>{found[-1]}</answer>" if found else "", task)


def runs_code(response: str, task: Task) -> Score:
    if "__import__" in response:
        eval(response.removeprefix("<answer>").removesuffix("</answer>"))
    return answers.integer(response, task)


def raises(response: str, task: Task) -> Score:
    if "(" * 1000 in response:
        raise RecursionError("too deep")
    return answers.integer(response, task)


def believes(response: str, task: Task) -> Score:
    return answers.SCALE.score("correct") if "correct" in response else answers.integer(response, task)


def hangs(response: str, task: Task) -> Score:
    if "9**9" in response:
        time.sleep(60)
    return answers.integer(response, task)


for verifier in (pays_silence, last_marker, runs_code, raises, believes, hangs):
    ludex.register_verifier(verifier.__name__, verifier)

silence, lenient, evaluator = judged("pays_silence"), judged("last_marker"), judged("runs_code")
raiser, believer, sleeper = judged("raises"), judged("believes"), judged("hangs")


# --- environments


class Door(gymnasium.Env[str, str]):
    """Sound, and a stranger to Ludex: say the word that is shown."""

    observation_space = FreeText()
    action_space = FreeText()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        super().reset(seed=seed)
        self.word = f"word{self.np_random.integers(100)}"
        return self.word, {"solution": [self.word]}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        opened = action == self.word
        return "", float(opened), True, False, {"is_success": opened}


class DeafDoor(Door):
    """Never opens."""

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        return "", 0.0, True, False, {"is_success": False}


class OpenDoor(Door):
    """Opens to anything."""

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        return "", 1.0, True, False, {"is_success": True}


class FragileDoor(Door):
    """Breaks on what models write."""

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        action.encode("utf-8")
        return super().step(action)


class ButtonDoor(Door):
    """Wants a number."""

    action_space = Discrete(2)


class NumberDoor(Door):
    """Shows what its space does not hold."""

    def reset(self, **arguments: Any) -> Any:
        _, info = super().reset(**arguments)
        return 7, info


class LockedDoor(Door):
    """Holds something that cannot be pickled."""

    def __init__(self) -> None:
        self.key = lambda word: word


class ForgetfulDoor(Door):
    """Its state lies outside of it."""

    calls = itertools.count()

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        return str(next(self.calls)), 0.0, True, False, {"is_success": False}


class IgnoresOptions(TaskEnv):
    """Always goes on to the next task."""

    generate = staticmethod(sound)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        return super().reset(seed=seed)
