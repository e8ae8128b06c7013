"""TextWorld's descriptions: plain words with a little of Inform 7 in brackets, read once and said often.

[if c_0 is open and there is something in the c_0] ... [else if c_0 is locked] ... [otherwise] ... [end if]
[a list of things on the s_0]   [noun]
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

_TEST = re.compile(r"(?:(?P<thing>\w+) is )?(?P<state>open|closed|locked)")
_HELD = re.compile(
    r"there is (?P<what>something|nothing) (?:in|on) the (?P<held>\w+)|the (?P<empty>\w+) contains nothing"
)
_LIST = re.compile(r"\[a list of things (?:in|on) the (\w+)\]")


class Told(Protocol):
    """What a description asks of the world."""

    def open(self, thing: str) -> bool: ...  # noqa: D102
    def locked(self, thing: str) -> bool: ...  # noqa: D102
    def holds(self, holder: str) -> bool: ...  # noqa: D102
    def listed(self, holder: str) -> str: ...  # noqa: D102
    def name(self, thing: str) -> str: ...  # noqa: D102


Test = tuple[str, str, bool]  # what is asked, of what, and the answer wanted


@dataclass
class Choice:
    """Branches, each with the tests that must all hold; the first that fits is said."""

    branches: list[tuple[list[Test], list[Part]]] = field(default_factory=list)


@dataclass(frozen=True)
class Listed:
    """What is in or on a holder."""

    holder: str


@dataclass(frozen=True)
class Noun:
    """The name of the thing described."""

    thing: str


Part = str | Listed | Noun | Choice


def parse(text: str, me: str = "") -> list[Part]:
    """A description's parts, `me` being what it describes. ValueError for a substitution that is not known."""
    out: list[Part] = []
    stack: list[tuple[list[Part], Choice]] = []
    for piece in re.split(r"(\[[^\]]*\])", text):
        if not piece.startswith("["):
            if piece:
                out.append(quoted(piece))
        elif piece.startswith("[if "):
            choice = Choice()
            out.append(choice)
            stack.append((out, choice))
            out = _branch(choice, _tests(piece[4:-1], me))
        elif piece.startswith("[else if ") and stack:
            out = _branch(stack[-1][1], _tests(piece[9:-1], me))
        elif piece == "[otherwise]" and stack:
            out = _branch(stack[-1][1], [])
        elif piece == "[end if]" and stack:
            out, _ = stack.pop()
        else:
            out.append(_said(piece, me))
    if stack:
        raise ValueError(f"a description has an [if ...] without [end if]: {text[:60]!r}")
    return out


def _branch(choice: Choice, tests: list[Test]) -> list[Part]:
    parts: list[Part] = []
    choice.branches.append((tests, parts))
    return parts


def _said(piece: str, me: str) -> Part:
    listed = _LIST.fullmatch(piece)
    if listed:
        return Listed(listed[1])
    if piece == "[noun]":
        return Noun(me)
    if piece == "[line break]":
        return "\n"
    raise ValueError(f"a description uses {piece}, which is none of TextWorld's own substitutions")


def _tests(condition: str, me: str) -> list[Test]:
    return [_test(part.strip(), me) for part in condition.split(" and ")]


def _test(condition: str, me: str) -> Test:
    state = _TEST.fullmatch(condition)
    if state:
        what = "locked" if state["state"] == "locked" else "open"
        return what, state["thing"] or me, state["state"] != "closed"  # to Inform, what is locked is closed, too
    held = _HELD.fullmatch(condition)
    if held:
        return "holds", held["held"] or held["empty"], held["what"] == "something"
    raise ValueError(f"a description asks {condition!r}, which is none of TextWorld's own conditions")


def say(parts: Iterable[Part], world: Told) -> str:
    """The description as it reads now."""
    return "".join(part if isinstance(part, str) else _now(part, world) for part in parts)


def _now(part: Part, world: Told) -> str:
    if isinstance(part, Choice):
        for tests, parts in part.branches:
            if all(getattr(world, ask)(thing) is wanted for ask, thing, wanted in tests):
                return say(parts, world)
        return ""
    if isinstance(part, Listed):
        return world.listed(part.holder)
    return world.name(part.thing) if isinstance(part, Noun) else str(part)


def quoted(text: str) -> str:
    """Inform prints ' as " unless it stands between two letters or digits."""
    return re.sub(r"(?<![^\W_])'|'(?![^\W_])", '"', text) if "'" in text else text


def source(text: str) -> str:
    """A description as Inform reads it: a line break within a paragraph is a space, one between them stands."""
    paragraphs = (" ".join(part.split("\n")).strip(" ") for part in re.split(r"\n\s*\n", text))
    return "\n\n".join(paragraphs)


def objective(text: str) -> str:
    """The goal as printed: TextWorld cuts it into pieces of 200 characters, and quotation marks see the cuts."""
    lines = text.split("\n")
    return "\n".join("".join(quoted(line[i : i + 200]) for i in range(0, len(line), 200)) for line in lines)


def series(items: Iterable[str]) -> str:
    """Items as the game lists them."""
    *most, last = [*items] or ["nothing"]
    return f"{', '.join(most)} and {last}" if most else last


def counted(number: int) -> str:
    """A number in words, as Inform says it; digits beyond twenty."""
    words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    words += ["thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"]
    return words[number] if 0 <= number < len(words) else str(number)
