"""Episodes to read: as plain data, as text, and as one static HTML page without scripts or a server."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby
from typing import Any

from ludex.core import Stop, Trajectory

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #22262b; }
h1 { font-size: 1.4rem; } details { border-top: 1px solid #ccc; padding: .4rem 0; } summary { cursor: pointer; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: .2rem 0; padding: .5rem .8rem; border-radius: .4rem; }
.said { background: #eef2f6; } .reply { background: #fdf3e3; margin-left: 3rem; }
.pay { text-align: right; color: #666; }
.won { color: #0a7d38; } .failed { color: #b3261e; } .cut { color: #b3261e; }
"""


def verdict(trajectory: Trajectory) -> str:
    """Level or success, and how the episode ended."""
    level = trajectory.score.level if trajectory.score else None
    name = level or ("correct" if trajectory.correct else "failed")
    return f"{name}, {len(trajectory.turns)} turns, reward {trajectory.reward:g}, {trajectory.stop}"


def record(trajectory: Trajectory) -> dict[str, Any]:
    """An episode as plain data: how it ended, what it was worth, and its turns; no reward where it was lost."""
    return {
        "task_id": trajectory.task_id,
        "group": trajectory.group,
        "stop": str(trajectory.stop),
        "error": trajectory.error,
        "reward": trajectory.reward if trajectory.stop is not Stop.ENV_ERROR else None,
        "correct": trajectory.correct,
        "score": trajectory.score.to_dict() if trajectory.score else None,
        "turns": [
            {"observation": t.observation, "text": t.text, "reward": t.reward, "cut": t.cut} for t in trajectory.turns
        ],
    }


def text(trajectories: Sequence[Trajectory]) -> str:
    """The episodes one after the other; replies are indented."""
    parts = []
    for trajectory in trajectories:
        parts.append(f"==== {trajectory.task_id}: {verdict(trajectory)}")
        for turn in trajectory.turns:
            reply = "\n".join(f"    > {line}" for line in turn.text.splitlines() or [""])
            parts += [turn.observation, f"{reply}\n    [{turn.reward:+g}]"]
        if trajectory.error:
            parts.append(f"error: {trajectory.error}")
    return "\n".join(parts) + "\n"


def page(trajectories: Sequence[Trajectory], title: str) -> str:
    """One HTML page: an episode opens where it is clicked; every turn shows what was said, the reply and its reward."""
    body = [f"<h1>{escape(title)}</h1>"]
    for group, episodes in groupby(trajectories, key=lambda t: t.group):
        body += [_episode(trajectory, group) for trajectory in episodes]
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    shown = "\n".join(body)
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n{shown}\n</body></html>\n'


def _episode(trajectory: Trajectory, group: int) -> str:
    turns = "".join(
        f'<pre class="said">{escape(turn.observation)}</pre>'
        f'<pre class="reply">{escape(turn.text)}{_cut(turn.cut)}</pre><div class="pay">{turn.reward:+g}</div>'
        for turn in trajectory.turns
    )
    error = f'<pre class="failed">{escape(trajectory.error)}</pre>' if trajectory.error else ""
    kind = "won" if trajectory.correct else "failed"
    head = f'<b class="{kind}">{escape(verdict(trajectory))}</b> {escape(trajectory.task_id)}'
    return f"<details><summary>{group}: {head}</summary>{turns}{error}</details>"


def _cut(cut: bool) -> str:
    return ' <span class="cut">(cut by its length limit)</span>' if cut else ""
