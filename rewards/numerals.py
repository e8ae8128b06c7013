r"""Exact numerals: what people write for a rational number, and its unit.

Integers with thousands separators, decimals, repeating decimals, a/b,
\frac{a}{b}, mixed numbers, percent and scientific notation, in ASCII digits.
Values are exact, so 0.3333 is not 1/3, and nothing here can hang: every pattern
is linear, and digits and exponents are capped.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

MAX_EXPONENT = 400

_WHOLE = r"(?:[0-9]{1,3}(?:(?:,[0-9]{3}){1,99}|(?: [0-9]{3}){1,99})(?![0-9])|[0-9]{1,300})"
_POWER = r"(?:\{ ?([-+]?[0-9]{1,4}) ?\}|([-+]?[0-9]{1,4}))"
_DECIMAL = re.compile(
    rf"([-+]?) ?({_WHOLE})?(?:\.([0-9]{{0,300}})(?:\\(?:over|bar)(?:line)? ?\{{([0-9]{{1,50}})\}})?)?"
    rf"(?: ?(?:(?:\\times|\\cdot|\*) ?10 ?\^ ?|[eE]){_POWER})?"
)
_TEN = re.compile(rf"([-+]?) ?10 ?\^ ?{_POWER}")
_ARGUMENT = rf"(?:\{{ ?([-+]?) ?({_WHOLE}) ?\}}|() ?([0-9]))"
_FRACTION = re.compile(
    rf"([-+]?) ?(?:({_WHOLE})(?: | ?(?=\\)))?"
    rf"(?:\\[dtc]?frac ?{_ARGUMENT} ?{_ARGUMENT}|({_WHOLE}) ?/ ?([-+]?)({_WHOLE}))"
)
_SEPARATORS = str.maketrans("", "", ", ")


class Quantity(NamedTuple):
    """A number and the unit beside it, "" for none."""

    value: Fraction
    unit: str


def numeral(text: str) -> Fraction | None:
    r"""The exact value of `text`, None if it is no numeral.

    It reads -5, 7,425,000, 0.5, .5, 2/3, \frac{2}{3}, \frac23, 2 1/2,
    2\frac{1}{2}, 1.5\times10^{3}, 1e-3, 10^{6} and 0.\overline{3}, alone or in
    round brackets. A sign may stand in front; a zero denominator is no numeral.
    """
    match = _DECIMAL.fullmatch(text)
    if match:
        return _decimal(*match.groups())
    match = _FRACTION.fullmatch(text)
    if match:
        return _fraction(*match.groups())
    match = _TEN.fullmatch(text)
    if match:
        value = _power(match[2] or match[3])
        return None if value is None else -value if match[1] == "-" else value
    return _in_brackets(text)


def _decimal(
    sign: str, whole: str | None, digits: str | None, repeating: str | None, braced: str | None, power: str | None
) -> Fraction | None:
    if not whole and not digits and not repeating:
        return None
    number = int((whole or "0").translate(_SEPARATORS))
    value = Fraction(number)
    if digits:
        value = Fraction(number * 10 ** len(digits) + int(digits), 10 ** len(digits))
    if repeating:
        value += Fraction(int(repeating), (10 ** len(repeating) - 1) * 10 ** len(digits or ""))
    exponent = braced or power
    if exponent:
        scale = _power(exponent)
        if scale is None:
            return None
        value *= scale
    return -value if sign == "-" else value


def _power(exponent: str) -> Fraction | None:
    return None if abs(int(exponent)) > MAX_EXPONENT else Fraction(10) ** int(exponent)


def _fraction(sign: str, whole: str | None, *arguments: str | None) -> Fraction | None:
    above_sign, above, _, above_digit, below_sign, below, _, below_digit, top, bottom_sign, bottom = arguments
    numerator = int((above or above_digit or top or "0").translate(_SEPARATORS))
    denominator = int((below or below_digit or bottom or "0").translate(_SEPARATORS))
    signed = above_sign or below_sign or bottom_sign
    if denominator == 0 or (whole and (numerator >= denominator or signed)):  # 2 3/2 is no mixed number
        return None
    value = Fraction(numerator, denominator) + (int(whole.translate(_SEPARATORS)) if whole else 0)
    minuses = [sign, above_sign, below_sign, bottom_sign].count("-")
    return -value if minuses % 2 else value


def _in_brackets(text: str) -> Fraction | None:
    sign, body = (text[:1], text[1:].lstrip()) if text[:1] in ("-", "+") else ("", text)
    if len(body) < 3 or body[0] != "(" or body[-1] != ")" or "(" in body[1:] or "," in body:
        return None
    value = numeral(body[1:-1].strip())
    return -value if value is not None and sign == "-" else value


_SHORT_UNITS = re.compile(
    r"[mcdk]m|[mk]g|[mc]l|ft|in|yd|mi|lb|oz|hrs?|mins?|sec|ms|[ap]m|mph|k[pm]h|kmph|rpm|sq|cu|deg|rads?|"
    r"inch(?:es)?|foot|feet|miles?"
)
_SAME = {
    "%": "percent", "percentage": "percent", "pct": "percent", "$": "dollar", "usd": "dollar", "deg": "degree",
    "ft": "foot", "feet": "foot", "inche": "inch", "in": "inch", "hr": "hour", "h": "hour", "min": "minute",
    "sec": "second", "s": "second", "m": "meter", "metre": "meter", "cm": "centimeter", "km": "kilometer",
    "kg": "kilogram", "unit": "", "squareunit": "", "cubicunit": "", "unit^2": "", "unit^3": "", "unitsquared": "",
}  # fmt: skip
_MULTIPLIERS = {
    "dozen": 12, "hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12,
}  # fmt: skip
_MULTIPLIER = re.compile(rf" *({'|'.join(_MULTIPLIERS)})s?(?![a-z])", re.I)
# No unit, and no answer: words that make the number part of a sentence or of another number. Quarters may be coins,
# "5 more" and "5 fewer" are asked for, and five two-digit numbers are five.
_SENTENCE = "or|and|not|is|if|mod|when|for|where|but|to|base|either|neither|through|until|till|versus|between"
_OPERATION = "times|plus|minus|by|multiplied|divided|doubled|tripled|halved|factorials?|(?<!left )over"
_COMPARISON = "than|above|below|under|beneath|least|most"
_PART = "point|half|halves|thirds|(?:four|fif|six|seven|eigh|nin|ten|eleven|twelf|[a-z]{3,6}teen|[a-z]{3,5}tie)ths"
_COUNT = (
    "(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen|"
    "(?:twen|thir|for|fif|six|seven|eigh|nine)ty)(?!-)"
)
_NO_UNIT = re.compile(
    rf"\b(?:{_SENTENCE}|{_OPERATION}|{_COMPARISON}|{_PART}|{_COUNT}|(?:{'|'.join(_MULTIPLIERS)})(?:s|ths?)?)\b|"
    r"^ *(?:squared|cubed) *$"
)
_EXPONENT = r"(?: ?\^ ?(?:\{[23]\}|[23]))?"
_MARKED = re.compile(
    rf"(?:\\ )? ?(?:\\text ?\{{((?:[^{{}}\\0-9,;:!?+*=<>|&#^]|\^ ?[23]){{0,60}})\}}({_EXPONENT})|\\?(%)|"
    r"\^ ?(?:\{ ?\\circ ?\}|\\circ)( ?[CF])?)$"
)
MAX_WORDS = 70  # characters of a plain unit with its power
_WORDS = re.compile(rf" ?([A-Za-z][A-Za-z /.-]{{0,60}})({_EXPONENT})$")


def split_unit(text: str) -> tuple[str, str]:
    r"""What stands before a trailing unit, and the unit's plain name ("" for none).

    A unit is a percent or degree sign, a `\text{...}`, a leading dollar sign, or
    words behind a numeral.
    """
    if text.startswith("\\$"):
        return text[2:].strip(), "dollar"
    before, words, exponent = _trailing(text)
    return (text, "") if _NO_UNIT.search(words.lower()) else (before, _plain(words, exponent))


def _trailing(text: str) -> tuple[str, str, str | None]:
    """What stands before trailing words that may be a unit, the words ("" for none) and the power behind them."""
    match = _MARKED.search(text)
    if match:
        words, exponent, percent, _ = match.groups()
        name = words if words is not None else "percent" if percent else "degree"
        return text[: match.start()].strip(), name, exponent
    match = _WORDS.search(text, max(0, len(text) - MAX_WORDS))
    if match and _is_unit(match[1]) and numeral(text[: match.start()].strip()) is not None:
        return text[: match.start()].strip(), match[1], match[2]
    return text, "", None


def _is_unit(words: str) -> bool:
    return all(len(w) > 3 or _SHORT_UNITS.fullmatch(w) for w in re.findall(r"[A-Za-z]+", words)[:1])


def _multiplied(words: str) -> tuple[int, str]:
    """The factor that words such as "thousand million" stand for, and the words behind them."""
    factor = 1
    while match := _MULTIPLIER.match(words):
        factor, words = factor * _MULTIPLIERS[match[1].lower()], words[match.end() :]
    return factor, words


def _plain(words: str, exponent: str | None) -> str:
    name = words.lower().strip(" .").replace(" ", "")
    name = name[:-1] if len(name) > 3 and name.endswith("s") else name
    power = (exponent or "").strip(" ^{}")
    if power:
        return _SAME.get(f"{name}^{power}", f"{_SAME.get(name, name)}^{power}")
    return _SAME.get(name, name)


def quantity(text: str) -> Quantity | None:
    """The number and unit of `text`, None if it is not a number with at most a unit; 5 million is a number."""
    value = numeral(text)
    if value is not None:
        return Quantity(value, "")
    dollars = text.startswith("\\$")
    before, words, exponent = _trailing(text[2:].strip() if dollars else text)
    factor, words = _multiplied(words)
    value = None if _NO_UNIT.search(words.lower()) else numeral(before)
    unit = _plain(words, exponent)
    if value is None or (dollars and unit not in ("", "dollar")):
        return None
    return Quantity(value * factor, "dollar" if dollars else unit)


def same_quantity(gold: Quantity, given: Quantity) -> bool:
    """Whether the numbers agree exactly and the units do not contradict each other.

    A unit that only one side writes is a convention: 45 and 45 degrees agree. A
    percent is its value (10% is 0.1), or that unit beside a gold above 1.
    """
    if gold.unit != given.unit and "percent" in (gold.unit, given.unit):
        if gold.unit and given.unit:
            return False
        as_number = given.value / 100 if given.unit else given.value * 100
        return gold.value == as_number or 1 < gold.value == given.value
    return gold.value == given.value and (gold.unit == given.unit or not gold.unit or not given.unit)
