"""The rules about environments, as Gymnasium sees them."""

from __future__ import annotations

import pickle
import re
import tempfile
import warnings
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium.utils.env_checker import check_env, data_equivalence

from ludex.core import Score, Status
from ludex.envs.contract import hostile
from ludex.envs.contract.subject import SAMPLE, Broken, Subject


def resets_address_tasks(subject: Subject) -> str:
    """`reset(seed=s)` is task 0 of stream s, a plain reset the next, `options` any."""
    env = subject.env()
    wanted = subject.draw(2, seed=7)
    asked: list[dict[str, Any]] = [{"seed": 7}, {}, {"options": {"index": 0, "split": "train"}}]
    for arguments, t in zip(asked, [*wanted, wanted[0]], strict=False):
        _, info = env.reset(**arguments)
        if info.get("task_id") != t.id:
            raise Broken(f"reset({arguments or ''}) gives info['task_id'] {info.get('task_id')!r}; it must be {t.id!r}")
    return "resets lead to the tasks they name"


def text_spaces(subject: Subject) -> str:
    """Actions are text; observations are text, or a Dict with text (and perhaps an image)."""
    env = subject.env()
    seen, acts = env.observation_space, env.action_space
    text = seen.spaces.get("text") if isinstance(seen, gymnasium.spaces.Dict) else seen
    if not isinstance(acts, gymnasium.spaces.Text) or not isinstance(text, gymnasium.spaces.Text):
        raise Broken(f"spaces are {seen} and {acts}: both must be text, such as ludex.envs.spaces.FreeText()")
    for words in ("", "<answer>\u00e9\u00d7\n</answer>"):
        if words not in acts:
            raise Broken(
                f"the action space refuses {words!r}: a model may write anything; use ludex.envs.spaces.FreeText()"
            )
    return "text in, text out"


def passes_check_env(subject: Subject) -> str:
    """Gymnasium's own checker, without a warning."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check_env(subject.env(), skip_render_check=True)
    complaints = [str(w.message) for w in caught if "gymnasium" in w.filename or issubclass(w.category, UserWarning)]
    if complaints:
        plain = re.sub(r"\x1b\[\d+m|WARN: ", "", complaints[0])
        raise Broken(f"gymnasium's check_env warns: {plain}")
    return "gymnasium's check_env has no complaint"


def solution_played(subject: Subject) -> str | None:
    """`info["solution"]` played through reset and step ends in success."""
    env = subject.env()
    for index in range(SAMPLE):
        _, info = env.reset(seed=0) if index == 0 else env.reset()
        if info.get("solution") is None:
            if subject.has_tasks:
                raise Broken("reset gives no info['solution']: pass on the task's, a response or a list of them")
            return None
        responses = info["solution"] if isinstance(info["solution"], list) else [info["solution"]]
        _play(env, responses, str(info.get("task_id", index)))
    return f"{SAMPLE} solutions played to success"


def _play(env: gymnasium.Env[Any, Any], responses: list[str], where: str) -> None:
    total, ended = 0.0, False
    info: dict[str, Any] = {}
    for turn, response in enumerate(responses, 1):
        if ended:
            raise Broken(f"{where}: the episode ended before response {turn} of {len(responses)} of its solution")
        _, reward, terminated, truncated, info = env.step(response)
        total, ended = total + float(reward), terminated or truncated
    if not ended or not info.get("is_success"):
        raise Broken(
            f"{where}: the solution ends with ended={ended}, is_success={info.get('is_success')}; both must be True"
        )
    score = info.get("score")
    if not np.isfinite(total) or (isinstance(score, Score) and (score.status is not Status.OK or not score.correct)):
        raise Broken(f"{where}: the solution earns {total} and its score is {score}; it must be finite, OK and correct")


def survives_hostility(subject: Subject) -> str:
    """Hostile actions raise nothing, run nothing, never succeed, and end the episode in the end."""
    env, ends = subject.env(), 0
    env.reset(seed=0)
    with tempfile.TemporaryDirectory() as folder:
        canary = Path(folder) / "canary"
        actions = hostile.responses(canary=str(canary))
        for name, action in actions.items():
            _, reward, terminated, truncated, info = env.step(action)
            if info.get("is_success") or not np.isfinite(float(reward)) or canary.exists():
                got = "runs as code" if canary.exists() else f"earns {reward}, is_success={info.get('is_success')}"
                raise Broken(f"the action {name} {got}; it must fail, with a finite reward")
            if terminated or truncated:
                ends += 1
                env.reset()
    if not ends:
        return f"warning: {len(actions)} hostile actions did not end the episode; a limit on turns would"
    return f"{len(actions)} hostile actions fail and end {ends} episodes"


def pickles(subject: Subject) -> str:
    """Environments travel to other processes and go on there."""
    env = subject.env()
    env.reset(seed=3)
    try:
        copy = pickle.loads(pickle.dumps(env))
    except Exception as error:
        raise Broken(f"the environment cannot be pickled ({error}): no lambdas, locks or open files in it") from None
    if not data_equivalence(copy.step("")[:4], env.step("")[:4]):
        raise Broken("a pickled environment answers step('') differently: all its state must be in its attributes")
    return "a pickled copy goes on as the original does"
