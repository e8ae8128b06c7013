"""What a step's episodes look like, and when that is a reason to worry."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from ludex.agents.report import level_of
from ludex.agents.settings import Settings
from ludex.core import Stop, Trajectory


def describe(played: Sequence[Trajectory]) -> dict[str, float]:
    """What a step's episodes look like: rewards, success, levels, lengths, entropy of what was sampled."""
    whole = [t for t in played if t.stop is not Stop.ENV_ERROR and t.turns]
    turns = [turn for t in whole for turn in t.turns]
    levels = Counter(map(level_of, whole))
    order = [level for t in whole if t.score for level in t.score.scale.levels]  # a mix may have several scales
    sampled = sum(len(turn.logps) for turn in turns)
    return {
        "reward": fmean(t.reward for t in whole),
        "correct": fmean(t.correct for t in whole),
        "length": sampled / len(turns),
        "turns": len(turns) / len(whole),
        "cut": fmean(turn.cut for turn in turns),
        "entropy": -sum(map(sum, (turn.logps for turn in turns))) / max(1, sampled),  # unbiased, at the temperature
        "repetition": fmean(repetition(turn.action_ids) for turn in turns),
        "truncated": fmean(t.stop is not Stop.TERMINATED for t in whole),
        "env_errors": len(played) - len(whole),
        **{f"level/{level}": levels[level] / len(whole) for level in dict.fromkeys([*order, *levels])},
    }


def repetition(ids: Sequence[int]) -> float:
    """Share of a response's 4-grams that it has said before."""
    grams = list(zip(ids, ids[1:], ids[2:], ids[3:], strict=False))
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def alarms(metrics: dict[str, Any], settings: Settings) -> list[str]:
    """What looks wrong in a step's metrics, in plain words."""
    log = settings.log
    if "oracle" in settings.chosen.needs:
        return []
    found = defaultdict(lambda: math.nan, metrics)  # NaN raises nothing: pairs have no episodes to describe
    rules = [
        ("entropy", found["entropy"] < log.min_entropy, "the policy has become deterministic"),
        ("kl_ref", found["kl_ref"] > log.max_kl, "the policy has left the reference far behind"),
        ("cut", found["cut"] > log.max_cut, "responses hit rollout.max_new_tokens"),
        ("repetition", found["repetition"] > log.max_repetition, "responses repeat themselves"),
        ("gap", found["gap"] > log.max_gap, "sampled and recomputed log-probabilities differ"),
        ("groups", found["groups"] == 0, "every task is solved always or never; nothing was learned"),
        ("skipped", found["skipped"] > 0, "an update was skipped because it was not finite"),
    ]
    return [f"{name} = {metrics[name]:.3g}: {words}" for name, raised, words in rules if raised]
