"""The kitchen: its rules against a second set of them, its planner against breadth-first search, its environment."""

from __future__ import annotations

import pickle
import random
from math import ceil

import kitchen_rules as second
import numpy as np
import pytest

import ludex
from ludex.envs.contract import hostile
from ludex.envs.kitchen import env as kitchen
from ludex.envs.kitchen import planner, rules
from ludex.envs.kitchen.rules import State
from ludex.envs.kitchen.view import COLOURS, RECIPES

DISHES = tuple(second.GOALS)


def say(words):
    return f"<answer>{words}</answer>"


def states(n, dish="", layout="random", seed=0):
    rng = random.Random(seed)
    return [kitchen.start(rng, dish or rng.choice(DISHES), layout) for _ in range(n)]


@pytest.mark.parametrize(
    ("dish", "steps", "plans"),
    [("sandwich", 8, 2), ("burger", 11, 2), ("cheeseburger", 15, 2), ("double-cheeseburger", 23, 1)],
)
def test_plans_of_the_standard_layout(dish, steps, plans):
    """Length and number of the shortest plans, as the literature has them; both by brute force."""
    (state,) = states(1, dish, "standard")
    assert second.shortest(dish, second.plain(state)) == (steps, plans)
    assert len(planner.solve(state)) == steps
    assert count(state) == plans


def count(state):
    """The number of plans that the optimal actions span."""
    best = planner.optimal(state)
    return sum(count(rules.move(state, words)) for words in best) if best else 1


def test_the_standard_layout_has_one_item_a_station_and_one_spare_station():
    for dish in DISHES:
        for state in states(10, dish, "standard"):
            piles = sorted(map(len, state.stations))
            assert piles[0] == 0
            assert set(piles[1:-1]) == {1}
            assert piles[-1] == (1 if dish == "sandwich" else 2)
            here = state.stations[state.robot]
            assert here == (("bread",) if dish == "sandwich" else ("bottom bun", "top bun"))
            assert state.hand == ""
    assert len(set(states(200, "burger", "standard"))) == 24  # 4! orders of the stations


def test_random_layouts_are_open_and_not_finished():
    for state in states(500):
        assert 3 <= len(state.stations) <= 8
        assert () in state.stations
        assert not rules.result(state)
        items = [item for pile in state.stations for item in pile]
        recipe = next(iter(second.GOALS[state.dish]))
        assert sorted(items) == sorted([*recipe, *(item for item in items if item in kitchen.STRAYS)])


def test_the_rules_are_those_of_the_second_kitchen():
    rng = random.Random(1)
    for state in states(100, seed=1):
        for _ in range(30):
            theirs = dict(second.actions(second.plain(state)))
            assert {words: second.plain(after) for words, after in rules.following(state)} == theirs
            assert bool(rules.result(state)) == second.done(state.dish, second.plain(state))
            legal = rules.moves(state)
            assert sorted(legal) == ([] if rules.result(state) else sorted(theirs))
            assert all(second.plain(rules.move(state, words)) == theirs[words] for words in legal)
            if not legal:
                break
            state = rules.move(state, rng.choice(legal))


SMALL = [
    ("sandwich", (("bread",), ("bread", "cheese"), ())),
    ("sandwich", (("bread", "onion"), ("bread", "cheese"), (), ())),
    ("burger", (("bottom bun", "top bun"), ("patty",), ("cheese",), ())),
    ("burger", (("bottom bun",), ("patty", "tomato", "top bun"), ())),
    ("cheeseburger", (("bottom bun", "top bun", "patty"), ("cheese",), (), ())),
]


@pytest.mark.parametrize(("dish", "piles"), SMALL)
def test_every_state_of_small_kitchens(dish, piles):
    """Lower bound, plan and optimal actions, against exact distances from the finished dish backwards."""
    exact = second.distances(dish, second.reachable((0, "", piles)))
    rng = random.Random(0)
    for n, ((robot, hand, stations), steps) in enumerate(exact.items()):
        state = State(dish, stations, robot, hand)
        assert planner.estimate(state) <= steps
        assert (planner.estimate(state) == 0) == (steps == 0) == bool(rules.result(state))
        if n % 7 == 0 and rng.random() < 300 / len(exact):
            assert len(planner.solve(state)) == steps
            best = [words for words, after in second.actions((robot, hand, stations)) if exact[after] == steps - 1]
            assert sorted(planner.optimal(state)) == sorted(best)


def test_plans_of_hundreds_of_random_layouts():
    """Exact lengths, and plans that the second kitchen carries out."""
    found = [s for s in states(1500, seed=2) if len(s.stations) <= 5 and s.dish != "double-cheeseburger"][:200]
    assert len(found) == 200
    for state in found:
        plan, place = planner.solve(state), second.plain(state)
        for words in plan:
            place = dict(second.actions(place))[words]
        assert second.done(state.dish, place)
        assert len(plan) == second.shortest(state.dish, second.plain(state))[0]


@pytest.mark.slow
def test_plans_of_random_double_cheeseburgers():
    found = [s for s in states(400, "double-cheeseburger", seed=3) if len(s.stations) <= 5][:4]
    assert len(found) == 4
    for state in found:
        assert len(planner.solve(state)) == second.shortest(state.dish, second.plain(state))[0]


def test_an_optimal_action_leaves_one_step_less():
    for state in states(40, seed=4):
        steps = len(planner.solve(state))
        assert planner.solve(state)[0] in planner.optimal(state)
        for words, after in rules.following(state):
            assert (len(planner.solve(after)) == steps - 1) == (words in planner.optimal(state))


@pytest.mark.parametrize("layout", kitchen.LAYOUTS)
@pytest.mark.parametrize("dish", DISHES)
def test_the_oracle_cooks_and_the_cap_is_half_as_much_again(dish, layout):
    env = ludex.make("kitchen", task=dish, layout=layout).unwrapped
    for index in range(5):
        _, info = env.reset(options={"index": index})
        plan = info["solution"]
        assert env.task.answer["turns"] == ceil(1.5 * len(plan))
        for response in plan:
            assert response in map(say, info["legal"])
            assert response in map(say, env.optimal())
            observation, reward, terminated, truncated, info = env.step(response)
        assert (reward, terminated, truncated, info["score"].level) == (1.0, True, False, "won")
        assert "You have won." in observation
        assert env.optimal() == info["legal"] == []
        _, info = env.reset(options={"index": index})
        walks = [say(next(w for w in env._legal if w.startswith("move")))]
        for turn in range(env.task.answer["turns"]):
            walks = [say(next(w for w in env._legal if w.startswith("move")))]
            *_, reward, terminated, truncated, info = env.step(walks[0])
            assert truncated == (turn == env.task.answer["turns"] - 1)
        assert (reward, terminated, info["score"].level, info["is_success"]) == (0.1, False, "unfinished", False)


def test_the_verdict_is_ordinal():
    task = ludex.task_source("kitchen", task="burger", layout="standard")[0]
    plan = [response[8:-9] for response in task.info["solution"]]
    levels = [ludex.verify(response, task).level for response in ("hm", say("fly"), say(plan[0]), say("; ".join(plan)))]
    assert levels == ["no answer", "no legal move", "unfinished", "won"]


def test_dense_pay_grows_with_what_is_done():
    env = ludex.make("kitchen", task="cheeseburger", layout="standard", dense=0.2).unwrapped
    _, info = env.reset()
    rewards = [env.step(response)[1] for response in info["solution"]]
    assert all(r >= 0 for r in rewards)
    assert 1.1 < sum(rewards) <= 1.2
    for state in states(50, seed=6):
        assert 0 <= planner.progress(state) < 1


def test_words_and_pictures_tell_the_same():
    """Along a plan, equal words exactly where there are equal pictures; every item has its name and colour."""
    for index, style in enumerate(("paper", "slate", "night")):
        env = ludex.make("kitchen", task="double-cheeseburger", style=style).unwrapped
        _, info = env.reset(options={"index": index})
        told = {env.play.game.describe(env.state): env.png()}
        for response in [*info["solution"][:12], info["solution"][0]]:
            env.step(response)
            assert told.setdefault(env.play.game.describe(env.state), env.png()) == env.png()
        assert len(set(told.values())) == len(told)
    items = {item for recipes in second.GOALS.values() for recipe in recipes for item in recipe} | set(kitchen.STRAYS)
    assert {item.rpartition(" ")[2] for item in items} == set(COLOURS)
    assert set(RECIPES) == set(second.GOALS)


def test_the_words_of_a_kitchen():
    state = State("cheeseburger", (("bottom bun", "top bun"), (), ("patty",), ("cheese",)), 2, "onion")
    assert kitchen.kitchen.game.describe(state) == (
        "Cook a cheeseburger, from the bottom up: bottom bun, then patty and cheese in either order, top bun.\n"
        "Station 1: bottom bun, top bun.\nStation 2: empty.\nStation 3: patty.\nStation 4: cheese.\n"
        "The robot is at station 3 and holds onion."
    )
    assert rules.moves(state)[0] == "stack onion on patty"


def test_pictures_are_observed():
    env = ludex.make("kitchen", observation="both")
    observation, info = env.reset(seed=1)
    assert observation["image"].shape == (560, 560, 3)
    assert "tile" in info["system"]
    after = env.step(info["solution"][0])[0]["image"]
    assert not np.array_equal(observation["image"], after)


def test_hostile_replies_cook_nothing():
    env = ludex.make("kitchen").unwrapped
    env.reset()
    state = env.state
    for action in hostile.responses().values():
        _, reward, terminated, truncated, info = env.step(action)
        assert not terminated
        assert 0 <= reward <= 0.05
        if truncated:
            assert info["score"].level == "no legal move"
            env.reset(options={"index": 0})
        assert env.state == state
    copy = pickle.loads(pickle.dumps(env))
    assert copy.step("hm")[0] == env.step("hm")[0]


def test_mistakes_are_named():
    for options, message in (
        ({"task": "burgr"}, r"kitchen-v0: no task 'burgr'; did you mean 'burger'"),
        ({"layout": "standrad"}, r"no layout 'standrad'; did you mean 'standard'"),
        ({"observation": "txt"}, r"no observation 'txt'"),
        ({"turns": -1}, r"turns=-1 must be 1 or more, or 0"),
        ({"task": "burger", "layout": "standard", "turns": 10}, "allow more turns"),
    ):
        with pytest.raises(ValueError, match=message):
            ludex.task_source("kitchen", **options)[0]
