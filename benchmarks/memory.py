"""How many bytes a learner's step needs on one GPU: counted from a model's shape, not measured on a GPU.

Activations are what autograd keeps for the backward pass of a Qwen2 as
transformers writes it, tensor by tensor; `tests/test_memory.py` holds them
against what is really kept on the CPU. 1 GB is allowed for the CUDA context, the
allocator's fragments and the kernels' own workspace.

    python benchmarks/memory.py
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from rich.console import Console
from rich.table import Table

BF16, FP32 = 2, 4
CHUNK = 1 << 25  # logits at a time, as agents/policy.py has it
GB = 10**9
ALLOWED = "allowed for the device and the allocator"


@dataclass(frozen=True)
class Shape:
    """A Qwen2."""

    name: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    mlp: int
    vocabulary: int
    tied: bool

    @property
    def linear(self) -> list[tuple[int, int]]:
        """Inputs and outputs of a layer's seven linear maps."""
        h, q, kv, m = self.hidden, self.heads * self.head_dim, self.kv_heads * self.head_dim, self.mlp
        return [(h, q), (h, kv), (h, kv), (q, h), (h, m), (h, m), (m, h)]

    @property
    def parameters(self) -> int:
        """Of the whole model."""
        biases = (self.heads + 2 * self.kv_heads) * self.head_dim
        layer = sum(a * b for a, b in self.linear) + biases + 2 * self.hidden
        return self.layers * layer + self.hidden + (1 if self.tied else 2) * self.vocabulary * self.hidden

    def adapters(self, rank: int) -> int:
        """Parameters of LoRA on every linear map of every layer."""
        return self.layers * sum(rank * (a + b) for a, b in self.linear)


@dataclass(frozen=True)
class Load:
    """Rows forwarded at once, in groups that share a prompt; lengths in tokens."""

    rows: int
    group: int
    prompt: int
    new: int

    @property
    def prompts(self) -> int:
        """Different ones."""
        return math.ceil(self.rows / self.group)

    @property
    def tokens(self) -> int:
        """As `optim.micro_tokens` counts them."""
        return self.prompts * self.prompt + self.rows * self.new


QWEN_HALF = Shape("Qwen2.5-0.5B", 24, 896, 14, 2, 64, 4864, 151_936, tied=True)
QWEN_7 = Shape("Qwen2.5-7B", 28, 3584, 28, 4, 128, 18_944, 152_064, tied=False)
STEP = Load(rows=128, group=8, prompt=256, new=256)


def states(shape: Shape, rank: int = 0) -> dict[str, int]:
    """What is there between passes, in bytes: bfloat16 weights and, for what is trained, float32 beside them."""
    trained = shape.adapters(rank) if rank else shape.parameters
    return {
        "weights, bfloat16": BF16 * (shape.parameters + (trained if rank else 0)),
        "master weights, float32": FP32 * trained,
        "Adam's moments, float32": 2 * FP32 * trained,
        "gradients, float32": FP32 * trained,
    }


def layer(shape: Shape, load: Load, size: int = BF16, rank: int = 0) -> dict[str, int]:
    """What one layer keeps for its backward pass, in bytes, by kind; nothing follows a row's last token."""
    leaves = load.rows * (load.new - 1)
    n = load.prompts * load.prompt + leaves
    q, kv = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    keys = load.rows * (load.prompt + load.new - 1)
    return {
        # RMSNorm: its input in float32, a factor a token, the normalised states; and what follows it reads its output.
        "norms": 2 * n * (FP32 * shape.hidden + FP32 + 2 * size * shape.hidden),
        # Queries, keys, values, output; what follows a prompt has copies of its queries, outputs and all keys it sees.
        "attention": size * (n * (2 * q + 2 * kv) + (n + leaves) * q + 2 * keys * kv) + FP32 * n * shape.heads,
        "mlp": 4 * size * n * shape.mlp,
        "adapters": size * n * rank * len(shape.linear),
    }


def activations(
    shape: Shape, load: Load, size: int = BF16, *, checkpointing: bool = False, rank: int = 0
) -> dict[str, int]:
    """What a pass keeps for its backward pass, in bytes, by kind; with checkpointing, one layer's at its worst."""
    n = load.tokens - load.rows
    one = layer(shape, load, size, rank)
    kept = {kind: number * (1 if checkpointing else shape.layers) for kind, number in one.items()}
    kept["layer inputs"] = size * n * shape.hidden * shape.layers if checkpointing else 0
    folded = (load.new - 1) * shape.heads // shape.kv_heads
    mask = size * folded * math.ceil((load.prompt + load.new - 1) / 16) * 16  # one for prompts of one length
    rotary = 2 * size * n * shape.head_dim
    final = n * (FP32 * shape.hidden + FP32 + size * shape.hidden) + load.rows * load.new * size * shape.hidden
    kept["rotary, mask, final norm, states"] = rotary + mask + final
    return kept


def working(shape: Shape, load: Load, rank: int = 0, chunk: int = CHUNK) -> dict[str, int]:
    """What comes and goes: a chunk of logits with its gradients, the LM head's gradient, those inside one MLP."""
    return {
        "gradient of the LM head": 0 if rank else BF16 * shape.vocabulary * shape.hidden,
        "logits of a chunk": min(chunk, load.rows * load.new * shape.vocabulary) * (2 * BF16 + 4 * FP32),
        "gradients in one MLP": 4 * BF16 * load.tokens * shape.mlp,
    }


def held(shape: Shape, load: Load) -> dict[str, int]:
    """The sampler's keys and values, which it keeps while the learner works: CUDA graphs hold their addresses."""
    token = 2 * BF16 * shape.kv_heads * shape.head_dim * shape.layers
    return {"KV cache of all rows": load.rows * (load.prompt + load.new) * token}


def sampling(shape: Shape, load: Load, rank: int = 0) -> dict[str, int]:
    """All bytes while sampling; merged adapters have replaced base weights, which are kept aside."""
    idle = {name: number for name, number in states(shape, rank).items() if not name.startswith("gradients")}
    touched = BF16 * shape.layers * sum(a * b for a, b in shape.linear) if rank else 0
    return {**idle, **held(shape, load), "base weights before the merge": touched, ALLOWED: GB}


def micro(load: Load, tokens: int) -> Load:
    """As many rows of `load` as `optim.micro_tokens` admits at once, one at least."""
    fitting = [n for n in range(1, load.rows + 1) if replace(load, rows=n).tokens <= tokens]
    return replace(load, rows=max(fitting, default=1))


def learning(shape: Shape, load: Load, *, checkpointing: bool = False, rank: int = 0) -> dict[str, int]:
    """All bytes at the worst moment of a backward pass over `load`."""
    kept = activations(shape, load, checkpointing=checkpointing, rank=rank)
    return {**states(shape, rank), **held(shape, STEP), **kept, **working(shape, load, rank), ALLOWED: GB}


def largest(shape: Shape, limit: float, *, checkpointing: bool = False, rank: int = 0) -> int:
    """The greatest power of two for `optim.micro_tokens` with which a step stays below `limit` bytes."""
    sizes = [2**k for k in range(9, 17)]
    fits = [
        n
        for n in sizes
        if sum(learning(shape, micro(STEP, n), checkpointing=checkpointing, rank=rank).values()) < limit
    ]
    return max(fits, default=0)


def show(shape: Shape, limit: float, rank: int = 0) -> None:
    """The table of a shape."""
    title = f"{shape.name}'s shape, {STEP.rows} rows of {STEP.prompt} + {STEP.new} tokens in groups of {STEP.group}"
    table = Table("GB, counted", title=title + (f", LoRA rank {rank}" if rank else ""))
    columns = []
    for checkpointing in (False, True):
        tokens = largest(shape, limit, checkpointing=checkpointing, rank=rank)
        load = micro(STEP, tokens)
        columns.append(learning(shape, load, checkpointing=checkpointing, rank=rank))
        how = "checkpointing" if checkpointing else "no checkpointing"
        table.add_column(f"{how}, micro_tokens {tokens:,} ({load.rows} rows)", justify="right")
    for name in columns[0]:
        if any(column[name] for column in columns):
            table.add_row(name, *(f"{column[name] / GB:.2f}" for column in columns))
    table.add_row("learning, at its worst", *(f"{sum(column.values()) / GB:.2f}" for column in columns), style="bold")
    table.add_row("sampling", *[f"{sum(sampling(shape, STEP, rank).values()) / GB:.2f}"] * 2, style="bold")
    Console(width=120).print(table)


def main() -> None:
    """Print both tables."""
    show(QWEN_HALF, 16 * GB)
    show(QWEN_7, 80 * GB, rank=64)
    print("Counted from shapes, not measured on a GPU.")


if __name__ == "__main__":
    main()
