"""Run files: values, overrides, dataclasses, and one line for every mistake."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ludex.config import ConfigError, build, convert, override, parse_options, parse_value, to_toml


@dataclass(frozen=True)
class Inner:
    rate: float = 0.1
    kind: Literal["adam", "sgd"] = "adam"


@dataclass(frozen=True)
class Outer:
    steps: int
    name: str = "run"
    inner: Inner = field(default_factory=Inner)
    sizes: tuple[int, ...] = ()
    limit: int | None = None
    free: dict[str, Any] = field(default_factory=dict)
    flag: bool = False

    def __post_init__(self) -> None:
        if self.steps < 0:
            raise ValueError("steps must not be negative")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4", 4),
        ("-1.5e-3", -0.0015),
        ("true", True),
        ("[1, 2]", [1, 2]),
        ('"4"', "4"),
        ("easy", "easy"),
        ("+-*/", "+-*/"),
    ],
)
def test_values_read_as_toml_or_else_as_text(text, expected):
    assert parse_value(text) == expected
    assert type(parse_value(text)) is type(expected)


@pytest.mark.parametrize("bad", ["numbers", "=4", ""])
def test_a_word_without_equals_is_refused(bad):
    with pytest.raises(ConfigError, match="key=value"):
        parse_options([bad])


def test_options_keep_equals_signs_in_values():
    assert parse_options(["a=b=c", "d=4"]) == {"a": "b=c", "d": 4}


def test_overrides_reach_tables_and_arrays():
    table = {"optim": {"lr": 1.0}, "env": [{"id": "a"}, {"id": "b"}], "ids": [1, 2]}
    override(table, ["optim.lr=2e-6", "env.1.numbers=4", "ids.0=7", "new.deep=true"])
    assert table == {
        "optim": {"lr": 2e-6},
        "env": [{"id": "a"}, {"id": "b", "numbers": 4}],
        "ids": [7, 2],
        "new": {"deep": True},
    }


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("env.2.id=x", "index below 2"),
        ("env.x.id=x", "index below 2"),
        ("ids.5=1", "index below 2"),
        ("name.x=1", "is a value"),
    ],
)
def test_overrides_that_lead_nowhere(pair, message):
    with pytest.raises(ConfigError, match=message):
        override({"env": [{}, {}], "ids": [1, 2], "name": "n"}, [pair])


def test_build_nests_and_widens():
    built = build(
        Outer, {"steps": 3, "inner": {"rate": 1, "kind": "sgd"}, "sizes": [1, 2], "limit": 5, "free": {"x": 1}}
    )
    assert built == Outer(3, inner=Inner(1.0, "sgd"), sizes=(1, 2), limit=5, free={"x": 1})
    assert isinstance(built.inner.rate, float)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"stesp": 3}, "unknown key 'stesp'; did you mean 'steps'"),
        ({"steps": 3, "inner": {"rtae": 1}}, "unknown key 'inner.rtae'; did you mean 'rate'"),
        ({"steps": "3"}, "steps = '3' must be int, not str"),
        ({"steps": True}, "steps = True must be int, not bool"),
        ({"steps": 1.5}, "steps = 1.5 must be int, not float"),
        ({"steps": 3, "inner": {"kind": "adma"}}, "inner.kind = 'adma'; did you mean 'adam'"),
        ({"steps": 3, "limit": "x"}, "limit = 'x' must be int or NoneType"),
        ({"steps": 3, "flag": 1}, "flag = 1 must be bool"),
        ({"steps": -1}, "must not be negative"),
        ({}, "steps"),
    ],
)
def test_every_mistake_is_one_line_that_says_where(table, message):
    with pytest.raises(ConfigError) as caught:
        build(Outer, table)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_any_takes_anything():
    assert convert(Any, [1], "x") == [1]
    assert convert(Any, None, "x") is None


NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
VALUES = (
    st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(blacklist_categories=("Cs",)))
)
PLAIN = VALUES | st.lists(st.integers(0, 9), max_size=3)


@given(st.dictionaries(NAMES, PLAIN | st.dictionaries(NAMES, PLAIN, max_size=3), max_size=5))
def test_written_toml_reads_back(table):
    assert tomllib.loads(to_toml(table)) == table


def test_arrays_of_tables_read_back():
    table = {"name": "x", "optim": {"lr": 1e-6}, "env": [{"id": "a", "numbers": 4}, {"id": "b"}]}
    assert tomllib.loads(to_toml(table)) == table
