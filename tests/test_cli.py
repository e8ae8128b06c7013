"""The command line: what it prints, what it returns, and one line for every mistake."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from foreign_games import Faulty

import ludex
from ludex import cli

FIRST = "countdown-v0/train/0/0"


@pytest.fixture
def run(capsys, monkeypatch):
    """Run the command here: (status, stdout, stderr)."""

    def call(*words: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        try:
            status = cli.main(words)
        except SystemExit as left:
            status = int(left.code or 0)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


def solution(task_id: str = FIRST) -> str:
    return ludex.task(task_id).info["solution"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("show", "cuontdown"), "did you mean 'countdown-v0'"),
        (("show", "countdown", "nmbers=3"), "did you mean 'numbers'"),
        (("show", "countdown", "numbers=x"), "numbers = 'x' must be int"),
        (("show", "countdown", "numbers"), "'numbers' must read key=value"),
        (("show", "countdown", "numbers=99"), "between 2 and 8"),
        (("show", "countdown", "numbers=3", "--json", "numbers=3"), "'numbers=3': numbers is given twice"),
        (("show", "countdown", "seed=-1"), "ludex show: seed is no option of the environment: write --seed S"),
        (("show", "steps", "split=test"), "split is no option of the environment: write --split train|valid|test"),
        (("show", "countdown", "name=3"), "countdown-v0 has no option 'name'"),
        (("show", "steps", "name=3"), "kitchen has no option 'name'"),
        (("play", "countdown", "seed=3"), "write --seed S"),
        (("eval", "oracle", "countdown", "seed=3"), "write --seed S"),
        (("check", "countdown", "seed=3"), "a check draws from several seeds and splits"),
        (("data", "tasks", "countdown", "seed=3", "-o", "x"), "write --seed S"),
        (("data", "pairs", "countdown", "seed=3", "--model", "oracle", "-o", "x"), "write --seed S"),
        (("data", "trajectories", "countdown", "split=test", "-o", "x"), "write --split"),
        (("data", "steps", "kitchen", "seed=3", "-o", "x"), "write --seed S"),
        (("data", "steps", "kitchen", "of=guess", "-o", "x"), "of is no option of the environment: it is the ID"),
        (("data", "steps", "kitchen", "plans=2", "-o", "x"), "write -n N"),
        (("train", "no-such-file.toml", "seed=1", "seed=2"), "seed is given twice"),
        (("show", "countdown", "--split", "tets"), "invalid choice"),
        (("show", "countdown", "--sede", "3"), "did you mean '--seed'"),
        (("show", "countdown", "--seed", "-3"), "whole number"),
        (("show", "countdown", "-n", "few"), "whole number"),
        (("list", "cuontdown"), "did you mean 'countdown-v0'"),
        (("verify", FIRST), "RESPONSE".lower()),
        (("verify", "countdown/train/0", "x"), "name?options/split/seed/index"),
        (("verify", FIRST, "x", "--file", "rows.jsonl"), "either"),
        (("verify", "--file", "no-such-file.jsonl"), "no-such-file.jsonl: No such file or directory"),
        (("check", "no_such_module:thing"), "no_such_module"),
        (("check", "json:thing"), "json has no 'thing'"),
        (("check", "countdown", "nmbers=3"), "did you mean 'numbers'"),
        (("show", "alfworld", "engine=alfworld"), "'engine' is an option of the environment, not of its tasks"),
        (("show", "steps", "binary=true"), "'binary' is an option of the environment, not of its tasks"),
        (("show", "countdown", "target=[5]"), "countdown-v0: target = [5] must have 2 values, not 1"),
        (("verify", "countdown-v0?difficulty=easy/train/0/0", "x"), "a text reads difficulty=%22easy%22"),
        (("eval", "oracle", "countdown", "-n", "0"), "must be a whole number, 1 or more"),
        (("eval", "oracle", "countdown", "-k", "0"), "must be a whole number, 1 or more"),
        (("eval", "oracle", "countdown", "--max-new-tokens", "0"), "must be a whole number, 1 or more"),
        (
            ("eval", "oracle", "countdown", "--json", "no/such/x.json"),
            "--json no/such/x.json: there is no folder no/su",
        ),
        (("eval", "oracle", "countdown", "--html", "/"), "--html /: this is a folder; name a file"),
        (("eval", "oracle", "countdown", "--episodes", "no/such"), "--episodes no/such: there is no folder no"),
        (("play", "no/such-v0"), "no"),
        (("eval", "oracle", "cuontdown"), "did you mean 'countdown-v0'"),
        (("eval", "random", "foreign_games:Unstartable"), "Unstartable cannot be started: OSError: no display :0"),
        (("train", "no-such-file.toml"), "no-such-file.toml"),
        (("train", "no-such-file.toml", "lr"), "'lr' must read key=value"),
        (("lst",), "invalid choice: 'lst'"),
        ((), "command"),
    ],
)
def test_mistakes_are_one_line_and_status_2(run, words, message):
    status, out, err = run(*words)
    assert status == 2
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("ludex")
    assert message in err


def test_help_and_version(run):
    assert run("--version")[:2] == (0, f"ludex {ludex.__version__}\n")
    status, out, _ = run("--help")
    assert status == 0
    for command in ("list", "show", "play", "verify", "check", "data", "eval", "train"):
        assert f"\n    {command} " in out
        assert run(command, "--help")[0] == 0
    assert "optim.lr=1e-4" in run("train", "--help")[1]


def test_list_names_every_environment(run):
    status, out, _ = run("list")
    assert status == 0
    rows = json.loads(run("list", "--json")[1])
    assert [row["id"] for row in rows] == [f"ludex/{name}" for name in ludex.envs.registry.names()]
    assert all(row["id"] in out for row in rows)


def test_list_says_what_to_install(run, monkeypatch):
    from ludex import commands

    monkeypatch.setattr(commands, "missing", lambda extra: ["sympy"])
    needs = {row["id"]: row["needs"] for row in json.loads(run("list", "--json")[1])}
    assert needs["ludex/math-v0"] == "pip install 'ludex[math]'"
    assert needs["ludex/countdown-v0"] == ""
    assert "pip install 'ludex[math]'" in run("list")[1]


def test_show_prints_the_tasks_of_the_stream(run):
    status, out, _ = run(
        "show", "countdown", "-n", "2", "numbers=3", "--seed", "5", "--split", "test", "difficulty=easy"
    )
    assert status == 0
    source = ludex.task_source("countdown", numbers=3, difficulty="easy", seed=5, split="test")
    for i in range(2):
        assert source[i].id in out
        assert source[i].prompt in out
        assert source[i].info["solution"] in out
    assert source[2].id not in out
    assert "no answer 0 < malformed 0.05 < wrong numbers 0.1 < wrong value 0.2 < correct* 1" in out


def test_show_json_reads_back_as_tasks(run):
    lines = run("show", "ludex/guess-v0", "-n", "3", "--json")[1].splitlines()
    source = ludex.task_source("guess")
    assert [ludex.Task.from_json(line) for line in lines] == [source[i] for i in range(3)]


def test_show_a_game_prints_its_own_levels_and_every_response(run):
    out = run("show", "guess", "-n", "1")[1]
    assert "not found 0.1 < found* 1" in out
    assert all(response in out for response in ludex.task_source("guess")[0].info["solution"])


def test_verify_prints_level_reward_and_why(run):
    assert run("verify", FIRST, solution())[1] == "correct, reward 1\n"
    assert run("verify", FIRST, "-", stdin=solution() + "\n")[1] == "correct, reward 1\n"
    assert run("verify", FIRST, "dunno")[1] == "no answer, reward 0: no answer marker\n"
    row = json.loads(run("verify", FIRST, "<answer>1+1</answer>", "--json")[1])
    assert row["id"] == FIRST
    assert row["level"] == "wrong numbers"
    assert row["reward"] == 0.1
    assert row["correct"] is False


def test_verify_a_file(run, tmp_path):
    path = tmp_path / "rows.jsonl"
    rows = [{"id": FIRST, "response": solution()}, {"id": FIRST, "response": "\ud800 <answer>1"}]
    path.write_text("\n\n".join(map(json.dumps, rows)))
    status, out, _ = run("verify", "--file", str(path))
    assert status == 0
    assert out.splitlines()[-1] == "1 of 2 correct, mean reward 0.5250, 0 without a verdict"
    assert [json.loads(line)["level"] for line in run("verify", "--file", str(path), "--json")[1].splitlines()] == [
        "correct",
        "malformed",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"id": "x"}',
        '{"response": "x"}',
        '{"id": "x/train/0/0", "response": ""}',
        '{"id": 3, "response": ""}',
    ],
)
def test_verify_names_the_line_that_is_wrong(run, tmp_path, line):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"id": FIRST, "response": ""}) + "\n" + line)
    status, _, err = run("verify", "--file", str(path))
    assert status == 2
    assert f"{path}:2: must be" in err
    assert err.count("\n") == 1


def test_play_one_step(run):
    task = ludex.task(FIRST)
    status, out, _ = run(
        "play", "countdown", "-n", "2", stdin=f"999+999\n{ludex.task('countdown-v0/train/0/1').info['solution']}\n"
    )
    assert status == 0
    assert task.prompt in out
    assert "wrong numbers, reward 0.1: uses too many: 999, 999" in out
    assert "countdown-v0/train/0/1" in out
    assert out.rstrip().endswith("correct, reward 1")


def test_play_many_turns_to_the_end_of_the_input(run):
    source = ludex.task_source("guess", largest=9, split="test", seed=4)
    guesses = [response.removeprefix("<answer>").removesuffix("</answer>") for response in source[0].info["solution"]]
    words = ("play", "guess", "largest=9", "--split", "test", "--seed", "4")
    status, out, _ = run(*words, stdin="\n".join(guesses) + "\n5\n")
    assert status == 0
    assert source[0].id in out
    assert f"found, reward 1: the number was {guesses[-1]}" in out
    assert source[1].id in out
    assert out.rstrip().endswith("Bye.")


def test_play_joins_lines_that_end_in_a_backslash(run):
    """The thought is cut away, so that the answer on the second line counts."""
    text = "<think>hm</think>\\\n" + solution()
    assert "correct, reward 1" in run("play", "countdown", "-n", "1", stdin=text)[1]


def test_play_takes_foreign_environments(run):
    status, out, _ = run("play", "broken:Door", "-n", "1", stdin="sesame\n")
    assert status == 0
    assert "reward 0, no success" in out


def test_check_returns_1_on_a_breach_and_0_without(run):
    status, out, _ = run("check", "broken:Door")
    assert (status, "all 5 rules hold" in out) == (0, True)
    status, out, _ = run("check", "broken:DeafDoor")
    assert (status, "1 of 5 rules do not hold" in out) == (1, True)
    status, out, _ = run("check", "broken:DeafDoor", "--json")
    assert status == 1
    assert [row["rule"] for row in json.loads(out) if not row["ok"]] == ["the solution plays to success"]


TASK_FILE = '''
from ludex import Task

def generate(rng, *, largest: int = 10**6) -> Task:
    """Doubling."""
    n = int(rng.integers(largest))
    info = {"solution": f"<answer>{2 * n}</answer>"}
    return Task(f"Double {n}. Answer as <answer>number</answer>.", 2 * n, "integer", info=info)
'''


def test_the_installed_command_finds_a_task_in_the_current_directory(tmp_path):
    (tmp_path / "mytask.py").write_text(TASK_FILE)
    ludex_command = str(Path(sys.executable).parent / "ludex")

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([ludex_command, *words], cwd=tmp_path, capture_output=True, text=True, check=False)

    done = call("check", "mytask:generate", "largest=5000")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all 17 rules hold" in done.stdout.replace("\n", " ")
    shown = call("show", "mytask:generate", "-n", "1", "--json").stdout
    task = ludex.Task.from_json(shown)
    assert call("verify", task.id, task.info["solution"]).stdout == "correct, reward 1\n"


def test_the_oracle_is_right_and_its_report_is_written(run, tmp_path):
    path = tmp_path / "report.json"
    status, out, _ = run("eval", "oracle", "guess", "-n", "3", "-k", "2", "largest=9", "--json", str(path))
    assert status == 0
    assert "100.0 %" in out
    report = json.loads(path.read_text())
    assert (report["n"], report["k"], report["pass_1"]) == (3, 2, 1.0)


def test_the_reward_from_which_an_episode_succeeds(run):
    words = ("eval", "oracle", "foreign_games:Memory", "-n", "3", "-k", "1")
    status, out, err = run(*words)
    assert status == 0
    assert "pass@1" in out
    assert err.count("\n") == 1
    assert "the environment reports neither `score` nor `is_success`; give --success-at X" in err
    status, out, err = run(*words, "--success-at", "2")
    assert (status, err) == (0, "")
    assert "100.0 %" in out


def test_every_episode_is_written_as_a_line(run, tmp_path):
    path = tmp_path / "episodes.jsonl"
    assert run("eval", "random", "guess", "-n", "4", "-k", "3", "largest=2", "turns=1", "--episodes", str(path))[0] == 0
    episodes = [json.loads(line) for line in path.read_text().splitlines()]
    assert sorted(episode["group"] for episode in episodes) == [i for i in range(4) for _ in range(3)]
    for episode in episodes:
        assert episode["task_id"].startswith("guess-v0?")
        assert episode["correct"] == episode["score"]["correct"]
        assert episode["reward"] == sum(turn["reward"] for turn in episode["turns"])


def test_an_evaluation_without_a_whole_episode_fails_and_says_why(run, monkeypatch):
    monkeypatch.setattr(Faulty, "bad_seeds", range(1 << 31))
    status, out, err = run("eval", "random", "foreign_games:Faulty", "fault=reset raises", "-n", "2", "-k", "2")
    assert (status, out) == (1, "")
    assert err.startswith("ludex eval: all 4 episodes were lost to the environment; foreign_games:Faulty/test/0/0: ")
    assert err.endswith("OSError: no board no game\n")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('return Task({}["oops"], 1, "integer")', "KeyError: 'oops' (mine.py:4)"),
        ('return Task(None.x, 1, "integer")', "AttributeError: 'NoneType' object has no attribute 'x' (mine.py:4)"),
        ("1 // 0", "ZeroDivisionError: integer division or modulo by zero (mine.py:4)"),
        ("np.zeros(3).reshape(7)", "ValueError: cannot reshape array of size 3 into shape (7,) (mine.py:4)"),
        ("pass", "mine:generate: the generator must return a Task, not NoneType"),
        ("return (", "'(' was never closed (mine.py, line 4)"),
        (
            'return Task("?", {"sum": [1, rng.integers(9)]}, "integer")',
            "answer.sum[1] is of type int64, which JSON does not have; convert it, as with int(...)",
        ),
    ],
)
def test_a_mistake_in_a_generator_is_one_line_that_says_where(body, message, tmp_path):
    (tmp_path / "mine.py").write_text(f"import numpy as np\nfrom ludex import Task\ndef generate(rng):\n    {body}\n")
    words = [sys.executable, "-m", "ludex", "show", "mine:generate", "-n", "1"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


def test_data_say_where_a_generator_breaks(run, tmp_path, monkeypatch):
    (tmp_path / "its_own_value.py").write_text("def generate(rng):\n    return None.x\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    status, _, err = run("data", "tasks", "its_own_value:generate", "-o", "out", "--format", "jsonl")
    assert status == 2
    assert err.endswith("'NoneType' object has no attribute 'x' (its_own_value.py:2)\n")


def test_check_says_where_a_generator_breaks(run, tmp_path, monkeypatch):
    (tmp_path / "its_own_key.py").write_text('def generate(rng):\n    return {}["oops"]\n')
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    findings = json.loads(run("check", "its_own_key:generate", "--json")[1])
    assert findings[0]["message"] == "KeyError: 'oops' (its_own_key.py:2)"


def test_files_that_are_no_utf_8_are_named(run, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(json.dumps({"id": FIRST, "response": "?"}).encode() + b'\n{"id": "\xe9"}\n')
    assert f"{path}:2: not UTF-8 text" in run("verify", "--file", str(path))[2]
    toml = tmp_path / "run.toml"
    toml.write_bytes(b'name = "\xe9"')
    assert f"{toml} is not TOML" in run("train", str(toml))[2]


def test_a_run_folder_that_is_damaged_is_named(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("run.toml").write_text('model = "tiny"\n[[env]]\nid = "countdown"\n')
    Path("runs/run").mkdir(parents=True)
    for damage in (b"\xff", b"name ="):
        Path("runs/run/config.toml").write_bytes(damage)
        status, _, err = run("train", "run.toml")
        assert status == 2
        assert err.startswith("ludex train: runs/run/config.toml is damaged (")
        assert err.count("\n") == 1


def test_a_file_without_rows_is_refused(run, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("\n")
    status, out, err = run("verify", "--file", str(path))
    assert (status, out) == (2, "")
    assert f"{path} holds no rows" in err


def test_pictures_are_not_saved_where_there_are_none(run, tmp_path):
    status, _, err = run("play", "countdown", "-n", "1", "--save", str(tmp_path / "album"))
    assert status == 2
    assert err == "ludex play: this environment has no pictures to save; leave --save out\n"
    assert run("play", "play-hanoi", "-n", "1", "--save", str(tmp_path / "album"))[0] == 0
    assert (tmp_path / "album/1/000.png").exists()


def test_ids_are_whole_on_a_narrow_terminal(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    out = run("list")[1]
    assert all(f" {ludex.envs.registry.NAMESPACE}{name} " in out for name in ludex.envs.registry.names())


def test_the_module_is_the_command():
    done = subprocess.run([sys.executable, "-m", "ludex", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"ludex {ludex.__version__}\n"


def test_missing_training_extras_are_named(tmp_path):
    (tmp_path / "run.toml").write_text("")
    code = "import sys; sys.modules['torch'] = None; from ludex.cli import main; sys.exit(main(sys.argv[1:]))"
    bare = subprocess.run(
        [sys.executable, "-c", code, "eval", "oracle", "guess", "-n", "2"], capture_output=True, check=False
    )
    assert bare.returncode == 0  # models behind HTTP, the oracle and chance need no torch
    for words in (("eval", "tiny", "countdown"), ("train", str(tmp_path / "run.toml"))):
        done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert "pip install 'ludex[train]'" in done.stderr


def test_light_commands_do_not_load_the_trainer():
    code = "import sys; from ludex.cli import main; main(['show', 'countdown']); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
