"""Checks spider by pairs: two cards that lie on each other are linked or not, and runs are chains of links."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

RANKS = ("ace", "2", "3", "4", "5", "6", "7", "8", "9", "10", "jack", "queen", "king")
VERDICTS = {
    (True, True): "yes",
    (False, True): "no, for one reason: the cards to be moved are not a run",
    (True, False): "no, for one reason: the other pile's top card is not one rank higher",
    (False, False): "no, for two reasons: the cards are not a run, and the other top card is not one rank higher",
}


def value(card):
    return RANKS.index(card.split()[0])


def linked(lower, upper):
    """Whether `upper` lies on `lower` in a run."""
    return lower.split()[2] == upper.split()[2] and value(lower) - value(upper) == 1


def chain(cards):
    return all(linked(cards[i], cards[i + 1]) for i in range(len(cards) - 1))


def pile_of(state, name):
    return int(re.fullmatch(r"pile (\d+)", name)[1]) - 1


def shown(state, index):
    return state["piles"][index][state["hidden"][index] :]


def accepted(state, card, index):
    pile = state["piles"][index]
    return not pile or value(pile[-1]) - value(card) == 1


def read(state, move):
    """The cards that a move in words takes, the face-up ones that stay beneath, and the piles; no cards if none fit."""
    card, source, target = re.fullmatch(r"the (.+) from (.+) to (.+)", move).groups()
    a, b = pile_of(state, source), pile_of(state, target)
    up = shown(state, a)
    place = max((i for i, other in enumerate(up) if other == card), default=len(up))
    return up[place:], up[:place], a, b


def legal(state, move):
    moved, _, a, b = read(state, move)
    return bool(moved) and a != b and chain(moved) and accepted(state, moved[0], b)


def every_legal(state):
    """Each card of each pile to each other pile."""
    names = [f"pile {n}" for n in range(1, len(state["piles"]) + 1)]
    moves = {
        f"the {card} from {names[a]} to {b}" for a, _ in enumerate(names) for card in shown(state, a) for b in names
    }
    return [move for move in moves if legal(state, move)]


def length_left(state, move):
    """The longest end of the target, after the move, that is a chain of face-up cards."""
    moved, _, _, b = read(state, move)
    after = [*shown(state, b), *moved]
    return max(n for n in range(1, len(after) + 1) if chain(after[-n:]))


def deals_left(state, asked, answer):
    return len(state["stock"]) == answer * len(state["piles"])


def top_card(state, asked, answer):
    return state["piles"][pile_of(state, asked["pile"])][-1] == answer


def face_down(state, asked, answer):
    everything = sum(map(len, state["piles"]))
    return everything - sum(len(shown(state, i)) for i in range(len(state["piles"]))) == answer


def face_up_after(state, asked, answer):
    piles, stock = [list(pile) for pile in state["piles"]], list(state["stock"])
    for _ in range(asked["clicks"]):
        for pile in piles:
            pile.append(stock.pop(0))
    index = pile_of(state, asked["pile"])
    return len(piles[index]) - state["hidden"][index] == answer


def can_move(state, asked, answer):
    a, b = pile_of(state, asked["source"]), pile_of(state, asked["target"])
    if asked["place"] > len(shown(state, a)):
        return answer == "no, it is face down"
    moved = state["piles"][a][-asked["place"] :]
    return answer == VERDICTS[chain(moved), accepted(state, moved[0], b)]


def uncovering_move(state, asked, answer):
    _, stay, a, _ = read(state, answer)
    return legal(state, answer) and not stay and a == pile_of(state, asked["pile"]) and state["hidden"][a] > 0


def longest_run(state, asked, answer):
    good = every_legal(state)
    return answer in good and length_left(state, answer) == max(length_left(state, move) for move in good)


def sound(state):
    """Each of 26 cards four times; top cards face up; a stock for whole deals; no run from king to ace."""
    cards = Counter([card for pile in state["piles"] for card in pile] + state["stock"])
    deck = {f"{rank} of {suit}": 4 for rank in RANKS for suit in ("spades", "hearts")}
    piles = range(len(state["piles"]))
    up = all(shown(state, i) or not state["piles"][i] for i in piles)
    full = any(chain(shown(state, i)[j : j + 13]) for i in piles for j in range(len(shown(state, i)) - 12))
    return cards == deck and up and not full and len(state["stock"]) % len(piles) == 0


def variants(state, rng):
    """Two neighbours of a pile change places, hidden or not; a card more is face up; other stocks."""
    for i, pile in enumerate(state.piles):
        for j in range(len(pile) - 1):
            changed = (*pile[:j], pile[j + 1], pile[j], *pile[j + 2 :])
            yield replace(state, piles=(*state.piles[:i], changed, *state.piles[i + 1 :]))
        if state.hidden[i]:
            yield replace(state, hidden=(*state.hidden[:i], state.hidden[i] - 1, *state.hidden[i + 1 :]))
    count = len(state.piles)
    if state.stock:
        yield replace(state, stock=state.stock[::-1])
        yield replace(state, stock=state.stock[count:])
    yield replace(state, stock=state.stock + state.stock[:1] * count)
