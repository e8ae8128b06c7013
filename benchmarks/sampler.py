"""The benchmark's sampling alone: `python sampler.py WORK`, driven by trainer.py; `Work.engine` says what samples.

Weights are in bfloat16 where the work says so, for every engine. Nothing ends a
completion but its length.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import torch
from workload import Turnstile, Work, build_model, build_tokenizer, prompt


def open_engine(work: Work) -> Any:
    """An engine of Ludex on the work's model."""
    from ludex.agents.engine.local import LocalEngine
    from ludex.agents.engine.paged import TransformersEngine
    from ludex.agents.policy import Policy

    dtype = "bfloat16" if work.bf16 else "float32"
    policy = Policy(build_model(work), build_tokenizer(work.vocabulary), device=work.device, dtype=dtype)
    return {"local": LocalEngine, "transformers": TransformersEngine}[work.engine](policy, [])


def ours(work: Work) -> Callable[[int], Any]:
    """What samples one batch with an engine of Ludex; its argument is a seed."""
    from ludex.agents.sampling import Sampling, generate

    engine, tokenizer = open_engine(work), build_tokenizer(work.vocabulary)
    ids = [tokenizer(text)["input_ids"] for text in texts(work)]

    def sample(seed: int) -> Any:
        engine.refresh(seed)
        return generate(engine, ids, Sampling(work.new_tokens))

    return sample


def transformers(work: Work) -> Callable[[int], Any]:
    """The same with transformers' own `generate`, in the way that costs it least."""
    model = build_model(work).to(work.device, torch.bfloat16 if work.bf16 else torch.float32).eval()
    model.generation_config.eos_token_id = None
    inputs = build_tokenizer(work.vocabulary)(texts(work), return_tensors="pt").to(work.device)
    inputs.pop("token_type_ids", None)

    def sample(seed: int) -> Any:
        torch.manual_seed(seed)
        return model.generate(**inputs, do_sample=True, top_k=0, max_new_tokens=work.new_tokens).cpu()

    return sample


def texts(work: Work) -> list[str]:
    """The prompts, each as often as its group is large."""
    return [prompt(i, work.prompt_tokens)[0] for i in range(work.prompts) for _ in range(work.group)]


@torch.no_grad()
def main() -> None:
    work = Work(**json.loads(sys.argv[1]))
    turnstile = Turnstile(work)
    sample = transformers(work) if work.engine == "generate" else ours(work)
    facts: dict[str, Any] = {}
    seed = 0
    while turnstile.wait(**facts):
        found = sample(seed)
        lengths = [len(row.ids) if hasattr(row, "ids") else len(row) - work.prompt_tokens for row in found]
        facts, seed = {"tokens": sum(lengths) + work.rows * work.prompt_tokens}, seed + 1


if __name__ == "__main__":
    main()
