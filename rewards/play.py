"""Judging games that are played: one scale for all, and a whole game in one response."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ludex.core import Scale, Score, Task
from ludex.rewards.answers import Extract, read

# Losing pays what giving up does, so that neither stalling nor a quick end is worth anything.
SCALE = Scale(
    ("no answer", "no legal move", "unfinished", "lost", "drawn", "won"), (0.0, 0.05, 0.1, 0.1, 0.3, 1.0), "won"
)
MAX_WORDS = 200  # characters of a move


def plain_words(text: str) -> str:
    """A move without case, punctuation and spare space; "" for one that is far too long."""
    return " ".join(re.sub(r"[,:.!]", " ", text.casefold()).split()) if len(text) <= MAX_WORDS else ""


def meant(text: str, legal: Sequence[str]) -> str:
    """The legal move that `text` names, whatever its case and punctuation; "" for none."""
    return text if text in legal else {plain_words(words): words for words in legal}.get(plain_words(text), "")


def play(response: str, task: Task, extract: Extract = "declared") -> Score:
    """A whole game in one response: moves joined by ";", as far as they are legal and the turns last."""
    from ludex.envs.game import revive
    from ludex.envs.registry import target

    game, state = target(task.answer["play"]), task.answer["state"]
    reading = read(response, task, extract)
    if reading.text is None:
        return SCALE.score("no answer" if reading.level == "no answer" else "no legal move", reading.why)
    state, level, why = revive(game.state, state), "no legal move", ""
    for text in reading.text.split(";")[: task.answer["turns"]]:
        words = meant(text.strip(), game.moves(state))
        if not words:
            why = f"{text.strip()[:40]!r} is not a legal move"
            break
        state, level = game.move(state, words), "unfinished"
    return SCALE.score(game.result(state) or level, why)
