"""GSPO: group sequence policy optimisation (Zheng et al. 2025, arXiv 2507.18071).

    A_i  = (R_i - mean R) / (std R + eps)                                      over the group of G
    s_i  = exp( 1/|o_i| sum_t log pi/pi_old(o_it) ),   s_it = sg[s_i] pi/sg[pi](o_it)
    loss = -1/G sum_i 1/|o_i| sum_t min(s_it A_i, clip(s_it, 1-e_low, 1+e_high) A_i)

One ratio a response, the geometric mean of its tokens', so all of its tokens are
clipped together; the token form has the gradient of the sequence form, which is
s_i A_i times the mean of grad log pi. A trajectory in several rows has one ratio
for each, as in RLOO. The paper takes 4 updates a batch: `optim.minibatches = 4`.
The clip is that of the paper; ten times as wide has been found better (ScaleRL,
arXiv 2510.13786). ddof 1, eps 1e-4 as in GRPO.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ludex.agents.algorithms import ops
from ludex.agents.algorithms.base import Algorithm, Forward, Metrics
from ludex.agents.batch import Batch


@dataclass(frozen=True)
class GSPO(Algorithm):
    """GRPO's advantages, a ratio for the whole response."""

    clip_low: float = 3e-4
    clip_high: float = 4e-4
    ddof: int = 1  # the standard deviation divides by G - ddof
    eps: float = 1e-4  # added to it

    def __post_init__(self) -> None:
        ops.at_least(0, **vars(self))
        ops.between(0, 1, clip_low=self.clip_low)

    @property
    def smallest_group(self) -> int:
        """Two, which can differ."""
        return 2

    def prepare(self, b: Batch) -> Batch:
        """Standardise within the group."""
        centred = b.returns - ops.group_mean(b.returns, b)  # [B]
        adv = centred / (ops.group_std(b.returns, b, self.ddof) + self.eps)
        return b.with_(adv=adv[:, None] * b.mask, weight=ops.sequence_mean(b))

    def loss(self, new: Forward, b: Batch) -> tuple[Tensor, Metrics]:
        """Surrogate of the rows' mean ratios."""
        ratio = ops.mean_ratio(new, b).detach() * ops.unit(new.logp)
        gain, metrics = ops.surrogate(ratio, new, b, 1 - self.clip_low, 1 + self.clip_high)
        return -ops.total(gain, b), metrics

    def statistics(self, b: Batch) -> Metrics:
        """Share of the failed trajectories that are reinforced."""
        return {"failed_positive": ops.failed_positive(b)}
