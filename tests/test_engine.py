"""Sampling: what is recorded is what a plain forward pass says, and what is drawn follows it."""

from __future__ import annotations

import random

import pytest
import torch
from small_models import FAMILIES, VOCABULARY, build_model, build_policy, sampled_logps, words

from ludex.agents.engine import LocalEngine
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
    ],
)
def test_impossible_sampling_is_refused(settings: dict[str, float], message: str):
    with pytest.raises(ValueError, match=message):
        Sampling(**settings)  # type: ignore[arg-type]


def test_an_empty_prompt_is_refused():
    with pytest.raises(ValueError, match="empty prompt"):
        engine_of(build_policy()).submit([], Sampling())
