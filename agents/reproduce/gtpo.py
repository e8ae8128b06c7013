"""GTPO (Simoni et al. 2025, arXiv 2508.03772): stable without KL where GRPO's format decays or its entropy climbs.

A long run on Countdown at a high learning rate, without KL or a reference in either arm.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ludex.agents.reproduce.grid import Measure, pass_at, read_measure
from ludex.agents.reproduce.result import Claim, Result, Row
from ludex.agents.reproduce.study import EASY, Arm, Place, base_run, curve, mean_of, run_arms
from ludex.agents.runs import read_metrics

LONG = 3  # times the steps of an ordinary run
ARMS = [Arm("grpo", "grpo", {"beta": 0.0}), Arm("gtpo", "gtpo", {})]
CLAIMS = [
    Claim("GRPO's format decays", "format_loss", "grpo"),
    Claim("GRPO's entropy climbs", "entropy_change", "grpo"),
    Claim("GTPO's format is better at the end", "format_end", "gtpo", "grpo"),
    Claim("GTPO solves more at the end", "pass_1", "gtpo", "grpo"),
]


def well_formed(row: Mapping[str, Any]) -> float:
    """Share of a step's responses that hold one expression."""
    return 1.0 - float(row["level/no answer"]) - float(row["level/malformed"])


def entropy(row: Mapping[str, Any]) -> float:
    """Mean entropy of a step's tokens, nats."""
    return float(row["entropy"])


def countdown(place: Place) -> Result:
    """Format and entropy in the first and the last tenth of a run."""
    base = base_run(place, place.start(), steps=LONG * place.scale.steps, optim={"lr": 1e-3})
    measures = [Measure("three", EASY, place.scale.problems, place.scale.responses)]
    folders = run_arms(place, "gtpo", ARMS, base, place.seeds_or(3), measures)
    window = max(1, base["steps"] // 20)
    tenth = max(1, base["steps"] // 10)
    rows: list[Row] = []
    for (arm, seed), folder in folders.items():
        steps = [{"format": well_formed(row), "entropy": entropy(row)} for row in read_metrics(folder)]
        row: Row = {"arm": arm, "seed": seed, "pass_1": pass_at(read_measure(folder, "three"), 1)}
        for name in ("format", "entropy"):
            row[f"{name}_end"] = mean_of(steps[-tenth:], name)
        row["format_loss"] = mean_of(steps[:tenth], "format") - row["format_end"]
        row["entropy_change"] = row["entropy_end"] - mean_of(steps[:tenth], "entropy")
        rows.append(row)
    return Result(
        "GTPO and GRPO without KL on Countdown",
        {
            "format_end": "well-formed at the end",
            "format_loss": "its fall over the run",
            "entropy_end": "entropy at the end, nats",
            "entropy_change": "its rise over the run",
            "pass_1": "pass@1",
        },
        rows,
        CLAIMS,
        {
            "well-formed": [curve(a, s, f, well_formed, window) for (a, s), f in folders.items()],
            "entropy, nats a token": [curve(a, s, f, entropy, window) for (a, s), f in folders.items()],
        },
        setting=base,
    )


PARTS = {"countdown": countdown}
