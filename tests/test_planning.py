"""Plans measured: figures by hand, the product formula against play, the optimum of GRPO against a fitted bandit."""

from __future__ import annotations

import math
import random
from contextlib import closing

import pytest
import torch
from plays import say

import ludex
from ludex.agents.planning import (
    cap,
    evaluate_plans,
    grpo_optimum,
    measure,
    minimal_success,
    policy_chances,
    product,
    step_chances,
)
from ludex.agents.players import Context, Episode, InstantPlayer, Oracle
from ludex.agents.render import Renderer
from ludex.agents.rollout import Arena, Domain, Start
from ludex.agents.setup import open_policy
from ludex.core import Stop, Task, Trajectory, Turn


class Noisy(InstantPlayer):
    """Takes an optimal action with a chance that depends on the state, each of several equally often."""

    def __init__(self, seed=0, low=0.9):
        self.rng, self.low = random.Random(seed), low

    def chance(self, observation, response):
        return self.low + (1 - self.low) * (sum(map(ord, observation)) % 10) / 10

    def _turn(self, episode):
        return Turn(episode.observation, say(self.choose(episode)))

    def choose(self, episode: Episode):
        env = episode.env.unwrapped
        best = env.optimal()
        right = self.rng.random() < self.chance(episode.observation, "")
        return self.rng.choice(best if right else [m for m in env._legal if m not in best])

    def chances_of(self, asks, sizes):
        return [self.chance(seen, response) / sizes[seen] for _, seen, response in asks]


def test_figures_by_hand():
    """Four attempts: fewest steps, a detour, a failure at its cap, a loss of context that counts its cap."""
    task = Task("", {"turns": 12}, "play", info={"solution": ["a"] * 8})

    def episode(group, turns, correct, stop=Stop.TERMINATED):
        return Trajectory("", group, turns=[Turn("", "")] * turns, correct=correct, stop=stop)

    episodes = [
        episode(0, 8, True),
        episode(1, 10, True),
        episode(2, 12, False, Stop.TRUNCATED),
        episode(3, 5, False, Stop.CONTEXT),
        episode(3, 3, False, Stop.ENV_ERROR),
    ]
    found = measure(episodes, dict.fromkeys(range(4), task))
    assert (found.n, found.success, found.minimal) == (4, 0.5, 0.25)
    assert found.asat == (8 + 10 + 12 + 12) / 4
    assert found.asst == 9
    assert found.success_interval[0] <= 0.5 <= found.success_interval[1]
    assert math.isnan(measure(episodes[2:4], dict.fromkeys(range(4), task)).asst)


def test_caps_of_several_environments():
    assert cap(ludex.task_source("kitchen", task="burger", layout="standard")[0]) == 17
    assert cap(ludex.task_source("guess")[0]) == 7
    assert cap(Task("", 1, "integer")) == 0


def test_the_oracle_is_perfect():
    with closing(Arena([Domain("kitchen", options={"layout": "standard"})])) as arena:
        found = evaluate_plans(Oracle(), arena, n=12, split="train")
    assert (found.success, found.minimal) == (1.0, 1.0)
    assert found.asat == found.asst >= 8


def test_a_perfect_policy_finishes_for_sure():
    """All chance on one of the optimal actions, whichever: P_0 = 1 though there are many shortest plans."""
    env = ludex.make("kitchen").unwrapped

    def first_of_each(asks):
        seen = set()
        return [float(not (o in seen or seen.add(o))) for _, o, _ in asks]

    assert [minimal_success(env, first_of_each, index=i) for i in range(10)] == [1.0] * 10
    assert minimal_success(env, lambda asks: [0.0] * len(asks), index=0) == 0.0


@pytest.mark.parametrize("task", ["sandwich", "cheeseburger", "double-cheeseburger"])
def test_the_product_formula_is_the_rate_at_which_shortest_plans_are_played(task):
    """A synthetic policy, exactly and by Monte Carlo over 600 episodes: within 4 standard errors."""
    player, n = Noisy(), 600
    env = ludex.make("kitchen", task=task, layout="standard").unwrapped
    sizes = {}

    def chances(asks):
        for _, seen, _ in asks:
            sizes[seen] = 0
        for _, seen, _ in asks:
            sizes[seen] += 1
        return player.chances_of(asks, sizes)

    exact = minimal_success(env, chances, index=3, split="train")
    with closing(Arena([Domain("kitchen", options={"task": task, "layout": "standard"})])) as arena:
        episodes = [e for _ in range(12) for e in arena.play([Start(0, 0, "train", 3, 3)] * 50, player)]
        found = measure(episodes, {3: arena.source(0, 0, "train")[3]})
    assert abs(found.minimal - exact) < 4 * math.sqrt(exact * (1 - exact) / n)
    assert found.success >= found.minimal
    assert found.asst >= len(env.task.info["solution"])
    steps = [
        t for t in ludex.task_source("steps", task=task, layout="standard", plans=4) if t.info["plan"] == env.task.id
    ]
    along = product(step_chances(steps, chances))
    if task == "double-cheeseburger":  # one plan only, so the product along it is exact
        assert along == pytest.approx(exact)


def test_better_steps_never_lower_the_chance_and_suffixes_are_no_harder():
    rng = random.Random(0)
    for _ in range(100):
        q = [rng.uniform(0.5, 1) for _ in range(23)]
        better = [x + rng.random() * (1 - x) for x in q]
        assert product(better) >= product(q)
        assert product(q[5:]) >= product(q)
    assert product([]) == 1
    assert product([0.97] * 23) == pytest.approx(0.50, abs=0.005)
    assert product([0.99] * 35) == pytest.approx(0.70, abs=0.005)


@pytest.mark.parametrize(("beta", "right"), [(0.5, (0,)), (1.0, (2,)), (2.0, (0, 3)), (5.0, (1, 2, 4))])
def test_the_optimum_of_grpo_is_that_of_a_fitted_bandit(beta, right):
    """Five actions, logits fitted by gradient ascent on E[A] - beta KL; the sampling policy is not the reference."""
    generator = torch.Generator().manual_seed(7)
    reference, old = (torch.randn(5, generator=generator, dtype=torch.float64).softmax(0) for _ in range(2))
    reward = torch.zeros(5, dtype=torch.float64)
    reward[list(right)] = 1.0
    p = float(old @ reward)
    advantage = (reward - p) / math.sqrt(p * (1 - p))
    logits = reference.log().clone().requires_grad_()
    optimiser = torch.optim.LBFGS([logits], lr=1, max_iter=500, tolerance_grad=1e-14, tolerance_change=1e-16,
                                  line_search_fn="strong_wolfe")  # fmt: skip

    def loss():
        optimiser.zero_grad()
        pi = logits.softmax(0)
        value = -(pi @ advantage) + beta * (pi * (pi / reference).log()).sum()
        value.backward()
        return value

    optimiser.step(loss)
    fitted = float(logits.detach().softmax(0) @ reward)
    before = float(reference @ reward)
    assert fitted == pytest.approx(grpo_optimum(before, p, beta), abs=1e-6)
    assert fitted > before


def test_a_group_of_equal_rewards_has_no_optimum():
    for success, beta in ((0.0, 0.1), (1.0, 0.1), (0.5, 0.0)):
        with pytest.raises(ValueError, match="must lie between 0 and 1"):
            grpo_optimum(0.5, success, beta)
    assert grpo_optimum(0.0, 0.5, 0.1) == 0.0
    assert grpo_optimum(0.3, 0.5, 1e-6) == 1.0


def test_chances_of_a_policy_are_those_of_its_tokens():
    """A tiny model: against its own logits token by token, and P_0 of one step against the sum over first actions."""
    domain = Domain("steps-v0", options={"task": "sandwich", "layout": "standard", "plans": 1})
    policy = open_policy("tiny", [domain], device="cpu")
    renderer = Renderer(policy.tokenizer, policy.stops)
    task = next(iter(ludex.task_source("steps", task="sandwich", layout="standard", plans=1)))
    asks = [
        (task.info["system"], task.prompt, say(words).removeprefix("I think so. ")) for words in task.answer["legal"]
    ]
    for (system, seen, response), chance in zip(asks, policy_chances(policy, batch=3)(asks), strict=True):
        prompt, ids = renderer.start(system, seen), renderer.response(response)
        with torch.no_grad():
            logp = policy.model(torch.tensor([prompt + ids])).logits[0].log_softmax(-1)
        by_hand = sum(float(logp[len(prompt) + i - 1, token]) for i, token in enumerate(ids))
        assert math.log(chance) == pytest.approx(by_hand, abs=1e-3)
    (chance,) = step_chances([task], policy_chances(policy))
    best = {say(words).removeprefix("I think so. ") for words in task.answer["best"]}
    assert chance == pytest.approx(sum(policy_chances(policy)([a for a in asks if a[2] in best])))


def test_a_policy_without_history_sees_a_step_as_the_closed_loop_shows_it():
    """The tokens of every turn of a plan, remembered as `history=-1`, are those of its steps."""
    domain = Domain("kitchen", options={"task": "burger"})
    policy = open_policy("tiny", [domain], device="cpu")
    renderer = Renderer(policy.tokenizer, policy.stops)
    with closing(Arena([domain])) as arena:
        (episode,) = arena.play([Start(0, 0, "train", 0, 0)], Oracle(Context(renderer, history=-1)))
    steps = list(ludex.task_source("steps", task="burger", plans=1))
    assert [turn.prompt_ids for turn in episode.turns] == [renderer.start(t.info["system"], t.prompt) for t in steps]
    assert episode.correct
