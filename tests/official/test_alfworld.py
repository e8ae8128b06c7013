"""ALFWorld's own engine beside ours: the same words, commands and verdicts, step by step.

`make test-official` runs at least 100 games and 20,000 steps; LUDEX_OFFICIAL=short 6 games and 500 steps.
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import pytest

import ludex
from ludex.code2logic.dataset.build import Request, build
from ludex.envs.alfworld import export, synth
from ludex.envs.alfworld.engine import House, Reading
from ludex.envs.alfworld.experts import plan
from ludex.envs.alfworld.world import World, read_game

pytest.importorskip("alfworld", reason="needs ludex[alfworld]")
SHORT = os.environ.get("LUDEX_OFFICIAL") == "short"
GAMES, STEPS = (1, 84) if SHORT else (17, 200)  # of each of the six types; steps a game


@pytest.fixture(scope="module")
def official() -> Any:
    """ALFWorld's environment, one for all games: each new one would leak memory."""
    import textworld
    from alfworld.agents.environment.alfred_tw_env import AlfredDemangler
    from textworld.envs import PddlEnv

    return AlfredDemangler(PddlEnv(textworld.EnvInfos(admissible_commands=True, won=True, lost=True)), shuffle=False)


def compare(official: Any, data: dict[str, Any], world: World, seed: str) -> tuple[int, bool]:
    """Walk both engines through one game: chance, then the plan, then chance again. Steps, and whether it was won."""
    rng, house = random.Random(seed), House(Reading.of(world))
    official.load(data)
    state = official.reset()
    assert house.intro() == state.feedback.strip()
    finish: list[str] = []
    for step in range(STEPS):
        mine = sorted(house.actions())
        assert mine == state.admissible_commands
        if step == STEPS - 30 and not house.held:  # the expert begins with free hands
            finish = plan(house)
        near = [command for command in mine if not command.startswith("go to")]
        wild = rng.choice(["dance", "take mug 99 from shelf 1", "go to nowhere", "LOOK", ""]) or "x"
        pool = near if rng.random() < 0.75 else mine
        command = finish.pop(0) if finish else wild if rng.random() < 0.04 else rng.choice(pool)
        state, score, done = official.step(command)
        said = house.step(command)
        assert said.strip() == state.feedback.strip(), (command, world.goal)
        assert (house.won(), house.won()) == (bool(state["won"]), bool(done))
        assert score == house.won()
        if done:
            return step + 1, True
    return STEPS, False


@pytest.mark.parametrize("task_type", list(synth.TYPES))
def test_both_engines_say_the_same(official: Any, task_type: str) -> None:
    steps = won = 0
    for i in range(GAMES):
        world, _ = synth.draw(random.Random(f"official {task_type} {i}"), task_type, unseen=i % 3 == 2)
        seed, part = 0, 0
        while part < STEPS:  # until the game has been walked for STEPS in all
            walked, finished = compare(official, export.game(world, f"g{i}"), world, f"{i} {seed}")
            part, seed, won = part + walked, seed + 1, won + finished
        steps += part
    print(f"{task_type}: {GAMES} games, {steps} steps, {won} won, no difference")
    assert won or SHORT


def test_the_folders_load_in_alfworld(tmp_path: Path) -> None:
    """AlfredTWEnv finds the games, and the plan wins there."""
    from alfworld.agents.environment import get_environment

    games = 12
    build(Request("alfworld", n=games, split="train", format="alfworld"), tmp_path / "data")
    source = ludex.task_source("alfworld")
    folder = tmp_path / "data" / "json_2.1.1" / "train"
    written = {path.parent.name: read_game(path) for path in folder.rglob("game.tw-pddl")}
    for i in range(games):
        assert written[f"trial_{i:06}"] == World.from_data(source[i].answer["world"])
    config = {
        "dataset": {"data_path": str(folder), "eval_id_data_path": "", "eval_ood_data_path": ""}
        | {"num_train_games": -1, "num_eval_games": -1},
        "env": {"task_types": [1, 2, 3, 4, 5, 6], "goal_desc_human_anns_prob": 0, "domain_randomization": False}
        | {"expert_type": "handcoded", "expert_timeout_steps": 150},
        "general": {"training_method": "dqn"},
        "rl": {"training": {"max_nb_steps_per_episode": 50}},
        "logic": dict(zip(("domain", "grammar"), _logic_files(), strict=True)),
    }
    env = get_environment("AlfredTWEnv")(config, train_eval="train")
    assert env.num_games == games
    batch = env.init_env(batch_size=1)
    for _ in range(1 if SHORT else 6):
        observation, infos = batch.reset()
        world = read_game(Path(infos["extra.gamefile"][0]))
        house = House(Reading.of(world))
        assert world.task in observation[0]
        for command in plan(house):
            _, score, done, _ = batch.step([command])
        assert (score[0], done[0]) == (1, True)
    batch.close()


def _logic_files() -> tuple[str, str]:
    import importlib.util

    data = Path(importlib.util.find_spec("alfworld").origin).parent / "data"  # type: ignore[union-attr, arg-type]
    return str(data / "alfred.pddl"), str(data / "alfred.twl2")
