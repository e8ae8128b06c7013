"""The theory of one GRPO step (Hu et al. 2025, after Mroueh, arXiv 2503.06639), on bandits with one right action."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ludex.agents.algorithms.base import Forward
from ludex.agents.algorithms.grpo import GRPO
from ludex.agents.reproduce.answers import answered, blank, draw, generators
from ludex.agents.reproduce.result import Claim, Result, Row
from ludex.agents.reproduce.study import Place

ACTIONS, GROUP, BETA, STEPS = 8, 64, 2.0, 400


def objective(logits: torch.Tensor, reference: torch.Tensor, success: torch.Tensor) -> torch.Tensor:
    """E[A] - beta KL(pi || ref) of each bandit [N], where A = (r - p) / sqrt(p (1 - p)) and action 0 is right."""
    logp = logits.log_softmax(1)
    right = torch.zeros_like(logp)
    right[:, 0] = 1.0
    gain = (right - success[:, None]) / (success * (1 - success)).sqrt()[:, None]
    value: torch.Tensor = (logp.exp() * (gain - BETA * (logp - reference))).sum(1)
    return value


def fitted(reference: torch.Tensor, steps: int) -> torch.Tensor:
    """The chance of the right action where gradient ascent on the objective ends, from log-probabilities [N, A]."""
    logits, success = reference.clone().requires_grad_(), reference[:, 0].exp()
    for _ in range(steps):
        (slope,) = torch.autograd.grad(objective(logits, reference, success).sum(), logits)
        with torch.no_grad():
            logits += slope
    return logits.detach().softmax(1)[:, 0]


def sampled(reference: torch.Tensor, steps: int, streams: Sequence[torch.Generator]) -> torch.Tensor:
    """The same after so many steps of GRPO's own loss, each on a fresh group that the bandit's stream draws."""
    algorithm, empty = GRPO(beta=BETA), blank(len(reference), GROUP)
    logits = reference.clone().requires_grad_()
    for step in range(steps):
        logp = logits.log_softmax(1)
        taken = draw(logp.detach().exp(), GROUP, streams)
        chosen, ref = logp.gather(1, taken).flatten(), reference.gather(1, taken).flatten()
        b = answered(empty, chosen, (taken == 0).flatten(), ref)
        new = Forward(chosen[:, None] * b.mask, 0 * b.mask, 0 * b.mask)
        loss, _ = algorithm.loss(new, algorithm.prepare(b))
        (slope,) = torch.autograd.grad(loss * len(reference), logits)
        with torch.no_grad():
            logits -= 0.5 / (1 + step / 40) * slope
    return logits.detach().softmax(1)[:, 0]


def optimum(place: Place) -> Result:
    """The closed form of one GRPO step against bandits fitted to its objective, and GRPO's own loss beside both."""
    from ludex.agents.planning import grpo_optimum

    seeds, steps = place.seeds_or(20), min(STEPS, place.scale.simulation)
    streams = generators(seeds)
    logits = torch.stack([torch.randn(ACTIONS, generator=stream, dtype=torch.float64) for stream in streams])
    reference = logits.log_softmax(1)
    first = reference[:, 0].exp().tolist()
    arms = {
        "reference": first,
        "closed form": [grpo_optimum(q, q, BETA) for q in first],
        "fitted": fitted(reference, steps).tolist(),
        "GRPO, sampled": sampled(reference, steps, streams).tolist(),
    }
    rows: list[Row] = [
        {"arm": arm, "seed": seed, "q": q, "gap": abs(q - closed)}
        for arm, values in arms.items()
        for seed, q, closed in zip(seeds, values, arms["closed form"], strict=True)
    ]
    return Result(
        "The optimum of one GRPO step on bandits of eight actions",
        {"q": "chance of the right action", "gap": "distance from the closed form"},
        rows,
        [
            Claim("the optimum is above the reference", "q", "closed form", "reference"),
            Claim("the fitted bandit is above the reference", "q", "fitted", "reference"),
            Claim("GRPO's own loss ends above the reference", "q", "GRPO, sampled", "reference"),
        ],
        notes=[
            "sampled GRPO takes p from each new group, and its k3 penalty has the gradient of KL(ref || pi), so it "
            "need not end where the closed form of one step says"
        ],
        setting={"beta": BETA, "group": GROUP, "steps": steps},
    )
