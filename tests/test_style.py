"""ludex/style-v0: the counted measure, verdicts and the environment."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from collections import Counter

import gymnasium
import numpy as np
import pytest
import style_authors

import ludex
from ludex.core import Status
from ludex.envs.style import BUILT_IN, cut, measure, read_authors
from ludex.rewards.passages import END, copied
from ludex.rewards.style import CUTS, SCALE
from ludex.rewards.stylometry import FUNCTION_WORDS, Stylometry


def source(split="train", **options):
    return ludex.task_source("style", split=split, **options)


def answer(passage, end=f"\n{END}"):
    return f"<answer>{passage}{end}</answer>"


def body(task):
    """The passage of the worked solution."""
    return task.info["solution"].removeprefix("<answer>").removesuffix(f"\n{END}</answer>")


# ---- the counted measure ------------------------------------------------------------------------


def affinity(a, b):
    """A second implementation: the mean of three Bhattacharyya coefficients."""

    def coefficient(one, two):
        n, m = sum(one.values()), sum(two.values())
        return sum(math.sqrt(one[k] / n * two[k] / m) for k in one) if n and m else 0.0

    def small(text):
        return Counter(w for w in re.findall(r"[a-z']+", text.lower()) if w in FUNCTION_WORDS)

    def marks(text):
        return Counter(c for c in text if c in '.,;:!?()"-')

    def rhythm(text):
        counts = [len(re.findall(r"[A-Za-z']+", s)) for s in re.split(r"[.!?]+", text)]
        classes = [(1, 4), (5, 8), (9, 12), (13, 18), (19, 26), (27, 40), (41, 10**6)]
        return Counter({c: sum(n for n in counts if c[0] <= n <= c[1]) for c in classes})

    return sum(coefficient(f(a), f(b)) for f in (small, marks, rhythm)) / 3


def test_the_measure_is_the_mean_of_three_coefficients():
    texts = [passage for author in read_authors("", 70, 2) for passage in author.passages[:3]]
    vectors = Stylometry().encode(texts)
    assert vectors @ vectors.T == pytest.approx(np.array([[affinity(a, b) for b in texts] for a in texts]))
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1)


def test_texts_without_words_have_a_vector_too():
    assert Stylometry().encode(["", "?!", "123"]).shape == Stylometry().encode(["The boat."] * 3).shape
    assert Stylometry().encode([]).shape[0] == 0


def test_every_built_in_passage_is_nearest_to_its_own_author():
    authors, encoder = read_authors("", 70, 2), Stylometry()
    for author in authors:
        for passage in author.passages:
            near = {}
            for other in authors:
                rest = "\n\n".join(p for p in other.passages if p != passage)
                near[other.name] = float(encoder.encode([passage])[0] @ encoder.encode([rest])[0])
            assert max(near, key=near.get) == author.name


def test_one_authors_texts_are_more_alike_than_strangers():
    same, cross = measure(read_authors("", 70, 2), 2)
    assert min(same) > max(cross)


# ---- verdicts -----------------------------------------------------------------------------------


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_the_parts_of_worked_solutions(split):
    tasks = source(split)
    for i in range(10):
        score = ludex.verify(tasks[i].info["solution"], tasks[i])
        assert score.level == "good"
        assert score.parts["content"] > 0.95
        assert score.parts["completeness"] == 1
        assert score.parts["total"] == pytest.approx(
            0.6 * score.parts["style"] + 0.3 * score.parts["content"] + 0.1 * score.parts["completeness"]
        )


def test_another_authors_words_are_in_another_style():
    tasks = source()
    own = {tasks[i].info["author"]: body(tasks[i]) for i in range(30)}
    assert len(own) == 4
    for i in range(10):
        for author, passage in own.items():
            if author != tasks[i].info["author"]:
                score = ludex.verify(answer(passage), tasks[i])
                assert score.parts["style"] < 0.5
                assert not score.correct


def test_the_reference_itself_is_no_answer():
    task = source()[0]
    score = ludex.verify(answer(task.answer["reference"] + " " + " ".join(task.answer["points"])), task)
    assert score.parts["original"] == 0
    assert score.parts["style"] > 0.9
    assert score.level == "far"


def taken(task, change):
    """The first words of the reference, changed, and the plot words behind them."""
    found = task.answer["reference"].split()[: int(0.85 * task.answer["words"])]
    return answer(" ".join([*change(found), *task.answer["points"]]) + ".")


@pytest.mark.parametrize(
    "change",
    [
        lambda found: [w for i, word in enumerate(found) for w in ([word, "o"] if i % 4 == 3 else [word])],
        lambda found: [w for word in found for w in (word, "o")],
        lambda found: [w for i, word in enumerate(found) for w in ([word, "the"] if i % 3 == 2 else [word])],
        lambda found: [word for i, word in enumerate(found) if i % 5 != 4],
    ],
    ids=["a letter after every fourth", "a letter after every one", "a small word", "every fifth left out"],
)
def test_the_reference_in_disguise_is_no_answer(change):
    tasks = source()
    for i in range(20):
        score = ludex.verify(taken(tasks[i], change), tasks[i])
        assert score.parts["original"] == 0
        assert score.level == "far"


def test_no_authors_own_passage_counts_as_copied():
    tasks = source()
    for i in range(20):
        reference = tasks[i].answer["reference"]
        others = [p for author in read_authors("", 70, 2) for p in author.passages if p not in reference]
        assert max(copied(passage, reference) for passage in others) < 0.1


def test_what_each_part_costs():
    task = source()[0]
    text, points, author = body(task), task.answer["points"], task.info["author"]
    whole = ludex.verify(answer(text), task).parts
    for point in points:
        plain = re.sub(rf"(?i)\b{point}\b", "thing", text)
        assert ludex.verify(answer(plain), task).parts["content"] < whole["content"] - 0.2
    assert ludex.verify(answer(f"{author} wrote: {text}"), task).parts["content"] == 0
    assert ludex.verify(answer(text, end=""), task).parts["completeness"] == 0
    assert ludex.verify(answer(text[:150]), task).parts["completeness"] == 0
    repeated = ludex.verify(answer(f"{text[:150]} " * 4), task).parts
    assert repeated["content"] < 0.5 * whole["content"]


def test_the_order_of_levels_follows_the_total():
    assert list(CUTS.values()) == [0, 0.2, 0.4, 0.6, 0.8]
    assert SCALE.threshold == pytest.approx(CUTS[SCALE.correct])  # pays are the middles of their classes


@pytest.mark.parametrize(
    ("response", "level"),
    [
        ("", "no answer"),
        ("A passage without marks.", "no answer"),
        ("<think><answer>One.</answer>", "no answer"),
        ("<answer>One.</answer><answer>Two.</answer>", "malformed"),
        ("<answer>" + "word " * 20_000 + "</answer>", "malformed"),
        ("<answer>one</answer>", "far"),
        ("<answer>\ud800 \x00 ?!</answer>", "far"),
    ],
)
def test_what_is_hardly_a_passage(response, level):
    score = ludex.verify(response, source()[0])
    assert (score.level, score.status) == (level, Status.OK)


def test_a_long_passage_is_read_whole():
    task = source()[0]
    longer = task.with_(answer={**task.answer, "words": 10 * task.answer["words"]})
    assert ludex.verify(answer("\n\n".join([body(task)] * 10)), longer).parts["completeness"] == 1


def test_lenient_reading_takes_a_bare_passage():
    task = source()[0]
    assert ludex.verify(f"{body(task)}\n{END}", task, extract="lenient").level == "good"
    assert ludex.verify(task.info["solution"], task, extract="lenient").level == "good"


def test_a_broken_judge_is_an_error_and_no_reward():
    task = source()[0]
    broken = task.with_(answer={**task.answer, "judge": "./there-is-no-such-folder"})
    score = ludex.verify(task.info["solution"], broken)
    assert score.status is Status.ERROR
    assert math.isnan(score.reward)
    assert "there-is-no-such-folder" in score.why


# ---- the environment ----------------------------------------------------------------------------


def test_the_total_can_be_the_reward():
    by_level, by_total = ludex.make("style"), ludex.make("style", reward="total")
    _, info = by_level.reset(seed=3)
    assert by_total.reset(seed=3)[1] == info
    assert by_level.step(info["solution"])[1] == 0.9
    _, reward, terminated, _, done = by_total.step(info["solution"])
    assert reward == done["score"].parts["total"] != 0.9
    assert terminated
    by_total.reset(seed=3)
    assert by_total.step("nothing")[1] == 0
    with pytest.raises(ValueError, match="did you mean 'total'"):
        ludex.make("style", reward="totl")


def test_gymnasium_makes_it():
    env = gymnasium.make("ludex/style-v0", words=70)
    prompt, info = env.reset(seed=1)
    assert "THE END." in prompt
    assert env.step(info["solution"])[4]["is_success"]


def test_references_never_hold_a_held_out_passage():
    held_out = {body(source(split)[i]) for split in ("valid", "test") for i in range(40)}
    references = "\n\n".join(source()[i].answer["reference"] for i in range(200))
    assert held_out
    assert not any(passage in references for passage in held_out)


def test_a_folder_of_ones_own(tmp_path):
    tasks = source(path=str(style_authors.write(tmp_path, 6)), words=40, points=2)
    solved = [ludex.verify(tasks[i].info["solution"], tasks[i]) for i in range(10)]
    assert all(score.level == "good" for score in solved)
    assert {tasks[i].info["author"] for i in range(40)} <= {f"author{i:02}" for i in range(6)}


def test_files_are_cut_into_passages_of_whole_paragraphs():
    text = "One two.\n\nThree four\nfive.\n\n" + "A b c. D e f. G h i. J k l. " * 2
    assert cut(text, 4) == ["One two.\n\nThree four five.", "A b c. D e f.", "G h i. J k l."]  # told twice, kept once


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"words": 5}, "words=5 must be 20 or more"),
        ({"calibration": "v3"}, "no calibration 'v3'"),
        ({"completeness": "v3"}, "no completeness 'v3'"),
        ({"content": "openai"}, "openai:URL#model"),
        ({"weights": [1, 2]}, "three numbers"),
        ({"weights": [0, 0, 0]}, "three numbers"),
        ({"judge": "./nothing-here"}, "must be a folder"),
        ({"path": "nothing-here"}, "it has 0"),
        ({"references": 8}, "references=8 needs 9"),
        ({"points": 60}, "no passage with 60 plot words"),
    ],
)
def test_wrong_options_get_one_clear_line(options, message):
    with pytest.raises(ValueError, match=re.escape(message)) as raised:
        source(**options)[0]
    assert "\n" not in str(raised.value)


def test_a_file_that_is_no_text_is_named(tmp_path):
    style_authors.write(tmp_path, 2)
    (tmp_path / "author01.txt").write_bytes(b"caf\xe9")
    with pytest.raises(ValueError, match=r"author01\.txt is not UTF-8 text"):
        source(path=str(tmp_path))[0]


def test_neither_the_default_nor_its_verdicts_load_torch():
    code = (
        "import sys, ludex; t = ludex.task_source('style')[0]; assert ludex.verify(t.info['solution'], t).correct; "
        "print([m for m in ('torch', 'sentence_transformers', 'openai') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_built_in_texts_are_four_authors_of_eight():
    assert len(list(BUILT_IN.glob("*.txt"))) == 4
    assert [len(author.passages) for author in read_authors("", 70, 2)] == [8, 8, 8, 8]
