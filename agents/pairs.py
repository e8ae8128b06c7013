"""Preference pairs: their JSONL, and their way into a batch.

A row is {"prompt": ..., "chosen": ..., "rejected": ..., "group": ...}. The three
are texts, or lists of messages {"role": ..., "content": ...}: a prompt ends with
the user, a response begins and ends with the assistant and alternates with the
user. Other columns are ignored.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ludex.agents.batch import PairBatch, collate
from ludex.agents.render import Message, Renderer
from ludex.core import Trajectory, Turn
from ludex.lookup import suggest


@dataclass(frozen=True)
class Pair:
    """One preference.

    Attributes:
        prompt: messages, the last one the user's.
        chosen, rejected: contents from the assistant's first response on, the user's in between.
        group: whose preference it is; a domain, a level, an annotator.
    """

    prompt: tuple[Message, ...]
    chosen: tuple[str, ...]
    rejected: tuple[str, ...]
    group: str = ""


def read_pairs(path: str | Path, group: str = "group") -> list[Pair]:
    """The pairs of a JSONL file.

    Args:
        path: the file.
        group: the column that names a pair's group; "" puts all of them into one.

    Raises:
        ValueError: one line that names the first bad row and what is wrong with it.
        OSError: if there is no such file.
    """
    found = []
    with Path(path).open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                found.append(parse_pair(json.loads(line.decode()), group))
            except UnicodeDecodeError as error:
                what = f"not UTF-8 text ({error.reason} at byte {error.start} of the line)"
                raise ValueError(f"{path}:{number}: {what}") from None
            except (ValueError, RecursionError) as error:
                raise ValueError(f"{path}:{number}: {error}") from None
    if not found:
        raise ValueError(f"{path} holds no pairs")
    return found


def parse_pair(row: Any, group: str = "group") -> Pair:
    """The pair of one row; ValueError says what is wrong with it."""
    wanted = ["prompt", "chosen", "rejected", *([group] if group else [])]
    if not isinstance(row, Mapping):
        raise ValueError(f"a row must be an object with {', '.join(wanted)}")
    for column in wanted:
        if column not in row:
            one = ', or data.group = "" for one group' if column == group else ""
            raise ValueError(f"there is no column {column!r}; {suggest(column, map(str, row))}{one}")
    prompt = _messages(row["prompt"], "user", "prompt")
    chosen, rejected = (_response(row[name], name) for name in ("chosen", "rejected"))
    if chosen == rejected:
        raise ValueError("chosen and rejected are the same")
    name = row[group] if group else ""
    if name is None or isinstance(name, list | dict):
        raise ValueError(f"{group} = {name!r} must be a text or a number")
    return Pair(prompt, chosen, rejected, _text(str(name), group))


def _messages(value: Any, role: str, where: str) -> tuple[Message, ...]:
    """Messages of which the last one is of `role`; a text stands for that one."""
    if isinstance(value, str):
        value = [{"role": role, "content": value}]
    if not isinstance(value, list) or not value or not all(map(_is_message, value)):
        raise ValueError(f'{where} must be a text or a list of messages {{"role": ..., "content": text}}')
    if value[-1]["role"] != role:
        raise ValueError(f"the last message of {where} must be the {role}'s, not the {value[-1]['role']}'s")
    return tuple({"role": message["role"], "content": _text(message["content"], where)} for message in value)


def _is_message(value: Any) -> bool:
    known = isinstance(value, Mapping) and value.get("role") in ("system", "user", "assistant")
    return known and isinstance(value.get("content"), str)


def _text(value: str, where: str) -> str:
    """The text itself; ValueError if it holds half of a character, which JSON can spell."""
    if any("\ud800" <= c <= "\udfff" for c in value):
        raise ValueError(f"{where} holds a lone surrogate, which no tokenizer takes")
    return value


def _response(value: Any, where: str) -> tuple[str, ...]:
    messages = _messages(value, "assistant", where)
    for i, message in enumerate(messages):
        if message["role"] != ("assistant", "user")[i % 2]:
            raise ValueError(f"the messages of {where} must begin with the assistant's and alternate with the user's")
    return tuple(message["content"] for message in messages)


def group_sizes(pairs: Sequence[Pair]) -> dict[str, int]:
    """How many pairs each group has, sorted by name: the order in which groups are numbered."""
    return dict(sorted(Counter(pair.group for pair in pairs).items()))


def tokenise(pair: Pair, number: int, domain: int, renderer: Renderer) -> tuple[Trajectory, Trajectory]:
    """Chosen and rejected as episodes; they share the prompt and the number of the pair as their group."""
    prompt = renderer.conversation(list(pair.prompt))
    if not prompt:
        raise ValueError(f"the prompt of pair {number} has no tokens")
    chosen, rejected = (
        Trajectory(f"pair {number}", number, domain, _turns(prompt, words, renderer), correct=right)
        for words, right in ((pair.chosen, True), (pair.rejected, False))
    )
    return chosen, rejected


def _turns(prompt: list[int], words: Sequence[str], renderer: Renderer) -> list[Turn]:
    turns: list[Turn] = []
    for i in range(0, len(words), 2):
        context = renderer.extend(turns[-1].prompt_ids + turns[-1].action_ids, words[i - 1]) if turns else prompt
        action = renderer.response(words[i])
        if not action:
            raise ValueError("an empty response, and the tokenizer has no token that ends one")
        turns.append(Turn(words[i - 1] if i else "", words[i], 0.0, False, context, action, [0.0] * len(action)))
    return turns


def length(trajectory: Trajectory) -> int:
    """Tokens of the whole conversation."""
    last = trajectory.turns[-1]
    return len(last.prompt_ids) + len(last.action_ids)


def collate_pairs(episodes: Sequence[tuple[Trajectory, Trajectory]], sizes: Sequence[int]) -> PairBatch:
    """A batch of tokenised pairs, two rows each; `sizes` [K] is how many pairs each group has in all."""
    batch = collate([episode for pair in episodes for episode in pair], append_only=True)
    return PairBatch(**vars(batch), sizes=torch.tensor(sizes).expand(len(batch), -1))
