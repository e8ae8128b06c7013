"""Every verifier over the hostile corpus: never paid, cheap, nothing executed, and unharmed afterwards."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import hostile
import pytest

import ludex
from ludex import rewards
from ludex.core import Status, Task

pytest.importorskip("math_verify", reason="needs ludex[math]")
pytest.importorskip("pebble", reason="needs ludex[math]")

IN_PROCESS_S = 0.05
IN_WORKER_S = 2 * (2.0 + 3.0) + 1  # the answer's own limit, and the check of the gold after it
PUMPED_S = 60  # of the processor, over all pumped answers together
COUNTDOWN = {"numbers": [3, 5, 2], "target": 30, "operations": "+-*/"}
# verifier, gold, a right answer, a wrong one
CASES = {
    "countdown": ("countdown", COUNTDOWN, "3*5*2", "3+5+2"),
    "integer": ("integer", 42, "42", "41"),
    "text": ("text", "yes", "yes", "no"),
    "choice": ("choice", {"letter": "C", "options": ["row 1", "row 2", "3", "30", "yes"]}, "C", "B"),
    "fill integer": ("fill", {"kind": "integer", "accept": [42, 7]}, "42", "41"),
    "fill decimal": ("fill", {"kind": "decimal", "accept": ["0.800"]}, "0.8", "0.801"),
    "fill cell": ("fill", {"kind": "cell", "accept": [[2, 3]]}, "row 2, column 3", "(3, 2)"),
    "fill list": ("fill", {"kind": "list", "accept": [[[0, 1], ["up", 2]]]}, "[[0,1],[up,2]]", "[[0,1],[up,3]]"),
    "fill word": ("fill", {"kind": "word", "accept": ["red"], "among": ["red", "blue"]}, "Red", "blue"),
    "fill phrase": ("fill", {"kind": "phrase", "accept": ["it stays"]}, "It stays.", "it leaves"),
    "maths number": ("maths", 42, "42", "41"),
    "maths numeral": ("maths", "42", "42", "41"),
    "maths fraction": ("maths", "\\frac{2}{3}", "2/3", "3/2"),
    "maths word": ("maths", "\\text{yes}", "yes", "no"),
    "maths tuple": ("maths", "(1, 2)", "(1,2)", "(2,1)"),
}
SYMBOLIC = {
    "maths root": ("maths", "2\\sqrt{3}", "\\sqrt{12}", "\\sqrt{13}"),
    "maths expression": ("maths", "x^2+2x+1", "(x+1)^2", "x^2"),
}


# The verifiers of whole environments, each on the first task of one of them.
STREAMS = {"play": "play-tictactoe", "step": "steps", "style": "style", "world": "alfworld"}


def test_every_verifier_is_attacked() -> None:
    """A new verifier needs cases here, or an environment whose tasks it judges."""
    assert {verifier for verifier, *_ in (CASES | SYMBOLIC).values()} | STREAMS.keys() == rewards.VERIFIERS.keys()


@pytest.mark.parametrize("verifier", STREAMS)
def test_on_a_task_of_an_environment(verifier: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    posed = ludex.task_source(STREAMS[verifier])[0]
    assert posed.verifier == verifier
    solution = posed.info["solution"]
    answers = re.findall(
        r"<(?:answer|action)>(.*?)</", " ".join([solution] if isinstance(solution, str) else solution), re.DOTALL
    )
    right = "; ".join(answers)
    assert rewards.verify(f"<answer>{right}</answer>", posed).correct
    monkeypatch.chdir(tmp_path)
    attacks = hostile.corpus("answer", right, "nothing of the kind").items()
    for name, response in attacks:
        if name.startswith("hedge"):  # a plan may hold a step too many, and a passage a sentence
            continue
        start = time.perf_counter()
        score = rewards.verify(response, posed)
        assert time.perf_counter() - start < IN_WORKER_S, name
        assert score.status is Status.OK, (name, score.why)
        assert not score.correct, (name, response[:80])
    assert os.listdir(tmp_path) == [], "an answer was executed"
    assert rewards.verify(f"<answer>{right}</answer>", posed).correct


def task(case: str, form: str) -> Task:
    verifier, gold, _, _ = (CASES | SYMBOLIC)[case]
    return Task(prompt="?", answer=gold, verifier=verifier, info={"form": form})


def best_of_three(response: str, judged: Task) -> tuple[rewards.Score, float]:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        score = rewards.verify(response, judged)
        times.append(time.perf_counter() - start)
        if times[-1] < IN_PROCESS_S:
            break
    return score, min(times)


def hundred_right_answers(case: str, form: str) -> None:
    begin, end = hostile.MARKERS[form]
    right = (CASES | SYMBOLIC)[case][2]
    scores = [rewards.verify(f"{i}: {begin}{right}{end}", task(case, form)) for i in range(100)]
    assert [s.level for s in scores] == ["correct"] * 100, scores[0]


@pytest.mark.parametrize("form", ["answer", "boxed"])
@pytest.mark.parametrize("case", CASES)
def test_in_process(case: str, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _, _, right, other = CASES[case]
    for name, response in hostile.corpus(form, right, other).items():
        score, seconds = best_of_three(response, task(case, form))
        assert score.status is Status.OK, (name, score.why)
        assert not score.correct, (name, response[:80])
        assert seconds < IN_PROCESS_S, (name, seconds)
    assert os.listdir(tmp_path) == [], "an answer was executed"
    hundred_right_answers(case, form)


@pytest.mark.parametrize(
    ("case", "form"),
    [
        pytest.param("maths root", "boxed", marks=pytest.mark.slow),
        ("maths expression", "answer"),
        pytest.param("maths root", "answer", marks=pytest.mark.slow),
        pytest.param("maths expression", "boxed", marks=pytest.mark.slow),
    ],
)
def test_in_a_worker(case: str, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hundred_right_answers(case, form)  # also starts the workers
    _, _, right, other = SYMBOLIC[case]
    canary = tmp_path / hostile.CANARY
    monkeypatch.chdir(tmp_path)
    for name, response in hostile.corpus(form, right, other, canary=str(canary)).items():
        start = time.perf_counter()
        score = rewards.verify(response, task(case, form))
        assert time.perf_counter() - start < IN_WORKER_S, name
        assert score.status is Status.OK, (name, score.why)
        assert not score.correct, (name, response[:80])
    assert os.listdir(tmp_path) == [], "an answer was executed"
    hundred_right_answers(case, form)


@pytest.mark.parametrize("case", CASES | SYMBOLIC)
def test_lenient_reading_executes_nothing(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _, _, right, other = (CASES | SYMBOLIC)[case]
    for name, response in hostile.corpus("boxed", right, other).items():
        if "hedge" in name or name in hostile.CODE:
            assert rewards.verify(response, task(case, "boxed"), extract="lenient").status is Status.OK, name
    assert os.listdir(tmp_path) == []


def judge_pumped() -> None:
    """Every verifier in process over long runs of one thing, in both ways of reading."""
    for case in set(CASES) - {"maths numeral", "maths fraction"}:
        for body in hostile.pumped(1950):
            assert rewards.verify(f"<answer>{body}</answer>", task(case, "answer")).status is Status.OK, (case, body)
    for body in hostile.pumped(19_000):
        score = rewards.verify(body, task("maths number", "boxed"), extract="lenient")
        assert score.status is Status.OK, body


def test_no_pattern_is_tried_in_every_way() -> None:
    """A guard against hanging, in time of the processor: about 6 s, where a single cubic pattern takes minutes."""
    code = (
        f"import resource; resource.setrlimit(resource.RLIMIT_CPU, ({PUMPED_S}, {PUMPED_S})); "
        "import test_hostile; test_hostile.judge_pumped()"
    )
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent, check=True)


def test_the_canary_would_be_seen(tmp_path: Path) -> None:
    """Guards the corpus: its code does create the file where somebody executes it."""
    for name in ("import", "open", "exec", "eval", "compile", "pathlib"):
        canary = tmp_path / name
        subprocess.run([sys.executable, "-c", hostile.CODE[name].replace("{canary}", str(canary))], check=True)
        assert canary.exists(), name


def test_no_answer_scores_lowest_and_garbage_below_wrong() -> None:
    for case in CASES | SYMBOLIC:
        nothing = rewards.verify("", task(case, "boxed"))
        garbage = rewards.verify("\\boxed{%%% \x00 ((}", task(case, "boxed"))
        assert nothing.level == "no answer", case
        if case not in ("text", "maths word", "fill phrase"):  # any text is well formed there
            assert garbage.level == "malformed", (case, garbage)


COUNTDOWN_DISGUISES = [
    "3*5*0x2", "3*5*2e0", "3*5*2.0", "3*5*0b10", "3*1_5*2", "3*5*2 or 1", "3*5*2=30", "5!/4", "3*5*+2", "3*5*--2",
    "(3,5,2)", "3*5*\u0662", "3\u00b2*5*2", "30", "35-5", "3 5 * 2 *", "3*5*02", "6*5", "3*5*2*1", "2**5-2", "3//1*5*2",
    "sqrt(900)", "abs(-30)", "3*5*2#", "3*5*2\n+0", "int('30')", "3*5*2.", "3*10",
]  # fmt: skip


@pytest.mark.parametrize("expression", COUNTDOWN_DISGUISES)
def test_countdown_disguises(expression: str) -> None:
    assert not rewards.verify(f"<answer>{expression}</answer>", task("countdown", "answer")).correct
