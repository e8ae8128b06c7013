"""Chat templates, applied append-only, against the template's own rendering of the whole chat."""

from __future__ import annotations

from typing import Any

import pytest

from ludex.agents.render import Message, Renderer

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
OURS = (
    "{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
LLAMA3 = (
    "{{ '<|begin|>' }}{% for m in messages %}"
    "{{ '<|header|>' + m['role'] + '<|/header|>\n\n' + m['content'] | trim + '<|eot|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|header|>assistant<|/header|>\n\n' }}{% endif %}"
)
MISTRAL = (  # no system role, and no generation prompt: [/INST] is one
    "{{ '<s>' }}{% for m in messages %}"
    "{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}"
    "{% if m['role'] == 'user' %}{{ '[INST] ' + m['content'] + ' [/INST]' }}"
    "{% else %}{{ ' ' + m['content'] + '</s>' }}{% endif %}{% endfor %}"
)
SILENT = CHATML.replace("{% for m in messages %}", "{% for m in messages if m['role'] != 'system' %}")
UNCLOSED = (  # closes a reply only once something follows it
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] }}"
    "{% if not loop.last or m['role'] == 'user' %}{{ '<|im_end|>\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
THINK = (  # forgets the thinking of every earlier reply
    "{% for m in messages %}{% set text = m['content'] %}"
    "{% if m['role'] == 'assistant' and not loop.last %}{% set text = text.split('</think>')[-1] %}{% endif %}"
    "{{ '<|im_start|>' + m['role'] + '\n' + text + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
SPECIAL = sorted(
    {"<|im_start|>", "<|im_end|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>", "<|begin|>", "<|header|>"}
    | {"<|/header|>", "<|eot|>", "<s>", "</s>", "[INST]", "[/INST]", "<|endoftext|>"}
)
STYLES = {
    "chatml": (CHATML, "<|im_end|>"),
    "ours": (OURS, "<|end|>"),
    "llama3": (LLAMA3, "<|eot|>"),
    "mistral": (MISTRAL, "</s>"),
    "unclosed": (UNCLOSED, "<|im_end|>"),
}


def tokenizer_of(template: str | None, eos: str = "<|im_end|>", merges: bool = False) -> Any:
    """Byte-level, with every special token of every style; `merges` joins a space with what follows it."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=merges)
    core.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    core.train_from_iterator(
        ["you see a door\n\n", "open the door\n", "user\n", "assistant\n", "system\n"] * 5, trainer
    )
    wrapped = PreTrainedTokenizerFast(tokenizer_object=core, eos_token=eos, clean_up_tokenization_spaces=False)
    wrapped.chat_template = template
    return wrapped


def renderer_of(style: str) -> Renderer:
    return Renderer(tokenizer_of(*STYLES[style]))


def whole(renderer: Renderer, messages: list[Message]) -> list[int]:
    """The template's own rendering of the whole chat, tokenised at once."""
    text = renderer.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return list(renderer.tokenizer(text, add_special_tokens=False)["input_ids"])


def user(content: str) -> Message:
    return {"role": "user", "content": content}


def assistant(content: str) -> Message:
    return {"role": "assistant", "content": content}


@pytest.mark.parametrize("style", STYLES)
def test_an_appended_conversation_is_the_templates_own(style: str):
    renderer = renderer_of(style)
    reply = " open the door" if style == "mistral" else "open the door"  # its template writes the space
    messages, context = [user("you see a door")], renderer.start("", "you see a door")
    assert context == whole(renderer, messages)
    for turn in range(3):
        context = renderer.extend(context + renderer.response(reply), f"it is locked, {turn}\n")
        messages += [assistant("open the door"), user(f"it is locked, {turn}\n")]
        expected = whole(renderer, messages)
        if style == "llama3":  # trims what it is given
            expected = whole(renderer, [{**m, "content": m["content"].strip()} for m in messages])
            assert renderer.tokenizer.decode(context).replace("\n<|eot|>", "<|eot|>") == renderer.tokenizer.decode(
                expected
            )
        else:
            assert context == expected


@pytest.mark.parametrize("style", ["chatml", "ours", "llama3", "unclosed"])
def test_a_system_message_comes_first(style: str):
    renderer = renderer_of(style)
    system = {"role": "system", "content": "be brief"}
    assert renderer.start("be brief", "hello") == whole(renderer, [system, user("hello")])


@pytest.mark.parametrize("template", [MISTRAL, SILENT], ids=["refuses", "drops"])
def test_where_there_is_no_system_role_it_joins_the_first_user_message(template: str):
    renderer = Renderer(tokenizer_of(template, "</s>"))
    merged = [user("be brief\n\nhello"), assistant("yes"), user("go on")]
    assert renderer.start("be brief", "hello") == whole(renderer, merged[:1])
    system = {"role": "system", "content": "be brief"}
    assert renderer.conversation([system, user("hello"), *merged[1:]]) == whole(renderer, merged)


def test_the_newline_after_the_end_of_a_turn_is_not_lost():
    renderer = renderer_of("chatml")
    context = renderer.extend(renderer.start("", "a") + renderer.response("b"), "c")
    text = renderer.tokenizer.decode(context)
    assert text == "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n" + (
        "<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n"
    )


@pytest.mark.parametrize("style", ["chatml", "ours", "llama3", "mistral", "unclosed"])
def test_a_cut_response_gets_its_closing(style: str):
    renderer = renderer_of(style)
    start = renderer.start("", "a")
    ended = renderer.response("open the door")
    cut = ended[:-1]
    assert ended[-1] in renderer.stops
    assert cut[-1] not in renderer.stops
    assert renderer.extend(start + cut, "next") == renderer.extend(start + ended, "next")


def test_what_was_sampled_is_never_tokenised_again():
    renderer = renderer_of("chatml")
    odd = [renderer.tokenizer.convert_tokens_to_ids(c) for c in "open"]  # four tokens where the tokenizer takes one
    assert renderer.response("open")[:-1] != odd
    context = renderer.start("", "a") + odd + renderer.response("")
    assert renderer.extend(context, "b")[: len(context)] == context


def test_another_stop_token_than_the_templates_is_closed_too():
    tokenizer = tokenizer_of(CHATML)
    other = tokenizer.convert_tokens_to_ids("<|endoftext|>")
    renderer = Renderer(tokenizer, {other})
    assert renderer.stops == sorted([other, tokenizer.eos_token_id])
    tail = renderer.extend([*renderer.start("", "a"), other], "b")
    assert renderer.tokenizer.decode(tail).endswith(
        "assistant\n<|endoftext|><|im_end|>\n" + "<|im_start|>user\nb" + ("<|im_end|>\n<|im_start|>assistant\n")
    )


def test_a_worked_solution_ends_as_the_template_ends_a_reply():
    """Not with the tokenizer's own end of text, where the two differ and both end a response."""
    tokenizer = tokenizer_of(CHATML, eos="<|endoftext|>")
    renderer = Renderer(tokenizer, {tokenizer.convert_tokens_to_ids("<|im_end|>")})
    assert tokenizer.decode(renderer.response("yes")) == "yes<|im_end|>"
    base = Renderer(tokenizer_of(None, eos="<|endoftext|>"))
    assert base.tokenizer.decode(base.response("yes")) == "yes<|endoftext|>"


def test_thinking_stays_in_the_history_although_the_template_would_drop_it():
    renderer = Renderer(tokenizer_of(THINK))
    context = renderer.start("", "a") + renderer.response("<think>hm</think>b")
    longer = renderer.extend(context, "c")
    assert longer[: len(context)] == context
    shown = renderer.tokenizer.decode(longer)
    own = renderer.tokenizer.decode(whole(renderer, [user("a"), assistant("<think>hm</think>b"), user("c")]))
    assert "<think>" not in own
    assert shown.replace("<think>hm</think>", "") == own


def test_without_a_template_there_is_plain_text():
    renderer = Renderer(tokenizer_of(None, eos="<|endoftext|>"))
    context = renderer.start("be brief", "hello")
    assert renderer.tokenizer.decode(context) == "be brief\nhello\n"
    longer = renderer.extend(context + renderer.response("hi"), "and now?")
    assert renderer.tokenizer.decode(longer) == "be brief\nhello\nhi<|endoftext|>\nand now?\n"


def test_a_tokenizer_that_puts_a_space_first_adds_none_within_a_conversation():
    renderer = Renderer(tokenizer_of(CHATML, merges=True))
    context = renderer.start("", "you see a door") + renderer.response("open the door")[:-1]
    closed = [*context, renderer.tokenizer.eos_token_id]
    assert renderer.extend(closed, "no") == renderer.extend(context, "no")


def test_the_response_as_text_is_without_its_stop_only():
    renderer = renderer_of("chatml")
    ids = renderer.response("a <|endoftext|> b")
    assert renderer.text(ids) == "a <|endoftext|> b"
    assert renderer.text(ids[:-1]) == "a <|endoftext|> b"  # cut
    assert renderer.text([]) == ""
    assert renderer.text(renderer.response("")) == ""


def test_a_template_that_drops_replies_is_refused():
    last = "{{ '<|user|>' + messages[-1]['content'] + '<|assistant|>' }}"
    with pytest.raises(ValueError, match="drops messages"):
        Renderer(tokenizer_of(last))
