"""The studies over many turns: their arms start from one model, their states are the plans', their sums are right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from ludex.agents.reproduce import multiturn, planning
from ludex.agents.reproduce.study import SCALES, Place
from ludex.agents.tiny import build_tokenizer
from ludex.cli import main
from ludex.envs.registry import make, task_source


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the studies of this module run."""
    return tmp_path_factory.mktemp("worlds")


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model" / "model.safetensors")


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.slow
def test_what_stands_still_and_what_learns(root: Path) -> None:
    """The SFT arm measures the warmed-up model itself; RLOO without a group learns nothing."""
    assert (
        main(["reproduce", "multiturn", "--part", "algorithm", "--seeds", "1", "--scale", "test", "-o", str(root)]) == 0
    )
    folder = root / "test" / "multiturn"
    warm = weights(folder / "warm-textworld")
    assert same(weights(folder / "runs" / "SFT-s0"), warm)
    assert same(weights(folder / "runs" / "RLOO, n=1-s0"), warm)
    first = load_file(folder / "untrained-textworld" / "model.safetensors")
    assert same(weights(folder / "runs" / "untrained-s0"), first)
    assert not same(first, warm)
    rows = json.loads((folder / "algorithm.json").read_text())["rows"]
    assert [row["arm"] for row in rows][:3] == ["untrained", "SFT", "PPO"]
    for row in rows:
        found = json.loads((folder / "runs" / f"{row['arm']}-s0" / "measured-small.json").read_text())
        assert row["success"] == sum(found["correct"]) / len(found["correct"]) / found["k"]


def test_the_worlds_have_the_optimum_that_the_limits_assume() -> None:
    for world, optimum in ((multiturn.SMALL, multiturn.OPTIMUM), (multiturn.LARGE, multiturn.LARGE_OPTIMUM)):
        options = {key: value for key, value in world.items() if key != "id"}
        env = make("textworld", **options)
        assert options["steps"] == 2 * optimum
        lengths = [len(env.reset(options={"index": i, "split": "test"})[1]["solution"]) for i in range(24)]
        assert max(lengths) <= optimum
    assert len(task_source("textworld", preset="w2-o3-q4", split="test")) == multiturn.GAMES  # type: ignore[arg-type]


def test_names_are_the_same_tokens_wherever_they_stand() -> None:
    """A tokenizer of words, learned from what the games say; one of phrases swallows names."""
    texts = list(multiturn.texts([multiturn.SMALL], 40))
    tokenizer = build_tokenizer(texts, 900, words=True)
    name = tokenizer.tokenize(" chest")
    assert tokenizer.tokenize("open chest")[-len(name) :] == name
    told = tokenizer.tokenize("unlock the chest inside the bedchamber")
    assert any(told[i : i + len(name)] == name for i in range(len(told)))
    longest = build_tokenizer(texts, 900).tokenize(texts[0])
    assert any("Ġ" in token[1:] for token in longest)
    assert not any("Ġ" in token.lstrip("Ġ") for token in tokenizer.tokenize(texts[0]))


@pytest.mark.parametrize("dish", planning.DISHES[:2])
def test_a_model_is_played_in_the_kitchens_of_its_states(dish: str) -> None:
    options = {key: value for key, value in planning.states(dish).items() if key not in ("id", "binary")}
    env = planning.kitchen_of(dish, seed=3)
    source = task_source("steps", seed=3, **options)
    starts = [task.prompt for task in source if task.info["step"] == 0]
    told = [env.reset(options={"index": i, "split": "train"})[0] for i in range(planning.PLANS)]
    assert starts == told


def test_the_optimum_of_a_bandit_by_search() -> None:
    """Two actions: the best of 100,000 policies, against gradient ascent and the closed form."""
    from ludex.agents.planning import grpo_optimum

    q = 0.2
    reference = torch.tensor([[q, 1 - q]], dtype=torch.float64).log()
    grid = torch.linspace(1e-4, 1 - 1e-4, 100_000, dtype=torch.float64)
    logits = torch.stack([grid, 1 - grid], 1).log()
    value = planning.objective(logits, reference, torch.tensor([q], dtype=torch.float64))
    best = float(grid[value.argmax()])
    assert best == pytest.approx(float(planning.fitted(reference, 400)), abs=1e-4)
    assert best == pytest.approx(grpo_optimum(q, q, planning.BETA), abs=1e-4)
    # By hand: A of the right action is .8 / .4 = 2, of the wrong one -.5; the weights .2 e and .8 e^-.25.
    right, wrong = 0.2 * torch.e, 0.8 * torch.e**-0.25
    assert best == pytest.approx(right / (right + wrong), abs=1e-4)


def test_sampled_grpo_stops_where_its_own_gradient_does() -> None:
    """With k3 the stationary point of E[A] - beta KL(ref || pi) solves sqrt(q (1 - q)) = beta (q - q_ref)."""
    reference = torch.tensor([[0.2, 0.8]], dtype=torch.float64).log().repeat(50, 1)
    low, high = 0.2, 1.0
    for _ in range(60):
        q = (low + high) / 2
        low, high = (q, high) if (q * (1 - q)) ** 0.5 > planning.BETA * (q - 0.2) else (low, q)
    assert float(planning.sampled(reference, 400).mean()) == pytest.approx(low, abs=0.03)


def test_what_is_played_is_kept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(root / "kept", SCALES["test"])
    model = Path(planning.untrained(place))
    found = planning.played(place, model, "sandwich", 0, known=True)
    assert found["p_0"] <= 1e-6
    assert found["success"] == 0
    assert found["asat"] == 12  # 1.5 times 8

    def fail(*_: Any) -> dict[str, float]:
        raise AssertionError("played twice")

    monkeypatch.setattr(planning, "_play", fail)
    assert planning.played(place, model, "sandwich", 0, known=True) == found
