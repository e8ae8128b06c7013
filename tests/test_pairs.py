"""Preference pairs: their file, their tokens, and how they are built."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from toy_pairs import write
from toys import build_tokenizer, save_toy_model

import ludex
from ludex import cli
from ludex.agents.build_pairs import Progress, Recipe, build_pairs
from ludex.agents.pairs import Pair, collate_pairs, group_sizes, parse_pair, read_pairs, tokenise
from ludex.agents.render import Renderer
from ludex.core import Task

USER, REPLY = "user", "assistant"


def message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


# The file.


def test_rows_are_texts_or_messages(tmp_path: Path) -> None:
    rows = [
        {"prompt": "q", "chosen": "a", "rejected": "b", "group": "x", "more": 3},
        {
            "prompt": [message("system", "rules"), message(USER, "q")],
            "chosen": [message(REPLY, "1"), message(USER, "no"), message(REPLY, "2")],
            "rejected": [message(REPLY, "1")],
            "group": 7,
        },
    ]
    assert read_pairs(write(tmp_path / "p.jsonl", rows)) == [
        Pair((message(USER, "q"),), ("a",), ("b",), "x"),
        Pair((message("system", "rules"), message(USER, "q")), ("1", "no", "2"), ("1",), "7"),
    ]
    assert [pair.group for pair in read_pairs(tmp_path / "p.jsonl", "")] == ["", ""]
    assert group_sizes([Pair((), (), (), g) for g in "bab"]) == {"a": 1, "b": 2}


GOOD = {"prompt": "q", "chosen": "a", "rejected": "b", "group": "x"}


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ([1], "must be an object with prompt, chosen, rejected, group"),
        ({**GOOD, "rejected": "a"}, "chosen and rejected are the same"),
        ({"prompt": "q", "chose": "a", "rejected": "b", "group": "x"}, "no column 'chosen'; did you mean 'chose'"),
        (
            {"prompt": "q", "chosen": "a", "rejected": "b"},
            "no column 'group'; known: chosen, prompt, rejected, or data.group = \"\" for one group$",
        ),
        ({**GOOD, "prompt": 3}, "prompt must be a text or a list of messages"),
        ({**GOOD, "prompt": []}, "prompt must be a text or a list of messages"),
        ({**GOOD, "chosen": [{"role": "bot", "content": "x"}]}, "chosen must be a text or a list of messages"),
        ({**GOOD, "chosen": "\ud800"}, "chosen holds a lone surrogate"),
        ({**GOOD, "prompt": [message(USER, "a\udfff")]}, "prompt holds a lone surrogate"),
        ({**GOOD, "group": "\ud83d"}, "group holds a lone surrogate"),
        ({**GOOD, "prompt": [message(REPLY, "q")]}, "the last message of prompt must be the user's"),
        ({**GOOD, "chosen": [message(REPLY, "q"), message(USER, "r")]}, "last message of chosen must be the assistant"),
        ({**GOOD, "rejected": [message(USER, "q"), message(REPLY, "r")]}, "rejected must begin with the assistant"),
        ({**GOOD, "group": None}, "group = None must be a text or a number"),
    ],
)
def test_a_bad_row_is_one_line_that_names_it(row: Any, what: str, tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(json.dumps(GOOD) + "\n\n" + json.dumps(row) + "\n")
    with pytest.raises(ValueError, match=what) as raised:
        read_pairs(path)
    assert str(raised.value).startswith(f"{path}:3: ")
    assert "\n" not in str(raised.value)


def test_no_json_and_no_rows_are_one_line(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    for text, what in (("{", "p.jsonl:1: "), ("[" * 100_000, "p.jsonl:1: "), ("\n", "holds no pairs")):
        path.write_text(text)
        with pytest.raises(ValueError, match=what):
            read_pairs(path)


def test_a_file_that_is_not_utf_8_is_one_line_that_names_the_place(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    good = json.dumps(GOOD).encode()
    path.write_bytes(good + b"\r\n" + good.replace(b'"a"', b'"\xe9"') + b"\n")
    with pytest.raises(ValueError, match="not UTF-8 text") as raised:
        read_pairs(path)
    at = good.index(b'"a"') + 1
    assert str(raised.value) == f"{path}:2: not UTF-8 text (invalid continuation byte at byte {at} of the line)"
    path.write_text(json.dumps({**GOOD, "chosen": "\u00e9\u2028\U0001f600"}, ensure_ascii=False) + "\n", "utf-8")
    assert read_pairs(path)[0].chosen == ("\u00e9\u2028\U0001f600",)


# Tokens.


def shown(trajectory: Any, tokenizer: Any) -> tuple[str, str]:
    """The row's text, and its mask as a string."""
    row = collate_pairs([(trajectory, trajectory)], [1]).rows([0])
    n = int(row.length[0])
    tokens = tokenizer.convert_ids_to_tokens(row.tokens[0, :n].tolist())
    return "".join("/" if t == "<|end|>" else t[2] if len(t) > 1 else t for t in tokens), "".join(
        ".x"[int(m)] for m in row.mask[0, :n]
    )


def test_masks_as_strings() -> None:
    tokenizer = build_tokenizer()
    renderer = Renderer(tokenizer, {tokenizer.eos_token_id})
    pair = parse_pair(
        {
            "prompt": [message("system", "d"), message(USER, "ab")],
            "chosen": [message(REPLY, "ca"), message(USER, "b"), message(REPLY, "d")],
            "rejected": "bb",
            "group": "x",
        }
    )
    chosen, rejected = tokenise(pair, 5, 2, renderer)
    # Each special token by its third letter: s(ystem), u(ser), a(ssistant); "/" ends a message.
    assert shown(chosen, tokenizer) == ("sd/uab/aca/ub/ad/", ".........xxx....xx"[1:])
    assert shown(rejected, tokenizer) == ("sd/uab/abb/", "........xxx")
    batch = collate_pairs([(chosen, rejected)], [3, 4, 5])
    assert batch.correct.tolist() == [True, False]
    assert batch.group.tolist() == [5, 5]
    assert batch.domain.tolist() == [2, 2]
    assert batch.shared.tolist() == [0, 0]
    assert batch.sizes.tolist() == [[3, 4, 5]] * 2
    assert type(batch.rows([1])) is type(batch.to("cpu")) is type(batch)


# Building.


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_toy_model(tmp_path_factory.mktemp("toy"))


def recipe(**changes: Any) -> Recipe:
    return Recipe(**{"env": "guess", "model": "random", "k": 2, "solutions": True, **changes})


def test_pairs_are_judged_as_the_environment_judges(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    found = build_pairs(recipe(env="countdown", options={"numbers": 3}, group_by="difficulty"), path, 20)
    assert found.pairs == 20
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len({row["id"] for row in rows}) == 20
    for row in rows:
        task: Task = ludex.task(row["id"])
        assert row["prompt"] == task.prompt
        assert ludex.verify(row["chosen"], task).correct
        assert not ludex.verify(row["rejected"], task).correct
        assert row["group"] == task.info["difficulty"]
    assert len(read_pairs(path)) == 20


def test_several_turns_and_rules_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    build_pairs(recipe(group_by="level"), path, 5)
    for line, pair in zip(path.read_text().splitlines(), read_pairs(path), strict=True):
        task = ludex.task(json.loads(line)["id"])
        assert [m["role"] for m in pair.prompt] == ["system", "user"]
        assert list(pair.chosen[::2]) == task.info["solution"]
        env = ludex.make("guess")
        env.reset(options={"index": int(task.id.rsplit("/", 1)[1]), "split": "train"})
        said = [env.step(reply) for reply in pair.rejected[::2]]
        assert [step[0] for step in said[:-1]] == list(pair.rejected[1::2])
        assert said[-1][4]["score"].level == pair.group


def test_an_interrupted_file_ends_like_an_uninterrupted_one(model: str, tmp_path: Path) -> None:
    for name, made in (("random", recipe()), ("model", recipe(env="arithmetic", model=model, max_new_tokens=8))):
        whole = tmp_path / f"{name}-whole.jsonl"
        total = build_pairs(made, whole, 40)
        assert total.pairs == 40
        path = tmp_path / f"{name}.jsonl"
        build_pairs(made, path, 21)
        assert path.read_bytes() == b"".join(whole.read_bytes().splitlines(keepends=True)[:21])
        with path.open("a") as cut:
            cut.write('{"id": "a row that a kill cut sho')
        assert build_pairs(made, path, 40) == total
        assert path.read_bytes() == whole.read_bytes()
        assert build_pairs(made, path, 40).pairs == 40  # nothing left to do
        assert path.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("n", [3, 16, 20])
def test_the_counts_are_those_of_the_rows(n: int, tmp_path: Path) -> None:
    path, made = tmp_path / "p.jsonl", recipe(env="play-tictactoe", solutions=False)
    found = build_pairs(made, path, n)
    ids = [json.loads(line)["id"] for line in path.read_text().splitlines()]
    assert (found.pairs, found.tasks) == (n, int(ids[-1].rpartition("/")[2]) + 1)
    assert found.all_right + found.all_wrong == found.tasks - n
    assert build_pairs(made, path, n) == found


def test_options_that_json_does_not_know_can_be_resumed(tmp_path: Path) -> None:
    path, made = tmp_path / "p.jsonl", recipe(env="countdown", options={"target": (10, 90)})
    build_pairs(made, path, 2)
    assert build_pairs(made, path, 4).pairs == 4
    assert len(read_pairs(path)) == 4
    with pytest.raises(ValueError, match=r"was begun with options = \{'target': \[10, 90\]\}"):
        build_pairs(recipe(env="countdown", options={"target": (10, 91)}), path, 6)


def test_what_gives_no_pair_is_counted(tmp_path: Path) -> None:
    found = build_pairs(recipe(model="oracle", solutions=False), tmp_path / "a.jsonl", 5, tasks=20)
    assert found == Progress(tasks=20, all_right=20)
    found = build_pairs(recipe(env="arithmetic", solutions=False), tmp_path / "b.jsonl", 5, tasks=20)
    assert found == Progress(tasks=20, all_wrong=20)


def test_a_file_of_another_recipe_or_hand_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    build_pairs(recipe(), path, 3)
    with pytest.raises(ValueError, match="was begun with seed = 0, not 1; choose another -o"):
        build_pairs(recipe(seed=1), path, 3)
    card = path.with_name("p.jsonl.card.json")
    path.write_text("")
    card.write_text(card.read_text().replace('"pairs": 0', '"pairs": 3'))
    with pytest.raises(ValueError, match="has lost rows"):
        build_pairs(recipe(), path, 30)
    card.write_text("{}")
    with pytest.raises(ValueError, match="is no card of a file of pairs"):
        build_pairs(recipe(), path, 3)
    card.unlink()
    with pytest.raises(ValueError, match=r"exists and has no p.jsonl.card.json"):
        build_pairs(recipe(), path, 3)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "p.jsonl")
    words = ["data", "pairs", "countdown", "--model", "random", "--solutions", "-k", "2", "-o", out, "numbers=3"]
    assert cli.main([*words, "-n", "4"]) == 0
    said, then = capsys.readouterr().out.splitlines()
    assert said.startswith(f"4 pairs from 4 tasks in {out}; 0 were always right, 0 never")
    assert then.endswith(f"ludex train FILE.toml algorithm=dpo data.path={out}")
    assert len(read_pairs(out)) == 4
    assert cli.main([*words, "-n", "40", "--tasks", "16"]) == 1  # fewer than asked for


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("cuontdown", "--model", "random"), "did you mean 'countdown-v0'"),
        (("countdown", "--model", "random", "nmbers=3"), "did you mean 'numbers'"),
        (("countdown", "--model", "random", "--group-by", "dificulty"), "did you mean 'difficulty'"),
        (("countdown", "--model", "random", "-k", "0"), "k=0 must be at least 1"),
        (("countdown", "--model", "openai:nowhere"), "must read openai:URL#model"),
    ],
)
def test_mistakes_are_one_line_and_leave_no_file(
    words: tuple[str, ...], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["data", "pairs", *words, "-o", str(tmp_path / "p.jsonl")]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert message in err
    assert list(tmp_path.iterdir()) == []
