"""The environment of games that are played: turns, verdicts, pay and mistakes, by hand."""

from __future__ import annotations

import io
from dataclasses import replace

import gymnasium
import numpy as np
import pytest
from PIL import Image
from plays import say

import ludex
from ludex.agents.players import Episode, RandomPlayer
from ludex.cli import main
from ludex.code2logic.game import DIFFICULTIES
from ludex.code2logic.plays import load
from ludex.core import Task, Trajectory
from ludex.rewards.play import SCALE


def test_the_bound_of_dense_pay():
    assert 0.3 + SCALE.pays[SCALE.rank("drawn")] < SCALE.threshold
    with pytest.raises(ValueError, match=r"play-maze-v0: dense=0\.4 must lie between 0 and 0\.3"):
        ludex.make("play-maze", dense=0.4)


@pytest.mark.parametrize(
    ("replies", "level", "pay"),
    [
        (["hm", "", "well"], "no answer", 0.0),
        (["hm", say("fly"), ""], "no legal move", 0.05),
        ([say("up") + say("down"), "", ""], "no legal move", 0.05),
        (["RIGHT", say("Down."), ""], "unfinished", 0.1),
    ],
)
def test_running_out_of_turns_truncates(replies, level, pay):
    """A way of three steps; the first is down, and right is walled off."""
    env = corridor(turns=3)
    *before, last = [env.step(reply) for reply in replies]
    assert [step[1:4] for step in before] == [(0.0, False, False)] * 2
    assert last[1:4] == (pay, False, True)
    assert last[4]["score"].level == level
    assert last[4]["is_success"] is False
    assert "There are no turns left." in last[0]


def corridor(turns=0, **options):
    """The maze
    # # # # #
    # P # G #
    # . . . #
    # # # # #, of which the first row of open cells has a wall between player and goal."""
    env = ludex.make("play-maze", **options)
    env.reset()
    rows = ["#####", "#.#.#", "#...#", "#####", "#####"]
    state = {"rows": rows, "player": [1, 1], "goal": [1, 3]}
    task = env.task.with_(answer={**env.task.answer, "state": state, "turns": turns or 10})
    env.task = task
    env.begin()
    return env


def test_a_game_by_hand():
    env = corridor(dense=0.25)
    assert env._legal == ["down"]
    observation, reward, *ends, info = env.step(say("left"))
    assert observation.startswith("'left' is not a legal move. Legal now: down.\n\nThe maze")
    assert observation.endswith("Turns left: 9.")
    assert (reward, ends, info["legal"]) == (0.0, [False, False], ["down"])
    assert env.step("<think><answer>down</answer>")[0].startswith(
        "I cannot read a move: the reasoning was never closed"
    )
    steps = [env.step(say(move)) for move in ("down", "right", "right", "up")]
    assert [step[1] for step in steps] == pytest.approx([0.05, 0.05, 0.05, 1.05])  # of five open cells
    assert steps[0][4]["legal"] == ["up", "right"]
    assert steps[-1][2:4] == (True, False)
    assert "row 3: # P . . #" in steps[0][0]


def test_a_lost_game_terminates():
    env = ludex.make("play-minesweeper", difficulty="easy")
    env.reset()
    mine = min(env.state.mines)
    flag = f"flag row {mine[0] + 1}, column {mine[1] + 1}"
    reveal = flag.replace("flag", "reveal")
    assert env.step(say(flag))[2:4] == (False, False)
    assert f"un{flag}" in env._legal
    assert reveal not in env._legal
    env.step(say(f"un{flag}"))
    observation, reward, terminated, truncated, info = env.step(say(reveal))
    assert (reward, terminated, truncated, info["score"].level) == (0.1, True, False, "lost")
    assert "You have lost." in observation
    assert f"A mine exploded at {flag[5:]}." in observation


def test_a_whole_game_in_one_response_is_judged():
    source = ludex.task_source("play-sokoban", difficulty="easy")
    for index in range(10):
        task = Task.from_json(source[index].to_json())
        moves = [move.removeprefix("<answer>").removesuffix("</answer>") for move in task.info["solution"]]
        assert ludex.verify(say("; ".join(moves)), task).level == "won"
        assert ludex.verify(say(";".join(moves[:-1])), task).level == ("unfinished" if moves[1:] else "no answer")
        assert ludex.verify(say("; ".join([moves[0], "fly", *moves[1:]])), task).level in ("unfinished", "won")
        assert ludex.verify(say("fly; " + "; ".join(moves)), task).level == "no legal move"
        assert ludex.verify(say(moves[0]) + say("fly"), task).level == "no legal move"
        assert ludex.verify("no", task).level == "no answer"


def test_a_plan_is_followed_no_longer_than_the_turns_last():
    plan = say("down; up; down; right; right; up")
    assert ludex.verify(plan, corridor(turns=6).task).level == "won"
    assert ludex.verify(plan, corridor(turns=5).task).level == "unfinished"


def test_a_long_move_is_not_repeated_in_full():
    assert len(corridor().step(say("x" * 1900))[0]) < 400


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("maze", {"difficulty": "hrad"}, "maze: no difficulty 'hrad'.*hard"),
        ("maze", {"opponent": "best"}, "maze: no opponent 'best'; it is played alone"),
        ("tictactoe", {"opponent": "bset"}, "tictactoe: no opponent 'bset'.*best"),
        ("maze", {"observation": "sound"}, "no observation 'sound'"),
        ("maze", {"style": "papre"}, "no style 'papre'.*paper"),
        ("maze", {"turns": -1}, "turns=-1 must be"),
        ("maze", {"turns": 2}, "no start of split 'train' that the solver wins from"),
    ],
)
def test_the_callers_mistakes_are_one_line(name, options, message):
    with pytest.raises(ValueError, match=message) as caught:
        ludex.task_source(f"play-{name}", **options)[0]
    assert "\n" not in str(caught.value)


def test_turns_bound_the_solution():
    for task in (ludex.task_source("play-sokoban", turns=9)[i] for i in range(10)):
        assert len(task.info["solution"]) <= 9 == task.answer["turns"]


def test_a_generated_task_is_of_any_split():
    tasks = [load("hanoi").generate(np.random.default_rng(seed)) for seed in range(40)]
    assert len({task.info["key"] for task in tasks}) > 30
    assert {task.info["difficulty"] for task in tasks} == set(DIFFICULTIES)


@pytest.mark.parametrize("mode", ["sync", pytest.param("async", marks=pytest.mark.slow)])
@pytest.mark.parametrize("observation", ["text", "both"])
def test_vector_environments(mode, observation):
    kwargs = {"shared_memory": False} if mode == "async" else {}
    envs = gymnasium.make_vec(
        "ludex/play-lights-out-v0", num_envs=2, vectorization_mode=mode, vector_kwargs=kwargs,
        observation=observation, difficulty="easy",
    )  # fmt: skip
    try:
        _, info = envs.reset(seed=[1, 2])
        alone = [ludex.make("play-lights-out", observation=observation, difficulty="easy") for _ in range(2)]
        singles = [env.reset(seed=seed) for seed, env in zip((1, 2), alone, strict=True)]
        assert list(info["task_id"]) == [single[1]["task_id"] for single in singles]
        actions = tuple(single[1]["solution"][0] for single in singles)
        seen, rewards, *_ = envs.step(actions)
        wanted = [env.step(action) for env, action in zip(alone, actions, strict=True)]
        texts = seen["text"] if observation == "both" else seen
        assert list(texts) == [step[0]["text"] if observation == "both" else step[0] for step in wanted]
        assert rewards.tolist() == [step[1] for step in wanted]
    finally:
        envs.close()


def test_a_new_game_of_the_users_own_is_played_by_its_place(monkeypatch):
    """A Play anywhere is an environment; its tasks are judged by the same name."""
    play = replace(load("maze"), rules="Walk.")
    monkeypatch.setattr("ludex.code2logic.games.maze.mine", play, raising=False)
    env = ludex.make("ludex.code2logic.games.maze:mine")
    _, info = env.reset()
    assert info["system"].startswith("Walk.")
    assert ludex.verify("; ".join(info["solution"]).replace("</answer>; <answer>", "; "), env.task).level == "won"


def test_the_random_player_plays_legal_moves():
    env = ludex.make("play-hanoi")
    observation, info = env.reset()
    player = RandomPlayer(seed=1)
    for _ in range(5):
        player.submit([Episode(env, observation, info, Trajectory("", 0))])
        ((_, turn),) = player.collect()
        observation, _, terminated, _, info = env.step(turn.text)
        assert observation.startswith("You played: peg ")
        if terminated:
            break


def test_the_terminal_shows_hints_and_saves_pictures(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        "sys.stdin", io.StringIO("?\nfly\npeg 1 to peg 2\npeg 1 to peg 3\npeg 2 to peg 3\npeg 3 to peg 1\n")
    )
    assert main(["play", "play-hanoi", "difficulty=easy", "--save", str(tmp_path / "album"), "-n", "1"]) == 0
    out = capsys.readouterr().out
    assert "'fly' is not a legal move" in out
    assert "> peg " in out  # the answer to ?
    assert "Bye." in out
    pictures = sorted((tmp_path / "album" / "1").iterdir())
    assert [picture.name for picture in pictures] == [f"{i:03}.png" for i in range(6)]
    assert {Image.open(picture).size for picture in pictures} == {(560, 560)}
    assert pictures[0].read_bytes() == pictures[1].read_bytes()  # nothing has moved


def test_pictures_of_questions_are_saved_and_others_have_none(tmp_path, monkeypatch):
    for name, status in (("gameqa-maze", 0), ("guess", 2)):
        monkeypatch.setattr("sys.stdin", io.StringIO("A\n"))
        assert main(["play", name, "--save", str(tmp_path / name), "-n", "1"]) == status
    assert [file.name for file in (tmp_path / "gameqa-maze" / "1").iterdir()] == ["000.png"]
    assert not (tmp_path / "guess").exists()
