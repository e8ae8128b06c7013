"""Runs on preference pairs: they learn, resume exactly, and refuse what cannot be right in one line."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import torch
from toy_pairs import echo_rows, write
from toys import run_table, save_toy_model

from ludex.agents import runs
from ludex.agents.learner import Learner
from ludex.agents.pairs import group_sizes, read_pairs
from ludex.agents.settings import resolve
from ludex.agents.sources import Pairs, RunError
from ludex.agents.train import Trainer, train
from ludex.config import ConfigError


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_toy_model(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("pairs") / "echo.jsonl", echo_rows(200))


def table(model: str, file: Path, algorithm: str = "gr_dpo", **changes: Any) -> dict[str, Any]:
    data = {"path": str(file), "pairs": 32, **changes.pop("data", {})}
    return run_table(model, algorithm=algorithm, data=data, **{"env": [], "steps": 60, **changes})


SETTINGS: dict[str, dict[str, Any]] = {
    "dpo": {"beta": 0.5},
    "ipo": {"beta": 0.1},
    "gr_dpo": {"beta": 0.5, "eta": 0.1},
    "gr_ipo": {"beta": 0.1, "eta": 0.001},
}


@pytest.mark.parametrize("algorithm", SETTINGS)
def test_every_algorithm_learns_what_is_preferred(algorithm: str, model: str, file: Path, tmp_path: Path) -> None:
    folder = train(resolve(table(model, file, algorithm, **{algorithm: SETTINGS[algorithm]})), tmp_path)
    rows = runs.read_metrics(folder)
    first, last = rows[0], rows[-1]
    assert first["accuracy"] == 0  # the policy is the reference: no margin at all
    assert last["accuracy"] > 0.95
    for group in ("accuracy/0", "accuracy/1"):  # of a few pairs a step
        assert fmean(row[group] for row in rows[-10:] if group in row) > 0.9
    assert last["loss/0"] < first["loss/0"]
    assert last["epoch"] == pytest.approx(60 * 32 / 200)
    assert "gap" not in last
    assert ("alpha/0" in last) == algorithm.startswith("gr_")
    assert (folder / "model/config.json").exists()
    assert (folder / "curves.png").exists()


@pytest.mark.parametrize("algorithm", ["dpo", "gr_ipo"])
def test_resuming_at_every_step_gives_the_same_weights(algorithm: str, model: str, file: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    run = table(model, file, algorithm, steps=8, save={"every": 1}, data={"pairs": 61})  # epochs within steps
    whole = load_file(train(resolve(run), tmp_path / "whole") / "model/model.safetensors")
    lines = runs.read_metrics(tmp_path / "whole/echo")
    for stop in (1, 3, 4, 7):
        train(resolve(run), tmp_path / str(stop), stop_after=stop)
        folder = train(resolve(run), tmp_path / str(stop))
        resumed = load_file(folder / "model/model.safetensors")
        assert all(torch.equal(whole[name], resumed[name]) for name in whole)
        for one, two in zip(lines, runs.read_metrics(folder), strict=True):
            assert {k: v for k, v in one.items() if k[:4] not in ("time", "toke", "memo")} == {
                k: v for k, v in two.items() if k[:4] not in ("time", "toke", "memo")
            }


def test_micro_tokens_never_change_a_gradient(model: str, file: Path) -> None:
    found = []
    for tokens in (1, 40, 10**6):
        trainer = Trainer(resolve(table(model, file, optim={"micro_tokens": tokens, "lr": 0.0})))
        trainer.learner.learn(trainer.source.draw(0).batch, 0)  # type: ignore[arg-type]
        grads = [p.grad for p in trainer.policy.parameters() if p.grad is not None]
        found.append(torch.cat([g.flatten() for g in grads]))
    assert float(found[0].norm()) > 1e-3
    for other in found[:2]:
        assert float((other - found[2]).norm() / found[2].norm()) < 1e-4


def test_the_weights_move_before_the_policy_does(model: str, file: Path) -> None:
    """At the first step every margin is 0: L_g = 25 N/N_g n_g/n, with n_g of the n pairs of the step."""
    trainer = Trainer(resolve(table(model, file, "gr_ipo", gr_ipo={"beta": 0.1, "eta": 0.01})))
    batch = trainer.source.draw(0).batch
    assert batch is not None
    share = [float((batch.domain == g).double().mean()) for g in (0, 1)]
    sizes = group_sizes(read_pairs(file))
    losses = [25 * 200 / n * s for n, s in zip(sizes.values(), share, strict=True)]
    raised = torch.tensor([0.01 * x for x in losses]).softmax(0).tolist()
    metrics, _ = trainer.step()
    assert [metrics["alpha/0"], metrics["alpha/1"]] == pytest.approx(raised, rel=1e-4)
    assert metrics["loss/0"] == pytest.approx(25, rel=1e-4)


def test_every_pair_comes_once_an_epoch(model: str, file: Path) -> None:
    source = Trainer(resolve(table(model, file, data={"pairs": 30}))).source
    assert isinstance(source, Pairs)
    assert source.note == f"200 pairs in groups 0 = next ({source.sizes[0]}), 1 = same ({source.sizes[1]})"
    places = [n for step in range(20) for n in source._numbers(step * 30)]
    for epoch in range(3):
        assert sorted(places[200 * epoch : 200 * (epoch + 1)]) == list(range(200))
    assert places[:200] != places[200:400]
    batch = source.draw(6).batch  # the 180th to the 209th
    assert batch is not None
    assert batch.group.tolist() == [i for i in range(30) for _ in range(2)]
    assert batch.correct.tolist() == [True, False] * 30


def test_the_reference_and_the_policy_are_scored_as_they_are(model: str, file: Path) -> None:
    """The loss of a step that has moved is that of margins by the plainest forward pass."""
    trainer = Trainer(resolve(table(model, file, "dpo", dpo={"beta": 0.5})))
    learner: Learner = trainer.learner
    for _ in range(3):
        trainer.step()
    batch = trainer.source.draw(3).batch
    assert batch is not None
    assert learner.reference is not None
    margins = torch.zeros(32, dtype=torch.float64)
    with torch.no_grad():
        for i in range(len(batch)):
            n = int(batch.length[i])
            ids, mask = batch.tokens[i, :n], batch.mask[i, 1:n].double()
            for sign, network in ((1, trainer.policy.model), (-1, learner.reference.model)):
                logp = network(input_ids=ids[None], use_cache=False).logits[0, :-1].double().log_softmax(-1)
                value = float((logp.gather(1, ids[1:, None])[:, 0] * mask).sum())
                margins[i // 2] += sign * value * (1 if i % 2 == 0 else -1)
    metrics, _ = trainer.step()
    assert metrics["loss"] == pytest.approx(float(torch.nn.functional.softplus(-0.5 * margins).mean()), rel=1e-4)
    assert metrics["accuracy"] == pytest.approx(float((margins > 0).double().mean()))


def test_evaluation_in_an_environment_goes_with_pairs(model: str, file: Path, tmp_path: Path) -> None:
    env = [{"id": "toys:Echo", "success_at": 0.99}]
    folder = train(resolve(table(model, file, "dpo", env=env, steps=2, eval={"every": 1, "n": 4})), tmp_path)
    assert all("eval/pass_1" in row for row in runs.read_metrics(folder))


def test_a_changed_file_and_one_that_does_not_fit_are_refused(model: str, tmp_path: Path) -> None:
    path = write(tmp_path / "p.jsonl", echo_rows(40))
    train(resolve(table(model, path, steps=3)), tmp_path, stop_after=2)
    write(path, echo_rows(41))
    with pytest.raises(RunError, match="has changed since the run began"):
        train(resolve(table(model, path, steps=3)), tmp_path)
    rows = [*echo_rows(4), {"prompt": "a" * 50, "chosen": "a", "rejected": "b", "group": "same"}]
    write(path, rows)
    run = table(model, path, rollout={"max_context": 20, "max_new_tokens": 2})
    assert Trainer(resolve(run)).source.note.endswith("1 longer than rollout.max_context=20 tokens are left out")
    rows[-1]["group"] = "long"
    write(path, rows)
    with pytest.raises(ValueError, match=r"no pair of group 'long' fits into rollout\.max_context=20 tokens"):
        Trainer(resolve(run))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": {"path": ""}}, "gr_dpo learns from preference pairs; set data.path"),
        ({"data": {"pairs": 0}}, "pairs=0 must be at least 1"),
        ({"data": {"file": "x"}}, "unknown key 'data.file'"),
        ({"optim": {"updates": 2}}, "gr_dpo takes one update a batch: optim.updates must be 1; see data.pairs"),
        ({"optim": {"minibatches": 2}}, "optim.minibatches must be 1"),
        ({"eval": {"every": 5}}, r"eval.every = 5 needs an \[\[env\]\] table"),
        ({"model": "tiny"}, r"model = 'tiny' needs an \[\[env\]\] table"),
        ({"algorithm": "grpo"}, r"at least one \[\[env\]\] table"),
    ],
)
def test_mistakes_in_a_run_file_are_one_line(changes: dict[str, Any], message: str) -> None:
    run = {**table("somewhere", Path("pairs.jsonl")), **{k: v for k, v in changes.items() if k != "data"}}
    run["data"] = {**run["data"], **changes.get("data", {})}
    with pytest.raises(ConfigError, match=message):
        resolve(run)
