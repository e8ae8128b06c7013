"""Checks klondike on numbers for cards (rank and suit), with the piles as lists, by trying every move there is."""

from __future__ import annotations

import re
from dataclasses import replace

RANKS = ["ace", *map(str, range(2, 11)), "jack", "queen", "king"]
SUITS = ["spades", "hearts", "diamonds", "clubs"]
PARTS = ("to a foundation", "to a pile", "from the stock")


def number(card):
    rank, suit = card.split(" of ")
    return RANKS.index(rank) + 1, SUITS.index(suit)


def rests(card, on):
    """Whether a card may lie on another: one rank lower, one of them red and one black (suits 1 and 2 are red)."""
    (rank, suit), (above, other) = number(card), number(on)
    return rank + 1 == above and (suit in (1, 2)) != (other in (1, 2))


def pile_takes(state, card, pile):
    return rests(card, pile[-1]) if pile else number(card)[0] == 13


def foundation_takes(state, card):
    rank, suit = number(card)
    return state["foundations"][suit] == rank - 1


def read(move):
    return re.fullmatch(r"the (.+) from (.+) to (.+)", move).groups()


def judge(state, move):
    """Whether a move in words is legal, and whether it also puts a card on a foundation or turns one up."""
    card, source, target = read(move)
    if source == "the stock":
        assert (card, target) == ("top card", "the waste")
        return len(state["stock"]) > 0, False
    if source == "the waste":
        taken, left, down = [state["waste"][-1]] if state["waste"] else [], [], 0
    else:
        index = int(source.removeprefix("pile ")) - 1
        down = state["hidden"][index]
        shown = state["piles"][index][down:]
        cut = shown.index(card) if card in shown else len(shown)
        taken, left = shown[cut:], shown[:cut]
    if not taken or taken[0] != card or source == target:
        return False, False
    if target == "the foundation":
        return len(taken) == 1 and foundation_takes(state, card), True
    pile = state["piles"][int(target.removeprefix("pile ")) - 1]
    return pile_takes(state, card, pile), down > 0 and not left


def every_move(state):
    """Each card of the deck from each place to each other place."""
    places = [f"pile {n}" for n in range(1, 8)]
    deck = [f"{rank} of {suit}" for rank in RANKS for suit in SUITS]
    return [
        (target, f"the {card} from {source} to {target}")
        for card in deck
        for source in [*places, "the waste"]
        for target in [*places, "the foundation"]
    ]


def legal_move(state, asked, answer):
    return judge(state, answer)[0]


def useful_move(state, asked, answer):
    return judge(state, answer) == (True, True)


def deadlock(state, asked, answer):
    where = {target for target, move in every_move(state) if judge(state, move)[0]}
    left = ("the foundation" in where, bool(where - {"the foundation"}), bool(state["stock"]))
    return answer == ", ".join(f"{part}: {'yes' if yes else 'no'}" for part, yes in zip(PARTS, left, strict=True))


def sound(state):
    """52 different cards; the face-up part of every pile is a sequence, and no pile hides more than it was dealt."""
    home = [f"{RANKS[i]} of {suit}" for suit, n in zip(SUITS, state["foundations"], strict=True) for i in range(n)]
    cards = [card for pile in state["piles"] for card in pile] + state["stock"] + state["waste"] + home
    for index, (pile, down) in enumerate(zip(state["piles"], state["hidden"], strict=True)):
        shown = pile[down:]
        if down > index or (pile and not shown) or not all(map(rests, shown[1:], shown)):
            return False
    return len(cards) == len(set(cards)) == 52 and len(state["stock"]) + len(state["waste"]) <= 24


def swapped(cards, i, j):
    changed = list(cards)
    changed[i], changed[j] = changed[j], changed[i]
    return tuple(changed)


def variants(state, rng):
    """Two cards of a pile change places, face up or not; a card more face down; other stock, waste and foundations."""
    for i, (pile, down) in enumerate(zip(state.piles, state.hidden, strict=True)):
        for a in range(len(pile) - 1):
            yield replace(state, piles=(*state.piles[:i], swapped(pile, a, a + 1), *state.piles[i + 1 :]))
        if down:
            yield replace(state, hidden=(*state.hidden[:i], down - 1, *state.hidden[i + 1 :]))
    if len(state.stock) > 1:
        yield replace(state, stock=swapped(state.stock, 0, -1))
        yield replace(state, stock=state.stock[1:])
    if len(state.waste) > 2:
        yield replace(state, waste=swapped(state.waste, 0, 1))
        yield replace(state, waste=swapped(state.waste, 0, -1))
        yield replace(state, waste=state.waste[1:])
    for suit in range(4):
        yield replace(state, foundations=(*state.foundations[:suit], 5, *state.foundations[suit + 1 :]))
