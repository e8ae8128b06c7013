"""The benchmark's work through Ludex's own trainer: `python trainer_ours.py WORK`, driven by trainer.py."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import gymnasium
from workload import PROMPTS, Turnstile, Work, prompt, reward, save

from ludex.agents.journal import Journal
from ludex.agents.settings import Settings, resolve
from ludex.agents.train import Trainer
from ludex.envs.spaces import FreeText


class Say(gymnasium.Env[str, str]):
    """Asks for a letter; one response, paid by `workload.reward`."""

    observation_space = FreeText()
    action_space = FreeText()

    def __init__(self, length: int):
        self.length = length

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        super().reset(seed=seed)
        text, self.letter = prompt(int(self.np_random.integers(PROMPTS)), self.length)
        return text, {}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        return "", reward(action, self.letter), True, False, {}


def settings(work: Work, model: str) -> Settings:
    """The run file of the work."""
    at_once = (work.micro_rows or work.rows) * (work.prompt_tokens + work.new_tokens)
    rollout = {"prompts": work.prompts, "group": work.group, "max_new_tokens": work.new_tokens}
    compute = {"device": work.device, "dtype": "bfloat16" if work.bf16 else "float32", "engine": work.engine}
    return resolve(
        {
            "name": "benchmark",
            "model": model,
            "env": [{"id": "trainer_ours:Say", "length": work.prompt_tokens}],
            "algorithm": "grpo",
            "steps": 10**6,
            "rollout": rollout,
            "grpo": {"beta": 0.0},  # with equal lengths its mean over sequences is the mean over tokens
            "optim": {"lr": work.lr, "betas": (0.9, 0.999), "micro_tokens": at_once},
            "compute": compute,
        }
    )


def main() -> None:
    work = Work(**json.loads(sys.argv[1]))
    turnstile = Turnstile(work)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(settings(work, save(work, Path(folder) / "model", stops=False)))
        journal = Journal(Path(folder))
        facts: dict[str, Any] = {}
        while turnstile.wait(**facts):
            metrics, played = trainer.step()
            journal.metrics(trainer.done, metrics)
            seen = sum(len(turn.prompt_ids) + len(turn.action_ids) for t in played for turn in t.turns)
            times = {"sample_s": metrics["time/rollout"], "learn_s": metrics["time/learn"]}
            facts = {"tokens": seen, "reward": metrics["reward"], **times}


if __name__ == "__main__":
    main()
