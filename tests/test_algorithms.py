"""Every algorithm against a second implementation, in micro-batches, and whatever the layout of its batch."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import reference_algorithms as reference
import reference_matching as matching
import reference_policy_gradient as more
import torch
from torch import Tensor
from toy_batches import Row, ToyPolicy, gradients, group_of, make, random_rows, to_batch
from toy_pairs import EPISODIC as ALGORITHMS

from ludex.agents.algorithms import algorithm_class, ops
from ludex.agents.algorithms.base import Algorithm, Forward
from ludex.agents.algorithms.corpo import CoRPO
from ludex.agents.algorithms.dapo import DAPO
from ludex.agents.algorithms.dr_grpo import DrGRPO
from ludex.agents.algorithms.grpo import GRPO
from ludex.agents.algorithms.ppo import PPO
from ludex.agents.algorithms.rloo import RLOO
from ludex.agents.algorithms.sft import SFT
from ludex.agents.batch import Batch
from ludex.config import ConfigError

pytestmark = pytest.mark.filterwarnings("ignore:corpo")

REFERENCE = reference.REFERENCE | more.MORE | {"alpha_dpg": matching.alpha_dpg}

# Settings off the defaults, so that every hyper-parameter matters in the comparisons below.
SETTINGS: dict[str, dict[str, Any]] = {
    "alpha_dpg": {"alpha": 0.0, "limit": 1.5, "z_empty": 0.01, "max_tokens": 10},
    "cispo": {"low": 0.8, "high": 1.28, "ddof": 0, "eps": 1e-3},
    "corpo": {"clip": 0.15, "max_tokens": 50},
    "dapo": {"clip_low": 0.1, "clip_high": 0.3, "max_length": 7, "cache": 4, "ddof": 0, "eps": 1e-3},
    "dr_grpo": {"clip": 0.3, "max_tokens": 10},
    "ds_grpo": {"gamma_correct": 0.3, "gamma_wrong": 0.2, "clip_low": 0.1, "clip_high": 0.3, "entropy": 0.2, "ddof": 0},
    "gigpo": {"omega": 0.7, "gamma": 0.8, "scale": "std", "clip": 0.1, "beta": 0.3, "ddof": 0, "eps": 1e-3},
    "grpo": {"clip": 0.1, "beta": 0.3},
    "gspo": {"clip_low": 0.1, "clip_high": 0.15, "ddof": 0, "eps": 1e-3},
    "gtpo": {"gamma": 0.2, "boost": 1.5, "threshold": 1.0},
    "ppo": {"clip": 0.1, "value_clip": 0.4, "value_weight": 0.7, "entropy": 0.3, "gamma": 0.9, "lam": 0.8, "beta": 0.2},
    "reinforce_pp": {"clip": 0.1, "gamma": 0.9, "beta": 0.2, "kl": "k3"},
    "rloo": {"clip": 0.4, "beta": 0.2},
    "sft": {},
}


# Settings that select another branch of the formula.
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("ds_grpo", {"mode": "pre", "gamma_correct": 0.3}),
    ("ds_grpo", {"logprob": "sum", "gamma_wrong": 0.3}),
    ("gigpo", {"beta": 0.0}),
    ("gtpo", {"overlap": "product", "divide": True, "initial_rule": False, "threshold": 1.0}),
    ("gtpo", {"skip_equal": True, "initial_rule": False, "threshold": 1.2}),
    ("ppo", {"level": "turn", "gamma": 0.9, "lam": 0.8}),
    ("reinforce_pp", {"baseline": "group", "kl": "k2", "kl_in": "loss", "beta": 0.3}),
    ("reinforce_pp", {"baseline": "group", "kl": "k2"}),
    ("reinforce_pp", {"kl": "k3", "kl_in": "loss", "beta": 0.3, "gamma": 0.9}),
]


def compare(name: str, settings: dict[str, Any], rows: Sequence[Row]) -> None:
    expected = REFERENCE[name](rows, **settings)
    algorithm = make(name, **settings)
    b, new = to_batch(rows)
    b = algorithm.prepare(b)
    loss, found = gradients(algorithm, b, new)
    assert float(loss) == pytest.approx(expected.loss, abs=1e-9, rel=1e-9)
    tables = [expected.d_logp, expected.d_value, expected.d_entropy, expected.adv]
    for tensor, table in zip([*found, b.adv], tables, strict=True):
        dense = torch.zeros_like(tensor)
        for at, number in table.items():
            dense[at] = number
        torch.testing.assert_close(tensor, dense, atol=1e-9, rtol=1e-9)


# Against the second implementation.


@pytest.mark.parametrize("name", ALGORITHMS)
def test_agrees_with_the_second_implementation(name: str) -> None:
    for seed in range(200):
        compare(name, SETTINGS[name] if seed % 2 else {}, random_rows(seed))


@pytest.mark.parametrize(("name", "settings"), VARIANTS)
def test_every_variant_agrees_with_the_second_implementation(name: str, settings: dict[str, Any]) -> None:
    for seed in range(60):
        compare(name, settings, random_rows(seed))


@pytest.mark.slow
@pytest.mark.parametrize("name", ALGORITHMS)
def test_agrees_on_a_thousand_batches(name: str) -> None:
    for seed in range(1000, 2000):
        compare(name, SETTINGS[name] if seed % 2 else {}, random_rows(seed))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "settings"), VARIANTS)
def test_every_variant_agrees_on_a_thousand_batches(name: str, settings: dict[str, Any]) -> None:
    for seed in range(1000, 2000):
        compare(name, settings, random_rows(seed))


@pytest.mark.parametrize("name", ["gigpo", "grpo", "ppo", "reinforce_pp", "rloo"])
def test_agrees_without_a_reference_model(name: str) -> None:
    for seed in range(20):
        compare(name, {"beta": 0.0}, random_rows(seed))


@pytest.mark.parametrize("name", sorted(ALGORITHMS.keys() - {"cispo", "gtpo"}))  # theirs is not their loss's
def test_the_second_implementation_has_the_gradient_of_its_loss(name: str) -> None:
    kinds = {"new": "d_logp", "new_value": "d_value", "entropy": "d_entropy"}
    h = 1e-6
    for seed in range(3):
        rows, settings = random_rows(seed), SETTINGS[name]
        result = REFERENCE[name](rows, **settings)
        for i, t in reference.sampled(rows):
            for attribute, table in kinds.items():
                numbers = getattr(rows[i], attribute)
                sides = []
                for step in (h, -h):
                    numbers[t] += step
                    sides.append(REFERENCE[name](rows, **settings).loss)
                    numbers[t] -= step
                slope = (sides[0] - sides[1]) / (2 * h)
                assert slope == pytest.approx(getattr(result, table).get((i, t), 0.0), abs=1e-7)


# What a batch looks like must not matter.


@pytest.mark.parametrize("name", ALGORITHMS)
def test_padding_and_what_lies_under_the_mask_change_nothing(name: str) -> None:
    for seed in range(10):
        algorithm, rows = make(name, **SETTINGS[name]), random_rows(seed)
        b, new = to_batch(rows)
        loss, found = gradients(algorithm, algorithm.prepare(b), new)
        width = b.mask.shape[1]
        b, new = to_batch(rows, pad=4)
        noise = torch.randn((7, *b.mask.shape), generator=torch.Generator().manual_seed(seed)).double()
        hidden = b.mask == 0
        end = torch.zeros_like(hidden).scatter_(1, b.length[:, None], True)
        b = b.with_(
            old_logp=torch.where(hidden, noise[0], b.old_logp),
            ref_logp=torch.where(hidden, noise[1], b.ref_logp),
            value=torch.where(hidden & ~end, noise[2], b.value),
            entropy=torch.where(hidden, noise[6], b.entropy),
            tokens=torch.where(hidden, 6 - b.tokens, b.tokens),
        )
        now = (new.logp, new.entropy, new.value)
        forward = Forward(*(torch.where(hidden, n, x).detach() for n, x in zip(noise[3:6], now, strict=True)))
        for tensor in (forward.logp, forward.entropy, forward.value):
            tensor.requires_grad_()
        padded, wide = gradients(algorithm, algorithm.prepare(b), forward)
        assert float(padded) == pytest.approx(float(loss))
        for narrow, broad in zip(found, wide, strict=True):
            torch.testing.assert_close(broad[:, :width], narrow)
            assert not broad[:, width:].any()
            assert not broad[hidden].any()


@pytest.mark.parametrize("name", ALGORITHMS)
def test_the_order_of_rows_changes_nothing(name: str) -> None:
    for seed in range(10):
        algorithm, rows = make(name, **SETTINGS[name]), random_rows(seed)
        order = random.Random(seed).sample(range(len(rows)), len(rows))
        (b, new), (b2, new2) = to_batch(rows), to_batch([rows[i] for i in order])
        loss, found = gradients(algorithm, algorithm.prepare(b), new)
        loss2, found2 = gradients(algorithm, algorithm.prepare(b2), new2)
        assert float(loss2) == pytest.approx(float(loss))
        for one, two in zip(found, found2, strict=True):
            torch.testing.assert_close(two, one[order])


ROW_RATIO = ("gspo", "rloo")  # one importance ratio for each row


def split(whole: Row, at: int) -> list[Row]:
    """The same sampled tokens in two rows; the second has an observation of its own before them."""
    sequences = ("sampled", "reward", "old", "new", "ref", "value", "new_value", "entropy", "tokens")
    head = {name: getattr(whole, name)[:at] for name in sequences}
    tail = {name: [0.0] * 3 + getattr(whole, name)[at:] for name in sequences}
    tail["sampled"] = [False] * 3 + whole.sampled[at:]
    for name in ("step", "state"):  # -1 where nothing was sampled
        head[name], tail[name] = getattr(whole, name)[:at], [-1] * 3 + getattr(whole, name)[at:]
    return [
        replace(whole, **head, turn=0, truncated=False, after=99.0),
        replace(whole, **tail, turn=4),
    ]


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_trajectory_in_two_rows_teaches_what_it_would_in_one(name: str) -> None:
    algorithm = make(name, **SETTINGS[name])
    for seed in range(60):
        rows = [r for r in random_rows(seed) if sum(r.sampled) >= 2]
        rows = [replace(r, trajectory=100 + i) for i, r in enumerate(rows)]  # each a trajectory of its own
        if name in ROW_RATIO:  # its ratio is a row's: the same only on policy
            rows = [replace(r, new=list(r.old)) for r in rows]
        if not rows:
            continue
        cuts = [[t for t, s in enumerate(r.sampled) if s][1] for r in rows]
        b, new = to_batch(rows)
        loss, found = gradients(algorithm, algorithm.prepare(b), new)
        pieces = [part for r, at in zip(rows, cuts, strict=True) for part in split(r, at)]
        b2, new2 = to_batch(pieces)
        b2 = algorithm.prepare(b2)
        loss2, found2 = gradients(algorithm, b2, new2)
        if name not in ROW_RATIO or name == "gspo":
            assert float(loss2) == pytest.approx(float(loss))
        for one, two in zip(found, found2, strict=True):
            for i, at in enumerate(cuts):
                torch.testing.assert_close(two[2 * i, :at], one[i, :at])
                n = len(rows[i].sampled) - at
                torch.testing.assert_close(two[2 * i + 1, 3 : 3 + n], one[i, at : at + n])


def toy_gradient(algorithm: Algorithm, policy: ToyPolicy, b: Batch, size: int) -> tuple[list[Tensor], dict[str, float]]:
    policy.zero_grad()
    sums: dict[str, float] = {}
    for start in range(0, len(b), size):
        part = b.rows(list(range(start, min(start + size, len(b)))))
        loss, metrics = algorithm.loss(policy(part), part)
        loss.backward()  # type: ignore[no-untyped-call]
        for name, value in {"loss": loss, **metrics}.items():
            sums[name] = sums.get(name, 0.0) + float(value.detach())
    return [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in policy.parameters()], sums


@pytest.mark.parametrize("name", ALGORITHMS)
def test_micro_batches_add_up(name: str) -> None:
    for seed in range(10):
        algorithm, policy = make(name, **SETTINGS[name]), ToyPolicy()
        b = algorithm.prepare(policy.sample_facts(to_batch(random_rows(seed), dtype=torch.float32)[0]))
        whole, sums = toy_gradient(algorithm, policy, b, len(b))
        for size in (1, 2):
            parts, partial = toy_gradient(algorithm, policy, b, size)
            for one, many in zip(whole, parts, strict=True):
                torch.testing.assert_close(many, one, atol=1e-6, rtol=1e-6)
            assert partial == pytest.approx(sums, abs=1e-6, rel=1e-5)
    assert all(one.abs().sum() > 0 for one in whole[:2])


def test_the_entropy_bonus_has_a_gradient() -> None:
    policy = ToyPolicy()
    facts = policy.sample_facts(to_batch(random_rows(4), dtype=torch.float32)[0])
    without, bonus = PPO(), PPO(entropy=0.5)
    b = without.prepare(facts)
    plain, _ = toy_gradient(without, policy, b, len(b))
    pushed, _ = toy_gradient(bonus, policy, b, len(b))
    policy.zero_grad()
    mean_entropy = (policy(b).entropy * b.mask).sum() / b.mask.sum()
    mean_entropy.backward()
    for one, two, p in zip(plain[:2], pushed[:2], (policy.embed, policy.head), strict=True):
        assert p.grad is not None
        torch.testing.assert_close(two - one, -0.5 * p.grad, atol=1e-6, rtol=1e-5)
    assert plain[0].ne(pushed[0]).any()


# The interface.


def test_needs_follow_the_settings() -> None:
    assert SFT().needs == {"oracle"}
    assert DrGRPO().needs == DAPO().needs == CoRPO().needs == frozenset()
    for cls, always in ((GRPO, set()), (RLOO, set()), (PPO, {"value"})):
        assert cls(beta=0.0).needs == always
        assert cls(beta=0.1).needs == always | {"ref"}
    assert PPO(beta=0.0, entropy=0.01).needs == {"value", "entropy"}


@pytest.mark.parametrize("name", ["grpo", "ppo", "rloo"])
def test_what_nobody_filled_in_fails_at_the_first_step(name: str) -> None:
    b, new = to_batch(group_of([1.0, 0.0]))
    algorithm = make(name, beta=0.1)
    b = algorithm.prepare(b.with_(ref_logp=torch.full_like(b.mask, torch.nan)))
    assert algorithm.loss(new, b)[0].isnan()


@pytest.mark.parametrize("name", ALGORITHMS)
def test_weights_and_advantages_have_the_shape_of_the_mask_and_no_gradient(name: str) -> None:
    b = make(name).prepare(to_batch(random_rows(2))[0])
    for tensor in (b.adv, b.weight):
        assert tensor.shape == b.mask.shape
        assert tensor.isfinite().all()
        assert not tensor.requires_grad
        assert not tensor[b.mask == 0].any()
    assert (b.weight[b.mask > 0] > 0).all()


@pytest.mark.parametrize("name", ["grpo", "ppo", "rloo"])
def test_kl_ref_is_zero_at_the_reference_and_positive_elsewhere(name: str) -> None:
    rows = random_rows(6)
    for shift, sign in ((0.0, 0), (0.4, 1), (-0.4, 1)):
        b, new = to_batch(
            [replace(r, ref=[x + shift * s for x, s in zip(r.new, r.sampled, strict=True)]) for r in rows]
        )
        algorithm = make(name)
        kl = float(algorithm.loss(new, algorithm.prepare(b))[1]["kl_ref"])
        # All tokens differ by the same d, and each weight sums to 1 over the tokens, a row's for RLOO.
        rows_each = len(rows) / int(ops.trajectories(b)) if name == "rloo" else 1
        expected = rows_each * (2.718281828459045**shift - 1 - shift)
        assert kl == pytest.approx(expected, abs=1e-12)
        assert (kl > 0) == bool(sign)


@pytest.mark.parametrize("name", sorted(ALGORITHMS))
def test_a_loss_stays_on_its_device(name: str) -> None:
    """The meta device has shapes and no values: what is read from it fails, and so does what lies elsewhere."""
    algorithm = make(name)
    b, new = to_batch(random_rows(3))
    there = Forward(*(x.detach().to("meta").requires_grad_() for x in (new.logp, new.entropy, new.value)))
    loss, metrics = algorithm.loss(there, algorithm.prepare(b).to("meta"))
    loss.backward()  # type: ignore[no-untyped-call]
    assert {x.device.type for x in (loss, *metrics.values())} == {"meta"}


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("grpo", {"beta": -0.1}, "beta=-0.1 must be at least 0"),
        ("ppo", {"lam": float("nan")}, "lam=nan"),
        ("rloo", {"clip": -1.0}, "clip=-1.0"),
        ("dr_grpo", {"max_tokens": 0}, "max_tokens=0 must be at least 1"),
        ("corpo", {"max_tokens": 0}, "max_tokens=0 must be at least 1"),
        ("dapo", {"max_length": 10, "cache": 20}, "max_length=10 must be at least 20"),
        ("dapo", {"cache": 0}, "cache=0 must be at least 1"),
        ("corpo", {"rmin": 0.5}, "unknown key 'rmin'; did you mean 'r_min'"),
        ("sft", {"clip": 0.5}, "unknown key 'clip'"),
    ],
)
def test_bad_settings_are_one_clear_line(name: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make(name, **settings)


def test_an_unknown_algorithm_suggests() -> None:
    with pytest.raises(KeyError, match="did you mean 'rloo'"):
        algorithm_class("rlo")
