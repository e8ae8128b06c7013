"""arithmetic-v0 and math-v0: right answers, honest spread, no shown or copied answers."""

from __future__ import annotations

import random
import re
from collections import Counter
from fractions import Fraction
from itertools import pairwise

import gymnasium as gym
import numpy as np
import pytest
from maths_checks import CHECKS, spelled
from maths_reader import formulas, value

import ludex
from ludex.core import Task
from ludex.envs.arithmetic import Preset, expression
from ludex.envs.core import SPLITS, TaskSource
from ludex.envs.math import DIFFICULTIES, FAMILIES, generate
from ludex.rewards.answers import boxed
from ludex.rewards.expressions import evaluate

FORMULAS = (("antiderivative", "hard"), ("derivative", "medium"), ("derivative", "hard"))
POLYNOMIALS = ("antiderivative", "derivative", "expansion", "factoring", "simplification")
each_family = pytest.mark.parametrize("family", FAMILIES)
each_difficulty = pytest.mark.parametrize("difficulty", DIFFICULTIES)
each_formula = pytest.mark.parametrize(("family", "difficulty"), FORMULAS)


def drawn(n: int, family: str, difficulty: str, seed: int = 0) -> list[Task]:
    source = TaskSource("math-v0", generate, seed=seed, family=family, difficulty=difficulty)
    return [source[i] for i in range(n)]


def question(task: Task) -> str:
    asked, reply, _ = task.prompt.rpartition(" Give ")
    assert reply
    return asked


def kind(family: str, difficulty: str) -> str:
    """What an answer is: the word in its box."""
    if (family, difficulty) in FORMULAS:
        return "formula"
    return "(first, ..., last)" if family in POLYNOMIALS else "value"


def parts(answer: str) -> list[Fraction]:
    """The coefficients of an answer, or its one number."""
    return [Fraction(part) for part in answer.strip("()").split(", ")]


def recheck(tasks: list[Task], family: str) -> None:
    for task in tasks:
        assert CHECKS[family](question(task), spelled(task.answer)), (task.prompt, task.answer)


@each_family
@each_difficulty
def test_answers_hold_when_recomputed_from_the_prompt(family: str, difficulty: str) -> None:
    recheck(drawn(200, family, difficulty), family)


@pytest.mark.slow
@each_family
@each_difficulty
def test_many_answers_hold(family: str, difficulty: str) -> None:
    recheck(drawn(3000, family, difficulty, seed=1), family)


@each_family
@each_difficulty
def test_the_recomputation_refuses_wrong_answers(family: str, difficulty: str) -> None:
    for task in drawn(10, family, difficulty, seed=2):
        wrong = [f"{task.answer} + x^7"]
        if kind(family, difficulty) != "formula":
            *higher, last = map(str, parts(task.answer))
            changed = (str(Fraction(last) + n) for n in (1, -1))
            wrong = [f"({', '.join([*higher, other])})" if higher else other for other in changed]
        assert not any(CHECKS[family](question(task), spelled(other)) for other in wrong), (task.prompt, wrong)


@each_family
@each_difficulty
def test_no_answer_dominates_or_stands_in_the_prompt(family: str, difficulty: str) -> None:
    tasks = drawn(500, family, difficulty)
    answers = Counter(task.answer for task in tasks)
    common, times = answers.most_common(1)[0]
    assert times <= 0.15 * len(tasks), f"{common} is the answer of {times} of {len(tasks)}"
    assert len({task.info["key"] for task in tasks}) > 200
    for task in tasks:
        shown = re.findall(r"(?<![\w^/])-?\d+(?:/\d+)?(?![\w/])", question(task))
        assert task.answer not in shown, task.prompt
        assert task.answer not in formulas(task.prompt)


@each_family
@each_difficulty
def test_solutions_declare_the_answer_once(family: str, difficulty: str) -> None:
    for task in drawn(100, family, difficulty):
        assert boxed(task.info["solution"]) == [task.answer]
        assert task.info["form"] == "boxed"
        assert (task.info["family"], task.info["difficulty"]) == (family, difficulty)
        wanted = kind(family, difficulty)
        assert boxed(task.prompt) == [wanted]
        if wanted == "formula":
            assert "x" in task.answer
            continue
        listed = ", ".join(map(str, parts(task.answer)))
        assert task.answer == (listed if wanted == "value" else f"({listed})")
        assert wanted == "value" or (len(parts(task.answer)) > 1 and parts(task.answer)[0])


@each_family
@each_difficulty
def test_worked_solutions_are_correct(family: str, difficulty: str) -> None:
    for task in drawn(40, family, difficulty):
        score = ludex.verify(task.info["solution"], task)
        assert score.correct, (task.prompt, task.info["solution"], score)


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - set(POLYNOMIALS)))
@each_difficulty
def test_other_numbers_are_wrong(family: str, difficulty: str) -> None:
    for task in drawn(30, family, difficulty):
        for other in (Fraction(task.answer) + 1, -Fraction(task.answer)):
            score = ludex.verify(f"\\boxed{{{other}}}", task)
            assert score.level == ("correct" if other == Fraction(task.answer) else "wrong"), (task, other)


def formula_verdicts(family: str, difficulty: str, n: int, seed: int = 3) -> None:
    """Another spelling is right, another problem's answer and every formula of the question are not."""
    from ludex.rewards.maths import check_gold

    for task, other in pairwise(drawn(n + 1, family, difficulty, seed=seed)):
        assert check_gold(task.answer) is None
        assert ludex.verify(f"\\boxed{{2({task.answer})/2}}", task).correct, task
        expected = "correct" if other.answer == task.answer else "wrong"
        assert ludex.verify(other.info["solution"], task).level == expected, (task, other.answer)
        for formula in restated(question(task), family):
            score = ludex.verify(f"\\boxed{{{formula}}}", task)
            assert score.level in ("wrong", "malformed"), (task.prompt, formula, score)


def restated(asked: str, family: str) -> list[str]:
    shown = [part.rpartition("=")[2].strip() for part in formulas(asked)]
    if family == "derivative":
        return [shown[0], f"\\frac{{d}}{{dx}}({shown[0]})", f"\\frac{{d({shown[0]})}}{{dx}}", "f'(x)"]
    return [f"\\int ({shown[0]}) dx", f"\\int_0^x ({shown[0]}) dx + {shown[1]}", "F(x)"]


@each_formula
def test_formulas_are_judged(family: str, difficulty: str) -> None:
    formula_verdicts(family, difficulty, 1)


@pytest.mark.slow
@each_formula
def test_many_formulas_are_judged(family: str, difficulty: str) -> None:
    formula_verdicts(family, difficulty, 25, seed=4)


@pytest.mark.parametrize("family", POLYNOMIALS)
@each_difficulty
def test_coefficients_are_judged_in_their_order(family: str, difficulty: str) -> None:
    for task in drawn(20, family, difficulty, seed=5):
        if kind(family, difficulty) == "formula":
            continue
        given = parts(task.answer)
        *higher, last = given
        for other in ([*higher, last + 1], given[::-1], [0, *given], [*given, 0], higher):
            level = ludex.verify(f"\\boxed{{({', '.join(map(str, other))})}}", task).level
            assert level == ("correct" if other == given else "wrong"), (task, other)
        for spelling in (", ".join(map(str, given)), f"\\left({', '.join(map(str, given))}\\right)"):
            assert ludex.verify(f"\\boxed{{{spelling}}}", task).correct, (task, spelling)
        assert not ludex.verify(f"\\boxed{{{spelled(task.answer)}}}", task).correct


# Unevaluated expressions of formulas A and B of a question.
REWRITINGS = (
    r"A", r"(A)^1", r"(A)^{-1}", r"((A)^{-1})^{-1}", r"\frac{A}{1}", r"\sqrt{(A)^2}", r"\{A\}", r"\boxed{A}", r"|A|",
    r"f(x) = A", r"x = A", r"A = x", r"\int (A) dx", r"\int_0^x (A) dx", r"\frac{d}{dx}(A)", r"\frac{d(A)}{dx}",
    r"\frac{\partial}{\partial x}(A)", r"\frac{{d}}{dx}(A)", r"d(A)/dx", r"(A)'", r"(A)^{\prime}", r"\nabla (A)",
    r"\lim_{y \to x} (A)", r"\sum_{n=1}^1 (A)", r"\prod_{n=1}^1 (A)", r"\max(A)", r"\min(A)", r"\gcd(A)", r"\det(A)",
    r"\begin{vmatrix} A \end{vmatrix}", r"\det \begin{pmatrix} A \end{pmatrix}", r"\begin{pmatrix} A \end{pmatrix}^1",
    r"e^{\ln(A)}", r"\ln(e^{A})", r"\lfloor A \rfloor", r"\binom{A}{1}", r"(A) \bmod x^3", r"(A)!", r"(A)_{10}",
    r"(A)(B)", r"(A) \cdot (B)", r"(A) + (B)", r"(A) - (B)", r"(A)/(B)", r"\frac{A}{B}", r"(A)^{B}", r"(A) \bmod (B)",
    r"(A) \pmod{B}", r"\binom{A}{B}", r"\gcd(A, B)", r"\operatorname{gcd}(A, B)", r"\mathrm{gcd}(A, B)", r"\lcm(A, B)",
    r"\operatorname{lcm}(A, B)", r"\frac{A}{\gcd(A, B)}", r"\frac{(A)(B)}{\lcm(A, B)}", r"\max(A, B)", r"\min(A, B)",
    r"(A, B)", r"A = B", r"\{A, B\}", r"(A)_{B}", r"\begin{vmatrix} A & 0 \\ 0 & B \end{vmatrix}", r"(A) \circ (B)",
)  # fmt: skip
# Values of a formula C at several places: of a polynomial they give integral, derivative and first coefficients.
VALUES = (
    r"\frac{x}{6}(C[0] + 4C[x/2] + C[x])",
    r"\frac{C[x+1] - C[x-1]}{2}",
    r"C[0] + x\frac{C[0.00001] - C[-0.00001]}{0.00002}",
)


def pieces(asked: str) -> list[str]:
    """The formulas of a question, the sides of its equations, both parts of a fraction, and the whole question."""
    shown = formulas(asked)
    sides = [side.strip() for formula in shown for side in re.split(r"=|\\le ", formula)]
    fractions = [part for formula in shown for part in re.findall(r"\{([^{}]+)\}", formula)]
    return [*dict.fromkeys(part for part in (*shown, *sides, *fractions, asked) if part)]


def rewritings(asked: str) -> list[str]:
    """What repeats the question without answering it. Its bare numerals are left out: they have a test of their own."""
    found = pieces(asked)
    pairs = [(a, b) for a in found for b in found if a != b or len(found) == 1]
    every = [filled(form, A=a, B=b) for a, b in pairs for form in REWRITINGS]
    every += [filled(form, C=piece) for piece in found for form in VALUES]
    return [text for text in dict.fromkeys(every) if not re.fullmatch(r"[-\d /(){}\\fracboxedxy=]*", text)]


def filled(form: str, **pieces: str) -> str:
    """The form with a piece for every capital letter; C[2] stands for C with 2 in the place of x."""

    def piece(match: re.Match[str]) -> str:
        at = match[2]
        return f"({re.sub(r'(?<![a-zA-Z])x(?![a-zA-Z])', f'({at})', pieces[match[1]])})" if at else pieces[match[1]]

    return re.sub(r"([ABC])(?:\[(.*?)\])?", piece, form)


def paid(task: Task, tried: list[str]) -> list[str]:
    return [text for text in tried if ludex.verify(f"\\boxed{{{text}}}", task).level not in ("wrong", "malformed")]


@each_family
@each_difficulty
def test_no_rewriting_of_the_question_is_paid(family: str, difficulty: str) -> None:
    if kind(family, difficulty) == "formula":  # these go through the algebra system: fewer here, all when there is time
        (task,) = drawn(1, family, difficulty, seed=6)
        tried = rewritings(question(task))
        assert not paid(task, random.Random(0).sample(tried, 12))
        return
    for task in drawn(4, family, difficulty, seed=6):
        assert not paid(task, rewritings(question(task))), task.prompt


@pytest.mark.slow
@each_formula
def test_no_rewriting_of_the_question_is_a_formula_that_is_paid(family: str, difficulty: str) -> None:
    for task in drawn(2, family, difficulty, seed=7):
        assert not paid(task, rewritings(question(task))), task.prompt


def test_neither_of_two_divisors_divides_the_other() -> None:
    """Else the multiples of one are those of both, and the question's own n/a may be the answer."""
    for task in drawn(300, "divisors", "hard"):
        a, b = map(int, re.findall(r"divisible by (\d+) or by (\d+)", task.prompt)[0])
        assert b % a, task.prompt


@each_family
def test_splits_share_no_problem(family: str) -> None:
    seen: dict[str, str] = {}
    for split in SPLITS:
        for difficulty in DIFFICULTIES:
            source = TaskSource("math-v0", generate, split=split, family=family, difficulty=difficulty)
            for i in range(15):
                assert seen.setdefault(source[i].info["key"], split) == split


def test_the_mix_holds_every_family() -> None:
    tasks = drawn(1000, "all", "medium")
    assert {task.info["family"] for task in tasks} == set(FAMILIES)


def test_mistakes_suggest() -> None:
    with pytest.raises(ValueError, match="no family 'modlar'; did you mean 'modular'"):
        ludex.task_source("math", family="modlar")[0]
    with pytest.raises(ValueError, match="no difficulty 'meduim'; did you mean 'medium'"):
        ludex.task_source("math", difficulty="meduim")[0]
    with pytest.raises(ValueError, match=r"operations='\^' must be some of"):
        ludex.task_source("arithmetic", operations="^")[0]
    with pytest.raises(ValueError, match="terms=1 must lie between 2 and 12"):
        ludex.task_source("arithmetic", terms=1)[0]
    with pytest.raises(ValueError, match="largest=1 must lie between"):
        ludex.task_source("arithmetic", largest=1)[0]


@pytest.mark.parametrize("options", [{}, {"difficulty": "hard"}, {"terms": 12, "largest": 9}, {"operations": "+-"}])
def test_arithmetic_is_exact(options: dict[str, object]) -> None:
    source = ludex.task_source("arithmetic", **options)
    for task in map(source.__getitem__, range(300)):
        text = question(task).removeprefix("What is ").removesuffix("?")
        assert value(text) == Fraction(task.answer)
        if len(text) <= 200:  # a second reader
            assert Fraction(*evaluate(text)[0]) == Fraction(task.answer)
        used = re.findall(r"\d+", text)
        assert len(used) == options.get("terms", 6 if options.get("difficulty") else 4)
        assert set(re.findall(r"[-+*/]", text)) <= set(str(options.get("operations", "+-*/")))
        assert task.answer not in used
        assert ludex.verify(f"so \\boxed{{{task.answer}}}", task).correct
        assert ludex.verify(f"\\boxed{{{Fraction(task.answer) + 1}}}", task).level == "wrong"


def test_arithmetic_steps_are_true_and_end_in_the_value() -> None:
    source = ludex.task_source("arithmetic", difficulty="hard")
    for task in map(source.__getitem__, range(200)):
        steps = [step.split(" = ") for step in task.info["solution"].partition(". The value")[0].split("; ")]
        assert all(value(left) == Fraction(right) for left, right in steps)
        assert steps[-1][1] == task.answer


def test_arithmetic_keys_ignore_order_and_brackets() -> None:
    """Equal up to order means equal as a sum of products: then the value is the same for any numbers."""
    owner: dict[str, set[tuple[str, ...]]] = {}
    texts: dict[str, str] = {}
    draw = random.Random(0)
    for _ in range(20_000):
        found = expression(draw, Preset(3, 4))
        assert texts.setdefault(found.text, found.key) == found.key, "one text, two keys"
        owner.setdefault(found.key, set()).add((str(found.value), *sorted(re.findall(r"\d", found.text))))
    assert all(len(kinds) == 1 for kinds in owner.values()), "one key for problems that differ"
    keys = {text: key for text, key in texts.items() if text in ("1 + 2 * 3", "1 + 3 * 2", "2 * 3 + 1", "3 * 2 + 1")}
    assert len(keys) == 4
    assert len(set(keys.values())) == 1
    assert texts["4 - (3 - 1)"] == texts["1 + 4 - 3"]
    assert texts["1 - 3 - 4"] != texts["4 - 3 - 1"]


@pytest.mark.parametrize("name", ["ludex/math-v0", "ludex/arithmetic-v0"])
def test_gymnasium_makes_them(name: str) -> None:
    env = gym.make(name, difficulty="easy")
    observation, info = env.reset(seed=3)
    assert observation == ludex.task_source(name, seed=3, difficulty="easy")[0].prompt
    assert ludex.task(info["task_id"]).prompt == observation
    _, reward, terminated, truncated, last = env.step(info["solution"])
    assert (reward, terminated, truncated, last["is_success"]) == (1.0, True, False, True)


def test_generators_read_nothing_but_their_rng() -> None:
    first, second = (generate(np.random.default_rng(11)) for _ in "ab")
    assert first == second
