"""The nouns that every room speaks: plain data, no torch, no I/O.

A Task is posed to a policy, its verifier returns a Score on a Scale, and an
episode against an environment is recorded as a Trajectory of Turns.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """Whether a Score is a verdict at all; an ERROR is masked, never paid."""

    OK = "ok"
    ERROR = "error"


class Stop(StrEnum):
    """Why an episode ended."""

    TERMINATED = "terminated"  # the environment said so
    TRUNCATED = "truncated"  # the environment's or the trainer's turn limit
    CONTEXT = "context"  # no room left for another response
    ENV_ERROR = "env_error"  # exception, time-out or broken gold: left out of training


@dataclass(frozen=True)
class Scale:
    """An ordinal scale: named levels, worst first, and what each one pays.

    Attributes:
        levels: names, worst first.
        pays: the reward of each level; explicit, because evenly spaced pays let
            a mean baseline reinforce a well-formed wrong answer.
        correct: the first level that counts as correct.

    Raises:
        ValueError: if the levels and pays do not describe an ordered scale.
    """

    levels: tuple[str, ...]
    pays: tuple[float, ...]
    correct: str

    def __post_init__(self) -> None:
        if len(self.levels) != len(self.pays) or len(set(self.levels)) != len(self.levels):
            raise ValueError(f"a scale needs one pay for each of its distinct levels, got {self}")
        if self.correct not in self.levels[1:]:
            raise ValueError(f"correct={self.correct!r} must be a level above the worst of {self.levels}")
        if any(a > b for a, b in zip(self.pays, self.pays[1:], strict=False)) or not all(map(math.isfinite, self.pays)):
            raise ValueError(f"pays must be finite and must not fall from level to level, got {self.pays}")
        if self.pays[self.rank(self.correct) - 1] >= self.pays[self.rank(self.correct)]:
            raise ValueError(f"level {self.correct!r} must pay more than the level below it, got {self.pays}")

    def rank(self, level: str) -> int:
        """Position of `level`, 0 for the worst; ValueError for an unknown one."""
        if level not in self.levels:
            raise ValueError(f"no level {level!r} among {', '.join(self.levels)}")
        return self.levels.index(level)

    @property
    def threshold(self) -> float:
        """Midpoint between the best failing pay and the first correct pay."""
        first = self.rank(self.correct)
        return (self.pays[first - 1] + self.pays[first]) / 2

    def score(self, level: str, why: str = "", parts: Mapping[str, float] | None = None) -> Score:
        """A verdict of `level` on this scale; ValueError for an unknown level."""
        self.rank(level)
        return Score(level, self, why, Status.OK, dict(parts or {}))

    def error(self, why: str) -> Score:
        """No verdict: the gold, a tool or an environment is broken."""
        return Score(None, self, why, Status.ERROR)


@dataclass(frozen=True)
class Score:
    """A verifier's verdict.

    Attributes:
        level: one of `scale.levels`; None when `status` is ERROR.
        why: one line for the log.
        status: ERROR only for a broken gold, a missing tool, a dead pool or an
            environment's exception. What the response caused is a level.
        parts: named components of a composed score.
    """

    level: str | None
    scale: Scale
    why: str = ""
    status: Status = Status.OK
    parts: dict[str, float] = field(default_factory=dict)

    @property
    def reward(self) -> float:
        """What the level pays; NaN for an ERROR, so that nobody can mistake it for a 0."""
        return math.nan if self.level is None else self.scale.pays[self.scale.rank(self.level)]

    @property
    def correct(self) -> bool:
        """Whether the level reaches the scale's first correct one."""
        return self.level is not None and self.scale.rank(self.level) >= self.scale.rank(self.scale.correct)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready summary for logs and tables."""
        return {
            "level": self.level,
            "reward": None if self.level is None else self.reward,
            "correct": self.correct,
            "why": self.why,
            "status": str(self.status),
            "parts": self.parts,
        }


@dataclass(frozen=True)
class Task:
    """One problem instance; JSON in, JSON out.

    Attributes:
        prompt: what the policy is told; it never contains the answer.
        answer: the gold, plain JSON data in the form that the verifier reads.
        verifier: a key of the table of verifiers, never an import path.
        id: "name?options/split/seed/index"; `ludex.task(id)` rebuilds the task.
        images: PNG bytes shown beside the prompt.
        info: `solution` (the worked solution as a response), `key` (canonical
            form of the problem, which decides its split), `form` ("answer" or
            "boxed", how the answer is marked), difficulty, family, ...
    """

    prompt: str
    answer: Any
    verifier: str
    id: str = ""
    images: tuple[bytes, ...] = ()
    info: dict[str, Any] = field(default_factory=dict)

    def with_(self, **changes: Any) -> Task:
        """A copy with some fields replaced."""
        return replace(self, **changes)

    def to_json(self) -> str:
        """One line of JSON; images in base64. TypeError names what JSON does not have."""
        data = {**asdict(self), "images": [base64.b64encode(i).decode() for i in self.images]}
        try:
            return json.dumps(data, ensure_ascii=False)
        except TypeError as error:
            raise TypeError(f"{self.id or 'the task'}: {_not_json(data) or error}") from None

    @classmethod
    def from_json(cls, line: str) -> Task:
        """The task written by `to_json`."""
        data = json.loads(line)
        return cls(**{**data, "images": tuple(base64.b64decode(i) for i in data["images"])})


def _not_json(value: Any, where: str = "") -> str:
    """Which part of `value` JSON does not have, and of what type it is; "" if all is well."""
    if isinstance(value, Mapping):
        found = (_not_json(child, f"{where}.{key}".lstrip(".")) for key, child in value.items())
    elif isinstance(value, list | tuple):
        found = (_not_json(child, f"{where}[{i}]") for i, child in enumerate(value))
    elif value is None or isinstance(value, str | int | float):
        return ""
    else:
        return f"{where} is of type {type(value).__name__}, which JSON does not have; convert it, as with int(...)"
    return next(filter(None, found), "")


@dataclass
class Turn:
    """One action of a policy; the token fields stay empty for policies without tokens.

    Attributes:
        observation: what the environment said before the action.
        text: the action, as given to `env.step`.
        reward: what `env.step` returned for it.
        cut: the response was ended by its length limit.
        prompt_ids: tokens of the whole context that the action was sampled after.
        action_ids: the sampled tokens, stop token included.
        logps: log-probability of each sampled token, in nats, as sampled.
    """

    observation: str
    text: str
    reward: float = 0.0
    cut: bool = False
    prompt_ids: list[int] = field(default_factory=list)
    action_ids: list[int] = field(default_factory=list)
    logps: list[float] = field(default_factory=list)


@dataclass
class Trajectory:
    """One episode.

    Attributes:
        task_id: names the task or the reset that the episode started from.
        group: episodes of one group started from the same reset.
        domain: index of the environment in a mix.
        score: the verdict on the episode, None if the environment gives none.
        correct: the score's, or a foreign environment's own notion of success.
        threshold: reward that separates failing from correct; NaN if unknown.
        stop: why the episode ended.
        error: the one line that explains an ENV_ERROR.
    """

    task_id: str
    group: int
    domain: int = 0
    turns: list[Turn] = field(default_factory=list)
    score: Score | None = None
    correct: bool = False
    threshold: float = math.nan
    stop: Stop = Stop.TERMINATED
    error: str = ""

    @property
    def reward(self) -> float:
        """Sum of the turns' rewards."""
        return math.fsum(turn.reward for turn in self.turns)

    @property
    def tokens(self) -> int:
        """Number of sampled tokens."""
        return sum(len(turn.action_ids) for turn in self.turns)
