"""Evaluating a model behind HTTP: a real OpenAI-compatible server, and servers that fail."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ludex.agents import tiny
from ludex.agents.evaluate import evaluate
from ludex.agents.remote import Remote
from ludex.agents.sampling import Sampling
from ludex.envs.registry import task_source

pytest.importorskip("openai", reason="needs the openai client")

SECRET = "sk-very-secret-0123456789"


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("served")
    tokenizer = tiny.build_tokenizer(tiny.corpus([task_source("countdown-v0")], samples=50))
    network = tiny.build_model(tokenizer, hidden=32, layers=1, heads=2)
    network.generation_config.do_sample = True  # else this server is greedy at any temperature
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def server(model: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of `transformers serve` on a free port of this machine."""
    for needed in ("accelerate", "fastapi", "uvicorn"):
        pytest.importorskip(needed, reason="`transformers serve` needs accelerate, fastapi and uvicorn")
    port, log = free_port(), tmp_path_factory.mktemp("log") / "server.log"
    command = [str(Path(sys.executable).parent / "transformers"), "serve", model, "--host", "127.0.0.1"]
    with log.open("w") as out:
        process = subprocess.Popen(
            [*command, "--port", str(port), "--device", "cpu"],
            stdout=out,
            stderr=out,
            env=os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        )
    try:
        wait(f"http://127.0.0.1:{port}/health", process, log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait(health: str, process: subprocess.Popen[bytes], log: Path, limit_s: float = 120) -> None:
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        assert process.poll() is None, f"the server died:\n{log.read_text()[-2000:]}"
        try:
            urllib.request.urlopen(health, timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"the server was not up after {limit_s:g} s:\n{log.read_text()[-2000:]}")


def test_four_problems_twice_against_a_real_server(server: str, model: str) -> None:
    report = evaluate(f"openai:{server}#{model}", "countdown-v0", n=4, k=2, max_new_tokens=12)
    assert (report.n, report.k, report.errors) == (4, 2, 0)
    assert report.cut > 0  # an untrained model seldom stops within 12 tokens
    assert 0 <= report.pass_1 <= report.pass_k <= 1
    assert sum(report.levels.values()) == pytest.approx(1)
    source = task_source("countdown-v0", split="test")
    assert {sample["prompt"] for sample in report.samples} == {source[i].prompt for i in range(4)}
    assert len({sample["response"] for sample in report.samples}) > 4  # drawn anew for each, not one answer repeated
    assert all(sample["response"] for sample in report.samples)
    assert SECRET not in report.to_json()


def test_the_server_is_asked_with_the_models_own_template(server: str, model: str) -> None:
    """Greedy answers over HTTP equal greedy answers of the same folder in this process."""
    options: dict[str, Any] = {"n": 4, "temperature": 0.0, "max_new_tokens": 12}
    remote = evaluate(f"openai:{server}#{model}", "countdown-v0", **options)
    local = evaluate(model, "countdown-v0", device="cpu", **options)
    assert [s["prompt"] for s in remote.samples] == [s["prompt"] for s in local.samples]
    visible = [re.sub(r"<\|\w+\|>", "", s["response"]) for s in local.samples]  # the server leaves special tokens out
    assert [s["response"] for s in remote.samples] == visible
    assert any(visible)


def test_a_dead_server_gets_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)  # between the client's attempts
    url = f"http://127.0.0.1:{free_port()}/v1"
    with pytest.raises(ConnectionError) as raised:
        evaluate(f"openai:{url}#m", "countdown-v0", n=40)
    line = str(raised.value)
    assert line.startswith(f"{url} (model 'm') cannot be reached: ")
    assert "refused" in line
    assert "\n" not in line
    assert SECRET not in line


class Failing(BaseHTTPRequestHandler):
    """Answers every request as `say` tells it to; {key} is what the client sent as its key."""

    say: ClassVar[tuple[int, str]] = (200, "")
    asked: ClassVar[int] = 0

    def do_POST(self) -> None:
        type(self).asked += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        status, text = self.say
        data = text.replace("{key}", self.headers["Authorization"].removeprefix("Bearer ")).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def failing() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Failing)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    Failing.asked = 0
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (
            401,
            json.dumps({"error": {"message": "Incorrect API key: {key}"}}),
            "answered 401: .*Incorrect API key: \\*\\*\\*",
        ),
        (404, json.dumps({"error": {"message": "no model\nhere"}}), "answered 404: .*no model"),
        (200, json.dumps({"choices": []}), "did not answer with a completion"),
        (200, json.dumps({"choices": [{"finish_reason": "stop"}]}), "did not answer with a completion"),
        (200, "[]", "did not answer with a completion"),
        (200, "<html>", "did not answer with a completion"),
        (200, "", "did not answer with a completion"),
        (403, "x" * 10_000, "answered 403"),
    ],
)
def test_a_server_that_refuses_gets_one_clear_line(failing: str, status: int, body: str, expected: str) -> None:
    Failing.say = (status, body)
    with pytest.raises(ConnectionError, match=expected) as raised:
        evaluate(f"openai:{failing}#m", "countdown-v0", n=1)
    line = str(raised.value)
    assert failing in line
    assert SECRET not in line
    assert "\n" not in line
    assert len(line) < 500


def test_a_full_context_ends_the_episodes_and_is_told(failing: str) -> None:
    body = {"error": {"message": "This model's maximum context length is 4096 tokens.", "code": 400}}
    Failing.say = (400, json.dumps(body))
    with pytest.raises(ValueError, match="no prompt leaves room for max_new_tokens=256 in the model's context"):
        evaluate(f"openai:{failing}#m", "countdown-v0", n=2, k=3)
    assert Failing.asked == 6  # one request a completion, none repeated


class HangingUp(BaseHTTPRequestHandler):
    """Promises more than it sends."""

    def do_POST(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"{")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Trickling(BaseHTTPRequestHandler):
    """Begins an answer and goes on for ever, a little at a time."""

    def do_POST(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        try:
            while True:
                self.wfile.write(b" " * 100)
                self.wfile.flush()
                time.sleep(0.01)
        except OSError:
            return  # the client has hung up

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.mark.parametrize(
    ("handler", "message"),
    [(Trickling, r"did not finish its answer within 0\.5 s"), (HangingUp, "cannot be reached: .*closed connection")],
)
def test_an_answer_without_an_end_is_cut_off(handler: type[BaseHTTPRequestHandler], message: str) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    remote = Remote(f"http://127.0.0.1:{server.server_port}/v1", "m", timeout_s=0.5)
    try:
        with pytest.raises(ConnectionError, match=message):
            remote.complete([{"role": "user", "content": "?"}], Sampling(9))
    finally:
        server.shutdown()
        server.server_close()


class Silent(BaseHTTPRequestHandler):
    """Takes requests and answers none."""

    asked: ClassVar[threading.Semaphore] = threading.Semaphore(0)
    over: ClassVar[threading.Event] = threading.Event()

    def do_POST(self) -> None:
        self.asked.release()
        self.over.wait(120)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


EVAL = """
import signal, sys
from ludex.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main(sys.argv[1:]))
"""


def test_ctrl_c_waits_for_no_request_in_flight() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Silent)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    model = f"openai:http://127.0.0.1:{server.server_port}/v1#m"
    process = subprocess.Popen([sys.executable, "-c", EVAL, "eval", model, "countdown", "-n", "4"])
    try:
        for _ in range(16):  # as many as are asked at once
            assert Silent.asked.acquire(timeout=60)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    finally:
        process.kill()
        Silent.over.set()
        server.shutdown()
        server.server_close()


def test_a_key_in_the_url_is_refused() -> None:
    with pytest.raises(ValueError, match="OPENAI_API_KEY") as raised:
        Remote("https://user:hunter2@example.test/v1", "m")
    assert "hunter2" not in str(raised.value)
