"""Judging one step of a plan: is it what an expert would do next?"""

from __future__ import annotations

from ludex.core import Scale, Score, Task
from ludex.rewards.answers import Extract, Reading, malformed, nothing, read
from ludex.rewards.play import meant

SCALE = Scale(("no answer", "malformed", "illegal", "legal", "optimal"), (0.0, 0.02, 0.05, 0.1, 1.0), "optimal")
TAGGED = "<answer>{}</answer>"  # how a reply is written, unless a world has a way of its own


def declared(response: str, task: Task, extract: Extract = "declared") -> Reading:
    """The action that a response declares in the way of the environment, which `task.answer["reply"]` names."""
    if task.answer["reply"] == TAGGED:
        return read(response, task, extract)
    from ludex.envs.worlds import PROMPTS, plain

    readers = {prompt.reply: prompt.read for prompt in PROMPTS.values()}
    command = readers[task.answer["reply"]](response)
    if command is None or not command.strip():
        return nothing("no command")
    return Reading(plain(command)) if plain(command) else malformed("the command is no line of bounded length")


def step(response: str, task: Task, extract: Extract = "declared") -> Score:
    """One action: best in its state, legal, or not; where the legal ones are unknown, any that can be read is legal."""
    reading = declared(response, task, extract)
    if reading.text is None:
        return SCALE.score(reading.level, reading.why)
    best, legal = task.answer["best"], task.answer["legal"]
    if meant(reading.text, best):
        return SCALE.score("optimal")
    if not legal or meant(reading.text, legal):
        return SCALE.score("legal", f"best: {'; '.join(best)}")
    return SCALE.score("illegal", f"{reading.text[:40]!r} is not a legal action")
