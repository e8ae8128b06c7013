"""What players are shown, and what they answer: contexts, worked solutions, chance."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from foreign_games import Memory, play, registered, starts
from toys import build_tokenizer

from ludex.agents.batch import collate
from ludex.agents.players import Context, InstantPlayer, Oracle, RandomPlayer
from ludex.agents.remote import Remote, RemotePlayer
from ludex.agents.render import Renderer
from ludex.agents.rollout import Arena, Domain
from ludex.agents.sampling import Sampling
from ludex.core import Stop


@pytest.fixture(autouse=True)
def foreign() -> Iterator[None]:
    with registered(memory=Memory):
        yield


def texts(history: int = 0, max_context: int = 4096, max_turns: int = 50) -> tuple[list[str], Stop, list[str]]:
    """The prompts that the model saw in a game of `Counting`, how it ended, and the rows it becomes."""
    tokenizer = build_tokenizer()
    player = Oracle(Context(Renderer(tokenizer), max_context, history))
    with closing(Arena([Domain("foreign_games:Counting")], max_turns=max_turns)) as arena:
        (t,) = arena.play(starts(1), player)
    rows = collate([t], append_only=not history)
    short = {"<|end|>": "", "<|user|>": "U", "<|assistant|>": "A", "<|system|>": "S"}

    def shown(ids: Sequence[int]) -> str:
        text = str(tokenizer.decode(ids))
        for long, brief in short.items():
            text = text.replace(long, brief)
        return text

    return (
        [shown(turn.prompt_ids) for turn in t.turns],
        t.stop,
        [shown(tokens[:n].tolist()) for tokens, n in zip(rows.tokens, rows.length, strict=True)],
    )


def test_the_whole_history_is_one_row():
    prompts, stop, rows = texts()
    assert prompts == ["SdUaA", "SdUaAdUbA", "SdUaAdUbAcUcA", "SdUaAdUbAcUcAbUdA"]
    assert rows == ["SdUaAdUbAcUcAbUdAa"]
    assert stop is Stop.TERMINATED


def test_a_windowed_history_keeps_the_rules_and_the_last_exchanges():
    assert texts(history=1)[0] == ["SdUaA", "SdUaAdUbA", "SdUbAcUcA", "SdUcAbUdA"]
    assert texts(history=1)[2] == ["SdUaAdUbAc", "SdUbAcUcAb", "SdUcAbUdAa"]
    assert texts(history=2)[0][3] == "SdUbAcUcAbUdA"
    assert texts(history=4)[2] == ["SdUaAdUbAcUcAbUdAa"]


def test_a_full_context_ends_the_episode():
    # Each exchange takes 7 tokens: U a end A d end, and the rules 3 more; the answer is 2 tokens.
    for limit, turns in ((8, 0), (9, 1), (14, 1), (15, 2), (20, 2), (21, 3)):
        player = Oracle(Context(Renderer(build_tokenizer()), limit))
        with closing(Arena([Domain("foreign_games:Counting")])) as arena:
            (t,) = arena.play(starts(1), player)
        assert (len(t.turns), t.stop) == (turns, Stop.CONTEXT), limit
        assert all(len(turn.prompt_ids) + len(turn.action_ids) <= limit for turn in t.turns)


def test_the_oracle_says_when_there_is_no_solution():
    with pytest.raises(ValueError, match=r"foreign/memory-v0/train/0/0 has no worked solution for turn 2"):
        play(Domain("foreign/memory-v0", options={"turns": 2, "ending": "never"}), Oracle())


def test_random_actions_are_of_the_space_or_the_legal_ones_of_the_moment():
    class Doors(Memory):
        def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[str, dict[str, Any]]:
            observation, _ = super().reset(seed=seed)
            return observation, {"legal": ["a", "b"]}

        def step(self, action: str) -> tuple[str, Any, bool, bool, dict[str, Any]]:
            observation, *_ = super().step(action)
            return observation, 0.0, self.left == 0, False, {"legal": ["c", "d"]}

    with registered(doors=Doors):
        played = play(Domain("foreign/doors-v0"), RandomPlayer(), n=40)
    assert {t.turns[0].text for t in played} == {"a", "b"}
    assert {t.turns[1].text for t in played} == {"c", "d"}
    free = play(Domain("foreign/memory-v0"), RandomPlayer(1), n=20)
    assert len({t.turns[0].text for t in free}) > 10
    assert [t.turns[0].text for t in free] == [
        t.turns[0].text for t in play(Domain("foreign/memory-v0"), RandomPlayer(1), n=20)
    ]


class Server(BaseHTTPRequestHandler):
    """Answers as an OpenAI-compatible server does, with the last message in capitals, cut off before the letter D.

    The first request to a path of "patient" waits for answers to four others.
    """

    asked: ClassVar[list[dict[str, Any]]] = []
    answers = threading.Semaphore(0)
    waited: ClassVar[list[bool]] = []

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append(request)
        if "patient" in self.path and len(self.asked) == 1:
            self.waited.append(all(self.answers.acquire(timeout=10) for _ in range(4)))
        said = request["messages"][-1]["content"]
        message = {"role": "assistant", "content": None if said == "c" else said.upper()}
        choice = {"index": 0, "message": message, "finish_reason": "length" if said == "b" else "stop"}
        if "D" in request.get("stop", []) and said == "d":
            message["content"] = ""
            choice |= {"stop_reason": "D"} if "vllm" in self.path else {"matched_stop": "D"}
        body = {"id": "1", "object": "chat.completion", "created": 0, "model": request["model"], "choices": [choice]}
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.answers.release()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    pytest.importorskip("openai", reason="needs the openai client")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Server.asked.clear()
    Server.waited.clear()
    Server.answers = threading.Semaphore(0)
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_model_behind_http(url: str):
    player = RemotePlayer(Remote(f"{url}/v1", "some-model"), Sampling(9, 0.5), history=1)
    with closing(Arena([Domain("foreign_games:Counting")])) as arena:
        (t,) = arena.play(starts(1), player)
        several = arena.play(starts(1, 5), RemotePlayer(Remote(f"{url}/v1", "some-model"), Sampling(9)))
    assert [(turn.text, turn.cut) for turn in t.turns] == [("A", False), ("B", True), ("", False), ("D", False)]
    assert (Server.asked[0]["model"], Server.asked[0]["max_tokens"], Server.asked[0]["temperature"]) == (
        "some-model",
        9,
        0.5,
    )
    rules = {"role": "system", "content": "d"}
    assert [m["content"] for m in Server.asked[3]["messages"]] == ["d", "c", "", "d"]
    assert all(request["messages"][0] == rules for request in Server.asked)
    assert len(several) == 5
    assert len(Server.asked) == 4 + 4 * 5  # several completions are several requests
    assert not any("n" in request or "stop" in request for request in Server.asked)


def test_no_episode_waits_for_another_ones_answer(url: str):
    """The first answer comes after four others: the second episode has been played to its end by then."""
    player = RemotePlayer(Remote(f"{url}/patient", "m"), parallel=2)
    with closing(Arena([Domain("foreign_games:Counting")], timeout_s=0)) as arena:
        played = arena.play(starts(2), player)
    assert Server.waited == [True]
    assert [[turn.text for turn in t.turns] for t in played] == [["A", "B", "", "D"]] * 2
    deadline = time.monotonic() + 10
    while any("ThreadPool" in thread.name for thread in threading.enumerate()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any("ThreadPool" in thread.name for thread in threading.enumerate())


@pytest.mark.parametrize("kind", ["vllm", "sglang"])
def test_the_text_that_ended_a_remote_response_belongs_to_it(url: str, kind: str):
    player = RemotePlayer(Remote(f"{url}/{kind}", "m"), Sampling(9, stop=("D", "</action>")))
    with closing(Arena([Domain("foreign_games:Counting")])) as arena:
        (t,) = arena.play(starts(1), player)
    assert [turn.text for turn in t.turns] == ["A", "B", "", "D"]
    assert all(request["stop"] == ["D", "</action>"] for request in Server.asked)


@pytest.mark.parametrize("options", [{"top_k": 5}, {"min_p": 0.1}])
def test_a_remote_model_says_what_it_cannot_do(options: dict[str, Any]):
    pytest.importorskip("openai", reason="needs the openai client")
    with pytest.raises(ValueError, match="top_k and min_p are for local models"):
        RemotePlayer(Remote("http://localhost/v1", "m"), Sampling(**options))


def test_a_player_without_turns_says_what_it_lacks():
    with pytest.raises(TypeError, match=r"InstantPlayer must define _turn\(episode\)"):
        play(Domain("foreign/memory-v0"), InstantPlayer())
