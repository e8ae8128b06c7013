"""Whole episodes as chats: demonstrations by an oracle, or what a model did, for trainers of any kind."""

from __future__ import annotations

from collections.abc import Sized
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ludex.agents.evaluate import open_player
from ludex.agents.growing import Growing
from ludex.agents.players import Listening, reseeded
from ludex.agents.rollout import Arena, Domain, Start
from ludex.agents.sampling import Sampling
from ludex.core import Stop, Trajectory

CHUNK = 16  # tasks posed together


@dataclass(frozen=True)
class Recipe:
    """What decides the rows.

    Attributes:
        env, options, seed, split: the stream of tasks.
        agent: who plays, as for `ludex eval`: "oracle" for the worked solutions.
        correct: whether only episodes that succeed are kept.
        temperature, max_new_tokens: how a model is sampled.
    """

    env: str
    agent: str = "oracle"
    options: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    split: str = "train"
    correct: bool = False
    temperature: float = 1.0
    max_new_tokens: int = 256


@dataclass(frozen=True)
class Progress:
    """How far a file has got: tasks played, episodes written, and those that failed or were lost."""

    tasks: int = 0
    episodes: int = 0
    failed: int = 0
    lost: int = 0


def build_trajectories(recipe: Recipe, path: Path, n: int, *, device: str = "auto") -> Progress:
    """Write `n` episodes, one a task, or go on with a file that was interrupted.

    A row is {"id", "messages": [{"role", "content"}, ...], "reward", "correct", "level", "turns"}; other trainers
    read the messages as a chat.

    Raises:
        ValueError: if the file has another recipe or is not of this function.
    """
    file = Growing(path, recipe, "episodes")
    progress: Progress = file.resume(Progress(), n)
    if progress.episodes >= n:
        return progress
    domain = Domain(recipe.env, options=recipe.options)
    with closing(Arena([domain])) as arena:
        source = arena.source(0, recipe.seed, recipe.split)
        limit = len(source) if isinstance(source, Sized) else 20 * n
        player = open_player(
            recipe.agent, domain, Sampling(recipe.max_new_tokens, recipe.temperature), recipe.seed, device
        )
        file.begin(progress)
        while progress.episodes < n and progress.tasks < limit:
            chunk = range(progress.tasks, min(limit, progress.tasks + CHUNK))
            listening = Listening(reseeded(player, recipe.seed, chunk.start))
            played = arena.play([Start(0, recipe.seed, recipe.split, i, i) for i in chunk], listening)
            whole = [t for t in played if t.stop is not Stop.ENV_ERROR and t.turns]
            kept = [t for t in whole if t.correct or not recipe.correct]
            file.add([row(t, listening.system.get(t.group, "")) for t in kept[: n - progress.episodes]])
            progress = Progress(
                tasks=progress.tasks + len(chunk),
                episodes=progress.episodes + len(kept),
                failed=progress.failed + sum(not t.correct for t in whole),
                lost=progress.lost + len(played) - len(whole),
            )
            if progress.episodes <= n:  # else the rest of the chunk is still to come, should more be wanted
                file.keep(progress)
    return replace(progress, episodes=min(n, progress.episodes))


def row(trajectory: Trajectory, system: str) -> dict[str, Any]:
    """One line of the file."""
    messages = [{"role": "system", "content": system}] if system else []
    for turn in trajectory.turns:
        messages += [{"role": "user", "content": turn.observation}, {"role": "assistant", "content": turn.text}]
    return {
        "id": trajectory.task_id,
        "messages": messages,
        "reward": trajectory.reward,
        "correct": trajectory.correct,
        "level": trajectory.score.level if trajectory.score else None,
        "turns": len(trajectory.turns),
    }
