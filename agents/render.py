"""From conversation to tokens: the model's chat template, applied append-only.

What was sampled is never tokenised again. The first prompt is rendered by the
template; each later turn appends the template's own text between an assistant's
last token and the next generation prompt, found once from a dummy chat.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Message = dict[str, str]

_USER, _REPLY = "\u241fuser\u241f", "\u241freply\u241f"


@dataclass(frozen=True)
class _Joint:
    """The text around a later user message; `before` begins with what closes the reply."""

    before: str
    after: str


class Renderer:
    """Renders conversations for one tokenizer.

    Attributes:
        stops: ids that end a response: the tokenizer's and the generation config's.
    """

    def __init__(self, tokenizer: Any, stops: set[int] | None = None):
        self.tokenizer = tokenizer
        eos = tokenizer.eos_token_id
        self.stops = sorted({*(stops or ()), *([eos] if eos is not None else [])})
        self._system_role = self._accepts_system_role()
        self._joint = self._find_joint()
        closing = self._encode(self._joint.before)[:1]
        self._stop = closing if closing and closing[0] in self.stops else [eos] if eos is not None else []

    def start(self, system: str, observation: str) -> list[int]:
        """The first prompt: system text (may be empty), first observation, generation prompt."""
        return self.conversation([*([{"role": "system", "content": system}] if system else []), _user(observation)])

    def conversation(self, messages: list[Message]) -> list[int]:
        """A whole conversation rendered afresh, generation prompt included (for windowed histories)."""
        return self._encode(self._template(messages, generation=True))

    def extend(self, context: list[int], observation: str) -> list[int]:
        """The prompt after `context` (which ends with the sampled response) and a further observation."""
        added = self._encode(self._joint.before + observation + self._joint.after)
        if context[-1:] == added[:1] and context[-1] in self.stops:
            added = added[1:]  # the policy has closed its reply itself
        return context + added

    def text(self, ids: list[int]) -> str:
        """The response as the environment sees it, without its stop token."""
        ids = ids[:-1] if ids and ids[-1] in self.stops else ids
        return str(self.tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False))

    def response(self, text: str) -> list[int]:
        """A worked solution as tokens, with the stop token that ends a response."""
        return self._encode(text) + self._stop

    def _encode(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _template(self, messages: list[Message], generation: bool) -> str:
        if not self.tokenizer.chat_template:
            return "".join(f"{message['content']}\n" for message in messages)
        if not self._system_role and messages[0]["role"] == "system":
            first, second, *rest = messages
            messages = [_user(f"{first['content']}\n\n{second['content']}"), *rest]
        return str(self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=generation))

    def _accepts_system_role(self) -> bool:
        from jinja2.exceptions import TemplateError

        self._system_role = True
        try:
            return "\u241fsystem\u241f" in self._template(
                [{"role": "system", "content": "\u241fsystem\u241f"}, _user("x")], generation=True
            )
        except TemplateError:
            return False

    def _find_joint(self) -> _Joint:
        """Split a dummy chat of three messages at its sentinels."""
        chat = [_user("x"), {"role": "assistant", "content": _REPLY}, _user(_USER)]
        _, reply, tail = self._template(chat, generation=True).partition(_REPLY)
        before, user, after = tail.partition(_USER)
        if not reply or not user:
            raise ValueError("the chat template drops messages; it cannot be used for several turns")
        return _Joint(before, after)


def _user(content: str) -> Message:
    return {"role": "user", "content": content}
