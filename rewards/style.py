"""A passage in somebody's style: style, content and completeness, weighed 0.6 to 0.3 to 0.1.

The verifier of `ludex/style-v0`, after Liu, Bahja, Kovatchev and Lee. Everything it needs is in `task.answer`:

    reference     the text whose style is asked for        judge         an encoder's path; "" counts instead
    points        the plot: words that must be told        calibration   {"formula", "low", "high"}
    forbidden     names that must not occur                content       "rule", or "openai:URL#model"
    words         the length asked for                     completeness  "v1" or "v2"
    weights       of style, content and completeness

A passage of whose words more than a fifth end a five-word phrase of the reference is shut out by a gate: nothing is
nearer to the reference than the reference.
"""

from __future__ import annotations

from typing import Any

from ludex.core import Scale, Score, Task
from ludex.rewards.answers import Extract, Reading, after_thinking, read
from ludex.rewards.content_judge import rate
from ludex.rewards.passages import COMPLETENESS, content, copied, names_any, without_end
from ludex.rewards.rubric import Rubric
from ludex.rewards.style_judge import Calibration, style_rewards

WEIGHTS = (0.6, 0.3, 0.1)
MAX_PASSAGE = 50_000  # characters
MAX_COPIED = 0.2  # share of words that end a borrowed phrase

# Five classes of the total, each paying its middle: the threshold between failing and correct is then the cut itself.
SCALE = Scale(
    ("no answer", "malformed", "far", "weak", "fair", "near", "good"), (0.0, 0.05, 0.1, 0.3, 0.5, 0.7, 0.9), "good"
)
CUTS = {"far": 0.0, "weak": 0.2, "fair": 0.4, "near": 0.6, "good": 0.8}


def style(response: str, task: Task, extract: Extract = "declared") -> Score:
    """A passage judged by three parts; `parts` holds them, the gate "original" and their "total"."""
    gold = task.answer
    reading = _read(response, task, extract)
    if reading.text is None:
        return SCALE.score(reading.level, reading.why)
    passage = reading.text
    names = ("style", "content", "completeness")
    rubric = Rubric(SCALE, CUTS, dict(zip(names, gold.get("weights", WEIGHTS), strict=True)), gates=("original",))
    return rubric.score(
        {
            "style": lambda: _style(passage, gold),
            "content": lambda: _content(passage, gold),
            "completeness": lambda: COMPLETENESS[gold["completeness"]](passage, gold["words"]),
            "original": lambda: float(copied(passage, gold["reference"]) <= MAX_COPIED),
        }
    )


def _read(response: str, task: Task, extract: Extract) -> Reading:
    """The passage between the answer's marks; read leniently, a response without marks is all passage."""
    visible = after_thinking(response)
    if extract == "lenient" and visible and visible.strip() and "<answer>" not in visible:
        return Reading(visible.strip()[:MAX_PASSAGE])
    return read(response, task, longest=MAX_PASSAGE)


def _style(passage: str, gold: dict[str, Any]) -> float:
    calibration = Calibration(**gold["calibration"])
    return style_rewards([without_end(passage)], [gold["reference"]], calibration, gold["judge"])[0]


def _content(passage: str, gold: dict[str, Any]) -> float:
    if gold["content"] == "rule":
        return content(passage, gold["points"], gold["forbidden"])
    body = without_end(passage)
    return 0.0 if names_any(body, gold["forbidden"]) else rate(gold["content"], body, gold["points"])
