"""The rules of play of games that also ask questions: by hand, by brute force, and by second implementations."""

from __future__ import annotations

import random
from fractions import Fraction
from itertools import combinations, product

import pytest
from plays import drawn, play_out

from ludex.code2logic.draw import STYLES
from ludex.code2logic.games import chess_ranger, minesweeper, sokoban
from ludex.code2logic.games import space_invaders as invaders
from ludex.code2logic.games import tents as camp
from ludex.code2logic.games import tictactoe as noughts
from ludex.code2logic.games import ultra_tictactoe as ultra
from ludex.code2logic.parts import latin as colours
from ludex.code2logic.plays import load

# Minesweeper


def test_minesweeper_never_needs_a_guess():
    """Every reveal of the solver is safe in each mine set that agrees with what is seen, by full enumeration."""
    play, rng = load("minesweeper"), random.Random(4)
    tried = 0
    while tried < 6:
        state = play.start(rng, "easy", "")
        moves = play.solve(state)
        if not moves:
            continue
        tried += 1
        board = list(product(range(5), repeat=2))
        for words in moves:
            hidden = [p for p in board if p not in state.revealed]
            seen = {p: minesweeper.number(state, p) for p in state.revealed}
            near = {p: {q for q in board if max(abs(p[0] - q[0]), abs(p[1] - q[1])) == 1} for p in seen}
            agreeing = [m for m in combinations(hidden, 4) if all(len(near[p] & set(m)) == n for p, n in seen.items())]
            assert agreeing
            row, column = (int(word.strip(",")) - 1 for word in words.split()[2::2])
            assert (row, column) not in state.mines
            sure = {p for p in hidden if not any(p in mines for mines in agreeing)}
            assert (row, column) in sure
            assert words in play.moves(state)
            state = play.move(state, words)
        assert play.result(state) == "won"


def test_minesweeper_takes_flags_from_what_opens():
    state = minesweeper.State(5, frozenset({(0, 0)}), frozenset(), frozenset())
    states = [
        *play_out("minesweeper", state, ["flag row 5, column 5", "flag row 1, column 1", "reveal row 3, column 3"])
    ]
    assert states[1].flags == {(4, 4), (0, 0)}
    assert states[2].flags == {(0, 0)}
    assert load("minesweeper").result(states[2]) == "won"  # all but the mine is one area


def test_a_mine_that_explodes_opens_nothing_and_is_seen():
    """A mine in one corner without a number, another in the opposite one; of seven safe cells six are revealed."""
    play = load("minesweeper")
    mines = frozenset({(0, 0), (2, 2)})
    safe = frozenset(product(range(3), repeat=2)) - mines
    state = minesweeper.State(3, mines, safe - {(1, 0)}, frozenset())
    after = play.move(state, "reveal row 1, column 1")
    assert play.result(after) == "lost"
    assert after.revealed - state.revealed == {(0, 0)}
    assert play.progress(after) == play.progress(state) == pytest.approx(6 / 7)
    words, style = play.game.describe(after), STYLES["paper"]
    assert "row 1: * " in words
    assert "* a mine that exploded" in words
    assert "exploded" not in play.game.describe(state)
    assert play.game.draw(after, style).tobytes() != play.game.draw(state, style).tobytes()
    assert "A star is a mine that exploded." in play.game.legend


# Sokoban and chess ranger


def test_sokoban_by_hand():
    """A corridor of five cells: player, box, two free cells, goal in the last but one."""
    floor = frozenset((1, c) for c in range(1, 6))
    state = sokoban.State(7, floor, frozenset({(1, 4)}), frozenset({(1, 2)}), (1, 1))
    play = load("sokoban")
    assert play.moves(state) == ["right"]
    assert play.progress(state) == pytest.approx(1 - Fraction(2, 14))
    first, second = play_out("sokoban", state, ["right", "right"])
    assert first.boxes == {(1, 3)}
    assert play.result(first) == ""
    assert play.result(second) == "won"
    assert play.progress(second) == 1
    lost = sokoban.State(7, floor, frozenset({(1, 3)}), frozenset({(1, 5)}), (1, 1))
    assert play.progress(lost) == 0  # a box at the wall


def test_chess_ranger_by_hand():
    """A rook takes a pawn and then a knight; the knight cannot, and would be left with the rook."""
    state = chess_ranger.State(((3, 3, "rook"), (3, 6, "pawn"), (7, 6, "knight")))
    play = load("chess-ranger")
    assert play.moves(state) == ["row 4, column 4 takes row 4, column 7"]
    first, second = play_out("chess-ranger", state, play.solve(state))
    assert [play.result(s) for s in (state, first, second)] == ["", "", "won"]
    blocked = chess_ranger.State(((0, 0, "king"), (7, 7, "king")))
    assert play.result(blocked) == "lost"
    assert play.moves(blocked) == []


# Sudoku and tents


def test_sudoku_is_filled_by_its_rules_and_clears_again():
    play = load("sudoku")
    for state, moves in drawn("sudoku", 3):
        (*_, last) = play_out("sudoku", state, moves)
        side, rows = last.now.side, last.now.cells
        box = {4: 2, 9: 3}[side]
        lines = [*rows, *zip(*rows, strict=True)]
        for r, c in product(range(0, side, box), repeat=2):
            lines.append(tuple(rows[r + i][c + j] for i, j in product(range(box), repeat=2)))
        assert all(set(line) == set(last.now.colours) for line in lines)
        filled = play.move(state, play.moves(state)[-1])
        (undo,) = [words for words in play.moves(filled) if words.startswith("clear")]
        assert play.move(filled, undo) == state


def test_sudoku_counts_only_right_colours():
    """One row of four is open; a wrong colour that clashes with nothing gains nothing."""
    a, b, c, d = names = colours.COLOURS[:4]
    rows = ((a, b, c, d), (c, d, a, b), (b, a, d, c), ("",) * 4)
    puzzle = colours.State(names, rows)
    play = load("sudoku")
    state = type(play.start(random.Random(0), "easy", ""))(puzzle, puzzle)
    assert sorted(play.moves(state)) == sorted(
        f"row 4, column {i}: {name}" for i, name in ((1, d), (2, c), (3, b), (4, a))
    )
    assert play.progress(play.move(state, f"row 4, column 1: {d}")) == pytest.approx(0.25)


def test_tents_stand_by_the_rules_and_a_wrong_one_loses():
    play = load("tents")
    for state, moves in drawn("tents", 3):
        (*_, last) = play_out("tents", state, moves)
        rows = last.board.cells
        tents = {(r, c) for r, row in enumerate(rows) for c, sign in enumerate(row) if sign == "A"}
        assert len(tents) == sum(row.count("T") for row in rows)
        assert all(max(abs(a - c), abs(b - d)) > 1 for (a, b), (c, d) in combinations(tents, 2))
        assert [sum(r == i for r, _ in tents) for i in range(len(rows))] == state.board.rows("Aa")
        wrong = [words for words in play.moves(state) if words not in moves]
        if wrong:
            assert play.result(play.move(state, wrong[0])) == "lost"
            assert play.note(play.move(state, wrong[0]))
    board = camp.State(("Ta.", "...", ".aT"))
    assert play.result(play.move(play.state(board), "tent at row 1, column 2")) == ""


# Tic-tac-toe


def outcome(cells, mover, me):
    """1, 0 or -1 for `me`, by exhaustive play."""
    for a, b, c in ((0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6)):
        if cells[a] != "." and cells[a] == cells[b] == cells[c]:
            return 1 if cells[a] == me else -1
    if "." not in cells:
        return 0
    other = {"R": "B", "B": "R"}[mover]
    values = [outcome(cells[:i] + mover + cells[i + 1 :], other, me) for i in range(9) if cells[i] == "."]
    return max(values) if mover == me else min(values)


@pytest.mark.parametrize("opponent", ["random", "best"])
def test_tictactoe_starts_can_be_won_and_are(opponent):
    play = load("tictactoe")
    for state, moves in drawn("tictactoe", 6, opponent=opponent):
        assert state.board.mover == state.side
        assert outcome(state.board.cells, state.side, state.side) == 1
        (*_, last) = play_out("tictactoe", state, moves)
        assert play.result(last) == "won"


def test_the_best_opponent_never_gives_a_win_away():
    """From the empty board, a full search over the player's moves: nothing wins."""
    play = load("tictactoe")
    for seed in range(3):
        queue, results = [play.state(noughts.State("." * 9), "R", seed, "best")], []
        while queue:
            state = queue.pop()
            results.append(play.result(state))
            queue += [play.move(state, words) for words in play.moves(state)]
        assert "won" not in results
        assert "lost" in results


def test_the_random_opponent_can_be_beaten_from_the_empty_board():
    play = load("tictactoe")
    wins = sum(bool(play.solve(play.state(noughts.State("." * 9), "R", seed))) for seed in range(50))
    assert wins > 30


# Ultra tic-tac-toe


def test_ultra_tictactoe_is_played_to_the_end_by_its_rules():
    play = load("ultra-tictactoe")
    for state, moves in drawn("ultra-tictactoe", 2):
        for last in play_out("ultra-tictactoe", state, moves):
            board = [[""] * 9 for _ in range(9)]
            for i, cell in enumerate(last.board.moves):
                assert not board[cell // 9][cell % 9]
                board[cell // 9][cell % 9] = "RB"[i % 2]
            for before, cell in zip(last.board.moves, last.board.moves[1:], strict=False):
                sent = (before // 9 % 3, before % 9 % 3)
                if (cell // 27, cell % 9 // 3) != sent:  # then that small board was full
                    filled = set(last.board.moves[: last.board.moves.index(cell)])
                    assert all(9 * (3 * sent[0] + r) + 3 * sent[1] + c in filled for r in range(3) for c in range(3))
        score = {"R": 0, "B": 0}
        for top, left in product((0, 3, 6), repeat=2):
            small = [[board[top + r][left + c] for c in range(3)] for r in range(3)]
            lines = [*small, *map(list, zip(*small, strict=True))]
            lines += [[small[i][i] for i in range(3)], [small[i][2 - i] for i in range(3)]]
            for side in score:
                score[side] += lines.count([side] * 3)
        assert score[last.side] > sum(score.values()) - score[last.side]
        assert f"red {score['R']}, blue {score['B']}" in play.note(last)


def test_the_greedy_opponent_takes_what_it_can():
    checked = 0
    for state, moves in drawn("ultra-tictactoe", 2, opponent="greedy"):
        for words, after in zip(moves, play_out("ultra-tictactoe", state, moves), strict=True):
            row, column = (int(word.strip(",")) - 1 for word in words.split()[1::2])
            board = ultra.cells(ultra.State((*state.board.moves, 9 * row + column)))
            if len(after.board.moves) - len(state.board.moves) == 2:
                side, reply = "RB"[(len(after.board.moves) - 1) % 2], after.board.moves[-1]
                options = ultra.legal(board, 9 * row + column)
                assert ultra.gain(board, reply, side) == max(ultra.gain(board, cell, side) for cell in options)
                checked += 1
            state = after
    assert checked > 50


# Space invaders


def test_space_invaders_by_hand():
    """Two enemies in column 1 of four columns; the fleet moves left, so its first step is down, with a turn."""
    play = load("space-invaders")
    enemies = ((0, 0, "blue"), (1, 0, "green"))
    state = play.state(invaders.State(4, 4, enemies, 3, "left", (5, 10, 15)), 0, 2)
    assert play.moves(state) == [f"shoot in column {c}" for c in (1, 2, 3, 4)]
    assert play.note(state) == "The fleet moves after your next 2 shots."
    first, second = play_out("space-invaders", state, ["shoot in column 4", "shoot in column 2"])
    assert first.grid.enemies == enemies
    assert second.grid.enemies == ((1, 0, "blue"), (2, 0, "green"))
    assert second.grid.heading == "right"
    third, fourth = play_out("space-invaders", second, ["shoot in column 1", "shoot in column 3"])
    assert third.grid.enemies == ((1, 0, "blue"),)
    assert play.progress(third) == 0.5
    assert fourth.grid.enemies == ((1, 1, "blue"),)
    assert play.result(play.move(fourth, "shoot in column 2")) == "won"
    low = play.state(invaders.State(4, 4, ((2, 0, "blue"), (2, 3, "green")), 3, "left", (5, 10, 15)), 1, 2)
    assert play.result(play.move(low, "shoot in column 2")) == "lost"


def test_the_solver_needs_more_moves_at_every_level():
    for name in ("2048", "chess-ranger", "hanoi", "lights-out", "mastermind", "maze", "minesweeper", "sokoban"):
        lengths = [len(moves) for _, moves in drawn(name, 12)]
        easy, medium, hard = (sum(lengths[i : i + 12]) for i in (0, 12, 24))
        assert easy < medium < hard, name
