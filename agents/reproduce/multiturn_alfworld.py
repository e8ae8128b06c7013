"""The ALFWorld part of the study over many turns: learn on one type of task, and what of it other types gain."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ludex.agents.files import strict_json, write_folder, write_text
from ludex.agents.reproduce.grid import run_all
from ludex.agents.reproduce.multiturn_runs import (
    PPO,
    SFT,
    base,
    learning,
    measure,
    rollout,
    rows_of,
    untrained,
    warmed,
)
from ludex.agents.reproduce.result import Claim, Result
from ludex.agents.reproduce.study import Arm, Place, run_arms

# No kitchen appliance is needed for these types; kitchens have up to 40 places, and every observation lists them as
# commands.
PICK, LOOK = "pick_and_place_simple", "look_at_obj_in_light"
STEPS = 12
FEW = 8  # games of each type that are shown and learned on
GAMES = 24  # of a measurement elsewhere
NOTHING = -1  # of the past is remembered


def world(task: str) -> dict[str, Any]:
    """One type of task, whose every observation stands for itself: the policy remembers nothing."""
    shown = {"goal": True, "inventory": True}
    return {"id": "alfworld", "task": task, "prompt": "line", "steps": STEPS, **shown}


def first_games(place: Place, task: str, many: int) -> dict[str, Any]:
    """A type's first training games, so many of them, as a world of their own."""
    from ludex.envs.alfworld.export import problem
    from ludex.envs.alfworld.world import World as House
    from ludex.envs.registry import task_source

    folder = place.root / "multiturn" / f"alfworld-{task}-{many}"

    def fill(path: Path) -> None:
        source = task_source("alfworld", task=task)
        for number in range(many):
            posed = source[number]
            house = House.from_data(posed.answer["world"])
            text = {"pddl_problem": problem(house, f"game{number}"), "grammar": f'"Your task is to: {house.task}."'}
            here = path / f"{task}-{posed.info['room']}" / str(number)
            here.mkdir(parents=True)
            write_text(here / "game.tw-pddl", strict_json(text))

    if not folder.exists():
        write_folder(folder, fill)
    return {**world(task), "path": str(folder)}


def alfworld(place: Place) -> Result:
    """Warmed up on games of two types of task; learn on one of them, or on both."""
    few = {"pick": first_games(place, PICK, FEW), "look": first_games(place, LOOK, FEW)}
    first = untrained(place, "alfworld", list(few.values()), FEW)
    shown = rollout(place.scale.prompts // 2, 1, NOTHING)
    steps = max(1, 3 * place.scale.steps // 5)
    warm = warmed(place, "alfworld", first, list(few.values()), rollout=shown, steps=steps)
    run_all([warm], 1, place.say)
    sampled = rollout(place.scale.prompts // 4, 8, NOTHING)
    shared = base(place, str(warm.folder / "model"), few["pick"], rollout=sampled)
    arms = [SFT, PPO, Arm("PPO, both types", "ppo", PPO.table, {"env": list(few.values())})]
    learned = [measure(place, name, table, FEW, "train") for name, table in few.items()]
    others = [measure(place, f"pick-{split}", world(PICK), GAMES, split) for split in ("valid", "test")]
    folders = run_arms(place, "multiturn/alfworld", arms, shared, place.seeds_or(3), [*learned, *others])
    return _result(folders, shared)


def _result(folders: Mapping[tuple[str, int], Path], shared: Mapping[str, Any]) -> Result:
    metrics = {
        "pick": f"success on the {FEW} games of {PICK}",
        "look": f"on the {FEW} games of {LOOK}",
        "pick-valid": f"on other games of {PICK}",
        "pick-test": "in unseen rooms",
    }
    return Result(
        "One type of task and another, ALFWorld",
        metrics,
        rows_of(folders, {name: name for name in metrics}),
        [
            Claim("PPO improves the games that it learns on", "pick", "PPO", "SFT"),
            Claim("and others of the type", "pick-valid", "PPO", "SFT"),
            Claim("and others in unseen rooms", "pick-test", "PPO", "SFT"),
            Claim("and the other type", "look", "PPO", "SFT"),
            Claim("learning on both types is better for the other", "look", "PPO, both types", "PPO"),
            Claim("and for the first", "pick", "PPO, both types", "PPO"),
        ],
        learning(folders, shared["steps"]),
        notes=[
            f"all were warmed up on {FEW} games of each of the two types; PPO learns on those of {PICK}",
            "games are made from ALFWorld's floor plans; types that need an appliance are left out: kitchens "
            "make observations too long for so small a study",
            f"an episode may take {STEPS} steps, and the policy sees the present observation alone",
        ],
        setting=shared,
    )
