"""Games that are played, move by move: what a game brings to be played, and the environment that plays it.

A Play is a Game (its start, picture and words) with its rules of play as pure functions on an immutable state. What
an opponent does, or a new tile, is a function of the state, which holds its seed: an episode has no other randomness.
"""

from __future__ import annotations

import hashlib
import random
import typing
from collections.abc import Callable
from dataclasses import dataclass, is_dataclass, replace
from typing import Any

import gymnasium
import numpy as np

from ludex.code2logic.game import DIFFICULTIES, OBSERVATIONS, Game, state_data
from ludex.core import Task
from ludex.envs.core import MAX_DRAWS, TaskSource, TextEnv, split_of
from ludex.envs.pictures import SIDE, pixels
from ludex.envs.spaces import FreeText
from ludex.lookup import suggest
from ludex.rewards.answers import read
from ludex.rewards.play import SCALE, meant

MAX_DENSE = 0.3  # with it, even a draw stays below the threshold
SHOWN_MOVES = 6  # legal moves that an answer to an illegal one lists

HOW = (
    "Each turn, give one move: end your reply with <answer>move</answer>, for example <answer>{}</answer>. "
    "A reply without a legal move costs a turn."
)
REPLY = "<answer>{}</answer>"
ENDS = {"won": "You have won.", "drawn": "The game is drawn.", "lost": "You have lost."}


def itself(state: Any) -> Any:
    """A state that the game draws and tells as it is."""
    return state


def silent(state: Any) -> str:
    """Nothing to say beside the board."""
    return ""


@dataclass(frozen=True)
class Play:
    """A game that can be played; every function is pure and at module level.

    Attributes:
        game: the Game, whose `start` makes the states of play.
        rules: all that must be known to play, whatever the observation.
        state: the state's class, a frozen dataclass of plain data, annotated.
        moves: `(state) -> list[str]`, the legal moves as a player types them; none once the game is over.
        move: `(state, words) -> state`, for one of `moves`; with an opponent, up to the player's next turn.
        result: `(state) -> str`: "won", "drawn", "lost", or "" while the game goes on.
        progress: `(state) -> float`, from 0 to 1; 1 where the game is won.
        solve: `(state) -> list[str] | None`, moves that win; None where the solver does not find any.
        board: `(state) -> the game's state` that its `draw` paints and its `describe` tells.
        note: `(state) -> str`, what else is seen but not in the picture, such as whose pieces are the player's.
        hidden: `(state) -> str`, what makes another problem of a start that looks the same, such as a code to find.
        opponents: names for the state's field `opponent`, the default first; none without an opponent.
    """

    game: Game
    rules: str
    state: type
    moves: Callable[[Any], list[str]]
    move: Callable[[Any, str], Any]
    result: Callable[[Any], str]
    progress: Callable[[Any], float]
    solve: Callable[[Any], list[str] | None]
    board: Callable[[Any], Any] = itself
    note: Callable[[Any], str] = silent
    hidden: Callable[[Any], str] = silent
    opponents: tuple[str, ...] = ()

    @property
    def env_class(self) -> type[PlayEnv]:
        """The environment that plays it."""
        return PlayEnv

    def source(self, name: str, *, seed: int = 0, split: str = "train", **options: Any) -> PlaySource:
        """The stream of starts under the id `name`."""
        return PlaySource(name, self, seed=seed, split=split, **options)

    def key(self, state: Any) -> str:
        """The canonical form of a start, hashed: what is seen, and `hidden`. Opponent and chance are no part of it."""
        form = "\n".join((self.game.describe(self.board(state)), self.note(state), self.hidden(state)))
        return f"play-{self.game.name}/{hashlib.blake2b(form.encode(), digest_size=12).hexdigest()}"

    def start(self, rng: random.Random, difficulty: str, opponent: str) -> Any:
        """A state to begin with. ValueError suggests for an unknown difficulty or opponent."""
        name = self.game.name
        if difficulty not in DIFFICULTIES:
            raise ValueError(f"{name}: no difficulty {difficulty!r}; {suggest(difficulty, [*DIFFICULTIES, 'all'])}")
        if opponent and opponent not in self.opponents:
            help_ = suggest(opponent, self.opponents) if self.opponents else "it is played alone"
            raise ValueError(f"{name}: no opponent {opponent!r}; {help_}")
        state = self.game.start(rng, self.game.sizes[difficulty])
        return replace(state, opponent=opponent or self.opponents[0]) if self.opponents else state

    def generate(
        self,
        rng: np.random.Generator,
        *,
        difficulty: str = "all",
        observation: str = "text",
        style: str = "random",
        opponent: str = "",
        turns: int = 0,
    ) -> Task:
        """Draw a start that the solver wins from; the options are those of the environment.

        Args:
            rng: the source of randomness.
            difficulty: "easy", "medium", "hard" or "all".
            observation: "text", "image" or "both".
            style: the name of a drawing style, or "random".
            opponent: who plays against, where somebody does; "" for the first of `opponents`.
            turns: the most replies; 0 gives ten more than twice the solver's moves.

        Raises:
            ValueError: for an unknown name, or turns below 0.
        """
        options: dict[str, Any] = {"difficulty": difficulty, "observation": observation, "style": style}
        source = PlaySource(f"play-{self.game.name}-v0", self, **options, opponent=opponent, turns=turns)
        return source.draw(random.Random(int(rng.integers(1 << 62))), any_split=True)


class PlaySource(TaskSource):
    """A TaskSource that solves and paints only the starts of its own split."""

    def __init__(self, name: str, play: Play, *, seed: int = 0, split: str = "train", **options: Any):
        super().__init__(name, play.generate, seed=seed, split=split, **options)
        self.play = play

    def at(self, *, seed: int | None = None, split: str | None = None) -> PlaySource:
        """The same game and options under another seed or split."""
        seed = self.seed if seed is None else seed
        return type(self)(self.name, self.play, seed=seed, split=split or self.split, **self.options)

    def __getitem__(self, index: int) -> Task:
        if index < 0:
            raise IndexError(f"{self.name}: task indices start at 0, got {index}")
        return self.draw(random.Random(int(self._rng(index).integers(1 << 62)))).with_(id=self.task_id(index))

    def draw(self, rng: random.Random, any_split: bool = False) -> Task:
        """The next start of the split that the solver wins from; ValueError if there is none."""
        asked, turns = self.options.get("difficulty", "all"), self.options.get("turns", 0)
        if turns < 0:
            raise ValueError(f"{self.name}: turns={turns} must be 1 or more, or 0 for ten more than twice the solver's")
        for _ in range(MAX_DRAWS):
            difficulty = rng.choice(DIFFICULTIES) if asked == "all" else asked
            state = self.play.start(rng, difficulty, self.options.get("opponent", ""))
            key = self.play.key(state)
            if not any_split and split_of(key) != self.split:
                continue
            solution = self.play.solve(state)
            if solution and len(solution) <= (turns or len(solution)):
                answer = {"play": self.name, "state": state_data(state), "turns": turns or 2 * len(solution) + 10}
                return self._task(rng, state, answer, solution, {"key": key, "difficulty": difficulty})
        raise ValueError(
            f"{self.name}: no start of split {self.split!r} that the solver wins from in {MAX_DRAWS} draws; "
            "allow more turns or another opponent"
        )

    def _task(
        self, rng: random.Random, state: Any, answer: dict[str, Any], moves: list[str], about: dict[str, str]
    ) -> Task:
        from ludex.code2logic.draw import STYLES, style_named

        observation, style = self.options.get("observation", "text"), self.options.get("style", "random")
        if observation not in OBSERVATIONS:
            raise ValueError(f"{self.name}: no observation {observation!r}; {suggest(observation, OBSERVATIONS)}")
        look = style_named(rng.choice(list(STYLES)) if style == "random" else style).name
        solution = [f"<answer>{words}</answer>" for words in moves]
        info = {"solution": solution, "game": self.play.game.name, "observation": observation, "style": look, **about}
        task = Task(told(self.play, state, observation, answer["turns"]), answer, "play", info=info)
        return task if observation == "text" else task.with_(images=(picture(self.play, state, look),))


class PlayEnv(TextEnv):
    """A game of many turns: one move a reply, until the game ends or the turns do.

    A game's own end terminates the episode, running out of turns truncates it. Either pays what the Score in
    `info["score"]` pays. At every step `info["legal"]` lists the legal moves, and `info["reply"]` says how one is
    written; at the start `info["system"]` has the rules.

    Args:
        source: the starts.
        dense: what progress from 0 to 1 pays, at most 0.3; every step pays its share of the difference, so that an
            episode's sum depends on its first and last position only and stays below the threshold unless it is won.

    Raises:
        ValueError: if `dense` is out of range.
    """

    def __init__(self, source: PlaySource, dense: float = 0.0):
        super().__init__(source)
        if not 0 <= dense <= MAX_DENSE:
            raise ValueError(f"{source.name}: dense={dense} must lie between 0 and {MAX_DENSE}")
        self.play, self.dense = source.play, dense
        self.pictures = source.options.get("observation", "text") != "text"
        if self.pictures:
            image = gymnasium.spaces.Box(0, 255, (SIDE, SIDE, 3), np.uint8)
            self.observation_space: Any = gymnasium.spaces.Dict({"text": FreeText(), "image": image})

    def begin(self) -> tuple[Any, dict[str, Any]]:
        """Set the board up; `info["system"]` holds the rules."""
        self.state = revive(self.play.state, self.task.answer["state"])
        self._left, self._level = self.task.answer["turns"], "no answer"  # the best that any reply was
        self._legal = self.play.moves(self.state)
        legend = self.play.game.legend if self.pictures else ""
        system = "\n\n".join(filter(None, (self.play.rules, legend, HOW.format(self._legal[0]))))
        return self._observe(self.task.prompt), {"system": system, "legal": self._legal, "reply": REPLY}

    def step(self, action: str) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Play one move; an illegal or unreadable one costs a turn."""
        before = self.play.progress(self.state) if self.dense else 0.0
        words, said = self._read(action)
        self._left -= 1
        if words:
            self.state, self._level = self.play.move(self.state, words), "unfinished"
            self._legal = self.play.moves(self.state)
        result = self.play.result(self.state)
        reward = self.dense * (self.play.progress(self.state) - before) if self.dense else 0.0
        board = told(self.play, self.state, self.task.info["observation"], self._left)
        info: dict[str, Any] = {"legal": self._legal, "reply": REPLY}
        if result or self._left <= 0:
            said = f"{said} {ENDS.get(result, 'There are no turns left.')}"
            score = SCALE.score(result or self._level, f"the solver takes {len(self.task.info['solution'])} moves")
            info |= {"score": score, "is_success": score.correct}
            reward += score.reward
        return self._observe(f"{said}\n\n{board}"), reward, bool(result), not result and self._left <= 0, info

    def _read(self, action: str) -> tuple[str, str]:
        """The legal move of a reply, or "", and what to say to it."""
        reading = read(action, self.task)
        text = reading.text or ""
        words = meant(text, self._legal)
        if words:
            return words, f"You played: {words}."
        if reading.level != "no answer" and self._level == "no answer":
            self._level = "no legal move"
        what = f"{text[:40]!r} is not a legal move." if text else f"I cannot read a move: {reading.why}."
        few, more = self._legal[:SHOWN_MOVES], len(self._legal) - SHOWN_MOVES
        return "", f"{what} Legal now: {'; '.join(few)}{f'; and {more} more' if more > 0 else ''}."

    def _observe(self, text: str) -> Any:
        return {"text": text, "image": pixels(self.png())} if self.pictures else text

    def png(self) -> bytes:
        """The picture of the position, whatever the observation is."""
        return picture(self.play, self.state, self.task.info["style"])


def told(play: Play, state: Any, observation: str, turns: int) -> str:
    """The position in words; with only a picture, what that does not show."""
    board = play.game.describe(play.board(state)) if observation != "image" else ""
    return "\n".join(filter(None, (board, play.note(state), f"Turns left: {turns}.")))


def picture(play: Play, state: Any, style: str) -> bytes:
    """The position as a PNG."""
    from ludex.code2logic.draw import png, style_named

    return png(play.game.draw(play.board(state), style_named(style)))


def revive(hint: Any, data: Any) -> Any:
    """What `state_data` has written, as the type that an annotation names."""
    if is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        return hint(**{name: revive(hints[name], value) for name, value in data.items()})  # type: ignore[operator]
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple and inner[-1] is not ...:
        return tuple(revive(kind, item) for kind, item in zip(inner, data, strict=True))
    return origin(revive(inner[0], item) for item in data) if origin in (tuple, frozenset) else data
