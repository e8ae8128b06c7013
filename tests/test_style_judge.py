"""The trained judge: calibration, and a small encoder on authors that it never saw."""

from __future__ import annotations

import itertools
import json
import math
import random
import shutil
import subprocess
import sys
from importlib import util

import numpy as np
import pytest
import style_authors

import ludex
from ludex import cli
from ludex.lookup import MissingExtra
from ludex.rewards import style_judge
from ludex.rewards.style_judge import PUBLISHED, Calibration, calibration_of, check_judge, similarities
from ludex.rewards.style_pairs import (
    build_pairs,
)

# ---- calibration --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "cosine", "reward"),
    [
        ("v1", 0.048, 0.05),  # sigmoid(-3) is .0474, clipped
        ("v1", 0.3745, 0.5),
        ("v1", 0.701, 0.95),
        ("v1", 0.3745 + 0.653 / 6, 1 / (1 + math.exp(-1))),
        ("v2", 0.3, 0.316),
        ("v2", 0.75, 0.909),
        ("v2", 0.0597, 0),
        ("v2", 0.8192, 1),
    ],
)
def test_the_published_scales(formula, cosine, reward):
    assert PUBLISHED[formula].reward(cosine) == pytest.approx(reward, abs=6e-4)


@pytest.mark.parametrize("calibration", [*PUBLISHED.values(), Calibration("v1", 0.4, 0.4000001)])
def test_calibration_is_monotone_and_bounded(calibration):
    rewards = [calibration.reward(c) for c in np.linspace(-1, 1, 401)]
    assert rewards == sorted(rewards)
    assert 0 <= rewards[0] < rewards[-1] <= 1
    assert math.isnan(calibration.reward(math.nan))


def test_fitting_takes_means_or_quartiles():
    same, cross = [0.5, 0.7, 0.8, 0.9, 1.0], [0.0, 0.1, 0.2, 0.3, 0.9]
    means = Calibration.fit("v1", same, cross)
    assert (means.low, means.high) == pytest.approx((0.3, 0.78))
    assert Calibration.fit("v2", same, cross) == Calibration("v2", 0.1, 0.9)
    with pytest.raises(ValueError, match="does not tell them apart"):
        Calibration.fit("v1", cross, same)
    with pytest.raises(ValueError, match="no calibration 'v3'"):
        Calibration("v3", 0, 1)


def test_statistics_against_brute_force():
    from ludex.rewards.style_train import auc, spearman

    rng = random.Random(0)
    one, other = ([rng.randrange(8) for _ in range(40)] for _ in range(2))
    wins = [(a > b) + (a == b) / 2 for a in one for b in other]
    assert auc(one, other) == pytest.approx(sum(wins) / len(wins))
    stats = pytest.importorskip("scipy.stats")
    assert spearman(one, other) == pytest.approx(stats.spearmanr(one, other).statistic)
    assert spearman([1, 1], [1, 2]) == 0


def test_without_the_library_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr(style_judge, "find_spec", lambda name: None)
    check_judge("")
    with pytest.raises(MissingExtra, match=r"pip install 'ludex\[style\]'"):
        ludex.task_source("style", judge="some/model", words=71)[0]


# ---- a judge ------------------------------------------------------------------------------------

needs_library = pytest.mark.skipif(
    util.find_spec("sentence_transformers") is None, reason="needs pip install 'ludex[style]'"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return style_authors.write(tmp_path_factory.mktemp("authors"), 24)


@pytest.fixture(scope="module")
def trained(folder, tmp_path_factory):
    """The folder of a judge that the command has trained."""
    if util.find_spec("sentence_transformers") is None:
        pytest.skip("needs pip install 'ludex[style]'")
    output = tmp_path_factory.mktemp("judge") / "model"
    arguments = ["--words", "40", "--pairs", "600", "--epochs", "3", "--batch", "32", "--device", "cpu"]
    assert cli.main(["style", "train", str(folder), "-o", str(output), *arguments]) == 0
    return output


def test_it_tells_unseen_authors_apart(trained):
    kept = json.loads((trained / "report.json").read_text())
    found = kept["report"]
    assert found["same"] > found["cross"] + 0.2
    assert found["auc"] > 0.9
    assert found["accuracy"] > 0.75
    assert found["spearman"] > 0.4
    assert not set(found["authors"]["train"]) & {*found["authors"]["valid"], *found["authors"]["test"]}


def test_training_is_what_grades_masked_pairs(trained):
    """Against the same encoder before training, on pairs of the test authors."""
    from ludex.rewards.style_judge import SentenceEncoder
    from ludex.rewards.style_train import build_encoder, spearman

    authors = style_authors.authors(24)
    names = json.loads((trained / "report.json").read_text())["report"]["authors"]
    pairs = build_pairs({name: authors[name] for name in names["test"]}, 200, seed=9)
    texts = [text for name in names["train"] for text in authors[name]]

    def error(encoder):
        found = similarities(encoder, [p.first for p in pairs], [p.second for p in pairs])
        labels = [p.label for p in pairs]
        return float(np.mean((np.array(found) - labels) ** 2)), spearman(found, labels)

    before, after = error(SentenceEncoder.of(build_encoder(texts))), error(SentenceEncoder(str(trained), "cpu"))
    assert after[0] < 0.7 * before[0]
    assert after[1] > before[1]


def test_a_batch_scores_as_its_members_do(trained):
    encoder = style_judge.SentenceEncoder(str(trained), "cpu", batch=3)
    texts = [text for passages in style_authors.authors(4).values() for text in passages[:3]]
    references = texts[1:] + texts[:1]
    single = [similarities(encoder, [t], [r])[0] for t, r in zip(texts, references, strict=True)]
    assert similarities(encoder, texts, references) == pytest.approx(single, abs=1e-6)
    assert similarities(encoder, texts, texts) == pytest.approx([1] * len(texts), abs=1e-6)
    assert similarities(encoder, references, texts) == pytest.approx(single, abs=1e-6)  # symmetric
    assert len(similarities(encoder, ["", "\ud800\x00"], ["a", "b"])) == 2


@needs_library
def test_any_transformer_may_be_the_encoder(folder, tmp_path):
    """A tiny BERT of random weights, saved as such models are: padding to a batch must not change a score."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    texts = [text for passages in style_authors.authors(6).values() for text in passages]
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]"]
    tokenizer.train_from_iterator(texts, trainers.WordLevelTrainer(special_tokens=special, show_progress=False))
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = BertModel(BertConfig(vocab_size=tokenizer.get_vocab_size(), max_position_embeddings=256, **sizes))
    start, output = str(tmp_path / "bert"), tmp_path / "judge"
    network.save_pretrained(start)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(start)
    arguments = ["--words", "40", "--pairs", "300", "--epochs", "2", "--lr", "3e-3", "--device", "cpu"]
    assert cli.main(["style", "train", str(folder), "-o", str(output), "--encoder", start, *arguments]) == 0
    assert json.loads((output / "report.json").read_text())["report"]["auc"] > 0.6
    encoder = style_judge.SentenceEncoder(str(output), "cpu")
    alone = similarities(encoder, [texts[0][:40]], [texts[2]])[0]
    assert similarities(encoder, [texts[0][:40], texts[1]], [texts[2], texts[1]])[0] == pytest.approx(alone, abs=1e-5)


def test_the_same_verdict_in_another_process(trained, folder):
    options = {"path": str(folder), "words": 40, "points": 2, "judge": str(trained), "calibration": "v2"}
    task = ludex.task_source("style", **options)[0]
    assert task.answer["calibration"] == json.loads((trained / "calibration.json").read_text())["v2"]
    score = ludex.verify(task.info["solution"], task)
    assert score.status == "ok"
    code = (
        "import sys, ludex; from ludex.core import Task; t = Task.from_json(sys.stdin.read()); "
        "print(repr(ludex.verify(t.info['solution'], t).parts))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, input=task.to_json(), capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == repr(score.parts)


def test_as_a_reward_it_prefers_the_author(trained, folder):
    options = {"path": str(folder), "words": 40, "points": 2, "judge": str(trained), "calibration": "v1"}
    tasks = [ludex.task_source("style", **options)[i] for i in range(12)]
    own = [ludex.verify(task.info["solution"], task).parts["style"] for task in tasks]
    swapped = [
        ludex.verify(other.info["solution"], task).parts["style"]
        for task, other in itertools.permutations(tasks, 2)
        if task.info["author"] != other.info["author"]
    ]
    assert np.mean(own) > 0.7
    assert np.mean(swapped) < 0.5


def test_a_calibration_file_that_is_none_is_named(trained, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(trained, copy)
    (copy / "calibration.json").write_text('{"v1": {"low": 1}}')
    with pytest.raises(ValueError, match=r"calibration\.json: no calibration 'v1' can be read"):
        calibration_of(str(copy), "v1")
    assert calibration_of("somebody/model", "v2") == PUBLISHED["v2"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing-here"], "must be a folder of .txt files"),
        (["{folder}", "--words", "3"], "--words 3 must be 20 or more"),
        (["{folder}", "--pairs", "5"], "pairs=5 must be 10 or more"),
        (["{folder}", "-o", "{folder}"], "holds something that is no style judge"),
    ],
)
@needs_library
def test_the_command_refuses_in_one_line(arguments, message, folder, tmp_path, capsys):
    filled = [argument.replace("{folder}", str(folder)) for argument in arguments]
    assert cli.main(["style", "train", "-o", str(tmp_path / "model"), *filled]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
