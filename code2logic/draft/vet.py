"""Reads a model's module before it runs: only what a pure game needs is let through.

The sandbox is what protects the machine; this gate turns away what has no business
in a game with a line that a model can act on, and closes the ways round the sandbox's
audit hook (ctypes, frames, private attributes of modules).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

MAX_SOURCE = 60_000  # characters
_MODULES = (
    "__future__ collections collections.abc dataclasses decimal enum fractions functools heapq itertools math "
    "random re string typing PIL numpy ludex.code2logic ludex.code2logic.game ludex.code2logic.question "
    "ludex.code2logic.draw ludex.code2logic.glyphs ludex.code2logic.parts ludex.code2logic.parts.grids "
    "ludex.code2logic.parts.voxels ludex.code2logic.parts.cards"
)
_NAMES = (
    "breakpoint builtins codecs compile ctypes delattr eval exec fromfile fromregex frombuffer genfromtxt "
    "getattr globals importlib input inspect io loads loadtxt locals memmap memoryview open os pathlib pickle "
    "save savetxt savez setattr shutil signal socket subprocess sys threading tofile vars Path "
    "KeyboardInterrupt SystemExit"
)
MODULES, NAMES = frozenset(_MODULES.split()), frozenset(_NAMES.split())
DUNDERS = ("__future__", "__init__", "__post_init__")


def objections(source: str) -> list[str]:
    """What must not be in the module, one line each with its place; empty if it may run."""
    if len(source) > MAX_SOURCE:
        return [f"the module has {len(source):,} characters; at most {MAX_SOURCE:,}"]
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return [f"not a Python module: {error}"]
    return [f"line {line}: {what}" for line, what in sorted(set(_found(tree)))]


def _found(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Import | ast.ImportFrom):
            for module in _modules(node):
                if module not in MODULES:
                    yield line, f"import of {module!r}; allowed are {', '.join(sorted(MODULES))}"
        for name in _names(node):
            if name in NAMES or (name.startswith("__") and name not in DUNDERS):
                yield line, f"{name!r} has no place in a pure game"
            elif isinstance(node, ast.Attribute) and name.startswith("_"):
                yield line, f"private attribute {name!r}"


def _modules(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return ["." * node.level + (node.module or "")]


def _names(node: ast.AST) -> list[str]:
    """The identifiers that a node reads or binds."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute):
        return [node.attr]
    if isinstance(node, ast.ImportFrom):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        return [node.name]
    return []
