"""Judging worlds: one scale for all, and a whole list of commands in one response."""

from __future__ import annotations

from ludex.core import Scale, Score, Task
from ludex.rewards.answers import Extract, read

SCALE = Scale(
    ("no answer", "no legal action", "no progress", "some subgoals", "won"), (0.0, 0.05, 0.1, 0.15, 1.0), "won"
)


def world(response: str, task: Task, extract: Extract = "declared") -> Score:
    """A whole game in one response: commands joined by ";" in <answer>...</answer>, as far as the steps last."""
    from ludex.envs.registry import target
    from ludex.envs.worlds import replay

    reading = read(response, task, extract)
    if reading.text is None:
        return SCALE.score("no answer" if reading.level == "no answer" else "no legal action", reading.why)
    played = target(task.answer["env"]).open(task)
    return SCALE.score(*replay(played, reading.text.split(";"), task.info.get("steps", 50)))
