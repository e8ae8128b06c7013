"""Synthetic authors: the same nouns and verbs for all, but own small words, marks and lengths of sentences."""

from __future__ import annotations

import random
from pathlib import Path

NOUNS = [
    "boat",
    "lamp",
    "river",
    "market",
    "goose",
    "bridge",
    "letter",
    "clock",
    "storm",
    "garden",
    "wheel",
    "stone",
    "coat",
    "window",
    "barn",
    "hill",
]
_VERBS = "saw took held left found lost heard carried"
VERBS = _VERBS.split()
SMALL = [
    "and",
    "but",
    "so",
    "then",
    "yet",
    "still",
    "also",
    "indeed",
    "perhaps",
    "rather",
    "quite",
    "almost",
    "surely",
    "never",
    "often",
    "always",
]
_MARKS = ". ! ? ; : ,"
MARKS = _MARKS.split()


def passages(seed: int, count: int = 12, words: int = 60) -> list[str]:
    """Passages of one author, who prefers three small words, one mark inside and one at the end."""
    habits = random.Random(seed)
    small, inner, ending = habits.sample(SMALL, 3), habits.choice(MARKS[3:]), habits.choice(MARKS[:3])
    length, rng = habits.choice([5, 9, 16]), random.Random(seed + 1000)
    return [
        " ".join(_sentence(rng, small, inner, ending, length) for _ in range(words // length)) for _ in range(count)
    ]


def _sentence(rng: random.Random, small: list[str], inner: str, ending: str, length: int) -> str:
    found = []
    for i in range(length):
        pool = (["the"], NOUNS, VERBS, small)[i % 4]
        found.append(rng.choice(pool) + (inner if i % 4 == 3 and rng.random() < 0.5 else ""))
    return " ".join(found).capitalize() + ending


def authors(count: int = 16, **options: int) -> dict[str, list[str]]:
    """Passages by author."""
    return {f"author{i:02}": passages(i, **options) for i in range(count)}


def write(folder: Path, count: int = 16, **options: int) -> Path:
    """One file an author, passages divided by empty lines."""
    for name, texts in authors(count, **options).items():
        (folder / f"{name}.txt").write_text("\n\n".join(texts) + "\n", encoding="utf-8")
    return folder
