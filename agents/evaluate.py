"""How good a model is in an environment: who plays, on which problems, and the report on it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence, Sized
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import Any

from ludex.agents.players import Context, Listening, Oracle, Player, PolicyPlayer, RandomPlayer, reseeded
from ludex.agents.remote import Remote, RemotePlayer
from ludex.agents.report import Report, summarise
from ludex.agents.rollout import Arena, Domain, Start
from ludex.agents.sampling import Sampling
from ludex.agents.transcripts import page
from ludex.core import Stop, Trajectory
from ludex.lookup import suggest


class Interrupted(KeyboardInterrupt):
    """Ctrl-C in an evaluation; `report` is on the problems that were finished."""

    def __init__(self, report: Report):
        super().__init__()
        self.report = report


def play(
    player: Player,
    arena: Arena,
    *,
    n: int,
    k: int,
    split: str,
    seed: int,
    domain: int = 0,
    problems_at_once: int = 128,
    ended: Callable[[Trajectory], None] | None = None,
) -> list[Trajectory]:
    """Play k episodes on each of the first n tasks of a stream (all, if a data set has fewer); `group` is the index.

    `ended` is told each episode as soon as it is over.
    """
    done: list[Trajectory] = []
    source = arena.source(domain, seed, split)
    n = min(n, len(source)) if isinstance(source, Sized) else n
    for first in range(0, n, problems_at_once):
        indices = range(first, min(n, first + problems_at_once))
        done += arena.play([Start(domain, seed, split, i, i) for i in indices for _ in range(k)], player, ended)
    return done


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
    by: str = "",
    html: Path | None = None,
    ended: Callable[[Trajectory], None] | None = None,
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
        by: a key of the tasks' info, such as "task_type", by whose values problems are counted apart.
        html: a file for a page with all episodes.
        ended: is told each episode as soon as it is over.
        options: of the environment.

    Raises:
        ValueError: if n or k is below 1, the tasks' info has no key `by`, or no prompt leaves room for a response.
        Interrupted: for Ctrl-C, once a problem is finished.
    """
    if n < 1 or k < 1:
        raise ValueError(f"n={n} and k={k} must be 1 or more: problems, and responses to each")
    domain = Domain(env, success_at=success_at, options=options)
    over: list[Trajectory] = []

    def note(trajectory: Trajectory) -> None:
        over.append(trajectory)
        if ended:
            ended(trajectory)

    with closing(Arena([domain])) as arena:
        player = open_player(model, domain, Sampling(max_new_tokens, temperature), seed, device)
        source = arena.source(0, seed, split)
        kinds = _kinds(source, by, n)
        try:
            episodes, stopped = play(player, arena, n=n, k=k, split=split, seed=seed, ended=note), False
        except KeyboardInterrupt:
            episodes, stopped = _finished(over, k), True
            if not episodes:
                raise
    if episodes and all(t.stop is Stop.CONTEXT and not t.turns for t in episodes):
        raise ValueError(f"no prompt leaves room for max_new_tokens={max_new_tokens} in the model's context")
    report = summarise(episodes, env=env, model=model, split=split, kinds=kinds)
    report.partial = stopped
    report.judged = source is not None or 0 in arena.judged or not math.isnan(success_at)
    if html:
        html.write_text(page(episodes, title(report)), encoding="utf-8")
    if stopped:
        raise Interrupted(report)
    return report


def title(report: Report) -> str:
    """What a page of the report's episodes is called."""
    return f"{report.model} on {report.env} ({report.split}): {report.headline()}"


def play_alike(
    arena: Arena, player: Player, starts: Sequence[Start], seed: int
) -> tuple[list[Trajectory], dict[int, str]]:
    """One trajectory for each start, which depends on nothing but its task, and the rules that each group was told.

    A policy samples every episode from a stream of its own. Chance draws from one stream, turn by turn, so that its
    tasks are posed one after the other, each with a stream of its own.
    """
    chance = isinstance(player, RandomPlayer)
    done: list[Trajectory] = []
    rules: dict[int, str] = {}
    for index, group in groupby(starts, key=lambda start: start.index if chance else 0):
        listening = Listening(reseeded(player, seed, index))
        done += arena.play(list(group), listening)
        rules |= listening.system
    return done, rules


def _finished(episodes: Sequence[Trajectory], k: int) -> list[Trajectory]:
    """The episodes of the problems that have all k of theirs, problem by problem."""
    counts = Counter(t.group for t in episodes)
    return sorted((t for t in episodes if counts[t.group] == k), key=lambda t: t.group)


def _kinds(source: Any, by: str, n: int) -> dict[int, str]:
    """What `by` is for each of the first n tasks."""
    if not by:
        return {}
    if source is None:
        raise ValueError(f"by={by!r}: the environment has no tasks whose info could be read")
    known = source[0].info
    if by not in known:
        raise ValueError(f"no {by!r} in the tasks' info; {suggest(by, list(known))}")
    return {i: str(source[i].info[by]) for i in range(min(n, len(source)) if isinstance(source, Sized) else n)}


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
    """A policy with an engine of its own. ValueError if its context has no room for a prompt beside a response."""
    from ludex.agents.engine.local import LocalEngine
    from ludex.agents.render import Renderer

    renderer = Renderer(policy.tokenizer, policy.stops)
    engine = LocalEngine(policy, renderer.stops)
    engine.refresh(seed)
    limit = min(getattr(policy.model.config, "max_position_embeddings", 4096) or 4096, 32768)
    if sampling.max_new_tokens >= limit:
        raise ValueError(
            f"the model's context of {limit} tokens leaves no room "
            f"beside max_new_tokens={sampling.max_new_tokens} for a prompt"
        )
    return PolicyPlayer(engine, Context(renderer, limit), sampling)
