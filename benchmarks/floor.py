"""The least time that a GRPO step can take on a device: bytes to move and operations to do, counted by hand.

Counted is what an exact implementation does that shares nothing but prompts: every
weight read once a decoding step, every row's keys and values once, its logits
written and read once; a prompt forwarded once per group, in both passes; in the
learner 6 operations a weight and token, attention three times its forward pass, and
the LM head once more, as its logits are recomputed instead of kept. Norms, rotary
embeddings and the drawing of tokens are left out. Times assume that bytes and
operations overlap perfectly.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import torch
from workload import Work

WIDTH = 2  # bytes of a weight, a key or a value in bfloat16
LOGIT = 4  # bytes: in float32 to be sampled from exactly
ADAM = 30  # bytes a weight: master, gradient and two moments read, three of them written, the bfloat16 copy written

# Memory bandwidth (bytes/s) and dense bfloat16 operations/s, from the makers' data sheets; the first that fits counts.
DEVICES = {
    "B200": (8.0e12, 2250e12),
    "H200 NVL": (4.8e12, 835e12),
    "H200": (4.8e12, 989e12),
    "H100 NVL": (3.9e12, 835e12),
    "H100 PCIe": (2.0e12, 756e12),
    "H100": (3.35e12, 989e12),
    "A100-SXM4-80GB": (2.039e12, 312e12),
    "A100 80GB PCIe": (1.935e12, 312e12),
    "A100": (1.555e12, 312e12),
    "L40S": (0.864e12, 362e12),
    "RTX 4090": (1.008e12, 165.2e12),
    "RTX 3090": (0.936e12, 71e12),
}


@dataclass(frozen=True)
class Cost:
    """Bytes moved and operations done."""

    bytes: float
    flops: float

    def seconds(self, speed: Speed) -> float:
        """At best."""
        return max(self.bytes / speed.bandwidth, self.flops / speed.flops)


@dataclass(frozen=True)
class Speed:
    """Bytes and bfloat16 operations a second."""

    bandwidth: float
    flops: float


def layer_weights(work: Work) -> int:
    """Weights of the matrices in all layers: query and output, key and value, and the three of the MLP."""
    kv = work.hidden // work.heads * work.kv_heads
    return work.layers * work.hidden * (2 * work.hidden + 2 * kv + 3 * work.mlp)


def head_weights(work: Work) -> int:
    """Weights of the LM head, which are the embeddings too."""
    return work.hidden * work.vocabulary


def decode(work: Work, context: int) -> Cost:
    """One decoding step of every row, each with `context` tokens to look at."""
    weights = layer_weights(work) + head_weights(work)
    kv = 2 * work.layers * work.hidden // work.heads * work.kv_heads  # elements a token
    moved = WIDTH * (weights + work.rows * context * kv) + 2 * LOGIT * work.rows * work.vocabulary
    return Cost(moved, 2 * work.rows * weights + work.rows * _attention(work, context))


def prefill(work: Work) -> Cost:
    """Each prompt once; of the LM head its last token only."""
    tokens = work.prompts * work.prompt_tokens
    pairs = work.prompts * _triangle(work.prompt_tokens)
    head = 2 * work.prompts * head_weights(work)
    moved = WIDTH * (layer_weights(work) + head_weights(work))
    return Cost(moved, 2 * tokens * layer_weights(work) + _attention(work, pairs) + head)


def sampling_seconds(work: Work, speed: Speed) -> float:
    """Prefill and all decoding steps; the first token comes from the prefill."""
    steps = (decode(work, work.prompt_tokens + n) for n in range(1, work.new_tokens))
    return prefill(work).seconds(speed) + sum(step.seconds(speed) for step in steps)


def learn(work: Work) -> Cost:
    """Forward and backward pass of all rows, and one step of AdamW."""
    behind = work.new_tokens - 1  # nothing is predicted from the last token
    tokens = work.prompts * work.prompt_tokens + work.rows * behind
    pairs = work.prompts * _triangle(work.prompt_tokens)
    pairs += work.rows * (behind * work.prompt_tokens + _triangle(behind))
    scored = work.rows * work.new_tokens
    flops = 6 * tokens * layer_weights(work) + 3 * _attention(work, pairs) + 8 * scored * head_weights(work)
    return Cost(ADAM * (layer_weights(work) + head_weights(work)), flops)


def learning_seconds(work: Work, speed: Speed) -> float:
    """The passes, and after them the optimiser."""
    cost = learn(work)
    return cost.flops / speed.flops + cost.bytes / speed.bandwidth


def _attention(work: Work, pairs: int) -> int:
    """Operations of all layers for so many pairs of a query and a key: two products of a multiply and an add each."""
    return 4 * work.layers * work.hidden * pairs


def _triangle(n: int) -> int:
    """Pairs of a token and one that it sees, itself included."""
    return n * (n + 1) // 2


def data_sheet(name: str) -> Speed | None:
    """What the maker says of the device of that name; None for one that is not in the table."""
    return next((Speed(*numbers) for known, numbers in DEVICES.items() if known in name), None)


def measured(device: str, elements: int = 1 << 28, side: int = 8192) -> Speed:
    """The speed of a large copy (bytes read and written) and of a large product of matrices, both in bfloat16."""
    source = torch.ones(elements, dtype=torch.bfloat16, device=device)
    target = torch.empty_like(source)
    left, right = (torch.randn(side, side, device=device).bfloat16() for _ in range(2))
    copying = _median(lambda: target.copy_(source), device)
    multiplying = _median(lambda: left @ right, device)
    return Speed(2 * WIDTH * elements / copying, 2 * side**3 / multiplying)


def _median(work: Callable[[], object], device: str, times: int = 10) -> float:
    seconds = []
    for _ in range(times + 3):
        start = time.perf_counter()
        work()
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return median(seconds[3:])
