"""TRL's preference trainer beside ours: the same weights and pairs; losses and gradients."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("trl", reason="needs TRL in an environment of its own: make test-official")

import torch
from toys import save_toy_model
from weight_gradients import Found, agree, differ, differentiate, shake

from ludex.agents.algorithms import algorithm_class
from ludex.agents.algorithms.base import Forward
from ludex.agents.batch import PairBatch, collate
from ludex.agents.policy import Policy
from ludex.config import build
from ludex.core import Trajectory, Turn

BETA = 0.1
UNEVEN, EVEN = [(1, 3), (6, 2), (4, 4), (2, 5)], [(4, 4)] * 4  # lengths of chosen and rejected


class Preferred:
    """TRL's preference trainer on random pairs, its policy away from the reference."""

    def __init__(self, loss: str, folder: Path, lengths: list[tuple[int, int]]):
        import trl
        from datasets import Dataset

        path = save_toy_model(folder / "model")
        text = [{"prompt": "a", "chosen": "b", "rejected": "c"}]
        self.trainer = trl.DPOTrainer(
            model=path,
            args=trl.DPOConfig(
                output_dir=str(folder), loss_type=[loss], beta=BETA, use_cpu=True, bf16=False, report_to=[]
            ),
            train_dataset=Dataset.from_list(text),
        )
        self.model = self.trainer.model
        shake(self.model, 0.3, seed=1)
        generator = torch.Generator().manual_seed(0)

        def words(n: int) -> list[int]:
            return torch.randint(3, 9, (n,), generator=generator).tolist()

        self.pairs = [[words(2 + i), words(chosen), words(rejected)] for i, (chosen, rejected) in enumerate(lengths)]
        self.batch = self._batch()

    def _batch(self) -> PairBatch:
        sides = [
            Trajectory("", i, turns=[Turn("", "", 0.0, False, prompt, side, [0.0] * len(side))], correct=side is chosen)
            for i, (prompt, chosen, rejected) in enumerate(self.pairs)
            for side in (chosen, rejected)
        ]
        b = collate(sides)
        with torch.no_grad():
            b = b.with_(ref_logp=Policy(self.trainer.ref_model, None)(b).logp)
        return PairBatch(**vars(b), sizes=torch.full((len(b), 1), len(self.pairs)))

    def theirs(self) -> Found:
        names = ("prompt_ids", "chosen_ids", "rejected_ids")
        inputs = self.trainer.data_collator([dict(zip(names, pair, strict=True)) for pair in self.pairs])
        return differentiate(self.model, self.trainer.compute_loss(self.model, inputs))

    def ours(self, name: str, beta: float, mean: bool = False) -> Found:
        """With `mean`, every log-probability divided by its response's length."""
        algorithm = build(algorithm_class(name), {"beta": beta})
        b = algorithm.prepare(self.batch)
        new = Policy(self.model, None)(b)
        if mean:
            n = b.mask.sum(1, keepdim=True)
            b, new = b.with_(ref_logp=b.ref_logp / n), Forward(new.logp / n, new.entropy, new.value)
        return differentiate(self.model, algorithm.loss(new, b)[0])


@pytest.mark.parametrize("lengths", [UNEVEN, EVEN])
def test_dpo(lengths: list[tuple[int, int]], tmp_path: Path) -> None:
    preferred = Preferred("sigmoid", tmp_path, lengths)
    agree(preferred.ours("dpo", BETA), preferred.theirs())


def test_ipo_averages_over_tokens(tmp_path: Path) -> None:
    """h is a mean there and a sum here, as in the paper."""
    preferred = Preferred("ipo", tmp_path, UNEVEN)
    differ(preferred.ours("ipo", BETA), preferred.theirs())
    agree(preferred.ours("ipo", BETA, mean=True), preferred.theirs())


def test_ipo_of_equal_lengths_is_ours_with_another_beta(tmp_path: Path) -> None:
    """(h/n - 1/(2 beta))^2 = (h - 1/(2 beta/n))^2 / n^2, where all responses have n tokens."""
    n = EVEN[0][0]
    preferred = Preferred("ipo", tmp_path, EVEN)
    agree(preferred.ours("ipo", BETA / n), preferred.theirs(), times=1 / n**2)
