"""The blocks of code in README and docs run, and print what the text says they print."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.M | re.S)

CODE = re.compile(r"`([^`]+)`")

# What cannot run inside the test suite, and what stands for it there.
SKIPPED = ("make", "pip", "git", "pre-commit")


def blocks(language: str) -> list[object]:
    found = []
    for page in PAGES:
        for number, match in enumerate(BLOCK.finditer(page.read_text())):
            if match[1] == language:
                found.append(pytest.param(match[2], match[3], id=f"{page.relative_to(ROOT)}-{number}"))
    return found


@pytest.mark.parametrize(("code", "output"), blocks("python"))
def test_python_blocks_run_and_print_what_follows(code: str, output: str | None, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    if output is not None:
        assert done.stdout == output


def commands(text: str) -> list[str]:
    lines = [line.split("  #")[0].strip() for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def ludex_lines() -> list[object]:
    """Every line of a bash block that calls ludex, but for those that train or load a trained model."""
    found: list[object] = []
    for page in PAGES:
        for match in BLOCK.finditer(page.read_text()):
            lines = commands(match[2]) if match[1] == "bash" else []
            found += [pytest.param(line, id=f"{page.name}: {line[:60]}") for line in lines if runs_here(line)]
    return found


def runs_here(line: str) -> bool:
    return "ludex" in line and not line.startswith(SKIPPED) and "train " not in line and "runs/" not in line


@pytest.mark.parametrize("line", ludex_lines())
def test_command_lines_run(line: str, tmp_path: Path) -> None:
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "120"}
    done = subprocess.run(line, shell=True, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_train_lines_name_run_files_that_resolve() -> None:
    from ludex.agents.settings import load

    tried = 0
    for page in PAGES:
        for match in BLOCK.finditer(page.read_text()):
            for line in commands(match[2]) if match[1] == "bash" else []:
                words = shlex.split(line)
                if words[:2] == ["ludex", "train"]:
                    load(ROOT / words[2], [word for word in words[3:] if not word.startswith("-")])
                    tried += 1
    assert tried


def test_make_targets_that_the_text_names_exist() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)
    for page in PAGES:
        for name in re.findall(r"\bmake ([a-z-]+)\b", " ".join(re.findall(r"`+([^`]+)`+", page.read_text()))):
            assert name in targets, f"{page.name} names `make {name}`"


LOGGED: list[dict[str, Any]] = [
    {"algorithm": "sft"},
    {"algorithm": "ppo", "ppo": {"entropy": 0.1}, "curriculum": {"by": "step", "steps": [1]}},
    {"algorithm": "corpo", "optim": {"correction": {"mode": "truncate"}}, "eval": {"every": 1, "n": 2}},
    {"algorithm": "gtpo"},
    {"algorithm": "alpha_dpg"},
    {"algorithm": "ds_grpo", "ds_grpo": {"entropy": 0.1}},
    {"algorithm": "gr_dpo", "data": {"path": "pairs.jsonl", "pairs": 8}},
]


@pytest.mark.parametrize("changes", LOGGED, ids=lambda changes: changes["algorithm"])
def test_every_metric_stands_in_the_table(
    changes: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from toy_pairs import echo_rows, write
    from toys import run_table, save_toy_model

    from ludex.agents import runs
    from ludex.agents.settings import resolve
    from ludex.agents.train import train

    section = (ROOT / "docs/training.md").read_text().split("## Metrics")[1].split("\n## ")[0]
    named = {
        name for line in section.splitlines() if line.startswith("| `") for name in CODE.findall(line.split("|")[1])
    }
    monkeypatch.chdir(tmp_path)
    write(Path("pairs.jsonl"), echo_rows(30))
    env = [{"id": "toys:Echo", "success_at": 0.99}] * 2
    table = run_table(save_toy_model(tmp_path / "model"), **{"env": env, "steps": 2, **changes})
    found = {key for row in runs.read_metrics(train(resolve(table), tmp_path)) for key in row} - {"step", "alarms"}
    assert not {key for key in found if not named & {key, key.split("/")[0] + "/*"}}


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.toml")), ids=lambda path: path.name)
def test_examples_resolve(path: Path) -> None:
    from ludex.agents.settings import load

    assert load(path).name


def test_links_inside_the_repository_lead_somewhere() -> None:
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#]+)", page.read_text()):
            if "://" not in link:
                assert (page.parent / link).exists(), f"{page.name} links to {link}"
