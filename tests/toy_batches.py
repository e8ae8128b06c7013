"""Rows of sampled tokens as plain data, the Batch and Forward that hold them, and what an algorithm makes of these."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ludex.agents.algorithms import algorithm_class
from ludex.agents.algorithms.base import Algorithm, Forward
from ludex.agents.batch import Batch
from ludex.config import build


@dataclass
class Row:
    """One row; the lists have one number a position, meaningful where `sampled`."""

    group: int
    trajectory: int
    sampled: list[bool]
    reward: list[float]
    turn: int = 0
    old: list[float] = field(default_factory=list)
    new: list[float] = field(default_factory=list)
    ref: list[float] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    new_value: list[float] = field(default_factory=list)
    entropy: list[float] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    step: list[int] = field(default_factory=list)  # the turn that sampled it: each run of sampled tokens is one
    state: list[int] = field(default_factory=list)  # what that turn answered
    after: float = 0.0  # value of the state after the row's end
    truncated: bool = False
    correct: bool = False
    threshold: float = 0.5

    def __post_init__(self) -> None:
        for name in ("old", "new", "ref", "value", "new_value", "entropy"):
            if not getattr(self, name):
                setattr(self, name, [0.0] * len(self.sampled))
        draw = random.Random(100 * self.trajectory + self.turn)
        self.tokens = self.tokens or draw.choices(range(7), (5, 3, 1, 1, 1, 1, 1), k=len(self.sampled))
        if not self.step:
            starts = [s and not (t and self.sampled[t - 1]) for t, s in enumerate(self.sampled)]
            runs = itertools.accumulate(starts)
            self.step = [100 * self.turn + n if s else -1 for n, s in zip(runs, self.sampled, strict=True)]
        self.state = self.state or [(self.trajectory + n) % 3 if n >= 0 else -1 for n in self.step]


def row(pattern: str, reward: float, group: int = 0, trajectory: int = 0, **facts: object) -> Row:
    """`"..xx.x"` marks the sampled tokens; the reward is on the last one."""
    sampled = [c == "x" for c in pattern]
    rewards = [0.0] * len(pattern)
    rewards[pattern.rindex("x")] = reward
    return Row(group, trajectory, sampled, rewards, **facts)  # type: ignore[arg-type]


def group_of(rewards: Sequence[float], lengths: Sequence[int] | None = None, **facts: object) -> list[Row]:
    """One group: trajectory i has `lengths[i]` sampled tokens after one of prompt, and the reward at the end."""
    lengths = lengths or [2] * len(rewards)
    return [row("." + "x" * n, r, 0, i, **facts) for i, (r, n) in enumerate(zip(rewards, lengths, strict=True))]


def random_rows(seed: int) -> list[Row]:
    """Ragged groups of trajectories of one to three rows, shuffled, with gaps in every numbering."""
    rng = random.Random(seed)
    rows: list[Row] = []
    numbers = iter(rng.sample(range(60), 40))
    for group in rng.sample(range(9), rng.randint(1, 3)):
        for _ in range(rng.choice([1, 2, 3, 5])):
            rows += _random_trajectory(rng, group, next(numbers))
    rng.shuffle(rows)
    return rows


def _random_trajectory(rng: random.Random, group: int, trajectory: int) -> list[Row]:
    rows = []
    for turn in sorted(rng.sample(range(9), rng.choice([1, 1, 2, 3]))):
        n = rng.randint(2, 7)
        sampled = [False] + [rng.random() < 0.6 for _ in range(n - 1)]
        sampled[rng.randrange(1, n)] = True
        pays = [rng.choice([0.0, 0.0, 0.1, 0.4, -0.3]) if s else 0.0 for s in sampled]
        old = [-rng.uniform(0.05, 3) * s for s in sampled]
        rows.append(
            Row(
                *(group, trajectory, sampled, pays, turn, old),
                new=[x + rng.gauss(0, 0.25) * s for x, s in zip(old, sampled, strict=True)],
                ref=[x + rng.gauss(0, 0.5) * s for x, s in zip(old, sampled, strict=True)],
                value=[rng.gauss(0, 1) * s for s in sampled],
                new_value=[rng.gauss(0, 1) * s for s in sampled],
                entropy=[rng.uniform(0, 2) * s for s in sampled],
                after=rng.gauss(0, 1),
            )
        )
    last = rows[-1]
    last.truncated = rng.random() < 0.4
    last.reward[max(t for t, s in enumerate(last.sampled) if s)] += rng.choice([0.0, 1.0])
    correct = sum(sum(r.reward) for r in rows) > 0.5
    for r in rows:
        r.correct = correct
    return rows


def to_batch(rows: Sequence[Row], pad: int = 0, dtype: torch.dtype = torch.float64) -> tuple[Batch, Forward]:
    """The batch, as sampled, and what the policy now says, with gradients to ask for."""
    width = max(len(r.sampled) for r in rows) + 1 + pad

    def table(name: str) -> torch.Tensor:
        out = torch.zeros(len(rows), width, dtype=dtype)
        for i, r in enumerate(rows):
            out[i, : len(r.sampled)] = torch.tensor([float(x) for x in getattr(r, name)], dtype=dtype)
        return out

    value = table("value")
    for i, r in enumerate(rows):
        value[i, len(r.sampled)] = r.after
    facts = ("group", "trajectory", "turn", "correct", "truncated")
    batch = Batch(
        tokens=table("tokens").long(),
        mask=table("sampled"),
        old_logp=table("old"),
        reward=table("reward"),
        length=torch.tensor([len(r.sampled) for r in rows]),
        prompt=torch.tensor([r.sampled.index(True) for r in rows]),
        shared=torch.zeros(len(rows), dtype=torch.long),
        domain=torch.zeros(len(rows), dtype=torch.long),
        cut=torch.zeros(len(rows), dtype=torch.bool),
        threshold=torch.tensor([r.threshold for r in rows], dtype=dtype),
        ref_logp=table("ref"),
        entropy=table("entropy"),
        step=torch.where(table("sampled") > 0, table("step"), -1.0).long(),
        state=torch.where(table("sampled") > 0, table("state"), -1.0).long(),
        value=value,
        **{name: torch.tensor([getattr(r, name) for r in rows]) for name in facts},
    )
    new = Forward(table("new"), table("entropy"), table("new_value"))
    for tensor in (new.logp, new.entropy, new.value):
        tensor.requires_grad_()
    return batch, new


def make(name: str, **settings: Any) -> Algorithm:
    return build(algorithm_class(name), settings)


def advantages(algorithm: Algorithm, rows: Sequence[Row]) -> list[float]:
    """Each row's advantage, at its last sampled token."""
    b = algorithm.prepare(to_batch(rows)[0])
    last = (b.mask.cumsum(1) * b.mask).argmax(1, keepdim=True)
    return b.adv.gather(1, last)[:, 0].tolist()


def gradients(algorithm: Algorithm, b: Batch, new: Forward) -> tuple[Tensor, list[Tensor]]:
    """The loss of a prepared batch and its gradient by log-probability, value and entropy."""
    loss, _ = algorithm.loss(new, b)
    found = torch.autograd.grad(loss, (new.logp, new.value, new.entropy), allow_unused=True)
    return loss.detach(), [torch.zeros_like(new.logp) if g is None else g for g in found]


class ToyPolicy(torch.nn.Module):
    """Logits and value are linear in an embedding of the token before."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.embed = torch.nn.Parameter(torch.randn(7, 5, generator=generator))
        self.head = torch.nn.Parameter(torch.randn(5, 7, generator=generator))
        self.critic = torch.nn.Parameter(torch.randn(5, generator=generator))

    def forward(self, b: Batch) -> Forward:
        state = self.embed[b.tokens.roll(1, 1)]
        logits = (state @ self.head).log_softmax(-1)
        logp = logits.gather(2, b.tokens[:, :, None])[:, :, 0] * b.mask
        return Forward(logp, -(logits.exp() * logits).sum(-1) * b.mask, state @ self.critic)

    def sample_facts(self, b: Batch) -> Batch:
        """`b` as if another, near policy had sampled it."""
        noise = torch.randn(b.mask.shape, generator=torch.Generator().manual_seed(2))
        with torch.no_grad():
            now = self(b)
        near, far = (now.logp + scale * noise * b.mask for scale in (0.2, -0.4))
        facts = {"value": now.value + 0.3 * noise, "entropy": now.entropy}
        return b.with_(old_logp=near, ref_logp=far, **facts)
