"""How good a model is in an environment: who plays, on which problems, and the report on it."""

from __future__ import annotations

import math
from collections.abc import Sized
from contextlib import closing
from pathlib import Path
from typing import Any

from ludex.agents.players import Context, Oracle, Player, PolicyPlayer, RandomPlayer
from ludex.agents.remote import Remote, RemotePlayer
from ludex.agents.report import Report, summarise
from ludex.agents.rollout import Arena, Domain, Start
from ludex.agents.sampling import Sampling
from ludex.agents.transcripts import page
from ludex.core import Trajectory
from ludex.lookup import suggest


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
        options: of the environment.

    Raises:
        ValueError: if the tasks' info has no key `by`.
    """
    domain = Domain(env, success_at=success_at, options=options)
    arena = Arena([domain])
    with closing(arena):
        player = open_player(model, domain, Sampling(max_new_tokens, temperature), seed, device)
        kinds = _kinds(arena.source(0, seed, split), by, n)
        episodes = play(player, arena, n=n, k=k, split=split, seed=seed)
    report = summarise(episodes, env=env, model=model, split=split, kinds=kinds)
    if html:
        html.write_text(page(episodes, f"{model} on {env} ({split}): {report.headline()}"), encoding="utf-8")
    return report


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
    """A policy with an engine of its own."""
    from ludex.agents.engine.local import LocalEngine
    from ludex.agents.render import Renderer

    renderer = Renderer(policy.tokenizer, policy.stops)
    engine = LocalEngine(policy, renderer.stops)
    engine.refresh(seed)
    limit = getattr(policy.model.config, "max_position_embeddings", 4096) or 4096
    return PolicyPlayer(engine, Context(renderer, min(limit, 32768)), sampling)
