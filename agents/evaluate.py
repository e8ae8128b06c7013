"""How good a model is in an environment: pass@1, pass@k, levels, with intervals over problems."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence, Sized
from contextlib import closing
from dataclasses import asdict, dataclass, field
from statistics import fmean
from typing import Any

import numpy as np

from ludex.agents.files import strict_json
from ludex.agents.players import Context, Oracle, Player, PolicyPlayer, RandomPlayer, RemotePlayer
from ludex.agents.remote import Remote
from ludex.agents.rollout import Arena, Domain, Start
from ludex.agents.sampling import Sampling
from ludex.core import Stop, Trajectory

BOOTSTRAP = 2000  # resamples of the problems

Interval = tuple[float, float]


@dataclass
class Report:
    """The result of an evaluation.

    Attributes:
        n: problems. k: responses to each. errors: episodes lost to the environment.
        pass_1, pass_k: shares with 95 % bootstrap intervals over problems.
        reward: mean of the episodes' rewards. levels: share of each level.
        cut: share of episodes with a response ended by its length limit.
        tokens: mean sampled tokens an episode.
        samples: some episodes, and the first that was lost.
    """

    env: str
    model: str
    split: str
    n: int
    k: int
    pass_1: float
    pass_1_interval: Interval
    pass_k: float
    pass_k_interval: Interval
    reward: float
    levels: dict[str, float]
    cut: float
    tokens: float
    errors: int
    samples: list[dict[str, str]] = field(default_factory=list)

    def to_json(self) -> str:
        """The report as JSON; null where there was nothing to count."""
        return strict_json(asdict(self), indent=2, ensure_ascii=False)

    def headline(self) -> str:
        """One line for people."""
        text = f"pass@1 {percent(self.pass_1, self.pass_1_interval)}"
        return text + (f", pass@{self.k} {percent(self.pass_k, self.pass_k_interval)}" if self.k > 1 else "")


def percent(share: float, interval: Interval) -> str:
    """Such as "42.0 % [38.1, 46.2]"."""
    return f"{100 * share:.1f} % [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]"


def pass_at_k(n: int, correct: int, k: int) -> float:
    """Unbiased chance that one of k responses is right, from `correct` of `n` (Chen et al. 2021, arXiv 2107.03374)."""
    return 1.0 - math.comb(n - correct, k) / math.comb(n, k)


def bootstrap(values: Sequence[float], seed: int = 0) -> Interval:
    """95 % percentile interval of the mean, resampling problems."""
    data = np.asarray(values, dtype=float)
    if len(data) == 0:
        return (math.nan, math.nan)
    draws = np.random.default_rng(seed).integers(0, len(data), (BOOTSTRAP, len(data)))
    low, high = np.quantile(data[draws].mean(1), [0.025, 0.975])
    return float(low), float(high)


def play(
    player: Player, arena: Arena, *, n: int, k: int, split: str, seed: int, domain: int = 0, problems_at_once: int = 128
) -> list[Trajectory]:
    """Play k episodes on each of the first n tasks of a stream (all, if a data set has fewer); `group` is the index."""
    done: list[Trajectory] = []
    source = arena.source(domain, seed, split)
    n = min(n, len(source)) if isinstance(source, Sized) else n
    for first in range(0, n, problems_at_once):
        indices = range(first, min(n, first + problems_at_once))
        done += arena.play([Start(domain, seed, split, i, i) for i in indices for _ in range(k)], player)
    return done


def summarise(trajectories: Sequence[Trajectory], *, env: str, model: str, split: str, samples: int = 10) -> Report:
    """A report on episodes; those that ended in an environment error are counted and left out."""
    whole = [t for t in trajectories if t.stop is not Stop.ENV_ERROR]
    lost = [t for t in trajectories if t.stop is Stop.ENV_ERROR]
    problems: dict[int, list[bool]] = {}
    for t in whole:
        problems.setdefault(t.group, []).append(t.correct)
    k = max((len(answers) for answers in problems.values()), default=0)
    first = [sum(answers) / len(answers) for answers in problems.values()]
    best = [pass_at_k(len(a), sum(a), min(k, len(a))) for a in problems.values()]
    levels = Counter(map(_level, whole))
    order = next((t.score.scale.levels for t in whole if t.score), ("failed", "correct"))
    return Report(
        env=env,
        model=model,
        split=split,
        n=len(problems),
        k=k,
        pass_1=_mean(first),
        pass_1_interval=bootstrap(first),
        pass_k=_mean(best),
        pass_k_interval=bootstrap(best),
        reward=_mean([t.reward for t in whole]),
        levels={level: levels[level] / len(whole) for level in dict.fromkeys([*order, *levels])} if whole else {},
        cut=_mean([any(turn.cut for turn in t.turns) for t in whole]),
        tokens=_mean([t.tokens for t in whole]),
        errors=len(lost),
        samples=[_sample(t) for t in [*whole[:: max(1, len(whole) // max(1, samples))][:samples], *lost[:1]]],
    )


def _mean(values: Sequence[float]) -> float:
    return fmean(values) if values else math.nan


def _level(trajectory: Trajectory) -> str:
    if trajectory.stop is Stop.ENV_ERROR:
        return "error"
    if trajectory.score and trajectory.score.level:
        return trajectory.score.level
    return "correct" if trajectory.correct else "failed"


def _sample(trajectory: Trajectory) -> dict[str, str]:
    last = trajectory.turns[-1] if trajectory.turns else None
    return {
        "task_id": trajectory.task_id,
        "prompt": trajectory.turns[0].observation if trajectory.turns else "",
        "response": last.text if last else "",
        "level": _level(trajectory),
        "why": trajectory.score.why if trajectory.score else trajectory.error,
    }


def evaluate(
    model: str,
    env: str,
    *,
    n: int = 200,
    k: int = 1,
    split: str = "test",
    seed: int = 0,
    temperature: float = 1.0,
    max_new_tokens: int = 256,
    device: str = "auto",
    success_at: float = math.nan,
    **options: Any,
) -> Report:
    """Evaluate a model in an environment.

    Args:
        model: a local or hub path of a transformers causal LM, "tiny" (untrained), "oracle"
            (worked solutions), "random", or "openai:URL#model".
        env: an environment's id.
        n: problems.
        k: responses to each.
        split: of the problems.
        seed: names the stream of problems and the sampling.
        temperature: 0 for the most likely response.
        max_new_tokens: length limit of a response.
        device: for a local model.
        success_at: episode reward from which a foreign environment's episode counts as correct.
        options: of the environment.
    """
    domain = Domain(env, success_at=success_at, options=options)
    arena = Arena([domain])
    with closing(arena):
        player = open_player(model, domain, Sampling(max_new_tokens, temperature), seed, device)
        episodes = play(player, arena, n=n, k=k, split=split, seed=seed)
    return summarise(episodes, env=env, model=model, split=split)


def open_player(model: str, domain: Domain, sampling: Sampling, seed: int = 0, device: str = "auto") -> Player:
    """The player that MODEL names; ValueError if an openai: name has no "#model"."""
    if model == "oracle":
        return Oracle()
    if model == "random":
        return RandomPlayer(seed)
    if model.startswith("openai:"):
        return RemotePlayer(Remote.parse(model), sampling)
    from ludex.agents.setup import open_policy

    policy = open_policy(model, [domain], device=device)
    return policy_player(policy, sampling, seed)


def policy_player(policy: Any, sampling: Sampling, seed: int = 0) -> PolicyPlayer:
    """A policy with an engine of its own."""
    from ludex.agents.engine import LocalEngine
    from ludex.agents.render import Renderer

    renderer = Renderer(policy.tokenizer, policy.stops)
    engine = LocalEngine(policy, renderer.stops)
    engine.refresh(seed)
    limit = getattr(policy.model.config, "max_position_embeddings", 4096) or 4096
    return PolicyPlayer(engine, Context(renderer, min(limit, 32768)), sampling)


def print_report(report: Report, samples: int = 3) -> None:
    """The report as a table, and some responses."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    table = Table("", "", title=f"{report.model} in {report.env} ({report.split}, {report.n} problems x {report.k})")
    table.show_header = False
    table.add_row("pass@1", percent(report.pass_1, report.pass_1_interval))
    if report.k > 1:
        table.add_row(f"pass@{report.k}", percent(report.pass_k, report.pass_k_interval))
    table.add_row("mean reward", f"{report.reward:.3f}")
    for level, share in report.levels.items():
        table.add_row(f"  {level}", f"{100 * share:.1f} %")
    table.add_row("cut by length", f"{100 * report.cut:.1f} %")
    table.add_row("tokens an episode", f"{report.tokens:.1f}")
    if report.errors:
        table.add_row("environment errors", str(report.errors))
    console.print(table)
    for sample in report.samples[:samples]:
        prompt, response = escape(_visible(sample["prompt"])), escape(_visible(sample["response"]))
        why = f"  ({escape(_visible(sample['why']))})" if sample["why"] else ""
        console.print(f"[dim]{prompt}[/]\n  {response}  [bold]{sample['level']}[/]{why}")


def _visible(text: str) -> str:
    """The text without what could command a terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)
