"""What the studies over many turns share: the first model, its warm-up, the arms, what is measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ludex.agents.files import write_folder
from ludex.agents.reproduce.grid import Job, Measure, pass_at, read_measure
from ludex.agents.reproduce.result import Curve, Row
from ludex.agents.reproduce.study import Arm, Place, base_run, curve
from ludex.agents.runs import read_metrics

World = Mapping[str, Any]  # an [[env]] table

KL = 0.001
PPO = Arm("PPO", "ppo", {"beta": KL})
RLOO = Arm("RLOO", "rloo", {"beta": KL})
GRPO = Arm("GRPO", "grpo", {"beta": KL})
REINFORCE_PP = Arm("REINFORCE++", "reinforce_pp", {"beta": KL})
STILL = {"steps": 1, "optim": {"lr": 0.0}}  # a run that changes nothing
SFT = Arm("SFT", "grpo", {"beta": 0.0}, STILL)


def texts(worlds: Sequence[World], plans: int) -> Iterator[str]:
    """What the first training games of each world say and are told in their worked solutions."""
    from ludex.envs.steps import Plans

    for world in worlds:
        options = {key: value for key, value in world.items() if key != "id"}
        told = Plans(world["id"], seed=0, split="train", **options)
        for number in range(plans):
            for task in told.steps(number, 0, "expert"):
                yield task.prompt
                yield task.info["solution"]


def untrained(place: Place, name: str, worlds: Sequence[World], plans: int = 250) -> str:
    """A transformers folder with two layers of 64 and a tokenizer of the words of each world's first plans."""
    from ludex.agents import tiny

    folder = place.root / "multiturn" / f"untrained-{name}"

    def fill(path: Path) -> None:
        tokenizer = tiny.build_tokenizer(texts(worlds, min(plans, 2 * place.scale.problems)), 1800, words=True)
        tiny.build_model(tokenizer, hidden=64, layers=2).save_pretrained(path)
        tokenizer.save_pretrained(path)

    if not folder.exists():
        write_folder(folder, fill)
    return str(folder)


def rollout(prompts: int, group: int, history: int = 0) -> dict[str, Any]:
    """Short responses; with a history of -1 the policy sees the present observation alone."""
    sizes = {"prompts": max(1, prompts), "group": group, "history": history}
    return {**sizes, "max_new_tokens": 16, "max_context": 1024}


def warmed(place: Place, name: str, model: str, worlds: Sequence[World], **changes: Any) -> Job:
    """The run that learns from the worlds' worked solutions, as many steps whatever their number."""
    table = {
        **place.common(),
        "name": f"warm-{name}",
        "model": model,
        "algorithm": "sft",
        "steps": max(1, 6 * place.scale.steps // 5),
        "env": [dict(world) for world in worlds],
        "rollout": rollout(2 * place.scale.prompts, 1),
        "optim": {"lr": 6e-3, "warmup": 20, "schedule": "cosine"},
        **changes,
    }
    return Job(table, place.root / "multiturn")


def base(place: Place, model: str, world: World, **changes: Any) -> dict[str, Any]:
    """The run file that the arms share."""
    table = {
        "steps": max(1, 2 * place.scale.steps // 15),
        "env": [dict(world)],
        "rollout": rollout(place.scale.prompts // 2, 8),
        "optim": {"lr": 5e-4, "warmup": 3, "minibatches": 2},
    }
    return base_run(place, model, **{**table, **changes})


def measure(place: Place, name: str, world: World, games: int, split: str = "test") -> Measure:
    """Success in a world."""
    return Measure(name, world, min(games, place.scale.problems), max(1, place.scale.responses // 2), split)


def rows_of(folders: Mapping[tuple[str, int], Path], measures: Mapping[str, str]) -> list[Row]:
    """For each run what was measured, by metric."""
    return [
        {
            "arm": arm,
            "seed": seed,
            **{metric: pass_at(read_measure(folder, name), 1) for metric, name in measures.items()},
        }
        for (arm, seed), folder in folders.items()
    ]


def learning(folders: Mapping[tuple[str, int], Path], steps: int) -> dict[str, list[Curve]]:
    """Success in training, for the plot; arms that do not learn are left out."""
    window = max(1, steps // 8)
    runs = [(arm, seed, folder) for (arm, seed), folder in folders.items() if len(read_metrics(folder)) >= steps]
    return {"success in training": [curve(a, s, f, lambda row: row["correct"], window) for a, s, f in runs]}
