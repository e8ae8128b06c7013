"""What does not change while a game is played: names, parsed descriptions, locks, quests, the recipe."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ludex.envs.textworld import text
from ludex.envs.textworld.game import CHANGING, COOKED, CUT, PLACES, Event, Game, Quest

UNLIMITED = 1 << 30


@dataclass(frozen=True)
class Reading:
    """What does not change while a game is played, looked up once for each game.

    Attributes:
        kinds, names, calls: of everything by id; `calls` is the name in lower case, as commands have it.
        texts: the descriptions, parsed.
        keys: what opens a lock.
        doors: room -> the doors in its walls.
        quests: the quests with the facts that can change only.
        recipe, meal: the ingredients, each with how it is to be cooked and cut, and what they make.
        capacity: how many things can be carried.
    """

    game: Game
    kinds: dict[str, str]
    names: dict[str, str]
    calls: dict[str, str]
    texts: dict[str, list[text.Part]]
    keys: dict[str, str]
    doors: dict[str, list[str]]
    quests: tuple[Quest, ...]
    traits: frozenset[tuple[str, ...]]
    recipe: tuple[tuple[str, str, str], ...]
    meal: str
    capacity: int

    @classmethod
    def of(cls, game: Game) -> Reading:
        """All of it. ValueError for a description that cannot be read."""
        names = {e: text.quoted(x.name) for e, x in game.entities.items()}
        slots = sum(x.kind == "slot" for x in game.entities.values())
        quests = [Quest(_live(q.wins), _live(q.fails), q.reward, q.optional, q.repeatable) for q in game.quests]
        return cls(
            game,
            kinds={e: x.kind for e, x in game.entities.items()},
            names=names,
            calls={e: " ".join(x.name.lower().split()) for e, x in game.entities.items()},
            texts={e: text.parse(_source(x.kind, x.text), e) for e, x in game.entities.items()},
            keys={thing: key for _, key, thing in game.named("match")},
            doors={room: [door for _, door in ways.values() if door] for room, ways in game.exits.items()},
            quests=tuple(quests),
            traits=frozenset(game.facts),
            recipe=tuple(_recipe(game)),
            meal=next((e for e, x in game.entities.items() if x.kind == "meal"), ""),
            capacity=slots or UNLIMITED,
        )


def _source(kind: str, words: str) -> str:
    """A room's description is laid out by Inform; line breaks elsewhere are TextWorld's own."""
    return text.source(words) if kind == "r" else words


def _live(events: Iterable[Event]) -> tuple[Event, ...]:
    return tuple(tuple(fact for fact in event if fact[0] in (*PLACES, *CHANGING)) for event in events)


def _recipe(game: Game) -> Iterable[tuple[str, str, str]]:
    """Ingredients in the order in which the game looks for them."""
    base = {ingredient: food for _, food, ingredient in game.named("base")}
    asked = {(fact[0], fact[1]) for fact in game.facts}
    for ingredient, entity in game.entities.items():
        if entity.kind == "ingredient":
            cooked = next((how for how in COOKED if (how, ingredient) in asked), "")
            yield base[ingredient], cooked, next((how for how in CUT if (how, ingredient) in asked), "")
