"""Low-rank adapters (LoRA) on a frozen model: merged into its weights for sampling, beside them for learning.

Merging keeps a copy of every weight that it changes and puts it back when
learning goes on, so that no number of merges wears the base model down.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ludex.lookup import MissingExtra

NAME = "default"  # of the adapter, as peft has it


@dataclass(frozen=True)
class LoraSettings:
    """Low-rank adapters, trained instead of the model's own weights."""

    rank: int = 0  # 0 for none
    alpha: float = 32.0  # their product counts alpha / rank times
    targets: tuple[str, ...] = ("all-linear",)  # ends of the names of linear layers, or all but the LM head

    def __post_init__(self) -> None:
        if self.rank < 0:
            raise ValueError(f"rank={self.rank} must be at least 0")
        if not 0 < self.alpha < math.inf:
            raise ValueError(f"alpha={self.alpha} must be positive and finite")
        if not self.targets:
            raise ValueError("targets=() adapts nothing; use rank=0 for no adapters")


class Adapters:
    """The adapters of a model, put in place; its own weights no longer want gradients.

    Args:
        model: a transformers causal LM.
        settings: with a positive rank.
        seed: of the adapters' first values, which change nothing that the model says.

    Raises:
        ValueError: if the model has no such layers.
        MissingExtra: without peft.
    """

    def __init__(self, model: Any, settings: LoraSettings, seed: int = 0):
        try:
            from peft import LoraConfig, get_peft_model
        except ImportError as error:
            raise MissingExtra("lora.rank needs peft: pip install 'ludex[lora]'") from error
        whole = settings.targets == ("all-linear",)
        config = LoraConfig(
            r=settings.rank,
            lora_alpha=settings.alpha,
            target_modules="all-linear" if whole else list(settings.targets),
            task_type="CAUSAL_LM",
        )
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            try:
                # In the weights' own dtype: float32 copies are the optimiser's business.
                self._peft = get_peft_model(model, config, autocast_adapter_dtype=False)
            except ValueError as error:
                reason = str(error).strip().splitlines()[0]
                raise ValueError(f"lora.targets={settings.targets} fit no layer of this model: {reason}") from error
        self._model = model
        self._layers = [layer for layer in model.modules() if hasattr(layer, "get_delta_weight")]
        self._kept: list[Tensor] = []  # the base weights of `_layers`, while adapters are merged into them

    @torch.no_grad()
    def merge(self) -> None:
        """Add the adapters to the base weights, in place, unless they are there already."""
        if self._kept:
            return
        for layer in self._layers:
            weight = layer.get_base_layer().weight
            self._kept.append(weight.detach().clone())
            weight.copy_(weight.float() + layer.get_delta_weight(NAME).float())
            layer.merged_adapters = [NAME]

    @torch.no_grad()
    def unmerge(self) -> None:
        """Put the base weights back, bit for bit."""
        for layer, before in zip(self._layers if self._kept else [], self._kept, strict=True):
            layer.get_base_layer().weight.copy_(before)
            layer.merged_adapters = []
        self._kept = []

    @contextmanager
    def off(self) -> Iterator[None]:
        """The base model alone for the length of a block."""
        self.unmerge()
        with self._peft.disable_adapter():
            yield

    @contextmanager
    def merged_state(self) -> Iterator[dict[str, Tensor]]:
        """The state of a plain model with the adapters merged, by the plain model's names."""
        was_merged = bool(self._kept)
        self.merge()
        state = self._model.state_dict()
        yield {name.replace(".base_layer.", "."): t for name, t in state.items() if ".lora_" not in name}
        if not was_merged:
            self.unmerge()

    def save(self, folder: str | Path) -> None:
        """Write the adapters alone, as peft has them."""
        # "auto" would ask the hub whether the base model's vocabulary has grown.
        self._peft.save_pretrained(str(folder), save_embedding_layers=False)
