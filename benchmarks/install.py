"""What `pip install ludex` brings: distributions, size, and import time over gymnasium's own.

A copy of the repository is installed, without extras, into a new virtual
environment in a temporary folder. Imports are timed in fresh interpreters, one of
each in turn.

    python benchmarks/install.py [--repeats 10]
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile
import time
import venv
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
MAX_DISTRIBUTIONS, MAX_MB, MAX_SECONDS = 10, 100, 0.4
IGNORED = shutil.ignore_patterns(".git", ".venv*", "build", "dist", "*.egg-info", "__pycache__", "runs", ".*_cache")

LIST = (
    "import json; from importlib.metadata import distributions;"
    "print(json.dumps(sorted({d.name.lower() for d in distributions()} - {'pip', 'setuptools'})))"
)
TIMED = "import time; start = time.perf_counter(); import {module}; print(time.perf_counter() - start)"


def install(folder: Path) -> tuple[Path, float]:
    """A new virtual environment with Ludex in it: its interpreter, and the seconds that the installation took."""
    copy = shutil.copytree(ROOT, folder / "source", symlinks=True, ignore=IGNORED)
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    start = time.perf_counter()
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", ROOT / "constraints.txt"]
    subprocess.run([*pip, copy], check=True)
    return python, time.perf_counter() - start


def size(folder: Path) -> float:
    """Megabytes of the files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink()) / 1e6


def imports(python: Path, modules: tuple[str, ...], repeats: int) -> dict[str, list[float]]:
    """Wall seconds of importing each module in fresh interpreters; the first of each, which compiles, is left out."""
    found: dict[str, list[float]] = {module: [] for module in modules}
    for _ in range(repeats + 1):
        for module in modules:
            command = [python, "-c", TIMED.format(module=module)]
            done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=python.parent)
            found[module].append(float(done.stdout))
    return {module: seconds[1:] for module, seconds in found.items()}


def main() -> None:
    """Install, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=10)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        python, seconds = install(Path(name))
        listed = subprocess.run([python, "-c", LIST], capture_output=True, text=True, check=True).stdout
        others = [distribution for distribution in json.loads(listed) if distribution != "ludex"]
        megabytes = size(Path(name) / "venv")
        times = imports(python, ("gymnasium", "ludex"), args.repeats)
    ours, base = times["ludex"], times["gymnasium"]
    over = [a - b for a, b in zip(ours, base, strict=True)]
    table = Table(title=f"core installation ({seconds:.0f} s); imports: {args.repeats} fresh interpreters")
    for column in ("", "measured", "bar", ""):
        table.add_column(column, justify="right" if column else "left")
    rows = [
        ("distributions beside ludex", f"{len(others)}", f"<= {MAX_DISTRIBUTIONS}", len(others) <= MAX_DISTRIBUTIONS),
        ("size with the bare environment, MB", f"{megabytes:.0f}", f"< {MAX_MB}", megabytes < MAX_MB),
        ("import ludex, best, s", f"{min(ours):.3f}", f"< {MAX_SECONDS}", min(ours) < MAX_SECONDS),
        ("import ludex, median, s", f"{median(ours):.3f}", f"< {MAX_SECONDS}", median(ours) < MAX_SECONDS),
        ("import gymnasium, best / median, s", f"{min(base):.3f} / {median(base):.3f}", "", None),
        ("ludex over gymnasium, best, s", f"{min(ours) - min(base):.3f}", "", None),
        ("ludex over gymnasium, median, s", f"{median(over):.3f}", "", None),
    ]
    for what, measured, bar, met in rows:
        table.add_row(what, measured, bar, "" if met is None else "met" if met else "missed")
    console = Console()
    console.print(table)
    console.print("distributions:", ", ".join(others))


if __name__ == "__main__":
    main()
