"""Records walks through ALFWorld's own engine, which tests/test_alfworld.py replays where it is not installed.

python tests/official/record.py
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from pathlib import Path

from ludex.envs.alfworld import export, synth
from ludex.envs.alfworld.engine import House, Reading
from ludex.envs.alfworld.experts import plan
from ludex.envs.alfworld.official import engine
from ludex.envs.alfworld.world import World

TARGET = Path(__file__).parent.parent / "fixtures" / "alfworld_walks.json.gz"


def walk(world: World, rng: random.Random, steps: int) -> list[list[object]]:
    """Chance, then the plan: the command, what the engine says, the hash of its admissible commands, and the win."""
    official, house, rows = engine(), House(Reading.of(world)), []
    official.load(export.game(world, "g"))
    state = official.reset()
    rows.append(["", state.feedback.strip(), digest(state.admissible_commands), False])
    finish: list[str] = []
    for step in range(steps):
        if step >= steps - 25 and not finish:
            finish = plan(house)
        near = [c for c in state.admissible_commands if not c.startswith("go to")]
        pool = near if rng.random() < 0.75 else state.admissible_commands
        command = finish.pop(0) if finish else rng.choice([*pool, "fly to moon 1"])
        state, _, done = official.step(command)
        house.step(command)
        rows.append([command, state.feedback.strip(), digest(state.admissible_commands), bool(state["won"])])
        if done:
            break
    return rows


def digest(commands: list[str]) -> str:
    """A short hash of a list."""
    return hashlib.blake2b("\n".join(commands).encode(), digest_size=6).hexdigest()


def main() -> None:
    """Write the file."""
    walks = []
    for i, task_type in enumerate([*synth.TYPES] * 2):
        rng = random.Random(f"record {i}")
        world, _ = synth.draw(rng, task_type, unseen=i % 4 == 3)
        walks.append({"world": world.to_data(), "walk": walk(world, rng, 70)})
        print(task_type, len(walks[-1]["walk"]), walks[-1]["walk"][-1][3], flush=True)
    TARGET.write_bytes(gzip.compress(json.dumps(walks).encode(), 9, mtime=0))


if __name__ == "__main__":
    main()
