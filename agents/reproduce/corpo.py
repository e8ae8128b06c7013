"""CoRPO (Garg and Venkatesh 2025, arXiv 2511.04439): a failed response is never reinforced.

Countdown with graded failures, so that six levels lie below the threshold. GRPO without KL against CoRPO.
"""

from __future__ import annotations

from ludex.agents.reproduce.grid import Measure, pass_at, read_measure
from ludex.agents.reproduce.result import Claim, Result, Row
from ludex.agents.reproduce.study import EASY, SHIFTED, Arm, Place, base_run, curve, mean_of, run_arms
from ludex.agents.runs import read_metrics

ARMS = [
    Arm("grpo", "grpo", {"beta": 0.0}),
    Arm("corpo", "corpo", {"max_tokens": 24}),
]
CLAIMS = [
    Claim("GRPO reinforces failed responses, CoRPO none", "failed_positive", "grpo", "corpo"),
    Claim("CoRPO solves more problems", "pass_1", "corpo", "grpo"),
    Claim("CoRPO solves more of the shifted task", "shifted", "corpo", "grpo"),
]


def countdown(place: Place) -> Result:
    """Learn with three numbers; measure with three and with four."""
    n, k = place.scale.problems, place.scale.responses
    base = base_run(place, place.start(), env=[{**EASY, "closeness": True}])
    measures = [Measure("three", EASY, n, k), Measure("four", SHIFTED, n, k)]
    folders = run_arms(place, "corpo", ARMS, base, place.seeds_or(5), measures)
    rows: list[Row] = []
    for (arm, seed), folder in folders.items():
        steps = read_metrics(folder)
        rows.append({"arm": arm, "seed": seed, "failed_positive": mean_of(steps, "failed_positive")})
        rows[-1] |= {"pass_1": pass_at(read_measure(folder, "three"), 1)}
        rows[-1] |= {"shifted": pass_at(read_measure(folder, "four"), 1)}
    window = max(1, base["steps"] // 10)
    return Result(
        "CoRPO on Countdown with graded failures",
        {
            "failed_positive": "failed responses with a positive advantage",
            "pass_1": "pass@1, three numbers",
            "shifted": "pass@1, four numbers",
        },
        rows,
        CLAIMS,
        {"correct in training": [curve(a, s, f, lambda row: row["correct"], window) for (a, s), f in folders.items()]},
        setting=base,
    )


PARTS = {"countdown": countdown}
