"""Environments to trajectories: any `gymnasium.Env` with text observations and free-text actions.

A group is several copies of an environment reset to the same task. An
environment that raises, hangs or returns a reward that is no number costs its
own episode (stop ENV_ERROR) and nothing else.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence, Sized
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from ludex.agents.players import Episode, Player
from ludex.agents.pool import EnvTimeout, Lane, Pool
from ludex.core import Score, Status, Stop, Trajectory, Turn
from ludex.envs.core import SPLITS, TextEnv
from ludex.envs.process import CONCURRENCY, EnvFailure, ProcessEnv, declared
from ludex.envs.registry import make
from ludex.lookup import suggest

Note = Callable[[Episode, Any], None]
Ended = Callable[[Trajectory], None]


@dataclass(frozen=True)
class Domain:
    """One environment of a mix.

    Attributes:
        id: a Ludex id, "module:attribute" or any Gymnasium id.
        weight: its share of the groups.
        success_at: episode reward from which a foreign environment's episode counts as correct.
        options: keyword options of the environment.
        concurrency: "process" for one of its own, "thread" for one of ours, "auto" as the environment declares.
    """

    id: str
    weight: float = 1.0
    success_at: float = math.nan
    options: dict[str, Any] = field(default_factory=dict)
    concurrency: Literal["auto", "thread", "process"] = "auto"

    def __str__(self) -> str:
        """The id and its options, as the command line takes them."""
        return " ".join([self.id, *(f"{name}={value}" for name, value in self.options.items())])

    def __post_init__(self) -> None:
        if not 0 < self.weight < math.inf:
            raise ValueError(f"weight={self.weight} must be a positive number")
        if self.concurrency not in (known := ("auto", *CONCURRENCY)):
            raise ValueError(f"no concurrency {self.concurrency!r}; {suggest(self.concurrency, known)}")


@dataclass(frozen=True)
class Start:
    """Where an episode begins: task `index` of `split` in stream `seed` of a domain, for a group."""

    domain: int
    seed: int
    split: str
    index: int
    group: int


class Arena:
    """The environments of a mix, kept from rollout to rollout.

    Args:
        domains: the environments.
        max_turns: responses before an episode counts as truncated.
        timeout_s: limit of one reset or step, and of starting an environment's process; 0 for none.
        workers: threads on which environments are stepped while responses are sampled; 0 for one, in turn with
            sampling.

    Raises:
        UnknownName, MissingExtra, TypeError: for an environment that cannot be made, before anything is played.
        EnvFailure: for one that cannot be made in its process, or not within the limit.
    """

    def __init__(self, domains: Sequence[Domain], *, max_turns: int = 50, timeout_s: float = 60.0, workers: int = 0):
        self.domains, self.max_turns = list(domains), max_turns
        self._overlap, self._pool = workers > 0, Pool(workers, timeout_s)
        self._apart = [_is_apart(domain) for domain in domains]
        self.judged: set[int] = set()  # domains that have said themselves whether an episode succeeded
        self._ended: Ended
        self._idle: list[list[tuple[Any, Lane]]] = [[] for _ in domains]
        self._sources: dict[tuple[int, int, str], Any] = {}
        try:
            self._base = [self._make_first(i) for i in range(len(domains))]
        except BaseException:
            self._pool.cancel()
            self.close()
            raise

    def play(self, starts: Sequence[Start], player: Player, ended: Ended | None = None) -> list[Trajectory]:
        """One trajectory for each start, in order; `ended` is told each one as soon as it is over.

        No episode waits for another one's response. With workers, what is handed to the environments after one
        `collect` of the player is awaited after its next, or at once when the player has nothing else to do. So
        sampling and environments overlap, and who is sampled together still depends on nothing but the responses:
        the environments' speed changes no result.
        """
        self._ended = ended or (lambda trajectory: None)
        members: Counter[tuple[int, int]] = Counter()
        episodes = []
        for start in starts:
            episodes.append(self._seat(start, members[start.domain, start.group]))
            members[start.domain, start.group] += 1
        try:
            for episode in episodes:
                if episode.env is None:
                    self._ended(episode.trajectory)
            self._open(episodes, starts, player)
            self._run([episode for episode in episodes if episode.env is not None], player)
        except BaseException:  # of the player's, or Ctrl-C, which waits for no environment
            self._pool.cancel()
            for episode in episodes:
                if episode.env is not None:
                    self._drop(episode)
                    player.leave(episode)
            raise
        return [episode.trajectory for episode in episodes]

    def _seat(self, start: Start, member: int) -> Episode:
        """An episode with an environment, not reset yet; over already if there can be none."""
        domain = self.domains[start.domain]
        trajectory = Trajectory(f"{domain.id}/{start.split}/{start.seed}/{start.index}", start.group, start.domain)
        episode = Episode(None, "", {}, trajectory, member)
        try:
            idle = self._idle[start.domain]
            episode.env, episode.lane = idle.pop() if idle else self._make(start.domain)
        except Exception as error:
            self._fail(episode, error)
        return episode

    def _open(self, episodes: Sequence[Episode], starts: Sequence[Start], player: Player) -> None:
        """Reset the environments: copies that share their tasks in turn, the others together."""
        together = []
        for episode, start in zip(episodes, starts, strict=True):
            if episode.env is not None:
                episode.call = episode.lane.submit(self._reset, episode.env, start)
                if self._base[start.domain] is None or self._apart[start.domain]:
                    together.append(episode)
                else:
                    self._settle([episode], self._opened, player)
        self._settle(together, self._opened, player)

    def _run(self, ready: list[Episode], player: Player) -> None:
        stepping: list[Episode] = []
        waiting = 0  # for the player
        while ready or waiting:
            player.submit(ready)
            answers = player.collect()
            waiting += len(ready) - len(answers)
            ready = self._settle(stepping, self._stepped, player)
            stepping = self._hand_out(answers, player)
            if not self._overlap or not (ready or waiting):
                ready += self._settle(stepping, self._stepped, player)
                stepping = []

    def _hand_out(self, answers: Sequence[tuple[Episode, Turn | None]], player: Player) -> list[Episode]:
        """Give the actions to their environments; None ends an episode for want of context."""
        stepping = []
        for episode, turn in answers:
            if turn is None:
                self._finish(episode, Stop.CONTEXT, {})
                self._leave(episode, player)
            else:
                episode.trajectory.turns.append(turn)
                episode.call = episode.lane.submit(episode.env.step, turn.text)
                stepping.append(episode)
        return stepping

    def _settle(self, episodes: Sequence[Episode], note: Note, player: Player) -> list[Episode]:
        """Wait for what environments answer, and note it; the episodes that go on."""
        live = []
        for episode in episodes:
            assert episode.call is not None
            try:
                note(episode, episode.lane.result(episode.call))
            except Exception as error:
                self._fail(episode, error)
            episode.call = None
            if episode.env is None:
                self._leave(episode, player)
            else:
                live.append(episode)
        return live

    def _leave(self, episode: Episode, player: Player) -> None:
        player.leave(episode)
        self._ended(episode.trajectory)

    def source(self, domain: int, seed: int, split: str) -> Any:
        """The tasks of a Ludex environment, one object for all of its copies; None for a foreign environment."""
        base, key = self._base[domain], (domain, seed, split)
        if base is not None and key not in self._sources:
            self._sources[key] = base.at(seed=seed, split=split)
        return self._sources.get(key)

    def close(self) -> None:
        """Close every environment that waits for its next episode, and let the threads end."""
        seats = [seat for idle in self._idle for seat in idle]
        for env, lane in seats:
            lane.submit(env.close)
        self._idle = [[] for _ in self.domains]
        self._pool.close()
        for env, _ in seats:
            if isinstance(env, ProcessEnv):
                env.kill()  # should its closing have hung

    def _make(self, number: int) -> tuple[Any, Lane]:
        domain = self.domains[number]
        made: Any = ProcessEnv if self._apart[number] else make
        return made(domain.id, **domain.options), self._pool.lane()

    def _make_first(self, number: int) -> Any:
        """Make an environment of a domain, to be played; the tasks of a Ludex environment, None for any other."""
        env, lane = self._make(number)
        try:
            tasks = lane.result(lane.submit(_tasks, env))  # this starts its process, if it has one
        except BaseException as error:
            if isinstance(env, ProcessEnv):
                env.kill()
            if isinstance(error, EnvFailure | EnvTimeout):
                raise EnvFailure(f"{self.domains[number].id} cannot be started: {error}") from error
            raise
        self._idle[number].append((env, lane))
        return tasks

    def _reset(self, env: Any, start: Start) -> Any:
        """A Ludex environment is reset to the very task, any other one by a seed drawn from the same four facts."""
        if (source := self.source(start.domain, start.seed, start.split)) is not None:
            env.unwrapped.source = source
            index = start.index % len(source) if isinstance(source, Sized) else start.index  # a data set starts over
            return env.reset(options={"index": index, "split": start.split})
        where = (SPLITS.index(start.split), start.index)
        seed = int(np.random.SeedSequence(start.seed, spawn_key=where).generate_state(1)[0]) & 0x7FFFFFFF
        return env.reset(seed=seed)

    def _opened(self, episode: Episode, answer: Any) -> None:
        observation, episode.info = answer
        episode.observation = _text(observation, self.domains[episode.trajectory.domain].id)
        episode.trajectory.task_id = str(episode.info.get("task_id", episode.trajectory.task_id))

    def _stepped(self, episode: Episode, answer: Any) -> None:
        observation, reward, terminated, truncated, info = answer
        turns = episode.trajectory.turns
        turns[-1].reward = _reward(reward, info.get("score"))
        episode.observation = _text(observation, episode.trajectory.task_id)
        episode.info = {**episode.info, **{k: info[k] for k in ("legal",) if k in info}}
        if terminated:
            self._finish(episode, Stop.TERMINATED, info)
        elif truncated or len(turns) >= self.max_turns:
            self._finish(episode, Stop.TRUNCATED, info)

    def _finish(self, episode: Episode, stop: Stop, info: dict[str, Any]) -> None:
        trajectory, domain = episode.trajectory, self.domains[episode.trajectory.domain]
        score = info.get("score")
        if isinstance(score, Score) or "is_success" in info:
            self.judged.add(trajectory.domain)
        if isinstance(score, Score):  # others keep points under that name
            trajectory.score = score
            trajectory.correct, trajectory.threshold = score.correct, score.scale.threshold
        else:
            enough = trajectory.reward >= domain.success_at  # never, if that is NaN
            trajectory.correct, trajectory.threshold = bool(info.get("is_success", enough)), domain.success_at
        trajectory.stop = stop
        self._idle[trajectory.domain].append((episode.env, episode.lane))
        episode.env = None

    def _fail(self, episode: Episode, error: Exception) -> None:
        episode.trajectory.stop = Stop.ENV_ERROR
        episode.trajectory.error = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        if episode.env is not None:
            self._drop(episode)

    def _drop(self, episode: Episode) -> None:
        """Do not use an environment again, whose state is unknown; an abandoned thread may still be in it."""
        if isinstance(episode.env, ProcessEnv):
            episode.env.kill()
        elif episode.call is None or not episode.call.abandoned:
            episode.lane.submit(episode.env.close)
        episode.env = None


def _reward(reward: Any, score: Any) -> float:
    """The reward as a number; an exception for a broken verdict or a reward that is not finite."""
    if isinstance(score, Score) and score.status is Status.ERROR:
        raise RuntimeError(score.why)
    if not math.isfinite(reward := float(reward)):
        raise ValueError(f"the reward is {reward}")
    return reward


def _is_apart(domain: Domain) -> bool:
    """Whether an environment wants a process of its own."""
    return (declared(domain.id) if domain.concurrency == "auto" else domain.concurrency) == "process"


def _tasks(env: Any) -> Any:
    """The tasks of a Ludex environment; None for any other."""
    bare = env.unwrapped
    return bare.source if isinstance(bare, (TextEnv, ProcessEnv)) else None


def _text(observation: Any, where: str) -> str:
    if isinstance(observation, dict) and "image" in observation:
        raise TypeError(f'{where}: a policy that reads text cannot see the image; ask for observation="text"')
    if not isinstance(observation, str):
        raise TypeError(f"{where}: observations must be text, got {type(observation).__name__}")
    return observation
