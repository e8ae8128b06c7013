"""Algorithms on preference pairs: hand calculations, a second implementation, and the invariants of robustness."""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import replace
from statistics import fmean
from typing import Any

import pytest
import reference_preferences as reference
import torch
from toy_batches import Row, ToyPolicy, gradients, make, row, to_batch
from toy_pairs import PAIRS, pair, random_pairs, three, to_pairs

from ludex.agents.algorithms.base import Forward
from ludex.agents.algorithms.ipo import IPO
from ludex.agents.algorithms.robust import GroupRobust
from ludex.agents.learner import micro_batches
from ludex.config import ConfigError

PENALTY = {"dpo": reference.dpo_penalty, "ipo": reference.ipo_penalty}
SETTINGS: dict[str, list[dict[str, Any]]] = {
    "dpo": [{"beta": 0.1, "weighting": "pairs"}, {"beta": 0.7, "weighting": "groups"}],
    "ipo": [{"beta": 0.1, "weighting": "pairs"}, {"beta": 0.4, "weighting": "groups"}],
    "gr_dpo": [{"beta": 1.0, "eta": 0.5, "chi": 1.0}, {"beta": 0.3, "eta": 2.0, "chi": 0.6}],
    "gr_ipo": [{"beta": 0.1, "eta": 0.01, "chi": 1.0}, {"beta": 0.5, "eta": 0.3, "chi": 0.3}],
}


def compare(name: str, settings: dict[str, Any], seed: int) -> None:
    rows, domains, sizes = random_pairs(seed)
    algorithm = make(name, **settings)
    penalty = PENALTY[name.removeprefix("gr_")]
    if isinstance(algorithm, GroupRobust):
        rng = random.Random(seed)
        start = [rng.uniform(0.1, 1) for _ in sizes]
        alpha = [a / sum(start) for a in start]
        algorithm.load_state_dict({"log_alpha": torch.tensor(alpha, dtype=torch.float64).log()})
        expected = reference.robust(rows, domains, sizes, penalty, **settings, alpha=alpha)
    else:
        expected = reference.plain(rows, domains, sizes, penalty, **settings)
    b, new = to_pairs(rows, domains, sizes)
    loss, (found, *_) = gradients(algorithm, algorithm.prepare(b), new)
    assert float(loss) == pytest.approx(expected.loss, rel=1e-9)
    dense = torch.zeros_like(found)
    for at, number in expected.d_logp.items():
        dense[at] = number
    torch.testing.assert_close(found, dense, atol=1e-10, rtol=1e-9)
    if isinstance(algorithm, GroupRobust):
        assert algorithm.alpha.tolist() == pytest.approx(expected.alpha, rel=1e-9)


@pytest.mark.parametrize("name", PAIRS)
def test_agrees_with_the_second_implementation(name: str) -> None:
    for seed in range(150):
        compare(name, SETTINGS[name][seed % 2], seed)


@pytest.mark.slow
@pytest.mark.parametrize("name", PAIRS)
def test_agrees_on_a_thousand_batches(name: str) -> None:
    for seed in range(1000, 2000):
        compare(name, SETTINGS[name][seed % 2], seed)


@pytest.mark.parametrize("name", PAIRS)
def test_the_second_implementation_has_the_gradient_of_its_loss(name: str) -> None:
    penalty, step = PENALTY[name.removeprefix("gr_")], 1e-6
    rows, domains, sizes = random_pairs(3)
    settings = SETTINGS[name][1]

    def result() -> reference.Result:
        if name.startswith("gr_"):
            return reference.robust(rows, domains, sizes, penalty, **settings, alpha=[1 / len(sizes)] * len(sizes))
        return reference.plain(rows, domains, sizes, penalty, **settings)

    for (i, t), slope in result().d_logp.items():
        sides = []
        for h in (step, -step):
            rows[i].new[t] += h
            sides.append(result().loss)
            rows[i].new[t] -= h
        assert (sides[0] - sides[1]) / (2 * step) == pytest.approx(slope, rel=1e-5, abs=1e-8)


# By hand. Log-probabilities of whole responses: chosen -1.0 against a reference of -1.5, rejected
# -2.0 against -1.2, so h = 0.5 - (-0.8) = 1.3.


def one(**facts: Any) -> tuple[list[Row], list[int], list[int]]:
    return pair((-1.0, -2.0), (-1.5, -1.2), **facts), [0, 0], [1]


@pytest.mark.parametrize(
    ("name", "beta", "loss", "slope"),
    [
        # -log sigmoid(0.65) = log(1 + e^-0.65); its slope by h is -0.5 sigmoid(-0.65).
        ("dpo", 0.5, math.log1p(math.exp(-0.65)), -0.5 / (1 + math.exp(0.65))),
        ("ipo", 0.5, 0.3**2, 2 * 0.3),  # (1.3 - 1)^2
        ("ipo", 0.1, 3.7**2, -2 * 3.7),  # (1.3 - 5)^2
    ],
)
@pytest.mark.parametrize("lengths", [(1, 1), (2, 5)])  # sums over tokens, whatever their number
@pytest.mark.parametrize("family", ["", "gr_"])
def test_one_pair_by_hand(name: str, beta: float, loss: float, slope: float, lengths: Any, family: str) -> None:
    algorithm = make(family + name, beta=beta)  # one group: the robust loss is the plain one
    b, new = to_pairs(*one(lengths=lengths))
    found, (d_logp, *_) = gradients(algorithm, algorithm.prepare(b), new)
    assert float(found) == pytest.approx(loss)
    assert d_logp[0][b.mask[0] > 0].tolist() == pytest.approx([slope] * lengths[0])
    assert d_logp[1][b.mask[1] > 0].tolist() == pytest.approx([-slope] * lengths[1])


@pytest.mark.parametrize("name", PAIRS)
def test_at_the_reference_the_loss_is_known(name: str) -> None:
    rows, domains, sizes = random_pairs(5)
    rows = [replace(r, new=list(r.ref), old=list(r.ref)) for r in rows]
    algorithm = make(name, beta=0.25)
    b, new = to_pairs(rows, domains, sizes)
    prepared = algorithm.prepare(b)
    share = float(prepared.weight.sum())
    loss, metrics = algorithm.loss(new, prepared)
    assert float(loss.detach()) == pytest.approx(share * (math.log(2) if "dpo" in name else 4.0))
    assert metrics["margin"] == pytest.approx(0, abs=1e-12)
    assert metrics["accuracy"] == 0


# Fixed weights. Two pairs of group 0, one of group 1; in all 6 pairs of group 0 and 2 of group 1.


def test_every_group_counts_the_same_by_hand() -> None:
    # c = N / (K N_g) = 8/12 and 8/4; (h - 1)^2 = 1, 4 and 9; mean over three pairs.
    for weighting, loss in (("pairs", 14 / 3), ("groups", (2 / 3 * 5 + 2 * 9) / 3)):
        algorithm = IPO(beta=0.5, weighting=weighting)  # type: ignore[arg-type]
        b, new = to_pairs(*three(2.0, 3.0, 4.0))
        prepared = algorithm.prepare(b)
        found, metrics = algorithm.loss(new, prepared)
        assert float(found.detach()) == pytest.approx(loss)
        means = algorithm.means({name: float(value) for name, value in metrics.items()}, prepared)
        # In the metrics all pairs count the same, whatever the groups' weights.
        assert means == pytest.approx(
            {"margin": 3.0, "accuracy": 1.0, "loss/0": 2.5, "loss/1": 9.0, "accuracy/0": 1.0, "accuracy/1": 1.0}
        )


@pytest.mark.parametrize("name", ["dpo", "ipo"])
def test_weights_by_group_are_plain_where_groups_are_of_one_size(name: str) -> None:
    for seed in range(10):
        rows, domains, sizes = random_pairs(seed)
        b, new = to_pairs(rows, domains, [5] * len(sizes))
        pairs, groups = make(name, weighting="pairs"), make(name, weighting="groups")
        one, two = gradients(pairs, pairs.prepare(b), new), gradients(groups, groups.prepare(b), new)
        assert float(one[0]) == pytest.approx(float(two[0]))
        torch.testing.assert_close(one[1][0], two[1][0])


# The layout of the batch must not matter.


@pytest.mark.parametrize("name", PAIRS)
def test_padding_order_and_what_lies_under_the_mask_change_nothing(name: str) -> None:
    for seed in range(10):
        rows, domains, sizes = random_pairs(seed)
        order = random.Random(seed).sample(range(len(rows)), len(rows))
        algorithm = make(name, **SETTINGS[name][1])
        b, new = to_pairs(rows, domains, sizes)
        loss, (found, *_) = gradients(algorithm, algorithm.prepare(b), new)
        b, new = to_pairs([rows[i] for i in order], [domains[i] for i in order], sizes, pad=3)
        noise = torch.randn((2, *b.mask.shape), generator=torch.Generator().manual_seed(seed)).double()
        hidden = b.mask == 0
        b = b.with_(
            old_logp=torch.where(hidden, noise[0], b.old_logp), ref_logp=torch.where(hidden, noise[1], b.ref_logp)
        )
        algorithm = make(name, **SETTINGS[name][1])
        moved, (other, *_) = gradients(algorithm, algorithm.prepare(b), new)
        assert float(moved) == pytest.approx(float(loss))
        torch.testing.assert_close(other[:, : found.shape[1]], found[order])


@pytest.mark.parametrize("name", PAIRS)
def test_micro_batches_of_whole_pairs_add_up(name: str) -> None:
    for seed in range(10):
        rows, domains, sizes = random_pairs(seed)
        together = sorted(range(len(rows)), key=lambda i: rows[i].group)
        facts = to_pairs([rows[i] for i in together], [domains[i] for i in together], sizes, torch.float32)[0]
        policy, algorithm = ToyPolicy(), make(name, **SETTINGS[name][1])
        b = algorithm.prepare(policy.sample_facts(facts))
        found = []
        for tokens in (1, 20, 10**6):
            policy.zero_grad()
            parts = list(micro_batches(b, tokens, whole_groups=True))
            assert torch.cat(parts).tolist() == list(range(len(b)))
            for one, two in itertools.pairwise(parts):
                assert not set(b.group[one].tolist()) & set(b.group[two].tolist())
                assert len(set(b.group[one].tolist())) == 1 or len(one) * int(b.length[one].max()) <= tokens
            for part in parts:
                loss, _ = algorithm.loss(policy(b.rows(part)), b.rows(part))
                loss.backward()  # type: ignore[no-untyped-call]
            found.append([p.grad.clone() for p in policy.parameters() if p.grad is not None])
        assert any(g.abs().sum() > 0 for g in found[0])
        for other in found[:2]:
            for g, whole in zip(other, found[2], strict=True):
                torch.testing.assert_close(g, whole, atol=1e-5, rtol=1e-4)


def plain_means(rows: list[Row], domains: list[int], groups: int, penalty: Any) -> dict[str, float]:
    """Of the pairs, written out."""
    of = {r.group: d for r, d in zip(rows, domains, strict=True)}
    h = {n: reference.margin(rows, n, "new") for n in of}
    out = {"margin": fmean(h.values()), "accuracy": fmean(x > 0 for x in h.values())}
    for g in sorted(set(domains)) if groups > 1 else ():
        own = [h[n] for n, d in of.items() if d == g]
        out[f"loss/{g}"] = fmean(penalty(x)[0] for x in own)
        out[f"accuracy/{g}"] = fmean(x > 0 for x in own)
    return out


@pytest.mark.parametrize("name", PAIRS)
def test_in_the_metrics_every_pair_counts_the_same(name: str) -> None:
    settings = SETTINGS[name][1]
    for seed in range(20):
        rows, domains, sizes = random_pairs(seed)
        together = sorted(range(len(rows)), key=lambda i: rows[i].group)
        rows, domains = [rows[i] for i in together], [domains[i] for i in together]
        algorithm = make(name, **settings)
        b, new = to_pairs(rows, domains, sizes)
        b = algorithm.prepare(b)
        expected = plain_means(
            rows, domains, len(sizes), lambda h: PENALTY[name.removeprefix("gr_")](h, settings["beta"])
        )
        for tokens in (1, 20, 10**6):
            sums: dict[str, float] = {}
            for part in micro_batches(b, tokens, whole_groups=True):
                _, metrics = algorithm.loss(Forward(new.logp[part], new.entropy[part], new.value[part]), b.rows(part))
                for key, value in metrics.items():
                    sums[key] = sums.get(key, 0.0) + float(value)
            assert algorithm.means(sums, b) == pytest.approx(expected, rel=1e-9)


def test_a_group_whose_weight_has_vanished_still_has_metrics() -> None:
    """Group 1 is so much worse that the weight of group 0 underflows float32, and the loss forgets it."""
    algorithm = make("gr_dpo", eta=300.0)
    b, new = to_pairs(*three(2.0, 3.0, -4.0), dtype=torch.float32)
    b = algorithm.prepare(b)
    assert float(b.weight[b.domain == 0].abs().max()) == 0
    _, metrics = algorithm.loss(new, b)
    means = algorithm.means({name: float(value) for name, value in metrics.items()}, b)
    losses = [math.log1p(math.exp(-h)) for h in (2.0, 3.0, -4.0)]
    assert means == pytest.approx(
        {
            **{"margin": 1 / 3, "accuracy": 2 / 3, "accuracy/0": 1.0, "accuracy/1": 0.0},
            **{"loss/0": (losses[0] + losses[1]) / 2, "loss/1": losses[2]},
        }
    )
    alone = algorithm.prepare(b.rows([0, 1, 2, 3]))  # a step without any weight
    _, metrics = algorithm.loss(Forward(new.logp[:4], new.entropy[:4], new.value[:4]), alone)
    means = algorithm.means({name: float(value) for name, value in metrics.items()}, alone)
    assert means == pytest.approx({"margin": 2.5, "accuracy": 1.0, "accuracy/0": 1.0, "loss/0": sum(losses[:2]) / 2})


# The interface.


def test_episodes_are_no_pairs() -> None:
    b, _ = to_batch([row(".x", 1.0), row(".x", 0.0, trajectory=1)])
    for name in PAIRS:
        with pytest.raises(ValueError, match="learns from preference pairs, not from episodes"):
            make(name).prepare(b)


def test_needs() -> None:
    assert make("dpo").needs == make("ipo").needs == {"pairs", "ref"}
    assert make("gr_dpo").needs == make("gr_ipo").needs == {"pairs", "ref", "logp"}


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("dpo", {"beta": 0.0}, "beta=0.0 must be a finite number above 0"),
        ("ipo", {"beta": math.nan}, "beta=nan"),
        ("gr_dpo", {"beta": math.inf}, "beta=inf"),
        ("gr_ipo", {"eta": -1.0}, "eta=-1.0 must be at least 0"),
        ("gr_dpo", {"eta": math.inf}, "eta=inf must be a finite number"),
        ("gr_dpo", {"chi": 1.5}, "chi=1.5 must be from 0 to 1"),
        ("dpo", {"weighting": "group"}, "did you mean 'groups'"),
        ("gr_ipo", {"etta": 1.0}, "unknown key 'etta'; did you mean 'eta' or 'beta'"),
        ("gr_ipo", {"log_alpha": 1.0}, "unknown key 'log_alpha'"),
    ],
)
def test_bad_settings_are_one_clear_line(name: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make(name, **settings)
