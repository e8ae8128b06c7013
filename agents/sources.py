"""What each step of a run learns from: episodes played with the current weights, or pairs from a file."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import Any, Protocol

import numpy as np

from ludex.agents.algorithms.base import Algorithm
from ludex.agents.batch import Batch, collate
from ludex.agents.curriculum import Curriculum
from ludex.agents.metrics import describe
from ludex.agents.pairs import collate_pairs, group_sizes, length, read_pairs, tokenise
from ludex.agents.players import Player
from ludex.agents.render import Renderer
from ludex.agents.rollout import Arena, Start
from ludex.agents.sampling import Engine, stream
from ludex.agents.settings import Settings
from ludex.core import Stop, Trajectory


class RunError(RuntimeError):
    """The run cannot go on; the message says why and what would help."""


@dataclass
class Draw:
    """What one step learns from.

    Attributes:
        batch: None if there is nothing to learn, as when everything is solved.
        tokens: how many were sampled, or read.
        metrics: what the data look like.
        episodes: all that were played on the way.
    """

    batch: Batch | None
    tokens: int
    metrics: dict[str, float]
    episodes: list[Trajectory] = field(default_factory=list)


class Source(Protocol):
    """Where batches come from."""

    note: str  # a line about the data, for people; may be empty

    def draw(self, step: int) -> Draw:
        """The data of a step, counted from 0."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """What an exact resume needs."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        ...


class Rollouts:
    """Groups of episodes that a player plays in an arena.

    Sampling draws from a stream named by (seed, step, round): resuming needs no generator's state.
    """

    note = ""

    def __init__(self, settings: Settings, algorithm: Algorithm, arena: Arena, player: Player, engine: Engine):
        self.settings, self.algorithm = settings, algorithm
        self.arena, self.player, self.engine = arena, player, engine
        self.curriculum = Curriculum(settings.curriculum, [domain.weight for domain in settings.env])
        self.cursor = 0  # groups handed out

    def draw(self, step: int) -> Draw:
        """Enough groups that the algorithm keeps.

        Raises:
            RunError: if too many episodes are lost, or no task is ever solved.
        """
        kept, played = self._collect(step)
        batch = collate(kept, append_only=not self.settings.rollout.history) if kept else None
        metrics = {**describe(played), "groups": len({t.group for t in kept}), "episodes": len(played)}
        if self.settings.curriculum.by:
            metrics["level"] = self.curriculum.level
            self.curriculum.note(played)
        return Draw(batch, sum(t.tokens for t in played), metrics, played)

    def _collect(self, step: int) -> tuple[list[Trajectory], list[Trajectory]]:
        """Enough groups that the algorithm keeps, and every episode played on the way."""
        rollout = self.settings.rollout
        kept: list[list[Trajectory]] = []
        played: list[Trajectory] = []
        for number in range(rollout.max_rounds):
            self.engine.refresh(stream(self.settings.seed, step, number))
            episodes = self.arena.play(self._starts(step, rollout.prompts - len(kept)), self.player)
            played += episodes
            limit_errors(played, rollout.max_errors)
            groups: dict[int, list[Trajectory]] = {}
            for episode in episodes:
                if episode.stop is not Stop.ENV_ERROR and episode.turns:
                    groups.setdefault(episode.group, []).append(episode)
            kept += [group for group in groups.values() if self.algorithm.keep(group)]
            if len(kept) >= rollout.prompts:
                break
        if not any(episode.turns for episode in played):
            raise RunError(
                f"no prompt of {len(played)} leaves room for a response of "
                f"rollout.max_new_tokens={rollout.max_new_tokens} "
                f"within rollout.max_context={rollout.max_context} tokens"
            )
        if not kept and not any(episode.correct for episode in played):
            raise RunError(
                f"{rollout.max_rounds} rounds of sampling solved no task and gave no group to learn from. "
                "Make the tasks easier, raise rollout.group or choose another algorithm"
            )
        return [episode for group in kept for episode in group], played

    def _starts(self, step: int, groups: int) -> list[Start]:
        weights = self.curriculum.weights(step)
        starts = []
        for _ in range(groups):
            rng = np.random.default_rng([self.settings.seed, self.cursor])
            domain = int(rng.choice(len(weights), p=weights)) if len(weights) > 1 else 0
            start = Start(domain, self.settings.seed, "train", self.cursor, self.cursor)
            starts += [start] * self.settings.rollout.group
            self.cursor += 1
        return starts

    def state_dict(self) -> dict[str, Any]:
        """How many groups have been handed out, and the level of the curriculum."""
        return {"cursor": self.cursor, "curriculum": self.curriculum.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.cursor = state["cursor"]
        self.curriculum.load_state_dict(state["curriculum"])


class Pairs:
    """Preference pairs from a file, each once an epoch, in an order named by (seed, epoch).

    Raises:
        ValueError: for a row that is no pair, or if no pair fits into `rollout.max_context`.
        OSError: if there is no such file.
    """

    def __init__(self, settings: Settings, renderer: Renderer):
        data, limit = settings.data, settings.rollout.max_context
        self.seed, self.size = settings.seed, data.pairs
        pairs = read_pairs(data.path, data.group)
        self.digest = hashlib.sha256(Path(data.path).read_bytes()).hexdigest()
        names = {name: i for i, name in enumerate(group_sizes(pairs))}
        tokenised = [tokenise(pair, i, names[pair.group], renderer) for i, pair in enumerate(pairs)]
        self.pairs = [pair for pair in tokenised if max(map(length, pair)) <= limit]
        self.sizes = [sum(pair[0].domain == i for pair in self.pairs) for i in range(len(names))]
        if not all(self.sizes):
            empty = next(name for name, i in names.items() if not self.sizes[i])
            raise ValueError(f"{data.path}: no pair of group {empty!r} fits into rollout.max_context={limit} tokens")
        groups = ", ".join(f"{i} = {name} ({self.sizes[i]})" for name, i in names.items()) if len(names) > 1 else ""
        self.note = f"{len(self.pairs)} pairs" + (f" in groups {groups}" if groups else "")
        if left := len(pairs) - len(self.pairs):
            self.note += f"; {left} longer than rollout.max_context={limit} tokens are left out"

    def draw(self, step: int) -> Draw:
        """The next pairs; the last ones of an epoch share a step with the first of the next."""
        # A pair may come twice in a step that spans two epochs: its place, not its number, tells pairs apart.
        numbers = self._numbers(step * self.size)
        chosen = [(replace(a, group=i), replace(b, group=i)) for i, (a, b) in enumerate(self.pairs[n] for n in numbers)]
        rows = [episode for pair in chosen for episode in pair]
        return Draw(
            collate_pairs(chosen, self.sizes),
            sum(episode.tokens for episode in rows),
            {"length": fmean(episode.tokens for episode in rows), "epoch": (step + 1) * self.size / len(self.pairs)},
        )

    def _numbers(self, first: int) -> list[int]:
        """Which pairs take the places from `first` on, epoch after epoch."""
        n = len(self.pairs)
        epochs = range(first // n, (first + self.size - 1) // n + 1)
        order = np.concatenate([np.random.default_rng([self.seed, epoch]).permutation(n) for epoch in epochs])
        start = first - epochs[0] * n
        numbers: list[int] = order[start : start + self.size].tolist()
        return numbers

    def state_dict(self) -> dict[str, Any]:
        """What the file was."""
        return {"digest": self.digest}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """RunError if the file has changed since."""
        if state["digest"] != self.digest:
            raise RunError("the file of pairs has changed since the run began; choose another name=... for a new run")


def limit_errors(played: Sequence[Trajectory], limit: float) -> None:
    """RunError if more than the share `limit` of the episodes was lost to environment errors."""
    failed = [t for t in played if t.stop is Stop.ENV_ERROR]
    if len(failed) > limit * len(played):
        raise RunError(
            f"{len(failed)} of {len(played)} episodes were lost to environment errors "
            f"(rollout.max_errors = {limit:g}); the first: {failed[0].task_id}: {failed[0].error}"
        )
