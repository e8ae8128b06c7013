"""Weights in bfloat16, learning in float32.

Sampling and learning run on the very same bfloat16 weights. What the optimiser
steps are float32 copies of them ("master weights"), because most updates are
smaller than a bfloat16's last bit. Gradients are added up in float32 too, each
as soon as the backward pass is done with its parameter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def cast(model: nn.Module, dtype: str) -> None:
    """Turn a model's parameters into `dtype` where they are; its buffers, rotary frequencies say, stay exact."""
    for parameter in model.parameters():
        parameter.data = parameter.data.to(DTYPES[dtype])


class Masters:
    """What an optimiser steps: the trainable float32 parameters of a module, and float32 copies of all others.

    A module has one of these at a time: the first takes the gradients away.

    Attributes:
        named: by the name of the module's parameter.
    """

    def __init__(self, module: nn.Module):
        self.named: dict[str, nn.Parameter] = {}
        self._weights: list[Tensor] = []  # that have a copy
        self._copies: list[Tensor] = []
        for name, weight in module.named_parameters():
            if not weight.requires_grad:
                continue
            self.named[name] = weight
            if weight.dtype != torch.float32:
                self.named[name] = nn.Parameter(weight.detach().float())
                self._weights.append(weight)
                self._copies.append(self.named[name])
                weight.register_post_accumulate_grad_hook(_hand_over(self.named[name]))  # type: ignore[no-untyped-call]

    @torch.no_grad()
    def publish(self) -> None:
        """Round the copies into the module's weights, in place: captured CUDA graphs hold their addresses."""
        if self._weights:
            torch._foreach_copy_(self._weights, self._copies)

    def state_dict(self) -> list[Tensor]:
        """The copies; empty if every parameter is float32."""
        return [copy.detach() for copy in self._copies]

    @torch.no_grad()
    def load_state_dict(self, state: Sequence[Tensor]) -> None:
        """Take back what `state_dict` gave; ValueError if that was of another precision."""
        if len(state) != len(self._copies):
            raise ValueError(
                f"a checkpoint with {len(state)} float32 master weights does not fit a policy that needs "
                f"{len(self._copies)}; compute.dtype must be what it was"
            )
        for copy, saved in zip(self._copies, state, strict=True):
            copy.copy_(saved)
        self.publish()


def _hand_over(master: nn.Parameter) -> Callable[[Any], None]:
    """A hook that adds a parameter's gradient to its master's and frees it."""

    def hook(weight: Any) -> None:
        if master.grad is None:
            master.grad = weight.grad.float()
        else:
            master.grad += weight.grad
        weight.grad = None

    return hook
