"""Run files: TOML to dataclasses, dotted overrides, and errors that suggest.

Only what a dataclass declares may be written; every mistake is one line that
says where it is and what would be right.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from ludex.lookup import suggest

T = TypeVar("T")


class ConfigError(ValueError):
    """A mistake in a run file or an override."""


def parse_value(text: str) -> Any:
    """A command-line value as TOML reads it; anything else is the text itself."""
    import tomllib

    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def parse_options(pairs: Sequence[str]) -> dict[str, Any]:
    """{"numbers": 4} from ["numbers=4"]; ConfigError for a word without "=", or a key given twice."""
    options: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise ConfigError(f"{pair!r} must read key=value")
        if key in options:
            raise ConfigError(f"{pair!r}: {key} is given twice")
        options[key] = parse_value(value)
    return options


def override(table: dict[str, Any], pairs: Sequence[str]) -> dict[str, Any]:
    """`table` with dotted overrides such as "optim.lr=2e-6" or "env.0.numbers=4" written into it."""
    for dotted, value in parse_options(pairs).items():
        *path, last = dotted.split(".")
        node: Any = table
        for part in path:
            node = _child(node, part, dotted)
        if isinstance(node, list):
            _child(node, last, dotted)
            node[int(last)] = value
        else:
            node[last] = value
    return table


def _child(node: Any, part: str, dotted: str) -> Any:
    if isinstance(node, list):
        if not part.isdigit() or int(part) >= len(node):
            raise ConfigError(f"{dotted}: {part!r} must be an index below {len(node)}")
        return node[int(part)]
    child = node.setdefault(part, {})
    if not isinstance(child, dict | list):
        raise ConfigError(f"{dotted}: {part!r} is a value, not a table")
    return child


def build(cls: type[T], table: Mapping[str, Any], where: str = "") -> T:
    """An instance of the dataclass `cls` from a TOML table; fields of dataclass type nest.

    Raises:
        ConfigError: for an unknown key, a missing one, or a value of the wrong type.
    """
    hints = typing.get_type_hints(cls)
    names = [f.name for f in dataclasses.fields(cls) if f.init]  # type: ignore[arg-type]
    values = {}
    for key, value in table.items():
        if key not in names:
            raise ConfigError(f"unknown key {where + key!r}; {suggest(key, names)}")
        values[key] = convert(hints[key], value, where + key)
    try:
        return cls(**values)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{where.rstrip('.') or cls.__name__}: {error}") from None


def convert(hint: Any, value: Any, where: str) -> Any:
    """`value` as the type `hint` wants it; ConfigError, which begins with `where`, if it is of another type."""
    if hint is Any:  # a class since Python 3.11, yet not one for isinstance
        return value
    origin = typing.get_origin(hint)
    if dataclasses.is_dataclass(hint) and isinstance(value, Mapping):
        return build(typing.cast(type, hint), value, where + ".")
    if origin in (types.UnionType, typing.Union):
        return _convert_union(typing.get_args(hint), value, where)
    if origin is typing.Literal:
        if value not in typing.get_args(hint):
            raise ConfigError(f"{where} = {value!r}; {suggest(str(value), map(str, typing.get_args(hint)))}")
        return value
    if origin is tuple and isinstance(value, list | tuple):
        parts = typing.get_args(hint)
        if Ellipsis not in parts and len(parts) != len(value):
            raise ConfigError(f"{where} = {list(value)!r} must have {len(parts)} values, not {len(value)}")
        return tuple(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    expected = origin or hint
    if isinstance(expected, type) and (
        not isinstance(value, expected) or (expected is int and isinstance(value, bool))
    ):
        raise ConfigError(f"{where} = {value!r} must be {expected.__name__}, not {type(value).__name__}")
    return value


def _convert_union(options: tuple[Any, ...], value: Any, where: str) -> Any:
    for option in options:
        try:
            return None if value is None and option is type(None) else convert(option, value, where)
        except ConfigError:
            continue
    names = " or ".join(getattr(option, "__name__", str(option)) for option in options)
    raise ConfigError(f"{where} = {value!r} must be {names}")


def to_toml(table: Mapping[str, Any], prefix: str = "") -> str:
    """The table as TOML text: plain values first, then sub-tables and arrays of tables; None is left out."""
    tables = {k: v for k, v in table.items() if isinstance(v, Mapping)}
    arrays = {k: v for k, v in table.items() if isinstance(v, list | tuple) and v and isinstance(v[0], Mapping)}
    plain = {k: v for k, v in table.items() if k not in tables and k not in arrays and v is not None}
    lines = [f"{key} = {_toml_value(value)}" for key, value in plain.items()]
    for key, child in tables.items():
        lines += ["", f"[{prefix}{key}]", to_toml(child, f"{prefix}{key}.")]
    for key, children in arrays.items():
        for child in children:
            lines += ["", f"[[{prefix}{key}]]", to_toml(child, f"{prefix}{key}.")]
    return "\n".join(lines)


def _toml_value(value: Any) -> str:
    import json

    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml_value, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)
