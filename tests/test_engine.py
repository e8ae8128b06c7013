"""Sampling: what is recorded is what a plain forward pass says, and what is drawn follows it."""

from __future__ import annotations

import gc
import random
import weakref
from typing import Any

import pytest
import torch
from small_models import FAMILIES, VOCABULARY, build_model, build_policy, sampled_logps, words

from ludex.agents.engine.local import LocalEngine
from ludex.agents.policy import Policy
from ludex.agents.sampling import Sample, Sampling, generate

STOPS = (3, 7, 11)


def engine_of(policy: Policy, stops: tuple[int, ...] = STOPS, seed: int = 0, batch: int = 1024) -> LocalEngine:
    engine = LocalEngine(policy, stops, batch)
    engine.refresh(seed)
    return engine


def ragged_prompts(seed: int, groups: int = 6) -> list[list[int]]:
    """Groups of one to four copies of prompts of unequal lengths."""
    rng = random.Random(seed)
    return [prompt for _ in range(groups) for prompt in [words(rng, 1, 12)] * rng.randint(1, 4)]


def softmax(policy: Policy, prompt: list[int], temperature: float = 1.0) -> torch.Tensor:
    with torch.no_grad():
        logits = policy.model(input_ids=torch.tensor([prompt])).logits[0, -1].double()
    return (logits / temperature).softmax(-1)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("temperature", [0.7, 1.0, 1.6])
def test_recorded_log_probabilities_equal_a_plain_forward_pass(family: str, temperature: float):
    policy = build_policy(family)
    prompts = ragged_prompts(1)
    samples = generate(engine_of(policy), prompts, Sampling(24, temperature))
    assert len({len(sample.ids) for sample in samples}) > 4  # rows were dropped on the way
    for prompt, sample in zip(prompts, samples, strict=True):
        assert sample.logps == pytest.approx(sampled_logps(policy.model, prompt, sample.ids, temperature), abs=1e-5)


@pytest.mark.parametrize("look", [2, 5, 16])
def test_looking_seldom_at_what_is_finished_changes_nothing(look: int):
    """A GPU decodes rows past their end for a while; a CPU drops them at once."""
    policy = build_policy()
    prompts = ragged_prompts(1)
    for sampling in (Sampling(24, 1.2), Sampling(24, 0.0)):
        engine = LocalEngine(policy, STOPS, look=look)
        engine.refresh(3)
        for prompt, sample in zip(prompts, generate(engine, prompts, sampling), strict=True):
            temperature = sampling.temperature or 1.0
            assert sample.logps == pytest.approx(sampled_logps(policy.model, prompt, sample.ids, temperature), abs=1e-5)
            assert not set(sample.ids[:-1]) & set(STOPS)
    greedy = generate(engine_of(policy), prompts, Sampling(24, 0.0))
    seldom = generate(LocalEngine(policy, STOPS, look=look), prompts, Sampling(24, 0.0))
    assert [s.ids for s in greedy] == [s.ids for s in seldom]


def test_a_sliding_window_shorter_than_the_text():
    policy = Policy(build_model("mistral", sliding_window=5), None)
    prompts = ragged_prompts(14)
    for prompt, sample in zip(prompts, generate(engine_of(policy), prompts, Sampling(20)), strict=True):
        assert sample.logps == pytest.approx(sampled_logps(policy.model, prompt, sample.ids), abs=1e-5)


def test_responses_longer_than_any_spare_room():
    policy = build_policy()
    prompts = ragged_prompts(15, 3)
    for prompt, sample in zip(prompts, generate(engine_of(policy, ()), prompts, Sampling(300)), strict=True):
        assert sample.logps == pytest.approx(sampled_logps(policy.model, prompt, sample.ids), abs=1e-5)


def test_equal_lengths_need_no_padding_and_give_the_same():
    policy = build_policy()
    rng = random.Random(2)
    prompts = [words(rng, 5, 5) for _ in range(4)]
    for prompt, sample in zip(prompts, generate(engine_of(policy), prompts, Sampling(12)), strict=True):
        assert sample.logps == pytest.approx(sampled_logps(policy.model, prompt, sample.ids), abs=1e-5)


@pytest.mark.parametrize("temperature", [0.6, 1.0])
def test_draws_follow_the_softmax(temperature: float):
    policy = build_policy(seed=3)
    prompt, n = [1, 5, 9], 6000
    samples = generate(engine_of(policy, ()), [prompt] * n, Sampling(1, temperature))
    expected = softmax(policy, prompt, temperature) * n
    counts = torch.bincount(torch.tensor([s.ids[0] for s in samples]), minlength=VOCABULARY)
    rare = expected < 5  # pooled, as the test wants
    seen = torch.cat([counts[~rare], counts[rare].sum()[None]])
    wanted = torch.cat([expected[~rare], expected[rare].sum()[None].clamp(min=1e-9)])
    assert (~rare).sum() > 5
    chi2 = float(((seen - wanted) ** 2 / wanted).sum())
    assert chi2 < 60  # at most 23 degrees of freedom: chance 4e-5


def test_the_second_token_follows_its_own_context():
    policy = build_policy(seed=4)
    samples = generate(engine_of(policy, ()), [[2, 8]] * 6000, Sampling(2))
    first = max(range(VOCABULARY), key=lambda token: sum(s.ids[0] == token for s in samples))
    seconds = torch.tensor([s.ids[1] for s in samples if s.ids[0] == first])
    share = torch.bincount(seconds, minlength=VOCABULARY) / len(seconds)
    distance = float((share - softmax(policy, [2, 8, first])).abs().sum() / 2)
    assert len(seconds) > 500
    assert distance < 0.1  # sqrt(23 / 500) / 2, and room


@pytest.mark.parametrize("family", FAMILIES)
def test_temperature_0_equals_transformers_greedy_generation(family: str):
    policy = build_policy(family, seed=5)
    prompts = ragged_prompts(6)
    for prompt, sample in zip(prompts, generate(engine_of(policy), prompts, Sampling(16, 0.0)), strict=True):
        whole = policy.model.generate(
            torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
            max_new_tokens=16,
            do_sample=False,
            eos_token_id=list(STOPS),
            pad_token_id=0,
        )
        assert sample.ids == whole[0, len(prompt) :].tolist()


def test_top_p_keeps_the_smallest_sufficient_set_and_renormalises():
    policy = build_policy(seed=7)
    prompt = [4, 4, 1]
    p = softmax(policy, prompt)
    ordered = p.argsort(descending=True).tolist()
    kept, mass = [], 0.0
    while mass < 0.8:
        mass += float(p[ordered[len(kept)]])
        kept.append(ordered[len(kept)])
    assert 2 < len(kept) < VOCABULARY
    samples = generate(engine_of(policy, ()), [prompt] * 3000, Sampling(1, 1.0, top_p=0.8))
    assert {sample.ids[0] for sample in samples} == set(kept)
    for sample in samples[:200]:
        assert sample.logps[0] == pytest.approx(float((p[sample.ids[0]] / mass).log()), abs=1e-5)


def test_every_stop_token_ends_a_response_and_stays_in_it():
    policy = build_policy(seed=8)
    samples = generate(engine_of(policy), ragged_prompts(9, 40), Sampling(12, 1.3))
    for sample in samples:
        assert not set(sample.ids[:-1]) & set(STOPS)
        assert sample.cut == (sample.ids[-1] not in STOPS)
        assert len(sample.ids) == len(sample.logps)
        assert len(sample.ids) == 12 or not sample.cut
    assert {s.ids[-1] for s in samples if not s.cut} == set(STOPS)
    assert any(s.cut for s in samples)


def test_a_stop_at_the_very_limit_is_not_a_cut():
    policy = build_policy()
    greedy = generate(engine_of(policy, ()), [[1, 2]], Sampling(2, 0.0))[0]
    assert greedy.cut
    assert greedy.ids[0] != greedy.ids[1]
    last = generate(engine_of(policy, (greedy.ids[1],)), [[1, 2]], Sampling(2, 0.0))[0]
    assert last == Sample(greedy.ids, greedy.logps, cut=False)


@pytest.mark.parametrize("eos", [None, 7, [3, 7, 11]])
def test_a_policy_takes_its_stops_from_the_generation_config(eos: int | list[int] | None):
    model = build_model()
    model.generation_config.eos_token_id = eos
    assert Policy(model, None).stops == ({7} if eos == 7 else set(eos or ()))


def test_the_stream_is_named_by_the_refresh_seed():
    policy = build_policy()
    prompts = ragged_prompts(10)
    engine = engine_of(policy, seed=5)
    first = generate(engine, prompts, Sampling(8))
    assert generate(engine, prompts, Sampling(8)) != first  # the stream goes on
    engine.refresh(5)
    assert generate(engine, prompts, Sampling(8)) == first
    engine.refresh(6)
    assert generate(engine, prompts, Sampling(8)) != first


def test_the_answer_belongs_to_the_prompt_whatever_the_order_and_the_batch():
    policy = build_policy(seed=11)
    prompts = ragged_prompts(12)
    alone = [generate(engine_of(policy), [p], Sampling(8, 0.0))[0].ids for p in prompts]
    order = list(range(len(prompts)))
    random.Random(0).shuffle(order)
    engine = engine_of(policy, batch=3)
    handles = {engine.submit(prompts[i], Sampling(8, 0.0)): i for i in order}
    for step in range(100):
        for handle, sample in (done := engine.poll()).items():
            assert sample.ids == alone[handles.pop(handle)]
        if step == 1:
            handles[engine.submit(prompts[0], Sampling(8, 0.0))] = 0  # others may come while these are polled
        if not done:
            break
    assert not handles


def test_requests_of_different_kinds_can_wait_together():
    engine = engine_of(build_policy(), ())
    engine.submit([1, 2], Sampling(3, 0.0))
    engine.submit([1, 2], Sampling(3, 0.0))
    samples = generate(engine, [[1, 2], [3]], Sampling(5, 0.0))  # must not take the other two for its own
    assert [len(s.ids) for s in samples] == [5, 5]
    assert engine.poll() == {}


def test_bfloat16_autocast_samples_what_it_records():
    policy = build_policy(dtype="bfloat16")
    prompts = ragged_prompts(13)
    for prompt, sample in zip(prompts, generate(engine_of(policy), prompts, Sampling(8)), strict=True):
        # 8 bits of mantissa: the records lie near the float32 model's, not on it
        assert sample.logps == pytest.approx(sampled_logps(policy.model, prompt, sample.ids), abs=0.25)


def test_sampling_leaves_the_model_as_it_was():
    policy = build_policy()
    policy.model.train()
    generate(engine_of(policy), [[1, 2]], Sampling(2))
    assert policy.model.training
    assert all(p.requires_grad and p.grad is None for p in policy.parameters())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_new_tokens": 0}, "max_new_tokens=0"),
        ({"temperature": -1.0}, "temperature=-1.0"),
        ({"temperature": float("nan")}, "temperature=nan"),
        ({"top_p": 0.0}, "top_p=0.0"),
        ({"top_p": 1.5}, "top_p=1.5"),
        ({"top_k": -1}, "top_k=-1"),
        ({"min_p": 1.0}, "min_p=1.0"),
        ({"stop": ("",)}, "an empty text"),
    ],
)
def test_impossible_sampling_is_refused(settings: dict[str, float], message: str):
    with pytest.raises(ValueError, match=message):
        Sampling(**settings)  # type: ignore[arg-type]


def test_an_empty_prompt_is_refused():
    with pytest.raises(ValueError, match="empty prompt"):
        engine_of(build_policy()).submit([], Sampling())


def fed(policy: Policy) -> list[torch.Size]:
    """The shapes of tokens that the model is fed from now on."""
    shapes: list[torch.Size] = []
    policy.model.base_model.embed_tokens.register_forward_pre_hook(lambda _, args: shapes.append(args[0].shape))
    return shapes


@pytest.mark.parametrize("look", [1, 7])
@pytest.mark.parametrize("batch", [1, 3, 1024])
def test_a_response_depends_on_nothing_beside_it(batch: int, look: int):
    """Neither on how many are decoded together, nor on when its slot was refilled, nor on the order of the queue."""
    policy = build_policy(seed=12)
    prompts = ragged_prompts(16)
    sampling = Sampling(20, 1.3)
    alone = {}
    for number, prompt in enumerate(prompts):
        engine = engine_of(policy, seed=4)
        handle = engine.submit(prompt, sampling, key=(number, 0))
        alone[number] = engine.poll()[handle]
    assert len({len(sample.ids) for sample in alone.values()}) > 4
    engine = LocalEngine(policy, STOPS, batch, look)
    engine.refresh(4)
    order = random.Random(1).sample(range(len(prompts)), len(prompts))
    handles = {engine.submit(prompts[number], sampling, key=(number, 0)): number for number in order}
    together = {}
    while done := engine.poll():
        together |= {handles[handle]: sample for handle, sample in done.items()}
    for number, sample in alone.items():
        assert together[number].ids == sample.ids
        assert together[number].logps == pytest.approx(sample.logps, abs=1e-5)


def test_slots_are_refilled_as_they_fall_free():
    policy = build_policy()
    engine = engine_of(policy, batch=4)
    shapes = fed(policy)
    lengths = [30, 2, 2, 2, 2, 2, 2, 2, 2, 2]
    for length in lengths:
        engine.submit([1, 2, 3], Sampling(length, 0.0))
    engine = LocalEngine(policy, (), 4)
    handles = [engine.submit([1, 2, 3], Sampling(length, 0.0)) for length in lengths]
    done: dict[int, Sample] = {}
    while found := engine.poll():
        done |= found
    assert [len(done[handle].ids) for handle in handles] == lengths
    steps = sum(shape[1] == 1 for shape in shapes)
    assert steps < 40  # the long one's 29 and the refills; one batch after the other would take 29 + 1 + 1


def test_responses_to_one_prompt_share_its_prefill_even_when_they_come_later():
    policy = build_policy()
    engine = LocalEngine(policy, (), 2)
    shapes = fed(policy)
    engine.refresh(0)
    prompt = [5, 1, 4, 1, 5, 9, 2, 6]
    samples = generate(engine, [prompt] * 6, Sampling(3))
    assert sum(shape.numel() for shape in shapes if shape[1] > 1) == len(prompt)
    for sample in samples:
        assert sample.logps == pytest.approx(sampled_logps(policy.model, prompt, sample.ids), abs=1e-5)


def conversations(engine: LocalEngine, turns: int, keep: bool, sampling: Sampling) -> list[list[Sample]]:
    """Five conversations whose turns overlap: each goes on as soon as its response is there."""
    rng = random.Random(3)
    said = [[words(rng, 1, 9) for _ in range(turns)] for _ in range(5)]
    contexts = [own[0] for own in said]
    found: list[list[Sample]] = [[] for _ in said]
    handles = {engine.submit(c, sampling, key=(i, 0), keep=keep): i for i, c in enumerate(contexts)}
    while handles:
        for handle, sample in engine.poll().items():
            i = handles.pop(handle)
            found[i].append(sample)
            turn = len(found[i])
            if turn < turns:
                contexts[i] = contexts[i] + sample.ids + said[i][turn]
                after = handle if keep else 0
                handles[engine.submit(contexts[i], sampling, key=(i, turn), keep=keep, after=after)] = i
            else:
                engine.release(handle)
    return found


@pytest.mark.parametrize("family", [*FAMILIES, "mistral"])
@pytest.mark.parametrize("batch", [1, 2, 1024])  # with fewer slots than conversations some are prefilled again
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_conversation_that_keeps_its_slot_says_the_same(family: str, batch: int, temperature: float):
    policy = Policy(build_model(family, sliding_window=6) if family == "mistral" else build_model(family), None)
    sampling = Sampling(9, temperature)
    kept, fresh = LocalEngine(policy, STOPS, batch), LocalEngine(policy, STOPS)
    for engine in (kept, fresh):
        engine.refresh(2)
    one, two = conversations(kept, 4, True, sampling), conversations(fresh, 4, False, sampling)
    for mine, other in zip(one, two, strict=True):
        assert [sample.ids for sample in mine] == [sample.ids for sample in other]
        for a, b in zip(mine, other, strict=True):
            assert a.logps == pytest.approx(b.logps, abs=1e-5)


def test_a_turn_costs_what_is_new_in_it():
    policy = build_policy()
    engine = LocalEngine(policy, ())
    shapes = fed(policy)
    context: list[int] = []
    handle = 0
    for turn in range(6):
        context += [turn, 1, 2]
        handle = engine.submit(context, Sampling(4, 0.0), keep=True, after=handle)
        context += engine.poll()[handle].ids
    # three words, then each time the last sampled token and three more; three steps a turn
    assert [shape[1] for shape in shapes] == [3, 1, 1, 1] + [4, 1, 1, 1] * 5


def test_a_prompt_that_does_not_continue_the_turn_before_is_read_whole():
    policy = build_policy()
    engine = engine_of(policy, ())
    first = engine.submit([1, 2, 3], Sampling(4, 0.0), keep=True)
    engine.poll()
    other = engine.submit([4, 5, 6, 7, 8, 9, 10, 11], Sampling(4, 0.0), after=first)
    assert engine.poll()[other] == generate(engine_of(policy, ()), [[4, 5, 6, 7, 8, 9, 10, 11]], Sampling(4, 0.0))[0]


def test_a_play_broken_off_leaves_nothing_behind():
    policy = build_policy()
    engine = engine_of(policy, ())
    stale = [engine.submit([1, 2, 3], Sampling(n, 0.0), keep=True) for n in (1, 6, 9)]
    engine.poll()
    engine.refresh(0)
    handle = engine.submit([4, 5], Sampling(3, 0.0))
    assert handle not in stale
    assert engine.poll() == {handle: generate(engine_of(policy, ()), [[4, 5]], Sampling(3, 0.0))[0]}
    assert engine.poll() == {}


def test_the_memory_of_finished_conversations_is_given_back_at_once():
    """Not when the garbage collector next comes by: learning starts right after sampling."""
    engine = LocalEngine(build_policy(), ())
    handle = engine.submit([1, 2, 3], Sampling(4), keep=True)
    gc.disable()
    try:
        engine.poll()
        keys = weakref.ref(engine._decoder.slots.layers[0].keys)
        assert keys() is not None
        engine.release(handle)
        assert keys() is None
    finally:
        gc.enable()


def test_what_is_released_before_its_end_is_not_kept():
    engine = LocalEngine(build_policy(), ())
    handles = [engine.submit([1, 2, 3], Sampling(n, 0.0), keep=True) for n in (2, 5, 7)]
    engine.poll()
    engine.release(handles[1])  # being decoded
    waiting = engine.submit([1, 2], Sampling(3, 0.0), keep=True)
    engine.release(waiting)  # still in the queue
    while engine.poll():
        pass
    assert sorted(engine._kept) == [handles[0], handles[2]]


def test_new_weights_forget_what_was_kept():
    policy = build_policy()
    engine = engine_of(policy, ())
    first = engine.submit([1, 2, 3], Sampling(4, 0.0), keep=True)
    context = [1, 2, 3, *engine.poll()[first].ids, 5]
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter.mul_(1.5)
    engine.refresh(0)
    again = engine.submit(context, Sampling(4, 0.0), after=first)
    assert engine.poll()[again].logps == generate(engine_of(policy, ()), [context], Sampling(4, 0.0))[0].logps


@pytest.mark.parametrize("look", [1, 4, 16])
def test_a_stop_text_ends_a_response_with_the_token_that_completes_it(look: int):
    policy = build_policy(seed=3)

    def text(ids: list[int]) -> str:
        return "".join(chr(97 + i) for i in ids)

    free = generate(engine_of(policy, ()), [[7, 7]], Sampling(16, 0.0))[0]
    stop = text(free.ids[4:6])  # spoken by two tokens
    end = next(n for n in range(1, 17) if stop in text(free.ids[:n]))
    engine = LocalEngine(policy, (), look=look, text=text)
    sample = generate(engine, [[7, 7]], Sampling(16, 0.0, stop=("zzz", stop)))[0]
    assert sample == Sample(free.ids[:end], free.logps[:end], cut=False)
    handle = engine.submit([7, 7], Sampling(16, 0.0, stop=(stop,)), keep=True)
    context = [7, 7, *engine.poll()[handle].ids, 4]  # what was decoded beyond the end is forgotten
    after = engine.submit(context, Sampling(5, 0.0), after=handle)
    assert engine.poll()[after].ids == generate(engine_of(policy, ()), [context], Sampling(5, 0.0))[0].ids


# Settings of families that attend in ways of their own, under the names of their configurations.
OTHERS: dict[str, dict[str, Any]] = {
    "GptOss": {"sliding_window": 6, "num_local_experts": 2, "num_experts_per_tok": 1},
    "Gemma2": {"sliding_window": 6, "final_logit_softcapping": None, "query_pre_attn_scalar": 8},
    "GPTJ": {"n_embd": 32, "n_layer": 2, "n_head": 4, "rotary_dim": 4, "n_positions": 512},
    "Cohere2": {"sliding_window": 6, "logit_scale": 1.0},
}


@pytest.mark.parametrize("name", OTHERS)
def test_families_that_attend_in_their_own_way(name: str):
    """Sinks, caps and old rotary embeddings come with attention that adds its mask to the scores."""
    policy = Policy(build_model(name, **OTHERS[name]), None)
    prompts = ragged_prompts(1)
    engine = LocalEngine(policy, (), batch=4)
    engine.refresh(1)
    for prompt, sample in zip(prompts, generate(engine, prompts, Sampling(24)), strict=True):
        assert sample.logps == pytest.approx(sampled_logps(policy.model, prompt, sample.ids), abs=2e-5)


@pytest.mark.parametrize(
    ("name", "settings", "reason"),
    [
        ("Bloom", {"n_layer": 2, "n_head": 4}, r"BloomForCausalLM cannot be sampled here: "),
        ("GPTNeo", {"num_layers": 2, "num_heads": 4, "attention_types": [[["global", "local"], 1]]}, "GPTNeoForCausal"),
    ],
)
def test_families_that_do_not_take_slots_are_refused(name: str, settings: dict[str, Any], reason: str):
    policy = Policy(build_model(name, **settings), None)
    with pytest.raises(ValueError, match=rf"^{reason}[^\n]*$"):
        LocalEngine(policy, ())


def test_a_model_that_says_something_else_in_slots_is_refused():
    """Positions are taken from the slots; one that makes its own up is found by what it says."""
    policy = build_policy()
    plain = policy.hidden

    def shifted(tokens: Any, mask: Any, position: Any, cache: Any = None) -> Any:
        return plain(tokens, mask, position if cache is None else position * 0, cache)

    policy.hidden = shifted  # type: ignore[method-assign]
    with pytest.raises(ValueError, match=r"^Qwen2ForCausalLM cannot be sampled here: .* off by [\d.]+ nats; [^\n]*$"):
        LocalEngine(policy, ())


def test_an_interrupted_prefill_leaves_nothing_that_others_would_share():
    policy = build_policy()
    engine = engine_of(policy, ())
    kept = engine.submit([9, 9, 1], Sampling(4), keep=True)
    engine.poll()
    plain, prompt = policy.hidden, [3, 1, 4, 1, 5]

    def interrupted(*args: Any) -> Any:
        raise KeyboardInterrupt

    policy.hidden = interrupted  # type: ignore[method-assign]
    engine.submit(prompt, Sampling(6))
    with pytest.raises(KeyboardInterrupt):
        engine.poll()
    policy.hidden = plain  # type: ignore[method-assign]
    assert engine.poll() == {}
    after = engine.submit([9, 9, 1, 2], Sampling(6), after=kept)
    samples = {tuple([9, 9, 1, 2]): engine.poll()[after], tuple(prompt): generate(engine, [prompt], Sampling(6))[0]}
    for words_, sample in samples.items():
        assert sample.logps == pytest.approx(sampled_logps(policy.model, list(words_), sample.ids), abs=1e-5)


def test_a_model_with_another_kind_of_memory_is_refused():
    import transformers

    config = transformers.MambaConfig(vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=1)
    policy = build_policy()
    policy.model.config = config
    with pytest.raises(ValueError, match=r"^the model keeps a \w+ from token to token[^\n]*$"):
        LocalEngine(policy, ())
