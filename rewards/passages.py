"""What can be told of a passage of prose by rule: its words, length, ending, plot points, repetition, copying.

Every function takes any string, reads it once and never raises. Lengths follow Liu, Bahja, Kovatchev
and Lee, whose two releases reward a length of about 1,400 words in different ways.
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Collection, Iterable, Sequence

END = "THE END."
UNIT = 1400  # words: the length that the published rules are written for
COPIED_WORDS = 5  # so many words in the reference's order are a borrowed phrase
PUT_IN = 3  # words between two of them that do not hide it
REPEATED_WORDS = 4

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")
_SENTENCE = re.compile(r"[^.!?\u2026]+[.!?\u2026]*[\"'\u201d\u2019)\]]*")
_FINISHED = re.compile(r"[.!?\u2026][\"'\u201d\u2019)\]]*\s*\Z")


def words(text: str) -> list[str]:
    """The words of `text` in lower case, with straight apostrophes; numbers are none."""
    return [word.casefold().replace("\u2019", "'") for word in _WORD.findall(text)]


def sentences(text: str) -> list[str]:
    """The sentences of `text`, each with its closing mark; what holds no word is none."""
    return [found.strip() for found in _SENTENCE.findall(text) if _WORD.search(found)]


def without_end(text: str) -> str:
    """`text` without the line that says that it is over."""
    return text.strip().removesuffix(END).rstrip()


# ---- completeness -------------------------------------------------------------------------------


def completeness_v1(text: str, target: int) -> float:
    """The first release's rule: nothing below 5/14 of the target, then the root of the share; half if unfinished."""
    body = without_end(text)
    count = len(words(body)) * UNIT / target
    if count < 500:
        return 0.0
    return math.sqrt(min(1.0, count / UNIT)) * (1.0 if _FINISHED.search(body[-200:]) else 0.5)


def completeness_v2(text: str, target: int) -> float:
    """The second release's rule: full within a seventh of the target, steep beyond it, nothing without THE END."""
    if not text.strip().endswith(END):
        return 0.0
    count = len(words(without_end(text))) * UNIT / target
    if count < 500:
        return 0.0
    if count <= 1600:
        return min(1.0, count / 1200)
    return max(0.0, 1 - math.sqrt((count - 1600) / 1500))


COMPLETENESS = {"v1": completeness_v1, "v2": completeness_v2}


# ---- content ------------------------------------------------------------------------------------


def forms(lemma: str) -> set[str]:
    """A word and its regular inflections: walk, walks, walked, walking, walk's."""
    word = lemma.casefold()
    found = {word + ending for ending in ("", "s", "es", "ed", "d", "ing", "'s", "s'")}
    if word.endswith("e"):
        found.add(word[:-1] + "ing")
    if word.endswith("y"):
        found |= {word[:-1] + "ies", word[:-1] + "ied"}
    return found


def share_told(text: str, points: Sequence[str]) -> float:
    """The share of plot points that occur in `text`; "storm|gale" is one point that either word tells. 1 for none."""
    there = set(words(text))
    told = [any(forms(word) & there for word in point.split("|")) for point in points]
    return sum(told) / len(told) if told else 1.0


def variety(text: str) -> float:
    """The share of distinct four-word sequences: near 1 for prose, near 0 for one sentence over and over."""
    found = _runs(words(text), REPEATED_WORDS)
    return len(set(found)) / len(found) if found else 0.0


def names_any(text: str, forbidden: Collection[str]) -> bool:
    """Whether one of the forbidden names (each of one or more words) occurs in `text`."""
    flat = f" {' '.join(words(text))} "
    return any(f" {' '.join(words(name))} " in flat for name in forbidden if words(name))


def content(text: str, points: Sequence[str], forbidden: Collection[str] = ()) -> float:
    """Content by rule: the share of plot points told, times the variety; 0 if a forbidden name is used."""
    body = without_end(text)
    return 0.0 if names_any(body, forbidden) else share_told(body, points) * variety(body)


def copied(text: str, reference: str) -> float:
    """The share of words of `text` that end a borrowed phrase, of those that could.

    A phrase is five words of `reference` in its order. Up to three words put in between two of them in `text`, or
    one left out, do not hide it.
    """
    found = words(without_end(text))
    places: dict[str, int] = {}  # of each word of the reference, as bits
    for i, word in enumerate(words(reference)):
        places[word] = places.get(word, 0) | 1 << i
    recent: deque[list[int]] = deque(maxlen=PUT_IN + 1)
    borrowed = 0
    for word in found:
        ends = _phrase_ends(places.get(word, 0), recent)
        recent.append(ends)
        borrowed += ends[-1] != 0
    return borrowed / (len(found) - COPIED_WORDS + 1) if len(found) >= COPIED_WORDS else 0.0


def _phrase_ends(here: int, recent: Iterable[list[int]]) -> list[int]:
    """Where in the reference phrases of 1, 2, ... COPIED_WORDS words end at this word, given those of recent words.

    All places are followed at once, as the bits of one number: time is linear in the words of the text.
    """
    ends = [here]
    for length in range(COPIED_WORDS - 1):
        before = 0
        for earlier in recent:
            before |= earlier[length]
        ends.append(here & (before << 1 | before << 2))  # the next word of the reference, or the one after it
    return ends


def _runs(found: list[str], length: int) -> list[tuple[str, ...]]:
    return list(zip(*(found[i:] for i in range(length)), strict=False))
