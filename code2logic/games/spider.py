"""Spider solitaire with two suits, on positions that arise by random play from a real deal of 104 cards.

Levels go by the piles, 8, 9 and 10. The number of deals made so far is drawn evenly; one to eight moves follow each,
often such as build on a suit. Whether a card can move, and why not, is wished for evenly.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

from ludex.code2logic.game import Game, Question, listed
from ludex.code2logic.parts import cards
from ludex.code2logic.parts.cards import PILES, Move, Pile, Rules

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Style

DECK = cards.DECK[:26]  # spades and hearts, each card four times
RULES = Rules({on: frozenset(c for c in DECK if cards.RANK[c] == cards.RANK[on] - 1) for on in DECK}, frozenset(DECK))
TALLEST = 11  # cards in a pile that takes others
VERDICTS = {  # by whether the cards moved are a run, and whether the other pile takes them; None if they are hidden
    None: "no, it is face down",
    (True, True): "yes",
    (False, True): "no, for one reason: the cards to be moved are not a run",
    (True, False): "no, for one reason: the other pile's top card is not one rank higher",
    (False, False): "no, for two reasons: the cards are not a run, and the other top card is not one rank higher",
}


@dataclass(frozen=True)
class State:
    """A position; cards are named "10 of hearts".

    Attributes:
        piles: the piles from the left, each from its bottom to its top card, face-down cards included.
        hidden: how many cards at the bottom of each pile are face down.
        stock: the cards still to be dealt; the first goes to pile 1 in the next deal.
    """

    piles: tuple[Pile, ...]
    hidden: tuple[int, ...]
    stock: Pile


def start(rng: random.Random, size: int) -> State:
    """A position after some deals, and some moves after each."""
    deck, deals = tuple(rng.sample(DECK * 4, 104)), 54 // size
    stock, piles = deck[: deals * size], tuple(deck[deals * size + i :: size] for i in range(size))
    hidden = tuple(len(pile) - 1 for pile in piles)
    for made in range(rng.randint(0, deals) + 1):
        if made:
            piles, stock = tuple((*pile, card) for pile, card in zip(piles, stock, strict=False)), stock[size:]
        for _ in range(rng.randint(1, 8)):
            takers = {name: pile[-1:] for name, pile in zip(PILES, piles, strict=False) if len(pile) <= TALLEST}
            options = [move for move in RULES.legal_runs(piles, hidden) if move.target in takers]
            joining = [move for move in options if cards.ABOVE.get(move.card) in takers[move.target]]
            if options:
                piles = cards.shift(piles, rng.choice(joining if joining and rng.random() < 0.5 else options))
                hidden = cards.turned_up(piles, hidden)
    return State(piles, hidden, stock)


def describe(state: State) -> str:
    """All that is seen."""
    return f"stock: {len(state.stock)} face-down cards\n{cards.piles_in_words(state.piles, state.hidden)}"


def draw(state: State, style: Style) -> Image.Image:
    """The stock above the piles."""
    from ludex.code2logic.draw import Canvas

    canvas = Canvas(style)
    cards.stock(canvas, 258, 4, 44, len(state.stock))
    cards.table(canvas, state.piles, 112, 50, state.hidden)
    return canvas.image


def count(state: State) -> int:
    """The number of piles."""
    return len(state.piles)


game = Game(
    name="spider",
    rules=(
        f"Spider solitaire: spades and hearts, each card four times. {cards.TOP} A run is one or more face-up cards of "
        "one suit, each one rank lower than the card it lies on, up to the top of its pile. A face-up card may move, "
        "with all cards on it, if they are a run: onto an empty pile, or a pile whose top card is one rank higher than "
        "the card itself, of either suit. Of equal cards in a pile the upper one is meant. A face-down card that comes "
        "to lie on top of its pile is turned up. A click on the stock deals one card of it face up to every pile."
    ),
    legend=f"Above: the stock, with the number of its cards. {cards.LEGEND}",
    sizes={"easy": 8, "medium": 9, "hard": 10},
    start=start, draw=draw, describe=describe, measure=count, measured="piles",
)  # fmt: skip


@game.question(kind="perception", qa_level="easy", number=0)
def deals_left(state: State, rng: random.Random) -> Question:
    """The cards of the stock over the piles; each number equally often."""
    right = len(state.stock) // len(state.piles)
    why = f"{len(state.stock)} cards are left for {len(state.piles)} piles: {right} deals."
    return Question.fill("How many deals are left in the stock?", right, why)


@game.question(kind="perception", qa_level="easy", number=1)
def top_card(state: State, rng: random.Random) -> Question:
    """The top card of a pile."""
    name, pile = rng.choice([(name, pile) for name, pile in zip(PILES, state.piles, strict=False) if pile])
    text = f'What is the top card of {name}? Name it like "queen of hearts" or "10 of spades".'
    return Question.fill(text, pile[-1], f"The last card of {name} is the {pile[-1]}.", pile=name)


@game.question(kind="perception", qa_level="easy", number=2)
def face_down(state: State, rng: random.Random) -> Question:
    """The face-down cards of the piles."""
    why = f"In the piles from the left: {listed(state.hidden)}, in all {sum(state.hidden)}."
    return Question.fill("How many cards of the piles are face down?", sum(state.hidden), why)


@game.question(kind="prediction", qa_level="easy", number=3)
def face_up_after(state: State, rng: random.Random) -> Question | None:
    """The face-up cards of a pile after some clicks."""
    if not state.stock:
        return None
    clicks = rng.randint(1, len(state.stock) // len(state.piles))
    ups = [len(pile) - down for pile, down in zip(state.piles, state.hidden, strict=True)]
    name, up = rng.choice([*zip(PILES, ups, strict=False)])
    after, held = f"{clicks} click{'s' * (clicks > 1)}", f"{up} face-up card{'s' * (up != 1)}"
    text = f"How many face-up cards are in {name} after {after} on the stock, without any move?"
    why = f"Now {name} has {held}; a click adds one, so after {after} there are {up + clicks}."
    return Question.fill(text, up + clicks, why, pile=name, clicks=clicks)


def verdict(state: State, source: int, at: int, target: int) -> str:
    """Whether a card may move to a pile with all that lie on it, and why not."""
    pile, down, top = state.piles[source], state.hidden[source], state.piles[target][-1:]
    run, fits = at >= cards.run_start(pile, down), not top or pile[at] in RULES.on[top[0]]
    return VERDICTS[(run, fits) if at >= down else None]


@game.question(kind="prediction", qa_level="medium", number=4, options=5, wishes=VERDICTS.values())
def can_move(state: State, rng: random.Random, wish: str) -> Question | None:
    """Whether a card may go to a pile, and why not, each answer equally often."""
    pairs = permutations(range(len(state.piles)), 2)
    found = [(a, i, b) for a, b in pairs for i in range(len(state.piles[a])) if verdict(state, a, i, b) == wish]
    if not found:
        return None
    a, i, b = rng.choice(found)
    source, target, place = PILES[a], PILES[b], len(state.piles[a]) - i
    text = f"May card {place} of {source}, counted from its top card (card 1), move to {target} with all cards on it?"
    moved = listed(state.piles[a][i:]) if i >= state.hidden[a] else "a face-down card"
    why = f"To be moved: {moved}. Top card of {target}: {listed(state.piles[b][-1:])}. So {wish}."
    return Question.choice(text, wish, VERDICTS.values(), why, place=place, source=source, target=target)


@game.question(kind="prediction", qa_level="hard", number=5)
def uncovering_move(state: State, rng: random.Random) -> Question | None:
    """The move of all face-up cards of a pile, among their moves to other piles."""
    good, piles = RULES.legal_runs(state.piles, state.hidden), [*zip(PILES, state.piles, state.hidden, strict=False)]
    first = {(pile[down], name) for name, pile, down in piles if 0 < down == cards.run_start(pile, down)}
    best = [move for move in good if move[:2] in first]
    if not best:
        return None
    card, source, _ = right = rng.choice(best)
    wrong = [move for name, *_ in piles if name != source and (move := Move(card, source, name)) not in good]
    text = f"Which of these moves is legal and turns up a face-down card of {source}?"
    why = f"The face-up cards of {source} are a run that begins with the {card}. So {right} turns one up."
    return Question.choice(text, right, wrong, why, pile=source)


@game.question(kind="strategy", qa_level="hard", number=6)
def longest_run(state: State, rng: random.Random) -> Question | None:
    """The legal move that leaves the longest run where it goes, among legal ones that leave a shorter one."""
    good = RULES.legal_runs(state.piles, state.hidden)
    length = {move: cards.run_after(state.piles, state.hidden, move) for move in good}
    best = [move for move in good if length[move] == max(length.values())]
    if len(best) == len(good):
        return None
    right, shorter = rng.choice(best), [move for move in good if move not in best]
    wrong = cards.tempting(rng, cards.face_up(state.piles, state.hidden), good, state.piles)
    text = "Which of these moves is best: legal, and leaving the longest run on top of the pile it goes to?"
    why = f"Legal moves leave runs of {listed(f'{n} ({move})' for move, n in length.items())}. The best is {right}."
    return Question.choice(text, right, wrong, why, near=rng.sample(shorter, min(4, len(shorter))))
