"""Multiple choice and fill-in verifiers against tables written by hand."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest

from ludex.code2logic.question import Cell, Question, at, kind_of, listed, numbers, shown
from ludex.core import Status, Task
from ludex.rewards import verify
from ludex.rewards.choice import chosen_option

OPTIONS = ["4", "3", "red", "a red box", "B moves left", "A", "-2"]


def level(answer: str, gold: object, verifier: str) -> str | None:
    return verify(f"<answer>{answer}</answer>", Task("?", gold, verifier)).level


CHOICES = [  # right is C, "red"
    ("C", "correct"),
    ("c", "correct"),
    ("(C)", "correct"),
    ("**C**", "correct"),
    ("C.", "correct"),
    ("C\u3002", "correct"),
    ("C) red", "correct"),
    ("C: Red.", "correct"),
    ("**C. red**", "correct"),
    ("red", "correct"),
    ("Red", "correct"),
    ("A", "wrong"),  # a letter is an option's letter, even where it is another option's text
    ("B", "wrong"),
    ("4", "wrong"),  # the whole text of option A
    ("-2", "wrong"),
    ("a red box", "wrong"),
    ("D. a red box", "wrong"),
    ("B moves left", "wrong"),
    ("E: B moves left", "wrong"),
    ("C: a red box", "malformed"),  # letter and text disagree
    ("A red", "malformed"),
    ("C or D", "malformed"),
    ("C, D", "malformed"),
    ("C and D", "malformed"),
    ("not C", "malformed"),
    ("option C", "malformed"),
    ("H", "malformed"),  # beyond the last letter
    ("I", "malformed"),
    ("1", "malformed"),  # no numbers as labels
    ("re", "malformed"),
    ("red box", "malformed"),
    ("CC", "malformed"),
    ("\u0421", "malformed"),  # a Cyrillic letter
    ("", "no answer"),
]


@pytest.mark.parametrize(("answer", "wanted"), CHOICES)
def test_choice(answer: str, wanted: str) -> None:
    assert level(answer, {"letter": "C", "options": OPTIONS}, "choice") == wanted


SIGNED = ["-3", "3", "(1, 2)", "[1]", "+4", "\u22125", "\u221a2", "#FFF", "$5", "{1, 2}"]
LABELS = ["{}: {}", "{}. {}", "({}) {}", "{}) {}", "{} {}", "**{}**: {}", "{}: **{}**", "{}:{}", "{} - {}"]


@pytest.mark.parametrize("label", LABELS)
def test_an_option_keeps_its_first_sign(label: str) -> None:
    for i, option in enumerate(SIGNED):
        assert chosen_option(label.format("ABCDEFGHIJ"[i], option), SIGNED) == i, option
        assert chosen_option(option, SIGNED) == i


def test_a_letter_and_another_options_number_disagree() -> None:
    for text in ("B. -3", "A: 3", "A. - 3", "C. 1, 2", "C) [1, 2]", "D. 1"):
        assert level(text, {"letter": text[0], "options": SIGNED}, "choice") == "malformed", text


FILLS = [  # kind, golds, and answers: correct | wrong | malformed, parted by spaces around the bars
    ("integer", [5, -1], "5 ; -1 ; +5 | 6 ; 51 | 5.0 ; five ; 5 6 ; \u0665 ; 0x5"),
    ("decimal", ["0.800"], "0.800 ; 0.8 | 0.8001 ; 8 | .8 ; 4/5 ; 80% ; 8e-1 ; nan"),
    (
        "cell",
        [[2, 3], [12, 1]],
        "row 2, column 3 ; (2, 3) ; 2,3 ; [12,1] ; Row 12 column 1 | row 3, column 2 ; 1, 12 | "
        "23 ; column 3, row 2 ; 2, 3, 4 ; row 2 ; b3",
    ),
    ("list", [[3, 1, 2]], "3, 1, 2 ; [3,1,2] ; (3, 1, 2) | 3,2,1 ; 3,1 ; [[3,1,2],1] ; [3 1 2] | [3,1,2 ; 3,,1 ; 3)"),
    (
        "list",
        [[["up", 2], ["left", 1]]],
        "[[up, 2], [left, 1]] ; (('Up', 2), ('left', 1)) ; [up, 2], [left, 1] | [[left, 1], [up, 2]] | [[[[[[up]]]]]]",
    ),
    ("word", ["red"], "red ; Red. | blue ; red or blue | "),
]


def fills() -> list[tuple[str, list[object], str, str]]:
    rows = []
    for kind, accept, cases in FILLS:
        for wanted, answers in zip(("correct", "wrong", "malformed"), cases.split(" | "), strict=True):
            rows += [(kind, accept, answer.strip(), wanted) for answer in answers.split(" ; ") if answer.strip()]
    return rows


@pytest.mark.parametrize(("kind", "accept", "answer", "wanted"), fills())
def test_fill(kind: str, accept: list[object], answer: str, wanted: str) -> None:
    assert level(answer, {"kind": kind, "accept": accept}, "fill") == wanted


def test_words_outside_of_the_list_are_malformed() -> None:
    gold = {"kind": "word", "accept": ["red"], "among": ["red", "blue"]}
    assert [level(word, gold, "fill") for word in ("RED", "blue", "redd", "red or blue")] == [
        "correct", "wrong", "malformed", "malformed",
    ]  # fmt: skip


def test_a_broken_gold_is_an_error_not_a_verdict() -> None:
    for gold in ({"kind": "integer", "accept": ["many"]}, {"kind": "integer", "accept": []}, {"kind": "colour"}):
        assert verify("<answer>5</answer>", Task("?", gold, "fill")).status is Status.ERROR


@pytest.mark.parametrize(
    ("gold", "kind", "text"),
    [
        (5, "integer", "5"),
        (Decimal("0.800"), "decimal", "0.800"),
        (at(0, 4), "cell", "row 1, column 5"),
        ((1, 2), "list", "[1, 2]"),
        (((1, "up"), (2, "down")), "list", "[[1, up], [2, down]]"),
        ("red", "word", "red"),
        ("it stays", "phrase", "it stays"),
    ],
)
def test_the_type_of_the_gold_chooses_the_parser(gold: object, kind: str, text: str) -> None:
    assert kind_of(gold) == kind
    assert shown(gold) == text
    posed = Question.fill("?", gold, "because").pose(random.Random(1), 8)
    assert verify(f"<answer>{posed.response}</answer>", Task("?", posed.answer, "fill")).correct


def test_golds_of_other_types_are_refused() -> None:
    for gold in (True, 0.5, None, {1}):
        with pytest.raises(TypeError, match="a gold must be"):
            kind_of(gold)


def test_repeated_and_right_options_are_left_out() -> None:
    asked = Question.choice("?", "Red", ["red", "blue", "Blue.", "green"], "why", near=["green", "RED"])
    assert asked.wrong == ("green", "blue") or set(map(str.lower, asked.wrong)) == {"green", "blue."}
    assert asked.near == 1
    with pytest.raises(ValueError, match="no wrong option"):
        Question.choice("?", "red", ["red", "RED."], "why")


def test_helpers() -> None:
    windows = [numbers(random.Random(seed), 5, 4) for seed in range(50)]
    assert {tuple(w) for w in windows} == {(2, 3, 4, 5), (3, 4, 5, 6), (4, 5, 6, 7), (5, 6, 7, 8)}
    assert all(min(numbers(random.Random(seed), 1, 8, low=0)) >= 0 for seed in range(50))
    assert [listed(v) for v in ([], ["a"], ["a", "b"], [1, 2, 3])] == ["none", "a", "a and b", "1, 2 and 3"]
    assert str(Cell(2, 3)) == "row 2, column 3"


@pytest.mark.parametrize(
    ("given", "level"),
    [
        ("12", "correct"),
        ("11", "near"),
        ("14", "near"),
        ("15", "wrong"),
        ("20", "correct"),
        ("9", "wrong"),
        ("twelve", "malformed"),
        ("12.5", "malformed"),
    ],
)
def test_near_misses_are_an_option_for_whole_numbers(given: str, level: str) -> None:
    task = Task("", {"kind": "integer", "accept": [12, 20], "near": 2}, "fill")
    score = verify(f"<answer>{given}</answer>", task)
    assert (score.level, score.correct) == (level, level == "correct")
    assert verify("no", task).level == "no answer"
    plain = verify(f"<answer>{given}</answer>", Task("", {"kind": "integer", "accept": [12, 20]}, "fill"))
    assert plain.level == ("wrong" if level == "near" else level)
