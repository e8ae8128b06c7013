"""Games of somebody else, whole and broken, and what is needed to play them."""

from __future__ import annotations

import math
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar

import gymnasium
from gymnasium.spaces import Text

from ludex.agents.players import Episode, InstantPlayer
from ludex.agents.rollout import Arena, Domain, Start
from ludex.core import Scale, Task, Trajectory, Turn
from ludex.envs.core import TextEnv
from ludex.rewards import verify

SCALE = Scale(("wrong", "right"), (0.0, 1.0), "right")
LETTERS = "abcd"


class Memory(gymnasium.Env[str, str]):
    """Shows a letter, then another; the action must always be the first. Written for nobody in particular."""

    made: ClassVar[list[Memory]] = []

    def __init__(self, turns: int = 2, ending: str = "terminated", success: bool = False):
        self.turns, self.ending, self.success = turns, ending, success
        self.observation_space = Text(20, min_length=0, charset=LETTERS)
        self.action_space = Text(20, min_length=0, charset=LETTERS)
        self.closed = False
        self.made.append(self)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        super().reset(seed=seed)
        self.first = LETTERS[int(self.np_random.integers(4))]
        self.left = self.turns
        return self.first, {"solution": [self.first] * self.turns}

    def step(self, action: str) -> tuple[str, Any, bool, bool, dict[str, Any]]:
        self.left -= 1
        over = self.left == 0
        info = {"is_success": action == self.first} if self.success else {"score": 10 * self.left}  # points, no Score
        other = LETTERS[int(self.np_random.integers(4))]
        return (
            other,
            float(action == self.first),
            over and self.ending == "terminated",
            over and self.ending != "never",
            info,
        )

    def close(self) -> None:
        self.closed = True


class Unhurried(Memory):
    """Episodes of 1 to 20 turns that take ten milliseconds each."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        observation, _ = super().reset(seed=seed)
        self.left = 1 + int(self.np_random.integers(20))
        return observation, {"solution": [self.first] * self.left}

    def step(self, action: str) -> tuple[str, Any, bool, bool, dict[str, Any]]:
        time.sleep(0.01)
        return super().step(action)


class Counting(gymnasium.Env[str, str]):
    """Says a, then b, c, d ...; the rules are told once."""

    observation_space = action_space = Text(10, charset=LETTERS)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[str, dict[str, Any]]:
        super().reset(seed=seed)
        self.at = 0
        return "a", {"system": "d", "solution": list("dcba")}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        self.at += 1
        return LETTERS[self.at % 4], 0.0, self.at == 4, False, {}


class Three:
    """A data set of three rows a split; an index past the end is an error, as in any list."""

    def __init__(self, name: str, *, seed: int = 0, split: str = "train"):
        self.name, self.seed, self.split = name, seed, split

    def at(self, *, seed: int | None = None, split: str | None = None) -> Three:
        return Three(self.name, seed=self.seed if seed is None else seed, split=split or self.split)

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Task:
        answer = ("123", "456", "789")[("train", "valid", "test").index(self.split)][index]
        info = {"solution": f"<answer>{answer}</answer>"}
        return Task(f"{self.split} {index}", int(answer), "integer", f"{self.name}/{self.split}/0/{index}", info=info)


class Panic(BaseException):
    """What Rust extensions raise, as a child of BaseException too."""


class Faulty(Memory):
    """Breaks in one way, in the episodes of `bad_seeds`."""

    hang: ClassVar[threading.Event] = threading.Event()
    bad_seeds: ClassVar[set[int]] = set()

    def __init__(self, fault: str):
        super().__init__()
        self.fault = fault

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        observation, info = super().reset(seed=seed)
        assert seed is not None
        self.bad = seed in self.bad_seeds
        if self.bad and self.fault.startswith("reset"):
            return self.break_reset()
        return observation, info

    def break_reset(self) -> tuple[Any, Any]:
        if self.fault == "reset raises":
            raise OSError("no board\nno game")
        if self.fault == "reset hangs":
            self.hang.wait(30)
        return (7, {}) if self.fault == "reset not text" else ("a", None)

    def step(self, action: str) -> Any:
        observation, reward, terminated, truncated, info = super().step(action)
        if not self.bad:
            return observation, reward, terminated, truncated, info
        if self.fault == "step raises":
            raise KeyError("lost piece")
        if self.fault == "step panics":
            raise Panic("the engine\nis gone")
        if self.fault == "step hangs":
            self.hang.wait(30)
        changes: dict[str, Any] = {
            "nan": (observation, math.nan, terminated, truncated, info),
            "inf": (observation, math.inf, terminated, truncated, info),
            "none": (observation, None, terminated, truncated, info),
            "error score": (observation, math.nan, True, False, {"score": SCALE.error("gold is broken")}),
            "not text": (None, reward, terminated, truncated, info),
            "four": (observation, reward, terminated, info),
            "odd success": (observation, reward, True, False, {"is_success": Vague()}),
        }
        return changes[self.fault]


class Vague:
    def __bool__(self) -> bool:
        raise ValueError("neither true nor false")


class Copier(InstantPlayer):
    """Answers with the first observation; remembers what it was shown."""

    def __init__(self, cheat: Callable[[Episode], str] | None = None):
        self.seen: list[str] = []
        self.cheat = cheat

    def _turn(self, episode: Episode) -> Turn:
        past = episode.trajectory.turns
        self.seen.append(episode.observation)
        text = self.cheat(episode) if self.cheat else past[0].observation if past else episode.observation
        return Turn(episode.observation, text)


def starts(groups: int, size: int = 1, split: str = "train", seed: int = 0, domain: int = 0) -> list[Start]:
    return [Start(domain, seed, split, g, g) for g in range(groups) for _ in range(size)]


@contextmanager
def registered(**environments: type[gymnasium.Env[Any, Any]] | Callable[..., Any]) -> Iterator[None]:
    """Environments under "foreign/NAME-v0", as any package would register its own."""
    for name, entry_point in environments.items():
        gymnasium.register(f"foreign/{name}-v0", entry_point, disable_env_checker=name == "faulty")
    Memory.made.clear()
    try:
        yield
    finally:
        for name in environments:
            del gymnasium.registry[f"foreign/{name}-v0"]


def play(domain: Domain, player: Any = None, n: int = 8, size: int = 1, **options: Any) -> list[Trajectory]:
    with closing(Arena([domain], **options)) as arena:
        return arena.play(starts(n, size), player or Copier())


class Apart(gymnasium.Env[str, str]):
    """Counts its steps over all episodes of its process, says in which process, and obeys a few actions."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": [], "concurrency": "process"}
    observation_space = action_space = Text(10, min_length=0, charset=LETTERS)
    steps: ClassVar[list[str]] = []

    def __init__(self, mark: str = ""):
        self.mark = mark

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[str, dict[str, Any]]:
        super().reset(seed=seed)
        return f"{os.getpid()} {len(self.steps)}", {"seed": seed}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        self.steps.append(action)
        if action == "hang":
            while True:  # nor does it listen to signals
                sum(range(1000))
        if action == "die":
            os._exit(3)
        if action == "exit":
            raise SystemExit("bye")
        if action == "raise":
            raise KeyError("lost\npiece")
        if action == "panic":
            raise Panic("gone")
        info = {"score": SCALE.score("right"), "lock": threading.Lock()} if action == "odd" else {}
        return f"{os.getpid()} {len(self.steps)}", math.nan if action == "nan" else 1.0, action == "end", False, info

    def close(self) -> None:
        if self.mark:
            Path(self.mark).write_text(f"closed in {os.getpid()}")


class Misspelt(Apart):
    metadata: ClassVar[dict[str, Any]] = {"concurrency": "proces"}


class Unstartable(Apart):
    """Cannot be made in a process of its own: as `fault` says it raises, or never comes to an end."""

    def __init__(self, fault: str = "raise"):
        super().__init__()
        if multiprocessing.parent_process() is None:
            return
        if fault == "raise":
            raise OSError("no display :0")
        while True:
            time.sleep(1)


class Endless(Memory):
    """Never answers an action; that it was given one, the file `mark` says."""

    def __init__(self, mark: str):
        super().__init__()
        self.mark = mark

    def step(self, action: str) -> Any:
        Path(self.mark).touch()
        while True:
            time.sleep(1)


class OwnTasks(TextEnv):
    """A multi-turn environment of ours, in a plug-in that wants processes."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": [], "concurrency": "process"}

    @staticmethod
    def generate(rng: Any, *, size: int = 4) -> Task:
        number = int(rng.integers(10**size))
        return Task(f"Say {number}.", number, "integer", info={"solution": f"<answer>{number}</answer>"})

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        score = verify(action, self.task)
        return str(os.getpid()), score.reward, True, False, {"score": score}
