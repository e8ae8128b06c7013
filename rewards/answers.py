r"""Finding the one answer that a response declares, and judging plain answers.

A task declares one answer form and tells it in the prompt: `<answer>...</answer>`
(the default) or `\boxed{...}` (`info["form"] = "boxed"`). Reading one form closes
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
    r"""The contents of every outermost `\boxed{...}`, by counting braces; None for one left open or far too long."""
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
    for match in _BRACE.finditer(text, begin, begin + 10 * MAX_ANSWER):
        if match[0] in "{}":
            depth += 1 if match[0] == "{" else -1
            if depth == 0:
                return match.start()
    return None


FORMS = {"answer": tagged, "boxed": boxed}


def read(response: str, task: Task, extract: Extract = "declared", longest: int = MAX_ANSWER) -> Reading:
    """The answer that `response` declares in the task's form, of at most `longest` characters."""
    visible = after_thinking(response)
    if visible is None:
        return nothing("the reasoning was never closed")
    if extract == "lenient":
        return _lenient(visible)
    form = task.info.get("form", "answer")
    return _only(FORMS[form](visible), form, longest)


def _only(found: list[str | None], form: str, longest: int) -> Reading:
    if not found:
        return nothing(f"no {form} marker")
    if None in found:
        return malformed(f"an {form} marker is nested, never closed or far too long")
    texts = {" ".join(text.split()): text.strip() for text in found if text is not None and len(text) <= longest}
    if len(texts) < 1:
        return malformed(f"the answer is longer than {longest} characters")
    if len(texts) > 1 or any(text is not None and len(text) > longest for text in found):
        return malformed("several answers that differ")
    text = next(iter(texts.values()))
    return Reading(text) if text else nothing("the answer is empty")


_TEMPLATE = re.compile(r"<\|[a-z_]{1,30}\|>")
_PHRASE = re.compile(
    r"(?:answer|result|solution)s?\b[^\n.:=]{0,100}?(?:\bis\b|\bare\b|:|=)(?!\s*+:?\s*+the\b)\s*+:?\s*+([^\n]{1,400})",
    re.I,
)
_LAST_IS = re.compile(r".*\bis\s+(?=[-+$\\\d(\[])", re.S)
_DOLLARS = re.compile(r"\$\$?([^$]{1,400})\$\$?|\\\((.{1,400}?)\\\)|\\\[(.{1,400}?)\\\]", re.S)
_NUMBER = re.compile(r"(?<![\w.\\{^])[-+\u2212]?\d[\d,]*(?:\.\d+)?(?:\s*/\s*\d+)?\\?%?")
_BETWEEN = re.compile(r"[\s,;$.]*+(?:\\[)\]])?[\s,;$]*+(?:and|or)?[\s,;$]*+(?:\\[(\[])?[\s,;$]*+")


def _lenient(text: str) -> Reading:
    """The last answer in whatever form: tag, box, "the answer is", mathematics or a number, the bare text."""
    tail = _TEMPLATE.split(text[-20_000:])[0] or text[-20_000:]
    closed = [found for found in tagged(tail) if found and found.strip()]
    if closed:
        return Reading(closed[-1].strip()[:MAX_ANSWER])
    found = _last_boxes(tail) or _announced(tail) or _last_mathematics(tail)
    bare = tail.strip()
    return Reading(found) if found else Reading(bare) if 0 < len(bare) <= 100 else nothing("no answer found")


def _last_boxes(text: str) -> str:
    """The last box, with those that only separators part from it."""
    contents = [found for found in boxed(text) if found and found.strip()]
    chosen: list[str] = []
    end = len(text)
    for content in reversed(contents):
        start = text.rfind("\\boxed{" + content + "}", 0, end)
        if chosen and not _BETWEEN.fullmatch(text, start + len(content) + 8, end):
            break
        chosen.insert(0, content.strip())
        end = start
    return ", ".join(chosen)[:MAX_ANSWER]


def _announced(text: str) -> str:
    """What follows the last "the answer is"."""
    phrases = _PHRASE.findall(text)
    if not phrases:
        return ""
    phrase = _LAST_IS.sub("", re.split(r"[.;]\s", phrases[-1] + " ")[0])
    return (_mathematics(phrase)[:1] or [phrase])[0].strip().strip("*").rstrip(".")


def _mathematics(text: str) -> list[str]:
    return ["".join(groups).strip() for groups in _DOLLARS.findall(text)]


def _last_mathematics(text: str) -> str:
    """The last piece between dollars, or the last number if that comes later."""
    pieces = list(_DOLLARS.finditer(text))
    numbers = list(_NUMBER.finditer(text, pieces[-1].end() if pieces else 0))
    if numbers:
        return numbers[-1][0].strip(" ,")
    return "".join(group or "" for group in pieces[-1].groups()).strip() if pieces else ""


_INTEGER = re.compile(r"[-+\u2212]?[0-9]{1,300}")


def whole_number(text: str) -> int | None:
    """The value of a whole number in ASCII digits, at most 300 of them; None for anything else."""
    return int(text.replace("\u2212", "-")) if _INTEGER.fullmatch(text) else None


def integer(response: str, task: Task, extract: Extract = "declared") -> Score:
    """A whole number in ASCII digits, equal to the gold."""
    reading = read(response, task, extract)
    if reading.text is None:
        return SCALE.score(reading.level, reading.why)
    given = whole_number(reading.text)
    if given is None:
        return SCALE.score("malformed", "not a whole number")
    return SCALE.score("correct") if given == int(task.answer) else SCALE.score("wrong", "another number")


def fold(text: str) -> str:
    """Case, white space and outer punctuation folded away."""
    return " ".join(text.casefold().split()).strip(" .,;:!?\"'`")


def text(response: str, task: Task, extract: Extract = "declared") -> Score:
    """A word or phrase, equal to the gold after folding case, space and outer punctuation."""
    reading = read(response, task, extract)
    if reading.text is None:
        return SCALE.score(reading.level, reading.why)
    return (
        SCALE.score("correct") if fold(reading.text) == fold(str(task.answer)) else SCALE.score("wrong", "another text")
    )
