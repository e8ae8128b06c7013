"""`ludex style train`: a style judge from a folder of texts, one author a file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def arguments(child: Any) -> None:
    """The command's arguments."""
    child.set_defaults(run=train, parser=child)
    child.description = (
        "Fine-tune a sentence encoder to tell authors apart, measure it on authors that it never saw, and write it "
        "with its calibrations; the environment takes it as judge=MODEL."
    )
    child.add_argument("folder", metavar="FOLDER", help="UTF-8 text files, one author each, six or more")
    child.add_argument("-o", dest="output", required=True, metavar="MODEL", help="the folder to write")
    child.add_argument("--encoder", default="tiny", metavar="PATH", help='where to start; "tiny" makes one (default)')
    child.add_argument("--words", type=int, default=200, metavar="N", help="the least of a passage (default 200)")
    child.add_argument("--pairs", type=int, default=2000, metavar="N", help="pairs to train on (default 2000)")
    child.add_argument("--epochs", type=int, default=5, metavar="N", help="passes at most (default 5)")
    child.add_argument("--batch", type=int, default=64, metavar="N", help="pairs a step (default 64)")
    child.add_argument("--lr", type=float, default=0.0, metavar="X", help="default 2e-5, or 0.02 for tiny")
    child.add_argument("--seed", type=int, default=0, metavar="S", help="of split, pairs and order (default 0)")
    child.add_argument("--device", default="", help='"cpu", "cuda" ... (default: the GPU where there is one)')


def train(args: argparse.Namespace) -> int:
    """Train, print the report, and say how the judge is calibrated.

    Raises:
        ValueError: for texts that cannot be used, or if the output folder holds something else.
        MissingExtra: if sentence-transformers is not installed.
    """
    from ludex.envs.style import cut, read_text
    from ludex.rewards.style_judge import FORMULAS, calibration_of, need_library
    from ludex.rewards.style_train import REPORT, Recipe
    from ludex.rewards.style_train import train as run

    folder, output = Path(args.folder), Path(args.output)
    names = ("encoder", "pairs", "epochs", "batch", "lr", "seed", "device")
    recipe = Recipe(**{name: getattr(args, name) for name in names})
    if args.words < 20:
        raise ValueError(f"--words {args.words} must be 20 or more")
    if output.exists() and any(output.iterdir()) and not (output / REPORT).exists():
        raise ValueError(f"{output} holds something that is no style judge; choose another folder")
    need_library()
    authors = {file.stem: cut(read_text(file), args.words) for file in sorted(folder.glob("*.txt"))}
    if not authors:
        raise ValueError(f"{folder} must be a folder of .txt files, one author each; there is none")
    print(run(authors, output, recipe))
    for formula in FORMULAS:
        found = calibration_of(args.output, formula)
        print(f"calibration {formula}: {found.low:.4f} to {found.high:.4f}")
    print(f"written to {output}")
    return 0
