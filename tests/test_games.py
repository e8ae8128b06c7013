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
from ludex.code2logic.checks import blind, contents, faults, guessable, marks, others
from ludex.code2logic.draw import STYLES
from ludex.code2logic.game import DIFFICULTIES, MAX_PROMPT, Cell, Question
from ludex.code2logic.games import GAMES, klondike, load, minecraft
from ludex.code2logic.parts.grids import apart, places
from ludex.code2logic.parts.landscape import built
from ludex.code2logic.parts.options import cluster, scattered
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


def choices(right_and_wrong) -> list[Task]:
    """Tasks with these options, as they are posed."""
    asked = [Question.choice("?", right, wrong, str(right)) for right, wrong in right_and_wrong]
    posed = [question.pose(random.Random(i), 8) for i, question in enumerate(asked)]
    return [Task(p.prompt, p.answer, "choice") for p in posed]


def test_what_options_tell_by_hand():
    """Of four cells in a row with one beside them, the second has the neighbours; parts are counted in their places."""
    found = marks(["row 1, column 1", "row 1, column 2", "row 1, column 3", "row 2, column 2"])
    shared, far, near = found.values()
    assert shared == [4 + 3 + 4 + 1, 4 + 3 + 4 + 2, 4 + 3 + 4 + 1, 4 + 1 + 4 + 2]
    assert far == [1 + 2 + 2, 1 + 1 + 1, 2 + 1 + 2, 2 + 1 + 2]
    assert near == [1, 3, 1, 1]
    assert list(marks(["red", "from red to blue"]).values()) == [[1.0, 4.0]]
    assert len(marks(["1 cell", "no cell"])) == 1
    task = choices([(Cell(1, 2), [Cell(1, 1), Cell(1, 3), Cell(2, 2)])])[0]
    assert blind([task]) == {
        "the option that shares most with the others": 1,
        "the option that shares least": 0,
        "the outermost option": 0,
        "the most central option": 1,
        "the option with most neighbours": 1,
        "the option with fewest": 0,
    }
    assert blind([Task("?", {"kind": "integer", "accept": [3]}, "fill")]) == {}


def test_options_around_the_right_one_are_noticed_and_clusters_are_not():
    """Cells of an 8x8 board; with the cells nearest to the right one it is in their middle."""
    rng, board, rows = random.Random(0), places(8, 8), []
    for _ in range(SEARCHED):
        right = rng.choice(board)
        near = sorted(board, key=lambda place: apart(place, right))[:8]
        rows.append((right, near, cluster(rng, right, board), scattered(right, rng.sample(board, 64))))
    built_around, clusters, apart_all = (
        choices((Cell(*row[0]), (Cell(*place) for place in row[i])) for row in rows) for i in (1, 2, 3)
    )
    said = " ".join(guessable(built_around))
    assert "most central option is right" in said
    assert "most neighbours is right" in said
    assert not list(guessable(clusters))
    assert not list(guessable(apart_all))
    for right, _, some, others_ in rows:
        assert len(some) == len(set(some)) == 8
        assert right in some
        assert max(apart(a, b) for a in some for b in some) <= 6
        assert len({r for r, _ in others_}) == len({c for _, c in others_}) == len(others_)


def test_a_cluster_holds_the_right_one_at_any_place():
    """From the middle of a board: how many of the options lie nearer to the centre of all than it does, evenly."""
    rng, board, ranks = random.Random(1), places(9, 9), Counter()
    for _ in range(4000):
        some = cluster(rng, (4, 4), board)
        far = {place: sum(apart(place, other) for other in some) for place in some}
        equal = [place for place in some if far[place] == far[4, 4]]
        ranks[sum(far[place] < far[4, 4] for place in some) + rng.randrange(len(equal))] += 1
    assert all(abs(ranks[i] - 500) < 5 * (4000 / 8 * 7 / 8) ** 0.5 for i in range(8)), ranks


def test_drawing_from_the_stock_is_no_useful_move_in_the_words_of_the_question():
    """It turns a face-down card up as well, but none of a pile; most tasks offer it as wrong."""
    tasks = draws("klondike", "useful_move", FAST)
    drawn = [task for task in tasks if str(klondike.DRAW) in others(task)]
    assert len(drawn) > FAST / 2
    assert all("turns up a face-down card of a pile?" in task.prompt for task in tasks)


@pytest.mark.parametrize(("low", "stand"), [(1, 0), (2, 1), (3, 2), (3, 1), (2, 0)])
def test_a_ladder_from_block_k_needs_a_stand_of_k_less_one(low, stand):
    """A stack of four with a ladder on it, and in front of it a stack to stand on with a stair that leads up to it."""
    stacks = {(0, 0): 4} | {(1 + i, 0): stand - i for i in range(stand)}
    things, ladders = (("player", 5, 0), ("pumpkin", 0, 0)), ((0, 0, "left", low),)
    state = minecraft.State(**built(6, (), stacks), things=things, ladders=ladders)
    assert (sum(n for *_, n in minecraft.fewest(state)) == 0) == (stand >= low - 1)
    assert "at least k - 1 blocks above the ground" in minecraft.game.rules


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


def test_one_click_is_singular():
    seen, source = Counter(), ludex.task_source("gameqa-spider", question="face_up_after", observation="text")
    for index in range(40):
        clicks = source[index].info["asked"]["clicks"]
        seen[clicks] += 1
        assert ("after 1 click on the stock" in source[index].prompt) == (clicks == 1)
    assert seen[1] > 3
    assert len(seen) > 1
