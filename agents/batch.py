"""Trajectories as aligned tensors.

Every `[B, T]` tensor shares one alignment: position t belongs to `tokens[:, t]`,
so `old_logp[b, t]` is the log-probability with which token t was sampled, given
the tokens before it. There is one column more than the longest row has tokens;
the value at a row's first unused position is that of the state after its end.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

import torch
from torch import Tensor

from ludex.core import Stop, Trajectory, Turn


@dataclass
class Batch:
    """Rows of tokens with what is known of them. B rows, T positions; float unless said otherwise.

    Tensors that nobody has filled in are NaN, so that an algorithm which forgets
    to declare a need fails at its first step.

    Attributes:
        tokens: int [B, T], padded on the right with 0.
        mask: [B, T], 1 where the policy sampled the token.
        old_logp: [B, T], log-probability as sampled, nats.
        reward: [B, T], each turn's reward on its last sampled token.
        length: int [B], tokens in the row.
        prompt: int [B], tokens before the first sampled one.
        shared: int [B], rows with the same number start with the same prompt.
        group, domain, trajectory, turn: int [B], where the row comes from; `turn` is its first.
        correct: bool [B], the episode succeeded.
        truncated: bool [B], the row ends an episode that was cut off rather than finished.
        cut: bool [B], some response of the row was ended by its length limit.
        threshold: [B], reward that separates failing from correct.
        ref_logp, entropy, value: [B, T], under the reference or the sampling policy, if needed.
        adv, weight: [B, T], filled by `Algorithm.prepare`.
        target: [B, T], what `value` should have been; filled by `prepare` of algorithms with a critic.
        step: int [B, T], the turn that sampled the token, counted over the trajectory; -1 where none did.
        state: int [B, T], what that turn answered: equal observations share a number; -1 where none did.
    """

    tokens: Tensor
    mask: Tensor
    old_logp: Tensor
    reward: Tensor
    length: Tensor
    prompt: Tensor
    shared: Tensor
    group: Tensor
    domain: Tensor
    trajectory: Tensor
    turn: Tensor
    correct: Tensor
    truncated: Tensor
    cut: Tensor
    threshold: Tensor
    ref_logp: Tensor = field(default_factory=lambda: torch.tensor(math.nan))
    entropy: Tensor = field(default_factory=lambda: torch.tensor(math.nan))
    value: Tensor = field(default_factory=lambda: torch.tensor(math.nan))
    adv: Tensor = field(default_factory=lambda: torch.tensor(math.nan))
    weight: Tensor = field(default_factory=lambda: torch.tensor(math.nan))
    target: Tensor = field(default_factory=lambda: torch.tensor(math.nan))
    step: Tensor = field(default_factory=lambda: torch.tensor(-1))
    state: Tensor = field(default_factory=lambda: torch.tensor(-1))

    def __post_init__(self) -> None:
        for name in ("ref_logp", "entropy", "value", "adv", "weight", "target"):
            if getattr(self, name).dim() == 0:
                setattr(self, name, torch.full_like(self.mask, math.nan))
        for name in ("step", "state"):
            if getattr(self, name).dim() == 0:
                setattr(self, name, torch.full_like(self.tokens, -1))

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def first(self) -> Tensor:
        """Bool [B]: the first row of each trajectory, so that statistics count a trajectory once."""
        order = torch.arange(len(self), device=self.tokens.device)
        lowest = torch.full((int(self.trajectory.max()) + 1,), len(self), device=order.device)
        lowest.scatter_reduce_(0, self.trajectory, order, "amin")
        return lowest[self.trajectory] == order

    @property
    def returns(self) -> Tensor:
        """[B], the sum of its trajectory's rewards, on each of the trajectory's rows."""
        return self.per_trajectory(self.reward.sum(1))

    def per_trajectory(self, rows: Tensor) -> Tensor:
        """[B] from [B]: the sum over the rows of each trajectory, on each of its rows."""
        total = rows.new_zeros(int(self.trajectory.max()) + 1)
        return total.index_add_(0, self.trajectory, rows)[self.trajectory]

    def with_(self, **changes: Tensor) -> Self:
        """A copy with some tensors replaced."""
        return replace(self, **changes)

    def map(self, change: Any) -> Self:
        """A copy with `change` applied to every tensor."""
        return type(self)(**{f.name: change(getattr(self, f.name)) for f in fields(self)})

    def rows(self, index: Tensor | Sequence[int]) -> Self:
        """The rows of `index`, in that order."""
        where = torch.as_tensor(index, device=self.tokens.device)
        return self.map(lambda tensor: tensor[where])

    def to(self, device: torch.device | str) -> Self:
        """The batch on another device."""
        return self.map(lambda tensor: tensor.to(device))


@dataclass(kw_only=True)
class PairBatch(Batch):
    """Preference pairs: the two rows of one `group` are a pair, the `correct` one of them is the chosen.

    `domain` is the pair's group of preferences, from 0 to K - 1.

    Attributes:
        sizes: int [B, K], pairs of each group in the whole data set, the same on every row.
    """

    sizes: Tensor


@dataclass
class Row:
    """One row under construction: the turns whose prompts extend one another."""

    tokens: list[int]
    mask: list[float]
    logp: list[float]
    reward: list[float]
    step: list[int]
    prompt: int
    turn: int
    cut: bool = False

    def add(self, observation: Sequence[int], turn: Turn, number: int) -> None:
        """Append what the environment said and what the policy answered; the reward lands on the last action token."""
        action, logps = turn.action_ids, turn.logps
        if not action:
            raise ValueError("a turn without sampled tokens cannot carry a reward")
        if len(logps) != len(action):
            raise ValueError(f"a turn has {len(action)} sampled tokens but {len(logps)} log-probabilities")
        if not self.tokens and not observation:
            raise ValueError("a turn without a prompt has no state before its first token")
        self.tokens += [*observation, *action]
        self.mask += [0.0] * len(observation) + [1.0] * len(action)
        self.logp += [0.0] * len(observation) + list(logps)
        self.reward += [0.0] * (len(observation) + len(action) - 1) + [turn.reward]
        self.step += [-1] * len(observation) + [number] * len(action)
        self.cut |= turn.cut


def rows_of(trajectory: Trajectory, append_only: bool = False) -> Iterator[Row]:
    """Join the turns whose prompt extends the row so far; any other turn starts a new row.

    Raises:
        ValueError: if `append_only` promised that every prompt extends the last.
    """
    row: Row | None = None
    for number, turn in enumerate(trajectory.turns):
        extends = row is not None and turn.prompt_ids[: len(row.tokens)] == row.tokens
        if row is not None and not extends:
            if append_only:
                raise ValueError(
                    f"{trajectory.task_id}: the prompt of turn {number} does not extend the turn before it"
                )
            yield row
            row = None
        if row is None:
            row = Row([], [], [], [], [], prompt=len(turn.prompt_ids), turn=number)
        row.add(turn.prompt_ids[len(row.tokens) :], turn, number)
    if row is not None:
        yield row


def collate(trajectories: Sequence[Trajectory], append_only: bool = False) -> Batch:
    """A Batch of the trajectories' rows, sorted by group; episodes stopped by ENV_ERROR must be left out before.

    Raises:
        ValueError: for an ENV_ERROR, a turn without tokens or of uneven lengths, or if there is no row at all.
    """
    rows: list[Row] = []
    facts: list[dict[str, Any]] = []
    prompts: dict[tuple[int, ...], int] = {}
    states: list[list[int]] = []
    numbers: dict[str, int] = {}  # of the observations
    for number, trajectory in enumerate(sorted(trajectories, key=lambda t: t.group)):
        if trajectory.stop is Stop.ENV_ERROR:
            raise ValueError(f"{trajectory.task_id}: an episode that ended in an error has no place in a batch")
        own = list(rows_of(trajectory, append_only))
        for row in own:
            ended_early = trajectory.stop in (Stop.TRUNCATED, Stop.CONTEXT) and row is own[-1]
            prompt = tuple(row.tokens[: row.prompt])
            rows.append(row)
            answered = [numbers.setdefault(turn.observation, len(numbers)) for turn in trajectory.turns]
            states.append([answered[step] if step >= 0 else -1 for step in row.step])
            facts.append(
                {
                    "length": len(row.tokens),
                    "prompt": row.prompt,
                    "shared": prompts.setdefault(prompt, len(prompts)),
                    "group": trajectory.group,
                    "domain": trajectory.domain,
                    "trajectory": number,
                    "turn": row.turn,
                    "correct": trajectory.correct,
                    "truncated": ended_early,
                    "cut": row.cut,
                    "threshold": trajectory.threshold,
                }
            )
    if not rows:
        raise ValueError("no episode to learn from")
    width = max(len(row.tokens) for row in rows) + 1
    return Batch(
        tokens=_padded([row.tokens for row in rows], width, torch.long),
        mask=_padded([row.mask for row in rows], width, torch.float32),
        old_logp=_padded([row.logp for row in rows], width, torch.float32),
        reward=_padded([row.reward for row in rows], width, torch.float32),
        step=_padded([row.step for row in rows], width, torch.long, -1),
        state=_padded(states, width, torch.long, -1),
        **{name: torch.tensor([fact[name] for fact in facts]) for name in facts[0]},
    )


def _padded(rows: Sequence[Sequence[float]], width: int, dtype: torch.dtype, fill: int = 0) -> Tensor:
    out = torch.full((len(rows), width), fill, dtype=dtype)
    for i, row in enumerate(rows):
        out[i, : len(row)] = torch.tensor(row, dtype=dtype)
    return out


def split_groups(batch: Batch, parts: int) -> list[Batch]:
    """At most `parts` batches of whole groups, near equal in groups; each is one optimiser step's rows."""
    groups = torch.unique(batch.group)
    chunks = [chunk for chunk in torch.tensor_split(groups, parts) if len(chunk)]
    return [batch.rows(torch.isin(batch.group, chunk).nonzero()[:, 0]) for chunk in chunks]
