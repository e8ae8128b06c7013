"""Write a passage in the style of a reference: texts of one author a file, from a folder or the built-in four.

A task's plot is taken from a passage that the author did write, which serves as the worked solution; its reference
are other passages by the same hand. The built-in authors are ours (written for this package, on eight shared
subjects, so that the subject does not give the author away).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ludex.core import Task
from ludex.envs.core import TaskEnv, TaskSource, split_of
from ludex.lookup import suggest
from ludex.rewards.passages import COMPLETENESS, END, names_any, sentences
from ludex.rewards.passages import words as words_of
from ludex.rewards.style import SCALE, WEIGHTS, style
from ludex.rewards.style_judge import (
    FORMULAS,
    Calibration,
    calibration_of,
    check_judge,
    load_encoder,
    similarities,
)
from ludex.rewards.stylometry import FUNCTION_WORDS

BUILT_IN = Path(__file__).parent / "authors"
MEASURED = 200  # passages at most that a calibration is measured on
DRAWS = 500
REWARDS = ("level", "total")


@dataclass(frozen=True)
class Author:
    """An author's passages; references come from `known`, those of the training split."""

    name: str
    passages: tuple[str, ...]
    known: tuple[str, ...]


def generate(
    rng: np.random.Generator,
    *,
    path: str = "",
    words: int = 70,
    references: int = 2,
    points: int = 4,
    judge: str = "",
    content: str = "rule",
    calibration: str = "v1",
    completeness: str = "v2",
    weights: tuple[float, ...] = WEIGHTS,
) -> Task:
    """Draw an author, a passage of theirs to take the plot from, and other passages for reference.

    With the built-in measure and the rule, a passage that its own author's reference does not score as correct
    poses no task; a model's judgement is not asked for here.

    Args:
        rng: the source of randomness.
        path: a folder of UTF-8 text files, one author each; the built-in authors if empty.
        words: the least length of a passage; the files are cut into passages of whole paragraphs.
        references: how many passages make the reference.
        points: how many words of the plot are told in the prompt.
        judge: a sentence-transformers model that compares styles; empty counts function words and punctuation.
        content: "rule", or "openai:URL#model" for a model that grades it.
        calibration: "v1" or "v2", the formula from similarity to reward.
        completeness: "v1" or "v2", the rule of length and ending.
        weights: of style, content and completeness.

    Raises:
        ValueError: for an option out of range, or texts that cannot be used.
        MissingExtra: if `judge` needs a library that is not installed.
    """
    _check(words, references, points, content, completeness, weights)
    authors = read_authors(path, words, references)
    fitted = asdict(fitted_calibration(path, words, references, judge, calibration))
    gold = {"judge": judge, "calibration": fitted, "content": content, "completeness": completeness}
    for _ in range(DRAWS):
        author = authors[int(rng.integers(len(authors)))]
        passage = author.passages[int(rng.integers(len(author.passages)))]
        candidates = plot_words(passage)
        if len(candidates) < points:
            continue
        chosen = sorted(rng.choice(len(candidates), points, replace=False).tolist())
        others = [text for text in author.known if text != passage]
        drawn = sorted(rng.choice(len(others), references, replace=False).tolist())
        reference = "\n\n".join(others[i] for i in drawn)
        task = _task(author, passage, reference, [candidates[i] for i in chosen], gold | {"weights": list(weights)})
        if judge or content != "rule" or style(task.info["solution"], task).correct:
            return task
    raise ValueError(f"style: no passage with {points} plot words that its author's style scores right in {DRAWS}")


def _check(
    words: int, references: int, points: int, content: str, completeness: str, weights: tuple[float, ...]
) -> None:
    if words < 20 or references < 1 or points < 0:
        raise ValueError(
            f"style: words={words} must be 20 or more, references={references} 1 or more, points={points} 0 or more"
        )
    if completeness not in COMPLETENESS:
        raise ValueError(f"style: no completeness {completeness!r}; {suggest(completeness, COMPLETENESS)}")
    if content != "rule" and not re.fullmatch(r"openai:[^#]+#.+", content):
        raise ValueError(f"style: content={content!r} must be 'rule' or openai:URL#model")
    numbers = [w for w in weights if isinstance(w, int | float) and w >= 0]
    if len(weights) != 3 or len(numbers) != 3 or not sum(numbers):
        raise ValueError(f"style: weights={weights!r} must be three numbers of 0 or more, such as {WEIGHTS}")


def _task(author: Author, passage: str, reference: str, points: list[str], gold: dict[str, Any]) -> Task:
    target = max(10, round(len(words_of(passage)), -1))
    # A pen name that is also a word of the author's texts cannot be forbidden.
    forbidden = [] if any(names_any(text, [author.name]) for text in author.passages) else [author.name]
    return Task(
        prompt=(
            f"Write a passage of about {target} words in the style of the one below, "
            f"{'with the words ' + ', '.join(points) if points else 'on any subject'}. "
            f"Borrow no phrases from it{' and do not name ' + forbidden[0] if forbidden else ''}. "
            f"Close with a line that reads {END} Answer as <answer>passage</answer>.\n\n"
            f"The style is that of {author.name}:\n\n{reference}"
        ),
        answer={"reference": reference, "points": points, "forbidden": forbidden, "words": target, **gold},
        verifier="style",
        info={
            "solution": f"<answer>{passage}\n{END}</answer>",
            "key": key_of(passage),
            "author": author.name,
        },
    )


def key_of(passage: str) -> str:
    """What names a passage and decides its split."""
    return hashlib.blake2b(passage.encode(), digest_size=8).hexdigest()


def plot_words(passage: str) -> list[str]:
    """The words of a passage that can be its plot, in order: five letters or more, never capitalised, once each."""
    names = {word.casefold() for word in re.findall(r"\b[A-Z]\w*", passage)}
    found = dict.fromkeys(words_of(passage))
    return [w for w in found if len(w) >= 5 and w.isalpha() and w not in names and w not in FUNCTION_WORDS]


# ---- texts --------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def read_authors(path: str, words: int, references: int) -> tuple[Author, ...]:
    """The authors of a folder, by file name; read once a process.

    Raises:
        ValueError: if there are fewer than two, or one has too few passages.
    """
    folder = Path(path) if path else BUILT_IN
    files = sorted(folder.glob("*.txt"))
    if len(files) < 2:
        raise ValueError(
            f"style: {folder} must be a folder of two .txt files or more, one author each; it has {len(files)}"
        )
    return tuple(_author(file, words, references) for file in files)


def _author(file: Path, words: int, references: int) -> Author:
    passages = tuple(cut(read_text(file), words))
    known = tuple(text for text in passages if split_of(key_of(text)) == "train")
    if len(known) <= references:
        raise ValueError(
            f"style: {file} gives {len(known)} passages of {words} words to train on; "
            f"references={references} needs {references + 1}: add text or lower words="
        )
    return Author(file.stem, passages, known)


def read_text(file: Path) -> str:
    """The text of a file; ValueError if it is not UTF-8."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"style: {file} is not UTF-8 text ({error.reason} at byte {error.start})") from None


def cut(text: str, words: int) -> list[str]:
    """Distinct passages of whole paragraphs, each of `words` words or a little more; a rest that is shorter is left.

    A paragraph of more than twice that is taken sentence by sentence.
    """
    passages: list[str] = []
    held: list[str] = []
    for piece in _pieces(text, words):
        held.append(piece)
        if sum(len(words_of(part)) for part in held) >= words:
            passages.append("\n\n".join(held))
            held = []
    return list(dict.fromkeys(passages))


def _pieces(text: str, words: int) -> list[str]:
    pieces: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text):
        paragraph = " ".join(paragraph.split())
        if len(words_of(paragraph)) <= 2 * words:
            pieces += [paragraph] if paragraph else []
            continue
        held: list[str] = []
        for sentence in sentences(paragraph):
            held.append(sentence)
            if sum(len(words_of(part)) for part in held) >= words:
                pieces.append(" ".join(held))
                held = []
        pieces += [" ".join(held)] if held else []
    return pieces


@lru_cache(maxsize=16)
def fitted_calibration(path: str, words: int, references: int, judge: str, formula: str) -> Calibration:
    """An encoder's own calibration; for the built-in measure one fitted to these authors' training passages."""
    check_judge(judge)
    if judge or formula not in FORMULAS:
        return calibration_of(judge, formula)
    same, cross = measure(read_authors(path, words, references), references)
    fitted = Calibration.fit(formula, same, cross)
    return Calibration(formula, round(fitted.low, 4), round(fitted.high, 4))  # the same on every machine


def measure(authors: tuple[Author, ...], references: int) -> tuple[list[float], list[float]]:
    """Similarities of passages with references by the same author, and by the others."""
    texts, against, own = [], [], []
    for author in authors:
        for i, passage in enumerate(author.known[: max(1, MEASURED // len(authors))]):
            for other in authors:
                following = [*other.known, *other.known][i % len(other.known) + 1 :]
                texts.append(passage)
                against.append("\n\n".join(following[:references]))
                own.append(author is other)
    found = similarities(load_encoder(), texts, against)
    same = [cosine for cosine, mine in zip(found, own, strict=True) if mine]
    return same, [cosine for cosine, mine in zip(found, own, strict=True) if not mine]


class Style(TaskEnv):
    """The one-step environment.

    Args:
        source: the tasks.
        reward: "level" pays the level of the verdict; "total" pays the weighted total itself, 0 without a passage.
    """

    generate = staticmethod(generate)

    def __init__(self, source: TaskSource, reward: str = "level"):
        if reward not in REWARDS:
            raise ValueError(f"style: no reward {reward!r}; {suggest(reward, REWARDS)}")
        super().__init__(source)
        self.reward = reward

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Judge the passage; the reward is NaN if a judge fails (status ERROR)."""
        observation, pay, terminated, truncated, info = super().step(action)
        score = info["score"]
        if self.reward == "total" and score.level is not None:
            pay = score.parts.get("total", SCALE.pays[0])
        return observation, pay, terminated, truncated, info
