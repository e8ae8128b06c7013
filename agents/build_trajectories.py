"""Whole episodes as chats: demonstrations by an oracle, or what a model did, for trainers of any kind."""

from __future__ import annotations

from collections.abc import Callable, Sized
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ludex.agents.evaluate import open_player, play_alike
from ludex.agents.growing import Growing
from ludex.agents.rollout import Arena, Domain, Start
from ludex.agents.sampling import Sampling
from ludex.core import Stop, Trajectory

CHUNK = 16  # tasks posed together at most


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
    """How far a file has got: tasks behind its last row, episodes written, and those that failed or were lost."""

    tasks: int = 0
    episodes: int = 0
    failed: int = 0
    lost: int = 0


def build_trajectories(
    recipe: Recipe, path: Path, n: int, *, device: str = "auto", report: Callable[[int, int], None] | None = None
) -> Progress:
    """Write `n` episodes, one a task, or go on with a file that was interrupted.

    A row is {"id", "messages": [{"role", "content"}, ...], "reward", "correct", "level", "turns"}; other trainers
    read the messages as a chat. Nothing is played that no row could be for, unless it must be `recipe.correct`.

    Args:
        recipe: what decides the rows.
        path: the JSONL file; its card is `path` + ".card.json".
        n: episodes wanted.
        device: for a local model.
        report: is told now and then how many episodes there are, and how many an earlier run made.

    Raises:
        ValueError: if the file has another recipe, is not of this function or is being written.
    """
    file = Growing(path, recipe, "episodes")
    with file.alone():
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
            old = progress.episodes
            while progress.episodes < n and progress.tasks < limit:
                if report:
                    report(progress.episodes, old)
                size = CHUNK if recipe.correct else min(CHUNK, n - progress.episodes)
                chunk = range(progress.tasks, min(limit, progress.tasks + size))
                starts = [Start(0, recipe.seed, recipe.split, i, i) for i in chunk]
                played, rules = play_alike(arena, player, starts, recipe.seed)
                rows = []
                for t in played:
                    if progress.episodes < n:
                        kept = _is_whole(t) and (t.correct or not recipe.correct)
                        rows += [row(t, rules.get(t.group, ""))] * kept
                        progress = _counted(progress, t, kept)
                file.add(rows)
                file.keep(progress)
    return progress


def _is_whole(trajectory: Trajectory) -> bool:
    return trajectory.stop is not Stop.ENV_ERROR and bool(trajectory.turns)


def _counted(progress: Progress, trajectory: Trajectory, kept: bool) -> Progress:
    """The progress behind one more task."""
    whole = _is_whole(trajectory)
    return Progress(
        tasks=progress.tasks + 1,
        episodes=progress.episodes + kept,
        failed=progress.failed + (whole and not trajectory.correct),
        lost=progress.lost + (not whole),
    )


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
