"""Finding the one answer that a response declares, and judging plain answers.

A task declares one answer form and tells it in the prompt: `<answer>...</answer>`
(the default) or `\\boxed{...}` (`info["form"] = "boxed"`). Reading one form closes
the holes that reading many opens: a guess in the reasoning, a list of
candidates, an answer cut from a sentence. `extract="lenient"` reads what people
and other models write; it serves evaluation, never reward.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ludex.core import Scale, Score, Task

Extract = Literal["declared", "lenient"]

# A wrong but well-formed answer pays a tenth: enough to leave "malformed", too
# little to be worth learning for its own sake.
SCALE = Scale(("no answer", "malformed", "wrong", "correct"), (0.0, 0.05, 0.1, 1.0), "correct")

MAX_ANSWER = 2000  # characters; longer answers are malformed


@dataclass(frozen=True)
class Reading:
    """What a response declares: `text`, or the level ("no answer" or "malformed") and why there is none."""

    text: str | None
    level: str = ""
    why: str = ""


def nothing(why: str) -> Reading:
    """No answer was given."""
    return Reading(None, "no answer", why)


def malformed(why: str) -> Reading:
    """An answer was attempted, and cannot be read."""
    return Reading(None, "malformed", why)


def after_thinking(response: str) -> str | None:
    """The text behind the last `</think>`; None if a `<think>` was opened and never closed."""
    visible = response.rpartition("</think>")[2]
    return None if "<think>" in visible else visible


def tagged(text: str) -> list[str | None]:
    """The contents of every `<answer>...</answer>`, None for one that is nested or left open."""
    pieces = text.split("<answer>")[1:]
    return [body if closed else None for body, closed, _ in (piece.partition("</answer>") for piece in pieces)]


def boxed(text: str) -> list[str | None]:
    r"""The contents of every outermost `\boxed{...}`, by counting braces; None for one left open."""
    found: list[str | None] = []
    start = text.find("\\boxed{")
    while start >= 0:
        begin = start + len("\\boxed{")
        end = _closing_brace(text, begin)
        found.append(None if end is None else text[begin:end])
        start = -1 if end is None else text.find("\\boxed{", end)
    return found


_BRACE = re.compile(r"\\.|[{}]", re.S)


def _closing_brace(text: str, begin: int) -> int | None:
    depth = 1
    for match in _BRACE.finditer(text, begin):
        if match[0] in "{}":
            depth += 1 if match[0] == "{" else -1
            if depth == 0:
                return match.start()
    return None


FORMS = {"answer": tagged, "boxed": boxed}


def read(response: str, task: Task, extract: Extract = "declared") -> Reading:
    """The answer that `response` declares in the task's form."""
    visible = after_thinking(response)
    if visible is None:
        return nothing("the reasoning was never closed")
    if extract == "lenient":
        return _lenient(visible)
    form = task.info.get("form", "answer")
    return _only(FORMS[form](visible), form)


def _only(found: list[str | None], form: str) -> Reading:
    if not found:
        return nothing(f"no {form} marker")
    if None in found:
        return malformed(f"an {form} marker is nested or never closed")
    texts = {" ".join(text.split()): text.strip() for text in found if text is not None and len(text) <= MAX_ANSWER}
    if len(texts) < 1:
        return malformed(f"the answer is longer than {MAX_ANSWER} characters")
    if len(texts) > 1 or any(text is not None and len(text) > MAX_ANSWER for text in found):
        return malformed("several answers that differ")
    text = next(iter(texts.values()))
    return Reading(text) if text else nothing("the answer is empty")


_PHRASE = re.compile(r"(?:answer|result|solution)\s*(?:is|:|=)\s*:?\s*([^\n]{1,400})", re.I)
_DOLLARS = re.compile(r"\$\$?([^$]{1,400})\$\$?")
_NUMBER = re.compile(r"[-+\u2212]?\d[\d,]*(?:\.\d+)?(?:\s*/\s*\d+)?%?")


def _lenient(text: str) -> Reading:
    """The last answer in whatever form: tag, box, "the answer is", dollars, number, the bare text."""
    tail = text[-20_000:]
    for finder in (tagged, boxed):
        closed = [found for found in finder(tail) if found and found.strip()]
        if closed:
            return Reading(closed[-1].strip()[:MAX_ANSWER])
    phrases = _PHRASE.findall(tail)
    if phrases:
        inner = _DOLLARS.findall(phrases[-1])
        return Reading((inner[0] if inner else re.split(r"[.;]\s", phrases[-1] + " ")[0]).strip().rstrip("."))
    for pattern in (_DOLLARS, _NUMBER):
        matches = pattern.findall(tail)
        if matches:
            return Reading(matches[-1].strip())
    bare = tail.strip()
    return Reading(bare) if 0 < len(bare) <= 100 else nothing("no answer found")


_INTEGER = re.compile(r"[-+\u2212]?[0-9]{1,300}")


def integer(response: str, task: Task, extract: Extract = "declared") -> Score:
    """A whole number in ASCII digits, equal to the gold."""
    reading = read(response, task, extract)
    if reading.text is None:
        return SCALE.score(reading.level, reading.why)
    if not _INTEGER.fullmatch(reading.text):
        return SCALE.score("malformed", "not a whole number")
    given = int(reading.text.replace("\u2212", "-"))
    return SCALE.score("correct") if given == int(task.answer) else SCALE.score("wrong", "another number")


def fold(text: str) -> str:
    """Case, white space and outer punctuation folded away."""
    return " ".join(text.casefold().split()).strip(" .,;:!?\"'`")


def text(response: str, task: Task, extract: Extract = "declared") -> Score:
    """A word or phrase, equal to the gold after folding case, space and outer punctuation."""
    reading = read(response, task, extract)
    if reading.text is None:
        return SCALE.score(reading.level, reading.why)
    return SCALE.score("correct") if fold(reading.text) == fold(str(task.answer)) else SCALE.score("wrong", "another text")
