"""Fine-tuning a Siamese sentence encoder into a style judge, and measuring it on authors that it never saw.

The loss is the squared error between the cosine of a pair and its graded label (see `style_pairs`); the encoder with
the best rank correlation on the validation authors is kept.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ludex.rewards.style_judge import SentenceEncoder, save_calibrations, similarities
from ludex.rewards.style_pairs import Authors, Pair, build_pairs, plain_pairs, split_authors

TINY = "tiny"  # an encoder made in place
REPORT = "report.json"


@dataclass(frozen=True)
class Recipe:
    """How a judge is trained; the defaults are those of the paper's first release.

    Attributes:
        encoder: the model to start from, a folder or a name; "tiny" makes one in place.
        pairs: how many to train on; a tenth of it validates.
        epochs: at most so many passes.
        batch: pairs a step.
        lr: the highest learning rate, after a warm-up of a tenth of the steps; 0 takes 2e-5, or .02 for "tiny".
        patience: passes without a gain of `threshold` until training stops.
        threshold: the least gain of Spearman's correlation that counts.
        seed: of the split, the pairs and their order.
        device: "cpu", "cuda" ...; empty chooses.
    """

    encoder: str = TINY
    pairs: int = 2000
    epochs: int = 5
    batch: int = 64
    lr: float = 0.0
    patience: int = 3
    threshold: float = 0.003
    seed: int = 0
    device: str = ""

    def __post_init__(self) -> None:
        if min(self.pairs // 10, self.epochs, self.batch, self.patience) < 1 or not 0 <= self.lr < math.inf:
            raise ValueError(
                f"pairs={self.pairs} must be 10 or more, epochs={self.epochs}, batch={self.batch} and "
                f"patience={self.patience} 1 or more, and lr={self.lr} 0 or more"
            )

    @property
    def rate(self) -> float:
        """The learning rate that is meant."""
        return self.lr or (0.02 if self.encoder == TINY else 2e-5)


@dataclass(frozen=True)
class Report:
    """A judge on untouched pairs of the test authors; `spearman` is on their graded pairs.

    `accuracy` is at the threshold halfway between the two means of the validation authors.
    """

    authors: dict[str, list[str]]
    auc: float
    accuracy: float
    spearman: float
    same: float
    cross: float
    epochs: int

    def __str__(self) -> str:
        sizes = ", ".join(f"{len(names)} to {split}" for split, names in self.authors.items())
        return (
            f"authors: {sizes}; on unseen authors AUC {self.auc:.3f}, accuracy {self.accuracy:.3f}, Spearman "
            f"{self.spearman:.3f}, mean cosine {self.same:.3f} (same) and {self.cross:.3f} (different)"
        )


def train(authors: Authors, output: Path, recipe: Recipe) -> Report:
    """Train a judge on some authors, keep it in `output` with its calibrations and report, and measure it on others.

    Raises:
        ValueError: for too few authors or passages, or a judge that cannot tell authors apart.
        MissingExtra: if sentence-transformers is not installed.
    """
    names = split_authors(list(authors), recipe.seed)
    parts = {split: {name: authors[name] for name in chosen} for split, chosen in names.items()}
    encoder = _start(recipe, [text for texts in parts["train"].values() for text in texts])
    valid = build_pairs(parts["valid"], recipe.pairs // 10, recipe.seed + 1)
    epochs = fit(encoder, build_pairs(parts["train"], recipe.pairs, recipe.seed), valid, recipe)
    count = max(200, recipe.pairs // 10)
    chosen = _cosines(encoder, plain_pairs(parts["valid"], count, recipe.seed + 2))
    output.mkdir(parents=True, exist_ok=True)
    encoder.model.save(str(output), create_model_card=False)
    fitted = save_calibrations(output, *chosen)
    report = replace(_measure(encoder, parts["test"], count, recipe.seed + 3, chosen), authors=names, epochs=epochs)
    kept = {
        "recipe": asdict(recipe),
        "report": asdict(report),
        "calibrations": {k: asdict(v) for k, v in fitted.items()},
    }
    (output / REPORT).write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    return report


def _start(recipe: Recipe, texts: Sequence[str]) -> SentenceEncoder:
    if recipe.encoder != TINY:
        return SentenceEncoder(recipe.encoder, recipe.device or None, recipe.batch)
    return SentenceEncoder.of(build_encoder(texts, seed=recipe.seed), recipe.device or None, recipe.batch)


def build_encoder(texts: Sequence[str], *, vocabulary: int = 4000, dimensions: int = 64, seed: int = 0) -> Any:
    """A small random encoder, the mean of one vector a word or mark: it needs no download and trains in seconds."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordLevelTrainer(vocab_size=vocabulary, special_tokens=["[UNK]"], show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    generator = torch.Generator().manual_seed(seed)
    weights = torch.randn(tokenizer.get_vocab_size(), dimensions, generator=generator)
    return SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=weights.numpy())], device="cpu")


def fit(encoder: SentenceEncoder, pairs: Sequence[Pair], valid: Sequence[Pair], recipe: Recipe) -> int:
    """Train in place, end with the best weights, and return how many passes were made."""
    import torch

    model, order = encoder.model, random.Random(recipe.seed)
    steps = recipe.epochs * math.ceil(len(pairs) / recipe.batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _pace(step, steps))
    best, kept, waited, epoch = -math.inf, _weights(model), 0, 0
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        while epoch < recipe.epochs and waited < recipe.patience:
            model.train()
            shuffled = order.sample(list(pairs), len(pairs))
            for start in range(0, len(pairs), recipe.batch):
                optimizer.zero_grad()
                _loss(model, shuffled[start : start + recipe.batch]).backward()
                optimizer.step()
                schedule.step()
            model.eval()
            epoch, found = epoch + 1, spearman(_all_cosines(encoder, valid), [pair.label for pair in valid])
            waited = 0 if found > best + recipe.threshold else waited + 1
            if found > best:
                best, kept = found, _weights(model)
    model.load_state_dict(kept)
    model.eval()
    return epoch


def _pace(step: int, steps: int) -> float:
    """The share of the learning rate: up over the first tenth of the steps, then down to 0."""
    warm = max(1, steps // 10)
    return (step + 1) / warm if step < warm else max(0.0, (steps - step) / max(1, steps - warm))


def _weights(model: Any) -> dict[str, Any]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def _loss(model: Any, pairs: Sequence[Pair]) -> Any:
    """Mean squared error of the cosines, [P] against [P]."""
    import torch

    def embed(texts: list[str]) -> Any:
        features = {k: v.to(model.device) if hasattr(v, "to") else v for k, v in model.preprocess(texts).items()}
        return model(features)["sentence_embedding"]

    cosines = torch.cosine_similarity(embed([p.first for p in pairs]), embed([p.second for p in pairs]))
    wanted = torch.tensor([p.label for p in pairs], device=cosines.device, dtype=cosines.dtype)
    return torch.nn.functional.mse_loss(cosines, wanted)


# ---- measuring ----------------------------------------------------------------------------------


def _all_cosines(encoder: SentenceEncoder, pairs: Sequence[Pair]) -> list[float]:
    return similarities(encoder, [p.first for p in pairs], [p.second for p in pairs])


def _cosines(encoder: SentenceEncoder, pairs: Sequence[Pair]) -> tuple[list[float], list[float]]:
    """Cosines of the same-author pairs, and of the others."""
    found = list(zip(_all_cosines(encoder, pairs), pairs, strict=True))
    return [c for c, p in found if p.same], [c for c, p in found if not p.same]


def _measure(
    encoder: SentenceEncoder, authors: Authors, count: int, seed: int, chosen: tuple[list[float], list[float]]
) -> Report:
    same, cross = _cosines(encoder, plain_pairs(authors, count, seed))
    graded = build_pairs(authors, count, seed)
    middle = (float(np.mean(chosen[0])) + float(np.mean(chosen[1]))) / 2
    right = sum(c > middle for c in same) + sum(c <= middle for c in cross)
    return Report(
        authors={},
        auc=auc(same, cross),
        accuracy=right / (len(same) + len(cross)),
        spearman=spearman(_all_cosines(encoder, graded), [pair.label for pair in graded]),
        same=float(np.mean(same)),
        cross=float(np.mean(cross)),
        epochs=0,
    )


def ranks(values: Sequence[float]) -> Any:
    """Ranks from 1, equal values sharing the mean of theirs, [N]."""
    _, which, counts = np.unique(np.asarray(values, float), return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2)[which]


def auc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """How often a positive value exceeds a negative one, a tie counting half (Mann and Whitney)."""
    total = float(ranks([*positive, *negative])[: len(positive)].sum())
    return (total - len(positive) * (len(positive) + 1) / 2) / (len(positive) * len(negative))


def spearman(one: Sequence[float], other: Sequence[float]) -> float:
    """Spearman's rank correlation; 0 where one side is constant."""
    a, b = ranks(one), ranks(other)
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
