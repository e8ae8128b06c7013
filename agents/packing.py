"""Rows side by side in one sequence: nothing is padded but what attention sees, and a shared prompt is there once.

A pack is a list of segments. Roots stand by themselves: whole rows, and prompts
that several rows share. Leaves are what follows a shared prompt: they attend to
its keys and to their own. All other layers work token by token and need no more
than each token's position.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ludex.agents.batch import Batch

NAME = "ludex_packed"  # of the attention function, known to transformers


class Ragged:
    """Rows of `counts` tokens, either side by side [N, ...] or padded on the right [R, W, ...]."""

    def __init__(self, counts: Tensor):
        self.rows, self.width = len(counts), int(counts.max())
        self.row = torch.repeat_interleave(torch.arange(self.rows, device=counts.device), counts)  # [N]
        self.column = torch.arange(len(self.row), device=counts.device) - (counts.cumsum(0) - counts)[self.row]
        self.full = len(self.row) == self.rows * self.width
        self._place = self.row * self.width + self.column

    def pad(self, x: Tensor) -> Tensor:
        """[R, W, ...] from [N, ...]; zeros where there is no token."""
        flat: Tensor = x if self.full else _Pad.apply(x, self._place, self.rows * self.width)  # type: ignore[no-untyped-call]
        return flat.view(self.rows, self.width, *x.shape[1:])

    def join(self, x: Tensor) -> Tensor:
        """[N, ...] from [R, W, ...]."""
        flat = x.reshape(self.rows * self.width, *x.shape[2:])
        joined: Tensor = flat if self.full else _Join.apply(flat, self._place)  # type: ignore[no-untyped-call]
        return joined


class _Pad(torch.autograd.Function):
    """Rows of `x` to their places among zeros; the backward pass only picks, where autograd's own would add up."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, place: Tensor, size: int) -> Tensor:
        ctx.save_for_backward(place)
        return x.new_zeros(size, *x.shape[1:]).index_copy_(0, place, x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return grad.index_select(0, *ctx.saved_tensors), None, None


class _Join(torch.autograd.Function):
    """The inverse of `_Pad`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, place: Tensor) -> Tensor:
        ctx.save_for_backward(place)
        ctx.size = len(x)
        return x.index_select(0, place)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (place,) = ctx.saved_tensors
        return grad.new_zeros(ctx.size, *grad.shape[1:]).index_copy_(0, place, grad), None


class Packing:
    """How the rows of a batch lie in one sequence of N tokens, and how these attend to one another.

    Args:
        b: the rows.
        behind: keep each row's last token too, which only a critic looks behind.

    Attributes:
        tokens, position: int [N], and where in its row each token stands.
        place: int [B, T], where in the sequence each token of a row lies; meaningless past the row's end.
    """

    def __init__(self, b: Batch, *, behind: bool):
        device, end = b.tokens.device, b.length - (0 if behind else 1)
        start = torch.where(_shared(b), b.prompt, 0)  # of what is not shared
        root, row = _roots(b, start)
        leaf = (start > 0) & (end > start)
        segment = torch.cat([row, leaf.nonzero()[:, 0]])  # the row whose tokens they are
        first = torch.cat([torch.zeros_like(row), start[leaf]])
        counts = torch.cat([torch.where(start > 0, start, end)[row], end[leaf]]) - first
        whole = Ragged(counts)
        self.position = first[whole.row] + whole.column
        self.tokens = b.tokens[segment[whole.row], self.position]
        self.roots, self.leaves = Ragged(counts[: len(row)]), None
        if len(segment) > len(row):
            self.leaves = Ragged(counts[len(row) :])
            self._parent, self._prompt = root[leaf], start[leaf]
        offset = counts.cumsum(0) - counts
        own = offset[root]  # of the segment in which a row ends
        own[leaf] = offset[len(row) :]
        index = torch.arange(b.tokens.shape[1], device=device)[None]
        self.place = torch.where(index < start[:, None], offset[root][:, None], (own - start)[:, None]) + index
        self._bias: Tensor | None = None

    def attend(self, query: Tensor, key: Tensor, value: Tensor, scale: float | None) -> Tensor:
        """[N, H, D] from queries [N, H, D], and keys and values [N, K, D] of as many or fewer heads."""
        n = len(self.roots.row)
        q, k, v = (self.roots.pad(x[:n]) for x in (query, key, value))
        out = F.scaled_dot_product_attention(
            q.transpose(1, 2),
            k.transpose(1, 2),
            v.transpose(1, 2),
            is_causal=True,  # what stands on the right is never seen, so that padding needs no mask
            scale=scale,
            enable_gqa=q.shape[2] > k.shape[2],
        )
        found = self.roots.join(out.transpose(1, 2))
        if self.leaves is None:
            return found
        return torch.cat([found, self._attend_leaves(query[n:], (k, key[n:]), (v, value[n:]), scale)])

    def _attend_leaves(
        self, query: Tensor, key: tuple[Tensor, Tensor], value: tuple[Tensor, Tensor], scale: float | None
    ) -> Tensor:
        """Leaves' queries see their prompt's keys and their own; `key` and `value` are the roots' and the leaves'."""
        assert self.leaves is not None
        q = self.leaves.pad(query)
        width = int(self._prompt.max())
        k, v = (
            torch.cat([x[:, :width].index_select(0, self._parent), self.leaves.pad(y)], 1).transpose(1, 2)
            for x, y in (key, value)
        )
        rows, tokens, heads, size = q.shape
        # Heads that share keys become further queries, so that no kernel has to repeat the keys.
        folded = q.view(rows, tokens, k.shape[1], -1, size).transpose(1, 2).reshape(rows, k.shape[1], -1, size)
        out = F.scaled_dot_product_attention(folded, k, v, attn_mask=self._mask(width, folded), scale=scale)
        out = out.view(rows, k.shape[1], tokens, -1, size).transpose(1, 2)
        return self.leaves.join(out.reshape(rows, tokens, heads, size))

    def _mask(self, width: int, folded: Tensor) -> Tensor:
        """What is added to the scores, [L or 1, 1, S times heads of a key, P + S]; one for all layers."""
        assert self.leaves is not None
        if self._bias is None or self._bias.dtype != folded.dtype:
            own = torch.arange(self.leaves.width, device=folded.device)
            lengths = self._prompt if int(self._prompt.min()) < width else self._prompt[:1]
            prompt = torch.arange(width, device=folded.device)[None] < lengths[:, None]  # [L or 1, P]
            causal = (own[None] <= own[:, None])[None].expand(len(prompt), -1, -1)
            seen = torch.cat([prompt[:, None].expand(-1, len(own), -1), causal], 2)
            keys = seen.shape[2]
            # CUDA kernels would copy a mask whose rows do not start at multiples of 16, in every layer.
            seen = F.pad(seen, (0, -keys % 16))
            bias = torch.zeros(seen.shape, dtype=folded.dtype, device=folded.device).masked_fill_(~seen, -torch.inf)
            self._bias = bias.repeat_interleave(folded.shape[2] // len(own), 1)[:, None, :, :keys]
        return self._bias


def _shared(b: Batch) -> Tensor:
    """Bool [B]: whether another row begins with the same prompt."""
    _, number, times = torch.unique(b.shared, return_inverse=True, return_counts=True)
    return times[number] > 1


def _roots(b: Batch, start: Tensor) -> tuple[Tensor, Tensor]:
    """The root that each row begins with, int [B], and a row that begins with each root."""
    order = torch.arange(len(b), device=start.device)
    key = torch.where(start > 0, b.shared, int(b.shared.max()) + 1 + order)
    _, root = torch.unique(key, return_inverse=True)
    row = order.new_full((int(root.max()) + 1,), len(b)).scatter_reduce_(0, root, order, "amin")
    return root, row


def packed_tokens(b: Batch) -> Callable[[int, int], int]:
    """How many tokens the rows from one number to below another have, each prompt counted once."""
    own, prompt, shared = (b.length - b.prompt).tolist(), b.prompt.tolist(), b.shared.tolist()

    def count(start: int, end: int) -> int:
        prompts = dict(zip(shared[start:end], prompt[start:end], strict=True))
        return sum(own[start:end]) + sum(prompts.values())

    return count


def padded_tokens(b: Batch) -> Callable[[int, int], int]:
    """How many places the rows from one number to below another take, padded to the longest."""
    lengths = b.length.tolist()
    return lambda start, end: (end - start) * max(lengths[start:end])


def attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    packing: Packing,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Attention inside a model of transformers, of one sequence [1, H, N, D] as `packing` says."""
    q, k, v = (x[0].transpose(0, 1) for x in (query, key, value))
    return packing.attend(q, k, v, scaling)[None], None


def can_pack(model: Any) -> bool:
    """Whether a model hands `attend` its arguments, and every layer is plain attention to all that came before."""
    from transformers.cache_utils import DynamicCache, DynamicLayer

    forgets = any(type(layer) is not DynamicLayer for layer in DynamicCache(config=model.config).layers)
    known = model._supports_attention_backend and not model._is_stateful
    return known and model.config._attn_implementation == "sdpa" and not forgets


@contextmanager
def packed(model: Any) -> Iterator[None]:
    """Let a model attend by `attend` for the length of a block; its base model then wants `packing=`."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, attend)
    before = model.config._attn_implementation
    model.config._attn_implementation = NAME
    try:
        yield
    finally:
        model.config._attn_implementation = before
