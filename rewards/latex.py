r"""An answer's LaTeX before any parser sees it: one spelling, and what is refused.

Everything runs in the caller's process on at most MAX_ANSWER characters, in time
linear in them.
"""

from __future__ import annotations

import re

MAX_DEPTH = 50  # of brackets
MAX_POWER = 400  # a literal exponent, in an answer to a gold without a larger one
MAX_DIGITS = 300  # of one number


class Unreadable(ValueError):
    """The text is no answer that can be judged; the message says why."""


# ---- tidying ------------------------------------------------------------------------------------

_CHARACTERS = str.maketrans({
    "\u2212": "-", "\u2013": "-", "\u00d7": r"\times ", "\u00f7": "/", "\u00b7": r"\cdot ",
    "\u22c5": r"\cdot ", "\u03c0": r"\pi ", "\u221e": r"\infty ", "\u2264": r"\leq ", "\u2265": r"\geq ",
    "\u2260": r"\neq ", "\u00b0": r"^\circ ", "\u222a": r"\cup ", "\u2229": r"\cap ", "\u2208": r"\in ",
    "\u2205": r"\emptyset ", "\u211d": r"\mathbb{R}", "\u03b8": r"\theta ", "\u03b1": r"\alpha ",
    "\u03b2": r"\beta ", "\u2248": r"\approx ", "\u00b2": "^2", "\u00b3": "^3", "\u00a0": " ", "\u2009": " ",
    "\u202f": " ", "\t": " ", "\n": " ", "\r": " ",
})  # fmt: skip


def _names(text: str) -> list[str]:
    return text.split()


# Commands that mean the same as another, or nothing.
_SPELLED = {
    **dict.fromkeys(_names("left right middle big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr"), ""),
    **dict.fromkeys(_names("displaystyle textstyle scriptstyle limits nolimits rm bf it quad qquad n"), " "),
    **dict.fromkeys(_names("dfrac tfrac cfrac"), r"\frac"),
    **dict.fromkeys(_names("mbox textbf textit textrm textnormal mathrm mathbf mathit mathsf bm boldsymbol"), r"\text"),
    **dict.fromkeys(_names("le leqslant"), r"\leq "),
    **dict.fromkeys(_names("ge geqslant"), r"\geq "),
    "lt": "<", "gt": ">", "ne": r"\neq ", "varnothing": r"\emptyset ", "lbrace": r"\{", "rbrace": r"\}",
}  # fmt: skip
_SIGNS = {"$": r"\$", "\\": r"\\", "{": r"\{", "}": r"\}", "|": r"\|", "%": r"\%", "!": ""}
_SCANNED = re.compile(r"\\([a-zA-Z]+)(?: ?\.(?=[^0-9a-zA-Z]|$))?|\\(! *|[^a-zA-Z])|\$|~|<=|>=", re.S)
_DOUBLED = re.compile(r"\\\\(?=[a-zA-Z(\[\])])")
_RULES: tuple[tuple[str, re.Pattern[str], str], ...] = tuple(
    (needed, re.compile(pattern), replacement)
    for needed, pattern, replacement in (
        ("**", r"^ *\*\*([^*]*)\*\*[ .]*$", r"\1"),  # bold
        ("{", r"\{ *+, *+\}", ","),
        ("\\text", r"\\text ?\{ ?([ei]) ?\}|\\text ([ei])(?![a-zA-Z])", r" \1\2 "),
        ("\\operatorname", r"\\operatorname\*? ?\{ ?([a-zA-Z]+) ?\}", r"\\\1 "),
        ("\\text", r"\\text ?\{ *+,? *+(and|or) *+\}", r" \1 "),
        ("\\text", r"\\text ?\{ *+\}", " "),
        ("", r"(?<![\\a-zA-Z])(sqrt|pi|sin|cos|tan|cot|sec|csc|ln|log|infty)(?![a-zA-Z])", r"\\\1 "),
        ("inf", r"(?<![\\a-zA-Z])infinity(?![a-zA-Z])", r"\\infty "),
        ("sqrt", r"\\sqrt ?\(([^()]*)\)", r"\\sqrt{\1}"),
        ("  ", r" {2,}", " "),
    )
)
_LEAD = re.compile(r"(?:the )?(?:final )?answer(?: is)? ?:? ?(?=\S)", re.I)


def tidy(text: str) -> str:
    r"""One spelling for what LaTeX and people can spell in many ways.

    Delimiters of mathematics, sizes and spacing go; `\dfrac` becomes `\frac`,
    `<=` becomes `\leq`, typographic signs become commands.
    """
    if "\\\\" in text and "\\begin" not in text:  # escaped once too often; in a matrix it ends a row
        text = _DOUBLED.sub(r"\\", text)
    text = _SCANNED.sub(_spell, text.translate(_CHARACTERS))
    for needed, pattern, replacement in _RULES:
        if needed in text:
            text = pattern.sub(replacement, text)
    text = text.strip()
    lead = _LEAD.match(text)
    return _without_end(text[lead.end() :] if lead else text)


def _spell(match: re.Match[str]) -> str:
    command, sign = match[1], match[2]
    if command:
        spelled = _SPELLED.get(command)
        return match[0] if spelled is None else spelled
    if sign:
        return _SIGNS.get(sign[0], " ")
    return {"<=": r"\leq ", ">=": r"\geq "}.get(match[0], " ")


def _without_end(text: str) -> str:
    """`text` without closing punctuation."""
    bare = text.rstrip(" .,;:")
    return bare + text[len(bare)] if bare.endswith("\\") and len(bare) < len(text) else bare


_GAP = re.compile(r"(?<![a-zA-Z0-9]) | (?![a-zA-Z0-9])|(?<=[a-zA-Z]) (?=[0-9])|(?<=[0-9]) (?=[a-zA-Z])")
_SINGLE = re.compile(r"(?<=[_^])\{([a-zA-Z0-9])\}")


def compact(text: str) -> str:
    r"""The text without spaces that mean nothing; equal compacts mean equal mathematics."""
    return _SINGLE.sub(r"\1", _GAP.sub("", text))


# ---- refusing -----------------------------------------------------------------------------------

_KNOWN = frozenset(
    _names(
        "frac sqrt text times cdot div pm mp pi infty leq geq neq in notin cup cap setminus emptyset mid vert lvert "
        "rvert Vert to sin cos tan cot sec csc arcsin arccos arctan arccot sinh cosh tanh ln log lg exp binom "
        "lfloor rfloor lceil rceil circ degree alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta "
        "iota kappa lambda mu nu xi rho sigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi "
        "Sigma Upsilon Phi Psi Omega ell hbar partial nabla prime mathbb mathcal overline overrightarrow "
        "overleftarrow bar vec hat tilde widehat angle triangle measuredangle parallel perp begin end sum prod int "
        "lim iint oint max min gcd lcm det mod bmod pmod equiv approx sim cong subset subseteq supset langle rangle "
        "ldots cdots dots forall exists land lor lnot implies iff Rightarrow rightarrow boxed Re Im arg deg star "
        "ast underline stackrel"
    )
)
_COMMAND = re.compile(r"\\([a-zA-Z]+)")
BRACKET = re.compile(r"\\[{}]|\\.|[][(){}]", re.S)
_TEXT = re.compile(r"\\text ?\{[^{}]*\}")
_STRANGE = re.compile(
    r"[^ -~]|`|\"|#|__|\*\*|[a-zA-Z]\.[a-zA-Z]"
    r"|(?:[-+] ?){3}|\^ ?(?:\{[^{}]*\}|[^{}\\]) ?\^"  # three signs in a row, a double superscript
)
# Numbers whose value would fill a machine, by their form.
_HUGE = re.compile(
    rf"[0-9]{{{MAX_DIGITS + 1}}}|[0-9][eE][-+]?[0-9]{{4}}"
    r"|[0-9]{5} ?\}?\)? ?!|!\)? ?!|\^[^()]*\) ?!|\\binom[^a-z]{0,8}[0-9]{5}|\\binom ?\{[^{}]*\^"
    r"|\^ ?\{[^{}a-zA-Z]*\^ ?\{? ?[0-9]|\^ ?\{? ?[0-9]+ ?\}? ?\) ?\^ ?\{? ?[0-9]{3}"  # powers of powers
)
_EXPONENT = re.compile(r"\^ ?\{? ?[-+]? ?([0-9]{1,9})")
_PROSE = re.compile(r"(?<![\\a-zA-Z])[a-z]{4,}")


def largest_power(text: str) -> int:
    """The largest literal exponent in the text."""
    return max(map(int, _EXPONENT.findall(text)), default=0)


def refuse(text: str, power: int = MAX_POWER) -> None:
    """Stop what no answer needs, before any parser sees it.

    Args:
        text: the tidied answer or gold.
        power: the largest literal exponent that it may have.

    Raises:
        Unreadable: for unbalanced or deep brackets, unknown commands, strange
            characters, and numbers whose value would not fit a machine.
    """
    _check_brackets(text)
    bare = _TEXT.sub(" ", text)
    strange = _STRANGE.search(bare)
    if strange:
        raise Unreadable(f"unexpected {strange[0]!a}")
    for command in _COMMAND.findall(bare):
        if command not in _KNOWN:
            raise Unreadable(f"unknown command \\{command[:30]}")
    if _HUGE.search(bare) or largest_power(bare) > power:
        raise Unreadable("a number that is too large to work out")
    if not re.search(r"[a-zA-Z0-9]", text):
        raise Unreadable("nothing that could be an answer")


_OPENS = {"(": "(", "[": "(", "{": "{", "\\{": "\\{"}  # an interval may pair ( with ]
_CLOSES = {")": "(", "]": "(", "}": "{", "\\}": "\\{"}


def _check_brackets(text: str) -> None:
    waiting: list[str] = []
    for token in BRACKET.findall(text):
        if token in _OPENS:
            waiting.append(_OPENS[token])
        elif token in _CLOSES and (not waiting or waiting.pop() != _CLOSES[token]):
            raise Unreadable(f"a {token!r} that closes nothing")
        if len(waiting) > MAX_DEPTH:
            raise Unreadable(f"brackets deeper than {MAX_DEPTH}")
    if waiting:
        raise Unreadable("a bracket that is never closed")


def words(text: str) -> str | None:
    """A run of words where mathematics should be, None if there is none."""
    match = _PROSE.search(_COMMAND.sub(" ", _TEXT.sub(" ", text)))
    return match[0] if match else None
