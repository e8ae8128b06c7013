"""PPO, GRPO and DAPO on Countdown at equal generated samples (the comparison of Lian 2025, arXiv 2512.07611).

Which grids, rewards and prompts that paper used is not readable; these are ours. pass@1 on the validation split is
read off each run where it has generated as many samples as a run without dynamic sampling does in all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ludex.agents.reproduce.result import Claim, Curve, Result, Row
from ludex.agents.reproduce.study import Arm, Place, base_run, run_arms
from ludex.agents.runs import read_metrics

GRPO = Arm("GRPO", "grpo", {"beta": 0.0})
DAPO = Arm("DAPO", "dapo", {"max_length": 24, "cache": 4}, {"rollout": {"max_rounds": 4}})
FIXED = Arm("DAPO without", "dapo", {"max_length": 24, "cache": 4, "dynamic": False})


def _kl(beta: float) -> Arm:
    return Arm(f"KL {beta:g}", "grpo", {"beta": beta})


def _group(place: Place, size: int) -> Arm:
    return Arm(f"group {size}", "grpo", {"beta": 0.0}, {"rollout": {"group": size, "prompts": _prompts(place, size)}})


def _prompts(place: Place, size: int) -> int:
    """Groups of that size with as many samples as the shared setting has."""
    return max(1, 8 * place.scale.prompts // size)


def _arms(place: Place) -> dict[str, list[Arm]]:
    """Of each part."""
    return {
        "algorithm": [Arm("PPO", "ppo", {"beta": 0.0}), GRPO, DAPO, FIXED],
        "group": [_group(place, 4), GRPO, _group(place, 16)],
        "kl": [GRPO, *map(_kl, (0.001, 0.01, 0.1))],
        "dynamic": [DAPO, FIXED],
    }


CLAIMS = {
    "algorithm": [
        Claim("DAPO without dynamic sampling is best: over GRPO", "pass_1", "DAPO without", "GRPO"),
        Claim("DAPO without dynamic sampling is best: over PPO", "pass_1", "DAPO without", "PPO"),
    ],
    "group": [
        Claim("larger groups are better: 8 over 4", "pass_1", "GRPO", "group 4"),
        Claim("larger groups are better: 16 over 8", "pass_1", "group 16", "GRPO"),
    ],
    "kl": [
        Claim("a small KL beats none", "pass_1", "KL 0.001", "GRPO"),
        Claim("a small KL beats a large one", "pass_1", "KL 0.001", "KL 0.1"),
    ],
    "dynamic": [
        Claim("DAPO is better without dynamic sampling", "pass_1", "DAPO without", "DAPO"),
        Claim("the same at equal updates", "pass_1_end", "DAPO without", "DAPO"),
    ],
}


def _part(name: str, title: str) -> Callable[[Place], Result]:
    def run(place: Place) -> Result:
        return _compare(place, _arms(place)[name], title, CLAIMS[name])

    return run


def everything(place: Place) -> Result:
    """All parts in one table and one plot; an arm that several parts have runs once."""
    arms = {arm.name: arm for part in _arms(place).values() for arm in part}
    claims = [claim for part in CLAIMS.values() for claim in part]
    return _compare(place, list(arms.values()), "Algorithm, group size, KL and dynamic sampling", claims)


def _compare(place: Place, arms: Sequence[Arm], title: str, claims: Sequence[Claim]) -> Result:
    """Finish the arms' runs, and compare them where they have generated equally much."""
    scale = place.scale
    evaluation = {"every": max(1, scale.steps // 5), "n": scale.problems, "k": max(1, scale.responses // 4)}
    base = base_run(place, place.start(), eval=evaluation)
    folders = run_arms(place, "sweep", arms, base, place.seeds_or(3), ())
    budget = 8 * scale.prompts * scale.steps
    rows: list[Row] = []
    curves = []
    for (arm, seed), folder in folders.items():
        line = samples_and_pass(arm, seed, folder)
        row: Row = {"arm": arm, "seed": seed, "pass_1": at(line, budget)}
        rows.append({**row, "pass_1_end": line.y[-1], "samples": line.x[-1]})
        curves.append(line)
    return Result(
        f"{title} on Countdown",
        {"pass_1": f"pass@1 at {budget} samples", "pass_1_end": "pass@1 at the end", "samples": "samples at the end"},
        rows,
        claims,
        {"pass@1": curves},
        axis="samples",
        notes=["GRPO has groups of 8 and no KL; DAPO without: without dynamic sampling"],
        setting=base,
    )


def samples_and_pass(arm: str, seed: int, folder: Path) -> Curve:
    """pass@1 of a run's evaluations over the samples generated before each."""
    samples, xs, ys = 0.0, [], []
    for row in read_metrics(folder):
        samples += row.get("episodes", 0)
        if "eval/pass_1" in row:
            xs.append(samples)
            ys.append(row["eval/pass_1"])
    return Curve(arm, seed, xs, ys)


def at(line: Curve, x: float) -> float:
    """The line's value there, interpolated; its last one beyond its end."""
    for i in range(1, len(line.x)):
        if x <= line.x[i]:
            part = (x - line.x[i - 1]) / (line.x[i] - line.x[i - 1])
            return line.y[i - 1] + part * (line.y[i] - line.y[i - 1])
    return line.y[-1]


PARTS = {
    "group": _part("group", "Group size of GRPO"),
    "kl": _part("kl", "KL coefficient of GRPO"),
    "dynamic": _part("dynamic", "Dynamic sampling of DAPO"),
    "algorithm": _part("algorithm", "PPO, GRPO and DAPO"),
    "all": everything,
}
