"""A tiny transformer with its own tokenizer, built in place: the embedded default that needs no download."""

from __future__ import annotations

from collections.abc import Iterable, Sized
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

SPECIAL = ["<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]

CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def build_tokenizer(texts: Iterable[str], vocabulary: int = 640, words: bool = False) -> Any:
    """A byte-level BPE tokenizer trained on `texts`; it can encode any string.

    Numbers are split off before merging, so that a number is the same token
    wherever it stands, and long fixed phrases become one token. With `words`
    no token goes beyond a word, so that a name, too, is the same tokens
    wherever it stands: what copies names from a text needs this.
    """
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"[0-9]{1,3}"), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=words),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<|pad|>", eos_token="<|end|>", clean_up_tokenization_spaces=False
    )
    wrapped.chat_template = CHAT_TEMPLATE
    return wrapped


def build_model(tokenizer: Any, *, hidden: int = 128, layers: int = 4, heads: int = 4, seed: int = 0) -> Any:
    """A randomly initialised Llama of a fraction of a million parameters, the same for the same seed.

    Not a Qwen2: for that model type transformers loads a saved tokenizer with
    Qwen's own pre-tokenization instead of the one in the folder.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=4 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        initializer_range=0.05,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model


def corpus(sources: Iterable[Any], samples: int = 1000) -> Iterable[str]:
    """Prompts and worked solutions of the first tasks of each source, for training the tokenizer."""
    for source in sources:
        for index in range(min(samples, len(source)) if isinstance(source, Sized) else samples):
            task = source[index]
            yield task.prompt
            solution = task.info.get("solution") or ""
            yield from [solution] if isinstance(solution, str) else solution
    yield from (str(number) for number in range(100) for _ in range(20))
