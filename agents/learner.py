"""One policy, one algorithm, one optimiser: from a batch to updated weights."""

from __future__ import annotations

import copy
import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from ludex.agents.algorithms import ops
from ludex.agents.algorithms.base import Algorithm, Forward
from ludex.agents.batch import Batch, split_groups
from ludex.agents.memory import Meter
from ludex.agents.packing import padded_tokens
from ludex.agents.policy import Policy
from ludex.agents.precision import Masters
from ludex.agents.settings import OptimSettings


class Diverged(RuntimeError):
    """Losses or gradients stayed non-finite; the message names the first bad tensor."""


class Learner:
    """Updates a policy by an algorithm.

    Args:
        policy: the weights being trained.
        algorithm: fills advantages and computes the loss.
        settings: of the optimiser.
        temperature: the sampler's; log-probabilities are of the tempered distribution.
        total_steps: for the learning rate's schedule.
        deterministic: learn the same, bit for bit, every time; only a GPU has to be asked.
    """

    def __init__(
        self,
        policy: Policy,
        algorithm: Algorithm,
        settings: OptimSettings,
        temperature: float,
        total_steps: int,
        deterministic: bool = True,
    ):
        self.policy, self.algorithm, self.settings = policy, algorithm, settings
        self.temperature, self.total_steps = temperature, total_steps
        self._ordered = deterministic and policy.device.type == "cuda"
        # With adapters the reference is the policy without them.
        copied = "ref" in algorithm.needs and policy.adapters is None
        self.reference = copy.deepcopy(policy).requires_grad_(False) if copied else None
        self.masters = Masters(policy)
        self.optimizer = torch.optim.AdamW(
            self.masters.named.values(),
            lr=settings.lr,
            betas=settings.betas,
            weight_decay=settings.weight_decay,
            fused=policy.device.type == "cuda",
        )
        self.meter = Meter(policy.device)
        self.skips = 0  # non-finite updates in a row

    def learn(self, batch: Batch, step: int) -> dict[str, float]:
        """All updates that `batch` allows; returns the means of their metrics."""
        ops.check(batch)
        self.meter.start()
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(step, self.settings, self.total_steps)
        prepared = [self._prepare(part) for part in split_groups(batch, self.settings.minibatches)]
        parts = [part for part, _ in prepared]
        found = [self._update(part) for _ in range(self.settings.updates) for part in parts]
        found += [{name: float(x) for name, x in self.algorithm.statistics(part).items()} for part in parts]
        values: dict[str, list[float]] = defaultdict(list)
        for name, value in ((name, value) for metrics in found for name, value in metrics.items()):
            values[name].append(value)
        means = {name: fmean(numbers) for name, numbers in values.items()} | self.meter.metrics()
        if self.algorithm.needs & {"oracle", "pairs"}:  # worked solutions and pairs were not sampled
            means.pop("gap", None)
        else:  # only the very first update has the weights that sampled
            means["gap"] = found[0].get("gap", math.nan)
            means |= prepared[0][1]
        return means

    @torch.no_grad()
    def _prepare(self, part: Batch) -> tuple[Batch, dict[str, float]]:
        """Fill what the algorithm needs from a pass without gradients, then its advantages and weights.

        With a correction for the sampler, `old_logp` becomes the learner's own; what the batch
        then no longer shows of the sampler is returned beside it.
        """
        needs = self.algorithm.needs
        correcting = self.settings.correction.mode != "off" and not needs & {"oracle", "pairs"}
        sampler = part.old_logp
        if "ref" in needs:
            part = part.with_(ref_logp=self._reference_logp(part))
        part = self.algorithm.prepare(self._fill(part, needs | {"logp"} if correcting else needs))
        if not correcting:
            return part, {}
        weights = self.settings.correction.weights(part.old_logp, sampler, part)
        gap = ((part.old_logp - sampler) * part.mask).abs().max()
        facts = {"gap": float(gap), "correction": float(weights.sum() / part.mask.sum())}
        return part.with_(adv=part.adv * weights), facts

    def _reference_logp(self, part: Batch) -> Tensor:
        if self.policy.adapters is None:
            assert self.reference is not None
            return self._score(self.reference, part).logp
        with self.policy.adapters.off():
            return self._score(self.policy, part).logp

    def _fill(self, part: Batch, needs: frozenset[str]) -> Batch:
        """What the policy says before its update."""
        if not needs & {"logp", "value", "entropy"}:
            return part
        now = self._score(self.policy, part)
        found = {"logp": ("old_logp", now.logp), "value": ("value", now.value), "entropy": ("entropy", now.entropy)}
        return part.with_(**dict(found[need] for need in sorted(needs & found.keys())))

    def _score(self, policy: Policy, part: Batch) -> Forward:
        """Forward of a whole batch, in micro-batches, gathered on the CPU in the batch's order."""
        blank = torch.zeros_like(part.mask)
        out = Forward(blank.clone(), blank.clone(), blank.clone())
        for index in self._micro_batches(part):
            new = policy(part.rows(index).to(policy.device), self.temperature, "entropy" in self.algorithm.needs)
            out.logp[index], out.entropy[index], out.value[index] = new.logp.cpu(), new.entropy.cpu(), new.value.cpu()
        return out

    def _micro_batches(self, part: Batch) -> Iterator[Tensor]:
        whole = "pairs" in self.algorithm.needs
        return micro_batches(part, self.settings.micro_tokens, whole, self.policy.count)

    def _update(self, part: Batch) -> dict[str, float]:
        """One optimiser step; the gradients of its micro-batches add up exactly."""
        self.optimizer.zero_grad(set_to_none=True)
        sums: dict[str, Tensor] = {}
        gap = torch.zeros(())
        for index in self._micro_batches(part):
            rows = part.rows(index).to(self.policy.device)
            with self.meter.forward():
                new = self.policy(rows, self.temperature, "entropy" in self.algorithm.needs)
            with repeatable(self._ordered):
                loss, metrics = self.algorithm.loss(new, rows)
                if not torch.isfinite(loss):
                    return self._skip(_first_bad(new))
                loss.backward()  # type: ignore[no-untyped-call]
            for name, value in {"loss": loss.detach(), **metrics}.items():
                sums[name] = sums.get(name, torch.zeros((), device=value.device)) + value
            gap = torch.maximum(gap, ((new.logp.detach() - rows.old_logp) * rows.mask).abs().max().cpu())
        norm = torch.nn.utils.clip_grad_norm_(self.masters.named.values(), self.settings.max_grad_norm)
        if not torch.isfinite(norm):
            return self._skip(self._bad_gradient())
        self.optimizer.step()
        self.masters.publish()
        self.skips = 0
        found = {name: float(value) for name, value in sums.items()}
        means = {"loss": found.pop("loss"), **self.algorithm.means(found, part)}
        return {**means, "grad_norm": float(norm), "gap": float(gap), "skipped": 0.0}

    def _skip(self, bad: str) -> dict[str, float]:
        """Leave the weights alone; Diverged after too many in a row."""
        self.optimizer.zero_grad(set_to_none=True)
        self.skips += 1
        if self.skips >= self.settings.max_skips:
            raise Diverged(
                f"{self.skips} updates in a row were not finite; the first bad tensor is {bad}. "
                "Try a lower optim.lr or a smaller optim.max_grad_norm"
            )
        return {"skipped": 1.0}

    def _bad_gradient(self) -> str:
        for name, parameter in self.masters.named.items():
            if parameter.grad is not None and not torch.isfinite(parameter.grad).all():
                return f"the gradient of {name}"
        return "the gradient norm"

    def state_dict(self) -> dict[str, Any]:
        """Everything that an exact resume needs."""
        return {
            "policy": self.policy.trained_state(),
            "masters": self.masters.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "algorithm": self.algorithm.state_dict(),
            "skips": self.skips,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.policy.load_trained_state(state["policy"])
        self.masters.load_state_dict(state.get("masters", []))  # earlier checkpoints have none
        self.optimizer.load_state_dict(state["optimizer"])
        self.algorithm.load_state_dict(state["algorithm"])
        self.skips = state["skips"]


@contextmanager
def repeatable(on: bool) -> Iterator[None]:
    """Choose kernels that add up in the same order every time, for the length of a block.

    Raises:
        RuntimeError: for an operation that has no such kernel.
    """
    if not on:
        yield
        return
    memory: Any = torch.utils.deterministic
    before = torch.are_deterministic_algorithms_enabled(), memory.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True)
    memory.fill_uninitialized_memory = False  # nothing here reads what it has not written
    try:
        yield
    except RuntimeError as error:
        if "deterministic" not in str(error):
            raise
        reason = " ".join(str(error).split())
        raise RuntimeError(f"compute.deterministic = false learns in spite of this: {reason}") from error
    finally:
        torch.use_deterministic_algorithms(before[0])
        memory.fill_uninitialized_memory = before[1]


def _first_bad(new: Forward) -> str:
    for name in ("logp", "entropy", "value"):
        if not torch.isfinite(getattr(new, name)).all():
            return f"the policy's {name}"
    return "the loss"


def learning_rate(step: int, settings: OptimSettings, total: int) -> float:
    """The rate of a step counted from 0: linear warm-up, then constant, linear or cosine to zero."""
    if step < settings.warmup:
        return settings.lr * (step + 1) / settings.warmup
    done = (step - settings.warmup) / max(1, total - settings.warmup)
    shape = {"constant": 1.0, "linear": 1 - done, "cosine": (1 + math.cos(math.pi * done)) / 2}
    return settings.lr * shape[settings.schedule]


def micro_batches(
    batch: Batch,
    tokens: int,
    whole_groups: bool = False,
    count: Callable[[Batch], Callable[[int, int], int]] = padded_tokens,
) -> Iterator[Tensor]:
    """Row numbers, in order, in runs that forward at most `tokens`, as `count` counts them.

    A run has one row at least; or, with `whole_groups`, one group, all of whose rows lie together.
    """
    forwarded = count(batch)
    start = end = 0
    for rows in _units(batch, whole_groups):
        if end > start and forwarded(start, end + rows) > tokens:
            yield torch.arange(start, end)
            start = end
        end += rows
    yield torch.arange(start, end)


def _units(batch: Batch, whole_groups: bool) -> list[int]:
    """How many rows, in order, must stay together."""
    if not whole_groups:
        return [1] * len(batch)
    sizes: list[int] = torch.unique_consecutive(batch.group, return_counts=True)[1].tolist()
    return sizes
