"""What the model is told: as the author of a game, and as the author of an independent checker."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ludex.agents.render import Message
from ludex.code2logic import skeleton

API = """\
Rules for the module (Ludex, code2logic):
- Pure functions on an immutable state: a frozen dataclass of plain data (str, int, tuples). Its docstring documents
  every field, so that a stranger can recompute every answer from the data. All randomness comes from the
  random.Random that a function is given. No input, no files, no globals that change.
- game = Game(name, rules, legend, sizes={"easy", "medium", "hard"}, start(rng, size), draw(state, style),
  describe(state), measure(state), measured). measure must grow by 5 % or more from level to level.
- describe says in words all that the picture shows and nothing more: equal words exactly where equal pictures.
- A question is a function (state, rng) -> Question or None (None: the state does not suit it) under
  @game.question(kind="perception"|"prediction"|"strategy", qa_level="easy"|"medium"|"hard"). Its docstring says exactly
  what is asked.
- Question.choice(text, right, wrong, why, **asked): up to 8 options, exactly one of them right.
  Question.fill(text, right, why, also=(), **asked): int, str, Cell or tuple; `also` lists every other right answer.
- `asked` holds every parameter of the question; each stands in the text in the same words. `why` names the answer.
- Cells are "row r, column c" from 1 at the top left: at(r, c) names the cell that the code counts from 0.
- Nothing may be guessable: with k options no option content is right more than 1.5/k of the time, no fill-in answer
  more than 25 %. Draw the wanted answer first where plain sampling favours one.
- Canvas(style).grid(rows, columns) has put(row, column, glyph, *colours), write(row, column, text), fill, frame;
  style.colour(name) takes blue, orange, green, yellow, red, purple, light blue or grey. Glyphs: disc, ring, cross,
  diamond, square, heading(direction).
- Prompts stay below 2,500 characters, the module below 250 lines. Allowed imports: the standard library's random,
  dataclasses, itertools, functools, collections, heapq, math, re, typing, and ludex.code2logic as in the example; no
  module handed on as a value, no names with __."""

AUTHOR = f"""\
You turn the code of a game into visual questions whose answers are computed. Answer with one Python module in one
```python block and nothing else.

{API}

A whole module as an example:

```python
{{example}}```"""

CHECKER = """\
You check somebody else's questions about a game. You see the rules, the state's documentation and examples of the
questions with their data, but no answers and none of their code. Answer with one Python module in one ```python block
and nothing else. It holds sound(state) -> bool, whether a state obeys the game's rules, and for each question a
function of its name (state, asked, answer) -> bool: whether `answer` is right. `state` and `asked` are JSON data as
in the examples; `answer` is the text of an option, or for a fill-in a JSON value (a number, a text, a list; a cell is
[row, column] from 1). Work it out from the rules: search, simulate, enumerate. Import nothing but random, itertools,
functools, collections, heapq, math and re."""


def author(source: str) -> list[Message]:
    """The conversation that asks for a game module."""
    example = Path(skeleton.__file__).read_text(encoding="utf-8")
    return [
        {"role": "system", "content": AUTHOR.replace("{example}", example)},
        {"role": "user", "content": f"The game's code:\n\n{source}\n\nWrite the module, with four to eight questions."},
    ]


def repair(answer: str, faults: Sequence[str]) -> list[Message]:
    """What follows an answer that failed."""
    listed = "\n".join(f"- {fault}" for fault in faults)
    again = f"The module was run and these checks failed:\n{listed}\nSend the whole corrected module."
    return [{"role": "assistant", "content": answer}, {"role": "user", "content": again}]


def checker(
    said: dict[str, Any], state_doc: str, asked: dict[str, str], examples: Sequence[dict[str, Any]]
) -> list[Message]:
    """The conversation that asks for a checker: what the game says of itself, and examples without answers."""
    questions = "\n".join(f"- {name}: {doc}" for name, doc in asked.items())
    shown = "\n\n".join(json.dumps(example, ensure_ascii=False) for example in examples)
    text = f"Rules: {said['rules']}\n\nThe state: {state_doc}\n\nQuestions:\n{questions}\n\nExamples:\n{shown}"
    return [{"role": "system", "content": CHECKER}, {"role": "user", "content": text}]
