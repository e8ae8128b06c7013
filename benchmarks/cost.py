"""What a step costs against the work in it: rows, new tokens, and turns of a conversation.

Rows and new tokens are steps of the trainer, on the model of trainer.py and 32 prompt tokens. Turns are sampling
alone: an environment says 16 tokens a turn and each of 8 conversations answers with 16, once kept in its slot,
once with the whole history prefilled again at every turn. CPU seconds on one thread, or seconds on a GPU;
medians; every size in a process of its own. Writes results/cost.json and docs/plots/cost.png; cost_gpu for a GPU.

    python benchmarks/cost.py [--device cuda] [--steps 3]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from trainer import HERE, compare, versions, write
from workload import Work

ROWS = (8, 16, 32, 64, 128, 256)
NEW = (16, 32, 64, 128, 256, 512)
TURNS = 20
PLOTS = HERE.parent / "docs" / "plots"
Curve = dict[str, list[float]]  # "x", and by it "seconds" and "mb"


def steps(works: dict[int, Work], count: int) -> Curve:
    """Whole steps of the trainer: medians after one to warm up, and the peak."""
    curve: Curve = {"x": [], "seconds": [], "mb": []}
    for x, work in works.items():
        cuda = work.device != "cpu"
        pair: dict[str, tuple[Path | str, str]] = {str(x): (sys.executable, "trainer_ours")}
        found = compare(work, pair, count, 1, threads=0 if cuda else 1)[str(x)]
        curve["x"].append(x)
        curve["seconds"].append(median(step["wall_s" if cuda else "cpu_s"] for step in found))
        curve["mb"].append(found[-1]["peak_cuda_mb" if cuda else "peak_rss_mb"])
    return curve


def turns(work: Work, how: str, count: int, rounds: int) -> Curve:
    """Seconds a new token by turn, from a process of its own."""
    command = [sys.executable, "talker.py", work.to_json(), how, str(count), str(rounds)]
    done = subprocess.run(command, cwd=HERE, check=True, stdout=subprocess.PIPE, text=True)
    return {"x": list(range(1, count + 1)), **json.loads(done.stdout)}


def measure(device: str, count: int, rows: Sequence[int], new: Sequence[int], last: int) -> dict[str, Curve]:
    """All curves: against rows, against new tokens, and against turns in both ways."""
    talking = Work(prompts=8, group=1, prompt_tokens=16, new_tokens=16, device=device)
    return {
        "rows": steps({n: Work(prompts=n // 8, device=device) for n in rows}, count),
        "new tokens": steps({n: Work(prompts=4, new_tokens=n, device=device) for n in new}, count),
        "kept": turns(talking, "kept", last, count),
        "again": turns(talking, "again", last, count),
    }


def draw(curves: dict[str, Curve], unit: str, path: Path) -> None:
    """Time above, memory below; a column for what varies."""
    from matplotlib.figure import Figure

    columns = {"rows, each with 64 new tokens": {"": "rows"}, "new tokens, in each of 32 rows": {"": "new tokens"}}
    columns["turn"] = {"conversation kept in its slot": "kept", "prefilled again": "again"}
    figure = Figure(figsize=(13.2, 6.4), layout="constrained")
    axes = figure.subplots(2, len(columns), squeeze=False)
    for column, (heading, named) in enumerate(columns.items()):
        talking = heading == "turn"
        titles = (f"ms a new token ({unit})" if talking else f"{unit} s a step", "peak MB of the process")
        for ax, title, key in zip(axes[:, column], titles, ("seconds", "mb"), strict=True):
            for label, name in named.items():
                scale = 1e3 if talking and key == "seconds" else 1
                values = [scale * y for y in curves[name][key]]
                ax.plot(curves[name]["x"], values, ".-", label=label)
            ax.set(ylim=(0, None), xlim=(0, None))
            ax.locator_params(axis="x", integer=True)
            ax.set_title(title, fontsize=9)
            ax.set_xlabel(heading, fontsize=8)
            ax.grid(alpha=0.3)
            if talking:
                ax.legend(fontsize=7)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80)


def lines(curves: dict[str, Curve]) -> list[str]:
    """Every figure in words."""
    told = [
        f"{x:4g} {name}: {seconds:.3f} s a step, {mb:,.0f} MB"
        for name in ("rows", "new tokens")
        for x, seconds, mb in zip(*(curves[name][key] for key in ("x", "seconds", "mb")), strict=True)
    ]
    pairs = zip(curves["kept"]["x"], curves["kept"]["seconds"], curves["again"]["seconds"], strict=True)
    return told + [
        f"turn {x:2g}: {1e3 * k:.3f} ms a new token kept, {1e3 * a:.3f} prefilled again" for x, k, a in pairs
    ]


def main() -> None:
    """Measure, save, draw and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--steps", type=int, default=3)
    args = parser.parse_args()
    curves = measure(args.device, args.steps, ROWS, NEW, TURNS)
    about: dict[str, Any] = {"device": args.device, "steps": args.steps, "versions": versions(sys.executable)}
    name, unit = "cost", "CPU"
    if args.device != "cpu":
        import torch

        name, unit, about["device"] = "cost_gpu", "GPU", torch.cuda.get_device_name(args.device)
    written = [write(name, about | {"curves": curves}), PLOTS / f"{name}.png"]
    draw(curves, unit, written[1])
    print(*lines(curves), *(f"written to {path.relative_to(HERE.parent)}" for path in written), sep="\n")


if __name__ == "__main__":
    main()
