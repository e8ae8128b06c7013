"""Rows without padding: what is forwarded, what attends to what, and that nothing else changes."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from small_models import FAMILIES, VOCABULARY, build_model, build_policy, random_batch, sampled_logps
from torch import Tensor

from ludex.agents.batch import Batch
from ludex.agents.learner import micro_batches
from ludex.agents.packing import NAME, Packing, Ragged, _runs, can_pack, packed


def batch_of(rows: list[tuple[list[int], list[int]]]) -> Batch:
    """One row a prompt and its response."""
    width = max(len(p) + len(r) for p, r in rows) + 1
    tokens, mask = torch.zeros(len(rows), width, dtype=torch.long), torch.zeros(len(rows), width)
    for i, (prompt, response) in enumerate(rows):
        tokens[i, : len(prompt) + len(response)] = torch.tensor(prompt + response)
        mask[i, len(prompt) : len(prompt) + len(response)] = 1
    prompts = [tuple(p) for p, _ in rows]
    facts = {
        "length": [len(p) + len(r) for p, r in rows],
        "prompt": [len(p) for p in prompts],
        "shared": [prompts.index(p) for p in prompts],
    }
    number, no = torch.arange(len(rows)), torch.zeros(len(rows), dtype=torch.bool)
    return Batch(
        tokens,
        mask,
        old_logp=mask.clone(),
        reward=mask.clone(),
        **{name: torch.tensor(values) for name, values in facts.items()},
        group=number,
        domain=number,
        trajectory=number,
        turn=number,
        correct=no,
        truncated=no,
        cut=no,
        threshold=mask[:, 0],
    )


def test_a_pack_by_hand():
    """Two rows share [1, 2]; the third stands alone, and is longer. Last tokens are left out: nothing follows them."""
    b = batch_of([([1, 2], [3, 4, 5]), ([6, 7, 8], [9]), ([1, 2], [10])])
    pack = Packing(b, behind=False)
    assert pack.tokens.tolist() == [6, 7, 8, 1, 2, 3, 4]
    assert pack.position.tolist() == [0, 1, 2, 0, 1, 2, 3]
    assert [pack.place[0, t].item() for t in range(4)] == [3, 4, 5, 6]
    assert [pack.place[1, t].item() for t in range(3)] == [0, 1, 2]
    assert [pack.place[2, t].item() for t in range(2)] == [3, 4]
    behind = Packing(b, behind=True)
    assert behind.tokens.tolist() == [6, 7, 8, 9, 1, 2, 3, 4, 5, 10]
    assert behind.place[2, :3].tolist() == [4, 5, 9]


def test_segments_attend_in_runs_that_padding_at_most_doubles():
    rng = random.Random(0)
    for _ in range(300):
        n = rng.randrange(1, 40)
        lengths = [[rng.choice([1, 2, 3, 20, 21, 500]) for _ in range(n)] for _ in range(rng.choice([1, 2]))]
        runs = [run.tolist() for run in _runs(*map(torch.tensor, lengths))]
        assert sorted(i for run in runs for i in run) == list(range(n))
        for run in runs:
            for own in lengths:
                assert len(run) * max(own[i] for i in run) <= 2 * sum(own[i] for i in run)
    assert _runs(torch.tensor([], dtype=torch.long), torch.tensor([], dtype=torch.long)) == []
    alike = _runs(torch.tensor([7, 7, 7]), torch.tensor([4, 4, 4]))
    assert [run.tolist() for run in alike] == [[0, 1, 2]]


def test_one_long_response_among_short_ones_does_not_multiply_what_is_attended():
    """127 responses of 20 tokens and one of 1,000, behind prompts of unequal lengths: by count of scores."""
    rng = random.Random(0)
    prompts = [[rng.randrange(1, 9) for _ in range(rng.randrange(20, 40))] for _ in range(16)]
    rows = [(prompts[i // 8], [1] * (1000 if i == 60 else 20)) for i in range(128)]
    scores = []

    def counted(query: Any, key: Any, value: Any, **kwargs: Any) -> Any:
        scores.append(query.shape[0] * query.shape[1] * query.shape[2] * key.shape[2])
        return plain(query, key, value, **kwargs)

    pack, plain = Packing(batch_of(rows), behind=False), F.scaled_dot_product_attention
    q = torch.randn(len(pack.tokens), 1, 8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(F, "scaled_dot_product_attention", counted)
        pack.attend(q, q, q, None)
    least = sum(len(p) ** 2 for p in prompts) + sum((len(r) - 1) * (len(p) + len(r) - 1) for p, r in rows)
    assert sum(scores) < 4 * least


@pytest.mark.parametrize("counts", [[3, 1, 4], [2, 2]])
def test_padding_and_joining_are_inverse(counts: list[int]):
    ragged = Ragged(torch.tensor(counts))
    x = torch.randn(sum(counts), 2, 3, dtype=torch.double, requires_grad=True)
    padded = ragged.pad(x)
    assert padded.shape == (len(counts), max(counts), 2, 3)
    for i, part in enumerate(torch.split(x, counts)):
        assert torch.equal(padded[i, : counts[i]], part)
        assert not padded[i, counts[i] :].any()
    assert torch.equal(ragged.join(padded), x)
    assert torch.autograd.gradcheck(ragged.pad, (x,))
    assert torch.autograd.gradcheck(ragged.join, (padded.detach().requires_grad_(),))


@pytest.mark.parametrize("heads", [(4, 4), (4, 2), (6, 1)])
def test_attention_sees_a_rows_own_tokens_and_no_others(heads: tuple[int, int]):
    b = random_batch(3)
    pack = Packing(b, behind=True)
    n = len(pack.tokens)
    generator = torch.Generator().manual_seed(0)
    shapes = (heads[0], heads[1], heads[1])
    q, k, v = (torch.randn(n, h, 8, generator=generator, dtype=torch.double, requires_grad=True) for h in shapes)
    out = pack.attend(q, k, v, 0.3)
    upstream = torch.randn(out.shape, generator=generator, dtype=torch.double)
    ours = torch.autograd.grad(out, (q, k, v), upstream)
    seen = torch.zeros(n, n, dtype=torch.bool)
    for i, length in enumerate(b.length.tolist()):
        where = pack.place[i, :length]
        assert pack.position[where].tolist() == list(range(length))
        seen[where[:, None], where[None]] |= torch.ones(length, length, dtype=torch.bool).tril()
    repeat = heads[0] // heads[1]
    scores = torch.einsum("qhd,khd->hqk", q, k.repeat_interleave(repeat, 1)) * 0.3
    share = scores.masked_fill(~seen, -torch.inf).softmax(-1)
    plain = torch.einsum("hqk,khd->qhd", share, v.repeat_interleave(repeat, 1))
    torch.testing.assert_close(out, plain)
    for mine, theirs in zip(ours, torch.autograd.grad(plain, (q, k, v), upstream), strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("family", FAMILIES)
def test_packed_log_probabilities_are_those_of_the_plainest_pass(family: str):
    policy = build_policy(family)
    for seed in range(3):
        batch = random_batch(seed)
        found = policy(batch).logp
        for i, (p, n) in enumerate(zip(batch.prompt.tolist(), batch.length.tolist(), strict=True)):
            row = batch.tokens[i].tolist()
            truth = torch.tensor(sampled_logps(policy.model, row[:p], row[p:n]))
            where = batch.mask[i, p:n].bool()
            torch.testing.assert_close(found[i, p:n][where], truth[where], atol=2e-6, rtol=1e-6)


def test_no_layer_sees_padding_or_a_prompt_twice():
    policy = build_policy()
    sizes: list[Any] = []
    for layer in policy.model.base_model.layers:
        layer.mlp.register_forward_pre_hook(lambda _, args: sizes.append(tuple(args[0].shape[:2])))
    b = batch_of([([1, 2, 3], [4] * 9), ([1, 2, 3], [5]), ([6], [7, 8]), ([1, 2, 3], [9, 9])])
    policy(b)
    assert sizes == [(1, 3 + 8 + 0 + 2 + 1)] * 2
    assert policy.count(b)(0, 4) == 3 + 9 + 1 + 3 + 2  # with the last tokens
    assert policy.count(b)(1, 3) == 3 + 1 + 3


def test_a_model_is_set_to_packed_attention_for_the_pass_only():
    policy = build_policy()
    policy(random_batch(0))
    assert policy.model.config._attn_implementation == "sdpa"
    with pytest.raises(RuntimeError, match="inside"), packed(policy.model):
        raise RuntimeError("inside")
    assert policy.model.config._attn_implementation == "sdpa"
    with packed(policy.model):
        assert NAME not in policy.model.config.to_json_string()


def test_models_with_another_attention_are_padded():
    assert can_pack(build_model("qwen3"))
    eager = build_model("qwen3")
    eager.set_attn_implementation("eager")
    assert not can_pack(eager)
    assert not can_pack(build_model("mistral", sliding_window=4))
    assert not can_pack(build_model("qwen2", use_sliding_window=True, sliding_window=4, max_window_layers=1))


def test_the_bytes_kept_for_the_backward_pass_do_not_grow_with_the_vocabulary():
    batch = random_batch(10)

    def kept(vocabulary: int) -> int:
        """Of activations, by storage, parameters left out."""
        policy = build_policy(chunk=2 * vocabulary)  # two positions at a time
        policy.model.resize_token_embeddings(vocabulary)
        parameters = {p.untyped_storage().data_ptr() for p in policy.parameters()}
        found: dict[int, int] = {}

        def note(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in parameters:
                found[storage.data_ptr()] = storage.nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            out = policy(batch, entropy=True)
            assert out.logp.requires_grad
        return sum(found.values())

    small, large = kept(VOCABULARY), kept(100 * VOCABULARY)
    assert small > 10_000
    assert large <= small


def tokens_of(batch: Batch, rows: Tensor) -> int:
    """Every token of the rows once, and that of a prompt once for all rows that begin with it."""
    chosen = batch.rows(rows)
    found: set[Any] = set()
    for i, (row, prompt, n) in enumerate(zip(chosen.tokens.tolist(), chosen.prompt, chosen.length, strict=True)):
        found |= {(tuple(row[:prompt]), t) for t in range(prompt)} | {(i, t) for t in range(prompt, n)}
    return len(found)


def padded(batch: Batch, rows: Tensor) -> int:
    return len(rows) * int(batch.length[rows].max())


@pytest.mark.parametrize("packs", [False, True], ids=["padded", "packed"])
def test_micro_batches_hold_every_row_once_within_the_budget(packs: bool):
    policy = build_policy()
    policy.packs = packs
    cost = tokens_of if packs else padded
    for seed in range(20):
        batch = random_batch(seed)
        for tokens in (1, 30, 77, 200, 10**6):
            parts = list(micro_batches(batch, tokens, count=policy.count))
            assert torch.cat(parts).tolist() == list(range(len(batch)))
            for part in parts:
                assert len(part) == 1 or cost(batch, part) <= tokens
            for one, two in itertools.pairwise(parts):  # none is smaller than it need be
                assert cost(batch, torch.cat([one, two[:1]])) > tokens
