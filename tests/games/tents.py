"""Checks tents: completions by filling row after row, the pairing of trees and tents by augmenting paths."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations


def signs(state, wanted):
    """The cells that hold one of `wanted`, counted from 1."""
    return {(r, c) for r, row in enumerate(state["cells"], 1) for c, s in enumerate(row, 1) if s in wanted}


def close(a, b):
    """Whether two cells touch, also diagonally."""
    return a != b and abs(a[0] - b[0]) <= 1 and abs(a[1] - b[1]) <= 1


def adjoining(a, b):
    """Whether two cells have a side in common."""
    return abs(a[0] - b[0]) + abs(a[1] - b[1]) == 1


def totals(state, row=0, column=0):
    return sum(cell[0] == row or cell[1] == column for cell in signs(state, "Aa"))


def may_take(state, cell):
    row, column = cell
    return (
        cell in signs(state, "a.")
        and any(adjoining(cell, tree) for tree in signs(state, "T"))
        and not any(close(cell, tent) for tent in signs(state, "A"))
        and sum(tent[0] == row for tent in signs(state, "A")) < totals(state, row=row)
        and sum(tent[1] == column for tent in signs(state, "A")) < totals(state, column=column)
    )


def named(answer):
    """The cell of an option."""
    return tuple(int(word) for word in answer.replace("row ", "").split(", column "))


def tents_in_row(state, asked, answer):
    return state["cells"][asked["row"] - 1].count("A") == answer


def missing_in_column(state, asked, answer):
    return [row[asked["column"] - 1] for row in state["cells"]].count("a") == answer


def missing(state, asked, answer):
    return sum(row.count("a") for row in state["cells"]) == answer


def cells_beside_trees(state, asked, answer):
    trees = signs(state, "T")
    near = {(r + dr, c + dc) for r, c in trees for dr, dc in ((0, 1), (1, 0), (0, -1), (-1, 0))}
    return len(near & signs(state, "a.")) == answer


def allowed_cells(state, asked, answer):
    return sum(may_take(state, cell) for cell in signs(state, "a.")) == answer


def tree_cell(state, asked, answer):
    return named(answer) in signs(state, "T")


def allowed_cell(state, asked, answer):
    return may_take(state, named(answer))


def pair_off(trees, tents):
    """Whether every tree can have a tent of its own at its side (Kuhn's algorithm)."""
    held = {}

    def give(tree, seen):
        for tent in tents:
            if adjoining(tree, tent) and tent not in seen:
                seen.add(tent)
                if tent not in held or give(held[tent], seen):
                    held[tent] = tree
                    return True
        return False

    return len(trees) == len(tents) and all(give(tree, set()) for tree in trees)


def completions(state, limit=2):
    """The sets of tents that obey every rule and hold those that stand, `limit` at most."""
    side, trees, standing = len(state["cells"]), signs(state, "T"), signs(state, "A")
    places = [[(r, c) for c in range(1, side + 1) if may_take(state, (r, c))] for r in range(1, side + 1)]
    missing_in = [row.count("a") for row in state["cells"]]
    room = [column.count("a") for column in map("".join, zip(*state["cells"], strict=True))]
    found = []

    def fill(row, tents, room):
        late = {tree for tree in trees if tree[0] < row - 1}  # no later tent can be theirs
        if len(found) == limit or not all(any(adjoining(tree, tent) for tent in tents) for tree in late):
            return
        if row > side:
            if not any(room) and pair_off(trees, tents):
                found.append(tents)
            return
        for new in combinations(places[row - 1], missing_in[row - 1]):
            left = list(room)
            for _, column in new:
                left[column - 1] -= 1
            apart = not any(close(a, b) for a in new for b in (*new, *tents))
            enough = all(n <= sum(any(p[1] == c for p in line) for line in places[row:]) for c, n in enumerate(left, 1))
            if min(left) >= 0 and apart and enough:
                fill(row + 1, tents | set(new), left)

    fill(1, standing, room)
    return found


def sound(state):
    """Tents do not touch and pair off with trees, and no other set of tents would do."""
    tents = signs(state, "Aa")
    touching = any(close(a, b) for a, b in combinations(tents, 2))
    return not touching and pair_off(signs(state, "T"), tents) and completions(state) == [tents]


def changed(state, signs):
    """The state with the signs of some cells replaced."""
    rows = [list(row) for row in state.cells]
    for (r, c), sign in signs.items():
        rows[r][c] = sign
    return replace(state, cells=tuple(map("".join, rows)))


def variants(state, rng):
    """A cell changed to another sign; and two missing tents moved so that no total changes, which nobody sees."""
    cells = {(r, c): sign for r, row in enumerate(state.cells) for c, sign in enumerate(row)}
    hidden = [cell for cell, sign in cells.items() if sign == "a"]
    made = []
    for (r, c), (row, column) in combinations(hidden, 2):
        if r != row and c != column and cells[r, column] == cells[row, c] == ".":
            made.append(changed(state, {(r, c): ".", (row, column): ".", (r, column): "a", (row, c): "a"}))
    seen = [changed(state, {cell: rng.choice([s for s in "TAa." if s != sign])}) for cell, sign in cells.items()]
    return rng.sample(made, min(4, len(made))) + rng.sample(seen, 8 - min(4, len(made)))
