"""TextWorld's engine, games and experts: recorded walks of the original, games played by hand, and hostile players."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest

import ludex
from ludex.envs.core import SPLITS
from ludex.envs.textworld import text
from ludex.envs.textworld.engine import Play
from ludex.envs.textworld.game import Entity, Game, Quest, from_textworld
from ludex.envs.textworld.planner import plan
from ludex.envs.textworld.presets import PRESETS, load
from ludex.envs.textworld.reading import Reading
from ludex.envs.textworld.searcher import ASKED, Searcher, asks
from ludex.lookup import MissingExtra
from ludex.rewards import verify

WALKS = json.loads(gzip.decompress((Path(__file__).parent / "fixtures" / "textworld_walks.json.gz").read_bytes()))
HOSTILE = ["\\x41", "take key. open gate", "take key then open gate", "take key\nopen gate", "\x00", "🗝", " ", ""]
HOSTILE += ["restart", "quit", "save", "restore", "tw-trace-actions", "tw-extra-infos score", "tw-print max_score"]
HOSTILE += ["take", "go", "go up", "insert", "insert key into", "put key on key", "unlock gate with", "eat gate"]
HOSTILE += ["drink", "prepare meal", "cook key with gate", "examine " * 1000]


def small(**changes: Any) -> Game:
    """A yard with a locked gate and a bench; a key in a closed box, and a cave with an apple behind the gate."""
    entities = {
        "r_0": Entity("r", "yard", "A yard.\n\n There is [if d_0 is open]an open[otherwise]a closed[end if] gate."),
        "r_1": Entity("r", "dark cave", "[if there is something on the s_0]Odd[otherwise]A cave[end if]."),
        "d_0": Entity("d", "gate", "It's a gate. [if open]Open.[else if closed]Closed.[otherwise]Locked.[end if]"),
        "c_0": Entity("c", "Box", "A [noun]."),
        "s_0": Entity("s", "bench", "A bench."),
        "k_0": Entity("k", "key", "Small."),
        "f_0": Entity("f", "apple", "Red."),
        "P": Entity("P", "", ""),
        "I": Entity("I", "", ""),
    }
    facts = "at P r_0/at c_0 r_0/at f_0 r_1/at s_0 r_0/closed c_0/in k_0 c_0/link r_0 d_0 r_1/link r_1 d_0 r_0/"
    facts += "locked d_0/match k_0 d_0/north_of r_1 r_0/edible f_0"
    quests = (
        Quest(((("open", "d_0"),),), ()),
        Quest(((("on", "f_0", "s_0"), ("at", "P", "r_0")),), ((("eaten", "f_0"),),), reward=2),
    )
    given = {"goal": "Put the apple on the bench.", "entities": entities, "quests": quests, "walkthrough": ()}
    given["facts"] = tuple(sorted(tuple(fact.split()) for fact in facts.split("/")))
    return Game(**{**given, **changes}).checked()


def begin(game: Game) -> Play:
    return Play(Reading.of(game))


@pytest.mark.parametrize("number", range(len(WALKS)))
def test_walks_of_the_official_interpreter_are_repeated(number: int) -> None:
    """Words, admissible commands, points and endings, as recorded from TextWorld 1.7.0's compiled games."""
    play = begin(Game.from_data(WALKS[number]["game"]))
    assert play.intro() == WALKS[number]["intro"]
    for command, said, look, inventory, commands, *verdict in WALKS[number]["steps"]:
        assert play.step(command) == said, command
        if not (play.won or play.lost):  # the interpreter tells of the turn before when a game has ended
            assert (play.look(), play.inventory(), play.commands()) == (look, inventory, commands)
        assert [play.score, play.won, play.lost] == verdict


def test_a_game_by_hand() -> None:
    play = begin(small())
    assert play.intro() == "Put the apple on the bench.\n\n-= Yard =-\nA yard.\n\nThere is a closed gate."
    assert play.commands() == ["examine bench", "examine box", "examine gate", "inventory", "look", "open box"]
    assert play.step("inventory") == "You are carrying nothing."
    assert play.step("examine gate") == "It's a gate. Closed."  # to Inform, a locked gate is closed
    assert play.step("examine box") == "A Box."
    assert play.step("open box") == "You open the Box, revealing a key."
    assert play.step("examine box") == "A Box.\n\nIn the Box is a key."
    assert play.step("take key from box") == "You take the key from the Box."
    assert play.step("drop key") == "You drop the key on the ground."
    assert play.look().endswith("There is a key on the floor.")
    assert play.step("take key") == "You pick up the key from the ground."
    assert play.step("insert key into box") == "You put the key into the Box."
    assert play.step("take key from box") == "You take the key from the Box."
    assert play.step("unlock gate with key") == "You unlock gate."
    assert (play.score, play.max_score) == (0, 3)
    assert play.step("open gate") == "You open gate.\n\nYour score has just gone up by one point."
    assert "go north" in play.commands()
    assert play.step("go north") == "-= Dark Cave =-\nA cave.\n\nThere is an apple on the floor."
    play.step("take apple")
    assert play.inventory() == "You are carrying: an apple and a key."  # what came last is listed first
    play.step("go south")
    said = play.step("put apple on bench")
    assert said.splitlines()[::2] == [
        "You put the apple on the bench.",
        "Your score has just gone up by two points.",
        "*** The End ***",
    ]
    assert (play.won, play.lost, play.score) == (True, False, 3)
    assert play.step("look") == "The game is over."


def test_eating_what_is_needed_loses() -> None:
    play = begin(small())
    for command in [*plan(play)[:-2], "eat apple"]:
        said = play.step(command)
    assert said == "You eat the apple. Not bad.\n\n*** You lost! ***"
    assert (play.won, play.lost, play.score) == (False, True, 1)


def test_what_is_not_offered_changes_nothing() -> None:
    play = begin(small())
    expected = {
        "": "I beg your pardon?",
        "dance": "That's not a verb I recognise.",
        "go north": "You have to open the gate first.",
        "go east": "You can't go that way.",
        "open gate": "You have to unlock the gate with the key first.",
        "take unicorn": "You can't see any such thing.",
        "take key": "You can't see any such thing.",  # it is in a closed box
        "close box": "That's already closed.",
        "goal": "Put the apple on the bench.",
        "examine": "What do you want to examine?",
    }
    for command, answer in expected.items():
        assert play.step(command) == answer
    before = (play.look(), play.commands(), play.here, dict(play.where))
    for command in HOSTILE:
        assert isinstance(play.step(command), str)
    assert (play.look(), play.commands(), play.here, dict(play.where)) == before


def test_quests_can_repeat_be_optional_and_fail() -> None:
    in_yard = ((("at", "P", "r_0"),),)
    play = begin(small(quests=(Quest(in_yard, (), 1, True, True), Quest(((("open", "c_0"),),), (), 5, True))))
    assert [(play.step(c), play.score)[1] for c in ("look", "look", "open box", "look")] == [1, 2, 8, 9]
    assert not play.won  # nothing but optional quests
    play = begin(small(quests=(Quest((), ((("open", "c_0"),),), 0), Quest(((("locked", "d_0"),),), (), 1))))
    assert "score" in play.step("look")
    assert play.won
    play = begin(small(quests=(Quest(((("closed", "d_0"),),), ()),)))
    play.step("look")
    assert play.score == 0  # locked is not closed and unlocked


def kitchen(capacity: int = 0) -> Game:
    """One room with everything that cooking needs; the recipe wants a fried, diced egg and a carrot as it is."""
    kinds = {"f_0": ("f", "egg"), "f_1": ("f", "carrot"), "o_0": ("o", "knife"), "meal_0": ("meal", "meal")}
    kinds |= {"stove_0": ("stove", "stove"), "oven_0": ("oven", "oven"), "r_0": ("r", "kitchen")}
    kinds |= {
        "i_0": ("ingredient", ""),
        "i_1": ("ingredient", ""),
        "RECIPE": ("RECIPE", ""),
        "P": ("P", ""),
        "I": ("I", ""),
    }
    kinds |= {f"slot_{i}": ("slot", "") for i in range(capacity)}
    facts = (
        "at P r_0/at f_0 r_0/at f_1 r_0/at o_0 r_0/at oven_0 r_0/at stove_0 r_0/base f_0 i_0/base f_1 i_1/closed oven_0"
    )
    facts += "/cooking_location r_0 RECIPE/diced i_0/fried i_0/in i_0 RECIPE/in i_1 RECIPE/raw i_1/uncut i_1/sharp o_0"
    facts += "/ingredient_1 f_0/ingredient_2 f_1/needs_cooking f_0/inedible f_0/uncut f_0/raw f_1/edible f_1/uncut f_1"
    facts += "/out meal_0 RECIPE/drinkable f_1" + "".join(f"/free slot_{i}" for i in range(capacity))
    quests = (Quest(((("consumed", "meal_0"),),), ((("burned", "f_0"),), (("consumed", "f_0"),))),)
    entities = {e: Entity(kind, name, "A [noun].") for e, (kind, name) in kinds.items()}
    listed = tuple(sorted(tuple(fact.split()) for fact in facts.split("/")))
    return Game("Cook.", entities, listed, quests, (), kitchen=True).checked()


def test_a_meal_by_hand() -> None:
    play = begin(kitchen())
    assert play.look() == "-= Kitchen =-\nA kitchen.\n\nThere is a raw egg, a carrot and a knife on the floor."
    for command in ("take egg", "take knife"):
        play.step(command)
    assert not [
        c for c in play.commands() if c.startswith(("eat", "examine knife"))
    ]  # raw; nothing in hand is looked at
    assert play.step("prepare meal") == "Something still needs to be cooked."
    assert play.step("cook egg with stove") == "You fried the egg."
    assert play.step("prepare meal") == "Something still needs to be cut."
    assert play.step("dice egg with knife") == "You dice the egg."
    assert play.inventory() == "You are carrying: a knife and a diced fried egg."
    assert play.step("prepare meal") == "You still miss something."
    play.step("take carrot")
    assert {"drink carrot", "cook carrot with oven", "eat egg", "chop carrot with knife"} < {*play.commands()}
    assert play.step("prepare meal") == "Adding the meal to your inventory."
    assert play.inventory() == "You are carrying: a meal and a knife."
    assert play.step("eat meal").endswith("*** The End ***")
    assert play.won


def test_cooking_twice_burns_and_loses() -> None:
    play = begin(kitchen())
    for command in ("take egg", "cook egg with oven"):
        play.step(command)
    assert play.inventory() == "You are carrying: a roasted egg."
    assert play.step("cook egg with stove") == "You burned the egg!\n\n*** You lost! ***"
    assert play.inventory() == "You are carrying: a burned egg."


def test_hands_are_limited_where_a_game_says_so() -> None:
    play = begin(kitchen(capacity=2))
    for command in ("take egg", "take carrot"):
        play.step(command)
    assert "take knife" not in play.commands()
    play.step("drop carrot")
    assert "take knife" in play.commands()
    winner = plan(play)
    for command in winner:
        play.step(command)
    assert play.won
    assert winner[-2:] == ["prepare meal", "eat meal"]


def test_descriptions() -> None:
    class World:
        def open(self, thing: str) -> bool:
            return thing in "ab"

        def locked(self, thing: str) -> bool:
            return thing == "c"

        def holds(self, holder: str) -> bool:
            return holder in "ac"

        def listed(self, holder: str) -> str:
            return f"<{holder}>"

        def name(self, thing: str) -> str:
            return thing.upper()

    def said(words: str) -> str:
        return text.say(text.parse(words, "c"), World())

    assert said("[if a is open and there is something in the a]x [a list of things in the a][end if]!") == "x <a>!"
    assert said("[if a is locked]1[else if d is open]2[else if b is open]3[otherwise]4[end if]") == "3"
    assert said("[if open]1[otherwise][if closed]2[end if][if locked]3[end if][end if]") == "23"
    assert said("[if there is nothing on the b]none[end if][if the a contains nothing]no[end if] [noun]") == "none C"
    assert said("it's 'so' and keys'[line break]'tis") == 'it\'s "so" and keys"\n"tis'
    assert text.source("One\n\n two\nthree ") == "One\n\ntwo three"
    assert (text.series([]), text.series("ab"), text.series("abc")) == ("nothing", "a and b", "a, b and c")
    assert [text.counted(n) for n in (1, 12, 20, 21)] == ["one", "twelve", "twenty", "21"]
    assert text.objective("x" * 199 + "'s") == "x" * 199 + '"s'  # TextWorld cuts after 200 characters
    for wrong in ("[if a is broken]x[end if]", "[if a is open]x", "[time of day]", "[otherwise]x", "[end if]"):
        with pytest.raises(ValueError, match="description"):
            text.parse(wrong)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_shipped_game_is_won_by_its_task_s_plan(preset: str) -> None:
    seen, total = set(), 0
    for split in SPLITS:
        source = ludex.task_source("textworld", preset=preset, split=split)
        total += len(source)
        for index in range(len(source)):
            task = source[index]
            play = begin(Game.from_data(task.answer["game"]))
            for command in task.info["plan"]:
                assert command in play.actions()
                play.step(command)
            assert play.won
            assert play.score == play.max_score
            assert task.info["key"] not in seen
            seen.add(task.info["key"])
    assert total == len(load(preset)) == 300


@pytest.mark.parametrize("preset", PRESETS)
def test_random_walks_never_raise_and_can_be_finished(preset: str) -> None:
    rng = random.Random(preset)
    for data in rng.sample(load(preset), 6):
        play = begin(Game.from_data({k: v for k, v in data.items() if k != "seed"}))
        for step in range(80):
            if play.won or play.lost:
                break
            command = rng.choice(play.commands())
            if command.split()[0] not in ("eat", "cook", "slice", "dice", "chop", "drink"):
                before, twin = (play.look(), play.commands()), play.copy()
                twin.step(command)
                assert (play.look(), play.commands()) == before  # a copy is a world of its own
                assert play.step(rng.choice(HOSTILE))
                play.step(command)
            if step % 20 == 0:
                _finish(play.copy())


def _finish(play: Play) -> None:
    for command in plan(play):
        assert command in play.actions()
        play.step(command)
    assert play.won


def test_games_survive_json_and_reject_what_is_foreign() -> None:
    game = small()
    assert Game.from_data(json.loads(json.dumps(game.to_data()))) == game
    with pytest.raises(ValueError, match="'on_fire k_0' has a predicate"):
        small(facts=(("at", "P", "r_0"), ("on_fire", "k_0")))
    with pytest.raises(ValueError, match="'open z_9' names something"):
        small(facts=(("at", "P", "r_0"), ("open", "z_9")))
    with pytest.raises(ValueError, match="player is nowhere"):
        small(facts=())
    with pytest.raises(ValueError, match="kind 'robot'"):
        small(entities={"P": Entity("robot", "", "")})
    for wrong in ({}, {"goal": 1}, {**game.to_data(), "quests": [3]}, {**game.to_data(), "entities": []}):
        with pytest.raises(ValueError, match="not a game in Ludex's form"):
            Game.from_data(wrong)


def saved(game: Game) -> dict[str, Any]:
    """The game as TextWorld saves its own."""

    def fact(words: tuple[str, ...]) -> dict[str, Any]:
        return {"name": words[0], "arguments": [{"name": e, "type": game.entities[e].kind} for e in words[1:]]}

    def event(facts: Any) -> dict[str, Any]:
        return {"condition": {"preconditions": [fact(words) for words in facts]}}

    return {
        "world": [fact(words) for words in game.facts],
        "infos": [[e, {"name": x.name, "desc": x.text, "indefinite": None}] for e, x in game.entities.items()],
        "quests": [
            {"desc": "", "reward": q.reward, "win_events": [*map(event, q.wins)], "fail_events": [*map(event, q.fails)]}
            for q in game.quests
        ],
        "objective": game.goal,
        "metadata": {},
        "KB": {"logic": ""},
    }


def test_files_are_played_and_bad_ones_named(tmp_path: Path) -> None:
    (tmp_path / "game.json").write_text(json.dumps(saved(small())))
    (tmp_path / "game.z8").write_bytes(b"")
    assert from_textworld(saved(small())).facts == small().facts
    env = ludex.make("textworld", path=str(tmp_path / "game.z8"))
    observation, info = env.reset(seed=0)
    assert observation.startswith("Put the apple on the bench.")
    for reply in info["solution"]:
        *_, info = env.step(reply)
    assert info["score"].level == "won"
    for content, complaint in (
        ("{", "Expecting property"),
        ('{"world": 3}', "as TextWorld saves"),
        ("[]", "Ludex's form"),
    ):
        (tmp_path / "bad.json").write_text(content)
        with pytest.raises(ValueError, match=f"bad.json is no game that can be played: .*{complaint}"):
            ludex.task_source("textworld", path=str(tmp_path / "bad.json"))[0]
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"no \.json of a game below .*tw-make"):
        ludex.make("textworld", path=str(tmp_path / "empty"))


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"preset": "w2-o3-q5"}, "did you mean 'w2-o3-q4'"),
        ({"preset": "simple", "rooms": 3}, "preset stands alone, without rooms"),
        ({"challenge": "simple", "rooms": 3}, "no options of a challenge"),
        ({"challenge": "cookin"}, "did you mean 'cooking'"),
        ({"challenge": "cooking", "skills": ["bake"]}, "no skill 'bake'"),
        ({"challenge": "cooking", "recipe": 9}, "must be one of 1 to 5"),
        ({"challenge": "cooking", "level": 3}, "has no setting 'level'"),
        ({"challenge": "treasure_hunter", "level": 31}, "must be one of 1 to 30"),
        ({"rooms": 99}, "must lie in 1-50"),
        ({"engine": "texworld"}, "did you mean 'textworld'"),
    ],
)
def test_mistakes_are_told_in_one_line(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        ludex.make("textworld", **options).reset(seed=0)
    assert "\n" not in str(caught.value)


def test_new_games_say_what_to_install() -> None:
    try:
        import textworld  # noqa: F401
    except ImportError:
        with pytest.raises(MissingExtra, match=r"pip install 'ludex\[textworld\]'"):
            ludex.task_source("textworld", rooms=2)[0]


def test_tasks_are_rebuilt_and_judged() -> None:
    task = ludex.task_source("textworld", preset="w4-o6-q8", split="test", seed=3)[2]
    assert ludex.task(task.id) == task
    assert ludex.Task.from_json(task.to_json()).answer == task.answer
    assert verify(f"<answer>{'; '.join(task.info['plan'])}</answer>", task).level == "won"
    assert verify("<answer>look</answer>", task).level == "no progress"


@pytest.mark.parametrize("reward", ["sparse", "dense", "progress", "score"])
def test_winning_pays_one_in_all(reward: str) -> None:
    env = ludex.make("textworld", preset="simple", reward=reward)
    for index in range(5):
        _, info = env.reset(options={"index": index})
        paid = [env.step(reply)[1] for reply in info["solution"]]
        assert sum(paid) == pytest.approx(1)
        if reward in ("dense", "progress"):
            assert sum(pay > 0 for pay in paid) > 1


class Seen:
    """What a player sees of a game, and nothing else."""

    def __init__(self, play: Play):
        self.intro, self.step, self.commands, self.goal = play.intro, play.step, play.commands, play.goal
        self._play = play

    @property
    def won(self) -> bool:
        return self._play.won

    @property
    def lost(self) -> bool:
        return self._play.lost


@pytest.mark.parametrize("preset", PRESETS)
def test_the_searcher_wins_by_reading(preset: str) -> None:
    won = 0
    games = load(preset)[::6]
    for data in games:
        play = begin(Game.from_data({k: v for k, v in data.items() if k != "seed"}))
        Searcher(Seen(play), limit=100).play()
        won += play.won
    assert won >= 0.95 * len(games)


def test_the_searcher_finds_what_the_goal_does_not_tell() -> None:
    """The goal names an apple and a bench; the key, the box and the gate are found on the way."""
    entities = {**small().entities, "k_0": Entity("k", "passkey", "Small.")}
    play = begin(
        small(goal="Take the passkey. Then, retrieve the apple. Place the apple on the bench.", entities=entities)
    )
    commands = Searcher(Seen(play)).play()
    assert play.won
    assert commands[:2] == ["open box", "take passkey from box"]
    assert {"unlock gate with passkey", "open gate", "go north", "take apple", "put apple on bench"} < {*commands}


@pytest.mark.parametrize(
    ("command", "clause", "asked"),
    [
        ("take keycard from safe", "recover the keycard from the safe in the study", True),
        ("take keycard", "recover the soap scented keycard from the floor", False),
        ("unlock safe with key", "look and see that the safe is unlocked", True),
        ("open safe", "look and see that the safe is unlocked", False),
        ("put fork on rack", "rest the fork on the rack inside the attic", True),
        ("put fork on shelf", "rest the fork on the rack inside the attic", False),
        ("insert fork into box", "deposit the fork inside the box", True),
        ("drop fork", "ditch the fork on the floor of the attic", True),
        ("lock gate with key", "insert the key into the gate's lock to lock it", True),
        ("eat plum", "eat the plum", True),
    ],
)
def test_sentences_are_understood(command: str, clause: str, asked: bool) -> None:
    verb = next(verb for verb, words in ASKED if words.search(clause))
    assert asks(command, verb, clause) is asked
