"""Checks the Turing machine on a flat tape of numbers with a dictionary for the table."""

from __future__ import annotations

from dataclasses import replace

WAYS = ("up", "right", "down", "left")


class Machine:
    """The board as one list; the head as an index into it; what is written is kept."""

    def __init__(self, state):
        self.width = len(state["cells"][0])
        self.tape = [int(symbol) for line in state["cells"] for symbol in line]
        self.head, self.state = state["row"] * self.width + state["column"], state["state"]
        self.table = {
            ("ABCD"[i], j): (int(write), WAYS.index(move), after)
            for i, line in enumerate(state["rules"])
            for j, (write, move, after) in enumerate(line)
        }
        self.written = []

    def run(self, steps):
        for _ in range(steps):
            self.step()
        return self

    def step(self):
        write, way, self.state = self.table[self.state, self.tape[self.head]]
        self.tape[self.head] = write
        self.written.append((self.cell(), write))
        first = self.head - self.head % self.width  # of the row
        if way in (0, 2):
            self.head = (self.head + (way - 1) * self.width) % len(self.tape)
        else:
            self.head = first + (self.head - first + 2 - way) % self.width

    def cell(self):
        return [self.head // self.width + 1, self.head % self.width + 1]


def head_later(state, asked, answer):
    return answer == "row {}, column {}".format(*Machine(state).run(asked["steps"]).cell())


def reading_later(state, asked, answer):
    machine = Machine(state).run(asked["steps"])
    return answer == f"state {machine.state}, symbol {machine.tape[machine.head]}"


def written_on(state, asked, answer):
    written = [symbol for cell, symbol in Machine(state).run(asked["steps"]).written if cell == asked["cell"]]
    assert len(written) >= 2
    return answer == ", ".join(map(str, written))


def first_entered(state, asked, answer):
    machine, steps = Machine(state), 0
    while machine.state != asked["wanted"]:
        machine.step()
        steps += 1
        assert steps < 9
    return int(answer) == steps > 0


def sound(state):
    """A rectangular board; a full table that names only its own states and symbols, and both cover the board."""
    width, rules = len(state["cells"][0]), state["rules"]
    states, symbols = "ABCD"[: len(rules)], "01234"[: len(rules[0])]
    entries = [entry for line in rules for entry in line]
    return (
        all(len(line) == width and set(line) <= set(symbols) for line in state["cells"])
        and all(len(line) == len(symbols) for line in rules)
        and all(write in symbols and move in WAYS and after in states for write, move, after in entries)
        and 0 <= state["row"] < len(state["cells"])
        and 0 <= state["column"] < width
        and state["state"] in states
    )


def variants(state, rng):
    """Another symbol in a cell, another place or state of the head, another entry in each part of a rule."""
    symbols, states = "01234"[: len(state.rules[0])], "ABCD"[: len(state.rules)]
    row, column = rng.randrange(len(state.cells)), rng.randrange(len(state.cells[0]))
    for r, c in ((row, column), (state.row, state.column)):
        line = state.cells[r]
        other = line[:c] + rng.choice(symbols.replace(line[c], "")) + line[c + 1 :]
        yield replace(state, cells=(*state.cells[:r], other, *state.cells[r + 1 :]))
    yield replace(state, row=(state.row + 1) % len(state.cells))
    yield replace(state, column=(state.column + 1) % len(state.cells[0]))
    yield replace(state, state=rng.choice(states.replace(state.state, "")))
    for i, line in enumerate(state.rules):
        j = rng.randrange(len(line))
        write, move, after = line[j]
        for entry in (
            (rng.choice(symbols.replace(write, "")), move, after),
            (write, rng.choice([way for way in WAYS if way != move]), after),
            (write, move, rng.choice(states.replace(after, ""))),
        ):
            yield replace(state, rules=(*state.rules[:i], (*line[:j], entry, *line[j + 1 :]), *state.rules[i + 1 :]))
