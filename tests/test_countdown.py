"""Countdown: the verifier, the generator and the solver against brute force and a second evaluator."""

from __future__ import annotations

import ast
import itertools
import random
import re
from collections import Counter
from fractions import Fraction

import pytest

import ludex
from ludex.core import Task
from ludex.envs import solver
from ludex.envs.countdown import DIFFICULTIES
from ludex.rewards.answers import tagged

OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}


def problem(numbers: list[int], target: int, **more: object) -> Task:
    return Task("", {"numbers": numbers, "target": target, **more}, "countdown")


def level(expression: str, numbers: list[int], target: int, **more: object) -> str | None:
    return ludex.verify(f"<answer>{expression}</answer>", problem(numbers, target, **more)).level


def calculate(sign: str, a: Fraction | None, b: Fraction | None) -> Fraction | None:
    """None stands for a division by zero somewhere below."""
    if a is None or b is None or (sign == "/" and b == 0):
        return None
    return {"+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b, "/": lambda: a / b}[sign]()


def by_ast(text: str) -> tuple[Fraction | None, list[int]]:
    """Value and numbers of a trusted expression, by Python's own parser."""

    def walk(node: ast.expr) -> tuple[Fraction | None, list[int]]:
        if isinstance(node, ast.Constant):
            return Fraction(node.value), [node.value]
        assert isinstance(node, ast.BinOp)
        (a, left), (b, right) = walk(node.left), walk(node.right)
        return calculate(OPERATORS[type(node.op)], a, b), left + right

    return walk(ast.parse(text, mode="eval").body)


def trees(numbers: tuple[int, ...]):
    """Every expression over all `numbers` in this order, as nested (sign, left, right)."""
    if len(numbers) == 1:
        yield numbers[0]
    for cut in range(1, len(numbers)):
        for left, right in itertools.product(list(trees(numbers[:cut])), list(trees(numbers[cut:]))):
            for sign in "+-*/":
                yield sign, left, right


def value(tree) -> Fraction | None:
    return Fraction(tree) if isinstance(tree, int) else calculate(tree[0], value(tree[1]), value(tree[2]))


def written(tree) -> str:
    return str(tree) if isinstance(tree, int) else f"({written(tree[1])}{tree[0]}{written(tree[2])})"


def canonical(tree) -> str:
    """One form for the trees that differ only in the order around + or *."""
    if isinstance(tree, int):
        return str(tree)
    parts = [canonical(tree[1]), canonical(tree[2])]
    return f"({tree[0].join(sorted(parts) if tree[0] in '+*' else parts)})"


def every_tree(numbers: list[int]):
    return {tree for order in set(itertools.permutations(numbers)) for tree in trees(order)}


@pytest.mark.parametrize("numbers", [[3, 5, 2], [4, 4, 2], [1, 1, 1], [7, 13, 50], [6, 3, 2]])
def test_verifier_agrees_with_brute_force_on_three_numbers(numbers):
    everything = every_tree(numbers)
    assert len(everything) == 32 * len(set(itertools.permutations(numbers)))  # 2 shapes x 4 x 4 signs
    for target in (24, 1, 10, 0):
        for tree in everything:
            expected = "correct" if value(tree) == target else "wrong value"
            assert level(written(tree), numbers, target) == expected, (written(tree), target)


# Answers that other scorers have paid or choked on; the numbers, the target and the level they deserve.
TABLE = [
    ("3.5*2", [3, 5, 2], 7, "malformed"),
    ("2**5", [2, 5], 32, "malformed"),
    ("7//2", [7, 2], 3, "malformed"),
    ("16**(1/2)", [16, 1, 2], 4, "malformed"),
    ("2^5", [2, 5], 7, "malformed"),
    ("-3+5", [3, 5], 2, "malformed"),
    ("3--5", [3, 5], 8, "malformed"),
    ("2+3+4+491e0", [2, 3, 4], 500, "malformed"),
    ("2+3+4_91", [2, 3], 496, "malformed"),
    ("0x10", [16], 16, "malformed"),
    ("(2+3)*0x0+0x7", [2, 3], 7, "malformed"),
    ("(2+3)*0e0+7e0", [2, 3], 7, "malformed"),
    ("(2+3)*len('')+len('xxx')", [2, 3], 3, "malformed"),
    ("factorial(5)", [5], 120, "malformed"),
    ("5!", [5], 120, "malformed"),
    ("sqrt(16)", [16], 4, "malformed"),
    ("binomial(5,2)", [5, 2], 10, "malformed"),
    ("3==3", [3, 3], 1, "malformed"),
    ("1000003/1000000", [1000003, 1000000], 1, "wrong value"),
    ("9**9**9**9", [9, 9, 9, 9], 9, "malformed"),
    ("99**98**97", [99, 98, 97], 1, "malformed"),
    ('__import__("os").system("true")', [1], 1, "malformed"),
    ("3\u00d75", [3, 5], 15, "correct"),
    ("15\u00f75", [15, 5], 3, "correct"),
    ("5\u22123", [5, 3], 2, "correct"),
    ("3+5=8", [3, 5], 8, "malformed"),
    ("07+1", [7, 1], 8, "malformed"),
    ("\u0663+\u0665", [3, 5], 8, "malformed"),
    ("3(5)", [3, 5], 15, "malformed"),
    ("3 5", [3, 5], 35, "malformed"),
    ("(3)5", [3, 5], 35, "malformed"),
    ("()", [3], 3, "malformed"),
    ("(3", [3], 3, "malformed"),
    ("3)", [3], 3, "malformed"),
    ("3+", [3], 3, "malformed"),
    ("3+5", [3, 5, 100], 8, "wrong numbers"),
    ("3+5+5", [3, 5], 13, "wrong numbers"),
    ("35", [3, 5], 35, "wrong numbers"),
    ("8/(3-8/3)", [8, 3, 8, 3], 24, "correct"),
    ("3\n + 5", [3, 5], 8, "correct"),
    ("((3))+5", [3, 5], 8, "correct"),
    ("1/(2-2)", [1, 2, 2], 1, "wrong value"),
    ("(" * 100_000, [1], 1, "malformed"),
    ("1" + "+1" * 99, [1] * 100, 100, "correct"),
    ("1" + "+1" * 100, [1] * 101, 101, "malformed"),  # 201 characters
]


@pytest.mark.parametrize(("expression", "numbers", "target", "expected"), TABLE, ids=lambda v: str(v)[:24])
def test_verdicts(expression, numbers, target, expected):
    assert level(expression, numbers, target) == expected


def test_no_marker_is_no_answer_and_an_operation_may_be_forbidden():
    assert ludex.verify("3+5", problem([3, 5], 8)).level == "no answer"
    assert level("3*5", [3, 5], 15, operations="+-") == "malformed"
    assert level("3\u00d75", [3, 5], 15, operations="+-") == "malformed"
    assert level("3+5", [3, 5], 8, operations="+-") == "correct"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [("90+10", "correct"), ("90+20", "close"), ("90+21", "near"), ("90+60", "near"), ("90+61", "far"), ("90/0", "far")],
)
def test_closeness_grades_by_distance_below_the_threshold(expression, expected):
    """Target 100: within 10 % is close, within 50 % near."""
    numbers = [int(n) for n in re.findall(r"\d+", expression)]
    score = ludex.verify(f"<answer>{expression}</answer>", problem(numbers, 100, closeness=True))
    assert score.level == expected
    assert score.correct == (score.reward > score.scale.threshold) == (expected == "correct")


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_generated_problems_keep_their_promises(difficulty):
    preset = DIFFICULTIES[difficulty]
    source = ludex.task_source("countdown", difficulty=difficulty)
    for i in range(300):
        task = source[i]
        numbers, target = task.answer["numbers"], task.answer["target"]
        assert len(numbers) == preset.numbers
        assert all(1 <= n <= preset.largest for n in numbers)
        assert preset.target[0] <= target <= preset.target[1]
        expression = tagged(task.info["solution"])[0]
        worked, used = by_ast(expression)
        assert worked == target
        assert Counter(used) == Counter(numbers)
        assert [int(n) for n in re.findall(r"\d+", task.prompt)] == [*numbers, target]
        assert task.info["key"] == f"{sorted(numbers)}={target}"


def generic(text: str) -> Fraction | None:
    """The value with a large prime in place of the i-th number, so that nothing cancels by chance."""
    primes = iter((1000003, 2000003, 3000017, 5000011, 7000003))
    return by_ast(re.sub(r"\d+", lambda _: str(next(primes)), text))[0]


def bracket_pairs(text: str):
    opened = []
    for i, char in enumerate(text):
        if char == "(":
            opened.append(i)
        elif char == ")":
            yield opened.pop(), i


def test_solutions_have_no_bracket_too_many():
    seen = 0
    source = ludex.task_source("countdown", difficulty="hard")
    for i in range(300):
        text = tagged(source[i].info["solution"])[0]
        for start, end in bracket_pairs(text):
            without = text[:start] + text[start + 1 : end] + text[end + 1 :]
            assert generic(without) != generic(text), text
            seen += 1
    assert seen > 100


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"difficulty": "meduim"}, "did you mean 'medium'"),
        ({"numbers": 9}, "between 2 and 8"),
        ({"numbers": 1}, "between 2 and 8"),
        ({"operations": "+^"}, "some of"),
        ({"operations": ""}, "some of"),
        ({"operations": "++"}, r"operations='\+\+' must be some of '\+-\*/', each once"),
        ({"target": (9, 3)}, "lowest, highest"),
        ({"target": (1, 2, 3)}, "2 values"),
        ({"target": (1.5, 20.5)}, "two whole numbers"),
        ({"target": ("a", 2)}, "two whole numbers"),
        ({"target": (1, 10**15), "largest": 10**12}, r"largest=1000000000000 must lie between 1 and 10\*\*12 - 1"),
        ({"largest": -3}, "largest=-3 must lie between"),
        ({"largest": 2, "numbers": 2, "target": (500, 600)}, "no problem"),
    ],
)
def test_bad_options_are_one_clear_line(options, message):
    with pytest.raises(ValueError, match=message) as caught:
        ludex.task_source("countdown", **options)[0]
    assert "\n" not in str(caught.value)


def test_the_largest_numbers_that_an_answer_may_write():
    source = ludex.task_source("countdown", largest=10**12 - 1, numbers=8, target=[1, 10**40], operations="+-*")
    for task in map(source.__getitem__, range(10)):
        assert ludex.verify(task.info["solution"], task).correct, task


def test_options_shape_the_problem():
    task = ludex.task_source("countdown", numbers=6, largest=9, target=[7, 7], operations="+-")[0]
    assert len(task.answer["numbers"]) == 6
    assert max(task.answer["numbers"]) <= 9
    assert task.answer["target"] == 7
    assert not set("*/") & set(task.info["solution"].replace("</answer>", ""))
    assert ludex.task(task.id) == task


@pytest.mark.parametrize(
    "numbers", [[5], [3, 7], [4, 4], [1, 2, 3], [2, 2, 2], [5, 5, 9], [1, 2, 3, 4], [3, 3, 8, 8], [1, 1, 5, 5]]
)
def test_solver_counts_what_brute_force_finds(numbers):
    found: dict[Fraction, set[str]] = {}
    for tree in every_tree(numbers):
        result = value(tree)
        if result is not None:
            found.setdefault(result, set()).add(canonical(tree))
    solved = solver.values(numbers)
    assert {Fraction(*v): way.amount for v, way in solved.items()} == {v: len(forms) for v, forms in found.items()}
    for v, way in solved.items():
        worked, used = by_ast(way.expression)
        assert worked == Fraction(*v)
        assert Counter(used) == Counter(numbers)


def test_solver_knows_the_number_of_values_of_generic_numbers():
    """6, 68, 1170: the published sequence of values from n generic numbers, all used (OEIS A140606)."""
    for numbers, expected in (([1000003, 7000003], 6), ([1000003, 7000003, 3000017], 68)):
        assert len(solver.values(numbers)) == expected
    assert len(solver.values([1000003, 7000003, 3000017, 9000011])) == 1170


def test_solver_entry_points():
    assert solver.count([8, 3, 8, 3], 24) == 1
    assert solver.solution([8, 3, 8, 3], 24) == "8 / (3 - (8 / 3))"
    assert solver.count([1, 1], 7) == 0
    assert solver.solution([1, 1], 7) is None
    assert solver.count([2, 3], 6, operations="+-") == 0
    assert solver.count([2, 3], 6) == 1
    assert solver.solution([5], 5) == "5"


def test_solver_confirms_generated_problems():
    source = ludex.task_source("countdown", split="test")
    confirm(source[i] for i in range(100))


@pytest.mark.slow
def test_solver_confirms_ten_thousand_problems():
    source = ludex.task_source("countdown")
    confirm(source[i] for i in range(10_000))


def confirm(tasks) -> None:
    for task in tasks:
        numbers, target = task.answer["numbers"], task.answer["target"]
        expression = solver.solution(numbers, target)
        assert expression is not None, task.id
        assert level(expression, numbers, target) == "correct", task.id


def test_random_expressions_are_judged_as_python_judges_them():
    draw = random.Random(3)
    for _ in range(500):
        numbers = [draw.randint(1, 12) for _ in range(draw.randint(2, 6))]
        text = str(numbers[0])
        for n in numbers[1:]:
            text = f"{text} {draw.choice('+-*/')} {n}" if draw.random() < 0.5 else f"{n} {draw.choice('+-*/')} ({text})"
        result = by_ast(text)[0]
        target = int(result) if result is not None else 1
        expected = "correct" if result == target else "wrong value"
        assert level(text, numbers, target) == expected, text
