"""The tests of the algorithms notice every known fault: each mutant must fail at least one of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mutants import FOLDER, MUTANTS, Mutant
from mutants_policy_gradient import MORE_MUTANTS
from mutants_preferences import PREFERENCE_MUTANTS

ROOT = Path(__file__).parent.parent
ALL = MUTANTS + MORE_MUTANTS + PREFERENCE_MUTANTS
TESTS = (
    "test_ops.py",
    "test_algorithms.py",
    "test_algorithm_numbers.py",
    "test_gtpo.py",
    "test_ds_grpo.py",
    "test_policy_gradients.py",
    "test_turns.py",
    "test_mismatch.py",
    "test_alpha_dpg.py",
    "test_preferences.py",
    "test_robust.py",
)


def test_every_mutant_changes_one_place_of_the_source(tmp_path: Path) -> None:
    shutil.copytree(ROOT / FOLDER, tmp_path / "copy")
    for mutant in ALL:
        sound = mutant.apply(tmp_path / "copy")
        (tmp_path / "copy" / mutant.file).write_text(sound)
    assert len({mutant.name for mutant in ALL}) == len(ALL) >= 25


def run_tests(copy: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """The fast tests in a copy of the project; 0 if they pass, 1 if one fails."""
    files = (f"tests/{name}" for name in TESTS)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", *options, *files],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, its tests and pyproject.toml, with folders where the project has links."""
    root = tmp_path_factory.mktemp("mutants")
    skip = shutil.ignore_patterns("__pycache__")
    for name in ("ludex", "tests"):
        shutil.copytree(ROOT / name, root / name, ignore=skip)
    shutil.copy(ROOT / "pyproject.toml", root)
    return root


@pytest.mark.slow
def test_the_sound_copy_passes(copy: Path) -> None:
    done = run_tests(copy)
    assert done.returncode == 0, done.stdout[-2000:]
    where = "import ludex.agents.algorithms.ops as m; print(m.__file__)"
    found = subprocess.run([sys.executable, "-c", where], cwd=copy, capture_output=True, text=True, check=True)
    assert Path(found.stdout.strip()).is_relative_to(copy)


@pytest.mark.slow
@pytest.mark.parametrize("mutant", ALL, ids=lambda mutant: mutant.name)
def test_mutant_is_killed(mutant: Mutant, copy: Path) -> None:
    folder = copy / "ludex" / FOLDER
    sound = mutant.apply(folder)
    try:
        done = run_tests(copy, "-k", Path(mutant.file).stem)  # the file's own tests first, which find nearly all
        if done.returncode != 1:
            done = run_tests(copy)
    finally:
        (folder / mutant.file).write_text(sound)
    killer = next((line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))), "nobody")
    print(f"{mutant.name}: killed by {killer[:150]}")
    assert done.returncode == 1, f"{mutant.name} survived (pytest exit {done.returncode}): {done.stdout[-1000:]}"
    assert killer.startswith("FAILED"), killer
