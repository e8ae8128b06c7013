"""Preference pairs as plain data, and the PairBatch that holds them."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from toy_batches import Row, row, to_batch

from ludex.agents.algorithms import ALGORITHMS, algorithm_class
from ludex.agents.algorithms.base import Forward
from ludex.agents.batch import PairBatch

PAIRS = sorted(name for name in ALGORITHMS if "pairs" in algorithm_class(name)().needs)
EPISODIC = {name: path for name, path in ALGORITHMS.items() if name not in PAIRS}  # the other algorithms


def pair(new: Sequence[float], ref: Sequence[float], number: int = 0, lengths: Sequence[int] = (1, 1)) -> list[Row]:
    """Chosen and rejected whose summed log-probabilities are `new` and `ref`, spread evenly over their tokens."""
    rows = []
    for side, n in enumerate(lengths):
        facts = {"new": [0.0] + [new[side] / n] * n, "ref": [0.0] + [ref[side] / n] * n}
        facts["old"] = facts["new"]
        rows.append(row("." + "x" * n, 0.0, number, 2 * number + side, correct=side == 0, **facts))
    return rows


def three(*margins: float) -> tuple[list[Row], list[int], list[int]]:
    """Pairs with these margins, of the groups 0, 0, 1."""
    rows = [r for i, h in enumerate(margins) for r in pair((h, 0.0), (0.0, 0.0), i)]
    return rows, [0, 0, 0, 0, 1, 1], [6, 2]


def random_pairs(seed: int) -> tuple[list[Row], list[int], list[int]]:
    """Rows of some pairs, the group of preferences of each row, and the sizes of all groups.

    Responses have one row or two, groups may be absent, and the rows are shuffled.
    """
    rng = random.Random(seed)
    sizes = [rng.randint(1, 40) for _ in range(rng.randint(1, 4))]
    rows: list[Row] = []
    domains: list[int] = []
    numbers = iter(rng.sample(range(60), 40))
    for number in rng.sample(range(20), rng.randint(1, 6)):
        domain = rng.randrange(len(sizes))
        for chosen in (True, False):
            trajectory = next(numbers)
            for turn in range(rng.choice([1, 1, 2])):
                n = rng.randint(2, 6)
                sampled = [False] + [rng.random() < 0.7 for _ in range(n - 1)]
                sampled[rng.randrange(1, n)] = True
                old = [-rng.uniform(0.05, 3) * s for s in sampled]
                shifted = [[x + rng.gauss(0, 0.6) * s for x, s in zip(old, sampled, strict=True)] for _ in range(2)]
                facts = {"old": old, "new": shifted[0], "ref": shifted[1], "correct": chosen}
                rows.append(Row(number, trajectory, sampled, [0.0] * n, turn, **facts))  # type: ignore[arg-type]
                domains.append(domain)
    order = rng.sample(range(len(rows)), len(rows))
    return [replace(rows[i]) for i in order], [domains[i] for i in order], sizes


def to_pairs(
    rows: Sequence[Row], domains: Sequence[int], sizes: Sequence[int], dtype: torch.dtype = torch.float64, pad: int = 0
) -> tuple[PairBatch, Forward]:
    """The batch, and what the policy now says."""
    batch, new = to_batch(rows, pad, dtype)
    facts = {**vars(batch), "domain": torch.tensor(domains)}
    return PairBatch(**facts, sizes=torch.tensor(sizes).expand(len(rows), -1)), new


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def echo_rows(n: int, seed: int = 0) -> list[dict[str, Any]]:
    """Of the echo game: its letter is preferred in group "same", the next one in group "next"."""
    rng = random.Random(seed)
    rows = []
    for _ in range(n):
        group, (shown, other) = rng.choice(["same", "same", "same", "next"]), rng.sample("abcd", 2)
        prompt = shown if group == "same" else shown + "a"
        right = shown if group == "same" else "bcda"["abcd".index(shown)]
        wrong = other if other != right else shown
        rows.append({"prompt": prompt, "chosen": right, "rejected": wrong, "group": group})
    return rows
