"""The rules of the games without questions: by hand, by brute force, and by second implementations."""

from __future__ import annotations

import random
from collections import deque
from itertools import chain, permutations, product

import pytest
from plays import drawn, play_out

from ludex.code2logic.games import hanoi, lights_out, mastermind, sliding, twenty48
from ludex.code2logic.plays import load


def breadth_first(start, following):
    """Steps from `start` to every state that can be reached."""
    steps, queue = {start: 0}, deque([start])
    while queue:
        here = queue.popleft()
        for there in following(here):
            if there not in steps:
                steps[there] = steps[here] + 1
                queue.append(there)
    return steps


# 2048


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ((2, 2, 0, 0), (4, 0, 0, 0)),
        ((2, 2, 2, 0), (4, 2, 0, 0)),
        ((2, 2, 2, 2), (4, 4, 0, 0)),
        ((4, 2, 2, 0), (4, 4, 0, 0)),
        ((4, 0, 0, 4), (8, 0, 0, 0)),
        ((2, 4, 2, 4), (2, 4, 2, 4)),
        ((0, 0, 0, 2), (2, 0, 0, 0)),
        ((8, 4, 4, 0), (8, 8, 0, 0)),
    ],
)
def test_2048_merges_a_line(line, after):
    assert twenty48.squeeze(line) == after


def turned(board):
    """A board turned left by a quarter."""
    return [list(row) for row in zip(*board, strict=True)][::-1]


def slid(board, turns):
    """A slide to the left after some turns: text is compacted, then pairs are replaced from the left."""
    for _ in range(turns):
        board = turned(board)
    rows = []
    for row in board:
        tiles, i, done = [t for t in row if t], 0, []
        while i < len(tiles):
            double = i + 1 < len(tiles) and tiles[i] == tiles[i + 1]
            done.append(tiles[i] * (2 if double else 1))
            i += 2 if double else 1
        rows.append(done + [0] * (4 - len(done)))
    for _ in range(-turns % 4):
        rows = turned(rows)
    return rows


def test_2048_slides_as_a_second_implementation():
    rng = random.Random(0)
    for _ in range(300):
        cells = tuple(rng.choice((0, 0, 2, 2, 4, 8)) for _ in range(16))
        board = [list(cells[i : i + 4]) for i in range(0, 16, 4)]
        for direction, turns in {"left": 0, "up": 1, "right": 2, "down": 3}.items():
            assert twenty48.slide(cells, direction) == tuple(chain(*slid(board, turns)))


def test_2048_spawns_one_tile_and_only_by_the_state():
    tiles = []
    for seed in range(2000):
        state = twenty48.State((2, 4) * 7 + (0, 0), 64, seed)
        after = twenty48.spawn(state)
        assert after == twenty48.spawn(state)
        ((place, tile),) = [(i, b) for i, (a, b) in enumerate(zip(state.cells, after.cells, strict=True)) if a != b]
        assert place in (14, 15)
        tiles.append((place, tile))
    assert 120 < sum(tile == 4 for _, tile in tiles) < 280  # a tenth
    assert 900 < sum(place == 14 for place, _ in tiles) < 1100


def test_2048_ends():
    play = load("2048")
    stuck = twenty48.State((2, 4, 2, 4, 4, 2, 4, 2, 2, 4, 2, 4, 4, 2, 4, 2), 64, 0)
    assert play.result(stuck) == "lost"
    assert play.moves(stuck) == []
    assert play.result(twenty48.State((64, *stuck.cells[1:]), 64, 0)) == "won"
    assert play.moves(twenty48.State((2,) * 3 + (0,) * 13, 64, 0)) == ["down", "left", "right"]


# Lights out


def test_lights_out_takes_the_fewest_presses():
    """All 512 boards of three by three, against a search from the dark one."""
    dark = frozenset()
    board = list(product(range(3), repeat=2))
    cross = {p: {q for q in board if abs(p[0] - q[0]) + abs(p[1] - q[1]) <= 1} for p in board}
    needed = breadth_first(dark, lambda lit: [lit ^ cross[p] for p in board])
    assert len(needed) == 512
    for lit, presses in needed.items():
        found = lights_out.solve(lights_out.State(3, lit))
        assert len(found) == len(set(found)) == presses
        assert load("lights-out").progress(lights_out.State(3, lit)) == pytest.approx(1 - presses / 9)


def test_lights_out_of_other_sizes_is_solved():
    for state, moves in drawn("lights-out", 10):
        assert len(moves) <= state.side**2
        (*_, last) = play_out("lights-out", state, moves)
        assert not last.lit


def test_four_by_four_lamps_take_at_most_seven_presses():
    """A known result; each such board has sixteen solutions."""
    rng = random.Random(3)
    for _ in range(40):
        assert len(lights_out.solve(lights_out.start(rng, 4))) <= 7


# Hanoi


@pytest.mark.parametrize("discs", [1, 3, 5])
def test_hanoi_takes_the_fewest_moves(discs):
    """Every arrangement, against a search with rules of its own: one disc moves, none smaller on either peg."""

    def following(pegs):
        for disc, peg in product(range(discs), range(3)):
            free = all(pegs[small] not in (pegs[disc], peg) for small in range(disc))
            if free and peg != pegs[disc]:
                yield (*pegs[:disc], peg, *pegs[disc + 1 :])

    for goal in range(3):
        needed = breadth_first((goal,) * discs, following)
        assert len(needed) == 3**discs
        assert max(needed.values()) == 2**discs - 1
        for pegs, moves in needed.items():
            state = hanoi.State(pegs, goal)
            assert len(hanoi.solve(state)) == moves
            assert {hanoi.move(state, step).pegs for step in hanoi.legal(state)} == set(following(pegs))


def test_hanoi_by_hand():
    state = hanoi.State((0, 0, 1), 2)  # the two small ones on peg 1, the large one on peg 2
    assert load("hanoi").moves(state) == ["peg 1 to peg 2", "peg 1 to peg 3", "peg 2 to peg 3"]
    assert load("hanoi").solve(state) == ["peg 2 to peg 3", "peg 1 to peg 2", "peg 1 to peg 3", "peg 2 to peg 3"]


# Mastermind


@pytest.mark.parametrize(
    ("secret", "guess", "told"),
    [
        ("rgby", "rgby", (4, 0)),
        ("rrgb", "grrb", (2, 2)),
        ("rrrr", "rggg", (1, 0)),
        ("rggg", "rrrr", (1, 0)),
        ("rrgg", "ggrr", (0, 4)),
        ("rgbb", "brry", (0, 2)),
    ],
)
def test_mastermind_answers(secret, guess, told):
    assert mastermind.feedback(tuple(secret), tuple(guess)) == told


def test_mastermind_answers_as_the_best_matching():
    """Elsewhere is what the best assignment of guess pegs to code pegs adds."""
    for secret, guess in product(product("rgb", repeat=3), repeat=2):
        most = max(sum(a == b for a, b in zip(secret, order, strict=True)) for order in permutations(guess))
        exact = sum(a == b for a, b in zip(secret, guess, strict=True))
        assert mastermind.feedback(secret, guess) == (exact, most - exact)


@pytest.mark.parametrize(("pegs", "kinds", "most"), [(3, 4, 5), (3, 6, 6)])
def test_mastermind_is_always_solved(pegs, kinds, most):
    names = mastermind.COLOURS[:kinds]
    lengths = [len(load("mastermind").solve(mastermind.State(names, code))) for code in product(names, repeat=pegs)]
    assert len(lengths) == kinds**pegs
    assert max(lengths) <= most


def test_mastermind_is_lost_after_eight_guesses():
    play, state = load("mastermind"), mastermind.State(("red", "blue"), ("red", "red", "blue"))
    for turn in range(8):
        assert play.result(state) == ""
        assert "code was" not in play.note(state)
        state = play.move(state, ("blue blue blue", "red blue red")[turn % 2])
    assert play.result(state) == "lost"
    assert play.note(state) == "The code was red red blue."


# Sliding puzzle


def test_sliding_takes_the_fewest_slides():
    """Every board of three by three that can be reached within twelve slides, by a search that swaps characters."""
    goal, steps = "12345678.", {"12345678.": 0}
    queue = deque([goal])
    while queue:
        here = queue.popleft()
        gap = here.index(".")
        for near in (gap - 3, gap + 3, gap - 1 if gap % 3 else -1, gap + 1 if gap % 3 < 2 else -1):
            if 0 <= near < 9:
                there = here.replace(".", "x").replace(here[near], ".").replace("x", here[near])
                if there not in steps and steps[here] < 12:
                    steps[there] = steps[here] + 1
                    queue.append(there)
    assert [sum(n == k for n in steps.values()) for k in range(6)] == [1, 2, 4, 8, 16, 20]  # known counts
    for board, slides in random.Random(6).sample(sorted(steps.items()), 300):
        state = sliding.State(3, tuple(int(tile.replace(".", "0")) for tile in board))
        assert len(sliding.solve(state)) == slides
        assert sliding.distance(state) <= slides


def test_sliding_by_hand():
    play, state = load("sliding"), sliding.State(3, (1, 2, 3, 4, 0, 6, 7, 5, 8))
    assert play.moves(state) == ["slide 2", "slide 4", "slide 5", "slide 6"]
    first, second = play_out("sliding", state, ["slide 5", "slide 8"])
    assert first.tiles == (1, 2, 3, 4, 5, 6, 7, 0, 8)
    assert [play.result(s) for s in (state, first, second)] == ["", "", "won"]
    assert play.progress(state) == pytest.approx(1 - 2 / 32)
