"""A decoding step as a GPU needs it: nothing is asked of the host, and a capture's trials leave no trace."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pytest
import torch
from small_models import build_model, build_policy
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ludex.agents.engine.decoder import HISTORY_TOKENS, PREFILL_TOKENS, Decoder, Graphs, _parts, untouched
from ludex.agents.policy import Policy
from ludex.agents.sampling import Sampling

MANNERS = [Sampling(8, 1.2), Sampling(8, 0.0), Sampling(8, 0.7, 0.9, 5, 0.1)]


class Unchecked(Policy):
    """A policy on a device without values, on which logits cannot be compared."""

    def _check_head(self) -> None:
        pass


class StaysThere(TorchDispatchMode):
    """Refuses operations between the device and the host; a number that torch wraps by itself has no dimension."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves((args, kwargs, out)):
            if isinstance(leaf, torch.Tensor) and leaf.dim() and leaf.device.type != "meta":
                raise AssertionError(f"{func} touches {leaf.device}")
        return out


def begun(policy: Policy, sampling: Sampling) -> Decoder:
    """Three responses in four slots."""
    decoder = Decoder(policy, [3, 7])
    decoder.fit(4, 40, 8)
    logits = decoder.prefill([0, 1, 2], [[1, 2, 3], [4, 5], [6]], [0, 0, 0])
    decoder.begin([0, 1, 2], logits, lengths=[3, 2, 1], limits=[8, 8, 8], keys=[1, 2, 3], sampling=sampling)
    return decoder


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("sampling", MANNERS)
@torch.no_grad()
def test_a_step_never_waits_for_the_device(sampling: Sampling, dtype: str):
    """The meta device has shapes and no values: whatever would be read from it fails."""
    decoder = begun(Unchecked(build_model(), None, device="meta", dtype=dtype), sampling)
    with StaysThere():
        decoder._step(4, 32, sampling)
    with pytest.raises(NotImplementedError):
        decoder.state.done.tolist()
    with pytest.raises(AssertionError, match="touches cpu"), StaysThere():
        decoder.state.length + torch.ones(4, dtype=torch.long).to("meta")


@pytest.mark.parametrize("sampling", MANNERS)
@torch.no_grad()
def test_a_step_can_be_tried_before_it_counts(sampling: Sampling):
    """A capture runs a step twice, each time putting back what `_held` names; the real one must not notice."""
    tried, plain = begun(build_policy(), sampling), begun(build_policy(), sampling)
    for _ in range(5):
        for _ in range(2):
            with untouched(tried._held()):
                tried._step(4, 32, sampling)
        tried._step(4, 32, sampling)
        plain._step(4, 32, sampling)
    for name in ("token", "length", "count", "done"):
        assert torch.equal(getattr(tried.state, name), getattr(plain.state, name))
    for row, count in enumerate(plain.state.count.tolist()):
        assert torch.equal(tried.state.ids[row, :count], plain.state.ids[row, :count])
        assert torch.equal(tried.state.logps[row, :count], plain.state.logps[row, :count])


@torch.no_grad()
def test_attending_to_more_than_there_is_changes_nothing():
    """On CUDA whole pages are attended to, and more rows than there are."""
    exact, roomy = begun(build_policy(), MANNERS[0]), begun(build_policy(), MANNERS[0])
    for step in range(5):
        exact._step(3, 3 + step + 1, MANNERS[0])
        roomy._step(4, 40, MANNERS[0])
    assert torch.equal(exact.state.ids[:3, :6], roomy.state.ids[:3, :6])
    torch.testing.assert_close(exact.state.logps[:3, :6], roomy.state.logps[:3, :6], atol=1e-6, rtol=0)


class Uncapturable(Graphs):
    """A device on which every capture fails, with an error of its own."""

    def __init__(self, error: Exception):
        super().__init__(torch.device("cuda"))
        self.error = error

    def _capture(self, step: Any, held: Any) -> Any:
        raise self.error


def test_a_step_that_cannot_be_captured_runs_once_all_the_same():
    graphs, runs = Uncapturable(RuntimeError("operation not permitted\nwhen stream is capturing")), []
    with pytest.warns(UserWarning, match=r"^decoding goes on without CUDA graphs, more slowly: operation [^\n]+$"):
        graphs.run("shape", lambda: runs.append(1), [])
    graphs.run("shape", lambda: runs.append(2), [])
    assert runs == [1, 2]


def test_want_of_memory_is_not_taken_for_a_step_that_cannot_be_captured():
    graphs, runs = Uncapturable(torch.OutOfMemoryError("CUDA out of memory")), []
    for _ in range(2):
        with pytest.raises(torch.OutOfMemoryError):
            graphs.run("shape", lambda: runs.append(1), [])
    assert not runs


def test_a_trial_that_fails_half_way_leaves_no_trace():
    length = torch.arange(4)
    with pytest.raises(RuntimeError, match="size"), untouched([length]):
        length.add_(1).add_(torch.ones(3, dtype=torch.long))
    assert length.tolist() == [0, 1, 2, 3]


def test_conversations_are_prefilled_in_runs_of_bounded_size():
    rng = random.Random(0)
    for _ in range(200):
        past = [rng.choice([0, rng.randrange(1, 20_000)]) for _ in range(rng.randrange(1, 60))]
        new = [rng.randrange(1, 3000) for _ in past]
        order = sorted(range(len(past)), key=lambda i: (past[i] > 0, new[i]))
        parts = _parts(order, new, past)
        assert [i for part in parts for i in part] == order
        for part in parts:
            assert len({past[i] > 0 for i in part}) == 1
            if len(part) > 1:
                assert len(part) * max(new[i] for i in part) <= PREFILL_TOKENS
                assert not past[part[0]] or len(part) * max(past[i] + new[i] for i in part) <= HISTORY_TOKENS
        for one, two in pairwise(parts):  # none ended early
            whole = [*one, two[0]]
            full = len(whole) * max(new[i] for i in whole) > PREFILL_TOKENS
            full |= past[two[0]] > 0 and len(whole) * max(past[i] + new[i] for i in whole) > HISTORY_TOKENS
            assert full or (past[one[0]] > 0) != (past[two[0]] > 0)
