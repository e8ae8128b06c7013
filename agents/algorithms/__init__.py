"""The algorithms, one file each under its formula, and the table of their names."""

from __future__ import annotations

from ludex.agents.algorithms.base import Algorithm
from ludex.lookup import find, load

ALGORITHMS: dict[str, str] = {
    "corpo": "ludex.agents.algorithms.corpo:CoRPO",
    "dapo": "ludex.agents.algorithms.dapo:DAPO",
    "dr_grpo": "ludex.agents.algorithms.dr_grpo:DrGRPO",
    "grpo": "ludex.agents.algorithms.grpo:GRPO",
    "ppo": "ludex.agents.algorithms.ppo:PPO",
    "rloo": "ludex.agents.algorithms.rloo:RLOO",
    "sft": "ludex.agents.algorithms.sft:SFT",
}


def algorithm_class(name: str) -> type[Algorithm]:
    """The algorithm of that name; UnknownName suggests near ones."""
    found: type[Algorithm] = load(find(name, ALGORITHMS, "ludex.algorithms", "algorithm"))
    return found
