"""Run files: every mistake is one line that says where it is and what would be right."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Any

import pytest

from ludex.agents.algorithms import ALGORITHMS
from ludex.agents.algorithms.ppo import PPO
from ludex.agents.rollout import Arena
from ludex.agents.settings import load, resolve
from ludex.config import ConfigError

FILE = """
model = "tiny"
algorithm = "ppo"
steps = 7

[[env]]
id = "countdown-v0"
weight = 2
numbers = 3

[[env]]
id = "foreign/game-v0"
success_at = 1.5

[rollout]
prompts = 4

[optim]
lr = 1e-4
betas = [0.9, 0.99]
schedule = "cosine"

[ppo]
clip = 0.1
value_clip = inf

[grpo]
beta = 0.0

[log]
sinks = []
"""


def table(**changes: Any) -> dict[str, Any]:
    return {"name": "run", "model": "tiny", "env": [{"id": "countdown-v0"}], **changes}


def write(folder: Path, text: str = FILE, name: str = "my-run.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_run_file_is_read_in_full(tmp_path: Path):
    run = load(write(tmp_path))
    assert (run.name, run.model, run.algorithm, run.steps, run.seed) == ("my-run", "tiny", "ppo", 7, 0)
    first, second = run.env
    assert (first.id, first.weight, first.options) == ("countdown-v0", 2.0, {"numbers": 3})
    assert math.isnan(first.success_at)
    assert (second.id, second.weight, second.success_at, second.options) == ("foreign/game-v0", 1.0, 1.5, {})
    assert run.rollout.prompts == 4
    assert run.rollout.group == 8  # untouched
    assert (run.optim.lr, run.optim.betas, run.optim.schedule) == (1e-4, (0.9, 0.99), "cosine")
    assert run.chosen == PPO(clip=0.1, value_clip=math.inf)
    assert set(run.tables) == {"ppo", "grpo"}
    assert run.log.sinks == ()


def test_overrides_go_before_the_file(tmp_path: Path):
    overrides = ["optim.lr=2e-6", "env.0.numbers=4", "env.1.weight=3", "ppo.clip=0.3", "name=other", "eval.every=5"]
    run = load(write(tmp_path), overrides)
    assert run.optim.lr == 2e-6
    assert run.env[0].options == {"numbers": 4}
    assert run.env[1].weight == 3.0
    assert run.chosen == PPO(clip=0.3, value_clip=math.inf)
    assert (run.name, run.eval.every) == ("other", 5)
    assert load(write(tmp_path), ["algorithm=grpo"]).chosen.needs == frozenset()  # beta is 0 in its table


def test_a_resolved_run_reads_back_as_itself(tmp_path: Path):
    run = load(write(tmp_path))
    again = load(write(tmp_path, run.to_toml(), "again.toml"))
    assert again.to_dict() == run.to_dict()
    assert [e.options for e in again.env] == [{"numbers": 3}, {}]
    assert again.to_toml() == run.to_toml()
    assert tomllib.loads(run.to_toml())["env"][0] == {
        "id": "countdown-v0",
        "weight": 2.0,
        "concurrency": "auto",
        "numbers": 3,
    }
    assert "grpo" not in run.to_dict()  # not selected


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_defaults_read_back_for_every_algorithm(algorithm: str):
    run = resolve(table(algorithm=algorithm, data={"path": "pairs.jsonl"}))  # which only some of them read
    assert resolve(tomllib.loads(run.to_toml())).to_dict() == run.to_dict()


def test_the_environments_of_a_saved_run_can_be_made(tmp_path: Path):
    saved = resolve(tomllib.loads(resolve(table(env=[{"id": "countdown-v0", "numbers": 3}])).to_toml()))
    Arena(saved.env).close()


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "top": ({"stepz": 3}, r"unknown key 'stepz'; did you mean 'steps'\?"),
    "nested": ({"rollout": {"promts": 3}}, r"unknown key 'rollout.promts'; did you mean 'prompts'\?"),
    "algorithm's": ({"grpo": {"bta": 0.1}}, r"unknown key 'grpo.bta'; did you mean 'beta'\?"),
    "unselected": ({"algorithm": "grpo", "ppo": {"clp": 0.1}}, r"unknown key 'ppo.clp'; did you mean .*'clip'"),
    "unselected value": ({"ppo": {"clip": -1.0}}, r"ppo: clip=-1.0 must be at least 0"),
    "misspelt table": ({"gropo": {"beta": 0.1}}, r"unknown key 'gropo'; did you mean .*'grpo'"),
    "algorithm": ({"algorithm": "gppo"}, r"no algorithm 'gppo'; did you mean"),
    "not a table": ({"grpo": 3}, r"grpo = 3 must be a table"),
    "section": ({"rollout": 3}, r"rollout = 3 must be RolloutSettings, not int"),
    "type": ({"optim": {"lr": "fast"}}, r"optim.lr = 'fast' must be float, not str"),
    "bool": ({"steps": True}, r"steps = True must be int, not bool"),
    "choice": ({"optim": {"schedule": "cosin"}}, r"optim.schedule = 'cosin'; did you mean 'cosine'\?"),
    "sinks": ({"log": {"sinks": "tensorboard"}}, r"log.sinks = 'tensorboard' must be tuple, not str"),
    "no env": ({"env": []}, r"a run needs at least one \[\[env\]\] table with an id"),
    "env table": ({"env": {"id": "countdown-v0"}}, r"\[\[env\]\]"),
    "no id": ({"env": [{"id": "a"}, {"weight": 1}]}, r"env.1 has no id"),
    "weight type": ({"env": [{"id": "a", "weight": "x"}]}, r"env.0.weight = 'x' must be float"),
    "weight": ({"env": [{"id": "a"}, {"id": "b", "weight": 0}]}, r"env.1: weight=0.0 must be a positive number"),
    "temperature": ({"rollout": {"temperature": 0}}, r"rollout: temperature=0.0 must be positive: a policy gradient"),
    "group": ({"rollout": {"group": 0}}, r"rollout: group=0 must be at least 1"),
    "context": (
        {"rollout": {"max_context": 256}},
        r"rollout: max_context=256 leaves no room beside max_new_tokens=256",
    ),
    "updates": ({"optim": {"updates": 0}}, r"optim: updates=0 must be at least 1"),
    "one update": (
        {"algorithm": "gtpo", "optim": {"minibatches": 2}},
        r"gtpo takes one update a batch: optim.minibatches must be 1; see rollout.prompts",
    ),
    "stop": (
        {"rollout": {"stop": ["</a>"]}, "compute": {"engine": "transformers"}},
        r"rollout.stop needs compute.engine = 'local'",
    ),
    "lr": ({"optim": {"lr": -1e-6}}, r"optim: lr=-1e-06 must be at least 0"),
    "betas": ({"optim": {"betas": [0.9]}}, r"optim: betas=\(0.9,\) must be two numbers"),
    "betas' range": ({"optim": {"betas": [0.9, 1.0]}}, r"optim: betas=\(0.9, 1.0\) must be two numbers"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_clear_line(mistake: str):
    changes, message = MISTAKES[mistake]
    with pytest.raises(ConfigError, match=message) as caught:
        resolve(table(**changes))
    assert "\n" not in str(caught.value)


def test_a_missing_model_is_said():
    with pytest.raises(ConfigError, match="model"):
        resolve({"name": "run", "env": [{"id": "countdown-v0"}]})


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"cannot read .*nowhere.toml: No such file"):
        load(tmp_path / "nowhere.toml")
    with pytest.raises(ConfigError, match=r"bad.toml is not TOML: .*line 1"):
        load(write(tmp_path, "steps = = 3", "bad.toml"))
    with pytest.raises(ConfigError, match=r"env.5.numbers: '5' must be an index below 2"):
        load(write(tmp_path), ["env.5.numbers=3"])
    with pytest.raises(ConfigError, match=r"'steps' must read key=value"):
        load(write(tmp_path), ["steps"])


def test_resolving_leaves_the_table_as_it_was():
    given = table(algorithm="ppo", ppo={"clip": 0.1})
    resolve(given)
    assert given == table(algorithm="ppo", ppo={"clip": 0.1})
