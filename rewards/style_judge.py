"""How alike two texts are in style: an encoder of texts, and a calibrated scale for its cosine.

The encoder is a sentence-transformers model (`ludex style train` makes one), or, where none is named, the counted
measure of `stylometry`. A raw cosine is no reward: what it is between works of one author and between strangers
depends on the encoder and on the length of the texts, so a Calibration maps those two to the ends of [0, 1].
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ludex.lookup import MissingExtra, suggest
from ludex.rewards.stylometry import Stylometry

FORMULAS = ("v1", "v2")
CALIBRATION = "calibration.json"  # beside an encoder's weights


class Encoder(Protocol):
    """Texts to vectors."""

    def encode(self, texts: Sequence[str]) -> NDArray[Any]:
        """Unit vectors of the texts, [N, D]."""
        ...


@dataclass(frozen=True)
class Calibration:
    """From a cosine to a reward in [0, 1], by one of the two published formulas (Liu, Bahja, Kovatchev and Lee).

    Attributes:
        formula: "v1" is a sigmoid, clipped to [.05, .95], whose middle lies between the two means; "v2" is a line
            between two quartiles, clipped to [0, 1].
        low: v1: mean cosine of texts of different authors; v2: their 25th percentile.
        high: v1: mean cosine of texts of the same author; v2: their 75th percentile.

    Raises:
        ValueError: for another formula, or if `low` is not below `high`.
    """

    formula: str
    low: float
    high: float

    def __post_init__(self) -> None:
        if self.formula not in FORMULAS:
            raise ValueError(f"no calibration {self.formula!r}; {suggest(self.formula, FORMULAS)}")
        if not self.low < self.high:
            raise ValueError(
                f"calibration {self.formula}: different authors (cosine {self.low:.3f}) must be less alike than one "
                f"author's texts ({self.high:.3f}); this judge does not tell them apart"
            )

    def reward(self, cosine: float) -> float:
        """The reward of a cosine; it never falls as the cosine rises. NaN stays NaN."""
        if math.isnan(cosine):
            return cosine
        if self.formula == "v2":
            return min(1.0, max(0.0, (cosine - self.low) / (self.high - self.low)))
        middle = (self.low + self.high) / 2
        steepness = max(-50.0, -6 * (cosine - middle) / (self.high - self.low))
        return min(0.95, max(0.05, 1 / (1 + math.exp(min(50.0, steepness)))))

    @classmethod
    def fit(cls, formula: str, same: Sequence[float], cross: Sequence[float]) -> Calibration:
        """The calibration that the cosines of same-author and cross-author pairs ask for."""
        if formula == "v2":
            return cls(formula, float(np.percentile(cross, 25)), float(np.percentile(same, 75)))
        return cls(formula, float(np.mean(cross)), float(np.mean(same)))


# What the authors measured for their own two judges.
PUBLISHED = {"v1": Calibration("v1", 0.048, 0.701), "v2": Calibration("v2", 0.0597, 0.8192)}


class SentenceEncoder:
    """A sentence-transformers model, on the GPU where there is one.

    Args:
        path: a folder, or a name that the library knows.
        device: "cpu", "cuda" ...; None chooses.
        batch: texts of one forward pass.

    Raises:
        MissingExtra: if the library is not installed.
    """

    def __init__(self, path: str, device: str | None = None, batch: int = 32):
        check_judge(path)
        from sentence_transformers import SentenceTransformer

        self.model: Any = SentenceTransformer(path, device=device)
        self.batch = batch

    @classmethod
    def of(cls, model: Any, device: str | None = None, batch: int = 32) -> SentenceEncoder:
        """An encoder around a model of the library that is in memory already."""
        found = cls.__new__(cls)
        found.model, found.batch = model.to(device) if device else model, batch
        return found

    def encode(self, texts: Sequence[str]) -> NDArray[Any]:
        """Unit vectors of the texts, [N, D]; what is longer than the model's context is not read."""
        # A lone surrogate, which a model can write, is no text to a tokenizer.
        plain = [text.encode("utf-8", "replace").decode() for text in texts]
        found: NDArray[Any] = self.model.encode(
            plain,
            batch_size=self.batch,
            normalize_embeddings=True,
            show_progress_bar=False,
            convert_to_numpy=True,
        )
        return found


def need_library() -> None:
    """MissingExtra if sentence-transformers is not installed; it is not imported."""
    if find_spec("sentence_transformers") is None:
        raise MissingExtra("a style judge needs sentence-transformers: pip install 'ludex[style]'")


def check_judge(path: str) -> None:
    """That a judge can be loaded, without loading it.

    Raises:
        MissingExtra: if the library that it needs is not installed.
        ValueError: if a path is given where there is no folder.
    """
    if path:
        need_library()
    if path and path.startswith((".", "/", "~")) and not Path(path).is_dir():
        raise ValueError(f"judge={path!r} must be a folder of a sentence-transformers model; there is none")


@lru_cache(maxsize=2)
def load_encoder(path: str = "") -> Encoder:
    """The encoder at `path`, loaded once a process; the counted measure for ""."""
    return SentenceEncoder(path) if path else Stylometry()


def similarities(encoder: Encoder, texts: Sequence[str], references: Sequence[str]) -> list[float]:
    """Cosine of each text with its reference, in one batch; a text that occurs often is encoded once."""
    distinct = list(dict.fromkeys([*texts, *references]))
    rows = dict(zip(distinct, np.asarray(encoder.encode(distinct), float), strict=True))
    pairs = zip(texts, references, strict=True)
    return [float(np.clip(rows[text] @ rows[reference], -1.0, 1.0)) for text, reference in pairs]


def style_rewards(
    texts: Sequence[str], references: Sequence[str], calibration: Calibration, judge: str = ""
) -> list[float]:
    """The calibrated rewards of many texts at once, each against its reference."""
    return [calibration.reward(cosine) for cosine in similarities(load_encoder(judge), texts, references)]


def save_calibrations(folder: Path, same: Sequence[float], cross: Sequence[float]) -> dict[str, Calibration]:
    """Fit both formulas and keep them beside the encoder."""
    found = {formula: Calibration.fit(formula, same, cross) for formula in FORMULAS}
    text = json.dumps({formula: asdict(fitted) for formula, fitted in found.items()}, indent=2)
    (folder / CALIBRATION).write_text(text + "\n", encoding="utf-8")
    return found


def calibration_of(judge: str, formula: str) -> Calibration:
    """What `ludex style train` measured for this encoder; the published one where nothing is kept beside it.

    Raises:
        ValueError: for an unknown formula, or a file that is none.
    """
    if formula not in FORMULAS:
        raise ValueError(f"no calibration {formula!r}; {suggest(formula, FORMULAS)}")
    file = Path(judge) / CALIBRATION
    if not file.is_file():
        return PUBLISHED[formula]
    try:
        return Calibration(**json.loads(file.read_text(encoding="utf-8"))[formula])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{file}: no calibration {formula!r} can be read from it ({error})") from None
