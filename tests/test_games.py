"""What must be true of every game and every question; the answers by checkers that share no code with the games.

`games/<game>.py` beside this file holds, for each question, a function `(state, asked, answer) -> bool` that
says whether an answer is right, by the state's JSON data and the question's parameters alone; `sound(state)`,
whether the state obeys the game's rules; and `variants(state, rng)`, states that differ from one in a field.
"""

from __future__ import annotations

import hashlib
import inspect
import random
import re
from collections import Counter
from functools import cache
from importlib import import_module
from pathlib import Path

import gameqa_table
import pytest

import ludex
from ludex.code2logic.checks import contents, faults, guessable, others
from ludex.code2logic.draw import STYLES
from ludex.code2logic.game import DIFFICULTIES, MAX_PROMPT, Question
from ludex.code2logic.games import GAMES, load
from ludex.core import Task
from ludex.envs import registry

FAST, FULL = 51, 2001  # draws, a third of each difficulty
SEARCHED = 240  # draws in the fast search for frequent answers
TASKS = [(game, question) for game in GAMES for question in load(game).questions]
everywhere = pytest.mark.parametrize(("game", "question"), TASKS, ids=[f"{g}-{q}" for g, q in TASKS])
every_game = pytest.mark.parametrize("game", GAMES)


@cache
def draws(game: str, question: str, n: int) -> list[Task]:
    rng = random.Random(f"{game} {question} {n}")
    problems = (load(game).problem(rng, question=question, difficulty=DIFFICULTIES[i % 3]) for i in range(n))
    return [problem.task(rng, "text", "random") for problem in problems]


@cache
def checker(game: str):
    return import_module(f"games.{game.replace('-', '_')}")


def check_right(game: str, question: str, n: int) -> None:
    right = getattr(checker(game), question)
    for task in draws(game, question, n):
        state, asked = task.info["state"], task.info["asked"]
        assert checker(game).sound(state), state
        for answer in contents(task):
            assert right(state, asked, answer), (task.prompt, answer)
        for answer in others(task):
            assert not right(state, asked, answer), (task.prompt, answer, task.answer)


@everywhere
def test_answers_are_right_and_the_others_wrong(game, question):
    check_right(game, question, FAST)


@pytest.mark.slow
@everywhere
def test_answers_are_right_and_the_others_wrong_in_many_draws(game, question):
    check_right(game, question, FULL)


@everywhere
def test_prompts_options_and_worked_solutions(game, question):
    template = load(game).questions[question]
    for task in draws(game, question, FAST):
        assert not list(faults(task))
        assert len(task.prompt) + len(load(game).legend) + 2 < MAX_PROMPT
        assert Task.from_json(task.to_json()) == task
        assert task.verifier != "choice" or len(task.answer["options"]) <= template.options


@everywhere
def test_answers_cannot_be_guessed(game, question):
    assert not list(guessable(draws(game, question, SEARCHED)))


@pytest.mark.slow
@everywhere
def test_answers_cannot_be_guessed_in_many_draws(game, question):
    assert not list(guessable(draws(game, question, FULL), noise=0))


@every_game
def test_the_right_letter_is_any(game):
    """Of k options each is right equally often, within five standard deviations; of a second option it is the same."""
    tasks = [t for q in load(game).questions for t in draws(game, q, SEARCHED) if t.verifier == "choice"]
    for k in {len(task.answer["options"]) for task in tasks}:
        letters = [task.answer["letter"] for task in tasks if len(task.answer["options"]) == k]
        n, counts = len(letters), Counter(letters)
        for letter in "ABCDEFGHIJ"[:k]:
            assert abs(counts[letter] - n / k) <= 5 * (n / k * (1 - 1 / k)) ** 0.5 + 1, (k, counts)


@every_game
def test_levels_are_harder(game):
    """The documented quantity grows from level to level, in its mean over 60 states."""
    made, rng = load(game), random.Random(3)
    means = [sum(made.measure(made.start(rng, made.sizes[level])) for _ in range(60)) / 60 for level in DIFFICULTIES]
    assert means[0] * 1.05 < means[1], f"{made.measured}: {means}"
    assert means[1] * 1.05 < means[2], f"{made.measured}: {means}"


def picture(game, state, style: str) -> bytes:
    image = load(game).draw(state, STYLES[style])
    assert image.size == (560, 560)
    return hashlib.sha256(image.tobytes()).digest()


@every_game
@pytest.mark.parametrize("level", ["easy", "hard"])
def test_the_picture_determines_the_answer(game, level):
    """Change a state in one field: words differ where the picture does, and where neither does no answer may."""
    made, rng, seen = load(game), random.Random(5), 0
    for style in STYLES:
        state = made.start(rng, made.sizes[level])
        before, words = picture(game, state, style), made.describe(state)
        some = list(checker(game).variants(state, rng))
        for other in rng.sample(some, min(8, len(some))):
            same = picture(game, other, style) == before
            assert same == (made.describe(other) == words), (state, other)
            seen += 1
            for template in made.questions.values() if same else ():
                assert answers_of(template, state) == answers_of(template, other), template.name
    assert seen > 5


def answers_of(template, state) -> list[object]:
    wishes = [(wish,) for wish in template.wishes] or [()]
    asked = [template.ask(state, random.Random(1), *wish) for wish in wishes]
    return [question and (question.text, question.right, question.wrong, question.also) for question in asked]


@every_game
def test_styles_differ_and_words_do_not_depend_on_them(game):
    made = load(game)
    state = made.start(random.Random(7), made.sizes["medium"])
    assert len({picture(game, state, style) for style in STYLES}) == len(STYLES) >= 3


@every_game
def test_the_game_is_in_every_table(game):
    row, made = GAMES[game], load(game)
    assert made.name == game
    assert f"gameqa-{game}-v0" in registry.ENVS
    original = {"indomain": gameqa_table.INDOMAIN, "heldout": gameqa_table.HELDOUT}.get(row.mix)
    if original is None:
        assert not row.original
        return
    numbered = {t.number: (t.kind, t.qa_level) for t in made.questions.values() if t.number is not None}
    assert numbered == gameqa_table.tasks(original[row.original])


def test_every_game_and_task_of_gameqa_is_here():
    """30 games and 158 tasks by name and number; game files of at most 250 lines, those of the 30 below 6,000."""
    table = gameqa_table.INDOMAIN | gameqa_table.HELDOUT
    assert (len(gameqa_table.INDOMAIN), len(gameqa_table.HELDOUT)) == (20, 10)
    assert sum(len(gameqa_table.tasks(line)) for line in table.values()) == 158
    ours = {row.original: load(game) for game, row in GAMES.items() if row.original}
    assert set(ours) == set(table)
    for original, game in ours.items():
        numbers = {template.number for template in game.questions.values()} - {None}
        assert numbers == set(gameqa_table.tasks(table[original])), original
    lines = {game: len(Path(inspect.getfile(load(game).draw)).read_text().splitlines()) for game in GAMES}
    assert max(lines.values()) <= 250, lines
    assert sum(n for game, n in lines.items() if GAMES[game].original) < 6000


def test_the_mixes_hold_every_question_of_their_games():
    for mix, table in (("indomain", gameqa_table.INDOMAIN), ("heldout", gameqa_table.HELDOUT)):
        templates = registry.target(f"gameqa-{mix}").templates
        assert {(g.name, q) for g, q in templates} == {(g, q) for g, q in TASKS if GAMES[g].mix == mix}
        assert {GAMES[g.name].original for g, _ in templates} <= set(table)


def test_letters_are_uniform():
    """8,000 shuffles of five options: 1,600 each, with a standard deviation of 36."""
    asked, rng = Question.choice("?", "a", "bcdefgh", "a"), random.Random(1)
    letters = Counter(asked.pose(rng, 5).response for _ in range(8000))
    assert set(letters) == set("ABCDE")
    assert all(abs(count - 1600) < 180 for count in letters.values())


def test_tempting_options_come_first():
    asked = Question.choice("?", 1, range(9), "1", near=[8, 7, 1])
    for seed in range(20):
        options = asked.pose(random.Random(seed), 4).answer["options"]
        assert {"1", "7", "8"} < set(options)
        assert len(set(options)) == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"question": "fewest_mvoes"}, "did you mean 'fewest_moves'"),
        ({"difficulty": "hrad"}, "did you mean 'hard'"),
        ({"observation": "picture"}, "known: both, image, text"),
        ({"style": "papre"}, "did you mean 'paper'"),
    ],
)
def test_mistakes_are_one_line_that_suggests(options, message):
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        ludex.task_source("gameqa-sokoban", **options)[0]
    assert "\n" not in str(caught.value)


def test_observations():
    text = ludex.make("gameqa-tictactoe", observation="text").reset(seed=1)[0]
    image = ludex.make("gameqa-tictactoe").reset(seed=1)[0]
    both = ludex.make("gameqa-tictactoe", observation="both").reset(seed=1)[0]
    assert "row 1:" in text
    assert "discs" not in text
    assert "row 1:" not in image["text"]
    assert "row 1:" in both["text"]
    assert "discs" in both["text"]
    assert image["image"].shape == both["image"].shape == (560, 560, 3)
    assert len({pixel for pixel in map(bytes, image["image"].reshape(-1, 3)[::97])}) > 1
