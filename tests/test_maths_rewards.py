"""The maths verifier: verdicts and levels by hand, and the same verdict from wherever it is called."""

from __future__ import annotations

import asyncio
import math
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ludex import rewards
from ludex.core import Status, Task
from ludex.rewards.latex import Unreadable, compact, refuse, tidy
from ludex.rewards.maths import check_gold
from ludex.rewards.trees import shape

pytest.importorskip("math_verify", reason="needs ludex[math]")
pytest.importorskip("pebble", reason="needs ludex[math]")

FIXTURES = Path(__file__).parent / "fixtures"


def task(gold: Any, **info: Any) -> Task:
    return Task(prompt="?", answer=gold, verifier="maths", info={"form": "boxed", **info})


def judge(gold: Any, answer: str, **info: Any) -> rewards.Score:
    return rewards.verify(f"Thus \\boxed{{{answer}}}.", task(gold, **info))


# ---- verdicts --------------------------------------------------------------------------------------


def own_pairs(verdict: str) -> list[list[str]]:
    lines = (FIXTURES / "maths_own_pairs.tsv").read_text().splitlines()
    return [line.split("\t")[1:] for line in lines if line.startswith(verdict)]


@pytest.mark.parametrize(("gold", "answer"), own_pairs("equal"))
def test_equal(gold: str, answer: str) -> None:
    score = judge(gold, answer)
    assert score.level == "correct", score.why


@pytest.mark.parametrize(("gold", "answer"), own_pairs("different"))
def test_different(gold: str, answer: str) -> None:
    score = judge(gold, answer)
    assert score.status is Status.OK, score.why
    assert not score.correct


@pytest.mark.parametrize("gold", sorted({gold for gold, _ in own_pairs("equal") + own_pairs("different")}))
def test_a_gold_answers_itself_and_passes_its_check(gold: str) -> None:
    assert judge(gold, gold).correct
    assert check_gold(gold) is None


LEVELS = {
    "no answer": ["42", "<answer>42</answer>", "\\boxed{}", "<think>\\boxed{42}</think>", "<think>\\boxed{42}", ""],
    "malformed": [
        "\\boxed{42", "\\boxed{41} \\boxed{42}", "\\boxed{42 or 43}", "\\boxed{42, 43}", "\\boxed{42 \\text{ and } 43}",
        "\\boxed{\\approx 42}", "\\boxed{41 = 42}", "\\boxed{x=41=42}", "\\boxed{\\frac{42}{}",
        "\\boxed{\\foo{42}}",
        "\\boxed{the number 42}", "\\boxed{42 \\boxed{43}}", "\\boxed{\u0664\u0662}", "\\boxed{2**5+10}", "\\boxed{%}",
    ],
    "wrong": [
        "\\boxed{41}", "\\boxed{40+2}", "\\boxed{\\sqrt{1764}}", "\\boxed{\\sum_{k=1}^{42} 1}", "\\boxed{(42,43)}",
        "\\boxed{\\{41,42\\}}",
    ],
    "correct": [
        "\\boxed{42}", "\\boxed{42}, again \\boxed{ 42 }", "<think>\\boxed{41}</think> \\boxed{42}", "\\boxed{$42$.}",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("level", "response"), [(level, r) for level, rs in LEVELS.items() for r in rs])
def test_levels(level: str, response: str) -> None:
    assert rewards.verify(response, task("42")).level == level


def test_a_closed_form_is_an_option() -> None:
    assert judge("5", "3+2").level == "wrong"
    assert judge("5", "3+2", answer_form="closed").level == "correct"
    assert judge("5", "3+3", answer_form="closed").level == "wrong"
    assert judge("5", "\\sum_{k=1}^{5} 1", answer_form="closed").level == "wrong"


def test_an_infinity_that_was_not_worked_out_is_no_closed_form() -> None:
    for answer in ("\\max(\\infty, 3)", "-\\infty^{\\infty}", "-\\sqrt{\\infty}"):
        for gold in (42, "42"):
            assert judge(gold, answer, answer_form="closed").level == "wrong"


def test_an_error_of_the_algebra_is_the_answers_fault() -> None:
    score = judge("x^2 - 4 = 0", "(\\gcd(3, x^2))^{x} = 2")
    assert (score.status, score.level) == (Status.OK, "malformed")


BAD_GOLDS = [
    "",
    " ",
    None,
    True,
    math.nan,
    math.inf,
    [1],
    {"a": 1},
    "\\frac{1}{",
    "\\foo",
    "x +* 3",
    "the value is 3",
    "1/0",
    "\x00",
    "9^{9^{9}}",
]


@pytest.mark.parametrize("gold", BAD_GOLDS, ids=ascii)
def test_a_bad_gold_is_an_error_and_never_a_level(gold: Any) -> None:
    why = check_gold(gold)
    assert why
    assert "\n" not in why
    for answer in ("x", "42"):
        score = judge(gold, answer)
        assert (score.status, score.level) == (Status.ERROR, None)
        assert math.isnan(score.reward)


def test_what_the_answer_made_hang_is_malformed() -> None:
    score = judge("x^2", "(a+b+c+d+f+g+h+k)^{399}")
    assert (score.status, score.level) == (Status.OK, "malformed")
    assert "interrupted" in score.why or "killed" in score.why
    assert judge("x^2", "x \\cdot x").correct


# ---- reading ---------------------------------------------------------------------------------------


def test_tidy_has_one_spelling() -> None:
    for text in (
        "\\dfrac{1}{2}",
        "$\\tfrac{1}{2}$.",
        "\\( \\frac{1}{2} \\)",
        "\\displaystyle\\frac{1}{2}",
        "\\\\frac{1}{2}",
    ):
        assert tidy(text) == "\\frac{1}{2}"
    assert tidy("x <= 5") == tidy("x \\le 5") == tidy("x \u2264 5") == "x \\leq 5"
    assert tidy("\\left( 1,\\, 2 \\right)") == "( 1, 2 )"
    assert compact(tidy("x^{2} + 1")) == compact(tidy("x^2+1"))
    assert compact("1 2") != compact("12")
    assert "\\\\" in tidy("\\begin{pmatrix}1 \\\\ 2\\end{pmatrix}")


def test_shape_takes_answers_apart() -> None:
    tree = shape("x = (1, [2, 3)), \\{4\\}")
    assert [part.kind for part in tree.parts] == ["=", "set"]
    pair = tree.parts[0].parts[1]
    assert (pair.kind, [p.kind for p in pair.parts], pair.parts[1].text) == ("()", ["leaf", "[)"], "[2, 3)")
    assert shape("1,234").kind == "leaf"
    assert shape("1,234", grouped=False).kind == "list"


@pytest.mark.parametrize(
    "text",
    ["(" * 51 + "1" + ")" * 51, "(1", "1)", "\\{1}", "{1\\}", "\\input{a}", "x__y", "1" * 301, "x^{401}", "9^9^9"],
)
def test_refused_before_any_parser(text: str) -> None:
    with pytest.raises(Unreadable):
        refuse(text)


@pytest.mark.parametrize(
    "text",
    ["(" * 50 + "1" + ")" * 50, "[1,2)", "\\sqrt{x^{400}}", "2^{2^{n}}", "e^{x^2}", "\\text{a \\& b}", "a_{1}^{2}"],
)
def test_not_refused(text: str) -> None:
    refuse(text)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="\\{}()[]^_=,;:!$&%<>|+-*/. 0123456789abexi\n\u2212\u00d7", max_size=40))
def test_any_text_gets_a_level(text: str) -> None:
    for gold in ("42", "(1,2)", "yes"):
        score = judge(gold, text)
        assert score.status is Status.OK
        assert score.level in score.scale.levels


# ---- the same verdict everywhere -------------------------------------------------------------------

PLACES = [
    ("1/3", "0.5"),
    ("2\\sqrt{3}", "\\sqrt{12}"),
    ("x^2", "x"),
    ("5", "x +"),
    ("\\frac{1}{", "1"),
    ("x^2", "\\sqrt{"),
]


def test_the_same_verdict_in_every_place() -> None:
    tasks = [task(gold) for gold, _ in PLACES]
    responses = [f"\\boxed{{{answer}}}" for _, answer in PLACES]
    expected = [(s.level, s.status) for s in map(rewards.verify, responses, tasks)]
    assert [level for level, _ in expected] == ["wrong", "correct", "wrong", "wrong", None, "malformed"]

    def same(scores: list[rewards.Score]) -> bool:
        return [(s.level, s.status) for s in scores] == expected

    with ThreadPoolExecutor(4) as threads:
        assert same(list(threads.map(rewards.verify, responses, tasks)))

    async def gathered() -> list[rewards.Score]:
        return await asyncio.gather(
            *(asyncio.to_thread(rewards.verify, r, t) for r, t in zip(responses, tasks, strict=True))
        )

    assert same(asyncio.run(gathered()))
    for method in ("spawn", "fork"):
        with ProcessPoolExecutor(1, mp_context=get_context(method)) as processes:
            assert same(list(processes.map(rewards.verify, responses, tasks))), method


@pytest.mark.slow
def test_the_event_loop_goes_on_while_a_worker_hangs() -> None:
    async def beats() -> tuple[int, rewards.Score]:
        job = asyncio.create_task(asyncio.to_thread(judge, "x^2", "(a+b+c+d+f+g+h+k)^{398}"))
        count = 0
        while not job.done():
            await asyncio.sleep(0.05)
            count += 1
        return count, await job

    count, score = asyncio.run(beats())
    assert score.level == "malformed"
    assert count > 5  # two seconds hold forty


def test_no_alarm_is_set_in_the_caller() -> None:
    import signal

    before = signal.getsignal(signal.SIGALRM)
    signal.setitimer(signal.ITIMER_REAL, 100)
    try:
        assert judge("2\\sqrt{3}", "\\sqrt{12}").correct
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 50
        assert signal.getsignal(signal.SIGALRM) is before
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def test_many_threads_share_the_workers() -> None:
    scores: dict[int, bool] = {}

    def one(n: int) -> None:
        scores[n] = judge(f"\\sqrt{{{n}}}x", f"x\\sqrt{{{n + n % 2}}}").correct

    threads = [threading.Thread(target=one, args=(n,)) for n in range(2, 18)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert scores == {n: n % 2 == 0 for n in range(2, 18)}


# ---- light and fast --------------------------------------------------------------------------------


def test_numbers_words_and_tuples_import_no_algebra() -> None:
    code = (
        "import sys; from ludex import rewards; from ludex.core import Task\n"
        "for gold, answer in (('1/3', r'\\frac13'), ('yes', 'no'), ('(1,2)', '(1, 2)'), (42, 'x = 42'), (5, '3+2')):\n"
        "    rewards.verify(f'<answer>{answer}</answer>', Task('?', gold, 'maths'))\n"
        "print(sorted({'sympy', 'math_verify', 'pebble', 'torch', 'antlr4'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_speed_of_the_exact_path(capsys: pytest.CaptureFixture[str]) -> None:
    pairs = [
        ("42", "42"),
        ("-5", "-4"),
        ("1/3", "\\frac{1}{3}"),
        ("0.1575", "\\frac{63}{400}"),
        ("7425000", "7,425,000"),
        ("2.5", "2 1/2"),
    ]
    jobs = [(f"Some reasoning first. Thus \\boxed{{{answer}}}.", task(gold)) for gold, answer in pairs]
    rates = []
    for _ in range(5):
        start = time.process_time()
        for _ in range(500):
            for response, judged_task in jobs:
                rewards.verify(response, judged_task)
        rates.append(500 * len(jobs) / (time.process_time() - start))
    with capsys.disabled():
        print(f"\nmaths, exact path: {max(rates):,.0f} verifications a second")
    assert max(rates) > 10_000  # the goal is 25,000 on an idle machine
