"""Plans learned one step at a time (Hu et al. 2025, arXiv 2509.20616), in the symbolic kitchen.

A transformer made in place learns the states of a few shortest plans by SFT, then by GRPO with KL to that SFT model on
the very same states, and is judged by playing whole dishes, in the kitchens of those plans and in new ones, and by the
product formula.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from ludex.agents.algorithms.base import Forward
from ludex.agents.algorithms.grpo import GRPO
from ludex.agents.files import strict_json, write_folder, write_text
from ludex.agents.reproduce.answers import answered, blank
from ludex.agents.reproduce.grid import Job, run_all
from ludex.agents.reproduce.result import Claim, Result, Row
from ludex.agents.reproduce.study import Place

DISHES = ("sandwich", "burger", "cheeseburger", "double-cheeseburger")
PLANS = 8  # shortest plans that a model learns from
WORLD: dict[str, Any] = {"id": "kitchen", "layout": "standard"}  # 8, 11, 15 and 23 steps
NEW_TOKENS = 16


# ---- learning


def states(dish: str) -> dict[str, Any]:
    """Every state of the first plans of a dish as a one-step environment that pays 1 for a best action, else 0."""
    return {"id": "steps", "of": "kitchen", "task": dish, "layout": "standard", "plans": PLANS, "binary": True}


def untrained(place: Place) -> str:
    """A transformers folder with two layers of 64 and a tokenizer of what all four dishes say."""
    from ludex.agents import tiny
    from ludex.envs.registry import task_source

    folder = place.root / "planning" / "untrained"

    def fill(path: Path) -> None:
        read = [{key: value for key, value in states(dish).items() if key not in ("id", "binary")} for dish in DISHES]
        tasks = [task for options in read for task in task_source("steps", **options)]
        texts = [text for task in tasks for text in (task.prompt, task.info["system"], task.info["solution"])]
        tokenizer = tiny.build_tokenizer(texts, 600, words=True)
        tiny.build_model(tokenizer, hidden=64, layers=2).save_pretrained(path)
        tokenizer.save_pretrained(path)

    if not folder.exists():
        write_folder(folder, fill)
    return str(folder)


def job(place: Place, name: str, model: str, dish: str, seed: int, **changes: Any) -> Job:
    """A run on the states of a dish; the seed decides which plans there are."""
    table = {**place.common(), "name": f"{name}-{dish}-s{seed}", "model": model, "seed": seed, "env": [states(dish)]}
    return Job({**table, **changes}, place.root / "planning" / "runs")


def learned(place: Place, model: str, dish: str, seed: int) -> tuple[Job, Job]:
    """The SFT run, and the GRPO run that goes on from it."""
    scale = place.scale
    rollout = {"group": 1, "prompts": 2 * scale.prompts, "max_new_tokens": NEW_TOKENS, "max_context": 512}
    sft = job(
        place,
        "sft",
        model,
        dish,
        seed,
        algorithm="sft",
        steps=scale.steps,
        rollout=rollout,
        optim={"lr": 8e-3, "warmup": 20, "schedule": "cosine"},
    )
    grpo = job(
        place,
        "grpo",
        str(sft.folder / "model"),
        dish,
        seed,
        algorithm="grpo",
        grpo={"beta": 0.01},
        steps=max(1, scale.steps // 3),
        rollout={**rollout, "group": 8, "prompts": scale.prompts},
        optim={"lr": 1e-3},
    )
    return sft, grpo


def all_learned(place: Place, dishes: Sequence[str]) -> dict[tuple[str, str, int], Path]:
    """Finish the runs of these dishes and all seeds; the model of each (stage, dish, seed)."""
    model, seeds = untrained(place), place.seeds_or(3)
    pairs = {(dish, seed): learned(place, model, dish, seed) for seed in seeds for dish in dishes}
    for stage in (0, 1):  # the second starts from the first one's models
        run_all([pair[stage] for pair in pairs.values()], place.scale.workers, place.say)
    found = {("untrained", dish, seed): Path(model) for dish, seed in pairs}
    for (dish, seed), (sft, grpo) in pairs.items():
        found |= {("SFT", dish, seed): sft.folder / "model", ("SFT+GRPO", dish, seed): grpo.folder / "model"}
    return found


# ---- measuring


def played(place: Place, model: Path, dish: str, seed: int, known: bool) -> dict[str, float]:
    """What a model does on a dish, in the kitchens of its seed's plans (`known`) or in new ones; kept in a file.

    `success`, `asat` and `asst` (mean steps over attempts, over successes), `minimal` (share finished in the fewest
    steps) and `p_0` (its probability, exact).
    """
    where = f"known-s{seed}" if known else "new"
    path = model.parent / f"{model.name}-plays-{dish}-{where}.json"
    if not path.exists():
        split, seed = ("train", seed) if known else ("test", 0)
        write_text(path, strict_json(_play(place, model, dish, split, seed)))
    found: dict[str, float] = json.loads(path.read_text())
    return found


def _play(place: Place, model: Path, dish: str, split: str, seed: int) -> dict[str, float]:
    from ludex.agents.evaluate import policy_player
    from ludex.agents.planning import evaluate_plans, minimal_success, policy_chances
    from ludex.agents.players import PolicyPlayer
    from ludex.agents.rollout import Arena, Domain
    from ludex.agents.sampling import Sampling
    from ludex.agents.setup import open_policy

    n, k = min(PLANS, place.scale.problems), max(1, place.scale.responses // 2)
    domain = Domain(WORLD["id"], options={"layout": WORLD["layout"], "task": dish})
    policy = open_policy(str(model), [domain], device=place.scale.device)
    player: PolicyPlayer = policy_player(policy, Sampling(NEW_TOKENS, 1.0))
    player.context.history = -1  # as it learned: each state by itself
    with closing(Arena([domain])) as arena:
        plans = asdict(evaluate_plans(player, arena, n=n, k=k, split=split, seed=seed))
    env, chances = kitchen_of(dish, seed), policy_chances(policy)
    p_0 = fmean(minimal_success(env, chances, index=i, split=split) for i in range(n))
    return {**{key: plans[key] for key in ("success", "asat", "asst", "minimal")}, "p_0": p_0}


def kitchen_of(dish: str, seed: int) -> Any:
    """A kitchen without wrappers, over the stream of a seed."""
    from ludex.envs.registry import make

    env: Any = make(WORLD["id"], task=dish, layout=WORLD["layout"]).unwrapped
    env.source = env.source.at(seed=seed)
    return env


# ---- parts


def kitchen(place: Place, dish: str) -> Result:
    """Success, steps and the product formula on one dish."""
    rows: list[Row] = []
    for (stage, _, seed), model in all_learned(place, [dish]).items():
        found = played(place, model, dish, seed, known=True)
        row: Row = {"arm": stage, "seed": seed, **found, "margin": found["success"] - found["p_0"]}
        rows.append(row | {"new": played(place, model, dish, seed, known=False)["success"]})
    rows.sort(key=lambda row: ("untrained", "SFT", "SFT+GRPO").index(row["arm"]))
    gap = max(abs(row["minimal"] - row["p_0"]) for row in rows)
    return Result(
        f"Planning through single steps, the kitchen: {dish}",
        {
            "success": "success",
            "asat": "steps, all attempts",
            "asst": "steps, successes",
            "minimal": "success in the fewest steps",
            "p_0": "P_0, by the product formula",
            "margin": "success - P_0",
            "new": "success, new layouts",
        },
        rows,
        [
            Claim("GRPO on the same states raises success", "success", "SFT+GRPO", "SFT"),
            Claim("and the chance of the fewest steps, P_0", "p_0", "SFT+GRPO", "SFT"),
            Claim("and success on new layouts", "new", "SFT+GRPO", "SFT"),
            Claim("success is above P_0, its lower bound", "margin", "SFT+GRPO"),
        ],
        notes=[f"the measured success in the fewest steps is at most {gap:.3f} from P_0, in any row"],
        setting={"plans": PLANS, "world": WORLD},
    )


def transfer(place: Place) -> Result:
    """Trained on one dish, tested on all."""
    rows: list[Row] = []
    for (stage, dish, seed), model in all_learned(place, DISHES).items():
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
        setting={"plans": PLANS, "world": WORLD},
    )


ACTIONS, GROUP, BETA, STEPS = 8, 64, 2.0, 400


def objective(logits: torch.Tensor, reference: torch.Tensor, success: torch.Tensor) -> torch.Tensor:
    """E[A] - beta KL(pi || ref) of each bandit [N], where A = (r - p) / sqrt(p (1 - p)) and action 0 is right."""
    logp = logits.log_softmax(1)
    right = torch.zeros_like(logp)
    right[:, 0] = 1.0
    gain = (right - success[:, None]) / (success * (1 - success)).sqrt()[:, None]
    value: torch.Tensor = (logp.exp() * (gain - BETA * (logp - reference))).sum(1)
    return value


def fitted(reference: torch.Tensor, steps: int) -> torch.Tensor:
    """The chance of the right action where gradient ascent on the objective ends, from log-probabilities [N, A]."""
    logits, success = reference.clone().requires_grad_(), reference[:, 0].exp()
    for _ in range(steps):
        (slope,) = torch.autograd.grad(objective(logits, reference, success).sum(), logits)
        with torch.no_grad():
            logits += slope
    return logits.detach().softmax(1)[:, 0]


def sampled(reference: torch.Tensor, steps: int) -> torch.Tensor:
    """The same after so many steps of GRPO's own loss, each on a fresh group from the present policy."""
    algorithm, empty = GRPO(beta=BETA), blank(len(reference), GROUP)
    logits, generator = reference.clone().requires_grad_(), torch.Generator().manual_seed(0)
    for step in range(steps):
        logp = logits.log_softmax(1)
        taken = torch.multinomial(logp.detach().exp(), GROUP, replacement=True, generator=generator)
        chosen, ref = logp.gather(1, taken).flatten(), reference.gather(1, taken).flatten()
        b = answered(empty, chosen, (taken == 0).flatten(), ref)
        new = Forward(chosen[:, None] * b.mask, 0 * b.mask, 0 * b.mask)
        loss, _ = algorithm.loss(new, algorithm.prepare(b))
        (slope,) = torch.autograd.grad(loss * len(reference), logits)
        with torch.no_grad():
            logits -= 0.5 / (1 + step / 40) * slope
    return logits.detach().softmax(1)[:, 0]


def optimum(place: Place) -> Result:
    """The closed form of one GRPO step against bandits fitted to its objective, and GRPO's own loss beside both."""
    from ludex.agents.planning import grpo_optimum

    seeds, steps = place.seeds_or(20), min(STEPS, place.scale.simulation)
    generator = torch.Generator().manual_seed(0)
    reference = torch.randn(len(seeds), ACTIONS, generator=generator, dtype=torch.float64).log_softmax(1)
    first = reference[:, 0].exp().tolist()
    arms = {
        "reference": first,
        "closed form": [grpo_optimum(q, q, BETA) for q in first],
        "fitted": fitted(reference, steps).tolist(),
        "GRPO, sampled": sampled(reference, steps).tolist(),
    }
    rows: list[Row] = [
        {"arm": arm, "seed": seed, "q": q, "gap": abs(q - closed)}
        for arm, values in arms.items()
        for seed, q, closed in zip(seeds, values, arms["closed form"], strict=True)
    ]
    return Result(
        "The optimum of one GRPO step on bandits of eight actions",
        {"q": "chance of the right action", "gap": "distance from the closed form"},
        rows,
        [
            Claim("the optimum is above the reference", "q", "closed form", "reference"),
            Claim("the fitted bandit is above the reference", "q", "fitted", "reference"),
            Claim("GRPO's own loss ends above the reference", "q", "GRPO, sampled", "reference"),
        ],
        notes=[
            "sampled GRPO takes p from each new group, and its k3 penalty has the gradient of KL(ref || pi), so it "
            "need not end where the closed form of one step says"
        ],
        setting={"beta": BETA, "group": GROUP, "steps": steps},
    )


PARTS = {"optimum": optimum, **{dish: partial(kitchen, dish=dish) for dish in DISHES}, "transfer": transfer}
