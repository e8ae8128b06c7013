"""Judges a drafted game by what it produced, as data: nothing of the module runs here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from ludex.code2logic.checks import contents, faults, guessable, others
from ludex.core import Task

Faults = dict[str, list[str]]  # by question; "" for the whole game
MOST = 3  # lines a question, so that a repair stays readable


def read(said: dict[str, Any]) -> dict[str, list[Task]]:
    """The tasks by question. ValueError, TypeError or KeyError if they are none."""
    found: dict[str, list[Task]] = {name: [] for name in said["questions"]}
    for draw in said["draws"]:
        task = Task.from_json(draw["task"])
        if task.verifier not in ("choice", "fill"):
            raise ValueError(f"verifier {task.verifier!r}")
        found[task.info["question"]].append(task)
    return found


def game_faults(said: dict[str, Any], again: dict[str, Any], tasks: dict[str, list[Task]]) -> Faults:
    """What is wrong with the game and its questions, but for their answers; `again` is a second process's output."""
    found: Faults = defaultdict(list)
    if said != again:
        found[""].append("two processes drew different tasks from one seed: is something random outside of `rng`?")
    easy, medium, hard = said["means"]
    if not easy * 1.05 < medium or not medium * 1.05 < hard:
        found[""].append(f"{said['measured']} must grow from level to level, but is {easy:g}, {medium:g}, {hard:g}")
    found[""] += islice(pictures(said["draws"]), MOST)
    for question, drawn in tasks.items():
        lines = [*islice((line for task in drawn for line in faults(task)), MOST), *guessable(drawn)]
        distinct = len({task.info["key"] for task in drawn})
        if distinct < len(drawn) / 2:
            lines.append(f"only {distinct} of {len(drawn)} draws are distinct problems")
        if lines:
            found[question] = lines
    return {question: lines for question, lines in found.items() if lines}


def pictures(draws: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Says where equal pictures have different words, or equal words different pictures."""
    words: dict[str, str] = {}
    shown: dict[str, str] = {}
    for draw in draws:
        if draw["picture"]:
            if words.setdefault(draw["picture"], draw["words"]) != draw["words"]:
                yield f"one picture for two states: {words[draw['picture']]!r} and {draw['words']!r}"
            if shown.setdefault(draw["words"], draw["picture"]) != draw["picture"]:
                yield f"two pictures for one state in words: {draw['words']!r}"


def cases(tasks: dict[str, list[Task]]) -> list[dict[str, Any]]:
    """What a checker is asked: for each task the state, the parameters and the answers, right ones first."""
    return [
        {"question": question, "state": task.info["state"], "asked": task.info["asked"], "answers": answers(task)}
        for question, drawn in tasks.items()
        for task in drawn
    ]


def answers(task: Task) -> list[object]:
    """The right answers of a task, then some that must be wrong."""
    return [*contents(task), *others(task)[:12]]


def disagreements(tasks: dict[str, list[Task]], verdicts: Sequence[Any]) -> Faults:
    """Where a checker, written without sight of the answers, says otherwise."""
    found: Faults = defaultdict(list)
    said = iter(verdicts)
    for question, drawn in tasks.items():
        for task, (sound, judged) in zip(drawn, said, strict=False):
            if len(found[question]) < MOST:
                found[question] += _disagreement(task, sound, judged)
    return {question: lines for question, lines in found.items() if lines}


def _disagreement(task: Task, sound: bool, judged: Sequence[bool]) -> list[str]:
    right = len(contents(task))
    where = f"asked {task.info['asked']} of the state {task.info['state']}"
    if not sound:
        return [f"an independent checker says that this state breaks the game's rules: {task.info['state']}"]
    refused = [a for a, ok in zip(answers(task)[:right], judged[:right], strict=False) if not ok]
    accepted = [a for a, ok in zip(answers(task)[right:], judged[right:], strict=False) if ok]
    if refused:
        return [f"an independent checker refuses your answer {refused[0]!r}, {where}"]
    if accepted:
        return [f"an independent checker accepts {accepted[0]!r} as well as {answers(task)[0]!r}, {where}"]
    return []
