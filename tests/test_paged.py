"""transformers' continuous batching behind `Engine`: exact records, fresh weights, a model left as it was."""

from __future__ import annotations

import copy
import pickle
import random
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from small_models import FAMILIES, VOCABULARY, build_model, build_policy, equal, sampled_logps, weights, words
from toys import run_table, save_toy_model

from ludex.agents.engine.paged import TransformersEngine
from ludex.agents.policy import Policy
from ludex.agents.sampling import Sampling, generate
from ludex.agents.settings import resolve
from ludex.agents.train import Trainer

STOPS = (3, 7, 11)
PAGE = 8


def engine_of(policy: Policy, stops: tuple[int, ...] = STOPS, seed: int = 0, **options: Any) -> TransformersEngine:
    engine = TransformersEngine(policy, stops, **{"page": PAGE, **options})
    engine.refresh(seed)
    return engine


def ragged_prompts(seed: int, groups: int = 4) -> list[list[int]]:
    """Groups of one to three copies of prompts of unequal lengths, some over a page."""
    rng = random.Random(seed)
    return [prompt for _ in range(groups) for prompt in [words(rng, 1, 2 * PAGE + 3)] * rng.randint(1, 3)]


def check_records(policy: Policy, prompts: list[list[int]], samples: list[Any], temperature: float = 1.0) -> None:
    for prompt, sample in zip(prompts, samples, strict=True):
        assert sample.logps == pytest.approx(sampled_logps(policy.model, prompt, sample.ids, temperature), abs=1e-5)


@pytest.mark.parametrize(("family", "temperature"), list(zip(FAMILIES, (0.7, 1.0, 1.6), strict=True)))
def test_recorded_log_probabilities_equal_a_plain_forward_pass(family: str, temperature: float) -> None:
    policy = build_policy(family)
    # Such defaults of a downloaded model must not reach a policy gradient.
    policy.model.generation_config.update(repetition_penalty=1.5, top_k=3, top_p=0.5)
    prompts = ragged_prompts(1)
    samples = generate(engine_of(policy), prompts, Sampling(24, temperature))
    assert len({len(sample.ids) for sample in samples}) > 3
    check_records(policy, prompts, samples, temperature)


@pytest.mark.parametrize("changes", [{"attn_implementation": "eager"}, {"family": "mistral", "sliding_window": 5}])
def test_other_kinds_of_attention_and_more_rows_than_are_decoded_together(changes: dict[str, Any]) -> None:
    policy = Policy(build_model(**changes), None)
    before, prompts = policy.model.config._attn_implementation, ragged_prompts(2)
    engine = engine_of(policy, batch=3)
    for _ in range(2):
        check_records(policy, prompts, generate(engine, prompts, Sampling(20)))
        assert policy.model.config._attn_implementation == before


def test_weights_in_bfloat16() -> None:
    policy, prompts = build_policy(dtype="bfloat16"), ragged_prompts(13)
    for prompt, sample in zip(prompts, generate(engine_of(policy), prompts, Sampling(8)), strict=True):
        # 8 bits of mantissa, and another order of sums: the records lie near the plain pass's, not on it.
        assert sample.logps == pytest.approx(sampled_logps(policy.model, prompt, sample.ids), abs=0.2)


def test_stop_tokens_end_a_response_and_stay_in_it() -> None:
    policy = build_policy(seed=8)
    samples = generate(engine_of(policy), ragged_prompts(9, 20), Sampling(12, 1.3))
    for sample in samples:
        assert not set(sample.ids[:-1]) & set(STOPS)
        assert sample.cut == (sample.ids[-1] not in STOPS)
        assert len(sample.ids) == len(sample.logps)
        assert len(sample.ids) == 12 or not sample.cut
    assert {s.ids[-1] for s in samples if not s.cut} == set(STOPS)
    assert any(s.cut for s in samples)


def test_without_stop_tokens_nothing_but_the_limit_ends_a_response() -> None:
    policy = build_policy()
    policy.model.generation_config.eos_token_id = list(range(VOCABULARY))
    prompts = [[1, 2], [1, 2, 3]]
    engine = engine_of(policy, ())
    handles = [engine.submit(prompt, Sampling(n)) for prompt, n in zip(prompts, (1, 30), strict=True)]
    found = engine.poll()
    assert [len(found[handle].ids) for handle in handles] == [1, 30]
    assert all(sample.cut for sample in found.values())
    check_records(policy, prompts, [found[handle] for handle in handles])


def test_draws_follow_the_softmax() -> None:
    policy, prompt, n = build_policy(seed=3), [1, 5, 9], 3000
    samples = generate(engine_of(policy, ()), [prompt] * n, Sampling(1, 0.8))
    expected = n * probabilities(policy, prompt, 0.8)
    counts = torch.bincount(torch.tensor([s.ids[0] for s in samples]), minlength=VOCABULARY)
    common = expected >= 5
    assert common.sum() > 5
    # The rare ones are pooled; at most 23 degrees of freedom: chance 4e-5.
    both = [torch.cat([x[common], x[~common].sum()[None]]) for x in (counts, expected)]
    assert float(((both[0] - both[1]) ** 2 / both[1].clamp(min=1e-9)).sum()) < 60


def probabilities(policy: Policy, prompt: list[int], temperature: float) -> torch.Tensor:
    with torch.no_grad():
        logits = policy.model(input_ids=torch.tensor([prompt])).logits[0, -1].double()
    return (logits / temperature).softmax(-1)


@pytest.mark.parametrize("how", [{"top_p": 0.8}, {"top_k": 4}, {"top_p": 0.7, "top_k": 6}])
def test_what_is_kept_is_renormalised_before_it_is_recorded(how: dict[str, Any]) -> None:
    policy, prompt = build_policy(seed=7), [4, 4, 1]
    p = probabilities(policy, prompt, 0.9)
    order = p.argsort(descending=True).tolist()[: how.get("top_k", VOCABULARY)]
    total = float(p[order].sum())
    kept, mass = [], 0.0
    while len(kept) < len(order) and mass < how.get("top_p", 1.0) * total:
        kept.append(order[len(kept)])
        mass += float(p[kept[-1]])
    assert 2 < len(kept) < VOCABULARY
    samples = generate(engine_of(policy, ()), [prompt] * 600, Sampling(1, 0.9, **how))
    assert {sample.ids[0] for sample in samples} == set(kept)
    for sample in samples:
        assert sample.logps[0] == pytest.approx(float((p[sample.ids[0]] / mass).log()), abs=1e-5)


def test_temperature_0_takes_the_likeliest_and_records_its_untempered_chance() -> None:
    policy = build_policy(seed=5)
    prompts = ragged_prompts(6)
    engine = engine_of(policy)
    first = generate(engine, prompts, Sampling(16, 0.0))
    check_records(policy, prompts, first)
    for prompt, sample in zip(prompts, first, strict=True):
        for n, token in enumerate(sample.ids):
            assert token == int(probabilities(policy, prompt + sample.ids[:n], 1.0).argmax())
    generate(engine, prompts, Sampling(4))  # another kind of sampling in between
    assert [s.ids for s in generate(engine, prompts, Sampling(16, 0.0))] == [s.ids for s in first]


def test_weights_may_change_between_rollouts_and_no_cached_page_survives_them() -> None:
    policy = build_policy()
    engine = engine_of(policy)
    prompts = [words(random.Random(i), 5 * PAGE, 5 * PAGE) for i in range(2)] * 2  # whole pages, which are shared
    generate(engine, prompts, Sampling(8))
    manager = engine._manager
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter.mul_(1.3)
    engine.refresh(1)
    check_records(policy, prompts, generate(engine, prompts, Sampling(8)))
    assert engine._manager is manager  # with its memory and its graphs


def test_equal_prompts_and_continued_conversations_share_whole_pages() -> None:
    """Otherwise the test above could not fail."""
    policy = build_policy()
    engine = engine_of(policy, ())
    prompt = words(random.Random(0), 5 * PAGE, 5 * PAGE)
    first = generate(engine, [prompt], Sampling(PAGE))[0]
    seen: list[int] = []
    hook = policy.model.register_forward_pre_hook(
        lambda model, args, kwargs: seen.append(kwargs["input_ids"].shape[1]), with_kwargs=True
    )
    longer = prompt + first.ids + [5]
    samples = generate(engine, [longer], Sampling(1))
    hook.remove()
    assert sum(seen) == len(longer) - 5 * PAGE  # what was sampled last is not in the cache yet
    check_records(policy, [longer], samples)


def test_the_stream_is_named_by_the_refresh_seed_and_leaves_the_callers_alone() -> None:
    policy, prompts = build_policy(), ragged_prompts(10)
    engine = engine_of(policy, seed=5)
    before = torch.get_rng_state()
    first = [s.ids for s in generate(engine, prompts, Sampling(8))]
    assert [s.ids for s in generate(engine, prompts, Sampling(8))] != first  # the stream goes on
    assert torch.equal(torch.get_rng_state(), before)
    engine.refresh(5)
    assert [s.ids for s in generate(engine, prompts, Sampling(8))] == first
    assert [s.ids for s in generate(engine_of(policy, seed=5), prompts, Sampling(8))] == first
    engine.refresh(6)
    assert [s.ids for s in generate(engine, prompts, Sampling(8))] != first


def test_between_calls_the_model_is_as_it_was() -> None:
    policy = build_policy()
    policy.model.train()
    before, told, threads = weights(policy), set(vars(policy.model)), threading.active_count()
    generate(engine_of(policy), [[1, 2]], Sampling(2))
    assert threading.active_count() == threads
    assert policy.model.training
    assert set(vars(policy.model)) == told
    assert equal(before, weights(policy))
    assert all(p.requires_grad and p.grad is None for p in policy.parameters())
    copy.deepcopy(policy)
    pickle.dumps(policy)
    policy.model(input_ids=torch.tensor([[1, 2, 3]])).logits.sum().backward()


def test_prompts_may_come_while_others_wait_and_kinds_may_mix() -> None:
    policy = build_policy()
    engine = engine_of(policy, ())
    one = engine.submit([1, 2], Sampling(3, 0.0), key=(1, 2), keep=True)
    two = engine.submit([1, 2], Sampling(5, 1.0))
    assert list(engine.poll()) == [one]
    three = engine.submit([1, 2], Sampling(4, 1.0), after=one)
    engine.release(one)
    engine.release(99)
    assert {handle: len(sample.ids) for handle, sample in engine.poll().items()} == {two: 5, three: 4}
    assert engine.poll() == {}


def test_a_failure_is_one_line_and_the_engine_goes_on() -> None:
    policy, threads = build_policy(), threading.active_count()
    engine, calls = engine_of(policy), []

    def fail(*_: Any) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise ValueError("no memory\nleft")

    hook = policy.model.register_forward_pre_hook(fail)
    with pytest.raises(RuntimeError, match=r"^transformers' continuous batching failed: no memory left; ") as caught:
        generate(engine, ragged_prompts(1), Sampling(24))
    assert "\n" not in str(caught.value)
    hook.remove()
    assert threading.active_count() == threads
    assert engine.poll() == {}
    check_records(policy, [[1, 2]], generate(engine, [[1, 2]], Sampling(4)))


def test_an_interrupt_ends_the_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    policy, threads = build_policy(), threading.active_count()
    engine = engine_of(policy, ())

    def interrupt(result: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "_sample", interrupt)
    with pytest.raises(KeyboardInterrupt):
        generate(engine, [[1, 2], [3]], Sampling(400))
    assert threading.active_count() == threads


@pytest.mark.parametrize(
    ("prompt", "sampling", "message"),
    [
        ([], Sampling(), "empty prompt"),
        ([1], Sampling(min_p=0.1), r"min_p=0\.1.*compute\.engine = 'local'"),
        ([1], Sampling(stop=("\n",)), r"stop=.*compute\.engine = 'local'"),
    ],
)
def test_what_it_cannot_do_is_refused_in_one_line(prompt: list[int], sampling: Sampling, message: str) -> None:
    engine = engine_of(build_policy())
    with pytest.raises(ValueError, match=f"^[^\n]*{message}[^\n]*$"):
        engine.submit(prompt, sampling)
    assert engine.poll() == {}


def test_a_model_without_pages_is_refused_in_one_line() -> None:
    policy = build_policy()
    policy.model.config.layer_types = ["linear_attention", "full_attention"]
    with pytest.raises(RuntimeError, match=r"failed: .*linear_attention.*compute\.engine = 'local'"):
        generate(engine_of(policy), [[1]], Sampling(1))


def test_a_release_without_pauses_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers.generation.continuous_batching import ContinuousBatchingManager

    monkeypatch.delattr(ContinuousBatchingManager, "pause")
    with pytest.raises(RuntimeError, match=r"needs transformers 5\.23 or later"):
        generate(engine_of(build_policy()), [[1]], Sampling(1))


def test_a_trainer_samples_with_it(tmp_path: Path) -> None:
    table = run_table(save_toy_model(tmp_path), grpo={"beta": 0.0}, compute={"engine": "transformers"})
    trainer = Trainer(resolve(table))
    assert isinstance(trainer.engine, TransformersEngine)
    rewards = []
    for _ in range(6):
        metrics, played = trainer.step()
        assert metrics["gap"] < 1e-5  # nats
        rewards.append(sum(t.reward for t in played) / len(played))
    assert sum(rewards[-2:]) > 1.2 * sum(rewards[:2])  # it learns, as it could not from stale weights


def test_merged_adapters_are_sampled_from(tmp_path: Path) -> None:
    pytest.importorskip("peft")
    table = run_table(
        save_toy_model(tmp_path), grpo={"beta": 0.0}, lora={"rank": 2}, compute={"engine": "transformers"}
    )
    trainer = Trainer(resolve(table))
    for _ in range(3):
        metrics, _played = trainer.step()
        assert metrics["gap"] < 1e-5
    assert metrics["grad_norm"] > 0
