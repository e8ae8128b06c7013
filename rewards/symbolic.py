r"""Symbolic comparison of answers, for worker processes only (see guard.py).

Math-Verify parses LaTeX and proposes; what it accepts must also survive checks
of our own, because it compares numbers to 15 places with small ones cut to zero,
takes two equations without real solutions for equal, and `x + y = 1` for `1`.
"""

from __future__ import annotations

import re
from functools import lru_cache, partial
from typing import Any

import sympy
from latex2sympy2_extended.latex2sympy2 import ConversionConfig, latex2sympy
from latex2sympy2_extended.math_normalization import NormalizationConfig, normalize_latex
from math_verify import verify
from math_verify.grader import should_treat_as_complex
from sympy.core.relational import Relational

from ludex.rewards.latex import Unreadable
from ludex.rewards.matching import matches, quickly
from ludex.rewards.numerals import split_unit
from ludex.rewards.trees import Node, leaves

DIGITS = 40
EXACT = sympy.Rational(1, 10**30)  # relative difference of equal constants
_RELATION = (Relational, sympy.And)
ROUNDED = sympy.Rational(2, 10**6)  # of an exact gold and a decimal answer: six figures

_SPELLING = NormalizationConfig(
    basic_latex=True, units=False, malformed_operators=True, nits=True, boxed="none", equations=False
)


class BadGold(ValueError):
    """The gold itself cannot be parsed."""


def judge(gold: Node, given: Node, closed: bool) -> tuple[str, str]:
    """The level of an answer ("malformed", "wrong", "correct") or "gold", each with its reason.

    It answers for every exception on the way: what the algebra system cannot
    digest is an answer that cannot be judged.
    """
    try:
        verdict = matches(gold, given, partial(_same, closed=closed))
    except BadGold as error:
        return "gold", str(error)
    except (Unreadable, RecursionError) as error:
        return "malformed", str(error)[:200]
    except MemoryError:  # the guard's limit
        raise
    except Exception as error:  # the algebra's own errors have no common base
        return "malformed", f"the algebra fails: {type(error).__name__}"
    return ("correct", "") if verdict else ("wrong", "another value")


def problem(gold: Node) -> str:
    """Why the leaves of a gold cannot be used, "" if they can."""
    level, why = judge(gold, gold, closed=False)
    try:
        for text in leaves(gold):
            if quickly(text, "?", closed=False) is None:
                _parse_gold(text)
    except BadGold as error:
        return str(error)
    return "" if level == "correct" else why


def _same(gold: str, given: str, closed: bool) -> bool:
    quick = quickly(gold, given, closed)
    if quick is not None:
        return quick
    (gold, unit), (given, other) = split_unit(gold), split_unit(given)
    if unit and other and unit != other:
        return False
    imaginary = should_treat_as_complex(gold) or should_treat_as_complex(given)
    a, b = _parse_gold(gold, imaginary), _parse_answer(given, imaginary)
    if isinstance(a, _RELATION) and isinstance(b, _RELATION):
        return _same_relation(a, b)
    return bool(verify(a, b, timeout_seconds=None)) and _agree(a, b)


def _parse_gold(text: str, imaginary: bool = False) -> Any:
    try:
        return _parse(text, imaginary)
    except Exception as error:
        raise BadGold(f"the gold does not parse: {ascii(text)[:100]}") from error


def _parse_answer(text: str, imaginary: bool) -> Any:
    try:
        return _parse(text, imaginary)
    except Exception as error:
        raise Unreadable("the answer does not parse") from error


_BUILDER = re.compile(r"\\\{ ?([a-zA-Z])(?: ?\\in ?\\mathbb ?\{?R\}?)? ?(?:\\mid|\||:) ?(.*)\\\}", re.S)


@lru_cache(256)  # a group of answers shares its gold
def _parse(text: str, imaginary: bool) -> Any:
    builder = _BUILDER.fullmatch(text)
    if builder:
        return _parse(builder[2], imaginary).as_set()
    spelled = normalize_latex(text, _SPELLING)
    parsed = latex2sympy(
        spelled,
        is_real=not imaginary,
        convert_degrees=False,
        normalization_config=None,
        conversion_config=_cases(spelled),
    )
    if imaginary and isinstance(parsed, sympy.Expr) and not parsed.has(sympy.Sum, sympy.Product):
        parsed = parsed.subs({symbol: sympy.I for symbol in parsed.free_symbols if symbol.name == "i"})
    if parsed in (sympy.nan, sympy.zoo):
        raise ValueError("no number")
    return parsed


def _cases(text: str) -> ConversionConfig:
    """Whether x and X are one variable: yes, unless the text uses both."""
    letters = set(re.findall(r"[a-zA-Z]", re.sub(r"\\[a-zA-Z]+", "", text)))
    return ConversionConfig(lowercase_symbols=not any(c.upper() in letters for c in letters if c.islower()))


# ---- what must also hold ------------------------------------------------------------------------


def _agree(a: Any, b: Any) -> bool:
    if isinstance(a, sympy.Set) or isinstance(b, sympy.Set):
        return _same_set(a, b)
    if isinstance(a, sympy.MatrixBase) and isinstance(b, sympy.MatrixBase):
        return a.shape == b.shape and all(_close(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, sympy.Expr) and isinstance(b, sympy.Expr):
        return _close(a, b)
    return type(a) is type(b) and a == b


def _same_set(a: Any, b: Any) -> bool:
    """Two sets, or an inequality in the gold and the set of its solutions."""
    if isinstance(a, _RELATION):
        a = a.as_set()
    a, b = a.doit(), b.doit()
    if isinstance(a, sympy.Interval) and isinstance(b, sympy.Interval):
        return (a.left_open, a.right_open) == (b.left_open, b.right_open) and all(map(_close, a.args[:2], b.args[:2]))
    if isinstance(a, sympy.FiniteSet) and isinstance(b, sympy.FiniteSet):
        return len(a) == len(b) and all(any(_agree(x, y) for y in b) for x in a)
    return (
        isinstance(a, sympy.Set) and isinstance(b, sympy.Set) and (a == b or a.symmetric_difference(b).is_empty is True)
    )


def _same_relation(a: Any, b: Any) -> bool:
    """Proportional sides with the sign that the direction wants, or the same non-empty set of solutions."""
    if a.free_symbols != b.free_symbols or not _sides_have_values(b):
        return False
    if isinstance(a, Relational) and isinstance(b, Relational) and _proportional(a, b):
        return True
    if len(a.free_symbols) != 1:
        return a == b
    if isinstance(a, sympy.Eq) and isinstance(b, sympy.Eq):
        return _same_solutions(a, b)
    return bool(a.as_set() == b.as_set() != sympy.S.EmptySet)


def _sides_have_values(relation: Any) -> bool:
    """Whether infinity is in no side of `relation`, unless it is all of the side: solvers treat it as they like."""
    infinities = (sympy.oo, -sympy.oo)
    sides = [side for part in relation.atoms(Relational) for side in part.args if side not in infinities]
    return not any(side.doit().has(sympy.nan, sympy.zoo, *infinities) for side in sides)


def _proportional(a: Any, b: Any) -> bool:
    first, second = _oriented(a), _oriented(b)
    if first[0] != second[0] or not first[1].free_symbols or second[1] == 0:
        return False
    ratio = sympy.simplify(first[1] / second[1])
    if not ratio.is_number or ratio == 0 or ratio.is_finite is False:
        return False
    return first[0] in (sympy.Eq, sympy.Ne) or bool(ratio > 0)


def _oriented(relation: Any) -> tuple[Any, Any]:
    """The kind of relation, turned to > or >=, and the expression that it compares with 0."""
    difference = sympy.expand(relation.lhs - relation.rhs)
    turned = {sympy.Lt: sympy.Gt, sympy.Le: sympy.Ge}.get(type(relation))
    return (turned, -difference) if turned else (type(relation), difference)


def _same_solutions(a: Any, b: Any) -> bool:
    symbol = next(iter(a.free_symbols))
    first, second = sympy.solve(a, symbol), sympy.solve(b, symbol)
    return bool(first) and len(first) == len(second) and all(any(_close(x, y) for y in second) for x in first)


def _close(a: Any, b: Any) -> bool:
    """Whether two expressions agree to 40 digits, at three points if they have variables.

    Decimals of the gold are exact. A decimal answer to an exact gold must agree
    to six figures.
    """
    if a == b:
        return True
    bound = ROUNDED if b.atoms(sympy.Float) and not a.atoms(sympy.Float) else EXACT
    a, b = (sympy.nsimplify(side, rational=True) if side.atoms(sympy.Float) else side for side in (a, b))
    a, b = a.doit(), b.doit()  # only then does max(3, infinity) say that it is infinite
    if a == b or a.is_infinite or b.is_infinite:
        return bool(a == b)
    symbols = sorted(a.free_symbols | b.free_symbols, key=str)
    verdicts = [_near(a, b, point, bound) for point in _points(symbols)]
    decided = [verdict for verdict in verdicts if verdict is not None]
    return bool(decided) and all(decided)  # no simplification here: it takes infinity for any constant


def _points(symbols: list[Any]) -> list[dict[Any, Any]]:
    """Values for the variables; irregular positive fractions, so that nothing cancels by chance."""
    if not symbols:
        return [{}]
    return [
        {s: sympy.Rational(prime + 2 * i, 7 + 4 * i) + sympy.Rational(i, 13) for i, s in enumerate(symbols)}
        for prime in (17, 29, 41)
    ]


def _near(a: Any, b: Any, point: dict[Any, Any], bound: Any) -> bool | None:
    """Whether the values at `point` agree; None where one of them has no value there."""
    x, y = (sympy.N(side.subs(point).doit(), DIGITS) for side in (a, b))
    if not (x.is_number and y.is_number and x.is_finite and y.is_finite):
        return None
    size = max(abs(x), abs(y))
    if size < sympy.Rational(1, 10**DIGITS):  # rounding errors of zero look like small numbers
        return bool(sympy.simplify(a - b) == 0)
    return bool(abs(x - y) <= bound * size)
