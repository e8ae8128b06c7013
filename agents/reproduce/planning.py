"""Plans learned one step at a time (Hu et al. 2025, arXiv 2509.20616), in the symbolic kitchen and in TextWorld.

A transformer made in place learns the states of a few shortest plans by SFT, then by GRPO with KL to that SFT model on
the very same states, and is judged by playing to the end, in the kitchens of those plans and in new ones, and by the
product formula. SFT stops before it knows the plans by heart, so that GRPO has something to do.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from functools import partial
from operator import gt
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from ludex.agents.files import strict_json, write_folder, write_text
from ludex.agents.reproduce.grid import Job, run_all
from ludex.agents.reproduce.planning_bandit import optimum
from ludex.agents.reproduce.result import Claim, Result, Row
from ludex.agents.reproduce.study import Place

if TYPE_CHECKING:
    from ludex.agents.planning import Chances
    from ludex.core import Task

DISHES = ("sandwich", "burger", "cheeseburger", "double-cheeseburger")
TEXTWORLD = "textworld"
TASKS: dict[str, dict[str, Any]] = {
    **{dish: {"id": "kitchen", "layout": "standard", "task": dish} for dish in DISHES},  # 8, 11, 15 and 23 steps
    TEXTWORLD: {"id": "textworld", "preset": "w2-o3-q4", "prompt": "line", "steps": 8},  # 4 steps
}
# Steps of SFT and of GRPO, in the scale's steps: the more states, the later they are learned.
LENGTHS = dict(zip(TASKS, ((1.0, 0.5), (1.3, 0.65), (1.7, 0.85), (2.0, 0.6), (0.28, 0.5)), strict=True))
STAGES = ("untrained", "SFT", "SFT+GRPO")
PLANS = 8  # shortest plans that a model learns from
READ = {"kitchen": PLANS, "textworld": 100}  # plans that a tokenizer is learned from
VOCABULARY = {"kitchen": 600, "textworld": 1800}
NEW_TOKENS = 16


# ---- learning


def states(name: str) -> dict[str, Any]:
    """Every state of a task's first plans as a one-step environment that pays 1 for the expert's action, else 0.

    Paid for the other best actions too, a policy would wander to states that are not among these.
    """
    world = {("of" if key == "id" else key): value for key, value in TASKS[name].items()}
    return {"id": "steps", **world, "plans": PLANS, "optimal": "expert", "binary": True}


def plan_steps(name: str, seed: int = 0, **changes: Any) -> list[Task]:
    """The same states as tasks, plan by plan; with changes of their options or split."""
    from ludex.envs.registry import task_source

    options = {key: value for key, value in states(name).items() if key not in ("id", "binary")}
    source: Any = task_source("steps", seed=seed, **{**options, **changes})
    return list(source)


def untrained(place: Place, name: str) -> str:
    """A transformers folder with two layers of 64 and a tokenizer of what all four dishes say, or all games do."""
    from ludex.agents import tiny

    world = TASKS[name]["id"]
    folder = place.root / "planning" / f"untrained-{world}"

    def fill(path: Path) -> None:
        own = [task for task in TASKS if TASKS[task]["id"] == world]
        tasks = [step for task in own for step in plan_steps(task, plans=READ[world])]
        texts = [text for task in tasks for text in (task.prompt, task.info["system"], task.info["solution"])]
        tokenizer = tiny.build_tokenizer(texts, VOCABULARY[world], words=True)
        tiny.build_model(tokenizer, hidden=64, layers=2).save_pretrained(path)
        tokenizer.save_pretrained(path)

    if not folder.exists():
        write_folder(folder, fill)
    return str(folder)


def job(place: Place, name: str, model: str, task: str, seed: int, **changes: Any) -> Job:
    """A run on the states of a task; the seed decides which kitchens there are."""
    table = {**place.common(), "name": f"{name}-{task}-s{seed}", "model": model, "seed": seed, "env": [states(task)]}
    return Job({**table, **changes}, place.root / "planning" / "runs")


def learned(place: Place, model: str, task: str, seed: int) -> tuple[Job, Job]:
    """The SFT run, and the GRPO run that goes on from it."""
    steps, more = (max(1, round(length * place.scale.steps)) for length in LENGTHS[task])
    rollout = {"group": 1, "prompts": 2 * place.scale.prompts, "max_new_tokens": NEW_TOKENS, "max_context": 1024}
    sft = job(
        place,
        "sft",
        model,
        task,
        seed,
        algorithm="sft",
        steps=steps,
        rollout=rollout,
        optim={"lr": 6e-3, "warmup": 20, "schedule": "cosine"},
    )
    grpo = job(
        place,
        "grpo",
        str(sft.folder / "model"),
        task,
        seed,
        algorithm="grpo",
        grpo={"beta": 0.04},
        steps=more,
        rollout={**rollout, "group": 8},
        optim={"lr": 5e-4, "warmup": 10, "schedule": "cosine"},
    )
    return sft, grpo


def all_learned(place: Place, tasks: Sequence[str], seeds: Sequence[int]) -> dict[tuple[str, str, int], Path]:
    """Finish the runs of these tasks and seeds; the model of each (stage, task, seed)."""
    model = untrained(place, tasks[0])
    pairs = {(task, seed): learned(place, model, task, seed) for seed in seeds for task in tasks}
    for stage in (0, 1):  # the second starts from the first one's models
        run_all([pair[stage] for pair in pairs.values()], place.scale.workers, place.say)
    found = {("untrained", task, seed): Path(model) for task, seed in pairs}
    for (task, seed), (sft, grpo) in pairs.items():
        found |= {("SFT", task, seed): sft.folder / "model", ("SFT+GRPO", task, seed): grpo.folder / "model"}
    return {key: found[key] for key in sorted(found, key=lambda key: STAGES.index(key[0]))}


# ---- measuring


def played(place: Place, model: Path, task: str, seed: int, known: bool) -> dict[str, float]:
    """What a model does on a task, in the kitchens of its seed's plans (`known`) or in new ones; kept in a file.

    `success`, `asat` and `asst` (mean steps over attempts, over successes), `minimal` (share finished in the fewest
    steps) and `p_0` (its probability, exact).
    """
    where = f"known-s{seed}" if known else "new"
    path = model.parent / f"{model.name}-plays-{task}-{where}.json"
    if not path.exists():
        split, seed = ("train", seed) if known else ("test", 0)
        write_text(path, strict_json(_play(place, model, task, split, seed)))
    found: dict[str, float] = json.loads(path.read_text())
    return found


def _play(place: Place, model: Path, task: str, split: str, seed: int) -> dict[str, float]:
    from ludex.agents.evaluate import policy_player
    from ludex.agents.planning import evaluate_plans, policy_chances
    from ludex.agents.players import PolicyPlayer
    from ludex.agents.rollout import Arena, Domain
    from ludex.agents.sampling import Sampling
    from ludex.agents.setup import open_policy

    n, k = min(PLANS, place.scale.problems), max(1, place.scale.responses // 2)
    world = dict(TASKS[task])
    domain = Domain(world.pop("id"), options=world)
    policy = open_policy(str(model), [domain], device=place.scale.device)
    player: PolicyPlayer = policy_player(policy, Sampling(NEW_TOKENS, 1.0))
    player.context.history = -1  # as it learned: each state by itself
    with closing(Arena([domain])) as arena:
        plans = asdict(evaluate_plans(player, arena, n=n, k=k, split=split, seed=seed))
    p_0 = fewest_steps(policy_chances(policy), task, n, split, seed)
    return {**{key: plans[key] for key in ("success", "asat", "asst", "minimal")}, "p_0": p_0}


def fewest_steps(chances: Chances, task: str, n: int, split: str, seed: int) -> float:
    """P_0, the mean over n tasks: exact over all shortest plans of a dish, along the worked solution of a game."""
    from ludex.agents.planning import minimal_success, product, step_chances

    if task in DISHES:
        env = kitchen_of(task, seed)
        return fmean(minimal_success(env, chances, index=i, split=split) for i in range(n))
    steps = plan_steps(task, seed, plans=n, split=split)
    starts = [i for i, step in enumerate(steps) if step.info["step"] == 0]
    q = step_chances(steps, chances)
    return fmean(product(q[i:j]) for i, j in zip(starts, [*starts[1:], len(q)], strict=True))


def step_by_step(place: Place, model: Path, task: str, seed: int) -> list[float]:
    """The chance q of the expert's action in every state that a seed learns from; kept in a file."""
    from ludex.agents.planning import policy_chances, step_chances
    from ludex.agents.setup import open_policy

    path = model.parent / f"{model.name}-steps-{task}-s{seed}.json"
    if not path.exists():
        policy = open_policy(str(model), [], device=place.scale.device)
        write_text(path, strict_json(step_chances(plan_steps(task, seed), policy_chances(policy))))
    found: list[float] = json.loads(path.read_text())
    return found


def kitchen_of(dish: str, seed: int) -> Any:
    """A kitchen without wrappers, over the stream of a seed."""
    from ludex.envs.registry import make

    env: Any = make("kitchen", task=dish, layout="standard").unwrapped
    env.source = env.source.at(seed=seed)
    return env


# ---- parts


METRICS = {
    "success": "success",
    "asat": "steps, all attempts",
    "asst": "steps, successes",
    "q": "q, the mean over states",
    "rose": "states where q rose",
    "minimal": "success in the fewest steps",
    "p_0": "P_0, by the product formula",
    "margin": "success - P_0",
    "new": "success, new layouts or games",
}
CLAIMS = (
    Claim("GRPO on the same states raises the chance of the expert's action", "q", "SFT+GRPO", "SFT"),
    Claim("so P_0, the chance of the fewest steps, rises", "p_0", "SFT+GRPO", "SFT"),
    Claim("and success", "success", "SFT+GRPO", "SFT"),
    Claim("and success on new layouts or games", "new", "SFT+GRPO", "SFT"),
    Claim("fewer steps are taken", "asat", "SFT", "SFT+GRPO"),
    Claim("success is above P_0, its lower bound", "margin", "SFT+GRPO"),
)


def compared(place: Place, task: str) -> Result:
    """Success, steps and the product formula on one task."""
    rows: list[Row] = []
    before: dict[int, list[float]] = {}  # q of every state one stage earlier
    for (stage, _, seed), model in all_learned(place, [task], place.seeds_or(3)).items():
        found, q = played(place, model, task, seed, known=True), step_by_step(place, model, task, seed)
        row: Row = {"arm": stage, "seed": seed, **found, "q": fmean(q), "margin": found["success"] - found["p_0"]}
        row["rose"] = fmean(map(gt, q, before[seed])) if seed in before else None
        row["new"] = played(place, model, task, seed, known=False)["success"]
        rows.append(row)
        before[seed] = q
    return Result(
        f"Planning through single steps: {task}",
        METRICS,
        rows,
        CLAIMS,
        notes=notes(place, task, rows),
        setting={"states": states(task), "world": TASKS[task], "lengths": LENGTHS[task]},
    )


def notes(place: Place, task: str, rows: Sequence[Row]) -> list[str]:
    """How far the formula is from what was played, and what a reader of the last column must know."""
    gap = max(abs(row["minimal"] - row["p_0"]) for row in rows)
    told = [f"the measured success in the fewest steps is at most {gap:.3f} from P_0, in any row"]
    if task in DISHES:
        return [*told, f"the new kitchens have {new_layouts(place, task)} different layouts, and are played repeatedly"]
    return [*told, "each turn sees the present observation only; a game tells its goal in the first one"]


def new_layouts(place: Place, dish: str) -> int:
    """How many of the new kitchens differ: a dish of four stations has at most 24, of which a tenth is for tests."""
    env, many = kitchen_of(dish, 0), range(min(PLANS, place.scale.problems))
    return len({env.reset(options={"index": i, "split": "test"})[0] for i in many})


def trained_seeds(place: Place) -> Sequence[int]:
    """As many seeds as asked for; else those that the parts of all dishes have finished, or the first one alone."""
    if place.seeds:
        return place.seeds_or(3)
    model = untrained(place, DISHES[0])
    done = [s for s in place.seeds_or(3) if all(learned(place, model, dish, s)[1].finished() for dish in DISHES)]
    return done or [0]


def transfer(place: Place) -> Result:
    """Trained on one dish, tested on all."""
    rows: list[Row] = []
    for (stage, dish, seed), model in all_learned(place, DISHES, trained_seeds(place)).items():
        if stage == "SFT+GRPO":
            found = {f"to {x}": played(place, model, x, seed, known=x == dish)["success"] for x in DISHES}
            harder, easier = DISHES[DISHES.index(dish) + 1 :], DISHES[: DISHES.index(dish)]
            up, down = (fmean([found[f"to {x}"] for x in side] or [0.0]) for side in (harder, easier))
            rows.append({"arm": dish, "seed": seed, **found, "up": up, "down": down})
    return Result(
        "Planning: trained on one dish (line), tested on all (columns)",
        {f"to {dish}": f"success, {dish}" for dish in DISHES},
        rows,
        [
            Claim("a double cheeseburger teaches simpler dishes", "down", "double-cheeseburger"),
            Claim("a cheeseburger teaches simpler dishes", "down", "cheeseburger"),
            Claim("a sandwich teaches harder dishes", "up", "sandwich"),
        ],
        notes=["a model meets its own dish in the kitchens that it learned in, the others in new ones"],
        setting={"plans": PLANS, "lengths": LENGTHS},
    )


PARTS = {"optimum": optimum, **{task: partial(compared, task=task) for task in TASKS}, "transfer": transfer}
