"""A loss and its gradient by every weight of a model, and whether two implementations agree on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor


@dataclass
class Found:
    """What a loss and its gradient by every weight come to."""

    loss: float
    gradient: Tensor


def differentiate(model: Any, loss: Tensor) -> Found:
    model.zero_grad()
    loss.backward()
    found = torch.cat([weight.grad.flatten() for weight in model.parameters()])
    model.zero_grad()
    return Found(float(loss.detach()), found.clone())


def agree(ours: Found, theirs: Found, times: float = 1.0) -> None:
    """Theirs is `times` ours, to 1e-5 of the gradient's length."""
    assert ours.gradient.norm() > 1e-3
    assert float((times * ours.gradient - theirs.gradient).norm()) < 1e-5 * float(theirs.gradient.norm())
    assert theirs.loss == pytest.approx(times * ours.loss, rel=1e-5, abs=1e-6)


def differ(ours: Found, theirs: Found) -> None:
    assert float((ours.gradient - theirs.gradient).norm()) > 1e-2 * float(theirs.gradient.norm())


def shake(model: Any, scale: float, seed: int) -> None:
    """Noise on all weights, so that a policy has moved since it sampled."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            weight += scale * torch.randn(weight.shape, generator=generator)
