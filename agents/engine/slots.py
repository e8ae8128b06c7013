"""Keys and values of many conversations side by side, each in a slot of its own that fills at its own pace.

transformers' own caches let all rows grow together, and copy everything when a
row leaves or joins. Here a slot is overwritten by whoever comes next, its
neighbours never move, and the memory stays where it is, so that captured CUDA
graphs remain valid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin, DynamicCache, DynamicLayer, DynamicSlidingWindowLayer


@dataclass(frozen=True)
class Plan:
    """What the next forward pass writes, and what it attends to.

    Attributes:
        rows: int [R], the slots of its rows.
        position: int [R, N], where its tokens lie in their slots.
        live: tokens to attend to from the slots' start; 0 where nothing lies before this pass.
        front: the rows are the first R slots, which can be read without a copy.
    """

    rows: Tensor
    position: Tensor
    live: int = 0
    front: bool = False


@dataclass
class Layout:
    """What all layers have in common. They hold this rather than the whole cache: no cycle keeps memory alive."""

    slots: int = 0
    length: int = 0
    plan: Plan | None = None


class SlotLayer(CacheLayerMixin):
    """One layer's keys and values, [S, heads, L, size]."""

    def __init__(self, layout: Layout):
        super().__init__()
        self._layout = layout

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Zeros rather than whatever the memory holds: a masked NaN would still spoil the sum."""
        rows, length = self._layout.slots, self._layout.length
        self.keys, self.values = (x.new_zeros(rows, x.shape[1], length, x.shape[3]) for x in (key_states, value_states))
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Write the new keys and values [R, heads, N, size] where the plan says; all that may be attended to."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        plan = self._layout.plan
        assert plan is not None
        where = (plan.rows[:, None], slice(None), plan.position)
        self.keys[where], self.values[where] = key_states.transpose(1, 2), value_states.transpose(1, 2)
        if not plan.live:
            return key_states, value_states
        rows = slice(0, len(plan.rows)) if plan.front else plan.rows
        return self.keys[rows, :, : plan.live], self.values[rows, :, : plan.live]

    def resize(self) -> None:
        """As many slots, and as long ones, as the layout has by now."""
        if self.is_initialized:
            old = self.keys, self.values
            self.lazy_initialization(*old)
            for new, states in zip((self.keys, self.values), old, strict=True):
                new[: states.shape[0], :, : states.shape[2]] = states

    def copy(self, source: Tensor, target: Tensor, length: int) -> None:
        """Slots `target` become copies of slots `source`."""
        for states in (self.keys, self.values):
            states[target, :, :length] = states[source, :, :length]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Asked only of prompts, which attend to themselves; every other pass brings its mask."""
        return query_length, 0

    def get_seq_length(self) -> int:
        """As above."""
        return 0

    def get_max_length(self) -> int:
        """Grows with what comes."""
        return -1


class Slots(Cache):
    """All layers of a model.

    Raises:
        ValueError: for a model that keeps anything but keys and values.
    """

    def __init__(self, config: Any):
        self.windows = [_window(layer) for layer in DynamicCache(config=config).layers] or [0]
        self.added = config._attn_implementation == "eager"  # to the scores; all others understand a bool
        self.kinds = list(getattr(config.get_text_config(), "layer_types", None) or [])
        self.layout = Layout()
        if "local" in getattr(config, "attention_layers", ()):  # GPT-Neo windows its attention without a word to caches
            raise ValueError("GPTNeoForCausalLM cannot be sampled here; ludex eval can ask a server (openai:URL#model)")
        super().__init__(layers=[SlotLayer(self.layout) for _ in range(config.get_text_config().num_hidden_layers)])

    def fit(self, rows: int, length: int) -> bool:
        """Make room for so many slots of such a length; whether anything had to move."""
        layout = self.layout
        if rows <= layout.slots and length <= layout.length:
            return False
        layout.slots, layout.length = max(rows, layout.slots), max(length, layout.length)
        for layer in self.layers:
            layer.resize()
        return True

    def copy(self, source: Sequence[int] | Tensor, target: Sequence[int] | Tensor, length: int) -> None:
        """Slots `target` become copies of slots `source`, up to `length` tokens; the two may overlap."""
        for layer in self.layers:
            layer.copy(torch.as_tensor(source), torch.as_tensor(target), length)

    def mask(self, position: Tensor, live: int, dtype: torch.dtype) -> Any:
        """What tokens at `position` [R, N] see, [R, 1, N, live]; by the kind of layer where kinds differ.

        A bool, or for attention that adds its mask to the scores, 0 or the least number of `dtype`.
        """
        key = torch.arange(live, device=position.device)
        past = key <= position[:, None, :, None]
        masks = {w: past & (key > position[:, None, :, None] - w) if w else past for w in set(self.windows)}
        if self.added:
            least = torch.finfo(dtype).min
            masks = {w: torch.zeros_like(seen, dtype=dtype).masked_fill_(~seen, least) for w, seen in masks.items()}
        if len(masks) == 1:
            return masks[self.windows[0]]
        return {kind: masks[window] for kind, window in zip(self.kinds, self.windows, strict=True)}


def _window(layer: Any) -> int:
    """How many tokens a layer looks back, itself included; 0 for all."""
    if type(layer) is DynamicLayer:
        return 0
    if isinstance(layer, DynamicSlidingWindowLayer):
        return int(layer.sliding_window)
    raise ValueError(
        f"the model keeps a {type(layer).__name__} from token to token, not only keys and values; "
        "ludex eval can ask a server that runs it (openai:URL#model)"
    )
