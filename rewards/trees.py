r"""Answers as trees: lists, sets, tuples, intervals, matrices and chains of `=` with scalar leaves.

Most answers then need nothing but exact numerals, and a computer algebra system
sees single scalars.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ludex.rewards.answers import boxed
from ludex.rewards.latex import BRACKET, Unreadable, tidy
from ludex.rewards.numerals import quantity

MAX_PARTS = 64  # of one list


@dataclass(frozen=True)
class Node:
    r"""One level of an answer.

    Attributes:
        kind: "leaf"; "list" (bare, any order), "set" (`\{...\}`), "()", "[]", "[)",
            "(]" (in order), "matrix" (rows in order), "=" (a chain of equals).
        text: the tidied source.
        parts: the levels below.
    """

    kind: str
    text: str
    parts: tuple[Node, ...] = ()


def nodes(tree: Node) -> Iterator[Node]:
    """The tree and everything below it."""
    yield tree
    for part in tree.parts:
        yield from nodes(part)


def leaves(tree: Node) -> list[str]:
    """The texts of what is compared: leaves, without the labels and middles of chains."""
    if tree.kind == "=":
        return leaves(tree.parts[-1])
    return [text for part in tree.parts for text in leaves(part)] if tree.parts else [tree.text]


_OPEN, _CLOSE = ("(", "[", "{", "\\{", "\\langle"), (")", "]", "}", "\\}", "\\rangle")
_SCAN = re.compile(r"\\[a-zA-Z]+|\\.|(?<![A-Za-z])(?:and|or)(?![a-z])|[][(){},;=]|or(?=[A-Z(\\])", re.S)


def _split(text: str, separators: tuple[str, ...]) -> list[str]:
    """The pieces of `text` between separators outside all brackets and environments."""
    pieces, depth, start = [], 0, 0
    for match in _SCAN.finditer(text):
        token = match[0]
        if token in _OPEN or token == "\\begin":
            depth += 1
        elif token in _CLOSE or token == "\\end":
            depth -= 1
        elif depth == 0 and token in separators:
            pieces.append(text[start : match.start()].strip())
            start = match.end()
    return [*pieces, text[start:].strip()]


def shape(text: str, grouped: bool = True) -> Node:
    """The tree of an answer that was tidied.

    Args:
        text: the tidied answer.
        grouped: 1,234 is one number; otherwise it is a list of two.

    Raises:
        Unreadable: if it has too many parts.
    """
    if grouped and quantity(text):
        return Node("leaf", text)
    items = [item for piece in _split(text, (",", ";", "and", "or")) for item in _both_signs(piece) if item]
    if len(items) > MAX_PARTS:
        raise Unreadable(f"more than {MAX_PARTS} parts")
    if len(items) == 1:
        return _item(items[0])
    return Node("list", text, tuple(map(_item, items)))


def _both_signs(item: str) -> tuple[str, ...]:
    r"""Both values of an item with one `\pm` in it."""
    return (item.replace("\\pm", "+"), item.replace("\\pm", "-")) if item.count("\\pm") == 1 else (item,)


def _item(text: str) -> Node:
    text = _unwrapped(text)
    members = _split(text, ("=", "\\in"))
    if len(members) > 1 and all(members):
        return Node("=", text, tuple(_bracketed(_unwrapped(member)) for member in members))
    return _bracketed(text)


def _unwrapped(text: str) -> str:
    r"""`text` without a `\boxed{...}` or a group around the whole of it."""
    text = tidy(text)
    while True:
        start = "\\boxed{" if text.startswith("\\boxed{") else "{"
        if not text.startswith(start) or _closing(text, len(start) - 1) != len(text) - 1:
            return text
        text = tidy(text[len(start) : -1])


def _closing(text: str, opening: int) -> int:
    """Where the bracket at `opening` closes; -1 if nowhere."""
    depth = 0
    for match in BRACKET.finditer(text, opening):
        if match[0] in _OPEN:
            depth += 1
        elif match[0] in _CLOSE:
            depth -= 1
            if depth == 0:
                return match.end() - 1
    return -1


def _bracketed(text: str) -> Node:
    if text.startswith("\\begin"):
        return _matrix(text)
    if text.startswith("\\langle") and text.endswith("\\rangle"):
        text = "(" + text[7:-7] + ")"
    if text.startswith("\\{") and text.endswith("\\}") and _closing(text, 0) == len(text) - 1:
        return _braced(text)
    if text[:1] in ("(", "[") and text[-1:] in (")", "]") and _closing(text, 0) == len(text) - 1:
        inner = tuple(_item(part) for part in _split(text[1:-1], (",", ";")))
        if len(inner) == 1:
            return inner[0] if text[0] == "(" or inner[0].kind == "matrix" else Node("leaf", text)
        return Node(text[0] + text[-1], text, inner)
    if "\\boxed" in text:
        raise Unreadable("a box inside the answer")
    # A group such as {1,3} displays as a bare list.
    inner_list = _split(text, (",", ";", "and", "or"))
    return shape(text) if len(inner_list) > 1 else Node("leaf", text)


def _braced(text: str) -> Node:
    inner = text[2:-2].strip()
    if re.search(r"\\mid|\||:", inner):
        return Node("leaf", text)
    return Node("set", text, tuple(_item(part) for part in _split(inner, (",", ";")) if part))


_ENVIRONMENT = re.compile(r"\\begin ?\{([pbBvV]?matrix|array)\}(?: ?\{[lcr| ]*\})?(.*)\\end ?\{\1\}", re.S)


def _matrix(text: str) -> Node:
    match = _ENVIRONMENT.fullmatch(text)
    if not match or "\\begin" in match[2] or match[1][0] in "vV":
        return Node("leaf", text)
    rows = [row for row in match[2].split("\\\\") if row.strip()]
    if len(rows) > MAX_PARTS or match[2].count("&") > MAX_PARTS:
        raise Unreadable(f"more than {MAX_PARTS} parts")
    return Node("matrix", text, tuple(Node("()", row, tuple(_item(cell) for cell in row.split("&"))) for row in rows))


def inner_boxes(text: str) -> str:
    r"""`text` with the boxes in it resolved.

    Boxes with nothing but separators between them are a list. One box behind `=`
    is the conclusion of the derivation in front of it.

    Raises:
        Unreadable: for any other text around a box.
    """
    found = boxed(text)
    if not found or None in found:
        return text
    around = text
    for content in found:
        around = around.replace("\\boxed{" + str(content) + "}", " ", 1)
    if not re.sub(r"\\text ?\{ ?(?:and|or) ?\}|and|or|[\s,;.$]|\\[,;:!()\[\] ]|\\q?quad", "", around):
        return ", ".join(map(str, found))
    before = tidy(text[: text.index("\\boxed{")])
    if (
        len(found) == 1
        and before.endswith(("=", "\\in"))
        and not tidy(text[text.index("\\boxed{") + len(str(found[0])) + 8 :])
    ):
        return str(found[0])
    raise Unreadable("text around a box inside the answer")
