"""Pairs of passages with graded labels, for training a style judge (Liu, Bahja, Kovatchev and Lee).

Two untouched passages are alike by 1 or 0: the same author or not. In between, sentences of either passage are
replaced by somebody else's, the longest first, in shares r1 and r2; what is left of the author shrinks, and so does
what a label can claim. Labels are drawn from ten equal bins; everything follows from the seed.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ludex.rewards.passages import sentences

RATIOS = tuple(k / 10 for k in range(1, 10))  # shares of replaced sentences
LEAST = 0.19  # the integrity of a pair that is masked by .9 on both sides

Authors = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Pair:
    """Two passages, how alike their styles are said to be, and whether one author wrote them."""

    first: str
    second: str
    label: float
    same: bool


def integrity(r1: float, r2: float) -> float:
    """How much of the two authors is left after masking by r1 and r2: 1 for nothing masked."""
    return math.sqrt((1 - r1 * r1) * (1 - r2 * r2))


def grade(same: bool, r1: float, r2: float) -> float:
    """The exact grade: from 1 (same author) or 0 (different ones) towards 1/2, which both meet at .9 and .9."""
    left = (max(integrity(r1, r2), LEAST) - LEAST) / (1 - LEAST)
    return 0.5 + 0.5 * left if same else 0.5 * (1 - left)


def label(same: bool, r1: float, r2: float) -> float | None:
    """The label of a masked pair, a tenth between .1 and .9; None where it would be .5, which says nothing."""
    if r1 == r2 == 0:
        return 1.0 if same else 0.0
    rounded = min(0.9, max(0.1, round(grade(same, r1, r2), 1)))
    return None if rounded == 0.5 else rounded


def bins() -> dict[float, list[tuple[bool, float, float]]]:
    """Every label, and the (same, r1, r2) that lead to it."""
    found: dict[float, list[tuple[bool, float, float]]] = {}
    for same in (True, False):
        for r1 in (0.0, *RATIOS):
            for r2 in (0.0, *RATIOS):
                reached = label(same, r1, r2)
                if reached is not None:
                    found.setdefault(reached, []).append((same, r1, r2))
    return dict(sorted(found.items()))


def mask(text: str, ratio: float, filler: Sequence[str], rng: random.Random) -> str:
    """`text` with its longest sentences, a share of `ratio`, replaced by others from `filler`; the last one stays."""
    parts = sentences(text)
    count = min(round(ratio * len(parts)), len(parts) - 1)
    longest = sorted(range(len(parts) - 1), key=lambda i: (-len(parts[i]), i))[: max(0, count)]
    for i in longest:
        parts[i] = rng.choice(filler)
    return " ".join(parts) if longest else text


def build_pairs(authors: Authors, count: int, seed: int) -> list[Pair]:
    """`count` pairs, every label equally often, the same for the same seed.

    Args:
        authors: passages by author; at least two authors, each with two passages or more.
        count: how many pairs.
        seed: of authors, passages and masks.

    Raises:
        ValueError: if there are too few authors or passages.
    """
    if len(authors) < 2 or min(len(set(texts)) for texts in authors.values()) < 2:
        raise ValueError(
            f"pairs need two authors with two passages each, got { {k: len(v) for k, v in authors.items()} }"
        )
    rng = random.Random(seed)
    names = sorted(authors)
    filler = [sentence for name in names for text in authors[name] for sentence in sentences(text)]
    table = list(bins().items())
    found = []
    for i in range(count):
        value, recipes = table[i % len(table)]
        same, r1, r2 = rng.choice(recipes)
        one, other = (rng.choice(names),) * 2 if same else rng.sample(names, 2)
        first = rng.choice(authors[one])
        second = rng.choice([text for text in authors[other] if text != first])
        found.append(Pair(mask(first, r1, filler, rng), mask(second, r2, filler, rng), value, same))
    rng.shuffle(found)
    return found


def plain_pairs(authors: Authors, count: int, seed: int) -> list[Pair]:
    """`count` untouched pairs, half of them of one author, half of two."""
    rng = random.Random(seed)
    names, found = sorted(authors), []
    for i in range(count):
        same = i % 2 == 0
        one, other = (rng.choice(names),) * 2 if same else rng.sample(names, 2)
        first = rng.choice(authors[one])
        found.append(Pair(first, rng.choice([t for t in authors[other] if t != first]), float(same), same))
    return found


def split_authors(names: Sequence[str], seed: int) -> dict[str, list[str]]:
    """Disjoint authors for "train", "valid" and "test": about 76, 12 and 12 %, at least two each.

    Raises:
        ValueError: if there are fewer than six.
    """
    if len(names) < 6:
        raise ValueError(
            f"a style judge needs six authors (two to train, two to choose, two to test on), got {len(names)}"
        )
    order = sorted(names)
    random.Random(seed).shuffle(order)
    held = max(2, round(0.12 * len(order)))
    return {"train": order[2 * held :], "valid": order[:held], "test": order[held : 2 * held]}
