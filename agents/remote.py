"""A model behind an OpenAI-compatible endpoint."""

from __future__ import annotations

import json
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from ludex.agents.players import Episode
from ludex.agents.render import Message
from ludex.agents.sampling import Sampling
from ludex.core import Turn
from ludex.lookup import MissingExtra

MAX_REPLY = 10_000_000  # bytes


class ContextFull(Exception):
    """The conversation is longer than the model's context."""


@dataclass
class Remote:
    """One model of one server; the key is OPENAI_API_KEY.

    Attributes:
        url: base URL, such as http://localhost:8000/v1.
        model: the name that the server knows.
        timeout_s: seconds for one completion in all; a server that trickles for ever is cut off.
        retries: how often the client tries again after a failure.

    Raises:
        MissingExtra: if the openai client is not installed.
        ValueError: if the URL holds a password or key.
    """

    url: str
    model: str
    timeout_s: float = 600.0
    retries: int = 3
    _key: str = field(init=False, repr=False)
    _client: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        try:
            from openai import OpenAI
        except ModuleNotFoundError as error:
            raise MissingExtra("an openai: model needs the openai client: pip install 'ludex[eval]'") from error
        if "@" in urlsplit(self.url).netloc:  # the URL goes into reports and logs
            raise ValueError("a server's URL must hold no password or key; put the key into OPENAI_API_KEY")
        self._key = os.environ.get("OPENAI_API_KEY", "")
        self._client = OpenAI(
            base_url=self.url, api_key=self._key or "none", timeout=self.timeout_s, max_retries=self.retries
        )

    @classmethod
    def parse(cls, name: str, timeout_s: float = 600.0, retries: int = 3) -> Remote:
        """The model that "openai:URL#model" names. ValueError if it reads otherwise."""
        url, _, model = name.removeprefix("openai:").partition("#")
        if not name.startswith("openai:") or not url or not model:
            raise ValueError(f"{name!r} must read openai:URL#model, such as openai:http://localhost:8000/v1#tiny")
        return cls(url, model, timeout_s, retries)

    def complete(self, messages: Sequence[Message], sampling: Sampling) -> tuple[str, bool]:
        """The completion's text, and whether it was cut by its length limit.

        Raises:
            ContextFull: if the server says that the conversation is too long.
            ConnectionError: one line, if the server does not answer in time, refuses, or answers something else.
        """
        from openai import APIConnectionError, APIStatusError, OpenAIError

        try:
            choice = json.loads(self._body(messages, sampling))["choices"][0]
            text = str(choice["message"]["content"] or "")
            return text + _stop_left_out(choice, text, sampling), choice["finish_reason"] == "length"
        except APIStatusError as error:
            if error.status_code == 400 and "context" in error.message.lower():
                raise ContextFull from None
            raise self._failure(f"answered {error.status_code}: {error.message}") from None
        except (ConnectionError, TimeoutError, OverflowError) as error:
            raise self._failure(str(error)) from None
        except APIConnectionError as error:
            raise self._failure(f"cannot be reached: {error.__cause__ or error}") from None
        except (OpenAIError, LookupError, TypeError, ValueError, RecursionError) as error:
            raise self._failure(f"did not answer with a completion ({type(error).__name__})") from None

    def _body(self, messages: Sequence[Message], sampling: Sampling) -> bytes:
        """The reply's bytes, read piece by piece: the client's own time limit is one between two pieces."""
        until, body = time.monotonic() + self.timeout_s, bytearray()
        stop = {"stop": list(sampling.stop)} if sampling.stop else {}
        with self._client.chat.completions.with_streaming_response.create(
            model=self.model,
            messages=list(messages),
            max_tokens=sampling.max_new_tokens,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            **stop,
        ) as response:
            for piece in self._pieces(response):
                body += piece
                if time.monotonic() > until:
                    raise TimeoutError(f"did not finish its answer within {self.timeout_s:g} s")
                if len(body) > MAX_REPLY:
                    raise OverflowError(f"answered with more than {MAX_REPLY:,} bytes")
        return bytes(body)

    def _pieces(self, response: Any) -> Iterator[bytes]:
        try:
            yield from response.iter_bytes()
        except Exception as error:  # of the client's HTTP library, which is another one in other versions
            raise ConnectionError(f"cannot be reached: {error}") from None

    def _failure(self, what: str) -> ConnectionError:
        """What the server did, on one line of bounded length; a key that it repeats is left out."""
        line = " ".join((what.replace(self._key, "***") if self._key else what).split())
        return ConnectionError(f"{self.url} (model {self.model!r}) {line[:300]}")


def _stop_left_out(choice: dict[str, Any], text: str, sampling: Sampling) -> str:
    """The text that ended a response: servers leave it out, and vLLM and SGLang tell which it was."""
    told = choice.get("stop_reason", choice.get("matched_stop"))
    return str(told) if told in sampling.stop and not text.endswith(str(told)) else ""


class Requests:
    """Calls on daemon threads: the end of the program, which waits for those of a ThreadPoolExecutor, waits for none.

    Args:
        parallel: calls at once.
    """

    def __init__(self, parallel: int):
        self.parallel, self._threads = parallel, 0
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """Hand out `function(...)`; to cancel its future drops it, if it has not begun."""
        future: Future[Any] = Future()
        self._calls.put((future, partial(function, *args)))
        if self._threads < self.parallel:
            threading.Thread(target=_work, args=(self._calls,), daemon=True, name="ludex-request").start()
            self._threads += 1
        return future

    def close(self) -> None:
        """Let the threads end, each after the call that it is making."""
        for _ in range(self._threads):
            self._calls.put(None)


def _work(calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None]) -> None:
    while (call := calls.get()) is not None:
        future, function = call
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(function())
            except BaseException as error:  # for the thread that waits for it
                future.set_exception(error)


@dataclass
class RemotePlayer:
    """A model behind an OpenAI-compatible endpoint; several completions are several requests.

    Attributes:
        remote: the endpoint and the model's name there.
        parallel: requests in flight.

    Raises:
        ValueError: for a way of sampling that such servers do not have.
    """

    remote: Remote
    sampling: Sampling = field(default_factory=Sampling)
    history: int = 0
    parallel: int = 16
    _asked: dict[Episode, Future[Turn | None]] = field(default_factory=dict, init=False, repr=False)
    _requests: Requests | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.sampling.top_k or self.sampling.min_p:
            raise ValueError("top_k and min_p are for local models: an openai: model takes top_p alone")
        if self.parallel < 1:
            raise ValueError(f"parallel={self.parallel} must be at least 1")

    def submit(self, episodes: Sequence[Episode]) -> None:
        """Ask for one completion for each episode."""
        if self._requests is None:
            self._requests = Requests(self.parallel)
        for episode in episodes:
            self._asked[episode] = self._requests.submit(self._ask, episode)

    def collect(self) -> list[tuple[Episode, Turn | None]]:
        """The completions that have come.

        Raises:
            ConnectionError: one line, if the server does not answer or refuses.
        """
        there = wait(self._asked.values(), return_when=FIRST_COMPLETED).done
        answered = [episode for episode, future in self._asked.items() if future in there]
        return [(episode, self._asked.pop(episode).result()) for episode in answered]

    def leave(self, episode: Episode) -> None:
        """Take back what was asked for the episode; the threads end with the last one."""
        if future := self._asked.pop(episode, None):
            future.cancel()
        if self._requests is not None and not self._asked:
            self._requests.close()
            self._requests = None

    def _ask(self, episode: Episode) -> Turn | None:
        try:
            text, cut = self.remote.complete(episode.messages(self.history), self.sampling)
        except ContextFull:
            return None
        return Turn(episode.observation, text, cut=cut)
