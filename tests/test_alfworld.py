"""ALFWorld's engine, games and experts: recorded walks of the original, games played by hand, and hostile players."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import ludex
from ludex.envs.alfworld import export, synth
from ludex.envs.alfworld.engine import House, Reading
from ludex.envs.alfworld.experts import Searcher, plan
from ludex.envs.alfworld.rooms import UNSEEN
from ludex.envs.alfworld.world import Goal, World, read_game
from ludex.rewards import verify

WALKS = json.loads(gzip.decompress((Path(__file__).parent / "fixtures" / "alfworld_walks.json.gz").read_bytes()))
HEATED = Goal("put", "mugtype", "shelftype", "hot")


def small(goal: Goal = HEATED, task: str = "put a hot mug in shelf") -> World:
    """A mug in a closed microwave, an apple on the shelf beside a drawer with a lamp."""
    return World(
        receptacles={
            "microwave_bar_0": ("microwavetype", "loc_bar_0", True),
            "shelf_bar_0": ("shelftype", "loc_bar_1", False),
            "shelf_bar_1": ("shelftype", "loc_bar_2", False),
            "drawer_bar_0": ("drawertype", "loc_bar_1", True),
        },
        things={
            "mug_bar_0": ("mugtype", frozenset({"pickupable", "heatable", "isreceptacleobject"})),
            "apple_bar_0": ("appletype", frozenset({"pickupable", "heatable"})),
            "desklamp_bar_0": ("desklamptype", frozenset({"toggleable"})),
        },
        contents=(("mug_bar_0", "microwave_bar_0"), ("apple_bar_0", "shelf_bar_0"), ("desklamp_bar_0", "drawer_bar_0")),
        spots={"mug_bar_0": "loc_bar_0", "apple_bar_0": "loc_bar_1", "desklamp_bar_0": "loc_bar_1"},
        accepts=frozenset({("microwavetype", "mugtype"), ("shelftype", "mugtype"), ("shelftype", "appletype")}),
        start="loc_bar_9",
        opened=frozenset(),
        goal=goal,
        task=task,
    )


@pytest.mark.parametrize("number", range(len(WALKS)))
def test_walks_of_the_official_engine_are_repeated(number: int) -> None:
    """Words, admissible commands and the win, as recorded from ALFWorld 0.4.2."""
    recorded = WALKS[number]
    house = House(Reading.of(World.from_data(recorded["world"])))
    said = house.intro()
    for command, words, commands, won in recorded["walk"]:
        said = house.step(command).strip() if command else said
        assert said == words, command
        assert hashlib.blake2b("\n".join(sorted(house.actions())).encode(), digest_size=6).hexdigest() == commands
        assert house.won() == won


def test_the_recorded_walks_are_of_every_type_and_some_are_won() -> None:
    forms = {tuple(recorded["world"]["goal"][i] for i in (0, 3)) for recorded in WALKS}
    assert len(forms) == len(synth.TYPES)
    assert sum(recorded["walk"][-1][3] for recorded in WALKS) >= 6


def test_a_game_by_hand() -> None:
    house = House(Reading.of(small()))
    assert house.intro().endswith(
        "you see a drawer 1, a microwave 1, a shelf 2, and a shelf 1.\n\nYour task is to: put a hot mug in shelf."
    )
    told = [
        ("look", "You are in the middle of a room. Looking quickly around you, you see nothing."),
        ("open microwave 1", "Nothing happens."),
        ("go to shelf 2", "You arrive at shelf 2. On the shelf 2, you see a apple 1."),
        ("look", "You are facing the drawer 1, and shelf 2. Next to it, you see nothing."),
        ("take apple 1 from shelf 2", "You pick up the apple 1 from the shelf 2."),
        ("inventory", "You are carrying: a apple 1."),
        ("go to microwave 1", "You arrive at microwave 1. The microwave 1 is closed."),
        ("heat apple 1 with microwave 1", "You heat the apple 1 using the microwave 1."),
        ("examine apple 1", "This is a hot apple 1."),
        (
            "open microwave 1",
            "You open the microwave 1. The microwave 1 is open. In it, you see a mug 1.",
        ),
        ("take mug 1 from microwave 1", "Nothing happens."),  # the hand is full
        ("go to shelf 1", "You arrive at shelf 1. On the shelf 1, you see nothing."),
        ("move apple 1 to shelf 1", "You move the apple 1 to the shelf 1."),
        ("inventory", "You are not carrying anything."),
        ("go to microwave 1", "You arrive at microwave 1. The microwave 1 is open. In it, you see a mug 1."),
        ("take mug 1 from microwave 1", "You pick up the mug 1 from the microwave 1."),
        ("examine mug 1", "This is a normal mug 1. In it, you see nothing."),
        ("go to shelf 1", "You arrive at shelf 1. On the shelf 1, you see a apple 1."),
        ("move mug 1 to shelf 1", "You move the mug 1 to the shelf 1."),  # cold: not won
    ]
    for command, words in told:
        assert house.step(command) == words, command
        assert not house.won()
    for command in ("take mug 1 from shelf 1", "go to microwave 1", "heat mug 1 with microwave 1", "go to shelf 2"):
        house.step(command)
    house.step("move mug 1 to shelf 2")
    assert house.won()


def test_the_old_wording() -> None:
    house = House(Reading.of(small(), "old"))
    assert "help" not in house.actions()
    house.step("go to shelf 2")
    house.step("take apple 1 from shelf 2")
    assert house.step("go to shelf 1") == "You arrive at loc 2. On the shelf 1, you see nothing."
    assert "move apple 1 to shelf 1" not in house.actions()
    assert house.step("put apple 1 in/on shelf 1") == "You put the apple 1 in/on the shelf 1."
    assert plan(House(Reading.of(small(), "old")))[-1].startswith("put mug 1 in/on shelf")


@pytest.mark.parametrize("task_type", list(synth.TYPES))
def test_games_can_be_won_and_are_not_won_at_the_start(task_type: str) -> None:
    for i in range(40):
        world, room = synth.draw(random.Random(f"{task_type} {i}"), task_type, unseen=i % 4 == 0)
        assert (room in UNSEEN) == (i % 4 == 0)
        house, reader = House(Reading.of(world)), House(Reading.of(world))
        assert not house.won()
        assert house.milestones()[0] == 0
        for command in plan(house):
            assert command in house.actions()
            assert not house.won()
            house.step(command)
        assert house.won()
        assert house.milestones()[0] == house.milestones()[1]
        commands = Searcher(reader.intro(), world.goal).play(reader)
        assert reader.won()
        assert len(commands) <= synth.FAIR
        assert World.from_data(json.loads(json.dumps(world.to_data()))) == world


@pytest.mark.parametrize("task_type", list(synth.TYPES))
def test_the_plan_wins_from_anywhere(task_type: str) -> None:
    """After any number of random commands the expert still knows a way; with another thing in the hand, too."""
    rng = random.Random(task_type)
    for i in range(30):
        house = House(Reading.of(synth.draw(random.Random(i), task_type)[0]))
        for _ in range(rng.randrange(60)):
            if not house.won():
                near = [c for c in house.actions() if not c.startswith("go to")]
                house.step(rng.choice(near if rng.random() < 0.7 else sorted(house.actions())))
        for command in plan(house):
            assert command in house.actions(), command
            house.step(command)
        assert house.won()


def test_milestones_by_hand() -> None:
    house = House(Reading.of(small()))
    counted = []
    for command in plan(house):
        house.step(command)
        counted.append(house.milestones()[0])
    assert plan(House(Reading.of(small()))) == [
        "go to microwave 1",
        "open microwave 1",
        "take mug 1 from microwave 1",
        "heat mug 1 with microwave 1",
        "go to shelf 2",
        "move mug 1 to shelf 2",
    ]
    assert counted == [0, 0, 1, 2, 2, 3]
    house.step("take mug 1 from shelf 2")
    assert house.milestones() == (2, 3)  # what is undone is taken back
    lamp = House(Reading.of(small(Goal("look", "appletype", "desklamptype"), "look at apple under the desklamp")))
    for command, done in (("go to shelf 2", 0), ("take apple 1 from shelf 2", 1), ("use desklamp 1", 3)):
        lamp.step(command)
        assert lamp.milestones()[0] == done
    assert lamp.won()


@pytest.mark.parametrize("reward", ["dense", "progress"])
def test_dense_rewards_of_a_win_sum_to_one(reward: str) -> None:
    for index in range(12):
        env = ludex.make("alfworld", reward=reward)
        _, info = env.reset(seed=3, options={"index": index})
        for aside in ("<action>inventory</action>", "<action>fly</action>", "nothing"):
            assert env.step(aside)[1] == 0
        rewards = [env.step(action) for action in info["solution"]]
        assert sum(step[1] for step in rewards) == pytest.approx(1)
        assert rewards[-1][2]
        assert rewards[-1][4]["score"].level == "won"


def test_taking_a_step_back_costs_what_it_paid() -> None:
    env = ludex.make("alfworld", task="pick_and_place_simple", reward="dense")
    _, info = env.reset(seed=1)
    take = next(i for i, action in enumerate(info["solution"]) if "take" in action)
    paid = [env.step(action)[1] for action in info["solution"][: take + 1]]
    thing, _, place = info["solution"][take].removeprefix("<action>take ").removesuffix("</action>").partition(" from ")
    paid.append(env.step(f"<action>move {thing} to {place}</action>")[1])
    assert paid[-2:] == [0.5, -0.5]


def test_the_limit_truncates_and_winning_terminates() -> None:
    env = ludex.make("alfworld", steps=3)
    env.reset(seed=0)
    ended = [env.step("<action>look</action>")[2:4] for _ in range(3)]
    assert ended == [(False, False), (False, False), (False, True)]
    levels = {}
    for replies in (["x"], ["<action>fly</action>"], ["<action>look</action>"]):
        env = ludex.make("alfworld", steps=1)
        env.reset(seed=0)
        levels[replies[0]] = env.step(replies[0])[4]["score"].level
    assert [*levels.values()] == ["no answer", "no legal action", "no progress"]


@pytest.mark.parametrize(
    ("prompt", "reply", "command"),
    [
        ("action", "<think>a <action>no</action></think> so <ACTION> <action> Look\n</action>", "look"),
        ("action", "<action>go</action> or <action>look</action>", "look"),
        ("action", "<think><action>look</action>", ""),
        ("action", "look", ""),
        ("react", "Thought: hm\naction: Look", "look"),
        ("react", "Action: go\nAction:   look", "look"),
        ("react", "look", ""),
        ("line", "I will\n\nlook\n", "look"),
        ("verl", "<think>x</think><action>look</action>", "look"),
        ("action", "<action>look\nlook</action>", ""),
        ("action", f"<action>{'look ' * 60}</action>", ""),
        ("action", "<action>lo\x00ok</action>", ""),
        ("action", "", ""),
    ],
)
def test_how_commands_are_read(prompt: str, reply: str, command: str) -> None:
    from ludex.envs.worlds import PROMPTS, plain

    assert plain(PROMPTS[prompt].read(reply)) == command


def test_observations_show_what_is_asked_for() -> None:
    env = ludex.make("alfworld", commands=False)
    text, info = env.reset(seed=0)
    assert text == env.unwrapped.task.prompt
    assert "<action>" in info["system"]
    env = ludex.make("alfworld", inventory=True, goal=True, location=True, history=1)
    env.reset(seed=0)
    env.step("<action>inventory</action>")
    text = env.step("<action>help</action>")[0]
    assert text.startswith("You are not carrying anything.\n> help\n\nAvailable commands:")
    for part in ("You are in the middle of a room", "Your task: ", "Commands: "):
        assert part in text
    verl = ludex.make("alfworld", prompt="verl")
    verl.reset(seed=0)
    verl.step("<action>look</action>")
    assert "Your task: " in verl.step("<action>help</action>")[0]


def test_a_whole_game_in_one_response() -> None:
    task = ludex.task_source("alfworld")[0]
    commands = task.info["plan"]
    assert verify(f"<answer>{'; '.join(commands)}</answer>", task).level == "won"
    assert verify(f"<answer>{'; '.join(commands[:-1])}</answer>", task).level == "some subgoals"
    assert verify("<answer>look; fly</answer>", task).level == "no progress"
    assert verify("<answer>fly</answer>", task).level == "no legal action"


def official_file(folder: Path, world: World) -> Path:
    file = folder / "pick_and_place_simple-Mug-None-Shelf-10" / "trial_1" / "game.tw-pddl"
    file.parent.mkdir(parents=True)
    grammar = f'"rhs": "Your task is to: {world.task}."'
    file.write_text(json.dumps({"pddl_problem": export.problem(world, "g"), "grammar": grammar}))
    return file


@pytest.mark.parametrize("goal", [HEATED, Goal("two", "mugtype", "shelftype"), Goal("look", "mugtype", "desklamptype")])
def test_pddl_is_written_and_read(tmp_path: Path, goal: Goal) -> None:
    world = replace(small(goal), opened=frozenset({"drawer_bar_0"}))
    assert read_game(official_file(tmp_path, world)) == world


def test_alfworlds_own_games_are_played_from_their_folder(tmp_path: Path) -> None:
    official_file(tmp_path / "json_2.1.1" / "train", small())
    env = ludex.make("alfworld", path=str(tmp_path))
    text, info = env.reset(seed=0)
    assert "put a hot mug in shelf" in text
    for action in info["solution"]:
        *_, terminated, _, _ = env.step(action)
    assert terminated
    with pytest.raises(ValueError, match=r"no game\.tw-pddl of split test below .*alfworld-download"):
        ludex.make("alfworld", path=str(tmp_path / "json_2.1.1"), split="test", task="pick_two_obj_and_place")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not an ALFWorld game"),
        ("{}", "not an ALFWorld game"),
        ('{"pddl_problem": "(define (domain x))", "grammar": ""}', "no PDDL problem of the domain alfred"),
        ('{"pddl_problem": "(:domain alfred) (:init ) (:goal (and))", "grammar": ""}', "not an ALFWorld game"),
        ('{"pddl_problem": 3, "grammar": ""}', "not an ALFWorld game"),
    ],
)
def test_broken_files_are_one_line(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "game.tw-pddl"
    file.write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        read_game(file)
    assert "\n" not in str(caught.value)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": "pick_heat"}, "no task 'pick_heat'"),
        ({"wording": "ol"}, "did you mean 'old'"),
        ({"prompt": "raect"}, "did you mean 'react'"),
        ({"reward": "denes"}, "did you mean 'dense'"),
        ({"engine": "alfwrld"}, "did you mean 'alfworld'"),
        ({"steps": -1}, "must not be below 0"),
        ({"path": "/no/such/folder"}, "without path= they are made on the spot"),
    ],
)
def test_mistakes_are_one_line_that_helps(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        ludex.make("alfworld", **options).reset(seed=0)
    assert "\n" not in str(caught.value)
