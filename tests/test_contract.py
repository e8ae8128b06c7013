"""Every environment keeps the contract, and every rule of the contract can fail."""

from __future__ import annotations

import json

import broken
import pytest
import update_streams

import ludex
from ludex.envs import contract, registry
from ludex.envs.contract import RULES, examine, subject
from ludex.envs.contract.subject import Subject
from ludex.lookup import missing

RULE = {title: rule for title, rule, _ in RULES}


@pytest.fixture
def options(request, tmp_path):
    """What an id cannot do without; games are examined in words, but for one, since 2,000 pictures each take long."""
    name = request.getfixturevalue("name")
    if name.startswith("gameqa-") and name != "gameqa-tictactoe-v0":
        return {"observation": "text"}
    if name.startswith("play-"):  # their solvers need longest for the hard starts
        return {"difficulty": "easy"}
    if name != "math-jsonl-v0":
        return {}
    path = tmp_path / "rows.jsonl"
    rows = [{"question": f"What is {i} + {i + 1}?", "answer": str(2 * i + 1)} for i in range(300)]
    path.write_text("\n".join(map(json.dumps, rows)))
    return {"path": str(path), "hold_out": True}


@pytest.mark.parametrize("name", sorted(registry.ENVS))
def test_every_environment_keeps_the_contract(name, options, monkeypatch):
    if name.startswith(("gameqa-", "play-", "kitchen-", "steps-")):  # small splits reject nine draws in ten
        monkeypatch.setattr(contract.tasks, "DRAWS", 20)
    extra = registry.ENVS[name].extra
    if extra and missing(extra):
        pytest.skip(f"needs pip install 'ludex[{extra}]'")
    findings = contract.check(name, **options)
    assert [f"{f.rule}: {f.message}" for f in findings if not f.ok] == []
    assert len(findings) > 12


@pytest.mark.parametrize("name", ["broken:sound", "broken:Door"])
def test_sound_strangers_pass(name):
    findings = contract.check(name)
    assert [f"{f.rule}: {f.message}" for f in findings if not f.ok or f.warning] == []


def test_a_foreign_environment_is_checked_where_the_rules_apply():
    assert {f.rule for f in contract.check("broken:Door")} == {
        title for title, _, about_tasks in RULES if not about_tasks
    }


BREACHES = [
    ("counts_calls", "same index, same task", "draw only from the rng"),
    ("salted", "same index, same task", "second process"),
    ("Shifted", "seeds differ", "share 19 of 19 tasks at shift 1"),
    ("nonce_key", "splits are disjoint", "canonical form"),
    ("wrong_solution", "the solution is correct", "scores wrong (another number)"),
    ("no_solution", "the solution is correct", "no info['solution']"),
    ("no_solution", "the solution plays to success", "no info['solution']"),
    ("silence", "no answer is lowest", "must be 'no answer', not 'wrong'"),
    ("lenient", "unreadable is below wrong", "cannot be read"),
    ("evaluator", "hostile responses fail", "executed as code"),
    ("raiser", "hostile responses fail", "deep brackets: gave no verdict"),
    ("believer", "hostile responses fail", "scores correct"),
    ("tuple_answer", "tasks are JSON", "use lists, not tuples"),
    ("SloppyIds", "the id rebuilds the task", "is another task"),
    ("SwallowsOptions", "unknown options are refused", "accepted in silence"),
    ("IgnoresOptions", "resets address tasks", "it must be"),
    ("ButtonDoor", "spaces are text", "both must be text"),
    ("NumberDoor", "check_env passes", "obs"),
    ("DeafDoor", "the solution plays to success", "is_success=False"),
    ("OpenDoor", "hostile actions fail", "is_success=True"),
    ("FragileDoor", "hostile actions fail", "UnicodeEncodeError"),
    ("LockedDoor", "environments pickle", "cannot be pickled"),
    ("ForgetfulDoor", "environments pickle", "answers step('') differently"),
]


@pytest.mark.parametrize(("name", "rule", "message"), BREACHES, ids=[f"{rule}: {name}" for name, rule, _ in BREACHES])
def test_each_rule_catches_its_breach(name, rule, message):
    finding = examine(Subject(f"broken:{name}"), rule, RULE[rule])
    assert finding is not None
    assert not finding.ok
    assert message in finding.message
    assert "\n" not in finding.message


def test_no_rule_goes_without_a_breach():
    assert {title for title, *_ in RULES} == {rule for _, rule, _ in BREACHES} | {"the answer is hidden"}


def test_a_shown_answer_is_advice():
    finding = examine(Subject("broken:shows_answer"), "the answer is hidden", RULE["the answer is hidden"])
    assert finding.ok
    assert finding.warning
    assert "20 of 20" in finding.message


def test_a_verifier_that_hangs_does_not_hang_the_check(monkeypatch):
    monkeypatch.setattr(subject, "FRESH_SECONDS", 2.0)
    finding = examine(Subject("broken:sleeper"), "hostile responses fail", RULE["hostile responses fail"])
    assert not finding.ok
    assert "did not end within 2 s" in finding.message


def test_what_only_this_process_knows_is_checked_in_this_process():
    ludex.register("test-sound", broken.sound)
    findings = contract.check("test-sound")
    assert all(f.ok for f in findings)
    assert "cannot import" in findings[0].message


def test_options_reach_the_environment_and_its_tasks():
    assert all(f.ok for f in contract.check("guess", largest=500, turns=12, dense=0.2))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [("cuontdown", {}, "countdown-v0"), ("countdown", {"nmbers": 3}, "'numbers'"), ("broken:sonud", {}, "'sound'")],
)
def test_the_callers_mistakes_are_errors(name, options, message):
    with pytest.raises((KeyError, TypeError, ValueError), match=message):
        contract.check(name, **options)


@pytest.mark.parametrize("name", update_streams.names())
def test_streams_have_not_changed(name):
    kept = update_streams.read()
    command = f"python tests/update_streams.py {name}"
    if name not in kept:
        pytest.fail(f"{name} has no golden hash yet: {command}")
    head, _, version = name.rpartition("-v")
    assert update_streams.digest(name) == kept[name], (
        f"the tasks of {name} have changed: bump the id to {head}-v{int(version) + 1} and note it under Data streams "
        f"in the changelog; only if {name} was never released, run: {command}"
    )


def test_the_golden_hashes_are_of_known_environments():
    assert set(update_streams.read()) <= set(update_streams.names())
