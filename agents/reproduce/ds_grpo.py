"""DS-GRPO (Gai et al. 2025, arXiv 2511.19942): smoothing what is correct keeps many answers at no cost in precision.

A bandit with eight correct arms, and Countdown. GRPO stands here as DS-GRPO with both gammas at 0, so that
clip and aggregation are the same in all arms.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from ludex.agents.algorithms.base import Forward
from ludex.agents.algorithms.ds_grpo import DSGRPO
from ludex.agents.reproduce.answers import answered, blank, draw, generators
from ludex.agents.reproduce.grid import Measure, pass_at, read_measure
from ludex.agents.reproduce.result import Claim, Result, Row
from ludex.agents.reproduce.study import EASY, Arm, Place, base_run, curve, run_arms

ACTIONS, GROUP, STEPS = 8, 8, 600
PLAIN = {"gamma_correct": 0.0, "gamma_wrong": 0.0}
# Settings, and the effective arms of an earlier simulation whose step size and first masses were not recorded;
# those of `bandit` were chosen to give its first two.
BANDITS: dict[str, tuple[dict[str, Any], float]] = {
    "GRPO": (PLAIN, 1.03),
    "entropy bonus .05": ({**PLAIN, "entropy": 0.05}, 1.06),
    "post .2/.2": ({"gamma_correct": 0.2, "gamma_wrong": 0.2}, 2.10),
    "post .2/0": ({"gamma_correct": 0.2, "gamma_wrong": 0.0}, 2.52),
    "pre .2/.2": ({"gamma_correct": 0.2, "gamma_wrong": 0.2, "mode": "pre"}, 2.67),
}


def bandit(
    settings: dict[str, Any], seeds: Sequence[int] = range(20), steps: int = STEPS
) -> tuple[list[float], list[float]]:
    """Effective number of correct arms (the exponential of the entropy over them) and their mass, of each seed.

    A softmax over 8 correct and 8 wrong arms, each half with masses 1, 1/2, 1/4 ..., a fifth of all mass on the
    correct ones; each seed is a group of its own and a row of logits of its own, moved by plain gradient steps of .4.
    """
    algorithm = DSGRPO(**settings)
    masses = 0.5 ** torch.arange(ACTIONS).double()
    logits = torch.cat([0.2 * masses, 0.8 * masses]).log().repeat(len(seeds), 1).requires_grad_()
    empty, streams = blank(len(seeds), GROUP), generators(seeds)
    for _ in range(steps):
        logp = logits.log_softmax(1)
        arms = draw(logp.detach().exp(), GROUP, streams)
        chosen, correct = logp.gather(1, arms).flatten(), arms.flatten() < ACTIONS
        entropy = -(logp.exp() * logp).sum(1)[empty.group]
        b = answered(empty, chosen, correct)
        new = Forward(chosen[:, None] * b.mask, entropy[:, None] * b.mask, b.mask)
        loss, _ = algorithm.loss(new, algorithm.prepare(b))
        (slope,) = torch.autograd.grad(loss * len(seeds), logits)
        with torch.no_grad():
            logits -= 0.4 * slope
    right = logits.detach().softmax(1)[:, :ACTIONS]
    share = right / right.sum(1, keepdim=True)
    effective: list[float] = (-(share * share.log()).sum(1)).exp().tolist()
    mass: list[float] = right.sum(1).tolist()
    return effective, mass


def bandits(place: Place) -> Result:
    """The five settings of the earlier simulation."""
    seeds, steps = place.seeds_or(20), min(STEPS, place.scale.simulation)
    rows: list[Row] = []
    for arm, (settings, _) in BANDITS.items():
        pairs = zip(seeds, *bandit(settings, seeds, steps), strict=True)
        rows += [{"arm": arm, "seed": seed, "effective": e, "mass": m} for seed, e, m in pairs]
    earlier = ", ".join(f"{arm} {number}" for arm, (_, number) in BANDITS.items())
    return Result(
        "Bandit of differential smoothing",
        {"effective": "effective correct arms", "mass": "probability of a correct arm"},
        rows,
        [
            Claim(f"{arm} keeps more arms than {other}", "effective", arm, other)
            for arm in list(BANDITS)[2:]
            for other in list(BANDITS)[:2]
        ],
        notes=[f"an earlier simulation had {earlier} effective arms"],
        setting={"steps": steps, "group": GROUP},
    )


GAMMA = {"gamma_correct": 0.1, "gamma_wrong": 0.1, "logprob": "sum"}
ARMS = [
    Arm("GRPO", "ds_grpo", PLAIN),
    Arm("entropy bonus .02", "ds_grpo", {**PLAIN, "entropy": 0.02}),
    Arm("smoothing .1/.1", "ds_grpo", GAMMA),
]
CLAIMS = [
    Claim("smoothing has the higher pass@1", "pass_1", "smoothing .1/.1", "GRPO"),
    Claim("smoothing has the higher pass@k", "pass_k", "smoothing .1/.1", "GRPO"),
    Claim("smoothing beats the entropy bonus at pass@k", "pass_k", "smoothing .1/.1", "entropy bonus .02"),
]


def countdown(place: Place) -> Result:
    """pass@1 and pass@k of the three arms."""
    scale = place.scale
    base = base_run(place, place.start())
    folders = run_arms(
        place, "ds-grpo", ARMS, base, place.seeds_or(3), [Measure("three", EASY, scale.problems, 2 * scale.responses)]
    )
    rows: list[Row] = []
    for (arm, seed), folder in folders.items():
        found = read_measure(folder, "three")
        rows.append({"arm": arm, "seed": seed, "pass_1": pass_at(found, 1), "pass_k": pass_at(found, found["k"] // 2)})
    window = max(1, base["steps"] // 10)
    return Result(
        "Differential smoothing on Countdown",
        {"pass_1": "pass@1", "pass_k": f"pass@{scale.responses}"},
        rows,
        CLAIMS,
        {"entropy, nats a token": [curve(a, s, f, lambda r: r["entropy"], window) for (a, s), f in folders.items()]},
        setting=base,
    )


PARTS = {"bandit": bandits, "countdown": countdown}
