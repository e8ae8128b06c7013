"""Playing an environment in the terminal: a human where a policy would be."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, TextIO

import gymnasium

from ludex.core import Score

if TYPE_CHECKING:
    from rich.console import Console

HELP = r"""One line is one response; \ at its end goes on in the next line. Ctrl-D ends.
What has no marker is sent as <answer>...</answer> (or \boxed{...}, where that is the form)."""


class Over(Exception):
    """The player has left."""


def episodes(
    env: gymnasium.Env[Any, Any], seed: int, options: dict[str, Any], number: int, stdin: TextIO, out: Console
) -> None:
    """Play `number` episodes, or until the input ends where it is 0.

    Args:
        env: an environment with text actions, without wrappers.
        seed: of the first reset; the episodes after it are the next ones of its stream.
        options: of every reset.
        number: how many episodes, 0 for no limit.
        stdin: where the responses come from.
        out: where to print.
    """
    out.print(HELP)
    try:
        for played in count():
            if played == number > 0:
                return
            _episode(env, seed if played == 0 else None, options, stdin, out)
    except (Over, KeyboardInterrupt):
        out.print("\nBye.")


def _episode(
    env: gymnasium.Env[Any, Any], seed: int | None, options: dict[str, Any], stdin: TextIO, out: Console
) -> None:
    observation, info = env.reset(seed=seed, options=options)
    out.rule(str(info.get("task_id", "")), align="left")
    if info.get("system"):
        out.print(info["system"])
    total, ended = 0.0, False
    while not ended:
        out.print(observation["text"] if isinstance(observation, dict) else observation)
        observation, reward, terminated, truncated, info = env.step(_response(env, stdin, out))
        total, ended = total + float(reward), terminated or truncated
    last = observation["text"] if isinstance(observation, dict) else observation
    if last:
        out.print(last)
    out.print(_verdict(total, info.get("score"), info.get("is_success")))


def _response(env: gymnasium.Env[Any, Any], stdin: TextIO, out: Console) -> str:
    """What the player types, in the form that the task declares; Over at the end of the input."""
    lines: list[str] = []
    while not lines or lines[-1].endswith("\\"):
        out.print("> ", end="")
        line = stdin.readline()
        if not line:
            raise Over
        lines.append(line.rstrip("\n"))
    text = "\n".join(line.removesuffix("\\") for line in lines)
    task = getattr(env, "task", None)
    if task is None or not text.strip() or "<answer>" in text or "\\boxed{" in text:
        return text
    return f"\\boxed{{{text}}}" if task.info.get("form") == "boxed" else f"<answer>{text}</answer>"


def _verdict(total: float, score: Any, success: Any) -> str:
    if not isinstance(score, Score):
        return f"reward {total:g}" + ("" if success is None else ", success" if success else ", no success")
    return f"{score.level or 'no verdict'}, reward {total:g}" + (f": {score.why}" if score.why else "")
