"""Checks word search on one line of text: rows joined by a bar, where a direction is a stride."""

from __future__ import annotations

from dataclasses import replace

STRIDES = {"left": (0, -1), "right": (0, 1), "up": (-1, 0), "down": (1, 0)}


def flat(state):
    """The text with a border of bars around it, and its width."""
    width = len(state["letters"][0]) + 2
    return "|".join(["|" * (width + 1), *state["letters"], "|" * (width + 1)]), width - 1


def reads(state, word, row, column, direction):
    """Whether the word stands there; cells are counted from 1."""
    text, width = flat(state)
    parts = [STRIDES[part] for part in direction.split()]
    stride = sum(width * down + right for down, right in parts)
    begin = text.index(state["letters"][0]) + (row - 1) * width + column - 1
    for letter in word:
        if not 0 <= begin < len(text) or text[begin] != letter:
            return False
        begin += stride
    return True


def everywhere(state, word):
    names = ["left", "right", *(f"{a}{b}" for a in ("up", "down") for b in ("", " left", " right"))]
    side = range(1, len(state["letters"]) + 1)
    return [f"row {r}, column {c}, {d}" for r in side for c in side for d in names if reads(state, word, r, c, d)]


def letter_at(state, asked, answer):
    row, column = asked["cell"]
    return state["letters"][row - 1][column - 1] == answer


def occurrences(state, asked, answer):
    return len("".join(state["letters"]).split(asked["letter"])) - 1 == int(answer)


def word_direction(state, asked, answer):
    row, column = asked["cell"]
    return len(everywhere(state, asked["word"])) == 1 and reads(state, asked["word"], row, column, answer)


def find_word(state, asked, answer):
    return everywhere(state, asked["word"]) == [answer]


def sound(state):
    """A square of capitals."""
    side = len(state["letters"])
    lines = state["letters"]
    return 5 <= side <= 8 and all(len(line) == side and line.isascii() and line.isupper() for line in lines)


def variants(state, rng):
    """Every cell with another letter."""
    for r, line in enumerate(state.letters):
        for c, letter in enumerate(line):
            other = rng.choice([a for a in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if a != letter])
            changed = line[:c] + other + line[c + 1 :]
            yield replace(state, letters=(*state.letters[:r], changed, *state.letters[r + 1 :]))
