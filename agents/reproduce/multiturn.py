"""Reinforcement learning over many turns (Wang and Ammanabrolu 2025, arXiv 2510.01132), at the size of a toy.

A transformer made in place is warmed up on worked solutions of a small TextWorld level, whose observations list the
commands that do something: what is left to learn is to copy the right one. Then the study's questions: which
algorithm, which reward, how many steps, how many demonstrations, and what of it carries over to other worlds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ludex.agents.files import strict_json, write_folder, write_text
from ludex.agents.reproduce.grid import Job, Measure, pass_at, read_measure, run_all
from ludex.agents.reproduce.result import Claim, Curve, Result, Row
from ludex.agents.reproduce.study import Arm, Place, base_run, curve, mean_of, run_arms
from ludex.agents.runs import read_metrics

OPTIMUM, LARGE_OPTIMUM = 4, 8  # commands of the worked solutions
SMALL: dict[str, Any] = {"id": "textworld", "preset": "w2-o3-q4", "prompt": "line", "steps": 2 * OPTIMUM}
LARGE: dict[str, Any] = {**SMALL, "preset": "w4-o6-q8", "steps": 2 * LARGE_OPTIMUM}
GAMES = 24  # of the presets' test splits
SUCCESS = {"success": "success on test games", "training": "on training games, last fifth of the run"}
STILL = {"steps": 1, "optim": {"lr": 0.0}}  # a run that changes nothing

KL = 0.01
PPO = Arm("PPO", "ppo", {"beta": KL})
RLOO = Arm("RLOO", "rloo", {"beta": KL})
GRPO = Arm("GRPO", "grpo", {"beta": KL})
REINFORCE_PP = Arm("REINFORCE++", "reinforce_pp", {"beta": KL})
WARM = Arm("SFT", "grpo", {"beta": 0.0}, STILL)


def texts(worlds: Sequence[Mapping[str, Any]], plans: int) -> Iterator[str]:
    """What the first training games of each world say and are told in their worked solutions."""
    from ludex.envs.steps import Plans

    for world in worlds:
        options = {key: value for key, value in world.items() if key != "id"}
        told = Plans(world["id"], seed=0, split="train", **options)
        for number in range(plans):
            for task in told.steps(number, 0, "expert"):
                yield task.prompt
                yield task.info["solution"]


def untrained(place: Place, name: str, worlds: Sequence[Mapping[str, Any]]) -> str:
    """A transformers folder with two layers of 64 and a tokenizer of the worlds' words."""
    from ludex.agents import tiny

    folder = place.root / "multiturn" / f"untrained-{name}"

    def fill(path: Path) -> None:
        tokenizer = tiny.build_tokenizer(texts(worlds, min(250, 2 * place.scale.problems)), 1800, words=True)
        tiny.build_model(tokenizer, hidden=64, layers=2).save_pretrained(path)
        tokenizer.save_pretrained(path)

    if not folder.exists():
        write_folder(folder, fill)
    return str(folder)


def warmed(place: Place, name: str, model: str, world: Mapping[str, Any]) -> Job:
    """The run that learns from a world's worked solutions, as many steps whatever their number."""
    table = {
        **place.common(),
        "name": f"warm-{name}",
        "model": model,
        "algorithm": "sft",
        "steps": max(1, 6 * place.scale.steps // 5),
        "env": [dict(world)],
        "rollout": {"prompts": 2 * place.scale.prompts, "group": 1, "max_new_tokens": 16, "max_context": 1024},
        "optim": {"lr": 6e-3, "warmup": 20, "schedule": "cosine"},
    }
    return Job(table, place.root / "multiturn")


def start(place: Place) -> tuple[str, str]:
    """The untrained model of the TextWorld parts, and the one warmed up on all training games of the small level."""
    model = untrained(place, "textworld", [SMALL, LARGE])
    job = warmed(place, "textworld", model, SMALL)
    run_all([job], 1, place.say)
    return model, str(job.folder / "model")


def base(place: Place, model: str, world: Mapping[str, Any] = SMALL) -> dict[str, Any]:
    """The run file that the arms share."""
    rollout = {"prompts": max(1, place.scale.prompts // 2), "group": 8, "max_new_tokens": 16, "max_context": 1024}
    steps = max(1, place.scale.steps // 5)
    return base_run(place, model, steps=steps, env=[dict(world)], rollout=rollout, optim={"lr": 2e-4})


def measure(place: Place, name: str, world: Mapping[str, Any]) -> Measure:
    """Success on a world's test games."""
    return Measure(name, world, min(GAMES, place.scale.problems), max(1, place.scale.responses // 2))


def rows_of(folders: Mapping[tuple[str, int], Path], measures: Mapping[str, str]) -> list[Row]:
    """For each run what was measured, by metric, and success in training over its last fifth."""
    rows: list[Row] = []
    for (arm, seed), folder in folders.items():
        steps = read_metrics(folder)
        found = {metric: pass_at(read_measure(folder, name), 1) for metric, name in measures.items()}
        row: Row = {"arm": arm, "seed": seed, **found}
        row["training"] = mean_of(steps[-max(1, len(steps) // 5) :], "correct")
        rows.append(row)
    return rows


def learning(folders: Mapping[tuple[str, int], Path], steps: int) -> dict[str, list[Curve]]:
    """Success in training, for the plot; arms that do not learn are left out."""
    window = max(1, steps // 10)
    runs = [(arm, seed, folder) for (arm, seed), folder in folders.items() if len(read_metrics(folder)) >= steps]
    return {"success in training": [curve(a, s, f, lambda row: row["correct"], window) for a, s, f in runs]}


def algorithm(place: Place) -> Result:
    """Which algorithm, at equal episodes."""
    first, warm = start(place)
    shared = base(place, warm)
    alone = {"group": 1, "prompts": 8 * shared["rollout"]["prompts"]}
    arms = [
        Arm("untrained", "grpo", {"beta": 0.0}, {**STILL, "model": first}),
        WARM,
        PPO,
        RLOO,
        Arm("RLOO, n=1", "rloo", {"beta": KL}, {"steps": 1, "rollout": alone}),
        GRPO,
        REINFORCE_PP,
    ]
    folders = run_arms(place, "multiturn", arms, shared, place.seeds_or(3), [measure(place, "small", SMALL)])
    learners = [arm.name for arm in (PPO, RLOO, GRPO, REINFORCE_PP)]
    return Result(
        "Algorithms over many turns, TextWorld w2-o3-q4",
        SUCCESS,
        rows_of(folders, {"success": "small"}),
        [
            Claim("the warm-up is needed", "success", "SFT", "untrained"),
            *(Claim(f"{arm} improves on SFT", "success", arm, "SFT") for arm in learners),
            *(Claim(f"PPO is better than {arm}", "success", "PPO", arm) for arm in learners[1:]),
        ],
        learning(folders, shared["steps"]),
        notes=[
            "a group of one has nobody to be compared with: RLOO with n=1 learns nothing, so one step stands for all",
            "the training games of untrained and SFT are those of one step",
        ],
        setting=shared,
    )


def reward(place: Place) -> Result:
    """Paid for winning alone, or for every command that brings the win nearer."""
    shared = base(place, start(place)[1])
    arms = [WARM]
    for given in (PPO, GRPO):
        dense = {"env": [{**SMALL, "reward": "progress"}]}
        arms += [given, Arm(f"{given.name}, dense", given.algorithm, given.table, dense)]
    folders = run_arms(place, "multiturn", arms, shared, place.seeds_or(3), [measure(place, "small", SMALL)])
    return Result(
        "Sparse and dense reward over many turns, TextWorld w2-o3-q4",
        SUCCESS,
        rows_of(folders, {"success": "small"}),
        [
            Claim("a dense reward helps PPO", "success", "PPO, dense", "PPO"),
            Claim("a dense reward helps GRPO", "success", "GRPO, dense", "GRPO"),
        ],
        learning(folders, shared["steps"]),
        notes=[
            "dense: the change of the number of commands still needed, so that winning sums to 1; the game's own "
            "score changes at the end only"
        ],
        setting=shared,
    )


def limit(place: Place) -> Result:
    """Steps that an episode may take in training: 1.5, 2 and 3 times the optimum."""
    shared = base(place, start(place)[1])
    others = {f"PPO, {steps} steps": {**SMALL, "steps": steps} for steps in (3 * OPTIMUM // 2, 3 * OPTIMUM)}
    arms = [WARM, PPO, *(Arm(name, "ppo", PPO.table, {"env": [world]}) for name, world in others.items())]
    most = {**SMALL, "steps": 3 * OPTIMUM}
    measures = [measure(place, "small", SMALL), measure(place, "most", most)]
    folders = run_arms(place, "multiturn", arms, shared, place.seeds_or(3), measures)
    return Result(
        "Step limits in training, TextWorld w2-o3-q4",
        {"success": "success within 8 steps", "most": "within 12 steps", "training": SUCCESS["training"]},
        rows_of(folders, {"success": "small", "most": "most"}),
        [
            Claim("8 steps are better than 6", "most", "PPO", "PPO, 6 steps"),
            Claim("12 steps are better than 8", "most", "PPO, 12 steps", "PPO"),
        ],
        learning(folders, shared["steps"]),
        notes=["PPO has 8 steps; the worked solutions have 4"],
        setting=shared,
    )


def transfer(place: Place) -> Result:
    """Learn in a small world, or in the larger one; measured in both."""
    shared = base(place, start(place)[1])
    arms = [WARM, PPO, Arm("PPO, large", "ppo", PPO.table, {"env": [LARGE]})]
    measures = [measure(place, "small", SMALL), measure(place, "large", LARGE)]
    folders = run_arms(place, "multiturn", arms, shared, place.seeds_or(3), measures)
    return Result(
        "From a small world to a larger one, TextWorld w2-o3-q4 and w4-o6-q8",
        {"small": "success, w2-o3-q4", "large": "success, w4-o6-q8", "training": SUCCESS["training"]},
        rows_of(folders, {"small": "small", "large": "large"}),
        [
            Claim("learning in the small world helps in the large one", "large", "PPO", "SFT"),
            Claim("learning in the large world helps there more", "large", "PPO, large", "PPO"),
        ],
        learning(folders, shared["steps"]),
        notes=["all were warmed up in the small world; PPO learns there, and PPO, large in the large one"],
        setting=shared,
    )


def demonstrations(place: Place, many: int) -> dict[str, Any]:
    """The small level's first training games, so many of them, as a world of their own."""
    from ludex.envs.registry import task_source

    folder = place.root / "multiturn" / f"games-{many}"

    def fill(path: Path) -> None:
        source = task_source("textworld", preset=SMALL["preset"])
        for number in range(many):
            text = strict_json(source[number].answer["game"])
            write_text(path / f"{number}.json", text)

    if not folder.exists():
        write_folder(folder, fill)
    return {**{key: value for key, value in SMALL.items() if key != "preset"}, "path": str(folder)}


def budget(place: Place) -> Result:
    """Demonstrations against episodes of PPO, one for ten, in thirds of a fixed budget."""
    first = untrained(place, "textworld", [SMALL, LARGE])
    most = 3 * min(80, place.scale.problems)
    shares = {f"{most * part // 3} demonstrations": most * part // 3 for part in (3, 2, 1)}
    warm = {arm: warmed(place, f"{many}", first, demonstrations(place, many)) for arm, many in shares.items()}
    run_all(list(warm.values()), place.scale.workers, place.say)
    shared = base(place, first)
    episodes = shared["rollout"]["group"] * shared["rollout"]["prompts"]
    arms = []
    for arm, many in {**shares, "0 demonstrations": 0}.items():
        model = str(warm[arm].folder / "model") if many else first
        steps = {"steps": 10 * (most - many) // episodes, "model": model}
        arms.append(
            Arm(arm, "ppo", PPO.table, steps) if steps["steps"] else Arm(arm, "grpo", {}, {**STILL, "model": model})
        )
    folders = run_arms(place, "multiturn", arms, shared, place.seeds_or(3), [measure(place, "small", SMALL)])
    all_, two, one, none = (arm.name for arm in arms)
    return Result(
        f"A budget of {most} demonstrations, each worth ten episodes of PPO, TextWorld w2-o3-q4",
        SUCCESS,
        rows_of(folders, {"success": "small"}),
        [
            Claim("two thirds of the demonstrations and PPO beat all of them", "success", two, all_),
            Claim("so does a third", "success", one, all_),
            Claim("PPO alone is worst", "success", one, none),
        ],
        notes=["the warm-up has as many steps whatever the number of demonstrations"],
        setting=shared,
    )


PARTS = {"algorithm": algorithm, "reward": reward, "limit": limit, "budget": budget, "transfer": transfer}
