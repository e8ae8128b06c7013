"""A second reader of the prompts' formulas: values of LaTeX in any number type, no code shared with the package."""

from __future__ import annotations

import cmath
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

_TOKEN = re.compile(r"\\[a-z]+|\d+|[a-z]|[-+*/^(){}·]")
_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "\\sin": cmath.sin,
    "\\cos": cmath.cos,
    "\\ln": cmath.log,
    "\\sqrt": cmath.sqrt,
}


class _Reader:
    def __init__(self, text: str, variables: dict[str, Any]):
        self.tokens, self.variables = _TOKEN.findall(text), variables
        assert "".join(self.tokens) == re.sub(r"\s", "", text), text
        self.tokens.append("")

    def sum(self) -> Any:
        value = -self.product(self.take()) if self.tokens[0] == "-" else self.product()
        while self.tokens[0] in ("+", "-"):
            value = value + self.product() if self.take() == "+" else value - self.product()
        return value

    def take(self, wanted: str = "") -> str:
        assert not wanted or self.tokens[0] == wanted, (wanted, self.tokens)
        return self.tokens.pop(0)

    def product(self, _: str = "") -> Any:
        value = self.power()
        while self.tokens[0] not in ("", "+", "-", ")", "}"):
            if self.tokens[0] == "/":
                self.take()
                value = value / self.power()
            else:
                if self.tokens[0] in ("*", "·", "\\cdot"):
                    self.take()
                value = value * self.power()
        return value

    def power(self) -> Any:
        base = self.atom()
        if self.tokens[0] != "^":
            return base
        self.take()
        exponent = self.group("{", "}") if self.tokens[0] == "{" else self.atom()
        if isinstance(base, complex | float) and not isinstance(exponent, Fraction):
            return cmath.exp(exponent * cmath.log(base))
        return base ** int(exponent) if exponent == int(exponent.real) else complex(base) ** complex(exponent)

    def group(self, left: str, right: str) -> Any:
        self.take(left)
        value = self.sum()
        self.take(right)
        return value

    def atom(self) -> Any:
        token = self.tokens[0]
        if token == "(":
            return self.group("(", ")")
        self.take()
        if token.isdigit():
            return Fraction(token)
        if token == "\\frac":
            top = self.group("{", "}")
            return top / self.group("{", "}")
        if token in _FUNCTIONS:
            bracket = "{}" if token == "\\sqrt" else "()"
            return _FUNCTIONS[token](self.group(*bracket))
        return cmath.e if token == "e" and "e" not in self.variables else self.variables[token]


def value(text: str, **variables: Any) -> Any:
    """The value of a formula; exact where the variables are Fractions."""
    reader = _Reader(text, variables)
    result = reader.sum()
    assert reader.tokens == [""], (text, reader.tokens)
    return result


def derivative(text: str, x: float) -> float:
    """By a complex step, which loses no digits: Im f(x + ih) / h."""
    return complex(value(text, x=complex(x, 1e-30))).imag / 1e-30


def coefficients(text: str) -> list[int]:
    """Of an expanded integer polynomial in x, lowest first, read term by term."""
    found: dict[int, int] = {}
    for sign, digits, x, exponent in re.findall(r"([+-]?)(\d*)(x?)(?:\^(\d))?", text.replace(" ", "")):
        if digits or x:
            n = int(exponent or 1) if x else 0
            assert n not in found
            found[n] = int(sign + (digits or "1"))
    return [found.get(n, 0) for n in range(max(found) + 1)]


def formulas(prompt: str) -> list[str]:
    """What stands between dollars."""
    return re.findall(r"\$([^$]+)\$", prompt)


def numbers(text: str) -> list[Fraction]:
    """Every numeral of a sentence, in order."""
    return [Fraction(n) for n in re.findall(r"(?<![\w/])-?\d+(?:/\d+)?", text)]
