"""Names, streams of tasks, and the ways into them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter

import gymnasium
import numpy as np
import pytest

import ludex
from ludex.config import ConfigError
from ludex.core import Task
from ludex.envs import registry
from ludex.envs.core import SPLITS, TaskEnv, TaskSource, parse_task_id, split_of
from ludex.lookup import MissingExtra, UnknownName, load, missing, suggest


def coin(rng: np.random.Generator, *, sides: int = 1000, words: tuple[str, ...] = ("a", "b")) -> Task:
    """A throw of a die; the smallest of generators."""
    n = int(rng.integers(sides))
    return Task(f"Say {n}.", n, "integer", info={"solution": f"<answer>{n}</answer>", "words": list(words)})


@pytest.mark.parametrize(
    "name", ["countdown", "countdown-v0", "ludex/countdown-v0", "ludex:ludex/countdown-v0", "ludex/countdown"]
)
def test_every_spelling_of_an_id_leads_to_the_same_task(name):
    assert ludex.task_source(name, seed=3)[2] == ludex.task_source("countdown", seed=3)[2]


def test_gymnasium_knows_the_same_environments():
    for name in registry.ENVS:
        assert f"ludex/{name}" in gymnasium.registry
    env = gymnasium.make("ludex/countdown-v0", numbers=3, seed=4)
    observation, info = env.reset()
    assert observation == ludex.task_source("countdown", numbers=3, seed=4)[0].prompt
    assert env.step(info["solution"])[1] == 1.0


def test_resets_go_through_the_stream():
    env = ludex.make("countdown")
    source = ludex.task_source("countdown", seed=7)
    assert env.reset(seed=7)[0] == source[0].prompt
    assert env.reset()[0] == source[1].prompt
    assert env.reset(options={"index": 5})[0] == source[5].prompt
    assert env.reset()[0] == source[6].prompt
    assert env.reset(options={"split": "test"})[0] == source.at(split="test")[0].prompt
    assert env.reset(options={"index": 3, "split": "train"})[1]["task_id"] == "countdown-v0/train/7/3"
    with pytest.raises(ValueError, match="did you mean 'index'"):
        env.reset(options={"indx": 1})


def test_one_step_and_done():
    env = ludex.make("countdown")
    _, info = env.reset(seed=0)
    observation, reward, terminated, truncated, info = env.step(info["solution"])
    assert (observation, reward, terminated, truncated, info["is_success"]) == ("", 1.0, True, False, True)
    assert info["score"].level == "correct"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ludex.make("cuontdown"), UnknownName, "did you mean 'countdown-v0'"),
        (lambda: ludex.make("countdown-v1"), UnknownName, "did you mean 'countdown-v0'"),
        (lambda: ludex.make("ludex/xyz"), UnknownName, r"known: alfworld-v0, .* and \d+ more"),
        (lambda: ludex.task_source("countdown", number=3), TypeError, "did you mean 'numbers'"),
        (lambda: ludex.task_source("countdown", numbers="3"), ConfigError, "numbers = '3' must be int"),
        (lambda: ludex.task_source("countdown", split="tets"), ValueError, "did you mean 'test'"),
        (lambda: ludex.task_source("countdown")[-1], IndexError, "start at 0"),
        (
            lambda: ludex.task_source("countdown", name=3),
            TypeError,
            "countdown-v0 has no option 'name'; known: closeness",
        ),
        (lambda: ludex.task_source("countdown", generate=3), TypeError, "countdown-v0 has no option 'generate'"),
        (lambda: ludex.task_source("countdown", split=3), ValueError, "no split 3; known: test, train, valid"),
        (lambda: ludex.task("countdown-v0/train/-1/0"), ValueError, "countdown-v0: seed = -1 must be a whole number"),
        (lambda: ludex.task("countdown-v0/train/0"), ValueError, "name\\?options/split/seed/index"),
        (lambda: ludex.task("countdown-v0/train/0/x"), ValueError, "name\\?options/split/seed/index"),
        (lambda: ludex.make("ludex.envs.countdown:genrate"), ValueError, "did you mean 'generate'"),
        (lambda: load("ludex.envs.countdown"), ValueError, "module:attribute"),
    ],
)
def test_mistakes_are_one_line_that_suggests(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("seed", [-1, 1.5, "3", None, True])
@pytest.mark.parametrize("name", ["countdown", "kitchen", "steps", "textworld", "style"])
def test_a_seed_is_a_whole_number(name, seed):
    with pytest.raises(ValueError, match=f"^{name}-v0: seed = {seed!r} must be a whole number, 0 or more$"):
        ludex.task_source(name, seed=seed)
    with pytest.raises(ValueError, match=r"must be a whole number, 0 or more$"):
        ludex.make(name, seed=seed)


@pytest.mark.parametrize("index", [-1, 1.7, "x", None, True])
def test_an_index_is_a_whole_number_and_a_wrong_one_changes_nothing(index):
    env = ludex.make("countdown").unwrapped
    env.reset(options={"index": np.int64(4)})
    with pytest.raises(ValueError, match=f"^reset: index = {index!r} must be a whole number, 0 or more$"):
        env.reset(options={"index": index, "split": "test"})
    assert env.reset()[1]["task_id"] == "countdown-v0/train/0/5"


def test_register_serves_this_process():
    ludex.register("test-coin", coin, "throw a die")
    ludex.register("test-coin", coin)  # the same again is harmless
    task = ludex.task_source("test-coin", sides=6, words=["x"])[0]
    assert task.id == "test-coin-v0?sides=6&words=%5B%22x%22%5D/train/0/0"
    assert ludex.task(task.id) == task
    assert gymnasium.make("ludex/test-coin-v0").reset(seed=0)[1]["task_id"] == "test-coin-v0/train/0/0"
    for taken in ("test-coin", "countdown"):
        with pytest.raises(ValueError, match="already"):
            ludex.register(taken, lambda rng: None)


def test_options_that_equal_their_default_are_left_out_of_ids():
    source = TaskSource("x-v0", coin, sides=1000, words=["a", "b"], seed=3)
    assert source.task_id(9) == "x-v0/train/3/9"
    assert parse_task_id("x-v0?sides=6&words=%5B%22a%2Fb%22%5D/test/3/9") == (
        "x-v0",
        {"sides": 6, "words": ["a/b"]},
        "test",
        3,
        9,
    )


def test_streams_are_numbered_seeded_and_split():
    drawn = {
        (seed, split): [TaskSource("x-v0", coin, seed=seed, split=split)[i].answer for i in range(200)]
        for seed in (0, 1, 2**40)
        for split in SPLITS
    }
    assert len({tuple(answers) for answers in drawn.values()}) == 9
    for split in SPLITS:  # 200 draws of 1000 numbers: a shifted or shared stream would agree in nearly all
        a, b = drawn[0, split], drawn[1, split]
        assert max(sum(x == y for x, y in zip(a[s:], b, strict=False)) for s in range(3)) < 50
    owners = [{n for (_, where), answers in drawn.items() if where == split for n in answers} for split in SPLITS]
    assert not (owners[0] & owners[1])
    assert not (owners[0] & owners[2])
    assert not (owners[1] & owners[2])
    other = TaskSource("y-v0", coin)
    assert [other[i].answer for i in range(200)] != drawn[0, "train"]


def test_splits_are_four_fifths_and_two_tenths():
    """Of 20,000 keys the shares must lie within five standard deviations (56, 42, 42)."""
    counts = Counter(split_of(f"problem {i}") for i in range(20_000))
    assert abs(counts["train"] - 16_000) < 283
    assert abs(counts["valid"] - 2_000) < 212
    assert abs(counts["test"] - 2_000) < 212


def test_a_space_too_small_for_its_split_says_so():
    only = split_of("Say 0.")
    empty = next(split for split in SPLITS if split != only)
    with pytest.raises(ValueError, match="space of problems is too small"):
        TaskSource("x-v0", coin, sides=1, split=empty)[0]
    assert TaskSource("x-v0", coin, sides=1, split=only)[0].answer == 0


def test_streams_are_the_same_in_a_process_with_another_hash_seed():
    code = "import ludex; print(ludex.task_source('countdown', seed=5, split='test')[3].to_json())"
    for hash_seed in ("1", "2"):
        env = {"PYTHONHASHSEED": hash_seed, "PATH": "/usr/bin:/bin"}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
        assert Task.from_json(done.stdout) == ludex.task_source("countdown", seed=5, split="test")[3]


def test_a_path_is_an_id_of_its_own():
    task = ludex.task_source("ludex.envs.countdown:generate", numbers=3)[0]
    assert task.id.startswith("ludex.envs.countdown:generate?numbers=3/")
    assert ludex.task(task.id) == task
    assert isinstance(ludex.make("ludex.envs.countdown:generate"), TaskEnv)


def test_foreign_environments_are_made_as_gymnasium_makes_them():
    assert ludex.make("CartPole-v1").unwrapped.spec.id == "CartPole-v1"
    env = ludex.make("gymnasium.envs.classic_control.cartpole:CartPoleEnv", sutton_barto_reward=True)
    assert env.action_space.n == 2


def test_importing_the_package_is_light():
    code = (
        "import sys, json, ludex, ludex.cli;"
        "print(json.dumps([m for m in sys.modules if m.startswith('ludex.')]"
        "+ [m for m in ('torch', 'transformers', 'PIL', 'sympy', 'rich', 'datasets') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    assert not loaded & {"torch", "transformers", "PIL", "sympy", "rich", "datasets"}
    assert not [name for name in loaded if name.startswith(("ludex.agents", "ludex.code2logic"))]
    assert not loaded & {f"ludex.envs.{name}" for name in ("countdown", "guess", "arithmetic", "math", "contract")}


def test_missing_extras_are_named():
    assert missing("no-such-extra") == []
    with pytest.raises(MissingExtra, match=r"pip install 'ludex\[math\]'"):
        load("not_a_module_at_all:thing", extra="math")
    with pytest.raises(ModuleNotFoundError):
        load("not_a_module_at_all:thing")


def test_suggestions():
    assert suggest("nmbers", ["numbers", "target"]) == "did you mean 'numbers'?"
    assert suggest("zzz", ["numbers", "target"]) == "known: numbers, target"
    assert suggest("zzz", [f"a{i:02}" for i in range(43)]).endswith(", a39 and 3 more")
