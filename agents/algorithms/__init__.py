"""The algorithms, one file each under its formula, and the table of their names."""

from __future__ import annotations

from dataclasses import is_dataclass

from ludex.agents.algorithms.base import Algorithm
from ludex.lookup import find, load

ALGORITHMS: dict[str, str] = {
    "alpha_dpg": "ludex.agents.algorithms.alpha_dpg:AlphaDPG",
    "cispo": "ludex.agents.algorithms.cispo:CISPO",
    "corpo": "ludex.agents.algorithms.corpo:CoRPO",
    "dapo": "ludex.agents.algorithms.dapo:DAPO",
    "dpo": "ludex.agents.algorithms.dpo:DPO",
    "dr_grpo": "ludex.agents.algorithms.dr_grpo:DrGRPO",
    "ds_grpo": "ludex.agents.algorithms.ds_grpo:DSGRPO",
    "gigpo": "ludex.agents.algorithms.gigpo:GiGPO",
    "gr_dpo": "ludex.agents.algorithms.gr_dpo:GRDPO",
    "gr_ipo": "ludex.agents.algorithms.gr_ipo:GRIPO",
    "grpo": "ludex.agents.algorithms.grpo:GRPO",
    "gspo": "ludex.agents.algorithms.gspo:GSPO",
    "gtpo": "ludex.agents.algorithms.gtpo:GTPO",
    "ipo": "ludex.agents.algorithms.ipo:IPO",
    "ppo": "ludex.agents.algorithms.ppo:PPO",
    "reinforce_pp": "ludex.agents.algorithms.reinforce_pp:ReinforcePP",
    "rloo": "ludex.agents.algorithms.rloo:RLOO",
    "sft": "ludex.agents.algorithms.sft:SFT",
}


def algorithm_class(name: str) -> type[Algorithm]:
    """The algorithm of that name, or of "module:Class".

    Raises:
        UnknownName: with near names.
        ValueError: if what is there is no algorithm.
    """
    found = load(name if ":" in name else find(name, ALGORITHMS, "ludex.algorithms", "algorithm"))
    if not (isinstance(found, type) and issubclass(found, Algorithm) and is_dataclass(found)):
        raise ValueError(f"{name} is no dataclass derived from ludex.agents.algorithms.base.Algorithm")
    return found
