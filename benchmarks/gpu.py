"""GRPO steps of a model of Qwen2.5-0.5B's shape on one GPU: Ludex, `model.generate`, and TRL where it can be installed.

Random weights, bfloat16 autocast over float32 weights, 16 prompts x 8 completions
of exactly 256 tokens. Without a CUDA device it says so and measures nothing; `--toy`
sends a toy model down the same path on the CPU, which is a check, not a measurement.

    python benchmarks/gpu.py [--steps 5] [--warmup 2] [--micro-rows 32] [--toy]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import replace
from statistics import median
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from trainer import compare, trl_python, versions, write
from workload import Work, build_model, build_tokenizer, prompt

WORK = Work(
    layers=24,
    hidden=896,
    heads=14,
    kv_heads=2,
    mlp=4864,
    vocabulary=151_936,
    prompts=16,
    group=8,
    prompt_tokens=128,
    new_tokens=256,
    lr=1e-6,
    device="cuda",
    bf16=True,
)
TOY = Work(layers=1, hidden=32, heads=2, kv_heads=1, mlp=64, prompts=2, group=4, new_tokens=8, micro_rows=4, bf16=True)


def trainer(work: Work, python: Any, script: str, steps: int, warmup: int) -> dict[str, Any]:
    """Medians of a trainer's steps; tokens are sampled ones, and sampling includes the environment."""
    found = compare(work, {script: (python, script)}, steps, warmup, threads=0)[script]
    sampled = [work.rows * work.new_tokens / step["sample_s"] for step in found if "sample_s" in step]
    return {
        "step_s": median(step["wall_s"] for step in found),
        "tokens_s": median(sampled) if sampled else None,
        "peak_mb": found[-1].get("peak_cuda_mb"),
    }


@torch.no_grad()
def generate(work: Work, steps: int, warmup: int) -> dict[str, Any]:
    """Sampling alone, by transformers' own `generate` with weights in bfloat16."""
    model = build_model(work).to(work.device, torch.bfloat16).eval()
    tokenizer = build_tokenizer(work.vocabulary)
    texts = [prompt(i, work.prompt_tokens)[0] for i in range(work.prompts) for _ in range(work.group)]
    inputs = tokenizer(texts, return_tensors="pt", padding=True).to(work.device)
    seconds = []
    for _ in range(warmup + steps):
        start = time.perf_counter()
        out = model.generate(
            **inputs, do_sample=True, top_k=0, min_new_tokens=work.new_tokens, max_new_tokens=work.new_tokens
        )
        out.cpu()  # waits for the device
        seconds.append(time.perf_counter() - start)
    cuda = work.device.startswith("cuda")
    return {
        "step_s": None,
        "tokens_s": work.rows * work.new_tokens / median(seconds[warmup:]),
        "peak_mb": torch.cuda.max_memory_allocated() / 2**20 if cuda else None,
    }


def measure(work: Work, steps: int, warmup: int) -> dict[str, dict[str, Any]]:
    """One contestant after another, so that each has the device's memory to itself."""
    found = {"Ludex": trainer(work, sys.executable, "trainer_ours", steps, warmup)}
    try:
        found["TRL"] = trainer(work, trl_python(), "trainer_trl", steps, warmup)
    except (subprocess.CalledProcessError, RuntimeError) as error:
        print(f"TRL is left out: {error}", file=sys.stderr)
    found["model.generate"] = generate(work, steps, warmup)
    return found


def show(found: dict[str, dict[str, Any]], work: Work, device: str) -> None:
    """The table."""
    title = f"{work.rows} rows of {work.prompt_tokens} + {work.new_tokens} tokens on {device}"
    table = Table("", title=title)
    for column in ("sampled tokens/s", "step s", "peak MB"):
        table.add_column(column, justify="right")
    for name, row in found.items():
        cells = [(row["tokens_s"], ",.0f"), (row["step_s"], ".2f"), (row["peak_mb"], ",.0f")]
        table.add_row(name, *("" if value is None else format(value, spec) for value, spec in cells))
    Console(width=100).print(table)


def main() -> None:
    """Measure, save and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--micro-rows", type=int, default=32, help="completions forwarded at once while learning")
    parser.add_argument("--toy", action="store_true", help="the same path on the CPU with a toy model")
    args = parser.parse_args()
    if not args.toy and not torch.cuda.is_available():
        print(f"benchmarks/gpu.py: torch {torch.__version__} sees no CUDA device here; nothing was measured")
        return
    work = TOY if args.toy else replace(WORK, micro_rows=args.micro_rows)
    device = "cpu" if args.toy else torch.cuda.get_device_name()
    found = measure(work, args.steps, args.warmup)
    show(found, work, device)
    if not args.toy:
        about = {"device": device, "versions": versions(sys.executable), "work": json.loads(work.to_json())}
        print(f"written to {write('gpu', about | {'steps': args.steps, 'results': found})}")


if __name__ == "__main__":
    main()
