"""Comparing the tree of an answer with the gold's: lists in any order, tuples in theirs, labels aside.

Verdicts have three values. None means that exact numerals and spelling cannot
tell; the same walk with a stronger comparison of leaves then decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from ludex.rewards.answers import fold
from ludex.rewards.latex import compact
from ludex.rewards.numerals import quantity, same_quantity
from ludex.rewards.trees import Node

Same = Callable[[str, str], bool | None]

UNORDERED = ("list", "set")
# A leaf that can stand for several values or for a set.
_SETLIKE = re.compile(r"\\cup|\\cap|\\setminus|\\mathbb|\\leq|\\geq|\\neq|<|>|\\\{|\\emptyset")
# What is primed: a derivative, or another point. The algebra system drops the prime.
_PRIMED = re.compile(r"(\S) ?('+|\^ ?\{? ?\\prime(?![a-zA-Z]))")
# Sums, integrals, limits and derivatives that are only written down.
_D = r" ?(?:d|\\partial)"
UNEVALUATED = re.compile(
    r"\\(?:sum|prod|int|iint|oint|lim)(?![a-zA-Z])|"
    rf"\\frac ?(?:\{{{_D}(?![a-zA-Z]).{{0,400}}?\}} ?\{{|{_D} ?\{{){_D} ?[a-zA-Z]"
)


def matches(gold: Node, given: Node, same: Same) -> bool | None:
    """Whether `given` answers `gold`, with `same` as the judge of two leaves."""
    gold, given = _single(gold), _single(given)
    if "=" in (gold.kind, given.kind):
        aligned = _without_labels(gold, given)
        if aligned is None:
            return False
        gold, given = aligned
    if gold.kind == given.kind == "leaf":
        return same(gold.text, given.text)
    if gold.kind in UNORDERED and given.kind in UNORDERED:
        return _in_any_order(gold.parts, given.parts, same)
    if gold.kind == given.kind or (gold.kind, given.kind) == ("()", "list"):
        return _in_order(gold.parts, given.parts, same)
    if any(node.kind == "leaf" and _SETLIKE.search(node.text) for node in (gold, given)):
        return same(gold.text, given.text)
    return False


def _single(node: Node) -> Node:
    """A list or set of one thing is that thing."""
    return node.parts[0] if node.kind in UNORDERED and len(node.parts) == 1 else node


def _in_order(gold: tuple[Node, ...], given: tuple[Node, ...], same: Same) -> bool | None:
    if len(gold) != len(given):
        return False
    return _all(matches(a, b, same) for a, b in zip(gold, given, strict=True))


def _in_any_order(gold: tuple[Node, ...], given: tuple[Node, ...], same: Same) -> bool | None:
    """Greedy pairing; enough, because equality is an equivalence. An answer may repeat an item verbatim."""
    if len(given) > len(gold):
        given = tuple({compact(node.text): node for node in given}.values())
    if len(gold) != len(given):
        return False
    left = list(given)
    undecided = False
    for part in gold:
        verdicts = [matches(part, other, same) for other in left]
        if True in verdicts:
            left.pop(verdicts.index(True))
        elif None in verdicts:
            undecided = True
        else:
            return False
    return None if undecided else True


def _all(verdicts: Iterable[bool | None]) -> bool | None:
    """Conjunction: one False settles it, else one None leaves it open."""
    result: bool | None = True
    for verdict in verdicts:
        if verdict is False:
            return False
        result = verdict and result
    return result


# ---- labels: the "x" of "x = 3" -----------------------------------------------------------------

_NOT_A_LABEL = re.compile(
    r"\\(?:sin|cos|tan|cot|sec|csc|log|ln|lg|exp|sqrt|sum|int|prod|lim|pi|infty|binom)(?![a-zA-Z])|!"
)
_SUBSCRIPT = re.compile(r"_ ?(?:\{[^{}]*\}|\\?[a-zA-Z0-9]+)|\\text ?\{[^{}]*\}")
_ARGUMENTS = re.compile(r"(?<=[A-Za-z'}])\([^()]*\)")
_COMMAND = re.compile(r"\\[a-zA-Z]+")
_TERM = re.compile(rf"(?:{_SUBSCRIPT.pattern}|[^-+*/])+")
_SQUARE = re.compile(r"(?<![a-zA-Z])([a-z]) ?\1(?![a-zA-Z])")


def is_label(node: Node, loose: bool = False) -> bool:
    r"""Whether the left side of `=` only names what the right side gives: x, f(2), AB, (p,q), \frac{a}{b}.

    `loose` adds sums and products of different names (m+n = 12). It is for answers to a number;
    elsewhere they make an equation whose right side alone says too little.
    """
    if _NOT_A_LABEL.search(node.text):
        return False
    named = _SUBSCRIPT.search(node.text) is not None or _COMMAND.search(node.text) is not None
    bare = _COMMAND.sub(" ", _ARGUMENTS.sub("", _SUBSCRIPT.sub(" ", node.text)))
    if loose:
        if not _different_names(node.text) or _SQUARE.search(bare):
            return False
        bare = re.sub(r"[-+*]", " ", bare)
    elif re.search(r"(?<![a-z])[a-z]{2,}", bare):  # xy = 1 is a curve
        return False
    return re.fullmatch(r"[A-Za-z'|:,(){}/ ]*", bare) is not None and (
        named or re.search(r"[A-Za-z]", bare) is not None
    )


def _different_names(text: str) -> bool:
    """Whether `text` has no sign in front and no name twice: neither -x = 5 nor x+x = 5 says what x is."""
    signs = re.sub(r"\\(?:cdot|times)(?![a-zA-Z])", "*", _ARGUMENTS.sub("", text))
    terms = [compact(term).strip() for term in _TERM.findall(signs)]
    return len(_TERM.sub("", signs)) == len(terms) - 1 and all(terms) and len(set(terms)) == len(terms)


def _without_labels(gold: Node, given: Node) -> tuple[Node, Node] | None:
    """The pair without what only names the values; None if the names contradict each other."""
    if gold.kind == given.kind:
        if is_label(gold.parts[0]) and is_label(given.parts[0]):
            same_name = compact(gold.parts[0].text) == compact(given.parts[0].text)
            return (gold.parts[-1], given.parts[-1]) if same_name else None
        return Node("leaf", gold.text), Node("leaf", given.text)
    if gold.kind == "=":
        return (gold.parts[-1] if is_label(gold.parts[0]) else Node("leaf", gold.text)), given
    named = is_label(given.parts[0], loose=quantity(gold.text) is not None)
    return gold, (given.parts[-1] if named else Node("leaf", given.text))


# ---- leaves that need no algebra ----------------------------------------------------------------

_TEXT = re.compile(r"\\text ?\{([^{}]*)\}")
_WORDY = re.compile(r"[^\W\d_]+(?:[ '-]+[^\W\d_]+)*", re.S)
_SHORT = frozenset(("yes", "no", "odd", "all", "any", "one", "two", "six", "ten", "red"))
_CLOCK = re.compile(r"[0-9]{1,2}:[0-9]{2}(?: ?[ap]\.? ?m\.?)?", re.I)
_BASED = re.compile(r"[0-9)] ?_")
_DIGITS = re.compile(r"\(([0-9A-Fa-f]+)\)(?= ?_)")
_TEN_BASED = re.compile(r" ?_ ?(?:\{10\}|10)$")


def plain_text(text: str) -> str:
    r"""The words of `text`, folded, without `\text` and the brackets around an option's letter."""
    return fold(fold(_TEXT.sub(r"\1", text)).strip("()[]{}"))


def is_text(text: str) -> bool:
    r"""Whether a gold is words rather than mathematics: `\text{...}`, a phrase, a word, a clock time."""
    if _TEXT.fullmatch(text) or _CLOCK.fullmatch(text):
        return True
    if not _WORDY.fullmatch(_TEXT.sub(r" \1 ", text).strip()):
        return False
    found = plain_text(text).split()
    return max(map(len, found)) >= 4 or bool(_SHORT & set(found))


def _is_letter(text: str) -> bool:
    """Whether a text is the letter of an option, or a name."""
    return len(text) == 1 and text.isalpha()


def quickly(gold: str, given: str, closed: bool) -> bool | None:
    """Whether two leaves agree, None where it takes algebra.

    Args:
        gold: the gold's leaf.
        given: the answer's leaf.
        closed: a number may also be given as a closed form, such as 3+2 for 5.
    """
    if compact(gold) == compact(given):
        return True
    if is_text(gold) or (_is_letter(gold) and _is_letter(plain_text(given)) and not re.search(r"[!']", given)):
        return plain_text(gold) == plain_text(given)
    if _BASED.search(gold) or _BASED.search(given):
        return _same_in_its_base(gold, given, closed)
    number = quantity(gold)
    if number is not None:
        other = quantity(given)
        if other is not None:
            return same_quantity(number, other)
        if not closed:
            return False
    if UNEVALUATED.search(given) and not UNEVALUATED.search(gold):
        return False  # the question restated
    if set(_PRIMED.findall(given)) != set(_PRIMED.findall(gold)):
        return False
    return None


def _same_in_its_base(gold: str, given: str, closed: bool) -> bool | None:
    """Digits with a base agree digit by digit; base ten may go unsaid in the gold."""
    if not _BASED.search(gold):
        return bool(_TEN_BASED.search(given)) and quickly(gold, _TEN_BASED.sub("", given), closed)
    return compact(_DIGITS.sub(r"\1", gold)) == compact(_DIGITS.sub(r"\1", given))
