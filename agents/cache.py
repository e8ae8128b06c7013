"""A key-value cache for decoding that appends in place.

transformers' own cache concatenates: every new token copies all that came
before it. Here each layer keeps spare room behind its tokens and copies only
when that is used up.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers.cache_utils import DynamicLayer

ROOM = 128  # tokens of spare room at a time


class RoomyLayer(DynamicLayer):
    """The rows `index` of a filled layer, with room for what is decoded next; not for gradients."""

    def __init__(self, layer: Any, index: Tensor):
        super().__init__()
        self.lazy_initialization(layer.keys, layer.values)
        self._hold(layer.keys[index], layer.values[index])

    def _hold(self, keys: Tensor, values: Tensor, room: int = ROOM) -> None:
        """Move to buffers with spare room behind `keys` and `values` [R, heads, T, H]."""
        self._keys, self._values = _roomy(keys, room), _roomy(values, room)
        self._show(keys.shape[2])

    def _show(self, length: int) -> None:
        self.keys, self.values = self._keys[:, :, :length], self._values[:, :, :length]

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Append the keys and values of new tokens; all keys and values."""
        start = self.keys.shape[2]
        length = start + key_states.shape[2]
        if length > self._keys.shape[2]:
            self._hold(self.keys, self.values, length - start + ROOM)
        self._show(length)
        self.keys[:, :, start:], self.values[:, :, start:] = key_states, value_states
        return self.keys, self.values

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep only these rows."""
        length = self.keys.shape[2]
        self._keys, self._values = self._keys[indices], self._values[indices]
        self._show(length)


def _roomy(states: Tensor, room: int) -> Tensor:
    rows, heads, length, size = states.shape
    buffer = states.new_empty(rows, heads, length + room, size)
    buffer[:, :, :length] = states
    return buffer


def for_decoding(cache: Any, index: Tensor) -> Any:
    """The cache with its rows `index`, ready to append to; layers that keep a window stay as they are."""
    for number, layer in enumerate(cache.layers):
        if type(layer) is DynamicLayer:
            cache.layers[number] = RoomyLayer(layer, index)
        else:
            layer.batch_select_indices(index)
    return cache
