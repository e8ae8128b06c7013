"""Group-robust preference optimisation (Ramesh et al. 2024, arXiv 2405.20304): a lower loss of the worst group.

The paper's bandits. GR-IPO is the product's closed form; the 10,000 steps of the DPO family are written out in NumPy,
which a test holds against the algorithms themselves step by step.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ludex.agents.algorithms.dpo import logistic
from ludex.agents.algorithms.gr_ipo import fit, fit_robust
from ludex.agents.algorithms.ipo import squared
from ludex.agents.reproduce.preference_bandit import (
    SCENARIOS,
    Kind,
    Pairs,
    data,
    descend,
    worst_loss,
    worst_reward_error,
)
from ludex.agents.reproduce.result import Claim, Result, Row
from ludex.agents.reproduce.study import Place

FIRST_SEED = 2021  # as in the paper's code; ten of its twenty
KINDS: dict[str, Kind] = {"DPO": "plain", "IS-DPO": "fair", "GR-DPO": "robust"}
SETTINGS: dict[str, tuple[float, float]] = {  # rate and step of the weights of the DPO family
    "even, imbalanced": (0.5, 0.9),
    "uneven, balanced": (0.9, 0.5),
    "uneven, imbalanced": (0.9, 0.5),
}
EARLIER = {  # worst losses (reward errors) of an earlier simulation with these settings
    "even, imbalanced": "DPO .859 (.085), IS-DPO .502 (.053), GR-DPO .467 (.047), "
    "IPO 24.3 (.092), IS-IPO 17.5 (.054), GR-IPO 16.8 (.050)",
    "uneven, balanced": "DPO .535 (.086), IS-DPO .533 (.086), GR-DPO .482 (.046), "
    "IPO 20.0 (.103), IS-IPO 20.0 (.103), GR-IPO 17.9 (.055)",
    "uneven, imbalanced": "DPO .626 (.098), IS-DPO .539 (.089), GR-DPO .467 (.051), "
    "IPO 20.9 (.115), IS-IPO 20.1 (.105), GR-IPO 17.7 (.062)",
}


def logistic_arms(train: Pairs, theta: Tensor, scenario: str, steps: int) -> dict[str, Tensor]:
    """The last theta of the DPO family."""
    lr, eta = SETTINGS[scenario]
    return {arm: descend(train, theta, kind, lr, eta, steps)[-1] for arm, kind in KINDS.items()}


def squared_arms(train: Pairs, theta: Tensor) -> dict[str, Tensor]:
    """The closed forms of the IPO family."""
    shares = torch.bincount(train.group).double() / len(train.group)
    found = {"IPO": shares, "IS-IPO": torch.full_like(shares, 0.5)}
    arms = {arm: fit(train.difference, train.group, alpha, 0.1) for arm, alpha in found.items()}
    robust, _ = fit_robust(train.difference, train.group, beta=0.1, eta=0.01, steps=100, theta=theta)
    return {**arms, "GR-IPO": robust}


def measure(scenario: str, seed: int, steps: int) -> list[Row]:
    """All arms of one scenario on one draw of pairs; `steps` of the DPO family."""
    train, valid, theta = data(scenario, seed)
    rows: list[Row] = []
    families = (
        ("logistic", logistic_arms(train, theta, scenario, steps), logistic, 1.0),
        ("squared", squared_arms(train, theta), squared, 0.1),
    )
    for metric, arms, penalty, beta in families:
        for arm, found in arms.items():
            worst = worst_loss(valid, penalty(valid.difference @ found, beta))
            rows.append({"arm": f"{scenario}: {arm}", "seed": seed, metric: worst})
            rows[-1]["error"] = worst_reward_error(valid, found)
    return rows


def bandit(place: Place) -> Result:
    """Worst validation loss and worst reward error in three scenarios."""
    steps = place.scale.simulation
    rows: list[Row] = []
    for scenario in SCENARIOS:
        for seed in place.seeds_or(10):
            rows += measure(scenario, FIRST_SEED + seed, steps)
        place.say(f"{scenario}: done")
    claims = []
    for scenario in SCENARIOS:
        for metric, family in (("logistic", "DPO"), ("squared", "IPO")):
            for other in (family, f"IS-{family}"):
                text = f"{scenario}: GR-{family} has a lower worst loss than {other}"
                claims.append(Claim(text, metric, f"{scenario}: {other}", f"{scenario}: GR-{family}"))
    return Result(
        "Group-robust preferences: the paper's bandits",
        {
            "logistic": "worst group's logistic loss",
            "squared": "worst group's squared loss",
            "error": "worst group's reward error, relative",
        },
        rows,
        claims,
        notes=[f"an earlier simulation, {scenario}: {numbers}" for scenario, numbers in EARLIER.items()],
        setting={"steps": steps, "pairs": 300},
    )


PARTS = {"bandit": bandit}
