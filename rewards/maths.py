r"""Judging answers to mathematical questions; the gold's type chooses how.

Numbers are exact fractions compared in process, words are folded text, and only
what is left goes to a computer algebra system, in a worker process with limits
(symbolic.py under guard.py). Nothing of an answer is ever executed.

What counts as one answer: `info["answer_form"]` is "numeral" (the default: a
number must be written out, so that 3+2 or a restated sum is no 5) or "closed".
A unit on one side only, and a label as in x = 5, are conventions and pass.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from functools import partial
from typing import Any

from ludex.core import Score, Task
from ludex.rewards import guard
from ludex.rewards.answers import MAX_ANSWER, SCALE, Extract, boxed, read
from ludex.rewards.latex import MAX_POWER, Unreadable, largest_power, refuse, tidy, words
from ludex.rewards.matching import UNORDERED, is_label, is_text, matches, plain_text, quickly
from ludex.rewards.numerals import Quantity, numeral, quantity, same_quantity, split_unit
from ludex.rewards.trees import Node, inner_boxes, leaves, nodes, shape

WORKER = "ludex.rewards.symbolic"
MAX_GOLD_POWER = 10_000  # a literal exponent; 2^{2024} is a textbook's answer


class BadGold(ValueError):
    """The gold cannot be used to judge anything."""


def maths(response: str, task: Task, extract: Extract = "declared") -> Score:
    """A mathematical answer that equals the gold.

    `task.answer` is a number, or a string as a textbook would print it: a
    numeral, words, or LaTeX (an expression, equation, interval, tuple, list ...).
    """
    reading = read(response, task, extract)
    if reading.text is None:
        return SCALE.score(reading.level, reading.why)
    number = _number(task.answer)
    given = None if number is None else _quantity(reading.text)
    if number is not None and given is not None:
        return SCALE.score("correct") if same_quantity(number, given) else SCALE.score("wrong", "another number")
    try:
        tree = gold_tree(task.answer)
    except BadGold as error:
        return SCALE.error(str(error))
    try:
        if is_text(tree.text):
            return _judge_text(tree.text, reading.text)
        answer = answer_tree(reading.text, tree, lenient=extract == "lenient")
    except Unreadable as error:
        return SCALE.score("malformed", str(error))
    form = task.info.get("answer_form", "closed" if extract == "lenient" else "numeral")
    return _judge(tree, answer, closed=form == "closed")


def check_gold(gold: Any) -> str | None:
    """Why `gold` cannot be the answer of a maths task; None if it can.

    For builders of data sets: a gold that fails here would give status ERROR for
    every response. MissingExtra if it needs the worker and that is not installed.
    """
    try:
        tree = gold_tree(gold)
    except BadGold as error:
        return str(error)
    if is_text(tree.text) or _number(gold) is not None:
        return None
    outcome = guard.run(f"{WORKER}:problem", tree)
    return outcome.value or None if outcome.kind == "value" else f"the gold cannot be worked out: {outcome.why}"


def _number(gold: Any) -> Quantity | None:
    if isinstance(gold, str):
        return _quantity(gold)
    return Quantity(Fraction(gold), "") if isinstance(gold, int) and not isinstance(gold, bool) else None


def _quantity(text: str) -> Quantity | None:
    """A number with at most a unit, as it stands or tidied."""
    value = numeral(text)
    return quantity(tidy(text)) if value is None else Quantity(value, "")


# ---- reading both sides -------------------------------------------------------------------------


def gold_tree(gold: Any) -> Node:
    """The gold taken apart; BadGold says what is wrong with it.

    Gold boxes in running text count alone, several as a list; of a derivation
    a = b = c the last member counts.
    """
    if isinstance(gold, bool) or not isinstance(gold, str | int | float):
        raise BadGold(f"a gold must be a number or a string, not {type(gold).__name__}")
    if isinstance(gold, float) and not math.isfinite(gold):
        raise BadGold(f"a gold must be finite, not {gold}")
    source = gold if isinstance(gold, str) else repr(gold)
    if not source.strip() or len(source) > 10 * MAX_ANSWER:
        raise BadGold("the gold is empty or far too long")
    text = tidy(_boxes_of_gold(source))
    if is_text(text):
        return Node("leaf", text)
    try:
        tree = _settled(shape(text))
        refuse(tree.text, MAX_GOLD_POWER)
    except Unreadable as error:
        raise BadGold(f"the gold has {error}: {ascii(source)[:100]}") from None
    stray = None if all(is_text(text) for text in leaves(tree)) else _prose(tree)
    if stray:
        raise BadGold(f"the gold mixes words and mathematics ({stray!r}): {ascii(source)[:100]}")
    return tree


def _boxes_of_gold(gold: str) -> str:
    if "boxed" not in gold:
        return gold
    found = [content for content in boxed(re.sub(r"\\\\(?=boxed)", r"\\", gold)) if content is not None]
    return ", ".join(dict.fromkeys(found)) or gold


def _settled(tree: Node) -> Node:
    """The gold without the text of a derivation's middle, and without its first member unless that is a label."""
    if tree.kind != "=" or len(tree.parts) < 3:
        return tree
    label, value = tree.parts[0], tree.parts[-1]
    return Node("=", f"{label.text}={value.text}", tree.parts) if is_label(label) else value


def answer_tree(text: str, gold: Node, lenient: bool = False) -> Node:
    """The answer taken apart.

    Raises:
        Unreadable: if it cannot be, or if it lists alternatives, approximates, or
            derives (41 = 42) where the gold does not.
    """
    tidied = tidy(inner_boxes(text))
    if lenient:
        tidied = re.split(r"\\approx|\\sim(?![a-z])", tidied)[0].strip()
    refuse(tidied, max(MAX_POWER, largest_power(gold.text)))
    if "\\approx" in tidied and "\\approx" not in gold.text:
        raise Unreadable("an approximation")
    tree = shape(tidied, grouped=gold.kind not in (*UNORDERED, "()"))
    if lenient and tree.kind == "=" and gold.kind != "=":
        tree = tree.parts[-1]
    for node in nodes(tree):
        if node.kind == "=":
            _check_chain(node, gold)
    if tree.kind == "list" and gold.kind not in (*UNORDERED, "()") and not _settles(gold):
        raise Unreadable("several answers")
    stray = None if any(is_text(node.text) for node in nodes(gold)) else _prose(tree)
    if stray:
        raise Unreadable(f"words where mathematics should be: {stray[:20]!r}")
    return tree


def _settles(gold: Node) -> bool:
    """Whether the value behind the gold's label may be a list: x = {1, 2}, (p,q) = (3,2)."""
    return gold.kind == "=" and gold.parts[-1].kind in (*UNORDERED, "()")


def _check_chain(node: Node, gold: Node) -> None:
    allowed = max([2, *(len(other.parts) for other in nodes(gold) if other.kind == "=")])
    if len(node.parts) > allowed:
        raise Unreadable("a chain of equals is longer than the gold's")
    if numeral(node.parts[0].text) is not None and all(other.kind != "=" for other in nodes(gold)):
        raise Unreadable("two values joined by =")


def _prose(tree: Node) -> str | None:
    return next(filter(None, (words(split_unit(text)[0]) for text in leaves(tree) if quantity(text) is None)), None)


# ---- verdicts -----------------------------------------------------------------------------------

_LISTED = re.compile(r",|;|/|\bor\b|\band\b")


def _judge_text(gold: str, text: str) -> Score:
    given = tidy(inner_boxes(text))
    if plain_text(given) == plain_text(gold):
        return SCALE.score("correct")
    if _LISTED.search(plain_text(given)) and not _LISTED.search(plain_text(gold)):
        return SCALE.score("malformed", "several answers")
    return SCALE.score("wrong", "another text")


def _judge(gold: Node, answer: Node, closed: bool) -> Score:
    verdict = matches(gold, answer, partial(quickly, closed=closed))
    if verdict is not None:
        return SCALE.score("correct") if verdict else SCALE.score("wrong", "another value, or another form")
    outcome = guard.run(f"{WORKER}:judge", gold, answer, closed)
    if outcome.kind == "value":
        level, why = outcome.value
        return SCALE.error(why) if level == "gold" else SCALE.score(level, why)
    if outcome.kind in ("broken", "raised"):
        return SCALE.error(outcome.why)
    return _judge_overrun(gold, outcome.why)


def _judge_overrun(gold: Node, why: str) -> Score:
    """A limit was passed: the response's fault, unless the gold alone passes one too."""
    alone = guard.run(f"{WORKER}:problem", gold)
    if alone.kind == "value" and not alone.value:
        return SCALE.score("malformed", f"the answer cannot be worked out: {why}")
    return SCALE.error(f"the gold cannot be worked out: {alone.value or alone.why}")
