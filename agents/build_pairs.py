"""Preference pairs from an environment: of several responses to a task, a right one against a wrong one.

Tasks are posed in chunks; a file that was interrupted goes on behind the last whole one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sized
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ludex.agents.evaluate import open_player, play_alike
from ludex.agents.growing import Growing
from ludex.agents.players import Oracle, Player
from ludex.agents.rollout import Arena, Domain, Start
from ludex.agents.sampling import Sampling
from ludex.core import Stop, Trajectory
from ludex.lookup import suggest

CHUNK = 16  # tasks posed together


@dataclass(frozen=True)
class Recipe:
    """What decides the rows.

    Attributes:
        env, options, seed, split: the stream of tasks.
        model: who responds, as for `ludex eval`.
        k: responses to each task.
        temperature, max_new_tokens: how they are sampled.
        group_by: what names a pair's group: "domain" (the environment), "level" (of the rejected
            response), or a key of the task's info, such as "difficulty".
        solutions: where no response is right, the worked solution is chosen.
    """

    env: str
    model: str
    options: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    split: str = "train"
    k: int = 8
    temperature: float = 1.0
    max_new_tokens: int = 256
    group_by: str = "domain"
    solutions: bool = False

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError(f"k={self.k} must be at least 1")


@dataclass(frozen=True)
class Progress:
    """How far a file has got: tasks behind its last row, pairs written, and the tasks that gave none.

    Attributes:
        all_right, all_wrong: tasks whose usable responses were all of one kind.
        unusable: responses cut by their length limit, or lost to the environment.
    """

    tasks: int = 0
    pairs: int = 0
    all_right: int = 0
    all_wrong: int = 0
    unusable: int = 0


def build_pairs(
    recipe: Recipe,
    path: Path,
    n: int,
    *,
    tasks: int = 0,
    device: str = "auto",
    report: Callable[[int, int], None] | None = None,
) -> Progress:
    """Write `n` pairs, one a task, or go on with a file that was interrupted.

    Args:
        recipe: what decides the rows.
        path: the JSONL file; its card is `path` + ".card.json".
        n: pairs wanted.
        tasks: how many to try at most; 0 for 20 n.
        device: for a local model.
        report: is told now and then how many pairs there are, and how many an earlier run made.

    Raises:
        ValueError: if the file has another recipe, is not of this function or is being written, or the tasks
            have nothing that `recipe.group_by` names.
    """
    file = Growing(path, recipe, "pairs")
    with file.alone():
        progress: Progress = file.resume(Progress(), n)
        if progress.pairs >= n:
            return progress
        domain = Domain(recipe.env, options=recipe.options)
        with closing(Arena([domain])) as arena:
            source = arena.source(0, recipe.seed, recipe.split)
            _check_group(recipe, source)
            limit = min(tasks or 20 * n, len(source) if isinstance(source, Sized) else tasks or 20 * n)
            sampling = Sampling(recipe.max_new_tokens, recipe.temperature)
            player = open_player(recipe.model, domain, sampling, recipe.seed, device)
            file.begin(progress)
            old = progress.pairs
            while progress.pairs < n and progress.tasks < limit:
                if report:
                    report(progress.pairs, old)
                chunk = range(progress.tasks, min(limit, progress.tasks + CHUNK))
                rows, progress = _chunk(recipe, arena, player, chunk, progress, n)
                file.add(rows)
                file.keep(progress)
    return progress


def _check_group(recipe: Recipe, source: Any) -> None:
    if recipe.group_by in ("domain", "level"):
        return
    known = list(source[0].info) if source is not None else []
    if recipe.group_by not in known:
        raise ValueError(
            f"{recipe.env}: no {recipe.group_by!r} to group by; {suggest(recipe.group_by, ['domain', 'level', *known])}"
        )


def _chunk(
    recipe: Recipe, arena: Arena, player: Player, tasks: range, progress: Progress, n: int
) -> tuple[list[dict[str, Any]], Progress]:
    """The rows of some tasks, at most one each and `n` in all, and the progress behind the last."""
    starts = [Start(0, recipe.seed, recipe.split, i, i) for i in tasks for _ in range(recipe.k)]
    episodes, rules = play_alike(arena, player, starts, recipe.seed)
    usable = [t for t in episodes if t.stop is not Stop.ENV_ERROR and t.turns and not any(x.cut for x in t.turns)]
    lost = Counter(t.group for t in episodes) - Counter(t.group for t in usable)
    right: dict[int, Trajectory] = {t.group: t for t in reversed(usable) if t.correct}
    wrong: dict[int, Trajectory] = {t.group: t for t in reversed(usable) if not t.correct}
    if recipe.solutions:
        unsolved = [Start(0, recipe.seed, recipe.split, i, i) for i in wrong if i not in right]
        right |= {t.group: t for t in arena.play(sorted(unsolved, key=lambda s: s.index), Oracle()) if t.correct}
    source = arena.source(0, recipe.seed, recipe.split)
    rows = []
    for i in tasks:
        if progress.pairs < n:
            both = i in right and i in wrong
            rows += [_row(recipe, source, i, rules[i], right[i], wrong[i])] if both else []
            progress = Progress(
                tasks=progress.tasks + 1,
                pairs=progress.pairs + both,
                all_right=progress.all_right + (i in right and not both),
                all_wrong=progress.all_wrong + (i in wrong and not both),
                unusable=progress.unusable + lost[i],
            )
    return rows, progress


def _row(recipe: Recipe, source: Any, index: int, system: str, right: Trajectory, wrong: Trajectory) -> dict[str, Any]:
    """One line of the file: texts where there is one exchange without rules, else messages."""
    first = right.turns[0].observation
    if recipe.group_by == "domain":
        group = recipe.env
    elif recipe.group_by == "level":
        group = str(wrong.score.level) if wrong.score else "failed"
    else:
        group = str(source[index].info.get(recipe.group_by))
    prompt = [{"role": "system", "content": system}, {"role": "user", "content": first}] if system else first
    responses = {"chosen": _response(right), "rejected": _response(wrong)}
    return {"id": right.task_id, "prompt": prompt, **responses, "group": group}


def _response(trajectory: Trajectory) -> str | list[dict[str, str]]:
    """What was answered; in several turns with what the environment said in between."""
    if len(trajectory.turns) == 1:
        return trajectory.turns[0].text
    messages = [{"role": "assistant", "content": trajectory.turns[0].text}]
    for turn in trajectory.turns[1:]:
        messages += [{"role": "user", "content": turn.observation}, {"role": "assistant", "content": turn.text}]
    return messages
