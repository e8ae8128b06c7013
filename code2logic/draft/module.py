"""Reading and cutting a drafted module as text; none of it is run here."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection

_BLOCK = re.compile(r"```(?:python|py)?[ \t]*\n(.*?)```", re.S | re.I)


def block(answer: str) -> str | None:
    """The longest fenced block of an answer; None if it has none."""
    return max(_BLOCK.findall(answer), key=len, default=None)


def documented(source: str, questions: Collection[str]) -> tuple[str, dict[str, str]]:
    """The docstrings of its dataclasses, and of its questions."""
    body = ast.parse(source).body
    states = [ast.get_docstring(n) or "" for n in body if isinstance(n, ast.ClassDef) and n.decorator_list]
    asked = {n.name: ast.get_docstring(n) or "" for n in body if isinstance(n, ast.FunctionDef) and n.name in questions}
    return "\n".join(states), asked


def without(source: str, questions: Collection[str]) -> str:
    """The module without the functions of those questions."""
    lines = source.splitlines(keepends=True)
    for node in reversed(ast.parse(source).body):
        if isinstance(node, ast.FunctionDef) and node.name in questions and node.decorator_list:
            del lines[node.decorator_list[0].lineno - 1 : node.end_lineno]
    return re.sub(r"\n{4,}", "\n\n\n", "".join(lines)).rstrip() + "\n"
