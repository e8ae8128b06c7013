"""How well a policy plans: played to the end, and by the product formula from its single steps.

After Hu et al., "Training task reasoning LLM agents for multi-turn task planning via single-turn reinforcement
learning" (2025): from a state s, a policy finishes in the fewest steps with the chance

    P(s) = sum over optimal actions a of  pi(a | s) P(s after a),      P(finished) = 1.

With one optimal action in every state this is the product of its chances along the plan. A plan that is not the
shortest may succeed as well, so P is a lower bound on the rate of success.
"""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from ludex.agents.evaluate import play
from ludex.agents.players import Player
from ludex.agents.report import Interval, interval
from ludex.agents.rollout import Arena
from ludex.core import Stop, Task, Trajectory, Turn

Ask = tuple[str, str, str]  # the rules, what is observed, a response
Chances = Callable[[Sequence[Ask]], list[float]]


@dataclass(frozen=True)
class Planning:
    """What played episodes show.

    Attributes:
        n: attempts; those lost to the environment are left out.
        success: their rate of success (SR), with its 95 % interval over problems.
        asat: mean steps over all attempts, where a failure counts its cap.
        asst: mean steps over the successes; NaN without any.
        minimal: the rate of success in the fewest steps, with its interval: what P_0 foretells.
    """

    n: int
    success: float
    success_interval: Interval
    asat: float
    asst: float
    minimal: float
    minimal_interval: Interval


def evaluate_plans(player: Player, arena: Arena, *, n: int, k: int = 1, split: str = "test", seed: int = 0) -> Planning:
    """Play k episodes on each of the first n tasks of an arena's first environment, and measure them."""
    source = arena.source(0, seed, split)
    tasks = {i: source[i] for i in range(n)}
    options = arena.domains[0].options  # a limit that is set there goes before the task's own
    limit = int(options.get("steps") or options.get("turns") or 0)
    return measure(play(player, arena, n=n, k=k, split=split, seed=seed), tasks, limit)


def measure(episodes: Sequence[Trajectory], tasks: dict[int, Task], limit: int = 0) -> Planning:
    """The figures of episodes; `tasks` has the task of each group, with its worked solution as a list.

    A failure counts `limit` steps, or with 0 as many as its task allows.
    """
    whole = [e for e in episodes if e.stop is not Stop.ENV_ERROR]
    steps = [len(e.turns) if e.correct else max(len(e.turns), limit or cap(tasks[e.group])) for e in whole]
    won = [length for e, length in zip(whole, steps, strict=True) if e.correct]
    best = [e.correct and len(e.turns) <= fewest(tasks[e.group]) for e in whole]
    k = max(Counter(e.group for e in whole).values(), default=1)
    success, minimal = (_by_problem(whole, marks) for marks in ([e.correct for e in whole], best))
    return Planning(
        n=len(whole),
        success=_mean(success),
        success_interval=interval(success, k),
        asat=_mean(steps),
        asst=_mean(won),
        minimal=_mean(minimal),
        minimal_interval=interval(minimal, k),
    )


def fewest(task: Task) -> int:
    """The steps of a task's worked solution."""
    return len(task.info.get("solution") or task.info["plan"])


def cap(task: Task) -> int:
    """The most steps that an attempt may take; 0 where the task does not say."""
    answer = task.answer if isinstance(task.answer, dict) else {}
    return int(answer.get("turns") or task.info.get("turns") or task.info.get("steps") or 0)


def _by_problem(episodes: Sequence[Trajectory], marks: Sequence[bool]) -> list[float]:
    problems: dict[int, list[bool]] = {}
    for episode, mark in zip(episodes, marks, strict=True):
        problems.setdefault(episode.group, []).append(mark)
    return [fmean(own) for own in problems.values()]


def _mean(values: Sequence[float]) -> float:
    return fmean(values) if values else math.nan


def product(chances: Iterable[float]) -> float:
    """P_0 along one plan: the product of the chances that each of its steps is right."""
    return math.prod(chances)


def step_chances(tasks: Sequence[Task], chances: Chances) -> list[float]:
    """For each step of plans (tasks of `steps-v0`), the chance that the policy takes one of its best actions."""
    asks = [(t.info["system"], t.prompt, t.answer["reply"].format(words)) for t in tasks for words in t.answer["best"]]
    found = iter(chances(asks))
    return [math.fsum(next(found) for _ in task.answer["best"]) for task in tasks]


def minimal_success(env: Any, chances: Chances, *, index: int, split: str = "test") -> float:
    """P_0 of a task, exact over all its shortest plans, for a policy that sees the present observation only.

    Args:
        env: an environment without wrappers that tells all `optimal()` moves and whose copies share no state that
            changes, such as kitchen.
        chances: the policy's chances of responses, all those of one depth at a time.
        index: the task's.
        split: the task's.
    """
    observation, info = env.reset(options={"index": index, "split": split})
    system, reached = info["system"], 0.0
    layer: dict[Any, tuple[Any, str, float]] = {"": (copy.copy(env), observation, 1.0)}
    while layer:
        moves = [(here, seen, mass, move) for here, seen, mass in layer.values() for move in here.optimal()]
        asks = [(system, seen, f"<answer>{move}</answer>") for _, seen, _, move in moves]
        layer = {}
        for (here, _, mass, _), (*_, response), chance in zip(moves, asks, chances(asks), strict=True):
            there = copy.copy(here)
            seen, _, won, *_ = there.step(response)
            known = layer.get((there.state, seen), (there, seen, 0.0))
            reached += mass * chance if won else 0.0
            if not won:
                layer[there.state, seen] = (there, seen, known[2] + mass * chance)
    return reached


def policy_chances(policy: Any, batch: int = 64) -> Chances:
    """The chances of whole responses, word for word and with their end, under a policy at temperature 1.

    A response that says the same in other words, or that thinks first, is another response: what comes out is a lower
    bound for policies that do so, and exact for those that answer at once.

    Args:
        policy: a `Policy`, such as `open_policy("runs/NAME/model", domains)`.
        batch: responses in one forward pass.
    """
    import torch

    from ludex.agents.batch import collate
    from ludex.agents.render import Renderer

    renderer = Renderer(policy.tokenizer, policy.stops)

    def episode(number: int, ask: Ask) -> Trajectory:
        ids = renderer.response(ask[2])
        turn = Turn(ask[1], ask[2], prompt_ids=renderer.start(ask[0], ask[1]), action_ids=ids, logps=[0.0] * len(ids))
        return Trajectory("", number, turns=[turn])

    def chances(asks: Sequence[Ask]) -> list[float]:
        found: list[float] = []
        for first in range(0, len(asks), batch):
            rows = collate([episode(i, ask) for i, ask in enumerate(asks[first : first + batch])]).to(policy.device)
            with torch.no_grad(), policy.evaluating():
                found += (policy(rows).logp * rows.mask).sum(1).exp().tolist()
        return found

    return chances


def grpo_optimum(reference: float, success: float, beta: float) -> float:
    """The chance of a right action at the optimum of one GRPO step with a 0/1 reward (after Mroueh, arXiv 2503.06639).

    The optimum of E[A] - beta KL(pi || ref) weighs every action by exp(A / beta), where A = (r - p) / sqrt(p (1 - p)).

    Args:
        reference: the reference policy's chance of a right action.
        success: p, the sampling policy's.
        beta: the weight of the KL penalty.

    Raises:
        ValueError: unless 0 < success < 1 and beta > 0: equal rewards have no advantage.
    """
    if not 0 < success < 1 or beta <= 0:
        raise ValueError(f"success={success} must lie between 0 and 1, and beta={beta} above 0")
    if reference <= 0:
        return 0.0
    gain = -1 / (beta * math.sqrt(success * (1 - success)))
    return 1 / (1 + (1 - reference) / reference * math.exp(max(gain, -700.0)))
