"""Run files: every mistake is one line that says where it is and what would be right."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Any

import pytest
import torch
import toy_batches

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
    "unselected value": ({"ppo": {"clip": -1.0}}, r"ppo: clip=-1.0 must be from 0 to 1"),
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
    "one update of Alpha-DPG": (
        {"algorithm": "alpha_dpg", "optim": {"updates": 2}},
        r"alpha_dpg takes one update a batch: optim.updates must be 1; see rollout.prompts",
    ),
    "lr": ({"optim": {"lr": -1e-6}}, r"optim: lr=-1e-06 must be at least 0"),
    "infinite lr": ({"optim": {"lr": math.inf}}, r"optim: lr=inf must be a finite number"),
    "no lr": ({"optim": {"lr": math.nan}}, r"optim: lr=nan must be a finite number"),
    "gradient norm": (
        {"optim": {"max_grad_norm": math.nan}},
        r"optim: max_grad_norm=nan must be positive; inf is no limit",
    ),
    "no gradient": ({"optim": {"max_grad_norm": 0}}, r"optim: max_grad_norm=0.0 must be positive; inf is no limit"),
    "correction": ({"optim": {"correction": {"high": -1.0}}}, r"optim.correction: high=-1.0 must be at least 0"),
    "share of errors": ({"rollout": {"max_errors": 20}}, r"rollout: max_errors=20.0 must be from 0 to 1"),
    "seed": ({"seed": -1}, r"^seed=-1 must be at least 0"),
    "steps": ({"steps": -1}, r"^steps=-1 must be at least 1"),
    "no steps": ({"steps": 0}, r"^steps=0 must be at least 1"),
    "evaluation's seed": ({"eval": {"seed": -1}}, r"^eval: seed=-1 must be at least 0"),
    "evaluation's problems": ({"eval": {"n": 0}}, r"^eval: n=0 must be at least 1"),
    "evaluation's responses": ({"eval": {"k": 0}}, r"^eval: k=0 must be at least 1"),
    "evaluation's interval": ({"eval": {"every": -1}}, r"^eval: every=-1 must be at least 0"),
    "evaluation's split": ({"eval": {"split": "tset"}}, r"^eval: no split 'tset'; did you mean 'test'\?"),
    "saving": ({"save": {"every": -1}}, r"^save: every=-1 must be at least 0"),
    "nothing kept": ({"save": {"keep_last": 0}}, r"^save: keep_last=0 must be at least 1"),
    "episodes": ({"log": {"episodes_every": -1}}, r"^log: episodes_every=-1 must be at least 0"),
    "alarm": ({"log": {"max_kl": math.nan}}, r"^log: max_kl=nan must be at least 0"),
    "alarm that never stops": ({"log": {"min_entropy": math.inf}}, r"^log: min_entropy=inf must be a finite number"),
    "tracker": ({"log": {"sinks": ["wandbb"]}}, r"^log: sinks: no tracker 'wandbb'; did you mean 'wandb'\?"),
    "threads": ({"compute": {"threads": -1}}, r"^compute: threads=-1 must be at least 0"),
    "slots": ({"compute": {"decode_batch": 0}}, r"^compute: decode_batch=0 must be at least 1"),
    "class": ({"algorithm": "math:Mine"}, r"^algorithm = 'math:Mine': math has no 'Mine'"),
    "no class": (
        {"algorithm": "math:sqrt"},
        r"^algorithm = 'math:sqrt': math:sqrt is no dataclass derived from .*base",
    ),
    "module": ({"algorithm": "nowhere:Mine"}, r"^algorithm = 'nowhere:Mine': No module named 'nowhere'"),
    "betas": ({"optim": {"betas": [0.9]}}, r"optim.betas = \[0.9\] must have 2 values, not 1"),
    "betas' range": ({"optim": {"betas": [0.9, 1.0]}}, r"optim: betas=\(0.9, 1.0\) must be two numbers"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_clear_line(mistake: str):
    changes, message = MISTAKES[mistake]
    with pytest.raises(ConfigError, match=message) as caught:
        resolve(table(**changes))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["", " ", ".", "..", "../out", "/tmp/out", "a/b", "a/", ".hidden", "a\n", "a\0b"])
def test_a_name_is_that_of_one_folder_in_runs(name: str):
    with pytest.raises(ConfigError, match=r"^name = .* must be a plain file name, such as 'countdown-1'") as caught:
        resolve(table(name=name))
    assert "\n" not in str(caught.value)
    assert resolve(table(name="KL 0.05, seed 1")).name == "KL 0.05, seed 1"


# An algorithm's settings, and whether it learns from groups of one.
ALONE: dict[str, tuple[dict[str, Any], bool]] = {
    **{name: ({}, False) for name in ("grpo", "dr_grpo", "gspo", "cispo", "dapo", "gigpo", "gtpo", "rloo")},
    **{name: ({}, True) for name in ("sft", "ppo", "reinforce_pp", "corpo", "alpha_dpg", "ds_grpo")},
    "dapo, not dynamic": ({"dynamic": False}, False),
    "rloo, raw": ({"lone": "raw"}, True),
    "reinforce_pp, group": ({"baseline": "group", "kl": "k2", "kl_in": "loss"}, False),
    "ds_grpo, pre": ({"mode": "pre"}, False),
    "ds_grpo, plain": ({"gamma_correct": 0.0, "gamma_wrong": 0.0}, False),
}


@pytest.mark.parametrize("case", ALONE)
def test_groups_that_teach_nothing_are_refused(case: str):
    assert {key.partition(",")[0] for key in ALONE} == {*ALGORITHMS} - {"dpo", "ipo", "gr_dpo", "gr_ipo"}
    name = case.partition(",")[0]
    values, learns = ALONE[case]
    given = table(algorithm=name, rollout={"group": 1}, **{name: values})
    if learns:
        assert resolve(given).rollout.group == 1
    else:
        with pytest.raises(ConfigError, match=rf"^rollout.group = 1 teaches nothing: {name} compares .* 2 or more$"):
            resolve(given)
    assert resolve({**given, "rollout": {"group": 2}}).rollout.group == 2


@pytest.mark.parametrize("case", sorted(ALONE.keys() - {"sft"}))  # which learns from solutions
def test_what_is_refused_does_not_look_at_rewards(case: str):
    """The declaration against the advantages of lone episodes under two sets of rewards."""
    values, learns = ALONE[case]
    found = []
    for rewards in ((0.0, 1.0, 0.2), (1.0, 0.0, 0.7)):
        rows = [
            toy_batches.row("." + "x" * (2 + i), reward, i, i, old=[0.0, *[-0.7] * (2 + i)], correct=reward > 0.5)
            for i, reward in enumerate(rewards)
        ]
        batch, _ = toy_batches.to_batch(rows)
        found.append(toy_batches.make(case.partition(",")[0], **values).prepare(batch).adv)
    assert learns == (not torch.allclose(found[0], found[1]))


BEYOND: list[tuple[str, dict[str, float]]] = [
    *[(name, {"clip": 20.0}) for name in ("grpo", "dr_grpo", "rloo", "corpo", "ppo", "reinforce_pp", "gigpo")],
    *[(name, {"clip_low": 28.0}) for name in ("dapo", "ds_grpo", "gspo")],
    *[(name, {"clip_high": math.inf}) for name in ("dapo", "ds_grpo", "gspo")],
    *[(name, {"gamma": 1.5}) for name in ("ppo", "gigpo", "reinforce_pp")],
    *[(name, {"beta": math.inf}) for name in ("grpo", "rloo", "ppo", "reinforce_pp", "gigpo", "dpo", "gr_ipo")],
    *[(name, {"eps": math.nan}) for name in ("grpo", "dapo", "cispo", "gspo", "ds_grpo", "gigpo")],
    ("ppo", {"lam": 95.0}),
    ("ppo", {"value_clip": math.nan}),
    ("ppo", {"entropy": math.inf}),
    ("corpo", {"r_min": math.inf}),
    ("corpo", {"r_min": math.nan}),
    ("ds_grpo", {"entropy": math.nan}),
    ("ds_grpo", {"gamma_wrong": math.inf}),
    ("gtpo", {"gamma": math.inf}),
    ("gtpo", {"threshold": math.nan}),
    ("gigpo", {"omega": math.inf}),
    ("cispo", {"high": math.nan}),
    ("alpha_dpg", {"limit": math.nan}),
    ("gr_dpo", {"chi": math.nan}),
]


@pytest.mark.parametrize(("name", "values"), BEYOND, ids=lambda x: x if isinstance(x, str) else str(x))
def test_a_value_beyond_its_range_is_refused(name: str, values: dict[str, float]):
    ((key, value),) = values.items()
    with pytest.raises(ConfigError, match=rf"^{name}: {key}={value} must be "):
        resolve(table(**{name: values}))


def test_infinity_stands_where_it_means_no_limit():
    given = {"ppo": {"value_clip": math.inf}, "cispo": {"high": math.inf}, "alpha_dpg": {"limit": math.inf}}
    optim = {"max_grad_norm": math.inf, "correction": {"mode": "mask", "high": math.inf}}
    assert resolve(table(**given, gtpo={"threshold": math.inf}, optim=optim)).optim.max_grad_norm == math.inf


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
