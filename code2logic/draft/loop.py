"""The rounds of a draft: ask for a module, run it, have it checked by a second author, feed back what failed."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ludex.agents.remote import ContextFull, Remote
from ludex.agents.render import Message
from ludex.agents.sampling import Sampling
from ludex.code2logic.draft import judge, module, prompts, sandbox
from ludex.code2logic.draft.sandbox import Limits, Rejected

SEED = 0
MALFORMED = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)  # raised by bad data


@dataclass(frozen=True)
class Draft:
    """One answer of the author's and what the checks said of it.

    Attributes:
        source: the module.
        checker: the second author's module; "" where the first did not get that far.
        kept: questions that passed everything.
        faults: lines by question; "" for the whole module.
    """

    source: str = ""
    checker: str = ""
    kept: tuple[str, ...] = ()
    faults: judge.Faults = field(default_factory=dict)

    @property
    def lines(self) -> list[str]:
        """The faults, each with its question."""
        return [f"{name}: {line}" if name else line for name, lines in self.faults.items() for line in lines]


@dataclass(frozen=True)
class Drafter:
    """Asks a model for games.

    Attributes:
        remote: the model; it is asked for the game and, in a conversation of its own, for the checker.
        rounds: answers asked for at most, the first included.
        draws: tasks a question that are checked.
        say: gets one line for each stage.
    """

    remote: Remote
    sampling: Sampling = field(default_factory=lambda: Sampling(8192, 0.6))
    rounds: int = 3
    draws: int = 120
    limits: Limits = field(default_factory=Limits)
    say: Callable[[str], None] = print

    def draft(self, source: str) -> Draft:
        """The answer of which most questions passed; nothing is kept of one that never got that far.

        Raises:
            ConnectionError: if the model cannot be asked.
            ContextFull: if the game's code is longer than the model's context.
            Unsafe: if nothing can be confined on this machine.
        """
        first, best = prompts.author(source), Draft()
        messages = first
        for attempt in range(1, self.rounds + 1):
            self.say(f"round {attempt} of {self.rounds}: asking for a module")
            answer, cut = self._ask(messages)
            draft = self.examine(module.block(answer), cut)
            self.say(f"  questions that pass: {len(draft.kept)}; faults: {len(draft.lines)}")
            for line in draft.lines[:6]:
                self.say(f"  - {line[:200]}")
            if len(draft.kept) > len(best.kept) or not best.source:
                best = draft
            if not draft.faults:
                break
            messages = [*first, *prompts.repair(answer, draft.lines)]
        return best

    def _ask(self, messages: list[Message]) -> tuple[str, bool]:
        try:
            return self.remote.complete(messages, self.sampling)
        except ContextFull:
            raise ConnectionError(f"{self.remote.url}: the game's code is too long for the model's context") from None

    def examine(self, source: str | None, cut: bool = False) -> Draft:
        """Run and check one module."""
        if source is None:
            fault = "the answer was cut by its length limit" if cut else "the answer holds no ```python block"
            return Draft(faults={"": [fault]})
        job = {"kind": "tasks", "draws": self.draws, "seed": SEED}
        try:
            said, again = (sandbox.run(source, job, self.limits) for _ in range(2))
            tasks = judge.read(said)
            faults = judge.game_faults(said, again, tasks)
        except Rejected as fault:
            return Draft(source, faults={"": [str(fault)]})
        except MALFORMED as error:
            return Draft(source, faults={"": [f"its tasks are malformed ({type(error).__name__}: {error})"]})
        sound = {name: drawn for name, drawn in tasks.items() if name not in faults and drawn}
        if "" in faults or not sound:
            return Draft(source, faults=faults)
        checker, found = self._checked(source, said, sound)
        kept = tuple(name for name in sound if name not in found and "" not in found)
        return Draft(source, checker, kept, faults | found)

    def _checked(self, source: str, said: dict[str, Any], tasks: dict[str, Any]) -> tuple[str, judge.Faults]:
        """A checker's module and where it disagrees; two are asked for, in case the first is broken."""
        docs, asked = module.documented(source, tasks)
        shown = [
            {"question": name, "state": t.info["state"], "asked": t.info["asked"], "prompt": t.prompt}
            for name, drawn in tasks.items()
            for t in drawn[:2]
        ]
        trouble = ""
        for _ in range(2):
            self.say("  asking for an independent checker")
            answer, _ = self._ask(prompts.checker(said, docs, asked, shown))
            checker = module.block(answer)
            try:
                verdicts = sandbox.run(checker or "", {"kind": "verdicts", "cases": judge.cases(tasks)}, self.limits)
                if not checker or len(verdicts) != sum(map(len, tasks.values())):
                    raise Rejected("no module")
                return checker, judge.disagreements(tasks, verdicts)
            except MALFORMED as error:
                trouble = f"no independent checker ran: {error}"
                self.say(f"  {trouble[:200]}")
        return "", {"": [trouble]}


def targets(target: Path) -> list[Path]:
    """The files of a draft: the module, `<name>_checker.py` and `<name>.png`. FileExistsError if one is there."""
    files = [target, target.with_name(f"{target.stem}_checker.py"), target.with_suffix(".png")]
    for file in files:
        if file.exists():
            raise FileExistsError(f"{file} is there already; choose another name with -o")
    return files


def write(draft: Draft, target: Path, limits: Limits | None = None) -> list[Path]:
    """Write what was kept: the module without its other questions, the checker and a contact sheet.

    Raises:
        FileExistsError: if one of the files is there.
        Rejected: if the module does not run without the questions that were dropped.
    """
    files = targets(target)
    source = module.without(draft.source, [name for name in draft.faults if name])
    picture = base64.b64decode(sandbox.run(source, {"kind": "sheet"}, limits))
    for file, data in zip(files, (source.encode(), draft.checker.encode(), picture), strict=True):
        file.write_bytes(data)
    return files
