"""The cache that appends in place holds what a concatenating one holds; a saved model keeps its tokenizer."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM
from transformers.cache_utils import DynamicCache

from ludex.agents import tiny
from ludex.agents.cache import ROOM, for_decoding
from ludex.envs.registry import task_source

SMALL = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "vocab_size": 11}


def filled(generator: torch.Generator, layers: int = 2, rows: int = 3, length: int = 5) -> DynamicCache:
    cache = DynamicCache()
    for layer in range(layers):
        cache.update(*torch.randn(2, rows, 2, length, 4, generator=generator).unbind(), layer)
    return cache


@pytest.mark.parametrize("chunks", [[1] * 4, [ROOM - 1, 1, 1, 1], [ROOM + 7, 3], [1, 2 * ROOM + 1, 1]])
def test_it_holds_what_concatenation_holds(chunks: list[int]) -> None:
    index = torch.tensor([2, 0, 0, 1])
    theirs, ours = (filled(torch.Generator().manual_seed(1)) for _ in range(2))
    theirs.batch_select_indices(index)
    ours = for_decoding(ours, index)
    generator = torch.Generator().manual_seed(2)
    for number, size in enumerate(chunks):
        for layer in range(2):
            new = torch.randn(2, len(index), 2, size, 4, generator=generator).unbind()
            for mine, other in zip(ours.update(*new, layer), theirs.update(*new, layer), strict=True):
                assert torch.equal(mine, other)
        assert ours.get_seq_length() == theirs.get_seq_length()
        if number == 1:  # some rows are done
            index = torch.tensor([3, 1])
            ours.batch_select_indices(index)
            theirs.batch_select_indices(index)


def test_appending_copies_nothing_while_there_is_room() -> None:
    cache = for_decoding(filled(torch.Generator()), torch.arange(3))
    places = set()
    for _ in range(ROOM):
        keys, _ = cache.update(torch.zeros(3, 2, 1, 4), torch.zeros(3, 2, 1, 4), 0)
        places.add(keys.data_ptr())
    assert len(places) == 1
    keys, _ = cache.update(torch.zeros(3, 2, 1, 4), torch.zeros(3, 2, 1, 4), 0)
    assert keys.data_ptr() not in places


def test_layers_with_a_window_are_left_to_transformers() -> None:
    from transformers import MistralConfig, MistralForCausalLM

    torch.manual_seed(0)
    options = {"num_attention_heads": 2, "num_key_value_heads": 1}
    model = MistralForCausalLM(MistralConfig(**SMALL, **options, sliding_window=4)).eval()
    tokens = torch.randint(11, (2, 12))
    with torch.no_grad():
        whole = model(tokens).logits[:, -1]
        cache = DynamicCache(config=model.config)
        model(tokens[:, :9], past_key_values=cache)
        cache = for_decoding(cache, torch.tensor([1, 0]))
        for t in range(9, 12):
            last = model(tokens.flip(0)[:, t : t + 1], past_key_values=cache).logits[:, -1]
    torch.testing.assert_close(last.flip(0), whole, rtol=1e-4, atol=1e-4)


def test_decoding_in_place_gives_the_logits_of_one_forward() -> None:
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**SMALL, num_attention_heads=2, num_key_value_heads=1)).eval()
    tokens = torch.randint(11, (3, 9))
    with torch.no_grad():
        whole = model(tokens).logits
        cache = DynamicCache(config=model.config)
        model(tokens[:, :4], past_key_values=cache)
        cache = for_decoding(cache, torch.arange(3))
        for t in range(4, 9):
            step = model(tokens[:, t : t + 1], past_key_values=cache).logits[:, -1]
            torch.testing.assert_close(step, whole[:, t], rtol=1e-4, atol=1e-4)


def test_anyone_who_loads_a_saved_tiny_model_gets_its_tokenizer(tmp_path: Path) -> None:
    source = task_source("countdown-v0")
    tokenizer = tiny.build_tokenizer(tiny.corpus([source], samples=50))
    tiny.build_model(tokenizer, hidden=16, layers=1, heads=2).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    for text in [source[60].prompt, source[61].info["solution"], "don't  stop\n\n12345"]:
        assert loaded(text)["input_ids"] == tokenizer(text)["input_ids"]
    chat = [{"role": "user", "content": "x"}]
    render = [t.apply_chat_template(chat, tokenize=False, add_generation_prompt=True) for t in (loaded, tokenizer)]
    assert render[0] == render[1] == "<|user|>x<|end|><|assistant|>"
