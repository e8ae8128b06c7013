"""What must be true of every question of a game, checked on its tasks alone.

A rule takes tasks and yields what is wrong, one line each. The tests apply them to the
games here, `ludex code2logic draft` to the games that a model writes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from ludex.code2logic.game import MAX_PROMPT
from ludex.code2logic.question import shown
from ludex.core import Task
from ludex.rewards import verify
from ludex.rewards.answers import fold
from ludex.rewards.choice import LETTERS


def contents(task: Task) -> list[object]:
    """The right answers: the option's text, or the golds of a fill-in."""
    if task.verifier == "choice":
        return [task.answer["options"][LETTERS.index(task.answer["letter"])]]
    return list(task.answer["accept"])


def others(task: Task) -> list[object]:
    """Answers that must be wrong: the other options; for a fill-in the neighbours of the golds."""
    right = contents(task)
    if task.verifier == "choice":
        near = task.answer["options"]
    elif task.answer["kind"] == "integer":
        near = [gold + step for gold in right if isinstance(gold, int) for step in (-2, -1, 1, 2)]
    elif task.answer["kind"] == "cell":
        near = [[row, column] for row in range(1, 17) for column in range(1, 17)]
    else:
        near = task.answer.get("among", [])
    return [answer for answer in near if answer not in right]


def faults(task: Task) -> Iterator[str]:
    """What is wrong with one task's prompt, options or worked solution."""
    if len(task.prompt) > MAX_PROMPT:
        yield f"the prompt has {len(task.prompt)} characters; at most {MAX_PROMPT}"
    if not verify(str(task.info["solution"]), task).correct:
        yield f"the worked solution {task.info['solution']!r} is not judged correct"
    if not any(written(answer) in fold(str(task.info["why"])) for answer in contents(task)):
        yield f"`why` does not name the answer {contents(task)[0]!r}: {task.info['why']!r}"
    for value in task.info["asked"].values():
        if not named(value, task.prompt):
            yield f"the parameter {value!r} does not stand in the prompt in these words"
    if task.verifier == "choice" and not 2 <= len(set(map(fold, task.answer["options"]))) == len(
        task.answer["options"]
    ):
        yield f"options must be two or more and differ: {task.answer['options']}"


def written(answer: object) -> str:
    """An answer as `why` must name it."""
    cell = isinstance(answer, list) and len(answer) == 2 and all(isinstance(n, int) for n in answer)
    return "row {}, column {}".format(*answer) if cell else fold(shown(answer))  # type: ignore[misc, arg-type]


def named(value: object, prompt: str) -> bool:
    """Whether a parameter stands in the prompt; a list of two whole numbers is a cell."""
    if isinstance(value, list) and len(value) == 2 and all(isinstance(n, int) for n in value):
        return "row {}, column {}".format(*value) in prompt
    if isinstance(value, list | dict):
        return all(named(item, prompt) for item in (value.values() if isinstance(value, dict) else value))
    return str(value) in prompt


def guess(tasks: Sequence[Task]) -> tuple[float, float, str]:
    """How often the most frequent answer is right, how often it may be, and which it is.

    A multiple choice of k options may be guessed 1.5/k of the time, 60 % with two; a fill-in the larger of 25 % and
    1.5 over the number of answers that occur.
    """
    counts = Counter(str(answer) for task in tasks for answer in contents(task))
    answer, count = counts.most_common(1)[0]
    if tasks[0].verifier == "choice":
        sizes = [len(task.answer["options"]) for task in tasks]
        limit = 0.6 if max(sizes) == 2 else 1.5 * sum(1 / k for k in sizes) / len(tasks)
    else:
        limit = max(0.25, 1.5 / len(counts))
    return count / len(tasks), limit, answer


def marks(options: Sequence[str]) -> dict[tuple[str, str], list[float]]:
    """What tells options from each other without the question: a value for each, by names for most and least of it.

    What an option shares with the others are the words and numbers that it has in the same place. Where all options
    have as many numbers, their distance is the sum of differences: of two cells, the rows and columns apart.
    """
    parts = [re.findall(r"\w+", fold(option)) for option in options]
    held = Counter(placed for some in parts for placed in enumerate(some))
    shared = [float(sum(held[placed] for placed in enumerate(some))) for some in parts]
    found = {("the option that shares most with the others", "the option that shares least"): shared}
    spots = [[int(digits) for digits in re.findall(r"\d{1,9}", option)] for option in options]
    if spots[0] and len({*map(len, spots)}) == 1:
        far = [[sum(abs(a - b) for a, b in zip(here, there, strict=True)) for there in spots] for here in spots]
        found["the outermost option", "the most central option"] = [float(sum(line)) for line in far]
        found["the option with most neighbours", "the option with fewest"] = [float(line.count(1)) for line in far]
    return found


def blind(tasks: Sequence[Task]) -> dict[str, float]:
    """How often an option is right that is chosen by `marks` alone, at random among equals; none for a fill-in."""
    hits: dict[str, float] = {}
    for task in tasks:
        right, options = contents(task)[0], task.answer.get("options", [])
        for names, values in marks(options).items() if options else ():
            for name, extreme in zip(names, (max(values), min(values)), strict=True):
                chosen = [option for option, value in zip(options, values, strict=True) if value == extreme]
                hits[name] = hits.get(name, 0) + (right in chosen) / len(chosen)
    return {name: hit / len(tasks) for name, hit in hits.items()}


def guessable(tasks: Sequence[Task], noise: float = 3.0) -> Iterator[str]:
    """Says so if the most frequent answer, or an option chosen blindly, is right too often.

    Too often is more than `guess` allows, by more than `noise` standard deviations.
    """
    share, limit, answer = guess(tasks)
    slack = noise * (limit * (1 - min(1.0, limit)) / len(tasks)) ** 0.5
    for what, often in ({repr(answer): share} | blind(tasks)).items():
        if often > limit + slack:
            yield f"{what} is right {often:.0%} of the time without looking; at most {limit:.0%} are allowed"
