"""Klondike solitaire on positions that arise by play from a real deal, the stock gone through once.

Levels go by how many moves were played that bring the game on: from the waste to a pile, to a foundation, or turning up
a card. One or two cards are drawn where there is none. Which kinds of moves are left is wished for evenly; for it half
as many moves are played, since later on a pile nearly always takes a card, and half the time all cards are drawn.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

from ludex.code2logic.game import Game, Question, listed
from ludex.code2logic.parts import cards
from ludex.code2logic.parts.cards import HOME, PILES, Loose, Move, Pile, Rules

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Style

WASTE = "the waste"
DRAW = Move("top card", "the stock", WASTE)
RULES = Rules(cards.FITS, cards.KINGS)
PARTS = ("to a foundation", "to a pile", "from the stock")
STATUSES = tuple(product((True, False), repeat=3))
USEFUL = "Which of these moves is legal, and either puts a card on a foundation or turns up a face-down card of a pile?"


@dataclass(frozen=True)
class State:
    """A position; cards are named "10 of hearts", and all piles go from the bottom to the top card.

    Attributes:
        piles: the seven piles from the left, face-down cards included.
        hidden: how many cards at the bottom of each pile are face down.
        stock: the face-down stock; its last card is drawn next.
        waste: the cards drawn and not used; only the last one is seen.
        foundations: the number of cards on the foundations of spades, hearts, diamonds and clubs.
    """

    piles: tuple[Pile, ...]
    hidden: tuple[int, ...]
    stock: Pile
    waste: Pile = ()
    foundations: tuple[int, ...] = (0, 0, 0, 0)


def start(rng: random.Random, size: tuple[int, int]) -> State:
    """A deal after a number of moves in `size` that bring the game on, as far as there are any."""
    deck = tuple(rng.sample(cards.DECK, 52))
    piles = tuple(deck[n * (n - 1) // 2 : n * (n + 1) // 2] for n in range(1, 8))
    state, wanted = State(piles, tuple(range(7)), deck[28:]), rng.randint(*size)
    while wanted:
        options = [move for move in legal(state) if useful(state, move) or move.source == WASTE]
        if options:
            state, wanted = play(state, rng.choice(options)), wanted - 1
        elif state.stock:
            state = draw_cards(state, min(len(state.stock), rng.randint(1, 2)))
        else:
            break
    return state


def draw_cards(state: State, n: int) -> State:
    """The position after `n` cards are drawn and none used."""
    left = len(state.stock) - n
    return replace(state, stock=state.stock[:left], waste=state.waste + state.stock[left:][::-1])


def loose(state: State) -> list[Loose]:
    """Every face-up card of a pile, and the top card of the waste."""
    return cards.face_up(state.piles, state.hidden) + [(card, WASTE, True) for card in state.waste[-1:]]


def legal(state: State) -> list[Move]:
    """The legal moves but for drawing a card."""
    return RULES.legal(loose(state), state.piles, state.foundations)


def useful(state: State, move: Move) -> bool:
    """Whether a move puts a card on a foundation or turns one up."""
    if move.target == HOME or move.source not in PILES:
        return move.target == HOME
    source = PILES.index(move.source)
    return 0 < state.hidden[source] == state.piles[source].index(move.card)


def play(state: State, move: Move) -> State:
    """The position after a legal move; a face-down card that comes to lie on top is turned up."""
    piles = cards.shift(state.piles, move)
    waste = state.waste[:-1] if move.source == WASTE else state.waste
    return State(piles, cards.turned_up(piles, state.hidden), state.stock, waste, cards.raised(state.foundations, move))


def describe(state: State) -> str:
    """All that is seen."""
    stock = f"stock: {len(state.stock)} face-down cards, waste: {' '.join(state.waste[-1:]) or 'empty'}"
    return f"{stock}\n{cards.home_in_words(state.foundations)}\n{cards.piles_in_words(state.piles, state.hidden)}"


def draw(state: State, style: Style) -> Image.Image:
    """Stock, waste and foundations above the piles."""
    from ludex.code2logic.draw import Canvas

    canvas = Canvas(style)
    cards.stock(canvas, 10, 8, 58, len(state.stock))
    cards.slot(canvas, 80, 8, 58, *state.waste[-1:])
    canvas.text((109, 102), "waste", 15)
    cards.home(canvas, 288, 8, 58, state.foundations)
    cards.table(canvas, state.piles, 148, 58, state.hidden)
    return canvas.image


def seen(state: State) -> int:
    """The number of face-up cards in the piles."""
    return sum(map(len, state.piles)) - sum(state.hidden)


game = Game(
    name="klondike",
    rules=(
        f"Klondike solitaire with one deck. {cards.TOP} A face-up card of a pile may move, together with all cards "
        f"that lie on it, onto another pile whose top card is {cards.ALTERNATE}; onto an empty pile only if it is a "
        f"king. The top card of the waste may move to a pile by the same rule. {cards.FOUNDATIONS} From a pile or the "
        "waste only its top card may go there. The top card of the stock may be drawn: it goes face up onto the waste. "
        "The stock is gone through once only. A face-down card that comes to lie on top of its pile is turned up."
    ),
    legend=(
        "Above: the stock with the number of its cards, the waste, of which only the top card is seen, and the four "
        f"foundations. {cards.LEGEND}"
    ),
    sizes={"easy": (1, 4), "medium": (6, 9), "hard": (12, 16)},
    start=start, draw=draw, describe=describe, measure=seen, measured="face-up cards in the piles",
)  # fmt: skip


@game.question(kind="perception", qa_level="easy", number=1)
def legal_move(state: State, rng: random.Random) -> Question | None:
    """A legal move, to a pile or to a foundation equally often where there are both, among tempting others."""
    good = legal(state)
    if not good:
        return None
    right = cards.evenly(rng, good)
    wrong = cards.tempting(rng, loose(state), good, state.piles, state.foundations)
    why = f"The legal moves of cards that can be seen are: {listed(good)}. So the answer is {right}."
    return Question.choice("Which of these moves is legal?", right, wrong, why)


def answer(parts: tuple[bool, ...]) -> str:
    """Which kinds of moves are left, as an option."""
    return ", ".join(f"{kind}: {'yes' if part else 'no'}" for kind, part in zip(PARTS, parts, strict=True))


def halfway(rng: random.Random, size: tuple[int, int]) -> State:
    """A position after half as many moves."""
    return start(rng, (size[0] // 2, size[1] // 2))


@game.question(kind="prediction", qa_level="medium", number=2, start=halfway, wishes=STATUSES)
def deadlock(state: State, rng: random.Random, wish: tuple[bool, bool, bool]) -> Question | None:
    """Which kinds of moves are left; each of the eight answers equally often, a deadlock too."""
    if not wish[2]:
        state = draw_cards(state, len(state.stock))
    moves = legal(state)
    homes = [move for move in moves if move.target == HOME]
    piles = [move for move in moves if move.target in PILES]
    if (bool(homes), bool(piles), bool(state.stock)) != wish:
        return None
    text = "Which kinds of legal moves are left? (To a pile: from a pile or the waste. Three times no is a deadlock.)"
    why = f"To a foundation: {listed(homes)}; to a pile: {listed(piles)}; cards in the stock: {len(state.stock)}. "
    return Question.choice(text, answer(wish), map(answer, STATUSES), f"{why}So {answer(wish)}.", state=state)


@game.question(kind="strategy", qa_level="hard", number=3)
def useful_move(state: State, rng: random.Random) -> Question | None:
    """The one legal move that is useful; the others are legal and useless, or would be useful and are not legal."""
    good = legal(state) + [DRAW] * bool(state.stock)
    useless = [move for move in good if not useful(state, move)]
    if len(useless) in (0, len(good)):
        return None
    right = cards.evenly(rng, [move for move in good if move not in useless])
    wrong = cards.tempting(rng, loose(state), good, state.piles, state.foundations)
    why = f"The legal moves are: {listed(good)}. Of these {right} is useful, and so is the answer."
    homes = [move for card, place, _ in loose(state) if (move := Move(card, place, HOME)) not in good]
    near = rng.sample(useless, min(3, len(useless))) + rng.sample(homes, 2)
    return Question.choice(USEFUL, right, sorted(wrong, key=lambda move: not useful(state, move)), why, near=near)
