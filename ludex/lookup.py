"""From a name to an object: a literal table, then entry points, then "did you mean"."""

from __future__ import annotations

import difflib
import importlib
import re
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, entry_points, requires, version
from typing import Any


class UnknownName(KeyError):
    """A name that no table and no entry point knows; the message suggests near ones."""

    def __str__(self) -> str:
        return str(self.args[0])


class MissingExtra(ImportError):
    """Something known needs an optional dependency that is not installed."""


SHOWN = 40  # names in an error message


def suggest(name: str, known: Iterable[str]) -> str:
    """The tail of an error message: near names if there are any, else all of them, as far as a line holds."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    if near:
        return f"did you mean {' or '.join(map(repr, near))}?"
    more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
    return f"known: {', '.join(known[:SHOWN])}{more}"


def load(path: str, extra: str = "") -> Any:
    """The object that "module:attribute" names.

    Raises:
        MissingExtra: if its module needs a distribution that `extra` would install.
        ValueError: if the path has no colon or the attribute does not exist.
    """
    module, colon, attribute = path.partition(":")
    if not colon:
        raise ValueError(f"{path!r} must read module:attribute")
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if extra and not (error.name or "").startswith("ludex"):
            raise MissingExtra(f"this needs {error.name}: pip install 'ludex[{extra}]'") from error
        raise
    try:
        return getattr(found, attribute)
    except AttributeError:
        raise ValueError(f"{module} has no {attribute!r}; {suggest(attribute, dir(found))}") from None


def missing(extra: str) -> list[str]:
    """The distributions of an optional extra that are not installed; nothing is imported."""
    wanted = (re.fullmatch(r"([\w.-]+).*extra == [\"']([\w-]+)[\"'].*", line) for line in requires("ludex") or [])
    return [found[1] for found in wanted if found and found[2] == extra and not _installed(found[1])]


def _installed(distribution: str) -> bool:
    try:
        return bool(version(distribution))
    except PackageNotFoundError:
        return False


def plugins(group: str) -> dict[str, str]:
    """Name to "module:attribute" of every installed entry point of `group`."""
    return {entry.name: entry.value for entry in entry_points(group=group)}


def find(name: str, table: Mapping[str, str], group: str, noun: str) -> str:
    """The path behind `name`; UnknownName suggests what was probably meant."""
    if name in table:
        return table[name]
    others = plugins(group)
    if name in others:
        return others[name]
    raise UnknownName(f"no {noun} {name!r}; {suggest(name, {*table, *others})}")
