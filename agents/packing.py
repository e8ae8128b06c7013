"""Rows side by side in one sequence: nothing is padded but what attention sees, and a shared prompt is there once.

A pack is a list of segments. Roots stand by themselves: whole rows, and prompts
that several rows share. Leaves are what follows a shared prompt: they attend to
its keys and to their own. Segments of like lengths attend together, padded to
the longest of them. All other layers work token by token and need no more than
each token's position.
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
        offset = counts.cumsum(0) - counts
        self.column = torch.arange(len(self.row), device=counts.device) - offset[self.row]
        self.full = len(self.row) == self.rows * self.width
        column = torch.arange(self.width, device=counts.device)
        empty = (column >= counts[:, None]).flatten()  # [R W]
        source = (offset[:, None] + column).flatten().masked_fill_(empty, 0)  # [R W], the token in each place
        self._where = source, self.row * self.width + self.column, empty

    def pad(self, x: Tensor) -> Tensor:
        """[R, W, ...] from [N, ...]; zeros where there is no token."""
        flat: Tensor = x if self.full else _Pad.apply(x, *self._where)  # type: ignore[no-untyped-call]
        return flat.view(self.rows, self.width, *x.shape[1:])

    def join(self, x: Tensor) -> Tensor:
        """[N, ...] from [R, W, ...]."""
        flat = x.reshape(self.rows * self.width, *x.shape[2:])
        joined: Tensor = flat if self.full else _Join.apply(flat, *self._where)  # type: ignore[no-untyped-call]
        return joined


# Backward passes that pick rows too, where autograd's own would add them up, in any order on a GPU.


class _Pad(torch.autograd.Function):
    """Rows of `x` to their places among zeros."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, source: Tensor, place: Tensor, empty: Tensor) -> Tensor:
        ctx.save_for_backward(place)
        return _spread(x, source, empty)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        return grad.index_select(0, *ctx.saved_tensors), None, None, None


class _Join(torch.autograd.Function):
    """The inverse of `_Pad`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, source: Tensor, place: Tensor, empty: Tensor) -> Tensor:
        ctx.save_for_backward(source, empty)
        return x.index_select(0, place)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        return _spread(grad, *ctx.saved_tensors), None, None, None


def _spread(x: Tensor, source: Tensor, empty: Tensor) -> Tensor:
    return x.index_select(0, source).masked_fill_(empty.view(-1, *[1] * (x.dim() - 1)), 0)


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
        end = b.length - (0 if behind else 1)
        start = torch.where(_shared(b), b.prompt, 0)  # of what is not shared
        root, row = _roots(b, start)
        runs = _runs(torch.where(start > 0, start, end)[row])
        order = torch.cat(runs)
        row, root = row[order], order.argsort()[root]
        leaf = ((start > 0) & (end > start)).nonzero()[:, 0]
        leaf_runs = _runs((end - start)[leaf], start[leaf])
        leaf = torch.cat([leaf[run] for run in leaf_runs]) if leaf_runs else leaf
        segment = torch.cat([row, leaf])  # the row whose tokens they are
        first = torch.cat([torch.zeros_like(row), start[leaf]])
        counts = torch.cat([torch.where(start > 0, start, end)[row], end[leaf]]) - first
        whole = Ragged(counts)
        self.position = first[whole.row] + whole.column
        self.tokens = b.tokens[segment[whole.row], self.position]
        offset = counts.cumsum(0) - counts
        own = offset[root]  # of the segment in which a row ends
        own[leaf] = offset[len(row) :]
        index = torch.arange(b.tokens.shape[1], device=start.device)[None]
        self.place = torch.where(index < start[:, None], offset[root][:, None], (own - start)[:, None]) + index
        sizes, leaf_sizes = ([len(run) for run in some] for some in (runs, leaf_runs))
        self._roots = [Roots(part) for part in torch.split(counts[: len(row)], sizes)]
        facts = (counts[len(row) :], offset[root[leaf]], start[leaf])
        self._leaves = [Leaves(*fact) for fact in zip(*(torch.split(x, leaf_sizes) for x in facts), strict=True)]
        self._tokens = [int(part.sum()) for part in torch.split(counts, sizes + leaf_sizes)]

    def attend(self, query: Tensor, key: Tensor, value: Tensor, scale: float | None) -> Tensor:
        """[N, H, D] from queries [N, H, D], and keys and values [N, K, D] of as many or fewer heads."""
        own = list(zip(*(torch.split(x, self._tokens) for x in (query, key, value)), strict=True))
        count = len(self._roots)
        found = [roots.attend(q, k, v, scale) for roots, (q, k, v) in zip(self._roots, own[:count], strict=True)]
        for leaves, (q, k, v) in zip(self._leaves, own[count:], strict=True):
            found.append(leaves.attend(q, (key, k), (value, v), scale))
        return torch.cat(found) if len(found) > 1 else found[0]


class Roots:
    """Segments of `counts` tokens that stand by themselves."""

    def __init__(self, counts: Tensor):
        self._ragged = Ragged(counts)

    def attend(self, query: Tensor, key: Tensor, value: Tensor, scale: float | None) -> Tensor:
        """As `Packing.attend`, of their own tokens."""
        q, k, v = (self._ragged.pad(x).transpose(1, 2) for x in (query, key, value))
        out = F.scaled_dot_product_attention(
            q,
            k,
            v,
            is_causal=True,  # what stands on the right is never seen, so that padding needs no mask
            scale=scale,
            enable_gqa=q.shape[1] > k.shape[1],
        )
        return self._ragged.join(out.transpose(1, 2))


class Leaves:
    """L segments of `counts` tokens, each behind a prompt: `lengths` tokens, in the sequence from `at` on."""

    def __init__(self, counts: Tensor, at: Tensor, lengths: Tensor):
        self._ragged, self._lengths = Ragged(counts), lengths
        column = torch.arange(int(lengths.max()), device=at.device)
        self._prompt = at[:, None] + torch.minimum(column, lengths[:, None] - 1)  # [L, P]
        self._bias: Tensor | None = None

    def attend(
        self, query: Tensor, key: tuple[Tensor, Tensor], value: tuple[Tensor, Tensor], scale: float | None
    ) -> Tensor:
        """As `Packing.attend`, of their own queries; of keys and values, those of the whole sequence and their own."""
        q = self._ragged.pad(query)
        k, v = (
            # An embedding's backward pass adds up in one order, also on a GPU.
            torch.cat([F.embedding(self._prompt, x.flatten(1)).view(*self._prompt.shape, *x.shape[1:]), own], 1)
            for x, own in ((x, self._ragged.pad(y)) for x, y in (key, value))
        )
        rows, tokens, heads, size = q.shape
        # Heads that share keys become further queries, so that no kernel has to repeat the keys.
        folded = q.view(rows, tokens, k.shape[2], -1, size).transpose(1, 2).reshape(rows, k.shape[2], -1, size)
        out = F.scaled_dot_product_attention(
            folded, k.transpose(1, 2), v.transpose(1, 2), attn_mask=self._mask(folded), scale=scale
        )
        out = out.view(rows, k.shape[2], tokens, -1, size).transpose(1, 2)
        return self._ragged.join(out.reshape(rows, tokens, heads, size))

    def _mask(self, folded: Tensor) -> Tensor:
        """What is added to the scores, [L or 1, 1, S times heads of a key, P + S]; one for all layers."""
        if self._bias is None or self._bias.dtype != folded.dtype:
            own, width = torch.arange(self._ragged.width, device=folded.device), self._prompt.shape[1]
            lengths = self._lengths if int(self._lengths.min()) < width else self._lengths[:1]
            prompt = torch.arange(width, device=folded.device)[None] < lengths[:, None]  # [L or 1, P]
            causal = (own[None] <= own[:, None])[None].expand(len(prompt), -1, -1)
            seen = torch.cat([prompt[:, None].expand(-1, len(own), -1), causal], 2)
            keys = seen.shape[2]
            # CUDA kernels would copy a mask whose rows do not start at multiples of 16, in every layer.
            seen = F.pad(seen, (0, -keys % 16))
            bias = torch.zeros(seen.shape, dtype=folded.dtype, device=folded.device).masked_fill_(~seen, -torch.inf)
            self._bias = bias.repeat_interleave(folded.shape[2] // len(own), 1)[:, None, :, :keys]
        return self._bias


def _runs(*lengths: Tensor) -> list[Tensor]:
    """Numbers of segments, the longest first, in runs so alike that padding at most doubles the sum of any length."""
    rows = list(zip(*(x.tolist() for x in lengths), strict=True))
    runs: list[list[int]] = []
    most = total = [0] * len(lengths)
    for i in sorted(range(len(rows)), key=rows.__getitem__, reverse=True):
        most = [max(pair) for pair in zip(most, rows[i], strict=True)]
        total = [sum(pair) for pair in zip(total, rows[i], strict=True)]
        if runs and all((len(runs[-1]) + 1) * m <= 2 * t for m, t in zip(most, total, strict=True)):
            runs[-1].append(i)
        else:
            runs.append([i])
            most = total = list(rows[i])
    return [torch.tensor(run, device=lengths[0].device) for run in runs]


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
