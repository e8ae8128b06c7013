"""Another distribution adds an environment, a verifier and an algorithm through entry points."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

MODULE = '''
from dataclasses import dataclass
from ludex import Task
from ludex.agents.algorithms.grpo import GRPO
from ludex.rewards.answers import SCALE, read


def generate(rng, *, length: int = 40):
    bits = rng.integers(0, 2, length)
    text = "".join(map(str, bits))
    return Task(
        prompt=f"How many ones are in {text}? Answer as <answer>number</answer>.",
        answer=int(bits.sum()),
        verifier="ones-count",
        info={"solution": f"<answer>{bits.sum()}</answer>"},
    )


def verify(response, task, extract="declared"):
    reading = read(response, task, extract)
    if reading.text is None or not reading.text.isascii() or not reading.text.isdigit() or len(reading.text) > 9:
        return SCALE.score(reading.level or "malformed", reading.why)
    return SCALE.score("correct" if int(reading.text) == task.answer else "wrong")


@dataclass(frozen=True)
class Mine(GRPO):
    """GRPO under another name."""
'''

ENTRY_POINTS = """
[ludex.envs]
ones-v0 = ones_plugin:generate

[ludex.verifiers]
ones-count = ones_plugin:verify

[ludex.algorithms]
mine = ones_plugin:Mine
"""


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """The environment of a process that sees the distribution, as an installer would leave it."""
    (tmp_path / "ones_plugin.py").write_text(MODULE)
    info = tmp_path / "ones_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ones-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    return {**os.environ, "PYTHONPATH": str(tmp_path)}


def call(code: str, env: dict[str, str]) -> str:
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_installed_environment_is_listed_made_and_checked(installed: dict[str, str]) -> None:
    code = (
        "import gymnasium, ludex; from ludex.cli import main\n"
        "env = gymnasium.make('ludex/ones-v0', length=12); _, info = env.reset(seed=1)\n"
        "print(env.step(info['solution'])[1])\n"
        "main(['list']); assert main(['check', 'ones']) == 0\n"
    )
    out = call(code, installed)
    assert out.startswith("1.0\n")
    assert "ludex/ones-v0" in out
    assert "all 17 rules hold" in out.replace("\n", " ")


def test_an_installed_algorithm_has_its_own_table(installed: dict[str, str]) -> None:
    table = {"name": "x", "model": "tiny", "algorithm": "mine", "mine": {"beta": 0.5}, "env": [{"id": "ones"}]}
    code = f"from ludex.agents.settings import resolve; print(resolve({table!r}).chosen)"
    assert call(code, installed).startswith("Mine(clip=0.2, beta=0.5")


def test_an_algorithm_by_module_and_class_has_the_table_of_its_class(installed: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('model = "tiny"\nalgorithm = "ones_plugin:Mine"\n[[env]]\nid = "countdown"\n[Mine]\nclip = 0.1\n')
    code = (
        "import tomllib; from ludex.agents.settings import load, resolve\n"
        f"run = load({str(path)!r}, ['Mine.beta=0.5']); print(run.chosen)\n"
        "assert resolve(tomllib.loads(run.to_toml())).to_dict() == run.to_dict()\n"
    )
    assert call(code, installed).startswith("Mine(clip=0.1, beta=0.5")
