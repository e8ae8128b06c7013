"""Environments to trajectories: any `gymnasium.Env` with text observations and free-text actions.

A group is several copies of an environment reset to the same task. An
environment that raises, hangs or returns a reward that is no number costs its
own episode (stop ENV_ERROR) and nothing else.
"""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Callable, Sequence, Sized
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ludex.agents.players import Episode, Player
from ludex.core import Score, Status, Stop, Trajectory, Turn
from ludex.envs.core import SPLITS, TextEnv
from ludex.envs.registry import make


@dataclass(frozen=True)
class Domain:
    """One environment of a mix.

    Attributes:
        id: a Ludex id, "module:attribute" or any Gymnasium id.
        weight: its share of the groups.
        success_at: episode reward from which a foreign environment's episode counts as correct.
        options: keyword options of the environment.
    """

    id: str
    weight: float = 1.0
    success_at: float = math.nan
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """The id and its options, as the command line takes them."""
        return " ".join([self.id, *(f"{name}={value}" for name, value in self.options.items())])

    def __post_init__(self) -> None:
        if not 0 < self.weight < math.inf:
            raise ValueError(f"weight={self.weight} must be a positive number")


@dataclass(frozen=True)
class Start:
    """Where an episode begins: task `index` of `split` in stream `seed` of a domain, for a group."""

    domain: int
    seed: int
    split: str
    index: int
    group: int


class EnvTimeout(Exception):
    """An environment did not answer within the limit."""


class Worker:
    """Calls functions on a thread of its own, so that a call can be given up.

    A thread that hangs is abandoned (it cannot be killed) and replaced.
    """

    def __init__(self, limit_s: float):
        self.limit_s = limit_s
        self._calls: queue.SimpleQueue[Any] | None = None

    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """`function(...)`, or EnvTimeout; without a limit it runs in the calling thread."""
        if not self.limit_s:
            return function(*args, **kwargs)
        if self._calls is None:
            self._calls = queue.SimpleQueue()
            threading.Thread(target=_serve, args=(self._calls,), daemon=True, name="ludex-env").start()
        answer: queue.SimpleQueue[tuple[bool, Any]] = queue.SimpleQueue()
        self._calls.put((answer, function, args, kwargs))
        try:
            ok, result = answer.get(timeout=self.limit_s)
        except queue.Empty:
            self.close()  # should the call ever return, its thread ends
            raise EnvTimeout(f"no answer within {self.limit_s:g} s") from None
        if not ok:
            raise result
        return result

    def close(self) -> None:
        """Let the thread end."""
        if self._calls is not None:
            self._calls.put(None)
            self._calls = None


def _serve(calls: queue.SimpleQueue[Any]) -> None:
    while (call := calls.get()) is not None:
        answer, function, args, kwargs = call
        try:
            answer.put((True, function(*args, **kwargs)))
        except Exception as error:
            answer.put((False, error))


class Arena:
    """The environments of a mix, kept from rollout to rollout.

    Args:
        domains: the environments.
        max_turns: responses before an episode counts as truncated.
        timeout_s: limit of one reset or step; 0 for none.

    Raises:
        UnknownName, MissingExtra, TypeError: for an environment that cannot be made, before anything is played.
    """

    def __init__(self, domains: Sequence[Domain], *, max_turns: int = 50, timeout_s: float = 60.0):
        self.domains, self.max_turns = list(domains), max_turns
        self._worker = Worker(timeout_s)
        self._idle = [[make(domain.id, **domain.options)] for domain in domains]
        self._base = [getattr(idle[0].unwrapped, "source", None) if _is_ours(idle[0]) else None for idle in self._idle]
        self._sources: dict[tuple[int, int, str], Any] = {}

    def play(self, starts: Sequence[Start], player: Player) -> list[Trajectory]:
        """One trajectory for each start, in order; all episodes take their turns together."""
        episodes = [self._begin(start) for start in starts]
        live = [episode for episode in episodes if episode.env is not None]
        while live:
            for episode, turn in zip(live, player.act(live), strict=True):
                self._advance(episode, turn)
            live = [episode for episode in live if episode.env is not None]
        return [episode.trajectory for episode in episodes]

    def source(self, domain: int, seed: int, split: str) -> Any:
        """The tasks of a Ludex environment, one object for all of its copies; None for a foreign environment."""
        base, key = self._base[domain], (domain, seed, split)
        if base is not None and key not in self._sources:
            self._sources[key] = base.at(seed=seed, split=split)
        return self._sources.get(key)

    def close(self) -> None:
        """Close every environment that waits for its next episode."""
        for env in (env for idle in self._idle for env in idle):
            self._close(env)
        self._idle = [[] for _ in self.domains]
        self._worker.close()

    def _begin(self, start: Start) -> Episode:
        domain = self.domains[start.domain]
        trajectory = Trajectory(f"{domain.id}/{start.split}/{start.seed}/{start.index}", start.group, start.domain)
        episode = Episode(None, "", {}, trajectory)
        try:
            idle = self._idle[start.domain]
            episode.env = idle.pop() if idle else make(domain.id, **domain.options)
            observation, episode.info = self._worker.call(self._reset, episode.env, start)
            episode.observation = _text(observation, domain.id)
            trajectory.task_id = str(episode.info.get("task_id", trajectory.task_id))
        except Exception as error:
            self._fail(episode, error)
        return episode

    def _reset(self, env: Any, start: Start) -> tuple[Any, dict[str, Any]]:
        """A Ludex environment is reset to the very task, any other one by a seed drawn from the same four facts."""
        if _is_ours(env):
            env.unwrapped.source = source = self.source(start.domain, start.seed, start.split)
            index = start.index % len(source) if isinstance(source, Sized) else start.index  # a data set starts over
            return env.reset(options={"index": index, "split": start.split})
        where = (SPLITS.index(start.split), start.index)
        seed = int(np.random.SeedSequence(start.seed, spawn_key=where).generate_state(1)[0]) & 0x7FFFFFFF
        return env.reset(seed=seed)

    def _advance(self, episode: Episode, turn: Turn | None) -> None:
        """Give the action to the environment and note what it answers; None ends the episode for want of context."""
        if turn is None:
            self._finish(episode, Stop.CONTEXT, {})
            return
        turns = episode.trajectory.turns
        turns.append(turn)
        try:
            observation, reward, terminated, truncated, info = self._worker.call(episode.env.step, turn.text)
            turn.reward = _reward(reward, info.get("score"))
            episode.observation = _text(observation, episode.trajectory.task_id)
            episode.info = {**episode.info, **{k: info[k] for k in ("legal",) if k in info}}
            if terminated:
                self._finish(episode, Stop.TERMINATED, info)
            elif truncated or len(turns) >= self.max_turns:
                self._finish(episode, Stop.TRUNCATED, info)
        except Exception as error:
            self._fail(episode, error)

    def _finish(self, episode: Episode, stop: Stop, info: dict[str, Any]) -> None:
        trajectory, domain = episode.trajectory, self.domains[episode.trajectory.domain]
        score = info.get("score")
        if isinstance(score, Score):  # others keep points under that name
            trajectory.score = score
            trajectory.correct, trajectory.threshold = score.correct, score.scale.threshold
        else:
            enough = trajectory.reward >= domain.success_at  # never, if that is NaN
            trajectory.correct, trajectory.threshold = bool(info.get("is_success", enough)), domain.success_at
        trajectory.stop = stop
        self._idle[trajectory.domain].append(episode.env)
        episode.env = None

    def _fail(self, episode: Episode, error: Exception) -> None:
        """Leave the episode; its environment is in an unknown state and is not used again."""
        episode.trajectory.stop = Stop.ENV_ERROR
        episode.trajectory.error = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        if episode.env is not None and not isinstance(error, EnvTimeout):  # one that hangs is still in use
            self._close(episode.env)
        episode.env = None

    def _close(self, env: Any) -> None:
        with suppress(Exception):  # nothing depends on it any more
            self._worker.call(env.close)


def _reward(reward: Any, score: Any) -> float:
    """The reward as a number; an exception for a broken verdict or a reward that is not finite."""
    if isinstance(score, Score) and score.status is Status.ERROR:
        raise RuntimeError(score.why)
    if not math.isfinite(reward := float(reward)):
        raise ValueError(f"the reward is {reward}")
    return reward


def _is_ours(env: Any) -> bool:
    return isinstance(env.unwrapped, TextEnv)


def _text(observation: Any, where: str) -> str:
    if isinstance(observation, dict) and "image" in observation:
        raise TypeError(f'{where}: a policy that reads text cannot see the image; ask for observation="text"')
    if not isinstance(observation, str):
        raise TypeError(f"{where}: observations must be text, got {type(observation).__name__}")
    return observation
