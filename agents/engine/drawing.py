"""Drawing tokens: each response has a random stream of its own, whatever is decoded beside it.

The number drawn for a token depends on the response's key and the token's place
only (a counter-based generator), so neither the batch, nor the slot, nor who
finished before can change it. Everything stays on the device, and can be
captured in a CUDA graph.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ludex.agents.sampling import Sampling

BLOCK = 256  # tokens of a vocabulary whose probabilities are added up before any scan


def uniform(key: Tensor, count: Tensor) -> Tensor:
    """Float64 [R] in [0, 1) for int64 keys and counters [R]: the `count`-th output of SplitMix64 seeded with `key`.

    Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014), figure 17.
    """
    x = key + (count + 1) * -0x61C8864680B583EB  # 0x9E3779B97F4A7C15 as a signed number
    x = (x ^ _shift(x, 30)) * -0x40A7B892E31B1A47  # 0xBF58476D1CE4E5B9
    x = (x ^ _shift(x, 27)) * -0x6B2FB644ECCEEE15  # 0x94D049BB133111EB
    x = x ^ _shift(x, 31)
    return _shift(x, 12).double() * 2.0**-52


def _shift(x: Tensor, bits: int) -> Tensor:
    """Shift to the right as if the number had no sign."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def draw(logits: Tensor, sampling: Sampling, u: Tensor) -> tuple[Tensor, Tensor]:
    """Tokens [R] and their log-probabilities [R], nats, from logits [R, V] and uniform numbers [R].

    The token is where the distribution function passes `u`; unlike `torch.multinomial`, that never
    waits for the device. At temperature 0 it is the most likely one, with its plain log-probability.
    """
    if sampling.temperature == 0:
        logp = logits.log_softmax(-1)
        token = logits.argmax(-1)
    else:
        logp = log_probabilities(logits, sampling)
        token = _passes(logp.exp(), u)
    return token, logp.gather(1, token[:, None])[:, 0]


def _passes(p: Tensor, u: Tensor) -> Tensor:
    """Int [R], where the sums of p [R, V] first exceed `u` [R] of their total.

    First the block, then the place in it: a scan of a whole vocabulary in float64 would take longer than
    all else that is done to its logits.
    """
    vocabulary = p.shape[1]
    count = vocabulary // BLOCK
    blocks = p[:, : count * BLOCK].reshape(len(p), count, BLOCK).sum(-1, dtype=torch.float64)
    blocks = torch.cat([blocks, p[:, count * BLOCK :].sum(-1, keepdim=True, dtype=torch.float64)], 1)
    mass = blocks.cumsum(-1)
    wanted = u[:, None] * mass[:, -1:]
    block = torch.searchsorted(mass, wanted, right=True).clamp(max=mass.shape[1] - 1)  # NaN is passed by nothing
    index = block * BLOCK + torch.arange(BLOCK, device=p.device)
    inner = p.gather(1, index.clamp(max=vocabulary - 1)).double().masked_fill(index >= vocabulary, 0).cumsum(-1)
    rest = (wanted - (mass.gather(1, block) - blocks.gather(1, block))).clamp(min=0)
    last = inner[:, -1:] * (1 - 2.0**-52)  # sums in another order are rounded otherwise
    place = torch.searchsorted(inner, torch.minimum(rest, last), right=True)
    return (block * BLOCK + place).clamp(max=vocabulary - 1)[:, 0]


def log_probabilities(logits: Tensor, sampling: Sampling) -> Tensor:
    """[R, V], of the distribution that is drawn from: tempered, then cut to top_k, top_p and min_p, renormalised."""
    logp = (logits if sampling.temperature == 1 else logits / sampling.temperature).log_softmax(-1)
    if 0 < sampling.top_k < logp.shape[-1]:
        logp = _keep(logp, logp >= logp.topk(sampling.top_k).values[:, -1:])
    if sampling.top_p < 1:
        ordered, index = logp.sort(-1, descending=True)
        inside = ordered.exp().cumsum(-1) - ordered.exp() < sampling.top_p
        logp = _keep(logp, torch.empty_like(inside).scatter(-1, index, inside))
    if sampling.min_p:
        logp = _keep(logp, logp.exp() >= sampling.min_p * logp.exp().amax(-1, keepdim=True))
    return logp


def _keep(logp: Tensor, kept: Tensor) -> Tensor:
    return logp.masked_fill(~kept, -torch.inf).log_softmax(-1)
