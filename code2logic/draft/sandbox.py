"""Runs a module that nobody has read: vetted first, then in a confined process with time and memory limits."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from typing import Any

from ludex.code2logic.draft.vet import objections

LONGEST = 400  # characters of an error


class Rejected(ValueError):
    """The module was turned away, broke off, or ran into a limit; the message is one line for its author."""


class Unsafe(OSError):
    """This machine cannot confine a process."""


@dataclass(frozen=True)
class Limits:
    """What a run may use: seconds of wall clock, bytes of memory and of output."""

    seconds: int = 60
    memory: int = 2 << 30
    output: int = 64 << 20


def run(source: str, job: dict[str, Any], limits: Limits | None = None) -> Any:
    """The result of one job (see worker.py) with the module `source`.

    Raises:
        Rejected: with the reason, which the module's author can act on.
        Unsafe: if the kernel cannot confine a process here (Linux, seccomp and libseccomp2 are needed).
    """
    limits = limits or Limits()
    found = objections(source)
    if found:
        raise Rejected("; ".join(found[:8]))
    with tempfile.TemporaryFile() as out:
        order = json.dumps(job | asdict(limits) | {"source": source})
        status = _supervise(order.encode(), out, limits)
        out.seek(0)
        return _reply(out.read(), status)


def _supervise(job: bytes, out: Any, limits: Limits) -> int:
    """The worker's exit status. Rejected if it takes too long; nothing of it is left running."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-m", "ludex.code2logic.draft.worker"],
        stdin=subprocess.PIPE,
        stdout=out,
        stderr=subprocess.DEVNULL,
        cwd=os.sep,
        env={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"},
        start_new_session=True,
    )
    try:
        process.communicate(job, timeout=limits.seconds + 10)  # its start takes a while
    except subprocess.TimeoutExpired:
        raise Rejected(f"ran for more than {limits.seconds} s: is there a loop without an end?") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return process.returncode


def _reply(text: bytes, status: int) -> Any:
    try:
        reply = json.loads(text)
    except (ValueError, RecursionError):
        raise Rejected(_ending(status)) from None
    if "unsafe" in reply:
        raise Unsafe(_shown(str(reply["unsafe"])))
    if "result" not in reply:
        raise Rejected(_shown(str(reply.get("error", "no result"))))
    return reply["result"]


def _shown(error: str) -> str:
    """What the worker says, one line that a terminal can show: the module may have put words into its mouth."""
    return "".join(letter if letter.isprintable() else " " for letter in error[:LONGEST])


def _ending(status: int) -> str:
    """Why a worker ended without a reply."""
    if -status in (signal.SIGXCPU, signal.SIGKILL):
        return "ran out of CPU time or memory: is there a loop without an end?"
    if -status == signal.SIGXFSZ:
        return "its tasks take up too much room"
    return f"the process died ({signal.Signals(-status).name if status < 0 else f'status {status}'})"
