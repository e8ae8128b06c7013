"""Steps of experts' plans: what is told, what is right, how it is judged, and the file they are written to."""

from __future__ import annotations

import json
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor

import gymnasium
import kitchen_rules as second
import pytest

import ludex
from ludex.agents.players import Oracle
from ludex.agents.rollout import Arena, Domain, Start
from ludex.cli import main
from ludex.core import Task
from ludex.envs.kitchen import env as kitchen
from ludex.envs.kitchen import rules
from ludex.envs.spaces import FreeText
from ludex.envs.steps import FirstPlans, Plans, read_steps
from ludex.rewards.steps import SCALE


def say(words):
    return f"<answer>{words}</answer>"


def test_the_steps_of_a_plan_are_what_the_environment_says_along_it():
    env = ludex.make("kitchen", task="burger").unwrapped
    source = ludex.task_source("steps", task="burger", plans=3)
    for number in range(3):
        observation, info = env.reset(options={"index": number})
        for response in info["solution"]:
            task = next(t for t in source if t.info["plan"] == env.task.id and t.prompt == observation)
            assert task.answer["legal"] == info["legal"]
            assert task.answer["best"] == env.optimal()
            assert task.info["solution"] == response
            assert task.info["system"].startswith(kitchen.RULES)
            observation, *_, info = env.step(response)


def test_the_set_holds_every_optimal_action():
    """By breadth-first search of a second kitchen, along the plans of standard layouts."""
    plans = Plans("kitchen", seed=0, split="train", task="cheeseburger", layout="standard")
    sizes = set()
    env = ludex.make("kitchen", task="cheeseburger", layout="standard").unwrapped
    env.reset(options={"index": 0})
    state = env.state
    for task in plans.steps(0, 0, "set"):
        left, _ = second.shortest("cheeseburger", second.plain(state))
        nearer = [
            words for words, after in second.actions(second.plain(state))
            if second.shortest("cheeseburger", after)[0] == left - 1
        ]  # fmt: skip
        assert sorted(task.answer["best"]) == sorted(nearer)
        sizes.add(len(nearer))
        state = rules.move(state, task.info["solution"][8:-9])
    assert sizes == {1, 2}  # patty or cheese first


def test_expert_means_the_experts_action_alone():
    assert all(len(t.answer["best"]) == 1 for t in ludex.task_source("steps", plans=5, optimal="expert"))
    assert any(len(t.answer["best"]) > 1 for t in ludex.task_source("steps", plans=5))
    with pytest.raises(ValueError, match="guess cannot tell all optimal actions; take optimal=expert"):
        ludex.task_source("steps", of="guess", optimal="set")[0]


def test_the_verdict_is_ordinal():
    task = Task("", {"best": ["move to station 2", "pick up patty"], "legal": ["pick up patty", "move to station 2",
                     "move to station 3"], "reply": "<answer>{}</answer>"}, "step")  # fmt: skip
    for response, level in (
        ("", "no answer"),
        ("pick up patty", "no answer"),
        ("<think>" + say("pick up patty"), "no answer"),
        (say("pick up patty") + say("move to station 2"), "malformed"),
        ("<answer>pick up patty", "malformed"),
        (say("pick up cheese"), "illegal"),
        (say("move to station 3"), "legal"),
        (say("Move to station 3."), "legal"),
        (say("move to station 2"), "optimal"),
        ("I go. " + say("Pick up  patty!"), "optimal"),
    ):
        assert ludex.verify(response, task).level == level, response
    assert SCALE.levels == ("no answer", "malformed", "illegal", "legal", "optimal")
    assert list(SCALE.pays) == sorted(SCALE.pays)
    assert SCALE.correct == "optimal"


@pytest.mark.parametrize(
    ("reply", "right", "empty"),
    [
        ("<action>{}</action>", "<think>go</think><action> Open  Microwave 1 </action>", "open microwave 1"),
        ("Action: {}", "Thought: it is closed.\nAction: open microwave 1", "open microwave 1"),
        ("{}", "It is closed.\nopen microwave 1", "\n"),
    ],
)
def test_worlds_have_their_own_ways_to_reply(reply, right, empty):
    task = Task("", {"best": ["open microwave 1"], "legal": ["open microwave 1", "look"], "reply": reply}, "step")
    assert ludex.verify(right, task).level == "optimal"
    assert ludex.verify(right.replace("icrowave 1", "door"), task).level == "illegal"
    assert ludex.verify(reply.format("look"), task).level == "legal"
    assert ludex.verify(reply.format("x" * 500), task).level == "malformed"
    assert ludex.verify(empty, task).level == "no answer"


@pytest.mark.parametrize(
    "options", [{"of": "alfworld"}, {"of": "guess"}, {"of": "play-hanoi"}, {"of": "alfworld", "prompt": "react"}]
)
def test_any_environment_with_a_list_of_responses_has_steps(options):
    source = ludex.task_source("steps", **options)
    for index in range(3):
        task = source[index]
        assert ludex.task(task.id) == task
        assert ludex.verify(task.info["solution"], task).level == "optimal"
        assert Task.from_json(task.to_json()) == task


def test_foreign_environments_have_steps_too():
    tasks = list(FirstPlans("steps-v0", of="test_steps:Corridor", plans=2))
    assert [t.prompt for t in tasks[:2]] == ["3 to go", "2 to go"]
    assert [t.info["step"] for t in tasks] == [0, 1, 2, 0, 1, 2]
    assert tasks[0].answer == {"best": ["right"], "legal": [], "reply": "{}"}
    assert ludex.verify("right", tasks[0]).level == "optimal"


class Corridor(gymnasium.Env):
    """Three steps to the right; nothing of Ludex in it."""

    def __init__(self):
        self.observation_space = self.action_space = FreeText()

    def reset(self, *, seed=None, options=None):
        self.left = 3
        return "3 to go", {"solution": ["right"] * 3}

    def step(self, action):
        self.left -= action == "right"
        return f"{self.left} to go", float(not self.left), not self.left, False, {}


@pytest.mark.parametrize("options", [{"of": "kitchen"}, {"of": "guess"}, {"of": "kitchen", "plans": 20}])
def test_every_thread_reads_the_same_steps(options):
    alone = [task.to_json() for task in map(ludex.task_source("steps", **options).__getitem__, range(60))]
    shared = ludex.task_source("steps", **options)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(8) as pool:
            together = [task.to_json() for task in pool.map(shared.__getitem__, range(60))]
    finally:
        sys.setswitchinterval(before)
    assert together == alone
    assert [pickle.loads(pickle.dumps(shared))[i].to_json() for i in range(3)] == alone[:3]


def test_two_iterators_of_one_source_go_side_by_side():
    source = ludex.task_source("steps", of="guess", plans=3)
    assert all(a == b for a, b in zip(source, source, strict=True))


def test_history_is_told_before_the_state():
    told = {h: list(ludex.task_source("steps", of="guess", largest=8, plans=1, history=h)) for h in (0, 1, -1)}
    first, second_, third, *_ = (t.prompt for t in told[0])
    answers = [t.info["solution"] for t in told[0]]
    assert told[-1][2].prompt == f"{first}\n> {answers[0]}\n{second_}\n> {answers[1]}\n\n{third}"
    assert told[1][2].prompt == f"{second_}\n> {answers[1]}\n\n{third}"
    assert told[-1][0].prompt == first


def test_no_prompt_is_in_two_splits():
    prompts = {s: {ludex.task_source("steps", split=s, layout="standard")[i].prompt for i in range(60)} for s in
               ("train", "valid", "test")}  # fmt: skip
    assert not prompts["train"] & prompts["test"]
    assert not prompts["train"] & prompts["valid"]
    assert not prompts["valid"] & prompts["test"]


def test_the_first_plans_are_numbered_through_and_end():
    source = ludex.task_source("steps", plans=4, task="sandwich", layout="standard")
    assert len(source) == 32
    assert [source[i] for i in range(32)] == list(source)
    assert ludex.task(source[17].id) == source[17]
    with pytest.raises(IndexError, match="step 32 of 32"):
        source[32]
    env = ludex.make("steps", plans=4, task="sandwich", layout="standard")
    env.reset(options={"index": 31})
    assert env.reset()[1]["task_id"] == source[0].id


def test_binary_pay():
    for binary, pays in ((True, (0.0, 1.0)), (False, (SCALE.pays[3], 1.0))):
        env = ludex.make("steps", binary=binary, optimal="expert").unwrapped
        _, info = env.reset(options={"index": 0})
        other = next(words for words in info["legal"] if words not in env.task.answer["best"])
        assert env.step(say(other))[1] == pays[0]
        env.reset(options={"index": 0})
        assert env.step(info["solution"])[1] == pays[1]


def test_a_policy_that_answers_every_step_plays_the_closed_loop():
    """The same words answer a step and the environment itself: a table of the steps cooks the dish."""
    table = {t.prompt: t.info["solution"] for t in ludex.task_source("steps", plans=5, task="cheeseburger")}
    for index in range(5):
        env = ludex.make("kitchen", task="cheeseburger")
        observation, info = env.reset(options={"index": index})
        ended, turns = False, 0
        while not ended:
            observation, _, terminated, truncated, end = env.step(table[observation])
            ended, turns = terminated or truncated, turns + 1
        assert (end["score"].level, turns) == ("won", len(info["solution"]))


def test_the_trainer_takes_steps():
    domain = Domain("steps-v0", options={"plans": 2, "task": "sandwich"})
    arena = Arena([domain])
    episodes = arena.play([Start(0, 0, "train", i, i) for i in range(20)], Oracle())
    assert [e.score.level for e in episodes] == ["optimal"] * 20
    assert {len(e.turns) for e in episodes} == {1}


def test_the_command_writes_every_state(tmp_path, capsys):
    file = tmp_path / "deep" / "steps.jsonl"
    assert main(["data", "steps", "kitchen", "--agent", "oracle", "-n", "3", "-o", str(file), "layout=standard"]) == 0
    assert "steps of 3 plans" in capsys.readouterr().out
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    env = ludex.make("kitchen", layout="standard").unwrapped
    plans = [env.reset(options={"index": i})[1]["solution"] for i in range(3)]
    assert [row["info"]["solution"] for row in rows] == [response for plan in plans for response in plan]
    assert [ludex.task(row["id"]).prompt for row in rows[:4]] == [row["prompt"] for row in rows[:4]]
    source = ludex.task_source("steps", path=str(file))
    assert len(source) == len(rows)
    assert source[2].prompt == rows[2]["prompt"]
    assert ludex.task(source[2].id) == source[2]
    assert main(["data", "steps", "kitchen", "-o", str(file)]) == 2
    assert "exists; choose another -o" in capsys.readouterr().err


def test_mistakes_are_named(tmp_path, capsys):
    out = str(tmp_path / "x.jsonl")
    for words, message in (
        (["kitchen", "-n", "0"], "-n 0 asks for no plans"),
        (["countdown"], "countdown has no info['solution'] that is a list of responses"),
        (["kitchen", "optiml=set"], "steps-v0 itself has of, optimal, history, plans"),
        (["kitchen", "optimal=best"], "no optimal='best'; known: auto, expert, set"),
        (["kitchen", "history=-2"], "history=-2 must not be below -1"),
        (["kitchen", "observation=image"], "observations must be text"),
        (["kitchen", "history=x"], "history = 'x' must be int"),
    ):
        assert main(["data", "steps", *words, "-o", out]) == 2
        assert message in capsys.readouterr().err
    bad = tmp_path / "bad.jsonl"
    bad.write_text(ludex.task_source("steps")[0].to_json() + '\n{"prompt": 1}\n')
    with pytest.raises(ValueError, match=r"bad.jsonl, line 2: must be a step as written by `ludex data steps`"):
        read_steps(str(bad))
    bad.write_text(ludex.task_source("countdown")[0].to_json())
    with pytest.raises(ValueError, match=r"line 1: must be a step .*its verifier is 'countdown'"):
        read_steps(str(bad))
