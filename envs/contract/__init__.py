"""What every environment promises, as checks: `ludex check ID` and the tests run the same ones.

A rule is a function of a Subject. It returns what it found, as one line; it
raises Broken with what is wrong and what would be right; it returns None where
it does not apply. A line that begins with "warning:" is advice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ludex.envs.contract import environments, tasks
from ludex.envs.contract.subject import Broken, Subject
from ludex.faults import place_of

Rule = Callable[[Subject], str | None]

RULES: tuple[tuple[str, Rule, bool], ...] = (  # title, rule, whether it is about tasks only
    ("same index, same task", tasks.same_index_same_task, True),
    ("seeds differ", tasks.seeds_differ, True),
    ("splits are disjoint", tasks.splits_disjoint, True),
    ("the solution is correct", tasks.solution_correct, True),
    ("no answer is lowest", tasks.nothing_scores_lowest, True),
    ("unreadable is below wrong", tasks.unreadable_below_wrong, True),
    ("hostile responses fail", tasks.hostile_harmless, True),
    ("tasks are JSON", tasks.json_round_trip, True),
    ("the id rebuilds the task", tasks.id_rebuilds, True),
    ("the answer is hidden", tasks.answer_hidden, True),
    ("unknown options are refused", tasks.unknown_option, True),
    ("resets address tasks", environments.resets_address_tasks, True),
    ("spaces are text", environments.text_spaces, False),
    ("check_env passes", environments.passes_check_env, False),
    ("the solution plays to success", environments.solution_played, False),
    ("hostile actions fail", environments.survives_hostility, False),
    ("environments pickle", environments.pickles, False),
)


@dataclass(frozen=True)
class Finding:
    """What one rule found."""

    rule: str
    ok: bool
    message: str

    @property
    def warning(self) -> bool:
        """Whether the rule holds, with advice."""
        return self.ok and self.message.startswith("warning:")


def check(name: str, **options: Any) -> list[Finding]:
    """Run the contract on an environment.

    Args:
        name: an id, or "module:attribute" of a generator, a source or a Gymnasium environment class.
        **options: the options it is made with.

    Returns:
        One finding a rule that applies, in the order of RULES.

    Raises:
        UnknownName, MissingExtra, ImportError: if there is nothing to check.
        TypeError, ValueError: for options that it does not take.
    """
    subject = Subject(name, options)
    if subject.has_tasks:  # an unknown name or option is the caller's mistake, not a finding
        subject.source()
    else:
        subject.env().close()
    found = [
        examine(subject, title, rule) for title, rule, about_tasks in RULES if subject.has_tasks or not about_tasks
    ]
    return [finding for finding in found if finding]


def examine(subject: Subject, title: str, rule: Rule) -> Finding | None:
    """What one rule finds; None if it does not apply."""
    try:
        message, ok = rule(subject), True
    except Broken as broken:
        message, ok = str(broken), False
    except Exception as error:  # whatever the examined code raises is the finding
        place = place_of(error)
        message, ok = f"{type(error).__name__}: {error}{f' ({place})' if place else ''}", False
    return None if message is None else Finding(title, ok, " ".join(message.split()))
