"""The piece of GRPO work that every trainer is given, and how each of them reports what a step cost.

Needs only torch and transformers, so that it also runs where another trainer is
installed. One byte is one token: a prompt is exactly as long as it says, and
completions run to their full length.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

SPECIAL = ("<pad>", "<eos>", "<bos>")
PROMPTS = 256  # different ones


@dataclass(frozen=True)
class Work:
    """A randomly initialised Qwen2, the batch of a step, and where it runs; the defaults are the CPU benchmark's."""

    layers: int = 4
    hidden: int = 256
    heads: int = 4
    kv_heads: int = 2
    mlp: int = 1024
    vocabulary: int = 512
    prompts: int = 8
    group: int = 8
    prompt_tokens: int = 32
    new_tokens: int = 64
    lr: float = 1e-3
    device: str = "cpu"
    bf16: bool = False  # each contestant in its own way: float32 masters or autocast; sampling alone in bfloat16
    micro_rows: int = 0  # completions forwarded at once while learning, 0 for all
    engine: str = "local"  # what samples for Ludex; for sampler.py also "generate"

    @property
    def rows(self) -> int:
        """Completions a step."""
        return self.prompts * self.group

    def to_json(self) -> str:
        """For a command line."""
        return json.dumps(asdict(self))


def build_tokenizer(size: int) -> Any:
    """One token a byte, filled up to `size` with tokens that no text contains."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    known = [*SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    words = known + [f"<filler{i}>" for i in range(size - len(known))]
    tokenizer = Tokenizer(models.BPE({word: i for i, word in enumerate(words)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    names = {f"{name.strip('<>')}_token": name for name in SPECIAL}
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, padding_side="left", **names)
    wrapped.chat_template = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    return wrapped


def build_model(work: Work) -> Any:
    """The network, the same for the same work."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=work.vocabulary,
        hidden_size=work.hidden,
        intermediate_size=work.mlp,
        num_hidden_layers=work.layers,
        num_attention_heads=work.heads,
        num_key_value_heads=work.kv_heads,
        max_position_embeddings=8192,
        tie_word_embeddings=True,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=2,
    )
    return Qwen2ForCausalLM(config)


def save(work: Work, folder: Path, *, stops: bool) -> str:
    """The model as a transformers folder; without `stops` nothing ends a completion but its length."""
    model, tokenizer = build_model(work), build_tokenizer(work.vocabulary)
    if not stops:
        tokenizer.eos_token = None
        model.generation_config.eos_token_id = None
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def prompt(number: int, length: int) -> tuple[str, str]:
    """Prompt `number`, exactly `length` characters, and the letter it asks for."""
    letter = chr(ord("a") + number % 26)
    return f"say {letter} {number:04d} ".ljust(length, "."), letter


def reward(completion: str, letter: str) -> float:
    """Share of the wanted letter, and a tenth of the share of letters."""
    size = max(1, len(completion))
    return completion.count(letter) / size + 0.1 * sum(map(str.isalpha, completion)) / size


def clock(cuda: bool) -> tuple[float, float]:
    """Seconds on the wall and of the processor, once a GPU has done what it was given."""
    if cuda:
        import torch

        torch.cuda.synchronize()
    return time.perf_counter(), time.process_time()


def peaks(cuda: bool) -> dict[str, float]:
    """The most memory that this process has held so far."""
    found = {"peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
    if cuda:
        import torch

        # Reserved: what captured graphs hold counts too, and a trainer that watches its own peak does not reset it.
        found["peak_cuda_mb"] = torch.cuda.max_memory_reserved() / 2**20
    return found


class Turnstile:
    """Where a trainer waits until the driver lets its next step run, and says what the last one cost.

    The driver writes a line a step to the trainer's standard input and gets a line of JSON back.
    """

    def __init__(self, work: Work):
        self.cuda = work.device.startswith("cuda")
        # Whatever else a library prints must not get between the lines.
        self._out = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)
        self._start: tuple[float, float] | None = None

    def wait(self, **facts: Any) -> bool:
        """Report the step just done with its `facts` and wait for leave to go on; False at the end."""
        now = clock(self.cuda)
        if self._start is not None:
            wall, cpu = now[0] - self._start[0], now[1] - self._start[1]
            self._say({"cpu_s": cpu, "wall_s": wall, **peaks(self.cuda), **facts})
        go_on = bool(sys.stdin.readline())
        self._start = clock(self.cuda)
        return go_on

    def _say(self, report: dict[str, Any]) -> None:
        print(json.dumps(report), file=self._out, flush=True)
