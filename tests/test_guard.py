"""Bounded execution: limits hold, crashes stay outside, and the next call works, from every kind of process."""

from __future__ import annotations

import itertools
import multiprocessing.spawn
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ludex.rewards.guard import GRACE_S, Outcome, run

pytest.importorskip("pebble", reason="needs ludex[math]")


def works() -> bool:
    return run("math:gcd", 12, 18) == Outcome("value", 6)


def script(code: str, tmp_path: Path, limit_s: float = 60) -> str:
    """What a program of its own prints; it has no `if __name__ == "__main__"`, and must end by itself."""
    path = tmp_path / "program.py"
    path.write_text(code)
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=limit_s)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_value_and_exception() -> None:
    assert run("math:factorial", 20).value == 2432902008176640000
    failed = run("math:sqrt", -1)
    assert (failed.kind, failed.value) == ("raised", None)
    assert "ValueError" in failed.why
    assert "FileNotFoundError" in run("os:listdir", "/no/such/folder").why


def test_a_missing_module_or_function_is_told() -> None:
    assert "no_such_module" in run("no_such_module:function").why
    assert "no_such" in run("math:no_such").why
    assert works()


def test_the_alarm_ends_python_code() -> None:
    start = time.monotonic()
    outcome = run("time:sleep", 60, limit_s=0.3)
    assert (outcome.kind, outcome.value) == ("time", None)
    assert "interrupted" in outcome.why
    assert time.monotonic() - start < 0.3 + GRACE_S
    assert works()


@pytest.mark.slow
def test_what_no_alarm_can_end_is_killed() -> None:
    """An endless loop in C, which never looks at signals."""
    start = time.monotonic()
    outcome = run("builtins:all", itertools.repeat(1), limit_s=0.3)
    assert outcome.kind == "time"
    assert "killed" in outcome.why
    assert time.monotonic() - start < 0.3 + GRACE_S + 5
    assert works()


def test_memory_is_limited() -> None:
    assert run("builtins:bytearray", 3 << 30).kind == "memory"
    assert run("builtins:bytearray", 600 << 20, memory_mb=512).kind == "memory"
    assert run("builtins:len", b"small").value == 5


def test_a_crash_is_an_outcome_and_the_pool_recovers() -> None:
    for code in (3, -signal.SIGSEGV):
        target, *args = ("os:_exit", code) if code > 0 else ("signal:raise_signal", -code)
        outcome = run(str(target), *args)
        assert outcome.kind == "died", outcome
    assert works()


def test_an_argument_or_result_that_cannot_travel() -> None:
    assert run("math:gcd", lambda: 1).kind == "raised"
    assert run("threading:Lock").kind == "raised"
    assert works()


def test_a_worker_killed_from_outside_costs_nothing() -> None:
    assert works()
    for child in multiprocessing.active_children():
        if child.name == "pebble_pool_worker":
            os.kill(child.pid or 0, signal.SIGKILL)
    assert [works() for _ in range(20)] == [True] * 20


def test_workers_that_cannot_start_are_broken_and_recover() -> None:
    executable = multiprocessing.spawn.get_executable()
    multiprocessing.set_executable("/no/such/python")
    try:
        outcome = run("colorsys:rgb_to_hsv", 0, 0, 0)  # a module without a pool yet
        assert outcome.kind == "broken"
        assert "\n" not in outcome.why
    finally:
        multiprocessing.set_executable(os.fsdecode(executable))
    assert run("colorsys:rgb_to_hsv", 0, 0, 0).value == (0.0, 0.0, 0)


def test_threads_get_their_own_results() -> None:
    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(lambda n: run("math:factorial", n), range(60)))
    product = 1
    for n, outcome in enumerate(outcomes):
        product *= max(1, n)
        assert outcome == Outcome("value", product)


@pytest.mark.slow
def test_a_slow_call_does_not_hold_up_another() -> None:
    if (os.cpu_count() or 1) < 2:
        pytest.skip("one core gives one worker")
    assert run("time:sleep", 0).kind == "value"
    with ThreadPoolExecutor(2) as threads:
        slow = threads.submit(run, "time:sleep", 1.5)
        time.sleep(0.2)
        start = time.monotonic()
        assert run("time:sleep", 0).kind == "value"
        assert time.monotonic() - start < 1.2
        assert slow.result().kind == "value"


def test_a_script_without_a_main_guard_ends(tmp_path: Path) -> None:
    code = "print('once')\nfrom ludex.rewards.guard import run\nprint(run('math:gcd', 12, 18).value)\n"
    assert script(code, tmp_path) == "once\n6"


def test_a_script_ends_while_a_worker_hangs(tmp_path: Path) -> None:
    code = (
        "import threading\nfrom ludex.rewards.guard import run\nprint(run('math:gcd', 12, 18).value)\n"
        "threading.Thread(target=run, args=('time:sleep', 50), kwargs={'limit_s': 50}, daemon=True).start()\n"
    )
    assert script(code, tmp_path, limit_s=30) == "6"


FORKED = """
import os
from ludex.rewards.guard import run
print(run("math:gcd", 12, 18).value, flush=True)
child = os.fork()
if child == 0:
    os._exit(run("math:gcd", 12, 18).value)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), run("math:gcd", 12, 18).value)
"""


def test_a_forked_process_starts_its_own_workers(tmp_path: Path) -> None:
    assert script(FORKED, tmp_path) == "6\n6 6"


DAEMONIC = """
import multiprocessing
from ludex.rewards.guard import run

def child(queue):
    queue.put((multiprocessing.current_process().daemon, run("math:gcd", 12, 18).value))

context = multiprocessing.get_context("fork")
queue = context.Queue()
process = context.Process(target=child, args=(queue,), daemon=True)
process.start()
print(*queue.get(timeout=30))
process.join(30)
print(process.exitcode)
"""


def test_a_daemonic_process_may_have_workers_and_ends(tmp_path: Path) -> None:
    assert script(DAEMONIC, tmp_path) == "True 6\n0"


def test_the_caller_keeps_its_main_module_and_imports_nothing(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom ludex.rewards.guard import run\nmain = sys.modules['__main__']\n"
        "print(run('wave:open', '/no/such/file').kind, 'wave' in sys.modules, sys.modules['__main__'] is main)\n"
    )
    assert script(code, tmp_path) == "raised False True"


MATHS = """
import multiprocessing.spawn
from ludex import rewards
from ludex.core import Task
task = Task("?", r"2\\sqrt{3}", "maths")
judge = lambda: rewards.verify(r"<answer>\\sqrt{12}</answer>", task)
python = multiprocessing.spawn.get_executable()
multiprocessing.set_executable("/no/such/python")
score = judge()
print(score.status, score.level)
multiprocessing.set_executable(python.decode() if isinstance(python, bytes) else python)
print(*{judge().level for _ in range(100)})
"""


def test_a_dead_pool_is_an_error_and_the_next_hundred_answers_are_right(tmp_path: Path) -> None:
    pytest.importorskip("math_verify", reason="needs ludex[math]")
    assert script(MATHS, tmp_path) == "error None\ncorrect"
