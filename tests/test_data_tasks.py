"""`ludex data tasks`: the same bytes for any number of workers and kills, no duplicates, three formats."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest

import ludex
from ludex import cli
from ludex.code2logic.dataset.build import MANIFEST, WORK, Request, build
from ludex.code2logic.dataset.card import states
from ludex.code2logic.dataset.draw import PATIENCE, Selection
from ludex.code2logic.dataset.read import read_tasks
from ludex.code2logic.games import GAMES, load
from ludex.envs.core import split_of

GAME, N, SEED = "gameqa-tictactoe", 130, 8  # the stream repeats itself at index 52
HERE = Path(__file__).parent
RATE = re.compile(r" Drawn at [\d,]+ tasks per CPU second\.")


def call(folder: Path, *words: object, **options) -> subprocess.CompletedProcess[str]:
    """Run the command in `folder`."""
    return subprocess.run(line(*words), cwd=folder, capture_output=True, text=True, env=env(), check=False, **options)


def line(*words: object) -> list[str]:
    return [sys.executable, "-m", "ludex.cli", "data", "tasks", *map(str, words)]


def env() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(HERE)}


def digests(folder: Path) -> dict[str, str]:
    """A hash of every file; of the card without the rate, which depends on the machine."""
    found = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        data = path.read_bytes()
        if path.name == "README.md":
            data = RATE.sub("", data.decode()).encode()
        found[str(path.relative_to(folder))] = hashlib.sha256(data).hexdigest()
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """An uninterrupted data set, by one process."""
    folder = tmp_path_factory.mktemp("whole") / "out"
    build(Request(GAME, N, seed=SEED, format="jsonl"), folder)
    return folder


def test_the_folder_holds_what_the_request_asks_for(whole):
    rows = (whole / "data.jsonl").read_text().splitlines()
    assert len(rows) == N
    assert {path.name for path in whole.iterdir()} == {
        "data.jsonl", "images", "states", "sheets", "README.md", MANIFEST,
    }  # fmt: skip
    assert len(list((whole / "images").iterdir())) == len(list((whole / "states").iterdir())) == N
    source, seen, kept = ludex.task_source(GAME, seed=SEED), set(), []
    index = 0
    while len(kept) < N:  # the first N distinct problems
        if source[index].info["key"] not in seen:
            seen.add(source[index].info["key"])
            kept.append(source[index])
        index += 1
    assert list(read_tasks(whole)) == kept
    built = json.loads((whole / MANIFEST).read_text())["built"]
    assert built == {"tasks": N, "draws": index, "duplicates": index - N, "failed": 0}
    assert built["duplicates"] > 0  # else this test has seen none


def test_two_workers_write_the_same_bytes(whole, tmp_path):
    done = call(tmp_path, GAME, "-n", N, "--seed", SEED, "-o", "out", "--format", "jsonl", "--workers", 2)
    assert (done.returncode, done.stderr) == (0, "")
    assert digests(tmp_path / "out") == digests(whole)
    assert done.stdout.count("\n") == 2
    assert "130 tasks in out" in done.stdout


def wait_for(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def chunks(folder: Path) -> int:
    return len(list((folder / WORK).glob("0*.jsonl")))


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_run_killed_several_times_ends_with_the_same_bytes(whole, tmp_path, workers):
    out = tmp_path / "out"
    words = line(GAME, "-n", N, "--seed", SEED, "-o", out, "--format", "jsonl", "--workers", workers)
    kills = 0
    while kills < 3 and not (out / MANIFEST).exists():
        before = chunks(out)
        process = subprocess.Popen(words, env=env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda before=before: chunks(out) > before or (out / MANIFEST).exists())
        workforce = children(process.pid)
        process.kill()
        process.wait()
        kills += not (out / MANIFEST).exists()
        wait_for(lambda pids=workforce: not any(alive(pid) for pid in pids))
    assert kills > 1
    assert call(tmp_path, *words[5:]).returncode == 0
    assert digests(out) == digests(whole)


def alive(pid: int) -> bool:
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_a_kill_while_the_files_are_put_in_place_is_mended(whole, tmp_path):
    out = tmp_path / "out"
    request = Request(GAME, N, seed=SEED, format="jsonl")
    words = line(GAME, "-n", N, "--seed", SEED, "-o", out, "--format", "jsonl")
    process = subprocess.Popen(words, env=env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: (out / WORK / "final" / "images" / "000100.png").exists())
    process.kill()
    process.wait()
    (out / WORK / "final" / "data.jsonl").rename(out / "data.jsonl")  # half a file, as if moved already
    (out / "images").mkdir()
    (out / "images" / "000000.png").write_bytes(b"rubbish")
    build(request, out)
    assert digests(out) == digests(whole)
    (out / WORK).mkdir()  # killed between the manifest and the removal of the working folder
    build(request, out, workers=1)
    assert digests(out) == digests(whole)


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_ctrl_c_stops_at_once_with_one_line(tmp_path, workers):
    out = tmp_path / "out"
    words = line("small_streams:Slow", "-n", 200, "-o", out, "--format", "jsonl", "--workers", workers)
    process = subprocess.Popen(words, env=env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    wait_for(lambda: (out / WORK / "request.json").exists())
    if workers == 2:
        wait_for(lambda: sum(map(importing, children(process.pid))) == 2)
    os.killpg(process.pid, signal.SIGINT)
    said, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert error.decode() == "ludex data: stopped; the same command goes on from here\n"
    assert said == b""


def importing(pid: int) -> bool:
    """Whether a process has come so far that Ctrl-C would print a traceback."""
    try:
        return "numpy" in Path(f"/proc/{pid}/maps").read_text()
    except OSError:
        return False


def test_a_killed_worker_is_one_line(tmp_path):
    out = tmp_path / "out"
    words = line("small_streams:Slow", "-n", 200, "-o", out, "--format", "jsonl", "--workers", 2)
    process = subprocess.Popen(words, env=env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for(lambda: len(children(process.pid)) > 2)
    os.kill(children(process.pid)[-1], signal.SIGKILL)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 2
    assert error.decode().startswith("ludex data: a worker was killed")
    assert error.count(b"\n") == 1


def test_the_selection_is_that_of_a_plain_loop():
    keys = [None if i % 11 == 5 else str(i * i % 97) for i in range(200)]
    selection = Selection(30)
    for key in keys:
        selection.offer(key)
    firsts = sorted({key: i for i, key in reversed(list(enumerate(keys))) if key}.values())[:30]
    looked = keys[: firsts[-1] + 1]
    assert selection.kept == firsts
    assert selection.drawn == len(looked)
    assert selection.failed == looked.count(None)
    assert selection.duplicates == len(looked) - looked.count(None) - 30


def test_a_stream_that_runs_out_ends_with_what_there_is(tmp_path):
    here = [n for n in range(60) if split_of(f"n{n}") == "train"]
    done = call(tmp_path, "small_streams:few", "-n", 1000, "-o", "out", "--format", "jsonl", "--workers", 2)
    assert done.returncode == 1
    assert done.stderr == ""
    assert done.stdout.startswith(f"only {len(here)} of 1,000 tasks: nothing new came any more\n")
    found = [task.info["key"] for task in read_tasks(tmp_path / "out")]
    assert sorted(found) == sorted(f"n{n}" for n in here)
    built = json.loads((tmp_path / "out" / MANIFEST).read_text())["built"]
    assert PATIENCE < built["draws"] < 3 * PATIENCE
    assert built["duplicates"] == built["draws"] - len(here)


def test_a_source_with_an_end_and_one_that_breaks_off(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(HERE)
    built = build(Request("small_streams:Rows", 100, format="jsonl"), tmp_path / "rows")
    assert (built.tasks, built.draws, built.duplicates) == (20, 40, 20)
    built = build(Request("small_streams:fragile", 200, format="jsonl"), tmp_path / "fragile")
    assert built.tasks == 200
    assert 10 < built.failed < 60  # one draw in ten, and those of other splits may break off too
    assert f"draws broken off by the generator: {built.failed}" in (tmp_path / "fragile" / "README.md").read_text()
    request = Request("small_streams:fragile", 200, format="parquet")
    assert build(request, tmp_path / "again") == built
    assert list(read_tasks(tmp_path / "again")) == list(read_tasks(tmp_path / "fragile"))
    assert build(request, tmp_path / "both", workers=2) == built
    assert digests(tmp_path / "both") == digests(tmp_path / "again")


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
@pytest.mark.parametrize("name", ["countdown", "math", "guess", "arithmetic", "gameqa-langton-ant"])
def test_tasks_read_back_are_those_of_the_stream(tmp_path, name, form):
    build(Request(name, 40, format=form, split="test", seed=3), tmp_path / "out")
    source = ludex.task_source(name, seed=3, split="test")
    found = list(read_tasks(tmp_path / "out"))
    assert found == [source[int(task.id.rpartition("/")[2])] for task in found]
    assert len({task.info["key"] for task in found}) == len(found) == (13 if name == "guess" else 40)


def test_datasets_opens_the_parquet_with_its_pictures(tmp_path, monkeypatch):
    monkeypatch.setattr("ludex.code2logic.dataset.formats.SHARD", 30)
    build(Request("gameqa-heldout", 70, {"difficulty": "easy"}, seed=2), tmp_path / "out")
    datasets = pytest.importorskip("datasets")
    files = {"data_files": str(tmp_path / "out" / "data" / "*.parquet"), "cache_dir": str(tmp_path / "cache")}
    rows = datasets.load_dataset("parquet", split="train", **files)
    assert sorted(p.name for p in (tmp_path / "out" / "data").iterdir()) == [
        f"train-0000{i}-of-00003.parquet" for i in range(3)
    ]
    assert len(rows) == 70
    assert rows.features["images"] == datasets.List(datasets.Image())
    assert rows.features["number"].dtype == "int64"
    source = ludex.task_source("gameqa-heldout", difficulty="easy", seed=2)
    for row in rows.select(range(0, 70, 9)):
        task = source[int(row["id"].rpartition("/")[2])]
        assert row["images"][0].size == (560, 560)
        assert row["images"][0].tobytes() == picture(task.images[0]).tobytes()
        assert json.loads(row["answer"]) == task.answer
        assert json.loads(row["state"]) == task.info["state"]
        assert {key: row[key] for key in ("game", "question", "number", "kind", "qa_level", "style", "why")} == {
            key: task.info[key] for key in ("game", "question", "number", "kind", "qa_level", "style", "why")
        }
    by_card = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert {split: len(found) for split, found in by_card.items()} == {"train": 70}


def picture(png: bytes):
    import io

    from PIL import Image

    return Image.open(io.BytesIO(png))


FIELDS = [
    "data_id", "qa_type", "question_id", "question_description", "image", "state",
    "plot_level", "qa_level", "question", "answer", "analysis",
]  # fmt: skip


def test_the_gameqa_layout(tmp_path):
    out = tmp_path / "out"
    build(Request("gameqa-indomain", 40, format="gameqa"), out)
    folders = sorted(out.glob("*_dataset"))
    assert len(folders) > 5
    total = 0
    for folder in folders:
        entries = json.loads((folder / "data.json").read_text())
        total += len(entries)
        assert len({entry["data_id"] for entry in entries}) == len(entries)
        for entry in entries:
            assert list(entry) == [*FIELDS, *(["options"] if "options" in entry else [])]
            assert entry["plot_level"] in ("Easy", "Medium", "Hard")
            assert entry["qa_level"] in ("Easy", "Medium", "Hard")
            assert entry["qa_type"] in ("Target Perception", "State Prediction", "Strategy Optimization")
            assert picture((folder / entry["image"]).read_bytes()).size == (560, 560)
            assert json.loads((folder / entry["state"]).read_text())
            assert isinstance(entry["question_id"], int | None)  # None for a question that GameQA does not have
            assert isinstance(entry["answer"], str)
            if "options" in entry:
                assert [option[:3] for option in entry["options"]] == [
                    f"{letter}. " for letter in "ABCDEFGHIJ"[: len(entry["options"])]
                ]
                assert entry["answer"] in "ABCDEFGHIJ"[: len(entry["options"])]
    assert total == 40


@pytest.mark.parametrize("game", ["tictactoe", "sokoban"])
def test_answers_follow_from_the_state_files(tmp_path, game):
    """By the checkers of tests/games, which share no code with Ludex, from what stands on disk alone."""
    checker = import_module(f"games.{game}")
    for form in ("jsonl", "gameqa"):
        build(Request(f"gameqa-{game}", 25, format=form, seed=5), tmp_path / form)
    rows = [json.loads(row) for row in (tmp_path / "jsonl" / "data.jsonl").read_text().splitlines()]
    entries = json.loads((tmp_path / "gameqa" / "data.json").read_text())
    for row, entry in zip(rows, entries, strict=True):
        state = json.loads((tmp_path / "gameqa" / entry["state"]).read_text())
        assert state == json.loads((tmp_path / "jsonl" / row["state"]).read_text())
        right = getattr(checker, row["info"]["question"])
        if "options" in entry:
            for option in entry["options"]:
                assert right(state, row["info"]["asked"], option[3:]) == (option[0] == entry["answer"])
        else:
            assert all(right(state, row["info"]["asked"], gold) for gold in row["answer"]["accept"])


def test_the_card_counts_what_is_there(whole):
    card = (whole / "README.md").read_text()
    tasks = list(read_tasks(whole))
    for question in ("piece_at", "best_move", "best_reply"):
        mine = [task for task in tasks if task.info["question"] == question]
        levels = Counter(task.info["difficulty"] for task in mine)
        letter, count = Counter(sorted(task.answer["letter"] for task in mine)).most_common(1)[0]
        row = next(line for line in card.splitlines() if line.startswith(f"| tictactoe | {question} |"))
        counted = " | ".join(str(n) for n in (levels["easy"], levels["medium"], levels["hard"], len(mine)))
        assert f"| {question} | {counted} |" in row
        assert row.endswith(f"| {letter} ({count / len(mine):.0%}) |")
    colours = Counter(
        t.answer["options"]["ABC".index(t.answer["letter"])] for t in tasks if t.info["question"] == "piece_at"
    )
    assert len(colours) == 3
    assert all(f"{colour} ({n / colours.total():.0%})" in card for colour, n in colours.items())
    assert re.search(RATE, card)
    assert 'The nine cells row by row, each "R", "B" or ".".' in card
    assert "ludex data tasks gameqa-tictactoe-v0 -n 130 -o DIR --seed=8 --split=train --format=jsonl" in card
    assert picture((whole / "sheets" / "tictactoe.png").read_bytes()).width > 1000


@pytest.mark.parametrize("game", GAMES)
def test_the_card_says_what_a_state_holds(game):
    said = states(load(game))
    state = type(load(game).start(random.Random(0), load(game).sizes["easy"]))
    assert "State(" not in said, "the docstring that a dataclass gives itself says nothing"
    assert inspect.cleandoc(state.__doc__) in said
    fields = ludex.task_source(f"gameqa-{game}")[0].info["state"]
    assert f"Fields: {', '.join(f'`{name}`' for name in fields)}." in said


MISTAKES = [
    (("gameqa-sokobam",), "did you mean 'gameqa-sokoban-v0'"),
    ((GAME, "question=best_mve"), "tictactoe: no question 'best_mve'; did you mean 'best_move'"),
    ((GAME, "difficulty=hrd"), "tictactoe: no difficulty 'hrd'; did you mean 'hard'"),
    ((GAME, "questoin=best_move"), "did you mean 'question'"),
    ((GAME, "style=papr"), "did you mean 'paper'"),
    ((GAME, "-n", "0"), "'0' must be a whole number, 1 or more"),
    ((GAME, "-n", "-3"), "'-3' must be a whole number, 1 or more"),
    ((GAME, "-n", "few"), "whole number"),
    ((GAME, "--workers", "0"), "'0' must be a whole number, 1 or more"),
    ((GAME, "--format", "csv"), "invalid choice"),
    ((GAME, "--split", "tets"), "invalid choice"),
    ((GAME, "--wrokers", "2"), "did you mean '--workers'"),
    (("countdown", "--format", "gameqa"), "take parquet or jsonl"),
    (("json:thing",), "json has no 'thing'"),
    (("small_streams:held",), "small_streams:held/train/0/0: info.seen is of type set"),
    (("small_streams:looped",), "small_streams:looped/train/0/0: it is no JSON data"),
    (("math-jsonl",), ""),
]


@pytest.mark.parametrize(("words", "message"), MISTAKES, ids=[" ".join(words) for words, _ in MISTAKES])
def test_mistakes_are_one_line_and_write_nothing(tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.syspath_prepend(HERE)
    monkeypatch.chdir(tmp_path)
    try:
        status = cli.main(["data", "tasks", *words, "-o", "out"])
    except SystemExit as left:
        status = left.code
    captured = capsys.readouterr()
    assert (status, captured.out) == (2, "")
    assert captured.err.count("\n") == 1
    assert message in captured.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_a_generator_that_breaks_is_named_with_its_task(tmp_path, monkeypatch, workers):
    monkeypatch.syspath_prepend(HERE)
    source, first = ludex.task_source("small_streams:broken"), 0
    while sound(source, first):
        first += 1
    done = call(tmp_path, "small_streams:broken", "-n", 500, "-o", "out", "--format", "jsonl", "--workers", workers)
    assert (done.returncode, done.stdout) == (2, "")
    place = r"[^\n]*small_streams\.py:\d+"
    assert re.fullmatch(rf"ludex data: task {first}: the generator raised KeyError: 'boom' \({place}\)\n", done.stderr)


def sound(source, index: int) -> bool:
    try:
        return bool(source[index])
    except KeyError:
        return False


@pytest.mark.parametrize("harm", ["cut", "empty", "no JSON", "no task", "longer"])
def test_a_chunk_that_is_not_whole_is_drawn_again(whole, tmp_path, harm):
    out = tmp_path / "out"
    words = line(GAME, "-n", N, "--seed", SEED, "-o", out, "--format", "jsonl")
    process = subprocess.Popen(words, env=env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: chunks(out) > 1)
    process.kill()
    process.wait()
    chunk = min((out / WORK).glob("0*.jsonl"))
    text = chunk.read_text()
    lines = text.splitlines(keepends=True)
    chunk.write_text(
        {
            "cut": text[: len(text) // 2],
            "empty": "",
            "no JSON": "".join(["rubbish\n", *lines[1:]]),
            "no task": "".join(["[1]\n", *lines[1:]]),
            "longer": text + lines[0],
        }[harm]
    )
    build(Request(GAME, N, seed=SEED, format="jsonl"), out)
    assert digests(out) == digests(whole)


def test_a_folder_of_something_else_is_refused(tmp_path):
    request = Request("countdown", 20, format="jsonl")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    with pytest.raises(ValueError, match=r"other files in it \(thesis.txt\)"):
        build(request, tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        build(request, tmp_path / "file")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / MANIFEST).write_text('{"name": "a web page"}')
    with pytest.raises(ValueError, match=r"other files in it"):
        build(request, tmp_path / "other")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n": 21}, "n = 20, not 21"),
        ({"seed": 1}, "seed = 0, not 1"),
        ({"split": "test"}, 'split = "train", not "test"'),
        ({"options": {"numbers": 3}}, 'options = {}, not {"numbers": 3}'),
        ({"format": "parquet"}, 'format = "jsonl", not "parquet"'),
        ({"id": "arithmetic"}, 'id = "countdown-v0", not "arithmetic-v0"'),
    ],
)
def test_another_request_is_refused_with_the_difference(tmp_path, change, message):
    first = {"id": "countdown", "n": 20, "format": "jsonl"}
    build(Request(**first), tmp_path / "done")
    before = digests(tmp_path / "done")
    begun = tmp_path / "begun"
    (begun / WORK).mkdir(parents=True)
    (begun / WORK / "request.json").write_text(Request(**first).to_json())
    for folder in (tmp_path / "done", begun):
        with pytest.raises(ValueError, match=re.escape(message)):
            build(Request(**{**first, **change}), folder)
    assert digests(tmp_path / "done") == before


def test_two_runs_do_not_write_into_one_folder(tmp_path):
    out = tmp_path / "out"
    words = ("small_streams:Slow", "-n", 200, "-o", out, "--format", "jsonl")
    process = subprocess.Popen(line(*words), env=env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: (out / WORK / "request.json").exists())
    second = call(tmp_path, *words)
    process.kill()
    process.wait()
    assert second.returncode == 2
    assert "another process is writing into" in second.stderr
    assert second.stderr.count("\n") == 1


def limit_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))  # a chunk with 32 pictures is larger


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_file_that_cannot_be_written_is_one_line_and_not_trusted(whole, tmp_path, workers):
    words = (GAME, "-n", N, "--seed", SEED, "-o", "out", "--format", "jsonl", "--workers", workers)
    done = call(tmp_path, *words, preexec_fn=limit_files)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "File too large" in done.stderr
    assert {path.name for path in (tmp_path / "out" / WORK).iterdir()} == {"request.json"}
    build(Request(GAME, N, seed=SEED, format="jsonl"), tmp_path / "out")
    assert digests(tmp_path / "out") == digests(whole)


@pytest.mark.parametrize("form", [pytest.param("jsonl", marks=pytest.mark.slow), "parquet"])
def test_a_full_disk_is_one_line_and_the_run_goes_on_with_more_room(tmp_path, form):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("no right to mount a small disk")
    try:
        words = ("gameqa-maze", "-n", 50, "-o", disk / "out", "--format", form)
        for size in ("1M", "1700k"):  # too small for the chunks, then for the files beside the chunks
            subprocess.run(["mount", "-o", f"remount,size={size}", disk], check=True)
            done = call(tmp_path, *words)
            assert done.returncode == 2, (size, done.stdout)
            assert done.stderr.count("\n") == 1, done.stderr
            assert "No space left on device" in done.stderr
            assert {path.name for path in (disk / "out").iterdir()} == {WORK}
            names = {path.name for path in (disk / "out" / WORK).iterdir()}
            assert names <= {"request.json", "000000000.jsonl", "000000032.jsonl"}
        subprocess.run(["mount", "-o", "remount,size=20M", disk], check=True)
        assert call(tmp_path, *words).returncode == 0
        build(Request("gameqa-maze", 50, format=form), tmp_path / "out")
        assert digests(disk / "out") == digests(tmp_path / "out")
    finally:
        subprocess.run(["umount", disk], check=True)
