"""Checks freecell by a table from card to place: a move is a change of one entry, and tops are found by height."""

from __future__ import annotations

import re
from dataclasses import replace

RANKS = ["ace", *map(str, range(2, 11)), "jack", "queen", "king"]
SUITS = ["spades", "hearts", "diamonds", "clubs"]
COLOUR = dict(zip(SUITS, ["black", "red", "red", "black"], strict=True))


def table(state):
    """(place, height) of every card; cards on foundations lie as high as their rank."""
    where = {}
    for n, pile in enumerate(state["piles"], 1):
        where |= {card: (f"pile {n}", height) for height, card in enumerate(pile, 1)}
    where |= {card: (f"free cell {n}", 1) for n, card in enumerate(state["cells"], 1) if card}
    for suit, count in zip(SUITS, state["foundations"], strict=True):
        where |= {f"{rank} of {suit}": (suit, height) for height, rank in enumerate(RANKS[:count], 1)}
    return where


def top(where, place):
    """The highest card of a place, or None."""
    return max((item for item in where.items() if item[1][0] == place), key=lambda item: item[1][1], default=(None,))[0]


def land(where, card, source, target):
    """Where a card would come to lie, or None if it may not move so."""
    rank, suit = card.split(" of ")
    if top(where, source) != card or source in SUITS or source == target:
        return None
    if target == "a free cell":
        empty = [f"free cell {n}" for n in range(1, 5) if top(where, f"free cell {n}") is None]
        return (empty[0], 1) if empty and source.startswith("pile") else None
    if target == "the foundation":
        beneath = top(where, suit)
        height = where[beneath][1] if beneath else 0
        return (suit, height + 1) if RANKS[height : height + 1] == [rank] else None
    on = top(where, target)
    if on is None:
        return target, 1
    above, other = on.split(" of ")
    fits = RANKS.index(above) - RANKS.index(rank) == 1 and COLOUR[suit] != COLOUR[other]
    return (target, where[on][1] + 1) if fits else None


def card_in_pile(state, asked, answer):
    pile = state["piles"][int(asked["pile"].split()[1]) - 1]
    return list(reversed(pile)).index(answer) + 1 == asked["place"] if answer in pile else False


def legal_move(state, asked, answer):
    card, source, target = re.fullmatch(r"the (.+) from (.+) to (.+)", answer).groups()
    return land(table(state), card, source, target) is not None


def top_after(state, asked, answer):
    where = table(state)
    for told in asked["moves"]:
        source, target = re.fullmatch(r"\d\. from (.+) to (.+)", told).groups()
        card = top(where, source)
        where[card] = land(where, card, source, target)
    return top(where, asked["pile"]) == answer


def sound(state):
    """52 different cards, four free cells."""
    cards = [card for pile in state["piles"] for card in pile] + [card for card in state["cells"] if card]
    deck = {f"{rank} of {suit}" for rank in RANKS for suit in SUITS}
    count = len(cards) + sum(state["foundations"])
    return set(table(state)) == deck and count == 52 and len(state["cells"]) == 4


def variants(state, rng):
    """Two neighbours of a pile change places; a card gone from a free cell, or in another; other foundations."""
    for i, pile in enumerate(state.piles):
        for j in range(len(pile) - 1):
            changed = (*pile[:j], pile[j + 1], pile[j], *pile[j + 2 :])
            yield replace(state, piles=(*state.piles[:i], changed, *state.piles[i + 1 :]))
        if pile:
            yield replace(state, piles=(*state.piles[:i], pile[:-1], *state.piles[i + 1 :]))
    yield replace(state, cells=("10 of hearts", *state.cells[:3]))
    yield replace(state, cells=state.cells[::-1])
    for suit in range(4):
        yield replace(state, foundations=(*state.foundations[:suit], 5, *state.foundations[suit + 1 :]))
