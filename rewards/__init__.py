"""How a response is judged: verifiers are total, pure and bounded.

`verify(response, task)` is the one way in. A verifier is a function
`(response, task) -> Score` under a key of VERIFIERS; it accepts any string,
executes none of it, and returns in bounded time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ludex.core import Score, Task
from ludex.lookup import find, load, plugins
from ludex.rewards.answers import SCALE, Extract

Verifier = Callable[..., Score]

VERIFIERS: dict[str, str] = {
    "choice": "ludex.rewards.choice:choice",
    "countdown": "ludex.rewards.expressions:countdown",
    "fill": "ludex.rewards.choice:fill",
    "integer": "ludex.rewards.answers:integer",
    "maths": "ludex.rewards.maths:maths",
    "play": "ludex.rewards.play:play",
    "step": "ludex.rewards.steps:step",
    "style": "ludex.rewards.style:style",
    "text": "ludex.rewards.answers:text",
    "world": "ludex.rewards.worlds:world",
}

_added: dict[str, Verifier] = {}
_loaded: dict[str, Verifier] = {}


def register_verifier(name: str, verifier: Verifier) -> None:
    """Make `verifier` known to this process under `name`; ValueError if the name is taken."""
    if name in VERIFIERS or name in plugins("ludex.verifiers") or _added.get(name, verifier) is not verifier:
        raise ValueError(f"there is a verifier {name!r} already")
    _added[name] = _loaded[name] = verifier


def verifier(name: str) -> Verifier:
    """The verifier of that name; UnknownName suggests near ones, MissingExtra says what to install."""
    if name not in _loaded:
        path = find(name, VERIFIERS | dict.fromkeys(_added, ""), "ludex.verifiers", "verifier")
        _loaded[name] = load(path, extra="math")
    return _loaded[name]


def verify(response: str | None, task: Task, extract: Extract = "declared") -> Score:
    """Judge `response` against `task`.

    Args:
        response: what the policy wrote; None counts as the empty string.
        task: the task it was asked.
        extract: "declared" reads the task's own answer form; "lenient" reads
            what people write, for evaluation only.

    Returns:
        A Score; its status is ERROR if the verifier itself fails, never because
        of what the response says.

    Raises:
        UnknownName: if `task.verifier` is not known.
        MissingExtra: if its optional dependency is not installed.
    """
    judge = verifier(task.verifier)
    options: dict[str, Any] = {} if extract == "declared" else {"extract": extract}
    try:
        return judge(response or "", task, **options)
    except Exception as error:  # a user's verifier may fail; the episode is masked, the run goes on
        return SCALE.error(f"verifier {task.verifier!r} raised {type(error).__name__}: {error}"[:300])
