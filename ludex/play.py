"""Playing an environment in the terminal: a human where a policy would be."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import gymnasium

from ludex.core import Score

if TYPE_CHECKING:
    from rich.console import Console

HELP = r"""One line is one response; \ at its end goes on in the next line. Ctrl-D ends.
What has no marker is sent with the one that the environment reads, such as <answer>...</answer>."""
HINTED = 8  # legal moves that are shown without asking


class Over(Exception):
    """The player has left."""


def episodes(
    env: gymnasium.Env[Any, Any],
    seed: int,
    options: dict[str, Any],
    number: int,
    stdin: TextIO,
    out: Console,
    album: Path | None = None,
) -> None:
    """Play `number` episodes, or until the input ends where it is 0.

    Args:
        env: an environment with text actions, without wrappers.
        seed: of the first reset; the episodes after it are the next ones of its stream.
        options: of every reset.
        number: how many episodes, 0 for no limit.
        stdin: where the responses come from.
        out: where to print.
        album: a folder for the pictures of all positions, of environments that have some.

    Raises:
        OSError: if a picture cannot be written.
        ValueError: if pictures are asked for and there are none.
    """
    out.print(HELP)
    try:
        for played in count():
            if played == number > 0:
                return
            _episode(env, seed if played == 0 else None, options, stdin, out, album and album / str(played + 1))
    except (Over, KeyboardInterrupt):
        out.print("\nBye.")


def _episode(
    env: gymnasium.Env[Any, Any],
    seed: int | None,
    options: dict[str, Any],
    stdin: TextIO,
    out: Console,
    album: Path | None,
) -> None:
    observation, info = env.reset(seed=seed, options=options)
    out.rule(str(info.get("task_id", "")), align="left")
    if info.get("system"):
        out.print(info["system"] + "\n")
    total, ended = 0.0, False
    for turn in count():
        text = observation["text"] if isinstance(observation, dict) else observation
        if text:
            out.print(text)
        _save(env, album, turn, out)
        if ended:
            break
        shown = text.rpartition("\n")[2]  # an observation may end with what can be done
        legal = info.get("legal") or ()
        _hint(() if all(move in shown for move in legal) else legal, out)
        response = _marked(_typed_or_listed(legal, stdin, out), env, info.get("reply", ""))
        observation, reward, terminated, truncated, info = env.step(response)
        total, ended = total + float(reward), terminated or truncated
    out.print(_verdict(total, info.get("score"), info.get("is_success")))


def _save(env: gymnasium.Env[Any, Any], album: Path | None, turn: int, out: Console) -> None:
    """Write the picture of the position, if there is one, as 000.png, 001.png and so on."""
    shows = getattr(env, "png", None)
    images: Sequence[bytes] = getattr(getattr(env, "task", None), "images", ())
    if album and turn == 0 and not (shows or images):
        raise ValueError("this environment has no pictures to save; leave --save out")
    if album is None or not (shows or (images and turn == 0)):
        return
    album.mkdir(parents=True, exist_ok=True)
    file = album / f"{turn:03}.png"
    file.write_bytes(shows() if shows else images[0])
    out.print(f"[{file}]")


def _hint(legal: Sequence[str], out: Console) -> None:
    """The legal moves, or one of them where they are many."""
    if legal:
        few = ", ".join(legal) if len(legal) <= HINTED and not any("," in move for move in legal) else ""
        out.print(f"Moves: {few}" if few else f"{len(legal)} moves, such as: {legal[0]} (? lists all)")


def _typed_or_listed(legal: Sequence[str], stdin: TextIO, out: Console) -> str:
    """What the player types; a question mark lists the legal moves. Over at the end of the input."""
    text = _typed(stdin, out)
    while legal and text.strip() == "?":
        out.print("; ".join(legal))
        text = _typed(stdin, out)
    return text


def _marked(text: str, env: gymnasium.Env[Any, Any], reply: str) -> str:
    """The text in the form that the environment says, or that its task declares, unless it is in one already."""
    task = getattr(env, "task", None)
    if task is None or not text.strip() or "<answer>" in text or "\\boxed{" in text:
        return text
    if reply:
        return text if reply.partition("{}")[0] in text and reply != "{}" else reply.format(text)
    return f"\\boxed{{{text}}}" if task.info.get("form") == "boxed" else f"<answer>{text}</answer>"


def _typed(stdin: TextIO, out: Console) -> str:
    lines: list[str] = []
    while not lines or lines[-1].endswith("\\"):
        out.print("> ", end="")
        line = stdin.readline()
        if not line:
            raise Over
        lines.append(line.rstrip("\n"))
    return "\n".join(line.removesuffix("\\") for line in lines)


def _verdict(total: float, score: Any, success: Any) -> str:
    if not isinstance(score, Score):
        return f"reward {total:g}" + ("" if success is None else ", success" if success else ", no success")
    return f"{score.level or 'no verdict'}, reward {total:g}" + (f": {score.why}" if score.why else "")
