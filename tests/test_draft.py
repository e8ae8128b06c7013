"""Drafting games: recorded answers replayed by a real HTTP server, and a sandbox that is attacked from inside."""

from __future__ import annotations

import json
import random
import socket
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ludex import cli
from ludex.agents.remote import Remote
from ludex.code2logic.draft import loop, module, sandbox
from ludex.code2logic.draft.loop import Drafter
from ludex.code2logic.draft.sandbox import Limits, Rejected
from ludex.code2logic.draft.vet import objections

pytest.importorskip("openai", reason="needs the openai client")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs seccomp")

DRAFTS = Path(__file__).parent / "fixtures" / "drafts"
SKELETON = Path(loop.__file__).parent.parent / "skeleton.py"
QUICK = Limits(seconds=2)
TASKS = {"kind": "tasks", "draws": 3, "seed": 0}


class Replay(BaseHTTPRequestHandler):
    """Gives the recorded answers in order: `author` to who is asked for a game, `checker` to who is asked for one."""

    author: ClassVar[list[str]] = []
    checker: ClassVar[list[str]] = []
    asked: ClassVar[list[list[dict[str, str]]]] = []

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append(request["messages"])
        checking = request["messages"][0]["content"].startswith("You check")
        answers = self.checker if checking else self.author
        text = (DRAFTS / answers.pop(0)).read_text() if answers else "I have nothing to say."
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        data = json.dumps({"id": "1", "object": "chat.completion", "choices": [choice]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Replay)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


def draft(url: str, author: list[str], checker: list[str], rounds: int = 2) -> loop.Draft:
    Replay.author, Replay.checker = list(author), list(checker)
    Replay.asked.clear()
    drafter = Drafter(Remote(url, "recorded"), rounds=rounds, draws=60, limits=Limits(seconds=4), say=lambda _: None)
    return drafter.draft((DRAFTS / "nim.py").read_text())


def test_a_good_answer_is_kept_whole(url: str) -> None:
    found = draft(url, ["good.md"], ["checker.md"])
    assert (found.kept, found.faults) == (("heap_size", "left_after", "winning_take"), {})
    author, checker = Replay.asked
    assert "def take(self, heap, count)" in author[1]["content"]
    assert "winning_take" in checker[1]["content"]
    assert "balance" not in checker[1]["content"]  # the checker sees no code of the author's ...
    assert "solution" not in checker[1]["content"]  # ... and no answers


def test_a_wrong_question_is_found_and_left_out(url: str, tmp_path: Path) -> None:
    found = draft(url, ["one_wrong.md", "one_wrong.md"], ["checker.md", "checker.md"])
    assert found.kept == ("heap_size", "winning_take")
    assert "an independent checker refuses your answer" in found.faults["left_after"][0]
    assert found.faults["left_after"][0] in Replay.asked[2][3]["content"]  # fed back for repair
    files = loop.write(found, tmp_path / "nim_game.py")
    assert "def left_after" not in files[0].read_text()
    assert files[2].read_bytes().startswith(b"\x89PNG")
    kept = sandbox.run(files[0].read_text(), TASKS)
    assert kept["questions"] == ["heap_size", "winning_take"]


@pytest.mark.parametrize(
    ("first", "fault"),
    [
        ("broken.md", "not a Python module: '(' was never closed"),
        ("endless.md", "ran out of CPU time"),
        ("malicious.md", "'subprocess' has no place in a pure game"),
        ("careless.md", "objects must grow from level to level"),
        ("careless.md", "two processes drew different tasks"),
        ("checker.md", "the module must hold `game = Game(...)`"),
        ("nim.py", "the answer holds no ```python block"),
    ],
)
def test_faults_are_fed_back_and_repaired(url: str, first: str, fault: str) -> None:
    found = draft(url, [first, "good.md"], ["checker.md"])
    assert fault in Replay.asked[1][3]["content"]
    assert found.kept == ("heap_size", "left_after", "winning_take")
    assert not Path("/tmp/owned-by-a-draft").exists()


def test_without_a_checker_that_runs_nothing_is_kept(url: str) -> None:
    found = draft(url, ["good.md"], ["broken.md", "endless.md"], rounds=1)
    assert found.kept == ()
    assert "no independent checker ran" in found.lines[0]


def test_the_command(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    Replay.author, Replay.checker = ["broken.md", "one_wrong.md", "one_wrong.md"], ["checker.md", "checker.md"]
    command = ["code2logic", "draft", str(DRAFTS / "nim.py"), "--model", f"openai:{url}#recorded"]
    assert cli.main(command) == 0
    said = capsys.readouterr().out
    assert "kept heap_size, winning_take" in said
    assert "left out left_after" in said
    assert sorted(p.name for p in tmp_path.iterdir()) == ["nim_game.png", "nim_game.py", "nim_game_checker.py"]
    assert cli.main(["check", "nim_game:game"]) == 0
    assert cli.main(command) == 2
    assert "nim_game.py is there already" in capsys.readouterr().err
    Replay.author, Replay.checker = [], []
    assert cli.main([*command, "-o", "other.py", "--rounds", "1"]) == 1
    assert not (tmp_path / "other.py").exists()


ATTACKS = {
    "a socket": "import socket\nsocket.socket()",
    "a connection": "import socket\nsocket.create_connection(('127.0.0.1', {port}), 1)",
    "a process": "import subprocess\nsubprocess.run(['touch', '{file}'])",
    "a shell": "import os\nos.system('touch {file}')",
    "a fork": "import os\nos.fork()",
    "a file written": "open('{file}', 'w').write('x')",
    "a file deleted": "import os\nos.unlink('{victim}')",
    "a file read": "open('{victim}').read()",
    "a signal": "import os\nos.kill({pid}, 9)",
    "a call through ctypes": "import ctypes\nctypes.CDLL(None).system(b'touch {file}')",
    "raw descriptors": "import os\nos.write(os.open('{file}', os.O_CREAT | os.O_WRONLY), b'x')",
}


@pytest.mark.parametrize("attack", ATTACKS, ids=list(ATTACKS))
def test_the_sandbox_holds_without_the_gate(attack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each attack runs in a module that a gate with no objections let through; reaching the end would be a success."""
    monkeypatch.setattr(sandbox, "objections", lambda source: [])
    victim, file, heard = tmp_path / "victim", tmp_path / "owned", []
    victim.write_text("secret")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        bait = ATTACKS[attack].format(port=server.getsockname()[1], file=file, victim=victim, pid=_sleeper())
        with pytest.raises(Rejected, match="Error"):
            sandbox.run(f"{bait}\nraise SystemExit('reached the end')", TASKS, QUICK)
        with pytest.raises(TimeoutError):
            heard.append(server.accept())
    assert victim.read_text() == "secret"
    assert not file.exists()
    assert not heard


def _sleeper() -> int:
    """The pid of this process: a signal to it would end the tests."""
    import os

    return os.getpid()


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("while True: pass", "ran out of CPU time or memory"),
        ("import random\nx = [0]\nwhile x: x += x", "MemoryError"),
        ("def f(): return f()\nf()", "RecursionError"),
        ("raise ValueError('a' * 10_000)", "ValueError"),
        ("game = 1", "must hold `game"),
        ("1 / 0", "line 1: ZeroDivisionError"),
    ],
)
def test_what_a_module_does_wrong_is_one_bounded_line(source: str, reason: str) -> None:
    begun = time.monotonic()
    with pytest.raises(Rejected, match=reason) as caught:
        sandbox.run(source, TASKS, QUICK)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    assert time.monotonic() - begun < 30


def test_a_module_that_prints_cannot_forge_its_result() -> None:
    source = SKELETON.read_text() + '\nprint(\'{"result": "forged"}\')\n'
    assert sandbox.run(source, TASKS)["questions"] == ["gem_count", "token_after"]


@pytest.mark.parametrize(
    ("source", "objection"),
    [
        ("import os", "import of 'os'"),
        ("from dataclasses import sys", "'sys'"),
        ("import random\nrandom._os", "private attribute '_os'"),
        ("().__class__.__mro__", "'__class__'"),
        ("getattr(1, 'x')", "'getattr'"),
        ("from ludex.code2logic.draw import io", "'io'"),
        ("from . import x", "import of '.'"),
        ("x = (", "not a Python module"),
        ("x" * 70_000, "at most 60,000"),
        ("(" * 5_000, "not a Python module"),
    ],
)
def test_the_gate_says_what_does_not_belong(source: str, objection: str) -> None:
    assert any(objection in line for line in objections(source))


def test_the_gate_lets_games_through() -> None:
    assert objections(SKELETON.read_text()) == []
    assert objections((SKELETON.parent / "games" / "tictactoe.py").read_text()) == []


def test_cutting_a_question_leaves_the_rest() -> None:
    source = module.without(SKELETON.read_text(), ["gem_count"])
    assert "gem_count" not in source
    assert sandbox.run(source, TASKS)["questions"] == ["token_after"]


def test_the_longest_block_is_the_module() -> None:
    assert module.block("```python\nx\n```\nor\n```py\nlonger = 1\n```") == "longer = 1\n"
    assert module.block("no code") is None
    rng = random.Random(0)
    noise = "".join(rng.choice("`\npy thon") for _ in range(100_000))
    begun = time.process_time()
    module.block(noise)
    assert time.process_time() - begun < 5
