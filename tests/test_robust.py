"""Group robustness: the mirror steps of the weights, their invariants, and the closed form of GR-IPO."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

import pytest
import reference_preferences as reference
import torch
from toy_batches import gradients, make
from toy_pairs import pair, random_pairs, three, to_pairs

from ludex.agents.algorithms.gr_dpo import GRDPO
from ludex.agents.algorithms.gr_ipo import GRIPO, fit, fit_robust
from ludex.agents.algorithms.preference import Preference
from ludex.agents.algorithms.robust import GroupRobust, ascend


def test_the_weights_by_hand() -> None:
    # L_0 = 8/6 (1 + 4)/3 = 20/9, L_1 = 8/2 9/3 = 12; eta 0.1 raises alpha_1/alpha_0 by exp(0.1 (12 - 20/9)).
    algorithm = GRIPO(beta=0.5, eta=0.1)
    b, new = to_pairs(*three(2.0, 3.0, 4.0))
    prepared = algorithm.prepare(b)
    ratio = math.exp(0.1 * (12 - 20 / 9))
    alpha = [1 / (1 + ratio), ratio / (1 + ratio)]
    assert algorithm.alpha.tolist() == pytest.approx(alpha)
    loss, _ = algorithm.loss(new, prepared)
    assert float(loss.detach()) == pytest.approx(alpha[0] * 20 / 9 + alpha[1] * 12)  # with the new weights
    assert {k: float(v) for k, v in algorithm.statistics(prepared).items()} == pytest.approx(
        {"alpha/0": alpha[0], "alpha/1": alpha[1]}
    )
    algorithm.prepare(b)
    assert float(algorithm.alpha[1] / algorithm.alpha[0]) == pytest.approx(ratio**2)


def test_mirror_steps_stay_on_the_simplex_and_follow_differences_only() -> None:
    generator = torch.Generator().manual_seed(0)
    for k in (1, 2, 5):
        log_alpha = torch.randn(k, generator=generator, dtype=torch.float64).log_softmax(0)
        for scale in (1e-3, 1.0, 1e5):  # the losses of IPO reach 1e5
            losses = torch.rand(k, generator=generator, dtype=torch.float64) * scale
            after = ascend(log_alpha, losses, 0.7)
            assert float(after.exp().sum()) == pytest.approx(1)
            assert after.isfinite().all()
            torch.testing.assert_close(ascend(log_alpha, losses + 31.0, 0.7), after, rtol=1e-9, atol=1e-9)
            torch.testing.assert_close(after - after[0], log_alpha - log_alpha[0] + 0.7 * (losses - losses[0]))
            torch.testing.assert_close(ascend(log_alpha, torch.full((k,), 3.3).double(), 0.7), log_alpha)
            torch.testing.assert_close(ascend(log_alpha, losses, 0.0), log_alpha)


@pytest.mark.parametrize("cls", [GRDPO, GRIPO])
def test_without_a_step_the_robust_loss_is_the_mean_of_group_means(cls: type[GroupRobust]) -> None:
    for settings in ({"eta": 0.0}, {"eta": 3.0, "chi": 0.0}):
        for seed in range(10):
            rows, domains, sizes = random_pairs(seed)
            name = "dpo" if cls is GRDPO else "ipo"
            fair, algorithm = make(name, beta=0.3, weighting="groups"), cls(beta=0.3, **settings)  # type: ignore[call-arg]
            b, new = to_pairs(rows, domains, sizes)
            one, two = gradients(fair, fair.prepare(b), new), gradients(algorithm, algorithm.prepare(b), new)
            assert float(one[0]) == pytest.approx(float(two[0]))
            torch.testing.assert_close(one[1][0], two[1][0])


@pytest.mark.parametrize("name", ["gr_dpo", "gr_ipo"])
def test_relabelling_the_groups_permutes_everything(name: str) -> None:
    rows, domains, sizes = random_pairs(next(s for s in range(99) if len(random_pairs(s)[2]) == 4))
    order = [2, 0, 3, 1]  # group g is now called order[g]
    one, two = make(name, eta=0.2), make(name, eta=0.2)
    b, new = to_pairs(rows, domains, sizes)
    b2, new2 = to_pairs(rows, [order[d] for d in domains], [sizes[order.index(i)] for i in range(4)])
    found, other = gradients(one, one.prepare(b), new), gradients(two, two.prepare(b2), new2)
    torch.testing.assert_close(found[1][0], other[1][0])
    assert isinstance(one, GroupRobust)
    assert isinstance(two, GroupRobust)
    assert one.alpha.tolist() == pytest.approx([float(two.alpha[order[g]]) for g in range(4)])


@pytest.mark.parametrize("name", ["gr_dpo", "gr_ipo"])
def test_single_pairs_average_to_the_weighted_group_means(name: str) -> None:
    """Over all pairs of the data, drawn one by one, the gradient is that of sum_g alpha_g mean_g."""
    sizes, beta, alpha = [3, 1, 2], 0.4, [0.2, 0.5, 0.3]
    domains = [0, 0, 0, 1, 2, 2]
    rng = random.Random(1)
    margins = [rng.uniform(-2, 2) for _ in domains]
    slope = reference.dpo_penalty if name == "gr_dpo" else reference.ipo_penalty
    for i, h in enumerate(margins):
        algorithm = make(name, beta=beta, eta=0.0)
        algorithm.load_state_dict({"log_alpha": torch.tensor(alpha).double().log()})
        b, new = to_pairs(pair((h, 0.0), (0.0, 0.0)), [domains[i]] * 2, sizes)
        _, (d_logp, *_) = gradients(algorithm, algorithm.prepare(b), new)
        expected = alpha[domains[i]] / sizes[domains[i]] * slope(h, beta)[1]  # this pair's part of the whole
        assert float(d_logp[0, 1]) / 6 == pytest.approx(expected)


def test_a_loss_that_is_not_finite_leaves_the_weights_alone() -> None:
    algorithm = GRDPO()
    b, _ = to_pairs(*three(1.0, -1.0, 0.5))
    algorithm.prepare(b)
    before = algorithm.alpha
    algorithm.prepare(b.with_(old_logp=torch.full_like(b.mask, math.nan)))
    assert torch.equal(algorithm.alpha, before)


def test_the_weights_survive_a_restart_and_belong_to_one_run() -> None:
    one, two = GRDPO(), GRDPO()
    b, _ = to_pairs(*three(1.0, -1.0, 0.5))
    assert one.state_dict() == {}
    one.prepare(b)
    assert two.log_alpha is None
    two.load_state_dict(one.state_dict())
    one.prepare(b)
    two.prepare(b)
    assert torch.equal(one.alpha, two.alpha)


# The closed form.


def random_features(seed: int, k: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    group = torch.tensor([g for g in range(k) for _ in range(5 + 7 * g)])
    return torch.randn(len(group), 4, generator=generator, dtype=torch.float64) + 0.3, group


def objective(theta: torch.Tensor, s: torch.Tensor, group: torch.Tensor, alpha: Sequence[float], beta: float) -> Any:
    losses = [((s[group == g] @ theta - 0.5 / beta) ** 2).mean() for g in range(len(alpha))]
    return sum(a * x for a, x in zip(alpha, losses, strict=True))


def test_the_closed_form_is_where_the_weighted_loss_has_no_slope() -> None:
    for seed in range(5):
        s, group = random_features(seed)
        alpha = [0.2, 0.5, 0.3]
        theta = fit(s, group, torch.tensor(alpha, dtype=torch.float64), beta=0.1).requires_grad_()
        objective(theta, s, group, alpha, 0.1).backward()
        assert theta.grad is not None
        assert float(theta.grad.abs().max()) < 1e-8
        ridged = fit(s, group, torch.tensor(alpha, dtype=torch.float64), beta=0.1, ridge=0.7).requires_grad_()
        (objective(ridged, s, group, alpha, 0.1) + 0.7 * ridged.square().sum()).backward()
        assert ridged.grad is not None
        assert float(ridged.grad.abs().max()) < 1e-8


def test_shares_of_the_pairs_give_plain_least_squares() -> None:
    s, group = random_features(9)
    shares = torch.bincount(group).double() / len(group)
    expected = torch.linalg.lstsq(s, torch.full((len(s), 1), 5.0, dtype=torch.float64)).solution[:, 0]
    torch.testing.assert_close(fit(s, group, shares, beta=0.1), expected)


def test_the_robust_closed_form_follows_its_algorithm() -> None:
    s, group = random_features(2)
    alpha, theta = [1 / 3] * 3, torch.ones(4, dtype=torch.float64)
    for _ in range(20):
        losses = [float(((s[group == g] @ theta - 5) ** 2).mean()) for g in range(3)]
        raised = [a * math.exp(0.05 * x) for a, x in zip(alpha, losses, strict=True)]
        alpha = [a / sum(raised) for a in raised]
        system = sum(a * s[group == g].T @ s[group == g] / int((group == g).sum()) for g, a in enumerate(alpha))
        target = sum(a * s[group == g].mean(0) * 5 for g, a in enumerate(alpha))
        theta = torch.linalg.inv(system) @ target  # type: ignore[arg-type]
    found, weights = fit_robust(s, group, beta=0.1, eta=0.05, steps=20, theta=torch.ones(4, dtype=torch.float64))
    torch.testing.assert_close(found, theta)
    assert weights.tolist() == pytest.approx(alpha)


def test_gradient_steps_of_gr_ipo_reach_the_closed_form() -> None:
    """With fixed weights: the algorithm on a log-linear policy and the linear system have one answer."""
    s, group = random_features(4, k=2)
    b = pairs_of(s, group)
    theta = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    algorithm = GRIPO(beta=0.25, eta=0.0)
    for _ in range(600):
        prepared, logp = scored(algorithm, b, s, theta)
        loss, _ = algorithm.loss(logp, prepared)
        (gradient,) = torch.autograd.grad(loss, theta)
        theta = (theta - 0.05 * gradient).detach().requires_grad_()
    torch.testing.assert_close(
        theta.detach(), fit(s, group, torch.tensor([0.5, 0.5]).double(), 0.25), atol=1e-5, rtol=0
    )


def pairs_of(s: torch.Tensor, group: torch.Tensor) -> Any:
    """Pairs of a log-linear policy: one token a response; the chosen one carries the difference of the features."""
    rows = [r for i in range(len(s)) for r in pair((0.0, 0.0), (0.0, 0.0), i)]
    return to_pairs(rows, group.repeat_interleave(2).tolist(), torch.bincount(group).tolist())[0]


def scored(algorithm: Preference, b: Any, s: torch.Tensor, theta: torch.Tensor) -> Any:
    from ludex.agents.algorithms.base import Forward

    logp = torch.zeros_like(b.mask)
    logp[::2, 1] = s @ theta
    return algorithm.prepare(b.with_(old_logp=logp.detach())), Forward(logp, logp, logp)
