"""What is told of a passage by rule, by hand calculation."""

from __future__ import annotations

import math
import random

import pytest

import ludex
from ludex.rewards.passages import (
    END,
    completeness_v1,
    completeness_v2,
    content,
    copied,
    sentences,
    share_told,
    variety,
    words,
)


def source(split="train", **options):
    return ludex.task_source("style", split=split, **options)


def answer(passage, end=f"\n{END}"):
    return f"<answer>{passage}{end}</answer>"


def body(task):
    """The passage of the worked solution."""
    return task.info["solution"].removeprefix("<answer>").removesuffix(f"\n{END}</answer>")


def test_words_and_sentences():
    assert words("It\u2019s 3 o'clock -- na\u00efve, no?") == ["it's", "o'clock", "na\u00efve", "no"]
    assert sentences('He ran. "Why?" she said! And then') == ["He ran.", '"Why?"', "she said!", "And then"]
    assert sentences("... !! 12.") == []


@pytest.mark.parametrize(
    ("count", "expected"), [(0, 0), (499, 0), (600, 0.5), (1200, 1), (1400, 1), (1600, 1), (1975, 0.5), (3100, 0)]
)
def test_the_second_rule_of_length(count, expected):
    text = " ".join(["word"] * count)
    assert completeness_v2(f"{text}.\n{END}", 1400) == pytest.approx(expected)
    assert completeness_v2(text + ".", 1400) == 0  # the end marker is a gate


def test_the_second_rule_falls_steeply_behind_its_window():
    assert completeness_v2(f"{'word ' * 1601}.\n{END}", 1400) == pytest.approx(1 - math.sqrt(1 / 1500))


@pytest.mark.parametrize(("count", "expected"), [(499, 0), (500, math.sqrt(500 / 1400)), (1400, 1), (3000, 1)])
def test_the_first_rule_of_length(count, expected):
    text = " ".join(["word"] * count)
    assert completeness_v1(text + '."', 1400) == pytest.approx(expected)
    assert completeness_v1(text, 1400) == pytest.approx(expected / 2)  # an unfinished sentence


@pytest.mark.parametrize("rule", [completeness_v1, completeness_v2])
def test_the_rules_scale_with_the_length_asked_for(rule):
    for count in (24, 30, 40, 70, 79, 100, 155):
        short, long = "word " * count, "word " * (20 * count)
        assert rule(f"{short}. {END}", 70) == pytest.approx(rule(f"{long}. {END}", 1400))


def test_plot_points_are_told_by_any_regular_form_and_never_by_part_of_a_word():
    text = "The boats carried stormy cities; he was baking."
    assert share_told(text, ["boat", "carry", "city", "bake"]) == 1
    assert share_told(text, ["storm", "car", "at", "boa"]) == 0
    assert share_told(text, ["gale|boat", "gale|wind"]) == 0.5
    assert share_told(text, []) == 1


def test_variety_counts_distinct_runs_of_four():
    assert variety("one two three four five") == 1
    assert variety("a b c d " * 25) == pytest.approx(4 / 97)
    assert variety("too short now") == 0


def test_content_is_told_times_varied_and_a_forbidden_name_voids_it():
    text = "one boat two lamps three bells four geese"
    assert content(text, ["boat", "storm"]) == 0.5
    assert content(f"{text} by Mark Twain", ["boat"], ["mark twain"]) == 0
    assert content(f"{text} by Mark Rutland", ["boat"], ["mark twain"]) == 1


def test_copied_is_the_share_of_borrowed_five_word_phrases():
    reference = "a b c d e f g"
    assert copied("A, b, c; d e f g.", reference) == 1
    assert copied("a b c d e x y", reference) == pytest.approx(1 / 3)
    assert copied("g f e d c b a", reference) == 0
    assert copied("a b c d", reference) == 0  # too short for a phrase


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("a b c d o e f g", 3 / 4),  # e, f and g of the four words that could end a phrase
        ("a o b o c o d o e o f o g", 3 / 9),
        ("a o o o b c d e", 1 / 4),
        ("a o o o o b c d e", 0),  # a gap of four hides
        ("a c e g i", 1),
        ("a d g j m", 0),
        ("b a c d e f", 1 / 2),  # turned round: e is the fourth of its order, f the fifth
    ],
)
def test_neither_filler_nor_gaps_hide_a_copy(text, share):
    assert copied(text, "a b c d e f g h i j k l m") == pytest.approx(share)


def phrase_ends(text, reference, length=5):
    """A second implementation: every way to walk back from a word, one step at a time."""

    def walks(i, j, left):
        return left == 1 or any(
            walks(k, m, left - 1)
            for k in range(max(0, i - 4), i)
            for m in (j - 1, j - 2)
            if m >= 0 and text[k] == reference[m]
        )

    return sum(
        any(word == reference[j] and walks(i, j, length) for j in range(len(reference))) for i, word in enumerate(text)
    )


def test_copied_agrees_with_a_search():
    rng = random.Random(0)
    for _ in range(60):
        text, reference = (rng.choices("abcdef", k=rng.randint(5, 30)) for _ in range(2))
        expected = phrase_ends(text, reference) / (len(text) - 4)
        assert copied(" ".join(text), " ".join(reference)) == pytest.approx(expected)
