"""Graded labels and pairs for a style judge."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import pytest
import style_authors

from ludex.rewards.passages import sentences
from ludex.rewards.style_pairs import (
    RATIOS,
    bins,
    build_pairs,
    grade,
    integrity,
    label,
    mask,
    plain_pairs,
    split_authors,
)

# ---- labels -------------------------------------------------------------------------------------


def test_grades_fall_for_one_author_and_rise_for_two_as_more_is_masked():
    for r, other in itertools.product((0.0, *RATIOS), repeat=2):
        for less, more in itertools.pairwise((0.0, *RATIOS)):
            assert grade(True, less, other) > grade(True, more, other) or integrity(less, other) < 0.19
            assert grade(False, less, other) < grade(False, more, other) or integrity(less, other) < 0.19
        assert grade(True, r, other) == grade(True, other, r)
        assert grade(True, r, other) + grade(False, r, other) == pytest.approx(1)
        assert label(True, r, other) == label(True, other, r)


def test_grades_end_where_they_should():
    assert (grade(True, 0, 0), grade(False, 0, 0)) == (1, 0)
    assert grade(True, 0.9, 0.9) == pytest.approx(0.5)
    assert grade(False, 0.9, 0.9) == pytest.approx(0.5)
    assert grade(True, 0.6, 0) == pytest.approx(0.5 + 0.5 * (0.8 - 0.19) / 0.81)  # the root of 1 - .36 is .8


def test_labels_are_tenths_without_the_middle():
    assert (label(True, 0, 0), label(False, 0, 0)) == (1.0, 0.0)
    assert (label(True, 0.1, 0), label(False, 0.1, 0)) == (
        0.9,
        0.1,
    )  # 1 and 0 are for untouched pairs
    assert (label(True, 0.6, 0), label(False, 0.6, 0)) == (0.9, 0.1)
    assert label(True, 0.9, 0.9) is None
    assert list(bins()) == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9, 1])
    assert all(label(*recipe) == value for value, recipes in bins().items() for recipe in recipes)


def test_the_longest_sentences_go_first_and_the_last_one_stays():
    text = "One. Two words. And three words. The very longest one of all."
    rng = random.Random(0)
    assert mask(text, 0, ["X."], rng) == text
    assert mask(text, 0.25, ["X."], rng) == "One. Two words. X. The very longest one of all."
    assert mask(text, 0.5, ["X."], rng) == "One. X. X. The very longest one of all."
    assert mask(text, 0.9, ["X."], rng) == "X. X. X. The very longest one of all."
    assert mask("Only one.", 0.9, ["X."], rng) == "Only one."


# ---- pairs --------------------------------------------------------------------------------------


def test_pairs_follow_from_the_seed_and_fill_the_bins_equally():
    authors = style_authors.authors(5)
    pairs = build_pairs(authors, 200, seed=1)
    assert pairs == build_pairs(dict(reversed(authors.items())), 200, seed=1)
    assert pairs != build_pairs(authors, 200, seed=2)
    assert set(Counter(pair.label for pair in pairs).values()) == {20}
    assert all(pair.same == (pair.label > 0.5) and pair.first != pair.second for pair in pairs)


def test_untouched_pairs_are_of_the_authors_they_say():
    authors = style_authors.authors(5)
    owner = {text: name for name, texts in authors.items() for text in texts}
    for pair in [*plain_pairs(authors, 100, 0), *(p for p in build_pairs(authors, 100, 0) if p.label in (0, 1))]:
        assert (owner[pair.first] == owner[pair.second]) is pair.same


def test_masked_sentences_come_from_the_given_authors():
    authors = style_authors.authors(4)
    known = {sentence for texts in authors.values() for text in texts for sentence in sentences(text)}
    for pair in build_pairs(authors, 50, 0):
        assert set(sentences(pair.first)) <= known


@pytest.mark.parametrize("count", [6, 25, 100])
def test_authors_are_in_one_split_each(count):
    names = [f"a{i}" for i in range(count)]
    splits = split_authors(names, seed=0)
    assert sorted(itertools.chain(*splits.values())) == sorted(names)
    assert min(map(len, splits.values())) >= 2
    assert splits != split_authors(names, seed=1)
    assert abs(len(splits["test"]) - 0.12 * count) <= 2


def test_too_few_are_refused():
    with pytest.raises(ValueError, match="needs six authors"):
        split_authors(["a"] * 5, 0)
    with pytest.raises(ValueError, match="two authors with two passages"):
        build_pairs({"a": ["x", "y"], "b": ["z"]}, 10, 0)
