"""Who answers in a rollout: the policy, the worked solutions, chance, or a model behind HTTP.

A player gets the live episodes and returns one Turn for each. Only the policy
and the tokenised oracle fill in the Turn's tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ludex.agents.remote import ContextFull, Remote
from ludex.agents.render import Message, Renderer
from ludex.agents.sampling import Engine, Sampling, generate, stream
from ludex.core import Trajectory, Turn


@dataclass
class Episode:
    """An episode being played.

    Attributes:
        env: the environment, reset.
        observation: the last observation, not answered yet.
        info: what `reset` said beside it; `legal` as the last step had it.
        trajectory: what has happened so far.
    """

    env: Any
    observation: str
    info: dict[str, Any]
    trajectory: Trajectory

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
    """Answers for a batch of episodes; None where the context is full."""

    def act(self, episodes: Sequence[Episode]) -> list[Turn | None]:
        """One Turn for each episode, its reward not filled in yet."""
        ...


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
    """The policy, sampled by an engine."""

    engine: Engine
    context: Context
    sampling: Sampling

    def act(self, episodes: Sequence[Episode]) -> list[Turn | None]:
        """Sample one response for each episode that has room for one."""
        prompts = [self.context.prompt(episode, self.sampling.max_new_tokens) for episode in episodes]
        samples = iter(generate(self.engine, [prompt for prompt in prompts if prompt is not None], self.sampling))
        turns: list[Turn | None] = []
        for episode, prompt in zip(episodes, prompts, strict=True):
            if prompt is None:
                turns.append(None)
                continue
            sample = next(samples)
            text = self.context.renderer.text(sample.ids)
            turns.append(Turn(episode.observation, text, 0.0, sample.cut, prompt, sample.ids, sample.logps))
        return turns


@dataclass
class Oracle:
    """The worked solution; with a context also as tokens, for learning from it.

    Raises:
        ValueError: if an environment gives no solution.
    """

    context: Context | None = None

    def act(self, episodes: Sequence[Episode]) -> list[Turn | None]:
        """The solution's next response for each episode."""
        return [self._turn(episode) for episode in episodes]

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
class RandomPlayer:
    """Samples of the action space; where `info["legal"]` lists actions, one of them, as `info["reply"]` writes it."""

    seed: int = 0
    _rng: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        import random

        self._rng = random.Random(self.seed)

    def act(self, episodes: Sequence[Episode]) -> list[Turn | None]:
        """One random action for each episode."""
        return [Turn(episode.observation, self._choose(episode)) for episode in episodes]

    def _choose(self, episode: Episode) -> str:
        if legal := episode.info.get("legal"):
            return str(episode.info.get("reply", "{}")).format(self._rng.choice(list(legal)))
        space = episode.env.action_space
        space.seed(self._rng.randrange(2**31))
        return str(space.sample())


@dataclass
class RemotePlayer:
    """A model behind an OpenAI-compatible endpoint; several completions are several requests.

    Attributes:
        remote: the endpoint and the model's name there.
        parallel: requests in flight.
    """

    remote: Remote
    sampling: Sampling = field(default_factory=Sampling)
    history: int = 0
    parallel: int = 16

    def act(self, episodes: Sequence[Episode]) -> list[Turn | None]:
        """Ask for one completion for each episode, several at a time.

        Raises:
            ConnectionError: one line, if the server does not answer or refuses.
        """
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(self.parallel) as pool:
            return list(pool.map(self._ask, episodes))

    def _ask(self, episode: Episode) -> Turn | None:
        try:
            text, cut = self.remote.complete(episode.messages(self.history), self.sampling)
        except ContextFull:
            return None
        return Turn(episode.observation, text, cut=cut)


@dataclass
class Listening:
    """A player that notes the rules which the episodes of each group were told."""

    player: Player
    system: dict[int, str] = field(default_factory=dict)

    def act(self, episodes: Sequence[Episode]) -> list[Turn | None]:
        """The player's own turns."""
        self.system |= {episode.trajectory.group: episode.system for episode in episodes}
        return self.player.act(episodes)


def reseeded(player: Player, seed: int, chunk: int) -> Player:
    """The player with a random stream of this chunk's own, so that a file that is resumed is the same."""
    if isinstance(player, PolicyPlayer):
        player.engine.refresh(stream(seed, chunk))
    return RandomPlayer(stream(seed, chunk)) if isinstance(player, RandomPlayer) else player
