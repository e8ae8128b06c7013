"""The kitchen as an environment: a dish to cook, one action a turn, and a shortest plan as the worked solution."""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass
from math import ceil, inf
from typing import Any

import numpy as np

from ludex.code2logic.game import DIFFICULTIES, Game, state_data
from ludex.core import Task
from ludex.envs.core import MAX_DRAWS, split_of
from ludex.envs.game import Play, PlayEnv, PlaySource
from ludex.envs.kitchen.planner import optimal, progress, solve, steps
from ludex.envs.kitchen.rules import DISHES, Recipe, State, move, moves, result
from ludex.envs.kitchen.view import describe, draw
from ludex.lookup import suggest

EXTRAS = {"burger": ("cheese",)}  # what else the standard layout holds
STRAYS = ("lettuce", "tomato", "onion")  # what else a random layout may hold
LAYOUTS = ("standard", "random")
MOST, SPARE = 8, 3  # stations of a random layout, and the empty ones among them
PILED = 0.3  # the chance that an item of a random layout starts on another one
CAP = 1.5  # replies against the fewest steps

RULES = (
    "A kitchen with numbered stations and a robot that can hold one item. Pile up the dish on any station, alone. The "
    "robot moves from any station to any other, and handles things only where it is. With an empty hand it picks up "
    "the item there, or unstacks the top one of a pile. It places what it holds on an empty station, or stacks it on "
    "what lies there."
)


def start(rng: random.Random, dish: str, layout: str) -> State:
    """A kitchen before the cooking; stations in any order."""
    if layout == "standard":
        piles, robot = standard(dish)
    else:
        piles, robot = scattered(rng, dish)
    order = rng.sample(range(len(piles)), len(piles))
    return State(dish, tuple(piles[i] for i in order), order.index(robot), "")


def standard(dish: str) -> tuple[list[Recipe], int]:
    """One item a station but for the top bun on the bottom one, one spare station; the robot at the buns or a bread."""
    items = [*DISHES[dish][0], *EXTRAS.get(dish, ())]
    if "top bun" in items:
        items.remove("top bun")
    return [("bottom bun", "top bun") if item == "bottom bun" else (item,) for item in items] + [()], 0


def scattered(rng: random.Random, dish: str) -> tuple[list[Recipe], int]:
    """Items anywhere, some on others, some of no use; one to three stations are empty. Not the dish yet."""
    while True:
        items = [*DISHES[dish][0], *rng.sample(STRAYS, rng.randrange(3))]
        rng.shuffle(items)
        piles: list[Recipe] = []
        for item in items:
            if piles and rng.random() < PILED:
                chosen = rng.randrange(len(piles))
                piles[chosen] = (*piles[chosen], item)
            else:
                piles.append((item,))
        piles += [()] * min(MOST - len(piles), rng.randint(1, SPARE))
        if len(piles) > 2 and () in piles and not set(DISHES[dish]) & set(piles):
            return piles, rng.randrange(len(piles))


def anywhere(rng: random.Random, dish: str) -> State:
    """A kitchen with a random layout."""
    return start(rng, dish, "random")


class KitchenEnv(PlayEnv):
    """The kitchen as an environment; `optimal()` tells every best action in the present state."""

    def optimal(self) -> list[str]:
        """The legal moves that a shortest plan may begin with."""
        return optimal(self.state)


class KitchenSource(PlaySource):
    """The kitchens of a stream, each with a shortest plan and replies for half as many actions more."""

    def draw(self, rng: random.Random, any_split: bool = False) -> Task:
        """The next kitchen of the split. ValueError for an unknown option, or if there is none."""
        dish, layout = self.options.get("task", "all"), self.options.get("layout", "random")
        if dish not in (*DISHES, "all"):
            raise ValueError(f"{self.name}: no task {dish!r}; {suggest(dish, [*DISHES, 'all'])}")
        if layout not in LAYOUTS:
            raise ValueError(f"{self.name}: no layout {layout!r}; {suggest(layout, LAYOUTS)}")
        turns = self.options.get("turns", 0)
        if turns < 0:
            raise ValueError(f"{self.name}: turns={turns} must be 1 or more, or 0 for half as many again as are needed")
        for _ in range(MAX_DRAWS):
            state = start(rng, rng.choice(list(DISHES)) if dish == "all" else dish, layout)
            data = state_data(state)
            key = f"kitchen/{hashlib.blake2b(json.dumps(data).encode(), digest_size=12).hexdigest()}"
            plan = solve(state) if any_split or split_of(key) == self.split else None
            if plan and len(plan) <= (turns or inf):
                answer = {"play": self.name, "state": data, "turns": turns or ceil(CAP * len(plan))}
                return self._task(rng, state, answer, plan, {"key": key, "task": state.dish, "layout": layout})
        raise ValueError(f"{self.name}: no kitchen of split {self.split!r} in {MAX_DRAWS} draws; allow more turns")


@dataclass(frozen=True)
class Kitchen(Play):
    """The Play whose starts are dishes and layouts instead of difficulties."""

    @property
    def env_class(self) -> type[PlayEnv]:
        """The environment that plays it."""
        return KitchenEnv

    def source(self, name: str, *, seed: int = 0, split: str = "train", **options: Any) -> KitchenSource:
        """The stream of kitchens under the id `name`."""
        return KitchenSource(name, self, seed=seed, split=split, **options)

    def generate(  # type: ignore[override]
        self,
        rng: np.random.Generator,
        *,
        task: str = "all",
        layout: str = "random",
        observation: str = "text",
        style: str = "random",
        turns: int = 0,
    ) -> Task:
        """Draw a kitchen.

        Args:
            rng: the source of randomness.
            task: the dish: "sandwich", "burger", "cheeseburger", "double-cheeseburger" or "all".
            layout: "standard" (one item a station, one spare, the robot at the buns) or "random".
            observation: "text", "image" or "both".
            style: the name of a drawing style, or "random".
            turns: the most replies; 0 gives half as many again as the shortest plan has.

        Raises:
            ValueError: for an unknown name, or turns below 0 or too few for any plan.
        """
        options: dict[str, Any] = {
            "task": task,
            "layout": layout,
            "observation": observation,
            "style": style,
            "turns": turns,
        }
        return KitchenSource("kitchen-v0", self, **options).draw(random.Random(int(rng.integers(1 << 62))), True)


kitchen = Kitchen(
    game=Game(
        name="kitchen",
        rules="",
        legend="Each station is a numbered tile with its pile; the robot is at one, what it holds above the pile.",
        sizes=dict(zip(DIFFICULTIES, list(DISHES)[1:], strict=True)),
        start=anywhere,
        draw=draw,
        describe=describe,
        measure=steps,
        measured="actions of a shortest plan",
    ),
    rules=RULES,
    state=State,
    moves=moves,
    move=move,
    result=result,
    progress=progress,
    solve=solve,
)
