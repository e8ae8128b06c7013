"""The training loop, whole: sample groups, learn from them, record, evaluate, save."""

from __future__ import annotations

import signal
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from time import perf_counter
from typing import Any

import numpy as np
import torch

from ludex.agents import runs
from ludex.agents.batch import collate
from ludex.agents.checkpoint import Checkpoints
from ludex.agents.engine import LocalEngine
from ludex.agents.evaluate import play, summarise
from ludex.agents.files import write_folder
from ludex.agents.journal import Journal, open_sinks
from ludex.agents.learner import Learner, learning_rate
from ludex.agents.metrics import alarms, describe
from ludex.agents.players import Context, Oracle, Player, PolicyPlayer
from ludex.agents.policy import save_model
from ludex.agents.render import Renderer
from ludex.agents.rollout import Arena, Start
from ludex.agents.sampling import Sampling
from ludex.agents.settings import Settings
from ludex.agents.setup import open_policy
from ludex.agents.view import RunView, View
from ludex.core import Stop, Trajectory


class RunError(RuntimeError):
    """The run cannot go on; the message says why and what would help."""


@dataclass
class Clock:
    """Seconds spent in each phase of a step."""

    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    @contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        """Count the block towards `phase`."""
        start = perf_counter()
        yield
        self.seconds[phase] += perf_counter() - start


class Trainer:
    """A run in memory: everything that `step` changes, and how to save and restore it.

    A step is one batch with all of its updates, so that every checkpoint lies
    between batches and holds nothing in flight. Sampling draws from a stream named
    by (seed, step, round): resuming needs no generator's state.
    """

    def __init__(self, settings: Settings):
        self.settings = settings
        compute, rollout = settings.compute, settings.rollout
        if compute.threads:
            torch.set_num_threads(compute.threads)
        self.algorithm = settings.chosen
        self.policy = open_policy(
            settings.model,
            settings.env,
            seed=settings.seed,
            device=compute.device,
            dtype=compute.dtype,
            critic="value" in self.algorithm.needs,
            gradient_checkpointing=compute.gradient_checkpointing,
        )
        self.learner = Learner(self.policy, self.algorithm, settings.optim, rollout.temperature, settings.steps)
        renderer = Renderer(self.policy.tokenizer, self.policy.stops)
        self.engine = LocalEngine(self.policy, renderer.stops, compute.decode_batch)
        self.context = Context(renderer, rollout.max_context, rollout.history)
        self.arena = Arena(settings.env, max_turns=rollout.max_turns, timeout_s=rollout.timeout_s)
        self.done = 0  # steps
        self.cursor = 0  # groups handed out
        self.best = -1.0  # pass@1

    @property
    def player(self) -> Player:
        """Who fills the batches."""
        if "oracle" in self.algorithm.needs:
            return Oracle(self.context)
        rollout = self.settings.rollout
        return PolicyPlayer(self.engine, self.context, Sampling(rollout.max_new_tokens, rollout.temperature))

    def step(self) -> tuple[dict[str, Any], list[Trajectory]]:
        """One batch and its updates; returns the step's metrics and all of its episodes."""
        clock, start = Clock(), perf_counter()
        with clock("rollout"):
            kept, played = self._collect()
        updates: dict[str, float] = {}
        if kept:  # dynamic sampling may find that everything is solved
            batch = collate(kept, append_only=not self.settings.rollout.history)
            with clock("learn"):
                updates = self.learner.learn(batch, self.done)
        lr = learning_rate(self.done, self.settings.optim, self.settings.steps)
        self.done += 1
        tokens = sum(t.tokens for t in played)
        metrics = {**updates, **describe(played), "groups": len({t.group for t in kept}), "lr": lr}
        metrics |= {f"time/{phase}": seconds for phase, seconds in clock.seconds.items()}
        metrics["tokens_s"] = tokens / (perf_counter() - start)
        return metrics, played

    def _collect(self) -> tuple[list[Trajectory], list[Trajectory]]:
        """Enough groups that the algorithm keeps, and every episode played on the way."""
        rollout = self.settings.rollout
        kept: list[list[Trajectory]] = []
        played: list[Trajectory] = []
        for number in range(rollout.max_rounds):
            self.engine.refresh(_stream(self.settings.seed, self.done, number))
            episodes = self.arena.play(self._starts(rollout.prompts - len(kept)), self.player)
            played += episodes
            _limit_errors(played, rollout.max_errors)
            groups: dict[int, list[Trajectory]] = {}
            for episode in episodes:
                if episode.stop is not Stop.ENV_ERROR and episode.turns:
                    groups.setdefault(episode.group, []).append(episode)
            kept += [group for group in groups.values() if self.algorithm.keep(group)]
            if len(kept) >= rollout.prompts:
                break
        if not kept and not any(episode.correct for episode in played):
            raise RunError(
                f"{rollout.max_rounds} rounds of sampling solved no task and gave no group to learn from. "
                "Make the tasks easier, raise rollout.group or choose another algorithm"
            )
        return [episode for group in kept for episode in group], played

    def _starts(self, groups: int) -> list[Start]:
        weights = np.array([domain.weight for domain in self.settings.env])
        starts = []
        for _ in range(groups):
            rng = np.random.default_rng([self.settings.seed, self.cursor])
            domain = int(rng.choice(len(weights), p=weights / weights.sum())) if len(weights) > 1 else 0
            start = Start(domain, self.settings.seed, "train", self.cursor, self.cursor)
            starts += [start] * self.settings.rollout.group
            self.cursor += 1
        return starts

    def evaluate(self) -> dict[str, Any]:
        """pass@1, pass@k and mean reward on the evaluation split, for each environment and their mean."""
        settings, rollout = self.settings.eval, self.settings.rollout
        player = PolicyPlayer(self.engine, self.context, Sampling(rollout.max_new_tokens, settings.temperature))
        self.engine.refresh(_stream(settings.seed, 1 << 40, self.done))
        found: dict[str, Any] = {}
        for i, domain in enumerate(self.settings.env):
            episodes = play(
                player, self.arena, n=settings.n, k=settings.k, split=settings.split, seed=settings.seed, domain=i
            )
            report = summarise(episodes, env=domain.id, model=self.settings.name, split=settings.split)
            prefix = f"eval/{domain.id}/" if len(self.settings.env) > 1 else "eval/"
            low, high = report.pass_1_interval
            found |= {f"{prefix}pass_1": report.pass_1, f"{prefix}pass_1_low": low, f"{prefix}pass_1_high": high}
            found |= {f"{prefix}pass_k": report.pass_k, f"{prefix}reward": report.reward}
            found |= {f"{prefix}level/{level}": share for level, share in report.levels.items()}
        if len(self.settings.env) > 1:
            found["eval/pass_1"] = fmean(v for k, v in found.items() if k.endswith("/pass_1"))
        return found

    def state_dict(self) -> dict[str, Any]:
        """Everything that an exact resume needs."""
        return {"done": self.done, "cursor": self.cursor, "best": self.best, "learner": self.learner.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.done, self.cursor, self.best = state["done"], state["cursor"], state["best"]
        self.learner.load_state_dict(state["learner"])


def _stream(*where: int) -> int:
    return int(np.random.SeedSequence(list(where)).generate_state(1, np.uint64)[0] >> 1)


def _limit_errors(played: Sequence[Trajectory], limit: float) -> None:
    failed = [t for t in played if t.stop is Stop.ENV_ERROR]
    if len(failed) > limit * len(played):
        raise RunError(
            f"{len(failed)} of {len(played)} episodes were lost to environment errors "
            f"(rollout.max_errors = {limit:g}); the first: {failed[0].task_id}: {failed[0].error}"
        )


def train(settings: Settings, root: Path | str = "runs", *, stop_after: int | None = None) -> Path:
    """Train until `settings.steps` steps are done, resuming the run folder if there is one.

    Args:
        settings: a whole run file, see `ludex.agents.settings.load`.
        root: where run folders live.
        stop_after: leave cleanly once this many steps are done.

    Returns:
        The run folder.

    Raises:
        ConfigError: if the folder holds a run with another configuration.
        RunError, Diverged: if the run cannot go on.
    """
    folder = Path(root) / settings.name
    runs.check(folder, settings)
    trainer = Trainer(settings)
    runs.claim(folder, settings)  # not before: a model that does not load must leave no folder behind
    checkpoints = Checkpoints(folder / "checkpoints", settings.save.keep_last)
    state = checkpoints.latest(trainer.policy.device)
    if state is not None:
        trainer.load_state_dict(state)
    with ExitStack() as stack:
        journal = Journal(folder, open_sinks(settings.log.sinks, folder, settings.name, settings.to_dict()))
        stack.callback(journal.close)
        stack.callback(trainer.arena.close)
        journal.rewind(trainer.done)
        view = stack.enter_context(RunView(settings.name, settings.steps, trainer.done))
        if state is not None:
            view.say(f"resuming {folder} after step {trainer.done}")
        stopping = stack.enter_context(interruptible(view))
        last = min(settings.steps, stop_after or settings.steps)
        if trainer.done == 0 and settings.eval.every:
            journal.metrics(0, trainer.evaluate())
        while trainer.done < last and not stopping.is_set():
            _step(trainer, journal, view, folder)
            if _due(trainer.done, settings.save.every) or trainer.done == last or stopping.is_set():
                checkpoints.save(trainer.done, trainer.state_dict())
        if trainer.done == settings.steps:
            write_folder(folder / "model", lambda path: save_model(trainer.policy, path))
            runs.draw(folder)
            view.say(f"done; next: ludex eval {folder}/model {settings.env[0]}, or look at {folder}/curves.png")
        else:
            view.say(f"stopped after step {trainer.done}; the same command goes on from there")
    return folder


def _step(trainer: Trainer, journal: Journal, view: View, folder: Path) -> None:
    """One step with its record, alarms and evaluation."""
    settings = trainer.settings
    metrics, played = trainer.step()
    raised = alarms(metrics, settings)
    if _due(trainer.done, settings.eval.every) or (settings.eval.every and trainer.done == settings.steps):
        metrics |= trainer.evaluate()
        if metrics["eval/pass_1"] > trainer.best:
            trainer.best = metrics["eval/pass_1"]
            if settings.save.keep_best:
                write_folder(folder / "best", lambda path: save_model(trainer.policy, path))
    for alarm in raised:
        view.say(f"step {trainer.done}: {alarm}")
    journal.metrics(trainer.done, {**metrics, "alarms": raised})
    lost = [t for t in played if t.stop is Stop.ENV_ERROR]
    if _due(trainer.done, settings.log.episodes_every):
        journal.episodes(trainer.done, played)
    elif lost:
        journal.episodes(trainer.done, lost)
    if lost:
        view.say(f"step {trainer.done}: {len(lost)} episodes left out; {lost[0].task_id}: {lost[0].error}")
    view.step(trainer.done, metrics)


def _due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0


@contextmanager
def interruptible(view: View) -> Iterator[threading.Event]:
    """Ctrl-C asks to stop after the current step; a second one stops at once."""
    stopping = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopping
        return

    def ask(number: int, frame: Any) -> None:
        if stopping.is_set():
            raise KeyboardInterrupt
        stopping.set()
        view.say("stopping after this step; press Ctrl-C again to stop at once")

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield stopping
    finally:
        signal.signal(signal.SIGINT, before)
