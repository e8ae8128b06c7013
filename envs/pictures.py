"""Tasks with a picture, as environments: the observation is {"text": prompt, "image": pixels}."""

from __future__ import annotations

import io
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from ludex.envs.core import TaskEnv
from ludex.envs.spaces import FreeText

SIDE = 560  # pixels; every picture is square and of this size


def pixels(png: bytes) -> NDArray[np.uint8]:
    """A PNG as an array [SIDE, SIDE, 3]."""
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


class PictureEnv(TaskEnv):
    """A TaskEnv whose source takes `observation=`: with "text" the plain prompt, else a Dict of text and image."""

    def __init__(self, source: Any, max_length: int = 1_000_000):
        super().__init__(source, max_length)
        self.pictures = source.options.get("observation", "image") != "text"
        if self.pictures:
            image = gymnasium.spaces.Box(0, 255, (SIDE, SIDE, 3), np.uint8)
            spaces = {"text": FreeText(max_length), "image": image}
            self.observation_space: Any = gymnasium.spaces.Dict(spaces)

    def begin(self) -> tuple[Any, dict[str, Any]]:
        """The prompt, with its picture if the source shows one."""
        return self._observe(self.task.prompt, self.task.images), {}

    def step(self, action: str) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Judge the response; the episode is over, and its last observation is empty and black."""
        text, *rest = super().step(action)
        return self._observe(text, ()), *rest

    def _observe(self, text: str, images: tuple[bytes, ...]) -> Any:
        if not self.pictures:
            return text
        return {"text": text, "image": pixels(images[0]) if images else np.zeros((SIDE, SIDE, 3), np.uint8)}
