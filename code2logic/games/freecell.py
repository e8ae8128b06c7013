"""FreeCell on positions that arise by random legal play from a real deal.

Levels go by the piles, 8, 6 and 4: the fewer there are, the longer they are and the fewer places take a card. Where a
question asks about a move, its kind is drawn first (to a pile, a free cell or a foundation), since most legal moves go
to a free cell. The moves to foresee name places and not cards, so that the cards must be read from the picture.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ludex.code2logic.game import Game, Question, listed
from ludex.code2logic.parts import cards
from ludex.code2logic.parts.cards import PILES, Loose, Move, Pile, Rules

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Style

CELLS = ("free cell 1", "free cell 2", "free cell 3", "free cell 4")
CELL = "a free cell"
RULES = Rules(cards.FITS, frozenset(cards.DECK))
PLAYED = 24  # the most moves before a position
TALLEST = 17  # cards in a pile
FORESEEN = 3  # moves


@dataclass(frozen=True)
class State:
    """A position; cards are named "10 of hearts".

    Attributes:
        piles: the piles from the left, each from its bottom to its top card.
        cells: the cards in the four free cells, "" for none.
        foundations: the number of cards on the foundations of spades, hearts, diamonds and clubs.
    """

    piles: tuple[Pile, ...]
    cells: tuple[str, ...] = ("", "", "", "")
    foundations: tuple[int, ...] = (0, 0, 0, 0)


def start(rng: random.Random, size: int) -> State:
    """A deal to `size` piles after some random moves."""
    deck = tuple(rng.sample(cards.DECK, 52))
    state = State(tuple(deck[i::size] for i in range(size)))
    for move in moves_from(state, rng, rng.randint(0, PLAYED)):
        state = play(state, move)
    return state


def moves_from(state: State, rng: random.Random, count: int) -> list[Move]:
    """Random legal moves, of any kind equally often; none moves the card that was moved just before."""
    made: list[Move] = []
    for _ in range(count):
        last = made[-1].card if made else ""
        options = [move for move in legal(state) if move.card != last and fits_in(state, move)]
        if not options:
            break
        made.append(cards.evenly(rng, options))
        state = play(state, made[-1])
    return made


def fits_in(state: State, move: Move) -> bool:
    """Whether the picture has room for the move."""
    return move.target not in PILES or len(state.piles[PILES.index(move.target)]) < TALLEST


def loose(state: State) -> list[Loose]:
    """The cards that may be moved: the top cards of the piles, and those in free cells."""
    tops = [(pile[-1], name, True) for name, pile in zip(PILES, state.piles, strict=False) if pile]
    return tops + [(card, name, True) for name, card in zip(CELLS, state.cells, strict=True) if card]


def legal(state: State) -> list[Move]:
    """The legal moves."""
    able = loose(state)
    into = [Move(card, place, CELL) for card, place, _ in able if place in PILES] if "" in state.cells else []
    return RULES.legal(able, state.piles, state.foundations) + into


def play(state: State, move: Move) -> State:
    """The position after a legal move; of the empty free cells it takes the leftmost."""
    cells = list(state.cells)
    if move.source in CELLS:
        cells[CELLS.index(move.source)] = ""
    if move.target == CELL:
        cells[cells.index("")] = move.card
    return State(cards.shift(state.piles, move), tuple(cells), cards.raised(state.foundations, move))


def describe(state: State) -> str:
    """All cards."""
    cells = "free cells from the left: " + " ".join(map(cards.short, state.cells))
    return f"{cells}\n{cards.home_in_words(state.foundations)}\n{cards.piles_in_words(state.piles)}"


def draw(state: State, style: Style) -> Image.Image:
    """Free cells and foundations above the piles."""
    from ludex.code2logic.draw import Canvas

    canvas = Canvas(style)
    for i, card in enumerate(state.cells):
        cards.slot(canvas, 14 + 64 * i, 8, 56, card)
        canvas.text((42 + 64 * i, 99), f"cell {i + 1}", 14)
    cards.home(canvas, 292, 8, 56, state.foundations)
    cards.table(canvas, state.piles, 138, 56, (0,) * len(state.piles))
    return canvas.image


def height(state: State) -> float:
    """The mean number of cards in a pile."""
    return sum(map(len, state.piles)) / len(state.piles)


game = Game(
    name="freecell",
    rules=(
        f"FreeCell with one deck, all cards face up. {cards.TOP} A move takes one card: the top card of a pile, or a "
        f"card in a free cell. It may go onto a pile whose top card is {cards.ALTERNATE}, onto an empty pile, or, if "
        "it comes from a pile, into an empty free cell (the leftmost one); a free cell holds one card. It may also go "
        f"to the foundation of its suit. {cards.FOUNDATIONS}"
    ),
    legend=f"Above: the four free cells, numbered from the left, and the four foundations. {cards.LEGEND}",
    sizes={"easy": 8, "medium": 6, "hard": 4},
    start=start, draw=draw, describe=describe, measure=height, measured="cards in a pile",
)  # fmt: skip


@game.question(kind="perception", qa_level="easy", number=1)
def card_in_pile(state: State, rng: random.Random) -> Question:
    """A card by its place from the top; tempting are its neighbours, and the card as far from the bottom."""
    at = rng.choice([i for i, pile in enumerate(state.piles) if pile])
    pile = state.piles[at]
    place = rng.randint(1, len(pile))
    near = {*pile[-place - 1 :][:3], pile[place - 1]}
    right = pile[-place]
    text = f"Which card is number {place} of {PILES[at]}, counted from its top card, which is number 1?"
    why = f"From the top {PILES[at]} holds {', '.join(pile[::-1])}. Number {place} is the {right}."
    others = [other[-place] for other in state.piles if len(other) >= place]
    wrong = [*others, *pile, *rng.sample(cards.DECK, 8)]
    return Question.choice(text, right, wrong, why, near=sorted(near), place=place, pile=PILES[at])


@game.question(kind="prediction", qa_level="medium", number=2, options=4)
def legal_move(state: State, rng: random.Random) -> Question | None:
    """A legal move, of any kind equally often, among tempting others; covered cards and full free cells tempt too."""
    good = legal(state)
    if not good:
        return None
    right = cards.evenly(rng, good)
    wrong = cards.tempting(rng, loose(state), good, state.piles, state.foundations)
    if rng.random() < 0.5:
        index = rng.choice([i for i, pile in enumerate(state.piles) if len(pile) > 1])
        wrong.insert(0, Move(state.piles[index][-1 - ("" in state.cells)], PILES[index], CELL))
    why = f"The legal moves are: {listed(good)}. So the answer is {right}."
    return Question.choice("Which of these moves is legal?", right, wrong, why, near=wrong[:3])


@game.question(kind="prediction", qa_level="hard", number=3)
def top_after(state: State, rng: random.Random) -> Question | None:
    """The top card of a pile that some moves change; they are told by their places."""
    made = moves_from(state, rng, FORESEEN)
    touched = sorted({place for move in made for place in (move.source, move.target) if place in PILES})
    if len(made) < FORESEEN:
        return None
    pile = rng.choice(touched)
    after = state
    for move in made:
        after = play(after, move)
    index = PILES.index(pile)
    if not after.piles[index]:
        return None
    right = after.piles[index][-1]
    told = [f"{i + 1}. from {move.source} to {move.target}" for i, move in enumerate(made)]
    text = f"Three moves are made: {'; '.join(told)}. Which card is then the top card of {pile}?"
    why = f"The moves are: {listed(made)}. Then the top card of {pile} is the {right}."
    near = [*state.piles[index][-3:], *(move.card for move in made)]
    wrong = [card for other in state.piles for card in other[-2:]]
    return Question.choice(text, right, wrong, why, near=near, moves=told, pile=pile)
