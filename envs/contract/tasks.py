"""The rules about tasks and their verifiers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sized
from typing import Any

from ludex.core import Task
from ludex.envs.contract import hostile
from ludex.envs.contract.subject import SAMPLE, Broken, Subject, in_fresh_process
from ludex.envs.core import SPLITS
from ludex.envs.registry import task
from ludex.rewards import verify
from ludex.rewards.answers import FORMS

DRAWS = 200  # tasks of each split and seed in the search for overlaps


def same_index_same_task(subject: Subject) -> str:
    """Fresh sources, other orders of access and a second process all give the same tasks."""
    first = [t.to_json() for t in subject.tasks]
    source = subject.source()
    backwards = [source[i].to_json() for i in reversed(range(len(first)))][::-1]
    if first != backwards:
        raise Broken("source[i] differs between two readings: draw only from the rng that generate() is given")
    if not subject.importable:
        return f"{len(first)} tasks twice the same (a second process cannot import this environment)"
    if first != in_fresh_process(subject, "tasks"):
        raise Broken("source[i] differs in a second process: do not depend on hash(), set order, time or files")
    return f"{len(first)} tasks the same in any order and in a second process"


def seeds_differ(subject: Subject) -> str | None:
    """Neighbouring seeds give independent streams, not shifted ones; a data set has one order only."""
    if isinstance(subject.source(), Sized):
        return None
    a, b = ([key(t) for t in subject.draw(SAMPLE, seed)] for seed in (42, 43))
    space = len({*a, *b})
    for shift, (left, right) in {0: (a, b), 1: (a[1:], b[:-1]), -1: (a[:-1], b[1:])}.items():
        same = sum(map(str.__eq__, left, right))
        if 2 * same > len(left) and (space > 10 or same == len(left)):
            raise Broken(f"seeds 42 and 43 share {same} of {len(left)} tasks at shift {shift}: seed with (seed, index)")
    return f"seeds 42 and 43 give different streams ({space} distinct problems in {len(a) + len(b)} draws)"


def splits_disjoint(subject: Subject) -> str:
    """No problem, by its key or by its prompt and answer, is in two splits; says how many problems were seen."""
    drawn = {split: [t for seed in (0, 1) for t in subject.draw(DRAWS, seed, split)] for split in SPLITS}
    for of in (key, lambda t: (t.prompt, t.images, repr(t.answer))):
        owner: dict[Any, str] = {}
        for split, tasks in drawn.items():
            for problem in map(of, tasks):
                if owner.setdefault(problem, split) != split:
                    where = f"in {owner[problem]} and in {split}"
                    if isinstance(subject.source(), Sized):
                        return f"warning: {problem!s:.80} is {where}: do not measure on what you train on"
                    raise Broken(f"{problem!s:.80} is {where}: info['key'] must be the canonical form of the problem")
    counts = ", ".join(f"{len(set(map(key, tasks)))} of {len(tasks)} in {split}" for split, tasks in drawn.items())
    return f"distinct problems: {counts}; {_space(drawn['train'])}"


def solution_correct(subject: Subject) -> str | None:
    """The worked solution, where it is one response, scores correct."""
    for t in subject.tasks:
        solution = t.info.get("solution")
        if isinstance(solution, list):
            return None  # a game of several turns: `solution_played` plays it
        if not isinstance(solution, str):
            raise Broken(f"{t.id} has no info['solution']: give the response that solves it")
        score = verify(solution, t)
        if not score.correct:
            raise Broken(
                f"{t.id}: the worked solution {solution[-80:]!r} scores {score.level or 'ERROR'} ({score.why})"
            )
    return f"{len(subject.tasks)} worked solutions are correct"


def nothing_scores_lowest(subject: Subject) -> str:
    """A response without an answer has the scale's worst level."""
    for t in subject.tasks:
        for response in (None, "", "   ", "I do not know.", "<think>", "<think>The answer is"):
            score = verify(response, t)
            if score.level != score.scale.levels[0]:
                want, got = score.scale.levels[0], score.level or f"ERROR ({score.why})"
                raise Broken(f"{t.id}: {response!r} holds no answer, so its level must be {want!r}, not {got!r}")
    return f"no answer is {score.scale.levels[0]!r}"


def unreadable_below_wrong(subject: Subject) -> str:
    """Several answers, or one left open, score below a wrong answer."""
    for t in subject.tasks:
        for response in _unreadable(t):
            score = verify(response, t)
            failing = score.scale.rank(score.scale.correct)
            if failing < 2:
                return "warning: the scale has one failing level, so an unreadable answer pays what a wrong one does"
            worst = score.scale.pays[failing - 1]
            if score.level is None or score.scale.rank(score.level) >= failing - 1 or score.reward >= worst:
                got = f"{score.level or 'ERROR'} ({score.why})"
                raise Broken(
                    f"{t.id}: {response[-60:]!r} cannot be read, so it must score and pay less than wrong; it is {got}"
                )
    return "unreadable answers score and pay less than wrong ones"


def hostile_harmless(subject: Subject) -> str:
    """Hostile responses are never correct, raise nothing, run nothing and end in time."""
    judged = in_fresh_process(subject, "hostile") if subject.importable else hostile.judge(subject.tasks[0])
    for name, verdict in judged.items():
        if verdict["fault"]:
            raise Broken(f"the response {name}: {verdict['fault']}")
    slowest = max(judged, key=lambda name: float(judged[name]["seconds"]))
    return (
        f"{len(judged)} hostile responses fail; the slowest ({slowest}) took {judged[slowest]['seconds'] * 1e3:.1f} ms"
    )


def json_round_trip(subject: Subject) -> str:
    """A task is JSON: what is written is what is read."""
    for t in subject.tasks:
        again = Task.from_json(t.to_json())
        for name in ("prompt", "answer", "verifier", "id", "images", "info"):
            before, after = getattr(t, name), getattr(again, name)
            if before != after:
                raise Broken(
                    f"{t.id}: {name} {before!r:.60} comes back as {after!r:.60}: use lists, not tuples; string keys"
                )
    return f"{len(subject.tasks)} tasks come back from JSON"


def id_rebuilds(subject: Subject) -> str:
    """`ludex.task(task.id)` is the task."""
    for t in subject.tasks:
        if task(t.id) != t:
            raise Broken(f"ludex.task({t.id!r}) is another task: generate() may depend on its rng and options only")
    return f"for example {subject.tasks[-1].id}"


def answer_hidden(subject: Subject) -> str | None:
    """Advice: the worked solution's answer should not stand in the prompt."""
    pairs = [(t.prompt, _content(t)) for t in subject.tasks if isinstance(t.info.get("solution"), str)]
    shown = [p for p, answer in pairs if answer and re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", p)]
    if 2 * len(shown) > len(pairs):
        return f"warning: the answer stands in {len(shown)} of {len(pairs)} prompts; can it be copied from there?"
    return f"the answer stands in {len(shown)} of {len(pairs)} prompts" if pairs else None


def unknown_option(subject: Subject) -> str:
    """A misspelt option is refused by a message that names it."""
    word = "no_such_option"
    try:
        Subject(subject.name, {**subject.task_options, word: 1}).source()
    except Exception as error:
        if word in str(error):
            return f"{type(error).__name__}: {error}"
        raise Broken(
            f"an unknown option raises {type(error).__name__}: {error}; the message must name the option"
        ) from None
    raise Broken("an unknown option is accepted in silence: give generate() keyword options by name, not **kwargs")


def _space(drawn: list[Task]) -> str:
    """How many problems there are, from how often two draws coincide."""
    pairs = len(drawn) * (len(drawn) - 1) // 2
    equal = sum(n * (n - 1) // 2 for n in Counter(map(key, drawn)).values())
    return f"about {pairs / equal:,.0f} to train on" if equal else f"more than {pairs:,} to train on"


def key(t: Task) -> str:
    """The canonical form of a problem, as the splits go by it."""
    return str(t.info.get("key", t.prompt))


def _content(t: Task) -> str:
    found = FORMS[t.info.get("form", "answer")](t.info["solution"])
    return (found[-1] or "").strip() if found else ""


def _unreadable(t: Task) -> list[str]:
    left, right = hostile.MARKERS[t.info.get("form", "answer")]
    return [f"{left}1{right} or {left}2{right}", f"{left}1"]
