"""What each turn of a conversation costs: `python talker.py WORK (kept|again) TURNS ROUNDS`, for cost.py.

An environment says `WORK.prompt_tokens` at each turn, and each of `WORK.rows` conversations answers with exactly
`WORK.new_tokens`. With "kept" the engine goes on where it was, with "again" each turn is a prompt of its own.
Prints one line of JSON: for each turn the median seconds a new token, and the peak memory of the first round.
"""

from __future__ import annotations

import json
import random
import sys
from statistics import median
from typing import Any

import torch
from sampler import open_engine
from workload import Work, clock, peaks

from ludex.agents.sampling import Engine, Sampling


def talk(work: Work, engine: Engine, kept: bool, turns: int, seed: int) -> list[dict[str, float]]:
    """One round of conversations: seconds a new token and peak megabytes, by turn."""
    cuda, rng = work.device != "cpu", random.Random(seed)
    key = "peak_cuda_mb" if cuda else "peak_rss_mb"
    engine.refresh(seed)
    prompts = [said(rng, work) for _ in range(work.rows)]
    handles, costs = [0] * work.rows, []
    for _ in range(turns):
        before = clock(cuda)
        handles = [
            engine.submit(prompt, Sampling(work.new_tokens), keep=kept, after=handle if kept else 0)
            for prompt, handle in zip(prompts, handles, strict=True)
        ]
        done: dict[int, Any] = {}
        while len(done) < work.rows:
            done |= engine.poll()
        after = clock(cuda)
        spent = after[0] - before[0] if cuda else after[1] - before[1]
        costs.append({"seconds": spent / (work.rows * work.new_tokens), "mb": peaks(cuda)[key]})
        prompts = [p + done[handle].ids + said(rng, work) for p, handle in zip(prompts, handles, strict=True)]
    for handle in handles:
        engine.release(handle)
    return costs


def said(rng: random.Random, work: Work) -> list[int]:
    """One observation."""
    return [rng.randrange(3, 259) for _ in range(work.prompt_tokens)]


def main() -> None:
    work, kept = Work(**json.loads(sys.argv[1])), sys.argv[2] == "kept"
    turns, rounds = map(int, sys.argv[3:])
    if work.device == "cpu":
        torch.set_num_threads(1)
    engine = open_engine(work)
    first = talk(work, engine, kept, turns, 0)
    later = [talk(work, engine, kept, turns, seed) for seed in range(1, rounds + 1)]
    seconds = [median(cost["seconds"] for cost in turn) for turn in zip(*later, strict=True)]
    print(json.dumps({"seconds": seconds, "mb": [cost["mb"] for cost in first]}))


if __name__ == "__main__":
    main()
