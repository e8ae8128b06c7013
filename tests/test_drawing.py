"""Random numbers against the generator's published outputs, draws against plain arithmetic."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
import torch

from ludex.agents.engine.drawing import draw, log_probabilities, uniform
from ludex.agents.sampling import Sampling

# The first outputs of SplitMix64 seeded with 1234567, as its users publish them to check ports.
PUBLISHED = (
    6457827717110365317,
    3203168211198807973,
    9817491932198370423,
    4593380528125082431,
    16408922859458223821,
)


def test_the_random_numbers_are_those_of_splitmix64():
    key = torch.full((5,), 1234567)
    assert uniform(key, torch.arange(5)).tolist() == [(x >> 12) / 2**52 for x in PUBLISHED]


def splitmix(key: int, count: int) -> float:
    """The generator with Python's whole numbers."""
    mask = 2**64 - 1
    x = (key + (count + 1) * 0x9E3779B97F4A7C15) & mask
    x = ((x ^ x >> 30) * 0xBF58476D1CE4E5B9) & mask
    x = ((x ^ x >> 27) * 0x94D049BB133111EB) & mask
    return ((x ^ x >> 31) >> 12) / 2**52


def test_keys_and_counters_of_every_size():
    rng = random.Random(0)
    keys = [rng.randrange(2**63) for _ in range(200)]
    counts = [rng.randrange(5000) for _ in keys]
    drawn = uniform(torch.tensor(keys), torch.tensor(counts))
    assert drawn.tolist() == [splitmix(key, count) for key, count in zip(keys, counts, strict=True)]


def test_streams_are_even_and_unrelated():
    keys = torch.tensor([random.Random(i).randrange(2**63) for i in range(300)])
    drawn = torch.stack([uniform(keys, torch.full_like(keys, n)) for n in range(300)])
    counts = torch.histc(drawn, bins=100, min=0, max=1)
    assert float(((counts - 900) ** 2 / 900).sum()) < 160  # chi-squared with 99 degrees: chance 1e-4
    by_row, by_token = torch.corrcoef(drawn[:100].T[:50]), torch.corrcoef(drawn[:50])
    for table in (by_row, by_token):
        assert float((table - torch.eye(len(table))).abs().max()) < 0.5  # 5 deviations of 1 / sqrt(100)


def test_a_draw_is_where_the_distribution_function_passes_the_number():
    p = [0.1, 0.0, 0.4, 0.2, 0.3]
    logits = torch.tensor(p).log().repeat(8, 1)
    u = torch.tensor([0.0, 0.0999, 0.1001, 0.4999, 0.5001, 0.6999, 0.7001, 1 - 2**-52], dtype=torch.float64)
    token, logp = draw(logits, Sampling(), u)
    assert token.tolist() == [0, 0, 2, 2, 3, 3, 4, 4]
    assert logp.tolist() == pytest.approx([math.log(p[i]) for i in token], abs=1e-6)


@pytest.mark.parametrize("vocabulary", [1, 255, 256, 257, 700, 1024])
def test_large_vocabularies_against_sums_in_order(vocabulary: int):
    rng = np.random.default_rng(vocabulary)
    logits = rng.normal(size=(300, vocabulary)).astype(np.float32) * 3
    logits[rng.random(logits.shape) < 0.3] = -np.inf
    logits[:, rng.integers(vocabulary)] = 0.0
    logits[:40, : vocabulary // 2] = -np.inf  # whole blocks of nothing
    logits[:40, -1] = 0.0
    u = rng.random(300)
    u[:20], u[20:60:2] = 0.0, 1 - 2**-52
    token, logp = draw(torch.tensor(logits), Sampling(), torch.tensor(u))
    p = np.exp(logits.astype(np.float64))
    p /= p.sum(1, keepdims=True)
    for i, row in enumerate(p):
        mass, drawn = np.cumsum(row), int(token[i])
        assert row[drawn] > 0
        assert float(logp[i]) == pytest.approx(math.log(row[drawn]), abs=1e-5)
        assert mass[drawn] - row[drawn] <= u[i] + 1e-6
        assert u[i] <= mass[drawn] + 1e-6


def test_logits_that_are_no_numbers_end_in_no_crash():
    token, logp = draw(torch.full((3, 600), math.nan), Sampling(), torch.tensor([0.0, 0.5, 0.9], dtype=torch.float64))
    assert ((token >= 0) & (token < 600)).all()
    assert logp.isnan().all()


def test_the_last_number_below_one_never_falls_behind_the_last_likely_token():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2000, 60, generator=generator)
    logits[:, 40:] = -torch.inf
    token, logp = draw(logits, Sampling(), torch.full((2000,), 1 - 2**-52, dtype=torch.float64))
    assert int(token.max()) < 40
    assert torch.isfinite(logp).all()


def kept(p: list[float], top_k: int, top_p: float, min_p: float) -> list[float]:
    """One filter after the other, by hand."""

    def normal(q: list[float]) -> list[float]:
        return [x / sum(q) for x in q]

    if top_k:
        least = sorted(p, reverse=True)[min(top_k, len(p)) - 1]
        p = normal([x if x >= least else 0.0 for x in p])
    if top_p < 1:
        inside, mass = set(), 0.0
        for i in sorted(range(len(p)), key=lambda i: -p[i]):
            if mass < top_p:
                inside.add(i)
            mass += p[i]
        p = normal([x if i in inside else 0.0 for i, x in enumerate(p)])
    if min_p:
        p = normal([x if x >= min_p * max(p) else 0.0 for x in p])
    return p


@pytest.mark.parametrize(
    ("top_k", "top_p", "min_p"), [(3, 1.0, 0.0), (0, 0.7, 0.0), (0, 1.0, 0.2), (9, 0.8, 0.1), (99, 1.0, 0.0)]
)
def test_filters_keep_what_they_should_and_renormalise(top_k: int, top_p: float, min_p: float):
    generator = torch.Generator().manual_seed(1)
    logits = 2 * torch.randn(50, 12, generator=generator)
    sampling = Sampling(1, 0.8, top_p, top_k, min_p)
    for row, logp in zip(logits, log_probabilities(logits, sampling), strict=True):
        p = (row.double() / 0.8).softmax(0).tolist()
        assert logp.exp().tolist() == pytest.approx(kept(p, top_k, top_p, min_p), abs=1e-6)
