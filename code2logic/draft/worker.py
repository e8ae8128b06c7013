"""The child process in which a drafted module runs: it confines itself, runs the module, and prints JSON.

Before the module is run, everything that it may use is loaded, and the process gives up for good all system calls but
those of SYSCALLS (seccomp): it can compute, take memory, write to what is open (its reply, and the null device) and
end. It cannot open, list, rename or delete a file, nor start a process or a thread, signal one, or reach the network;
the kernel sees to that, whatever code runs. Memory, CPU time and the size of the reply are limited (rlimits). It has
no environment and knows no secret. Whatever it prints is judged as data by the process that started it.

    python -I -m ludex.code2logic.draft.worker < job.json
"""

from __future__ import annotations

import base64
import ctypes
import hashlib
import importlib
import io
import json
import os
import random
import resource
import sys
import traceback
from types import ModuleType
from typing import Any

import numpy as np

from ludex.code2logic import skeleton
from ludex.code2logic.draft.vet import MODULES
from ludex.code2logic.draw import STYLES, png
from ludex.code2logic.game import DIFFICULTIES, Game
from ludex.code2logic.sheet import sheet

FILE = "drafted.py"  # the module's name in messages; no such file exists
SYSCALLS = "brk mmap mremap munmap mprotect madvise futex getrandom clock_gettime write exit exit_group"
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | 1  # SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(EPERM)
ALL_THREADS = 4  # SCMP_FLTATR_CTL_TSYNC


def confine(memory: int, seconds: int, output: int) -> None:
    """Give up everything that a pure game does not need. OSError if the kernel or libseccomp cannot do it."""
    for kind, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, output),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))
    seccomp = ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    filters = ctypes.c_void_p(seccomp.seccomp_init(REFUSE))
    failed = seccomp.seccomp_attr_set(filters, ALL_THREADS, 1)
    for name in SYSCALLS.split():
        failed |= seccomp.seccomp_rule_add(filters, ALLOW, seccomp.seccomp_syscall_resolve_name(name.encode()), 0)
    if failed or seccomp.seccomp_load(filters) != 0:
        raise OSError("the kernel refuses seccomp filters")
    try:
        os.stat("/")
    except PermissionError:
        return
    raise OSError("the kernel does not heed seccomp filters")


def load(source: str) -> ModuleType:
    """The drafted module."""
    module = ModuleType("drafted")
    sys.modules["drafted"] = module  # dataclasses look their module up
    exec(compile(source, FILE, "exec", dont_inherit=True), vars(module))  # of this file's __future__
    return module


def tasks(game: Game, draws: int, seed: int) -> dict[str, Any]:
    """What the game says of itself, `draws` tasks a question, and the hashes of each one's words and picture."""
    found: list[dict[str, Any]] = []
    for question in game.questions:
        rng = random.Random(f"{seed} {question}")
        for i in range(draws):
            problem = game.problem(rng, question=question, difficulty=DIFFICULTIES[i % 3])
            words = game.describe(problem.state)
            shot = png(game.draw(problem.state, STYLES["paper"])) if i < 30 else b""
            task = problem.task(rng, "text", "paper")
            found.append({"task": task.to_json(), "words": words, "picture": _hash(shot)})
    rng = random.Random(seed)
    means = [sum(game.measure(game.start(rng, game.sizes[d])) for _ in range(60)) / 60 for d in DIFFICULTIES]
    return {
        "name": game.name,
        "rules": game.rules,
        "legend": game.legend,
        "measured": game.measured,
        "means": means,
        "questions": list(game.questions),
        "draws": found,
    }


def verdicts(checker: Any, cases: list[dict[str, Any]]) -> list[list[Any]]:
    """For each case what the checker says of the state and of each answer."""
    said = []
    for case in cases:
        judge = getattr(checker, case["question"])
        answers = [bool(judge(case["state"], case["asked"], answer)) for answer in case["answers"]]
        said.append([bool(checker.sound(case["state"])), answers])
    return said


def contact_sheet(game: Game) -> str:
    """A contact sheet as a PNG in base 64."""
    out = io.BytesIO()
    sheet(game).save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


def _hash(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=12).hexdigest() if data else ""


def run(job: dict[str, Any]) -> Any:
    """Do the job; only what the module does can fail here."""
    module = load(job["source"])
    if job["kind"] == "verdicts":
        return verdicts(module, job["cases"])
    if not isinstance(getattr(module, "game", None), Game):
        raise TypeError("the module must hold `game = Game(...)`")
    return contact_sheet(module.game) if job["kind"] == "sheet" else tasks(module.game, job["draws"], job["seed"])


def where(error: BaseException) -> str:
    """The error with the line of the drafted module in which it arose, on one line."""
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == FILE]
    place = f"line {lines[-1]}: " if lines else ""
    return " ".join(f"{place}{type(error).__name__}: {error}".split())[:400]


def prepare() -> None:
    """Load all that a game may need later: modules, codecs, the font, Pillow's plugins."""
    for name in MODULES:
        importlib.import_module(name)
    sheet(skeleton.game)
    skeleton.game.generate(np.random.default_rng(0), observation="both")


def main() -> None:
    """Read the job, confine, run, print {"result": ...} or {"error": one line}."""
    job = json.load(sys.stdin)
    out = os.fdopen(os.dup(1), "w")
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)  # what the module prints goes nowhere
    prepare()
    try:
        confine(job["memory"], job["seconds"], job["output"])
    except (OSError, ValueError) as error:
        reply = {"unsafe": f"cannot run a model's code safely here: {error}; libseccomp2 and Linux are needed"}
    else:
        try:
            reply = {"result": run(job)}
        except BaseException as error:  # SystemExit too: the module may raise anything
            reply = {"error": where(error)}
    json.dump(reply, out)
    out.flush()
    os._exit(0)  # no exit handlers of the module's


if __name__ == "__main__":
    main()
