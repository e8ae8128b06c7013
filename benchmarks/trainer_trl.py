"""The benchmark's work through TRL's GRPOTrainer: `python trainer_trl.py WORK`, driven by trainer.py."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import TrainerCallback
from trl import GRPOConfig, GRPOTrainer
from workload import PROMPTS, Turnstile, Work, prompt, reward, save


class Gate(TrainerCallback):
    """Waits at the turnstile before every step."""

    def __init__(self, turnstile: Turnstile):
        self.turnstile, self.seen = turnstile, 0
        self.reward = 0.0

    def rewards(self, completions: list[str], letter: list[str], **_: Any) -> list[float]:
        """The reward function: one number a completion."""
        found = [reward(*pair) for pair in zip(completions, letter, strict=True)]
        self.reward = sum(found) / len(found)
        return found

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        tokens, self.seen = int(state.num_input_tokens_seen) - self.seen, int(state.num_input_tokens_seen)
        if not self.turnstile.wait(tokens=tokens, reward=self.reward):
            sys.exit()


def config(work: Work, folder: str) -> GRPOConfig:
    """GRPO with a token mean, no KL, no checkpoints or trackers."""
    at_once = work.micro_rows or work.rows
    return GRPOConfig(
        output_dir=folder,
        per_device_train_batch_size=at_once,
        gradient_accumulation_steps=work.rows // at_once,
        num_generations=work.group,
        max_completion_length=work.new_tokens,
        generation_kwargs={"min_new_tokens": work.new_tokens},
        max_steps=10**6,
        learning_rate=work.lr,
        lr_scheduler_type="constant",
        loss_type="dapo",
        beta=0.0,
        max_grad_norm=1.0,
        gradient_checkpointing=False,
        bf16=work.bf16,
        use_cpu=work.device == "cpu",
        logging_steps=1,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
    )


def main() -> None:
    work = Work(**json.loads(sys.argv[1]))
    gate = Gate(Turnstile(work))
    with tempfile.TemporaryDirectory() as folder:
        rows = [dict(zip(("prompt", "letter"), prompt(i, work.prompt_tokens), strict=True)) for i in range(PROMPTS)]
        trainer = GRPOTrainer(
            model=save(work, Path(folder) / "model", stops=True),
            reward_funcs=gate.rewards,
            args=config(work, folder),
            train_dataset=Dataset.from_list(rows),
            callbacks=[gate],
        )
        trainer.train()


if __name__ == "__main__":
    main()
