"""The live panel of a run, as a terminal shows it."""

from __future__ import annotations

import io

from rich.console import Console

from ludex.agents.view import RunView


def shown(metrics: dict[str, float], *lines: str) -> str:
    """What a terminal is sent by a step after lines that stay."""
    out = io.StringIO()
    with RunView("a [run]", 10, console=Console(file=out, force_terminal=True, width=100)) as view:
        view.step(1, metrics)
        for line in lines:
            view.say(line)
    return out.getvalue()


def test_bars_and_names_of_levels_are_no_markup() -> None:
    for lines in ((), ("step 1: an alarm [red]",)):
        out = shown({"level/[red]wrong": 0.5, "level/right": 0.25}, *lines)
        assert "[red]wrong" in out
        assert "\x1b[36m" + 10 * "#" in out
        assert "[cyan]" not in out
        assert "a [run]" in out
    assert "step 1: an alarm [red]" in out
