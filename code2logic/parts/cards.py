"""Playing cards: a card is its name, such as "10 of hearts"; piles are drawn fanned out, so that every index shows.

Piles are tuples from the bottom to the top card, which lies over the others and is drawn last, in full.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Canvas, Style

RANKS = ("ace", "2", "3", "4", "5", "6", "7", "8", "9", "10", "jack", "queen", "king")
SUITS = ("spades", "hearts", "diamonds", "clubs")
DECK = tuple(f"{rank} of {suit}" for suit in SUITS for rank in RANKS)
RANK = {card: 1 + i % 13 for i, card in enumerate(DECK)}  # 1 for an ace, 13 for a king
SUIT = {card: i // 13 for i, card in enumerate(DECK)}  # index in SUITS
RED = frozenset(card for card in DECK if SUITS[SUIT[card]] in ("hearts", "diamonds"))
Pile = tuple[str, ...]
Loose = tuple[str, str, bool]  # a card that may be moved, its place, and whether nothing lies on it
# The cards one rank lower and of the other colour: what a pile takes that is built down in turns of colour.
FITS = {on: frozenset(c for c in DECK if RANK[c] == RANK[on] - 1 and (c in RED) != (on in RED)) for on in DECK}
ABOVE = {card: up for card, up in pairwise(DECK) if SUIT[card] == SUIT[up]}  # the next of its suit
KINGS = frozenset(card for card in DECK if RANK[card] == 13)
PILES = tuple(f"pile {i + 1}" for i in range(10))
HOME = "the foundation"
HIDDEN = 11  # pixels of a face-down card that the next one leaves open
ALTERNATE = "one rank higher and of the other colour (hearts and diamonds are red, spades and clubs black)"
TOP = "The top card of a pile lies over all its others. Ranks go ace, 2 to 10, jack, queen, king."
FOUNDATIONS = "The foundation of each suit is built up from the ace, one rank at a time; cards on it stay there."
LEGEND = "Below: the piles, numbered from the left; the lowest card in the picture, seen in full, is a pile's top card."


class Move(NamedTuple):
    """A card, with all that lies on it, and the places it goes from and to, in words."""

    card: str
    source: str
    target: str

    def __str__(self) -> str:
        return f"the {self.card} from {self.source} to {self.target}"


@dataclass(frozen=True)
class Rules:
    """Which cards may lie on a pile.

    Attributes:
        on: the cards that may be put on each top card.
        empty: the cards that may be put on an empty pile.
    """

    on: Mapping[str, frozenset[str]]
    empty: frozenset[str]

    def legal(self, loose: Iterable[Loose], piles: Sequence[Pile], foundations: Sequence[int] = ()) -> list[Move]:
        """The legal moves of some cards to piles and foundations, which hold so many cards by suit."""
        takers: dict[str, list[str]] = {}
        for name, pile in zip(PILES, piles, strict=False):
            for card in self.on[pile[-1]] if pile else self.empty:
                takers.setdefault(card, []).append(name)
        moves: list[Move] = []
        for card, place, top in loose:
            if card in takers:
                moves += [Move(card, place, target) for target in takers[card] if target != place]
            if top and foundations and foundations[SUIT[card]] + 1 == RANK[card]:
                moves.append(Move(card, place, HOME))
        return moves

    def legal_runs(self, piles: Sequence[Pile], hidden: Sequence[int]) -> list[Move]:
        """The legal moves where only runs of one suit move."""
        return self.legal(face_up(piles, list(map(run_start, piles, hidden))), piles)


def tempting(
    rng: random.Random, loose: Sequence[Loose], good: Collection[Move], piles: Sequence[Pile], home: Sequence[int] = ()
) -> list[Move]:
    """Eight moves that are not in `good`, those whose rank is close to what the target takes first."""

    def distance(move: Move) -> int:
        pile = piles[PILES.index(move.target)] if move.target != HOME else ()
        wanted = RANK[pile[-1]] - 1 if pile else 13 if move.target != HOME else home[SUIT[move.card]] + 1
        return abs(RANK[move.card] - wanted)

    targets = [*PILES[: len(piles)], *[HOME] * bool(home)]
    drawn = [Move(*rng.choice(loose)[:2], rng.choice(targets)) for _ in range(24)]
    wrong = [move for move in dict.fromkeys(drawn) if move.source != move.target and move not in good]
    return sorted(wrong, key=distance)[:8]


def evenly(rng: random.Random, moves: Sequence[Move]) -> Move:
    """A move to a pile, to a foundation or elsewhere, equally often where there are several kinds."""
    kinds: dict[str, list[Move]] = {}
    for move in moves:
        kinds.setdefault("pile" if move.target in PILES else move.target, []).append(move)
    return rng.choice(rng.choice([*kinds.values()]))


def face_up(piles: Sequence[Pile], hidden: Sequence[int]) -> list[Loose]:
    """The face-up cards of the piles."""
    found: list[Loose] = []
    for name, pile, down in zip(PILES, piles, hidden, strict=False):
        found += [(card, name, i == len(pile) - 1) for i, card in enumerate(pile[down:], down)]
    return found


def run_start(pile: Pile, down: int) -> int:
    """Where the run of one suit on top of a pile begins, of which `down` cards are face down."""
    at = len(pile) - 1
    while at > down and ABOVE.get(pile[at]) == pile[at - 1]:
        at -= 1
    return at


def run_after(piles: Sequence[Pile], hidden: Sequence[int], move: Move) -> int:
    """The length of the run on top of the target after a move."""
    target = PILES.index(move.target)
    pile = shift(piles, move)[target]
    return len(pile) - run_start(pile, hidden[target])


def turned_up(piles: Sequence[Pile], hidden: Sequence[int]) -> tuple[int, ...]:
    """How many cards of each pile are face down once those on top are turned up."""
    return tuple(min(down, max(0, len(pile) - 1)) for pile, down in zip(piles, hidden, strict=True))


def shift(piles: Sequence[Pile], move: Move) -> tuple[Pile, ...]:
    """The piles after a move; of equal cards in a pile it takes the upper one."""
    after = list(piles)
    moved: Pile = (move.card,)
    if move.source in PILES:
        source = PILES.index(move.source)
        at = len(after[source]) - 1 - after[source][::-1].index(move.card)
        after[source], moved = after[source][:at], after[source][at:]
    if move.target in PILES:
        after[PILES.index(move.target)] += moved
    return tuple(after)


def raised(foundations: Sequence[int], move: Move) -> tuple[int, ...]:
    """The foundations after a move."""
    up = SUIT[move.card] if move.target == HOME else -1
    return tuple(n + (suit == up) for suit, n in enumerate(foundations))


def tops(foundations: Sequence[int]) -> list[str]:
    """The top card of each foundation, "" for none."""
    return [f"{RANKS[n - 1]} of {suit}" if n else "" for suit, n in zip(SUITS, foundations, strict=True)]


def short(card: str) -> str:
    """A card as "10H"; "-" for none."""
    rank, _, suit = card.partition(" of ")
    return (rank if rank.isdigit() else rank[:1].upper()) + suit[:1].upper() or "-"


def piles_in_words(piles: Iterable[Sequence[str]], hidden: Sequence[int] = (0,) * 10) -> str:
    """Every pile on a line."""
    shown = ([*["?"] * down, *map(short, pile[down:])] or ["-"] for pile, down in zip(piles, hidden, strict=False))
    lines = [f"{name}: {' '.join(pile)}" for name, pile in zip(PILES, shown, strict=False)]
    return "\n".join(["Piles from the bottom to the top card (10H is the 10 of hearts; ? face down, - empty):", *lines])


def home_in_words(foundations: Sequence[int]) -> str:
    """The foundations on a line."""
    named = zip(SUITS, foundations, strict=True)
    return "foundations: " + ", ".join(f"{suit} {f'up to {RANKS[n - 1]}' if n else 'empty'}" for suit, n in named)


@lru_cache(maxsize=1024)
def painted(style: Style, width: int, card: str) -> tuple[Image.Image, Image.Image]:
    """A card ("" for its back) and its outline, from the cache; never change them."""
    from PIL import Image, ImageDraw

    from ludex.code2logic.draw import Canvas

    canvas = Canvas(style)
    box = (0, 0, width + 1, round(width * 1.4) + 1)
    rank, _, suit = card.partition(" of ")
    canvas.card((0, 0), width, rank if rank.isdigit() else rank[:1].upper(), suit[:-1], face_up=bool(card))
    mask = Image.new("L", box[2:], 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, width, width * 1.4), width // 8, 255)
    return canvas.image.crop(box), mask


def put(canvas: Canvas, x: int, y: int, width: int, card: str) -> None:
    """A card with its top left corner at a point, face down for ""."""
    image, mask = painted(canvas.style, width, card)
    canvas.image.paste(image, (x, y), mask)


def slot(canvas: Canvas, x: int, y: int, width: int, card: str = "", suit: str = "") -> None:
    """A place for one card: the card, or an outline with the sign of its suit."""
    if card:
        put(canvas, x, y, width, card)
        return
    from ludex.code2logic.glyphs import SUITS as SIGNS

    box = (x, y, x + width, y + width * 1.4)
    canvas.pen.rounded_rectangle(box, width // 8, canvas.style.other, canvas.style.line, 2)
    if suit:
        canvas.glyph((x + width / 2, y + width * 0.7), width // 2, SIGNS[suit[:-1]], canvas.style.line)


def stock(canvas: Canvas, x: int, y: int, width: int, count: int) -> None:
    """A face-down stock with the number of its cards."""
    canvas.text((x + width / 2, y + width * 1.62), "stock", 15)
    if count:
        put(canvas, x, y, width, "")
        box = (x + width * 0.2, y + width * 0.45, x + width * 0.8, y + width * 0.95)
        canvas.pen.rounded_rectangle(box, 6, canvas.style.cell)
        canvas.text((x + width / 2, y + width * 0.7), str(count), round(width * 0.36))
    else:
        slot(canvas, x, y, width)


def home(canvas: Canvas, x: int, y: int, width: int, foundations: Sequence[int]) -> None:
    """The four foundations side by side, from `x`."""
    canvas.text((x + width * 2 + 12, y + width * 1.62), "foundations", 15)
    for i, (card, suit) in enumerate(zip(tops(foundations), SUITS, strict=True)):
        slot(canvas, x + i * (width + 8), y, width, card, suit)


def table(canvas: Canvas, piles: Sequence[Sequence[str]], top: int, width: int, hidden: Sequence[int]) -> None:
    """The piles side by side with their numbers, each fanned out downwards from `top` to the border."""
    pitch = canvas.image.width / len(piles)
    room = canvas.image.height - top - round(width * 1.4) - 6
    for i, (pile, down) in enumerate(zip(piles, hidden, strict=True)):
        x, y = round(pitch * (i + 0.5) - width / 2), float(top)
        canvas.text((pitch * (i + 0.5), top - 13), str(i + 1), 18)
        up = min(width * 0.5, (room - down * HIDDEN) / max(1, len(pile) - down - 1))
        if not pile:
            slot(canvas, x, top, width)
        for j, card in enumerate(pile):
            put(canvas, x, round(y), width, card if j >= down else "")
            y += up if j >= down else HIDDEN
