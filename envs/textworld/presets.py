"""The games that came with this package, drawn once by the textworld package with the seeds that they name."""

from __future__ import annotations

import json
import lzma
from functools import cache
from importlib.resources import files
from typing import Any

from ludex.lookup import suggest

PRESETS = ("w2-o3-q4", "w4-o6-q8", "w8-o3-q4", "w2-o12-q4", "w8-o12-q4", "simple", "cooking")


@cache
def load(name: str) -> tuple[dict[str, Any], ...]:
    """The games of a preset, each with its seed, in Ludex's own form. ValueError suggests for an unknown name."""
    if name not in PRESETS:
        raise ValueError(f"textworld: no preset {name!r}; {suggest(name, PRESETS)}")
    packed = (files("ludex.envs.textworld") / "presets" / f"{name}.json.xz").read_bytes()
    return tuple(json.loads(lzma.decompress(packed)))


def pack(games: list[dict[str, Any]]) -> bytes:
    """Games as `load` reads them."""
    return lzma.compress(json.dumps(games, separators=(",", ":")).encode(), preset=9 | lzma.PRESET_EXTREME)
