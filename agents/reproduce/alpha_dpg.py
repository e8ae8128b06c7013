"""Alpha-DPG (Kruszewski et al. 2025, arXiv 2512.05962): alpha trades coverage for precision.

A linear softmax over 256 answers, whose pass@k is exact, and Countdown; against RLOO and GRPO.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import torch
from torch import Tensor

from ludex.agents.algorithms.alpha_dpg import AlphaDPG
from ludex.agents.algorithms.base import Algorithm, Forward
from ludex.agents.algorithms.grpo import GRPO
from ludex.agents.algorithms.rloo import RLOO
from ludex.agents.reproduce.answers import answered, blank
from ludex.agents.reproduce.grid import Measure, pass_at, read_measure
from ludex.agents.reproduce.result import Claim, Result, Row
from ludex.agents.reproduce.study import EASY, Arm, Place, base_run, run_arms

ANSWERS, FEATURES, TRAIN, TEST = 256, 16, 512, 256
PROMPTS, GROUP, STEPS = 128, 4, 1000
ALPHAS = (0.0, 0.25, 0.5, 0.75, 0.9, 0.999)
TOYS: dict[str, Algorithm] = {
    **{f"alpha {alpha:g}": AlphaDPG(alpha=alpha, max_tokens=1) for alpha in ALPHAS},
    "RLOO": RLOO(beta=0.0),
    "RLOO, KL .1": RLOO(beta=0.1),
    "GRPO": GRPO(beta=0.0),
}


@dataclass
class Problems:
    """Features [N, D] of prompts, which answers are correct, bool [N, A], and the first policy's weights [D, A]."""

    x: Tensor
    correct: Tensor
    weights: Tensor

    def mass(self, weights: Tensor) -> Tensor:
        """[N], the probability of a correct answer."""
        return ((self.x @ weights).softmax(1) * self.correct).sum(1)


def problems(seed: int) -> Problems:
    """Training prompts, then test prompts.

    An answer's merit is linear in the prompt's features; the best 1 to 64 (log-uniform) are correct. The first
    policy knows the merits with noise; scale and noise were chosen for a pass@1 of about .4 and a pass@256 of .9.
    """
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(TRAIN + TEST, FEATURES, generator=g, dtype=torch.float64)
    true, noise = torch.randn(2, FEATURES, ANSWERS, generator=g, dtype=torch.float64) / FEATURES**0.5
    merit = x @ true
    count = (torch.rand(len(x), 1, generator=g, dtype=torch.float64) * log(64)).exp()
    rank = merit.argsort(1, descending=True).argsort(1)
    return Problems(x, rank < count, 5.0 * (0.6 * true + 0.8 * noise))


def learn(given: Problems, algorithm: Algorithm, seed: int, steps: int = STEPS) -> Tensor:
    """The weights after so many Adam steps on the training prompts."""
    weights = given.weights.clone().requires_grad_()
    optimizer = torch.optim.Adam([weights], lr=0.05)
    empty, g = blank(PROMPTS, GROUP), torch.Generator().manual_seed(seed)
    for _ in range(steps):
        which = torch.randint(TRAIN, (PROMPTS,), generator=g)
        x, right = given.x[which], given.correct[which]
        logp = (x @ weights).log_softmax(1)
        taken = torch.multinomial(logp.detach().exp(), GROUP, replacement=True, generator=g)
        chosen = logp.gather(1, taken).flatten()
        first = (x @ given.weights).log_softmax(1).gather(1, taken).flatten()
        b = answered(empty, chosen, right.gather(1, taken).flatten(), first)
        new = Forward(chosen[:, None] * b.mask, 0 * b.mask, 0 * b.mask)
        loss, _ = algorithm.loss(new, algorithm.prepare(b))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return weights.detach()


def judge(given: Problems, weights: Tensor) -> dict[str, float]:
    """Exact pass@1 and pass@256 on the test prompts, and the entropy over correct answers on the training ones."""
    mass = given.mass(weights)[TRAIN:]
    right = ((given.x @ weights).log_softmax(1)[:TRAIN]).masked_fill(~given.correct[:TRAIN], -torch.inf).softmax(1)
    entropy = torch.special.entr(right).sum(1).mean()
    return {
        "pass_1": float(mass.mean()),
        "pass_256": float((1 - (1 - mass) ** 256).mean()),
        "entropy": float(entropy),
    }


def toy(place: Place) -> Result:
    """The frontier of precision and coverage, exact."""
    steps = min(STEPS, place.scale.simulation)
    rows: list[Row] = []
    for seed in place.seeds_or(10):
        given = problems(seed)
        rows.append({"arm": "first policy", "seed": seed, **judge(given, given.weights)})
        for arm, algorithm in TOYS.items():
            rows.append({"arm": arm, "seed": seed, **judge(given, learn(given, algorithm, seed, steps))})
        place.say(f"seed {seed} done")
    rows.sort(key=lambda row: ["first policy", *TOYS].index(row["arm"]))
    return Result(
        "Alpha-DPG on a linear softmax over 256 answers",
        {"pass_1": "pass@1", "pass_256": "pass@256", "entropy": "entropy over correct answers, nats"},
        rows,
        [
            Claim("low alpha covers more than alpha near 1", "pass_256", "alpha 0.25", "alpha 0.999"),
            Claim("low alpha covers more than RLOO", "pass_256", "alpha 0.25", "RLOO"),
            Claim("low alpha covers more than GRPO", "pass_256", "alpha 0.25", "GRPO"),
            Claim("alpha near 1 is more precise than low alpha", "pass_1", "alpha 0.999", "alpha 0.25"),
            Claim("low alpha spreads over more correct answers than RLOO", "entropy", "alpha 0.25", "RLOO"),
        ],
        scatter=("pass_1", "pass_256"),
        setting={"steps": steps, "prompts": PROMPTS, "group": GROUP, "lr": 0.05},
    )


ARMS = [
    *(Arm(f"alpha {alpha:g}", "alpha_dpg", {"alpha": alpha, "max_tokens": 24}) for alpha in (0.0, 0.25, 0.75, 0.999)),
    Arm("RLOO", "rloo", {"beta": 0.0}),
    Arm("GRPO", "grpo", {"beta": 0.0}),
]


def countdown(place: Place) -> Result:
    """The frontier of a small transformer."""
    scale = place.scale
    base = base_run(place, place.start())
    measure = Measure("three", EASY, scale.problems, 2 * scale.responses)
    rows: list[Row] = []
    for (arm, seed), folder in run_arms(place, "alpha-dpg", ARMS, base, place.seeds_or(3), [measure]).items():
        found = read_measure(folder, "three")
        rows.append({"arm": arm, "seed": seed, "pass_1": pass_at(found, 1), "pass_k": pass_at(found, found["k"])})
    return Result(
        "Alpha-DPG on Countdown",
        {"pass_1": "pass@1", "pass_k": f"pass@{measure.k}"},
        rows,
        [
            Claim("low alpha covers more than alpha near 1", "pass_k", "alpha 0.25", "alpha 0.999"),
            Claim("low alpha covers more than RLOO", "pass_k", "alpha 0.25", "RLOO"),
            Claim("low alpha covers more than GRPO", "pass_k", "alpha 0.25", "GRPO"),
            Claim("alpha near 1 is more precise than low alpha", "pass_1", "alpha 0.999", "alpha 0.25"),
        ],
        scatter=("pass_1", "pass_k"),
        setting=base,
    )


PARTS = {"toy": toy, "countdown": countdown}
