"""Checks Minesweeper by listing every mine set that agrees with the board, cell by cell over all covered cells."""

from __future__ import annotations

from dataclasses import replace

RESULTS = {"mine": "a mine explodes", "number": "it shows a number", "area": "it opens an area"}


def board(state):
    return {(r, c): sign for r, row in enumerate(state["rows"], 1) for c, sign in enumerate(row, 1)}


def near(cells, cell):
    return [
        (cell[0] + r, cell[1] + c)
        for r in (-1, 0, 1)
        for c in (-1, 0, 1)
        if (r or c) and (cell[0] + r, cell[1] + c) in cells
    ]


def mine_sets(state):
    """All of them, the flagged mines included."""
    cells = board(state)
    covered = [cell for cell, sign in cells.items() if sign == "#"]
    flags = [cell for cell, sign in cells.items() if sign == "F"]
    clues = {cell: 0 if sign == "-" else int(sign) for cell, sign in cells.items() if sign not in "#F"}
    touching = {cell: [n for n in near(cells, cell) if n in clues] for cell in covered}
    missing = {clue: n - sum(f in near(cells, clue) for f in flags) for clue, n in clues.items()}
    room = {clue: sum(c in touching and clue in touching[c] for c in near(cells, clue)) for clue in clues}
    found, chosen = [], []

    def search(index, left):
        if left < 0 or left > len(covered) - index:
            return
        if index == len(covered):
            found.append(frozenset(chosen) | frozenset(flags))
            return
        cell = covered[index]
        for mine in (1, 0):
            for clue in touching[cell]:
                missing[clue] -= mine
                room[clue] -= 1
            if all(0 <= missing[clue] <= room[clue] for clue in touching[cell]):
                chosen.extend([cell] * mine)
                search(index + 1, left - mine)
                del chosen[len(chosen) - mine :]
            for clue in touching[cell]:
                missing[clue] += mine
                room[clue] += 1

    search(0, state["mine_count"] - len(flags))
    return found


def count(state, signs):
    return sum(sign in signs for row in state["rows"] for sign in row)


def flags_placed(state, asked, answer):
    return answer == count(state, "F")


def mines_left(state, asked, answer):
    return answer == state["mine_count"] - count(state, "F")


def cells_revealed(state, asked, answer):
    return answer == len(state["rows"]) ** 2 - count(state, "#F")


def cell_state(state, asked, answer):
    sign = state["rows"][asked["cell"][0] - 1][asked["cell"][1] - 1]
    words = {"#": "covered, without a flag", "F": "flagged", "-": "revealed, without a number"}
    return answer == words.get(sign, f"revealed, with the number {sign}")


def reveal_outcome(state, asked, answer):
    cell, cells = tuple(asked["cell"]), board(state)
    assert cells[cell] == "#"
    results = {
        "mine" if cell in mines else "number" if mines & set(near(cells, cell)) else "area"
        for mines in mine_sets(state)
    }
    return answer == (RESULTS[results.pop()] if len(results) == 1 else "this cannot be determined")


def best_action(state, asked, answer):
    cell, cells = tuple(asked["cell"]), board(state)
    if cells[cell] != "#":
        return answer == f"nothing: it is {'flagged' if cells[cell] == 'F' else 'revealed'} already"
    mined = {cell in mines for mines in mine_sets(state)}
    return {
        frozenset({True}): "flag it: it is certainly a mine",
        frozenset({False}): "reveal it: it is certainly safe",
    }.get(frozenset(mined), "neither yet: it may be a mine or safe") == answer


def sound(state):
    """Numbers tell the mines around, flags stand on mines, and no mine is revealed."""
    cells, mines = board(state), set(map(tuple, state["mines"]))
    seen = {
        cell: "-" if not mines & set(near(cells, cell)) else str(len(mines & set(near(cells, cell)))) for cell in cells
    }
    right = all(
        cell in mines if sign == "F" else sign == "#" or (cell not in mines and sign == seen[cell])
        for cell, sign in cells.items()
    )
    return right and len(mines) == state["mine_count"]


def variants(state, rng):
    """A flag or a revealed cell more or less, and hidden mines that change no number."""
    for place in sorted(state.mines - state.flags):
        yield replace(state, flags=state.flags | {place})
    for place in sorted(state.flags):
        yield replace(state, flags=state.flags - {place})
    for place in sorted(state.revealed):
        yield replace(state, revealed=state.revealed - {place})
    data = {"mine_count": len(state.mines), "rows": [[""] * state.side for _ in range(state.side)]}
    numbers = {p: sum(abs(p[0] - r) <= 1 >= abs(p[1] - c) for r, c in state.mines) for p in state.revealed}
    for row in range(state.side):
        for column in range(state.side):
            p = (row, column)
            sign = "F" if p in state.flags else "#" if p not in state.revealed else str(numbers[p] or "-")
            data["rows"][row][column] = sign
    for mines in mine_sets(data)[:40]:
        yield replace(state, mines=frozenset((r - 1, c - 1) for r, c in mines))
