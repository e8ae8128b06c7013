"""Multiple choice and fill-in answers, judged by rule.

A choice is one letter, or the whole text of one option; a letter and a text that
disagree are malformed. A fill-in is read by the parser of the gold's kind.
Nothing is searched for inside a sentence, and nothing is matched nearly.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from ludex.core import Scale, Score, Task
from ludex.rewards.answers import SCALE, Extract, fold, read, whole_number

LETTERS = string.ascii_uppercase
NEAR = Scale(("no answer", "malformed", "wrong", "near", "correct"), (0.0, 0.05, 0.1, 0.3, 1.0), "correct")
MAX_DEPTH = 4  # brackets inside brackets in a list

# A letter, alone or with the option's text; what parts them is nothing that a text may begin with.
_LABEL = re.compile(
    r"[^\w]{0,4}([A-Za-z])(?:[^\w]{0,4}|[\s.,:;)\]*_`\"'/\u3001\u3002\uff0c\uff0e\uff1a\uff09]{1,4}"
    r"(?:(?:[-=]>?|[\u2013\u2014\u2192])\s)?(\S.*))",
    re.S,
)


def choice(response: str, task: Task, extract: Extract = "declared") -> Score:
    """One option, by its letter or by its whole text.

    `task.answer` is {"letter": "C", "options": [texts]}; the options are lettered from A in their order.
    """
    reading = read(response, task, extract)
    if reading.text is None:
        return SCALE.score(reading.level, reading.why)
    options = task.answer["options"]
    chosen = chosen_option(reading.text, options)
    if chosen is None:
        return SCALE.score("malformed", f"not one option of A to {LETTERS[len(options) - 1]}")
    if LETTERS[chosen] == task.answer["letter"]:
        return SCALE.score("correct")
    return SCALE.score("wrong", f"option {LETTERS[chosen]}")


def chosen_option(text: str, options: list[str]) -> int | None:
    """The index of the option that `text` names; None if it names none, or two."""
    folded = [_bare(option) for option in options]
    label = _LABEL.fullmatch(text)
    if label and LETTERS.index(label[1].upper()) < len(options):
        index = LETTERS.index(label[1].upper())
        if not label[2] or _bare(label[2]) == folded[index]:
            return index
    return folded.index(_bare(text)) if folded.count(_bare(text)) == 1 else None


def _bare(text: str) -> str:
    """Folded, and without Markdown's marks around it."""
    return fold(text.strip().strip("*_`"))


def fill(response: str, task: Task, extract: Extract = "declared") -> Score:
    """A value of the gold's kind, equal to one of those accepted.

    `task.answer` is {"kind": one of PARSERS, "accept": [values]}; with "among"
    a text outside of that list is malformed, not wrong; with "near" a whole number
    at most that far from a gold is a near miss.
    """
    near = task.answer.get("near", 0)
    scale = NEAR if near else SCALE
    reading = read(response, task, extract)
    if reading.text is None:
        return scale.score(reading.level, reading.why)
    parse = PARSERS[task.answer["kind"]]
    given = parse(reading.text)
    if given is None or ("among" in task.answer and given not in map(fold, task.answer["among"])):
        return scale.score("malformed", f"not a {task.answer['kind']} as asked for")
    golds = [parse(value if isinstance(value, str) else str(value)) for value in task.answer["accept"]]
    if not golds or None in golds:
        return scale.error(f"the gold {task.answer['accept']!r} is no {task.answer['kind']}")
    if given in golds:
        return scale.score("correct")
    if near and min(abs(given - gold) for gold in golds) <= near:
        return scale.score("near", f"within {near}")
    return scale.score("wrong", "another answer")


_DECIMAL = re.compile(r"[-+\u2212]?[0-9]{1,50}(?:\.[0-9]{1,50})?")
_CELL = re.compile(
    r"[(\[]?\s*+(?:row)?\s*+([0-9]{1,3})\s*+(?:,|;|and)?\s*+(?:column|col\.?)?\s*+([0-9]{1,3})\s*+[)\]]?\.?", re.I
)


def decimal(text: str) -> Decimal | None:
    """The exact value of a decimal; None for anything else."""
    return Decimal(text.replace("\u2212", "-")) if _DECIMAL.fullmatch(text) else None


def cell(text: str) -> tuple[int, int] | None:
    """Row and column of "row 2, column 3", "(2, 3)" or "2, 3"."""
    found = _CELL.fullmatch(text)
    # Two numbers need something between them: "23" is no cell.
    return (int(found[1]), int(found[2])) if found and re.search(r"[0-9][^0-9]+[0-9]", text) else None


def phrase(text: str) -> str | None:
    """A word or a phrase with case, space and outer punctuation folded away."""
    return fold(text) or None


def items(text: str) -> tuple[Any, ...] | None:
    """A list of whole numbers and words, nested by brackets of either kind; the outermost may be left out."""
    stack: list[list[Any]] = [[]]
    separated = True  # whether an item may come next
    for token in re.findall(r"[\[\](),]|[^\[\](),]+", text):
        if token in "[(":
            if not separated or len(stack) > MAX_DEPTH:
                return None
            stack.append([])
        elif token in "])":
            if len(stack) < 2:
                return None
            stack[-2].append(tuple(stack.pop()))
            separated = False
        elif token == ",":
            if separated:
                return None
            separated = True
        elif token.strip():
            if not separated:
                return None
            number = whole_number(token.strip())
            stack[-1].append(fold(token) if number is None else number)
            separated = False
    return _outermost(stack[0]) if len(stack) == 1 else None


def _outermost(found: list[Any]) -> tuple[Any, ...] | None:
    if len(found) == 1 and isinstance(found[0], tuple):
        return found[0]
    return tuple(found) or None


PARSERS: dict[str, Callable[[str], Any]] = {
    "integer": whole_number,
    "decimal": decimal,
    "cell": cell,
    "list": items,
    "word": phrase,
    "phrase": phrase,
}
