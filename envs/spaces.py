"""A text space for what models write: any string, checked in constant time.

Gymnasium's own `Text` refuses the empty string and every character outside
a declared set, and walks the whole string to find out.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence, Set
from typing import Any

import numpy as np
from gymnasium.error import CustomSpaceError
from gymnasium.spaces import Text
from gymnasium.vector.utils import create_shared_memory

_CODE_POINTS = 0x110000
_SAMPLE_LENGTH = 64


class _AnyCharacter(Set[str]):
    """The set of all characters, without holding them."""

    def __contains__(self, char: object) -> bool:
        return isinstance(char, str) and len(char) == 1

    def __iter__(self) -> Iterator[str]:
        return map(chr, range(_CODE_POINTS))

    def __len__(self) -> int:
        return _CODE_POINTS


class _EveryCharacter(Sequence[str]):
    """The same as a sequence, in code point order."""

    def __getitem__(self, index: Any) -> Any:
        if not 0 <= index < _CODE_POINTS:
            raise IndexError(index)  # ends an iteration
        return chr(int(index))

    def __len__(self) -> int:
        return _CODE_POINTS


class FreeText(Text):
    """Every string of at most `max_length` characters; samples are short printable ASCII."""

    def __init__(
        self, max_length: int = 1_000_000, *, min_length: int = 0, seed: int | np.random.Generator | None = None
    ):
        printable = string.ascii_letters + string.digits + " .,!?-_()<>/\n"
        super().__init__(max_length, min_length=min_length, charset=printable, seed=seed)

    @property
    def character_set(self) -> Any:
        """Every character."""
        return _AnyCharacter()

    @property
    def character_list(self) -> Any:
        """Every character, by code point."""
        return _EveryCharacter()

    @property
    def characters(self) -> str:
        """A name for them all."""
        return "<any>"

    def character_index(self, char: str) -> np.int32:
        """The code point."""
        return np.int32(ord(char))

    def contains(self, x: Any) -> bool:
        """Any string of a permitted length."""
        return isinstance(x, str) and self.min_length <= len(x) <= self.max_length

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        """Short printable text; with a mask or probabilities, what Gymnasium's `Text` draws."""
        if mask is not None or probability is not None:
            return str(super().sample(mask, probability))
        length = int(self.np_random.integers(self.min_length, min(self.max_length, _SAMPLE_LENGTH) + 1))
        return "".join(self._char_list[i] for i in self.np_random.integers(0, len(self._char_list), length))

    def __repr__(self) -> str:
        return f"FreeText({self.min_length}, {self.max_length})"

    def __eq__(self, other: object, /) -> bool:
        return isinstance(other, FreeText) and (self.min_length, self.max_length) == (
            other.min_length,
            other.max_length,
        )

    __hash__ = None  # type: ignore[assignment]


@create_shared_memory.register(FreeText)
def _refuse_shared_memory(space: FreeText, n: int = 1, ctx: Any = None) -> Any:
    """AsyncVectorEnv reads a shared text buffer once and then returns garbage: say so instead."""
    raise CustomSpaceError("free text cannot live in shared memory: pass vector_kwargs={'shared_memory': False}")
