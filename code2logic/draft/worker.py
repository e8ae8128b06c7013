"""The child process in which a drafted module runs: it confines itself, imports the module, and prints JSON.

Before the module is read, the process gives up for good: network, processes and signals (libseccomp), files outside
of Python's own folders (audit hook), memory, CPU time and the size of what it writes (rlimits). It has no
environment and knows no secret. Whatever it prints is judged as data by the process that started it.

    python -I -m ludex.code2logic.draft.worker MODULE.py < job.json
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import io
import json
import os
import random
import resource
import sys
import traceback
from typing import Any

import numpy as np

import ludex
from ludex.code2logic import skeleton
from ludex.code2logic.draw import STYLES, png
from ludex.code2logic.game import DIFFICULTIES, Game
from ludex.code2logic.sheet import sheet

EPERM = 1
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | EPERM  # SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(EPERM)
SYSCALLS = (
    "socket socketpair connect bind sendto sendmsg execve execveat fork vfork clone clone3 kill tkill tgkill "
    "ptrace process_vm_readv process_vm_writev unlink unlinkat rename renameat renameat2 rmdir mkdir mkdirat "
    "chmod fchmod fchmodat chown fchownat link linkat symlink symlinkat truncate mount umount2 bpf "
    "io_uring_setup keyctl"
)


def confine(memory: int, seconds: int, output: int) -> None:
    """Give up everything that a pure game does not need. OSError if the kernel or libseccomp cannot do it."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (output, output))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    seccomp = ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    filters = ctypes.c_void_p(seccomp.seccomp_init(ALLOW))
    for name in SYSCALLS.split():
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:  # not every architecture has each
            seccomp.seccomp_rule_add(filters, REFUSE, number, 0)
    if seccomp.seccomp_load(filters) != 0:
        raise OSError("the kernel refuses seccomp filters")
    sys.addaudithook(audit)


ROOTS = tuple(os.path.abspath(p) + os.sep for p in (sys.prefix, sys.base_prefix, os.path.dirname(ludex.__file__), "."))
REFUSED = ("socket.", "subprocess.", "ctypes.", "shutil.", "os.system", "os.exec", "os.fork", "os.spawn", "os.posix_")


def audit(event: str, args: tuple[Any, ...]) -> None:
    """Refuse to read outside of ROOTS, to write anywhere, and what REFUSED names."""
    if event == "open":
        path, mode = args[0], args[1]
        name = os.path.abspath(os.fsdecode(path)) if isinstance(path, str | bytes) else ""
        if (mode and set(str(mode)) & set("wax+")) or not name.startswith(ROOTS):
            raise PermissionError("a game opens no files")
    elif event.startswith(REFUSED):
        raise PermissionError(f"a game has no use for {event}")


def load(path: str) -> Any:
    """The module in the file `path`."""
    spec = importlib.util.spec_from_file_location("drafted", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules["drafted"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
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
    import base64

    out = io.BytesIO()
    sheet(game).save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


def _hash(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=12).hexdigest() if data else ""


def run(path: str, job: dict[str, Any]) -> Any:
    """Do the job; only what the module does can fail here."""
    module = load(path)
    if job["kind"] == "verdicts":
        return verdicts(module, job["cases"])
    if not isinstance(getattr(module, "game", None), Game):
        raise TypeError("the module must hold `game = Game(...)`")
    return contact_sheet(module.game) if job["kind"] == "sheet" else tasks(module.game, job["draws"], job["seed"])


def where(error: BaseException) -> str:
    """The error with the line of the drafted module in which it arose, on one line."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename.endswith("drafted.py")]
    place = f"line {lines[-1]}: " if lines else ""
    return " ".join(f"{place}{type(error).__name__}: {error}".split())[:400]


def main() -> None:
    """Read the job, confine, run, print {"result": ...} or {"error": one line}."""
    job = json.load(sys.stdin)
    out = os.fdopen(os.dup(1), "w")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)  # what the module prints goes nowhere
    os.dup2(null, 2)
    sheet(skeleton.game)  # loads all that is needed later: codecs, fonts, plugins
    skeleton.game.generate(np.random.default_rng(0), observation="both")
    try:
        confine(job["memory"], job["seconds"], job["output"])
    except OSError as error:
        reply = {"unsafe": f"cannot run a model's code safely here: {error}; libseccomp2 and Linux are needed"}
    else:
        try:
            reply = {"result": run(sys.argv[1], job)}
        except BaseException as error:  # SystemExit too: the module may raise anything
            reply = {"error": where(error)}
    json.dump(reply, out)
    out.flush()
    os._exit(0)  # no exit handlers of the module's


if __name__ == "__main__":
    main()
