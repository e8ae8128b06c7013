"""Small things that many tests share: a model that learns in seconds, and games to learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
from gymnasium.spaces import Text

from ludex.agents import tiny

LETTERS = "abcd"


def build_tokenizer() -> Any:
    """One token a character of a very small alphabet, with a chat template."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    tokens = [*tiny.SPECIAL, "?", *LETTERS]
    core = Tokenizer(models.WordLevel({token: i for i, token in enumerate(tokens)}, unk_token="?"))
    core.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), behavior="isolated")
    core.decoder = decoders.Fuse()
    core.add_special_tokens(tiny.SPECIAL)
    wrapped = PreTrainedTokenizerFast(tokenizer_object=core, pad_token="<|pad|>", eos_token="<|end|>", unk_token="?")
    wrapped.chat_template = tiny.CHAT_TEMPLATE
    return wrapped


def save_toy_model(folder: Path, seed: int = 0) -> str:
    """A transformers folder with a model of a few thousand parameters; returns its path."""
    tokenizer = build_tokenizer()
    tiny.build_model(tokenizer, hidden=32, layers=1, heads=2, seed=seed).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


class Echo(gymnasium.Env[str, str]):
    """Each turn shows a letter; the action must be the letter of the first turn. A stranger to Ludex.

    Args:
        turns: turns an episode.
        fault: "", or what goes wrong in every tenth episode: "raise", "hang" or "nan".
    """

    def __init__(self, turns: int = 1, fault: str = ""):
        self.turns, self.fault = turns, fault
        self.observation_space = self.action_space = Text(100, min_length=0, charset=LETTERS + "?<>|")
        self._first, self._left, self._bad = "", 0, False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        super().reset(seed=seed)
        self._first = LETTERS[int(self.np_random.integers(len(LETTERS)))]
        self._left, self._bad = self.turns, bool(self.np_random.integers(10) == 0)
        return self._first, {"solution": [self._first] * self.turns}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        if self.fault and self._bad:
            return self._break()
        right = action[:1] == self._first
        self._left -= 1
        other = LETTERS[int(self.np_random.integers(len(LETTERS)))]
        return other, float(right), self._left == 0, False, {}

    def _break(self) -> tuple[str, float, bool, bool, dict[str, Any]]:
        if self.fault == "raise":
            raise RuntimeError("the game broke")
        if self.fault == "hang":
            import time

            time.sleep(60)
        return "", float("nan"), True, False, {}


def run_table(model: str, **changes: Any) -> dict[str, Any]:
    """A run file for the echo game, small enough for a test; `changes` are merged in, table by table."""
    table: dict[str, Any] = {
        "name": "echo",
        "model": model,
        "algorithm": "grpo",
        "steps": 40,
        "env": [{"id": "toys:Echo", "success_at": 0.99}],
        "rollout": {"prompts": 8, "group": 8, "max_new_tokens": 2, "timeout_s": 0.0},
        "optim": {"lr": 1e-2},
        "save": {"every": 0},
        "log": {"sinks": [], "episodes_every": 0, "max_cut": 2.0},
        "compute": {"threads": 1, "device": "cpu"},
    }
    for key, value in changes.items():
        table[key] = {**table.get(key, {}), **value} if isinstance(value, dict) else value
    return table
