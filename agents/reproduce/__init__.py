"""The papers' claims at a size that runs here: one file a study, and the table of their names.

A study is a table of parts; a part runs its training runs or simulations and returns a `Result`.
"""

from __future__ import annotations

STUDIES: dict[str, str] = {
    "alpha-dpg": "ludex.agents.reproduce.alpha_dpg:PARTS",
    "corpo": "ludex.agents.reproduce.corpo:PARTS",
    "ds-grpo": "ludex.agents.reproduce.ds_grpo:PARTS",
    "gtpo": "ludex.agents.reproduce.gtpo:PARTS",
    "multiturn": "ludex.agents.reproduce.multiturn:PARTS",
    "preferences": "ludex.agents.reproduce.preferences:PARTS",
    "planning": "ludex.agents.reproduce.planning:PARTS",
    "sweep": "ludex.agents.reproduce.sweep:PARTS",
}
