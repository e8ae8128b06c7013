"""The studies over many turns: their arms start from one model, their states are the plans', their sums are right."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from ludex.agents import evaluate
from ludex.agents.reproduce import multiturn, multiturn_alfworld, multiturn_runs, planning, planning_bandit
from ludex.agents.reproduce.answers import generators
from ludex.agents.reproduce.grid import Measure, finish
from ludex.agents.reproduce.study import SCALES, Place
from ludex.agents.tiny import build_tokenizer
from ludex.cli import main
from ludex.core import Trajectory
from ludex.envs.registry import make, task_source


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the studies of this module run."""
    return tmp_path_factory.mktemp("worlds")


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model" / "model.safetensors")


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.slow
def test_what_stands_still_and_what_learns(root: Path) -> None:
    """The SFT arm measures the warmed-up model itself; RLOO learns without a group."""
    run(root, "algorithm", seeds=1)
    folder = root / "test" / "multiturn"
    warm = weights(folder / "warm-textworld")
    assert same(weights(folder / "runs" / "SFT-s0"), warm)
    first = load_file(folder / "untrained-textworld" / "model.safetensors")
    assert same(weights(folder / "runs" / "untrained-s0"), first)
    assert not same(first, warm)
    rows = json.loads((folder / "algorithm.json").read_text())["rows"]
    assert [row["arm"] for row in rows][:3] == ["untrained", "SFT", "PPO"]
    for row in rows:
        for metric, name in multiturn.MEASURED.items():
            found = json.loads((folder / "runs" / f"{row['arm']}-s0" / f"measured-{name}.json").read_text())
            assert row[metric] == sum(found["correct"]) / len(found["correct"]) / found["k"]


def run(root: Path, part: str, seeds: int = 2) -> dict[str, Any]:
    """What a part writes at the smallest scale."""
    command = ["reproduce", "multiturn", "--part", part, "--seeds", str(seeds), "--scale", "test", "-o", str(root)]
    assert main(command) == 0
    path = root / "test" / "multiturn" / f"{part}.json"
    assert path.with_suffix(".png").stat().st_size > 10_000
    found: dict[str, Any] = json.loads(path.read_text())
    return found


@pytest.mark.slow
@pytest.mark.parametrize("part", [part for part in multiturn.PARTS if part != "algorithm"])
def test_every_part_measures_every_arm_for_every_seed(root: Path, part: str) -> None:
    found = run(root, part)
    arms = {row["arm"] for row in found["rows"]}
    assert {(row["arm"], row["seed"]) for row in found["rows"]} == {(arm, seed) for arm in arms for seed in (0, 1)}
    assert all(0 <= row[metric] <= 1 for row in found["rows"] for metric in found["metrics"])
    assert len(arms) >= 3
    assert len(found["claims"]) >= 2
    assert all(" ± " in claim or "the same with every seed" in claim for claim in found["claims"])


@pytest.mark.slow
def test_a_policy_without_memory_is_measured_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, seen = Place(tmp_path, SCALES["test"]), []
    play = evaluate.play

    def spy(player: Any, *args: Any, **options: Any) -> list[Trajectory]:
        seen.extend(played := play(player, *args, **options))
        return played

    monkeypatch.setattr(evaluate, "play", spy)
    world = multiturn_alfworld.world(multiturn_alfworld.LOOK)
    forgetful = multiturn_runs.rollout(1, 1, multiturn_alfworld.NOTHING)
    model = multiturn_runs.untrained(place, "alfworld", [world])
    job = multiturn_runs.warmed(place, "forgetful", model, [world], steps=1, rollout=forgetful)
    finish(replace(job, measures=(Measure("look", world, 1, 1),)))
    lengths = [len(turn.prompt_ids) for turn in seen[0].turns]
    assert len(lengths) == multiturn_alfworld.STEPS
    assert max(lengths) < 2 * min(lengths)  # they would grow by a whole observation a turn


def test_the_worlds_have_the_optimum_that_the_limits_assume() -> None:
    for world in (multiturn.SMALL, multiturn.LARGE):
        options = {key: value for key, value in world.items() if key != "id"}
        env = make("textworld", **options)
        assert options["steps"] == 2 * multiturn.OPTIMUM
        lengths = [len(env.reset(options={"index": i, "split": "test"})[1]["solution"]) for i in range(24)]
        assert max(lengths) <= multiturn.OPTIMUM
        assert len(task_source("textworld", preset=world["preset"], split="test")) == multiturn.GAMES


def test_the_few_games_are_training_games(tmp_path: Path) -> None:
    few = multiturn.first_games(Place(tmp_path, SCALES["test"]), 5)
    own = task_source("textworld", path=few["path"])
    keys = {own[i].info["key"] for i in range(5)}
    preset = task_source("textworld", preset="w2-o3-q4")
    assert keys == {preset[i].info["key"] for i in range(5)}
    assert "preset" not in few


def test_alfworld_games_in_a_folder_are_those_that_were_written(tmp_path: Path) -> None:
    task = multiturn_alfworld.LOOK
    few = multiturn_alfworld.first_games(Place(tmp_path, SCALES["test"]), task, 5)
    own, source = task_source("alfworld", path=few["path"], task=task), task_source("alfworld", task=task)
    written = {own[i].prompt: own[i] for i in range(5)}
    for index in range(5):
        made = source[index]
        found = written.pop(made.prompt)
        assert (found.info["plan"], found.info["room"]) == (made.info["plan"], made.info["room"])
    assert not written


@pytest.mark.parametrize("task", [multiturn_alfworld.PICK, multiturn_alfworld.LOOK])
def test_an_observation_of_alfworld_stands_for_itself(task: str) -> None:
    """It names the task, what is carried and every command that is needed; a worked solution leaves steps to spare."""
    env = make("alfworld", **{key: value for key, value in multiturn_alfworld.world(task).items() if key != "id"})
    for index in range(8):
        observation, info = env.reset(options={"index": index, "split": "valid"})
        assert len(info["solution"]) < multiturn_alfworld.STEPS
        for command in info["solution"]:
            assert "Your task" in observation
            assert "carrying" in observation
            assert command in observation
            observation, *_ = env.step(command)


def test_names_are_the_same_tokens_wherever_they_stand() -> None:
    """A tokenizer of words, learned from what the games say; one of phrases swallows names."""
    texts = list(multiturn_runs.texts([multiturn.SMALL], 40))
    tokenizer = build_tokenizer(texts, 900, words=True)
    name = tokenizer.tokenize(" chest")
    assert tokenizer.tokenize("open chest")[-len(name) :] == name
    told = tokenizer.tokenize("unlock the chest inside the bedchamber")
    assert any(told[i : i + len(name)] == name for i in range(len(told)))
    longest = build_tokenizer(texts, 900).tokenize(texts[0])
    assert any("Ġ" in token[1:] for token in longest)
    assert not any("Ġ" in token.lstrip("Ġ") for token in tokenizer.tokenize(texts[0]))


@pytest.mark.parametrize("dish", planning.DISHES[:2])
def test_a_model_is_played_in_the_kitchens_of_its_states(dish: str) -> None:
    env = planning.kitchen_of(dish, seed=3)
    starts = [task.prompt for task in planning.plan_steps(dish, seed=3) if task.info["step"] == 0]
    told = [env.reset(options={"index": i, "split": "train"})[0] for i in range(planning.PLANS)]
    assert starts == told


def test_the_optimum_of_a_bandit_by_search() -> None:
    """Two actions: the best of 100,000 policies, against gradient ascent and the closed form."""
    from ludex.agents.planning import grpo_optimum

    q = 0.2
    reference = torch.tensor([[q, 1 - q]], dtype=torch.float64).log()
    grid = torch.linspace(1e-4, 1 - 1e-4, 100_000, dtype=torch.float64)
    logits = torch.stack([grid, 1 - grid], 1).log()
    value = planning_bandit.objective(logits, reference, torch.tensor([q], dtype=torch.float64))
    best = float(grid[value.argmax()])
    assert best == pytest.approx(float(planning_bandit.fitted(reference, 400)), abs=1e-4)
    assert best == pytest.approx(grpo_optimum(q, q, planning_bandit.BETA), abs=1e-4)
    # By hand: A of the right action is .8 / .4 = 2, of the wrong one -.5; the weights .2 e and .8 e^-.25.
    right, wrong = 0.2 * torch.e, 0.8 * torch.e**-0.25
    assert best == pytest.approx(right / (right + wrong), abs=1e-4)


def test_sampled_grpo_stops_where_its_own_gradient_does() -> None:
    """With k3 the stationary point of E[A] - beta KL(ref || pi) solves sqrt(q (1 - q)) = beta (q - q_ref)."""
    reference = torch.tensor([[0.2, 0.8]], dtype=torch.float64).log().repeat(50, 1)
    low, high = 0.2, 1.0
    for _ in range(60):
        q = (low + high) / 2
        low, high = (q, high) if (q * (1 - q)) ** 0.5 > planning_bandit.BETA * (q - 0.2) else (low, q)
    found = planning_bandit.sampled(reference, 400, generators(range(50)))
    assert float(found.mean()) == pytest.approx(low, abs=0.03)


def test_a_seed_of_the_optimum_is_the_same_however_many_run(tmp_path: Path) -> None:
    few, many = (planning_bandit.optimum(Place(tmp_path, SCALES["test"], seeds)) for seeds in (1, 3))
    for arm in ("reference", "fitted", "GRPO, sampled"):
        assert few.by_seed(arm, "q")[0] == pytest.approx(many.by_seed(arm, "q")[0], rel=1e-9)
        assert len(set(many.by_seed(arm, "q").values())) == 3


def test_what_is_played_is_kept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(root / "kept", SCALES["test"])
    model = Path(planning.untrained(place, "sandwich"))
    found = planning.played(place, model, "sandwich", 0, known=True)
    assert found["p_0"] <= 1e-6
    assert found["success"] == 0
    assert found["asat"] == 12  # 1.5 times 8

    def fail(*_: Any) -> dict[str, float]:
        raise AssertionError("played twice")

    monkeypatch.setattr(planning, "_play", fail)
    assert planning.played(place, model, "sandwich", 0, known=True) == found


def test_games_are_played_from_the_states_that_are_learned() -> None:
    """And P_0 of a policy that is right with one half everywhere, by hand."""
    world = dict(planning.TASKS[planning.TEXTWORLD])
    env: Any = make(world.pop("id"), **world).unwrapped
    for split in ("train", "test"):
        env.source = env.source.at(seed=3, split=split)
        steps = planning.plan_steps(planning.TEXTWORLD, seed=3, split=split)
        resets = [env.reset(options={"index": i, "split": split}) for i in range(planning.PLANS)]
        assert [step.prompt for step in steps if step.info["step"] == 0] == [told for told, _ in resets]
        by_hand = sum(0.5 ** len(info["solution"]) for _, info in resets) / planning.PLANS
        found = planning.fewest_steps(lambda asks: [0.5] * len(asks), planning.TEXTWORLD, planning.PLANS, split, 3)
        assert found == pytest.approx(by_hand)


def test_which_seeds_transfer_takes(root: Path) -> None:
    """Those asked for, or the first one where no dish has been learned."""
    assert list(planning.trained_seeds(Place(root / "none", SCALES["test"], seeds=2))) == [0, 1]
    assert list(planning.trained_seeds(Place(root / "none", SCALES["test"]))) == [0]


def test_only_the_expert_is_paid() -> None:
    """In a kitchen's third state either slice of bread will do; the plan goes to one of them."""
    env = make("steps", **{key: value for key, value in planning.states("sandwich").items() if key != "id"})
    kitchen = planning.kitchen_of("sandwich", seed=0)
    kitchen.reset(options={"index": 0, "split": "train"})
    paid: dict[str, float] = {}
    for index, task in enumerate(planning.plan_steps("sandwich")[:8]):
        both = kitchen.optimal()
        if len(both) > 1:
            for move in both:
                env.reset(options={"index": index})
                paid[move] = env.step(f"<answer>{move}</answer>")[1]
            assert sorted(paid.values()) == [0.0, 1.0]
            assert paid[task.info["solution"].removeprefix("<answer>").removesuffix("</answer>")] == 1.0
        kitchen.step(task.info["solution"])
    assert paid


def test_the_new_layouts_are_counted(root: Path) -> None:
    """A second count, of what lies where instead of what is told; at full size."""
    place = Place(root / "counted", SCALES["cpu"])
    for dish in ("burger", "double-cheeseburger"):
        env = planning.kitchen_of(dish, seed=0)
        seen = set()
        for index in range(planning.PLANS):
            env.reset(options={"index": index, "split": "test"})
            seen.add((env.state.stations, env.state.robot))
        assert planning.new_layouts(place, dish) == len(seen)


LENGTHS = {"sandwich": 8, "burger": 11, "cheeseburger": 15, "double-cheeseburger": 23, "textworld": 4}


@pytest.mark.slow
def test_every_dish_and_what_carries_over(root: Path) -> None:
    """The parts at the size of a test: q, P_0 and their bounds from the rows; a dish's runs are used again."""
    folder = root / "test" / "planning"
    command = ["reproduce", "planning", "--seeds", "1", "--scale", "test", "-o", str(root)]
    assert main([*command, "--part", "optimum"]) == 0
    for dish in planning.TASKS:
        assert main([*command, "--part", dish]) == 0
        rows = json.loads((folder / f"{dish}.json").read_text())["rows"]
        assert [row["arm"] for row in rows] == list(planning.STAGES)
        for row, model in zip(rows[1:], ("sft", "grpo"), strict=True):
            steps = json.loads((folder / "runs" / f"{model}-{dish}-s0" / f"model-steps-{dish}-s0.json").read_text())
            assert len(steps) == planning.PLANS * LENGTHS[dish]
            assert row["q"] == pytest.approx(sum(steps) / len(steps))
            assert 0 <= row["p_0"] <= 1
            assert 0 <= row["rose"] <= 1
        assert rows[0]["rose"] is None
        assert rows[0]["asat"] == {"sandwich": 12, "burger": 17, "cheeseburger": 23, "textworld": 8}.get(dish, 35)
        assert not same(weights(folder / "runs" / f"sft-{dish}-s0"), weights(folder / "runs" / f"grpo-{dish}-s0")) or (
            rows[1]["q"] == rows[2]["q"]  # no answer was right, so there was nothing to learn
        )
    before = {path: path.stat().st_mtime_ns for path in folder.glob("runs/*/model/model.safetensors")}
    assert main([*command, "--part", "transfer"]) == 0
    assert {path: path.stat().st_mtime_ns for path in folder.glob("runs/*/model/model.safetensors")} == before
    rows = json.loads((folder / "transfer.json").read_text())["rows"]
    assert [row["arm"] for row in rows] == list(planning.DISHES)
    assert rows[0]["down"] == 0
    assert rows[3]["up"] == 0
