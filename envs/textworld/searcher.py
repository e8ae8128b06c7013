"""An expert that reads what a player reads: the words of the game and the commands that it offers, nothing else.

It takes the objective sentence by sentence, or the recipe line by line, and walks around, opening what is closed,
until the game offers the command that the sentence asks for.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial

from ludex.envs.worlds import Interpreter

# What the words of a sentence ask for, the first that fits.
ASKED = (
    ("unlock", re.compile(r"\bunlock(ed)?\b")),
    ("lock", re.compile(r"\block(ed)?\b(?! to)")),
    ("close", re.compile(r"\b(close|closed|shut)\b")),
    ("open", re.compile(r"\b(open|opened|ajar)\b")),
    ("drop", re.compile(r"\b(place|drop|ditch|throw|toss|deposit)\b.* on the floor\b")),
    ("put", re.compile(r"\b(put|place|sit|rest)\b.* on the ")),
    ("insert", re.compile(r"\b(insert|put|place|deposit)\b.* (into|inside) the ")),
    ("take", re.compile(r"\b(take(?! a trip)|retrieve|recover|pick|pick-up|lift)\b")),
    ("eat", re.compile(r"\beat\b")),
)
HEAT = {"fry": "stove", "roast": "oven", "grill": "bbq"}
_TITLE = re.compile(r"-= (.+) =-")

Wanted = Callable[[str], bool]


class Searcher:
    """Plays one game.

    Args:
        game: the game; only its words and its commands are used.
        limit: commands after which it gives up.
    """

    def __init__(self, game: Interpreter, limit: int = 400):
        self.game, self.limit = game, limit
        self.commands: list[str] = []
        self.exits: dict[str, dict[str, str]] = {}  # room -> direction -> the room there, "" for not yet seen
        self.offers: dict[str, list[str]] = {}  # room -> the commands offered there last
        self.tried: set[tuple[str, str]] = set()
        self.room = self.said = ""
        self._notice(game.intro())

    def play(self) -> list[str]:
        """The commands played; `game.won` tells whether they won."""
        steps = self._recipe() if "cookbook" in self.game.goal.lower() else self._sentences()
        for wanted in steps:
            self._bring_about(wanted)
            if self._over():
                break
        return self.commands

    def _over(self) -> bool:
        return self.game.won or self.game.lost or len(self.commands) >= self.limit

    # ---- what is asked

    def _sentences(self) -> Iterator[Wanted]:
        for sentence in re.split(r"[.!?]\s", f"{self.game.goal.lower()} "):
            clause = sentence.rpartition(", ")[2]
            verb = next((verb for verb, words in ASKED if words.search(clause)), "")
            way = re.search(r"\b(north|south|east|west)\b", clause)
            if not verb and way and f"go {way[1]}" in self.game.commands():
                yield exactly(f"go {way[1]}")
            floor = re.search(r"on the floor of the (.+)", clause)
            if verb == "drop" and floor:
                self._find(floor[1])
            if verb == "lock" and any(asks(c, "close", clause) for offers in self.offers.values() for c in offers):
                yield partial(asks, verb="close", clause=clause)
            if verb:
                yield partial(asks, verb=verb, clause=clause)

    def _find(self, name: str) -> None:
        """Be in the room of that name."""
        while self.room.lower() != name and not self._over():
            known = next((room for room in self.exits if room.lower() == name), "")
            if not (known and self._walk(known)) and not self._explore():
                return

    def _recipe(self) -> Iterator[Wanted]:
        """Read the cookbook, then fetch and treat what it says."""
        self._bring_about(exactly("examine cookbook"))
        book = self.said.lower()
        ingredients = book.partition("ingredients:")[2].partition("directions:")[0].split("\n")
        directions = book.partition("directions:")[2].split("\n")
        for food in filter(None, map(str.strip, ingredients)):
            yield from self._fetch(food)
        for verb, _, food in (line.strip().partition(" the ") for line in directions if " the " in line):
            if verb in HEAT:
                yield exactly(f"cook {food} with {HEAT[verb]}")
            else:
                yield from self._fetch("knife")
                yield beginning(f"{verb} {food} with ")
        yield exactly("prepare meal")
        yield exactly("eat meal")

    def _fetch(self, thing: str) -> Iterator[Wanted]:
        if f"drop {thing}" not in self.game.commands():
            yield lambda command: command == f"take {thing}" or command.startswith(f"take {thing} from ")

    # ---- searching

    def _bring_about(self, wanted: Wanted) -> None:
        """Search until a command that is wanted is offered, and give it."""
        while not self._over():
            offered = next(filter(wanted, self.game.commands()), "")
            if offered:
                self._say(offered)
                return
            known = next(
                (room for room, offers in self.offers.items() if room != self.room and any(map(wanted, offers))), ""
            )
            if not (known and self._walk(known)) and not self._explore():
                return

    def _say(self, command: str) -> None:
        self.commands.append(command)
        before, self.said = self.room, self.game.step(command)
        if command.startswith("go "):
            self._notice(self.said)
            self.exits[before][command[3:]] = self.room
        else:
            self._notice("")

    def _notice(self, said: str) -> None:
        titles = _TITLE.findall(said)
        self.room = titles[-1] if titles else self.room
        self.offers[self.room] = self.game.commands()
        seen = self.exits.setdefault(self.room, {})
        for command in self.offers[self.room]:
            if command.startswith("go "):
                seen.setdefault(command[3:], "")

    def _explore(self) -> bool:
        """Open something here, or take the nearest way not taken; False if nothing is left."""
        for command in self.game.commands():
            if command.split()[0] in ("open", "unlock") and (self.room, command) not in self.tried:
                self.tried.add((self.room, command))
                self._say(command)
                return True
        near = [room for room in self._near() if "" in self.exits[room].values()]
        if not near or not self._walk(near[0]):
            return False
        way = next(way for way, there in self.exits[self.room].items() if not there)
        if f"go {way}" not in self.game.commands():  # a door that was closed meanwhile
            self.exits[self.room][way] = self.room
        else:
            self._say(f"go {way}")
        return True

    def _near(self) -> list[str]:
        """Known rooms, nearest first."""
        found, queue = {self.room: ""}, deque([self.room])
        while queue:
            room = queue.popleft()
            for there in self.exits[room].values():
                if there and there not in found:
                    found[there] = room
                    queue.append(there)
        self._from = found
        return list(found)

    def _walk(self, room: str) -> bool:
        """Go to a known room; False where the way is closed."""
        while self.room != room and not self._over():
            self._near()
            step = room
            while self._from.get(step, self.room) != self.room:
                step = self._from[step]
            way = next((way for way, there in self.exits[self.room].items() if there == step), "")
            if f"go {way}" not in self.game.commands():
                return False
            self._say(f"go {way}")
        return self.room == room


def exactly(wanted: str) -> Wanted:
    """Wants this command."""
    return lambda command: command == wanted


def beginning(words: str) -> Wanted:
    """Wants a command that begins so."""
    return lambda command: command.startswith(words)


def asks(command: str, verb: str, clause: str) -> bool:
    """Whether a clause of the objective asks for a command: its verb, and every thing that must be named."""
    first, _, rest = command.partition(" ")
    if first != verb:
        return False
    thing, _, other = re.sub(r" (with|from|into|on) ", "\n", rest, count=1).partition("\n")
    named = [thing, other] if verb in ("put", "insert") else [thing]
    return all(re.search(rf"\bthe {re.escape(name)}\b", clause) for name in named)
