"""Reinforcement learning over many turns (Wang and Ammanabrolu 2025, arXiv 2510.01132), at the size of a toy.

A transformer made in place is warmed up on worked solutions of a small TextWorld level, whose observations list the
commands that do something: what is left to learn is to copy the right one. Then the study's questions: which
algorithm, which reward, how many steps, how many demonstrations, and what of it carries over to other worlds.

So small a model learns games rather than how to play: in the few minutes that a run may take it can better itself only
on games that come again and again. So the arms learn on a few, and what they gain is measured there and on others.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ludex.agents.files import strict_json, write_folder, write_text
from ludex.agents.reproduce.grid import Measure, run_all
from ludex.agents.reproduce.multiturn_alfworld import alfworld
from ludex.agents.reproduce.multiturn_runs import (
    GRPO,
    KL,
    PPO,
    REINFORCE_PP,
    RLOO,
    SFT,
    STILL,
    World,
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

OPTIMUM = 4  # commands of the worked solutions
SMALL: World = {"id": "textworld", "preset": "w2-o3-q4", "prompt": "line", "steps": 2 * OPTIMUM}
LARGE: World = {**SMALL, "preset": "w8-o3-q4"}
GAMES = 24  # of the presets' test splits
FEW = 16  # games that the arms learn on
METRICS = {"learned": f"success on the {FEW} games learned on", "success": "on test games"}
MEASURED = {"learned": "few", "success": "small"}


def first_games(place: Place, many: int, world: World = SMALL) -> dict[str, Any]:
    """A preset's first training games, so many of them, as a world of their own."""
    from ludex.envs.registry import task_source

    folder = place.root / "multiturn" / f"games-{world['preset']}-{many}"

    def fill(path: Path) -> None:
        source = task_source("textworld", preset=world["preset"])
        for number in range(many):
            text = strict_json(source[number].answer["game"])
            write_text(path / f"{number}.json", text)

    if not folder.exists():
        write_folder(folder, fill)
    return {**{key: value for key, value in world.items() if key != "preset"}, "path": str(folder)}


def start(place: Place) -> tuple[str, str]:
    """The untrained model of the TextWorld parts, and the one warmed up on all training games of the small level."""
    model = untrained(place, "textworld", [SMALL, LARGE])
    job = warmed(place, "textworld", model, [SMALL])
    run_all([job], 1, place.say)
    return model, str(job.folder / "model")


def measures(place: Place, steps: int = 2 * OPTIMUM) -> list[Measure]:
    """Success on the few games and on the small level's test games."""
    few = {**first_games(place, FEW), "steps": steps}
    return [measure(place, "few", few, FEW, "train"), measure(place, "small", {**SMALL, "steps": steps}, GAMES)]


def both(text: str, higher: str, lower: str) -> list[Claim]:
    """A claim on the games learned on, and on test games."""
    return [Claim(text, "learned", higher, lower), Claim(f"{text}, test games", "success", higher, lower)]


def algorithm(place: Place) -> Result:
    """Which algorithm, at equal episodes."""
    first, warm = start(place)
    shared = base(place, warm, first_games(place, FEW))
    alone = Arm("RLOO, n=1", "rloo", {"beta": KL, "lone": "raw"}, {"rollout": rollout(4 * place.scale.prompts, 1)})
    learners = [PPO, RLOO, alone, GRPO, REINFORCE_PP]
    arms = [Arm("untrained", "grpo", {"beta": 0.0}, {**STILL, "model": first}), SFT, *learners]
    folders = run_arms(place, "multiturn", arms, shared, place.seeds_or(3), measures(place))
    return Result(
        "Algorithms over many turns, TextWorld w2-o3-q4",
        METRICS,
        rows_of(folders, MEASURED),
        [
            Claim("the warm-up is needed", "success", "SFT", "untrained"),
            *(claim for arm in learners for claim in both(f"{arm.name} improves on SFT", arm.name, "SFT")),
            *(Claim(f"PPO is better than {arm.name}", "learned", "PPO", arm.name) for arm in learners[1:]),
        ],
        learning(folders, shared["steps"]),
        notes=[
            'RLOO with n=1 has a baseline of 0 (lone = "raw"); against the mean of nobody it would learn nothing',
        ],
        setting=shared,
    )


def reward(place: Place) -> Result:
    """Paid for winning alone, or for every command that brings the win nearer."""
    few = first_games(place, FEW)
    shared = base(place, start(place)[1], few)
    arms = [SFT]
    for given in (PPO, GRPO):
        dense = {"env": [{**few, "reward": "progress"}]}
        arms += [given, Arm(f"{given.name}, dense", given.algorithm, given.table, dense)]
    folders = run_arms(place, "multiturn", arms, shared, place.seeds_or(3), measures(place))
    return Result(
        "Sparse and dense reward over many turns, TextWorld w2-o3-q4",
        METRICS,
        rows_of(folders, MEASURED),
        [claim for name in ("PPO", "GRPO") for claim in both(f"a dense reward helps {name}", f"{name}, dense", name)],
        learning(folders, shared["steps"]),
        notes=[
            "dense: the change of the number of commands still needed, so that winning sums to 1; the game's own "
            "score changes at the end only"
        ],
        setting=shared,
    )


def limit(place: Place) -> Result:
    """Steps that an episode may take in training: 1.5, 2 and 3 times the optimum."""
    few = first_games(place, FEW)
    shared = base(place, start(place)[1], few)
    limits = (3 * OPTIMUM // 2, 3 * OPTIMUM)
    others = [Arm(f"PPO, {steps} steps", "ppo", PPO.table, {"env": [{**few, "steps": steps}]}) for steps in limits]
    folders = run_arms(place, "multiturn", [SFT, PPO, *others], shared, place.seeds_or(3), _limited(place))
    return Result(
        "Step limits in training, TextWorld w2-o3-q4",
        {
            "few": f"success within 8 steps on the {FEW} games learned on",
            "few12": "within 12 steps",
            "small12": "on test games, within 12 steps",
        },
        rows_of(folders, {"few": "few", "few12": "few12", "small12": "small12"}),
        [
            Claim("8 steps are better than 6", "few12", "PPO", "PPO, 6 steps"),
            Claim("12 steps are better than 8", "few12", "PPO, 12 steps", "PPO"),
        ],
        learning(folders, shared["steps"]),
        notes=["PPO has 8 steps; the worked solutions have 4"],
        setting=shared,
    )


def _limited(place: Place) -> list[Measure]:
    short, long = measures(place), measures(place, 3 * OPTIMUM)
    return [*short, *(measure(place, f"{m.name}12", m.env, m.n, m.split) for m in long)]


def transfer(place: Place) -> Result:
    """Learn in a small world, or in the larger one; measured in both."""
    shared = base(place, start(place)[1], first_games(place, FEW))
    large = first_games(place, FEW, LARGE)
    arms = [SFT, PPO, Arm("PPO, large", "ppo", PPO.table, {"env": [large]})]
    found = [*measures(place), measure(place, "few-large", large, FEW, "train"), measure(place, "large", LARGE, GAMES)]
    folders = run_arms(place, "multiturn", arms, shared, place.seeds_or(3), found)
    return Result(
        "From a small world to a larger one, TextWorld w2-o3-q4 and w8-o3-q4",
        {**METRICS, "few-large": f"on {FEW} training games of w8-o3-q4", "large": "on its test games"},
        rows_of(folders, {**MEASURED, "few-large": "few-large", "large": "large"}),
        [
            Claim("learning in the small world helps in the large one", "large", "PPO", "SFT"),
            Claim("learning in the large world helps on its test games", "large", "PPO, large", "SFT"),
            Claim("learning in the large world helps on the games learned on", "few-large", "PPO, large", "SFT"),
        ],
        learning(folders, shared["steps"]),
        notes=["all were warmed up in the small world; PPO learns there, and PPO, large in the large one"],
        setting=shared,
    )


def budget(place: Place) -> Result:
    """Demonstrations against episodes of PPO, one for ten, in thirds of a fixed budget."""
    first = untrained(place, "textworld", [SMALL, LARGE])
    most = 3 * min(60, place.scale.problems)
    shares = {f"{most * part // 3} demonstrations": most * part // 3 for part in (3, 2, 1)}
    warm = {arm: warmed(place, f"{many}", first, [first_games(place, many)]) for arm, many in shares.items()}
    run_all(list(warm.values()), place.scale.workers, place.say)
    shared = base(place, first, first_games(place, FEW))
    episodes = shared["rollout"]["group"] * shared["rollout"]["prompts"]
    models = {arm: str(job.folder / "model") for arm, job in warm.items()}
    arms = [
        _after(arm, 10 * (most - many) // episodes, models.get(arm, first))
        for arm, many in {**shares, "0 demonstrations": 0}.items()
    ]
    folders = run_arms(place, "multiturn", arms, shared, place.seeds_or(3), measures(place))
    names = [arm.name for arm in arms]
    return Result(
        f"A budget of {most} demonstrations, each worth ten episodes of PPO, TextWorld w2-o3-q4",
        METRICS,
        rows_of(folders, MEASURED),
        _split_claims(names),
        notes=["the warm-up has as many steps whatever the number of demonstrations"],
        setting=shared,
    )


def _after(name: str, steps: int, model: str) -> Arm:
    """So many steps of PPO on a model."""
    if not steps:
        return Arm(name, SFT.algorithm, SFT.table, {**STILL, "model": model})
    return Arm(name, "ppo", PPO.table, {"steps": steps, "model": model})


def _split_claims(names: Sequence[str]) -> list[Claim]:
    every, two, one, none = names
    return [
        *both("two thirds of the demonstrations and PPO beat all of them", two, every),
        *both("so does a third", one, every),
        Claim("PPO alone is worst", "learned", one, none),
    ]


PARTS = {
    "algorithm": algorithm,
    "reward": reward,
    "limit": limit,
    "budget": budget,
    "transfer": transfer,
    "alfworld": alfworld,
}
