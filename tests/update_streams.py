"""Golden hashes of the first tasks of every environment: a changed stream cannot go unnoticed.

python tests/update_streams.py [ID ...]    writes tests/fixtures/streams.json (all ids, or those named)
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

from ludex.core import Task
from ludex.envs import registry
from ludex.envs.core import SPLITS
from ludex.envs.pictures import pixels
from ludex.envs.registry import task_source

FIXTURE = Path(__file__).parent / "fixtures" / "streams.json"
FIRST = 5  # tasks of each split, seed 0


def names() -> list[str]:
    """The ids whose tasks are generated, not read from a file of the user's."""
    return sorted(name for name, entry in registry.ENVS.items() if name != "math-jsonl-v0")


def digest(name: str) -> str:
    """SHA-256 over the JSON of the first tasks and the pixels of their pictures."""
    sources = [task_source(name, split=split) for split in SPLITS]
    lines = [line(source[index]) for source in sources for index in range(FIRST)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def line(task: Task) -> str:
    """A task's JSON; of pictures the pixels count, not how they were compressed."""
    shown = [hashlib.sha256(pixels(image).tobytes()).hexdigest() for image in task.images]
    return "".join([task.with_(images=()).to_json(), *shown])


def read() -> dict[str, str]:
    """The hashes that were kept."""
    return json.loads(FIXTURE.read_text()) if FIXTURE.exists() else {}


def main(chosen: list[str]) -> None:
    kept = read() | {name: digest(name) for name in chosen or names()}
    FIXTURE.parent.mkdir(exist_ok=True)
    FIXTURE.write_text(json.dumps(dict(sorted(kept.items())), indent=2) + "\n")
    print(f"{FIXTURE.name}: {', '.join(chosen or names())}")


if __name__ == "__main__":
    main([registry.short(name) for name in sys.argv[1:]])
