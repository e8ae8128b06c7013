"""Drafting games: recorded answers replayed by a real HTTP server, and a sandbox that is attacked from inside."""

from __future__ import annotations

import json
import os
import platform
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from escapes import ESCAPES, UNNOTICED

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
        ("malicious.md", "import of 'subprocess'; allowed are"),
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


@dataclass
class Prey:
    """What an escape could do harm to."""

    folder: Path
    server: socket.socket
    sleeper: subprocess.Popen[bytes]

    def __post_init__(self) -> None:
        self.file, self.victim = self.folder / "file", self.folder / "victim"
        self.victim.write_text("treasure")
        self.before = self._seen()

    def source(self, name: str) -> str:
        names = f"FILE, VICTIM, PORT = {str(self.file)!r}, {str(self.victim)!r}, {self.server.getsockname()[1]}"
        return f"{names}\nPID, loot = {self.sleeper.pid}, ''\n{ESCAPES[name]}\n"

    def _seen(self) -> tuple[object, ...]:
        """Of the victim all but when it was read; nothing if it has gone."""
        if not self.victim.exists():
            return ()
        found = self.victim.stat()
        return self.victim.read_text(), found.st_mode, found.st_mtime_ns, found.st_nlink

    def harmed(self) -> bool:
        """Whether anything came to be, changed, was reached or ended."""
        if os.path.lexists(self.file) or self.sleeper.poll() is not None:
            return True
        try:
            self.server.accept()
        except TimeoutError:
            return self._seen() != self.before
        return True


@pytest.fixture
def prey(tmp_path: Path) -> Iterator[Prey]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        yield Prey(tmp_path, server, sleeper)
        sleeper.kill()
        sleeper.wait()


@pytest.mark.parametrize("name", ESCAPES)
def test_no_way_leads_out_of_the_sandbox(name: str, prey: Prey, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate is open: it is the kernel that holds."""
    monkeypatch.setattr(sandbox, "objections", lambda source: [])
    with pytest.raises(Rejected) as caught:
        sandbox.run(f"{prey.source(name)}\nraise ValueError(f'{{loot}} was the loot')", TASKS, QUICK)
    assert "treasure" not in str(caught.value)
    assert not prey.harmed()


@pytest.mark.parametrize("name", ESCAPES)
def test_every_way_leads_out_where_there_is_no_sandbox(name: str, prey: Prey) -> None:
    """Else the test above would show nothing."""
    command = [sys.executable, "-c", f"{prey.source(name)}\nprint(loot)"]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    time.sleep(0.1 if name == "a signal" else 0)
    assert "treasure" in said.stdout or prey.harmed(), said.stderr


@pytest.mark.parametrize("name", ESCAPES)
def test_the_gate_turns_ways_out_away(name: str, prey: Prey) -> None:
    assert bool(objections(prey.source(name))) == (name not in UNNOTICED)


OPEN = {  # the numbers of what worker.SYSCALLS names, from the kernel's tables; and uretprobe and uprobe (335, 336),
    # which no filter sees and which end a process that calls them itself
    "x86_64": {1, 9, 10, 11, 12, 25, 28, 60, 202, 228, 231, 318, 335, 336},
    "aarch64": {64, 93, 94, 98, 113, 214, 215, 216, 222, 226, 233, 278},
}


@pytest.mark.skipif(platform.machine() not in OPEN, reason="the numbers of system calls differ")
def test_the_kernel_refuses_every_other_system_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "objections", lambda source: [])
    source = f"""
import ctypes
call, kept = ctypes.CDLL(None, use_errno=True).syscall, []
for number in {sorted(set(range(700)) - OPEN[platform.machine()])}:
    if call(number, -1, 0, 0, 0, 0, 0) != -1 or ctypes.get_errno() != 1:
        kept.append(number)
raise ValueError(f"not refused: {{kept}}")
"""
    with pytest.raises(Rejected, match=r"not refused: \[\]$"):
        sandbox.run(source, TASKS, QUICK)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="only this processor has a second way into the kernel")
def test_the_older_way_into_the_kernel_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "objections", lambda source: [])
    source = """
import ctypes
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
place = libc.mmap(None, 4096, 7, 34, -1, 0)
ctypes.memmove(place, bytes.fromhex("b814000000cd80c3"), 8)  # mov eax, 20 (getpid); int 0x80; ret
raise ValueError(ctypes.CFUNCTYPE(ctypes.c_int)(place)())
"""
    with pytest.raises(Rejected, match=r"the process died \(SIG(SYS|SEGV)\)"):
        sandbox.run(source, TASKS, QUICK)


@pytest.mark.parametrize(("errno", "reason"), [(1, "the kernel refuses seccomp"), (0, "the kernel does not heed")])
def test_where_nothing_can_be_confined_nothing_runs(errno: int, reason: str, tmp_path: Path) -> None:
    """In a process whose kernel refuses filters of its own, or says that it took them and did not."""
    source = f"""
import ctypes
from ludex.code2logic.draft import sandbox
class Compare(ctypes.Structure):
    _fields_ = [("argument", ctypes.c_uint), ("how", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]
seccomp = ctypes.CDLL("libseccomp.so.2")
seccomp.seccomp_init.restype = ctypes.c_void_p
filters = ctypes.c_void_p(seccomp.seccomp_init(0x7FFF0000))
with_a_filter = ctypes.byref(Compare(2, 1, 0, 0))  # the third argument is not NULL; with NULL libseccomp only asks
number = seccomp.seccomp_syscall_resolve_name(b"seccomp")
assert seccomp.seccomp_rule_add_array(filters, 0x00050000 | {errno}, number, 1, with_a_filter) == 0
assert seccomp.seccomp_load(filters) == 0
sandbox.objections = lambda source: []
sandbox.run("open({str(tmp_path / "file")!r}, 'w')", {TASKS})
"""
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False)
    assert f"Unsafe: cannot run a model's code safely here: {reason}" in done.stderr
    assert not (tmp_path / "file").exists()


ORDINARY = """
import math
import random
import re
from decimal import Decimal
from fractions import Fraction
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from ludex.code2logic.draw import STYLES, Canvas
from ludex.code2logic.glyphs import disc


@cache
def depth(n):
    return n and 1 + depth(n - 1)


def sound(state):
    canvas = Canvas(STYLES["night"])
    for size in range(6, 150):  # each from the font's file
        canvas.text((200, 200), "Äpfel 12", size)
    canvas.grid(3, 4).put(1, 1, disc, (1, 2, 3))
    ImageDraw.Draw(canvas.image).text((5, 5), "Pillow's own font")
    blurred = canvas.image.filter(ImageFilter.GaussianBlur(2)).resize((50, 50), Image.Resampling.LANCZOS)
    large = np.random.default_rng().normal(size=(300, 300))
    product = large @ np.linalg.inv(large)
    words = [str(i) for i in range(300_000)]
    print(len("".join(words)), product[:3], f"{math.pi:.3f}")
    random.Random().shuffle(words)
    assert re.sub("[0-9]+", "n", "a1b22") == "anbn" and Decimal("0.1") * 3 == Decimal("0.3")
    assert Fraction(1, 3) * 3 == 1 and depth(400) == 400 and np.zeros(30_000_000).sum() == 0
    try:
        raise LookupError("caught")
    except LookupError:
        return blurred.size == (50, 50) and bool(np.allclose(product, np.eye(300)))
"""


def test_what_a_game_does_still_works() -> None:
    job = {"kind": "verdicts", "cases": [{"question": "sound", "state": {}, "asked": {}, "answers": []}]}
    assert sandbox.run(ORDINARY, job) == [[True, []]]


def test_a_forged_error_is_shown_as_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "objections", lambda source: [])
    with pytest.raises(Rejected) as caught:
        sandbox.run(
            "import __main__\n__main__.where = lambda _: 'all is\\n\\x1b[2J well' * 10_000\n1 / 0", TASKS, QUICK
        )
    assert str(caught.value).startswith("all is  [2J well")
    assert len(str(caught.value)) < 500


def test_a_forged_result_is_judged_as_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "objections", lambda source: [])
    said = "{'questions': [], 'draws': [], 'measured': '', 'means': [10**400, 10**400, 10**400]}"
    forged = f"{SKELETON.read_text()}\nimport __main__\n__main__.tasks = lambda *_: {said}\n"
    found = Drafter(Remote("http://127.0.0.1:9", "none"), say=lambda _: None).examine(forged)
    assert found.kept == ()
    assert "its tasks are malformed (OverflowError" in found.lines[0]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("while True: pass", "ran out of CPU time or memory"),
        ("import random\nx = [0]\nwhile x: x += x", "MemoryError"),
        ("def f(): return f()\nf()", "RecursionError"),
        ("raise ValueError('a' * 10_000)", "ValueError"),
        ("game = 1", "must hold `game"),
        ("1 / 0", "line 1: ZeroDivisionError"),
        ("x: nowhere = 1", "line 1: NameError"),  # as outside of the sandbox
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
        ("from dataclasses import sys", "'dataclasses.sys'"),
        ("import random\nrandom._os", "private attribute '_os'"),
        ("().__class__.__mro__", "'__class__'"),
        ("match 1:\n case object(__class__=x): pass", "'__class__'"),
        ("getattr(1, 'x')", "'getattr'"),
        ("(x for x in y).gi_frame.f_back", "'f_back'"),
        ("from ludex.code2logic.draw import io", "'ludex.code2logic.draw.io'"),
        ("import ludex.code2logic.draw as d\nd.io", "'ludex.code2logic.draw.io'"),
        ("import numpy.random\nnumpy.load", "'numpy.load'"),
        ("import numpy as np\nnp.random.bit_generator", "'numpy.random.bit_generator'"),
        ("import numpy as np\nx = [np]", "the module 'numpy' as a value"),
        ("from typing import get_type_hints", "'typing.get_type_hints'"),
        ("from math import *", "'math.*'"),
        ("import math as m\nimport numpy as m", "'m' names two modules"),
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
    for game in ("tictactoe", "freecell", "reconstruction", "snake", "word_search"):
        source = (SKELETON.parent / "games" / f"{game}.py").read_text()
        own = [line for line in objections(source) if "parts" not in line]  # no draft needs the parts of other games
        assert bool(own) == (game == "word_search"), own  # which reads a list of words from a file


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
