"""The training loop, whole: draw a batch, learn from it, record, evaluate, save."""

from __future__ import annotations

import copy
import math
import signal
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from time import perf_counter
from typing import Any

import torch

from ludex.agents import runs
from ludex.agents.checkpoint import Checkpoints
from ludex.agents.engine.local import LocalEngine
from ludex.agents.evaluate import play
from ludex.agents.files import NO_ROOM, write_folder
from ludex.agents.journal import Journal, check_sinks, open_sinks
from ludex.agents.learner import Learner, learning_rate
from ludex.agents.metrics import alarms
from ludex.agents.players import Context, Oracle, Player, PolicyPlayer
from ludex.agents.policy import save_model
from ludex.agents.render import Renderer
from ludex.agents.report import summarise
from ludex.agents.rollout import Arena
from ludex.agents.sampling import Engine, Sampling, stream
from ludex.agents.settings import Settings
from ludex.agents.setup import open_policy
from ludex.agents.sources import Pairs, Rollouts, RunError, Source, limit_errors
from ludex.agents.view import RunView, View
from ludex.core import Stop, Trajectory


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
    between batches and holds nothing in flight.
    """

    def __init__(self, settings: Settings):
        self.settings = settings
        compute, rollout = settings.compute, settings.rollout
        if compute.threads:
            torch.set_num_threads(compute.threads)
        self.algorithm = copy.deepcopy(settings.chosen)  # it may hold state, which belongs to this run
        self.policy = open_policy(
            settings.model,
            settings.env,
            seed=settings.seed,
            device=compute.device,
            dtype=compute.dtype,
            critic="value" in self.algorithm.needs,
            gradient_checkpointing=compute.gradient_checkpointing,
            lora=settings.lora,
        )
        self.learner = Learner(
            self.policy, self.algorithm, settings.optim, rollout.temperature, settings.steps, compute.deterministic
        )
        renderer = Renderer(self.policy.tokenizer, self.policy.stops)
        self.engine = self._open_engine(renderer)
        self.context = Context(renderer, rollout.max_context, rollout.history)
        self.arena = Arena(
            settings.env, max_turns=rollout.max_turns, timeout_s=rollout.timeout_s, workers=rollout.workers
        )
        self.done = 0  # steps
        self.best = -1.0  # pass@1
        self.source = self._open_source(renderer)

    def _open_engine(self, renderer: Renderer) -> Engine:
        compute = self.settings.compute
        if compute.engine == "transformers":
            from ludex.agents.engine.paged import TransformersEngine

            return TransformersEngine(self.policy, renderer.stops, compute.decode_batch)
        return LocalEngine(self.policy, renderer.stops, compute.decode_batch)

    def _open_source(self, renderer: Renderer) -> Source:
        needs, rollout = self.algorithm.needs, self.settings.rollout
        if "pairs" in needs:
            return Pairs(self.settings, renderer)
        player: Player = Oracle(self.context)
        if "oracle" not in needs:
            player = self._policy_player(rollout.temperature)
        return Rollouts(self.settings, self.algorithm, self.arena, player, self.engine)

    def _policy_player(self, temperature: float) -> PolicyPlayer:
        rollout = self.settings.rollout
        sampling = Sampling(rollout.max_new_tokens, temperature, stop=rollout.stop)
        return PolicyPlayer(self.engine, self.context, sampling)

    def step(self) -> tuple[dict[str, Any], list[Trajectory]]:
        """One batch and its updates; returns the step's metrics and all of its episodes."""
        clock, start = Clock(), perf_counter()
        with clock("rollout"):
            data = self.source.draw(self.done)
        updates: dict[str, float] = {}
        if data.batch is not None:  # dynamic sampling may find that everything is solved
            with clock("learn"):
                updates = self.learner.learn(data.batch, self.done)
        lr = learning_rate(self.done, self.settings.optim, self.settings.steps)
        self.done += 1
        metrics = {**updates, **data.metrics, "lr": lr}
        metrics |= {f"time/{phase}": seconds for phase, seconds in clock.seconds.items()}
        metrics["tokens_s"] = data.tokens / (perf_counter() - start)
        return metrics, data.episodes

    def evaluate(self) -> dict[str, Any]:
        """pass@1, pass@k and mean reward on the evaluation split, for each environment and their mean."""
        settings = self.settings.eval
        player = self._policy_player(settings.temperature)
        self.engine.refresh(stream(settings.seed, 1 << 40, self.done))
        found: dict[str, Any] = {}
        for i, domain in enumerate(self.settings.env):
            episodes = play(
                player, self.arena, n=settings.n, k=settings.k, split=settings.split, seed=settings.seed, domain=i
            )
            limit_errors(episodes, self.settings.rollout.max_errors)  # an empty split, say, must not pass for a score
            report = summarise(episodes, env=domain.id, model=self.settings.name, split=settings.split)
            prefix = f"eval/{domain}/" if len(self.settings.env) > 1 else "eval/"
            low, high = report.pass_1_interval
            found |= {f"{prefix}pass_1": report.pass_1, f"{prefix}pass_1_low": low, f"{prefix}pass_1_high": high}
            found |= {f"{prefix}pass_k": report.pass_k, f"{prefix}reward": report.reward}
            found |= {f"{prefix}level/{level}": share for level, share in report.levels.items()}
        if len(self.settings.env) > 1:
            found["eval/pass_1"] = fmean(v for k, v in found.items() if k.endswith("/pass_1"))
        return found

    def state_dict(self) -> dict[str, Any]:
        """Everything that an exact resume needs."""
        state = {"source": self.source.state_dict(), "learner": self.learner.state_dict()}
        return {"done": self.done, "best": self.best, **state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.done, self.best = state["done"], state["best"]
        self.source.load_state_dict(state["source"])
        self.learner.load_state_dict(state["learner"])


def train(settings: Settings, root: Path | str = "runs", *, stop_after: int | None = None, fresh: bool = False) -> Path:
    """Train until `settings.steps` steps are done, resuming the run folder if there is one.

    Args:
        settings: a whole run file, see `ludex.agents.settings.load`.
        root: where run folders live.
        stop_after: leave cleanly once this many steps are done.
        fresh: replace the run folder instead, as soon as the new run is sure to start.

    Returns:
        The run folder.

    Raises:
        ConfigError: if the folder holds a run with another configuration.
        ValueError: if another process is training into it, or its newest checkpoint is damaged.
        RunError, Diverged: if the run cannot go on.
        KeyboardInterrupt: after Ctrl-C, once the step is saved.
    """
    folder = Path(root) / settings.name
    with ExitStack() as stack:
        stack.enter_context(runs.alone(folder))
        if not fresh:
            runs.check(folder, settings, longer=True)
        check_sinks(settings.log.sinks)
        trainer = Trainer(settings)
        stack.callback(trainer.arena.close)
        runs.claim(folder, settings, fresh=fresh)  # not before: what does not start must leave the folder as it is
        checkpoints = Checkpoints(folder / "checkpoints", settings.save.keep_last)
        stack.enter_context(_room(checkpoints))
        resumed = _restore(trainer, checkpoints)
        journal = Journal(folder, open_sinks(settings.log.sinks, folder, settings.name, settings.to_dict()))
        stack.callback(journal.close)
        journal.rewind(trainer.done if resumed else -1)  # without a checkpoint step 0 is evaluated anew
        view = stack.enter_context(RunView(settings.name, settings.steps, trainer.done))
        if resumed:
            view.say(f"resuming {folder} after step {trainer.done}")
        if trainer.source.note:
            view.say(trainer.source.note)
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
            if trainer.policy.adapters is not None:
                write_folder(folder / "adapter", trainer.policy.adapters.save)
            runs.draw(folder)
            view.say(f"done; next: {_measure(settings, folder)}, or look at {folder}/curves.png")
        else:
            view.say(f"stopped after step {trainer.done}; the same command goes on from there")
            if stopping.is_set():
                raise KeyboardInterrupt  # what comes after an unfinished run must not take it for a finished one
    return folder


@contextmanager
def _room(checkpoints: Checkpoints) -> Iterator[None]:
    """RunError where the disk is full, which says from where the run goes on."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        then = f"goes on after step {max(checkpoints.steps())}" if checkpoints.steps() else "begins again"
        what = f"{error.filename or checkpoints.folder.parent}: {error.strerror}"
        raise RunError(f"{what}; make room, and the same command {then}") from error


def _restore(trainer: Trainer, checkpoints: Checkpoints) -> bool:
    """Take back the newest checkpoint, if there is one; whether there is.

    It is read into the CPU's memory, and let go of: the trainer copies what belongs on its device.
    """
    state = checkpoints.latest(torch.device("cpu"))
    if state is not None:
        trainer.load_state_dict(state)
    return state is not None


def _measure(settings: Settings, folder: Path) -> str:
    """The command that evaluates the final model in the first environment."""
    if not settings.env:
        return f"ludex eval {folder}/model ID"
    env = settings.env[0]
    least = "" if math.isnan(env.success_at) else f" --success-at {env.success_at}"
    return f"ludex eval {folder}/model {env}{least}"


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
