"""Who answers in a rollout: the policy, the worked solutions, or chance; `remote` adds models behind HTTP.

A player is handed episodes that wait for an answer, and gives its answers as they
come. Only the policy and the tokenised oracle fill in the Turn's tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ludex.agents.pool import Call, Lane
from ludex.agents.render import Message, Renderer
from ludex.agents.sampling import Engine, Sample, Sampling, stream
from ludex.core import Trajectory, Turn


@dataclass(eq=False)
class Episode:
    """An episode being played; each is itself alone, and a key of tables.

    Attributes:
        env: the environment, reset; None once the episode is over.
        observation: the last observation, not answered yet.
        info: what `reset` said beside it; `legal` as the last step had it.
        trajectory: what has happened so far.
        member: its number within its group.
        lane: the thread that its environment lives on.
        call: what its environment was handed and has not answered yet.
    """

    env: Any
    observation: str
    info: dict[str, Any]
    trajectory: Trajectory
    member: int = 0
    lane: Lane = field(default_factory=Lane)
    call: Call | None = None

    @property
    def system(self) -> str:
        """The rules, told once."""
        return str(self.info.get("system", ""))

    def messages(self, history: int = 0) -> list[Message]:
        """The conversation up to the last observation; the last `history` exchanges only, 0 for all, -1 for none."""
        turns = self.trajectory.turns[-history:] if history >= 0 else []
        chat: list[Message] = [{"role": "system", "content": self.system}] if self.system else []
        for turn in turns:
            chat += [{"role": "user", "content": turn.observation}, {"role": "assistant", "content": turn.text}]
        return [*chat, {"role": "user", "content": self.observation}]


class Player(Protocol):
    """Answers episodes that wait for it, several at a time and in its own order."""

    def submit(self, episodes: Sequence[Episode]) -> None:
        """These wait for an answer."""
        ...

    def collect(self) -> list[tuple[Episode, Turn | None]]:
        """The answers that are there, at least one while any episode waits.

        The Turn's reward is not filled in yet; None stands for a full context.
        """
        ...

    def leave(self, episode: Episode) -> None:
        """The episode is over, and waits for nothing."""
        ...


class InstantPlayer:
    """A player that answers without delay: a subclass gives `_turn(episode)`."""

    _waiting: Sequence[Episode] = ()

    def submit(self, episodes: Sequence[Episode]) -> None:
        """These wait for an answer."""
        self._waiting = [*self._waiting, *episodes]

    def collect(self) -> list[tuple[Episode, Turn | None]]:
        """An answer for each episode that waits, in the order of submission."""
        asked, self._waiting = self._waiting, ()
        return [(episode, self._turn(episode)) for episode in asked]

    def leave(self, episode: Episode) -> None:
        """The episode is over, and waits for nothing."""
        self._waiting = [other for other in self._waiting if other is not episode]

    def _turn(self, episode: Episode) -> Turn | None:
        raise TypeError(f"{type(self).__name__} must define _turn(episode)")


@dataclass
class Context:
    """Builds the token context of an episode's next turn, append-only unless the history is windowed.

    Attributes:
        max_context: tokens of prompt and response together.
        history: exchanges that the policy remembers; 0 for all, -1 for none.
    """

    renderer: Renderer
    max_context: int = 4096
    history: int = 0

    def prompt(self, episode: Episode, room: int) -> list[int] | None:
        """Prompt tokens, or None if fewer than `room` tokens are left for the response."""
        turns = episode.trajectory.turns
        if self.history and len(turns) > self.history:
            ids = self.renderer.conversation(episode.messages(self.history))
        elif turns:
            ids = self.renderer.extend(turns[-1].prompt_ids + turns[-1].action_ids, episode.observation)
        else:
            ids = self.renderer.start(episode.system, episode.observation)
        return ids if len(ids) + room <= self.max_context else None


@dataclass
class PolicyPlayer:
    """The policy, sampled by an engine.

    Each turn draws from a stream of its own, named by its episode's domain, group and number there, and by the turn,
    within the engine's `refresh`: who else plays, and when answers come, changes no episode's samples.
    """

    engine: Engine
    context: Context
    sampling: Sampling
    _asked: dict[int, tuple[Episode, list[int]]] = field(default_factory=dict, init=False, repr=False)  # by handle
    _kept: dict[Episode, int] = field(default_factory=dict, init=False, repr=False)  # handles not released
    _full: list[Episode] = field(default_factory=list, init=False, repr=False)  # without room for a response

    def submit(self, episodes: Sequence[Episode]) -> None:
        """Queue one response for each episode that has room for one."""
        for episode in episodes:
            prompt = self.context.prompt(episode, self.sampling.max_new_tokens)
            if prompt is None:
                self._full.append(episode)
            else:
                self._asked[self._submit(episode, prompt)] = (episode, prompt)

    def _submit(self, episode: Episode, prompt: list[int]) -> int:
        played, keep = episode.trajectory, not self.context.history  # what is kept, the next prompt must extend
        key = (played.domain, played.group, episode.member, len(played.turns))
        before = self._kept.pop(episode, 0)
        handle = self.engine.submit(prompt, self.sampling, key=key, keep=keep, after=before)
        if keep:
            self._kept[episode] = handle
        return handle

    def collect(self) -> list[tuple[Episode, Turn | None]]:
        """The responses that are finished, in the engine's order; RuntimeError if it has lost any."""
        answers: list[tuple[Episode, Turn | None]] = [(episode, None) for episode in self._full]
        self._full = []
        samples: dict[int, Sample] = {}
        while self._asked and not samples:
            finished = self.engine.poll()
            if not finished:
                raise RuntimeError(f"the engine gave no response to {len(self._asked)} prompts")
            samples = {k: v for k, v in finished.items() if k in self._asked}  # not those of a play broken off
        return answers + [self._answer(*self._asked.pop(handle), sample) for handle, sample in samples.items()]

    def _answer(self, episode: Episode, prompt: list[int], sample: Sample) -> tuple[Episode, Turn]:
        text = self.context.renderer.text(sample.ids)
        return episode, Turn(episode.observation, text, 0.0, sample.cut, prompt, sample.ids, sample.logps)

    def leave(self, episode: Episode) -> None:
        """Release what the engine keeps for the episode."""
        self._asked = {handle: asked for handle, asked in self._asked.items() if asked[0] is not episode}
        self._full = [other for other in self._full if other is not episode]
        if episode in self._kept:
            self.engine.release(self._kept.pop(episode))


@dataclass
class Oracle(InstantPlayer):
    """The worked solution; with a context also as tokens, for learning from it.

    Raises:
        ValueError: if an environment gives no solution.
    """

    context: Context | None = None

    def _turn(self, episode: Episode) -> Turn | None:
        solution = episode.info.get("solution")
        steps = [solution] if isinstance(solution, str) else list(solution or [])
        done = len(episode.trajectory.turns)
        if done >= len(steps):
            raise ValueError(f"{episode.trajectory.task_id} has no worked solution for turn {done}")
        turn = Turn(episode.observation, steps[done])
        if self.context is None:
            return turn
        turn.action_ids = self.context.renderer.response(turn.text)
        prompt = self.context.prompt(episode, len(turn.action_ids))
        turn.prompt_ids, turn.logps = prompt or [], [0.0] * len(turn.action_ids)
        return None if prompt is None else turn


@dataclass
class RandomPlayer(InstantPlayer):
    """Samples of the action space; where `info["legal"]` lists actions, one of them, as `info["reply"]` writes it."""

    seed: int = 0
    _rng: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        import random

        self._rng = random.Random(self.seed)

    def _turn(self, episode: Episode) -> Turn:
        return Turn(episode.observation, self._choose(episode))

    def _choose(self, episode: Episode) -> str:
        if legal := episode.info.get("legal"):
            return str(episode.info.get("reply", "{}")).format(self._rng.choice(list(legal)))
        space = episode.env.action_space
        space.seed(self._rng.randrange(2**31))
        return str(space.sample())


@dataclass
class Listening:
    """A player that notes the rules which the episodes of each group were told."""

    player: Player
    system: dict[int, str] = field(default_factory=dict)

    def submit(self, episodes: Sequence[Episode]) -> None:
        """Ask the player."""
        self.system |= {episode.trajectory.group: episode.system for episode in episodes}
        self.player.submit(episodes)

    def collect(self) -> list[tuple[Episode, Turn | None]]:
        """The player's own answers."""
        return self.player.collect()

    def leave(self, episode: Episode) -> None:
        """Tell the player."""
        self.player.leave(episode)


def reseeded(player: Player, seed: int, chunk: int) -> Player:
    """The player with a random stream of this chunk's own, so that a file that is resumed is the same."""
    if isinstance(player, PolicyPlayer):
        player.engine.refresh(stream(seed, chunk))
    return RandomPlayer(stream(seed, chunk)) if isinstance(player, RandomPlayer) else player
