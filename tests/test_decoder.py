"""A decoding step as a GPU needs it: nothing is asked of the host, and a capture's trials leave no trace."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from small_models import build_model, build_policy
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ludex.agents.engine.decoder import Decoder, Graphs
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
        before = [tensor.clone() for tensor in tried._held()]
        for _ in range(2):
            tried._step(4, 32, sampling)
            for tensor, value in zip(tried._held(), before, strict=True):
                tensor.copy_(value)
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


@pytest.mark.skipif(torch.cuda.is_available(), reason="a capture succeeds where there is a CUDA device")
def test_a_step_that_cannot_be_captured_runs_once_all_the_same():
    graphs, runs = Graphs(torch.device("cuda")), []
    with pytest.warns(UserWarning, match=r"^decoding goes on without CUDA graphs, more slowly: [^\n]+$"):
        graphs.run("shape", lambda: runs.append(1), [])
    graphs.run("shape", lambda: runs.append(2), [])
    assert runs == [1, 2]
