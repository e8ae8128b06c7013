"""A game as a source of visual questions whose answers are computed, never judged.

A game is a module of pure functions on an immutable state (a frozen dataclass
of plain data) and one `game = Game(...)`; a question is a function
`(state, rng) -> Question` under `@game.question(...)`. Lettering, prompts,
pictures, keys and streams live here, once. Cells are named "row r, column c",
counted from 1 at the top left, in every game.
"""

from __future__ import annotations

import dataclasses
import hashlib
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ludex.code2logic.question import Cell, Posed, Question, at, cells, listed, numbers, plain
from ludex.core import Task
from ludex.envs.core import MAX_DRAWS, TaskSource, split_of
from ludex.envs.pictures import PictureEnv
from ludex.lookup import suggest

DIFFICULTIES = ("easy", "medium", "hard")
OBSERVATIONS = ("image", "text", "both")
KINDS = ("perception", "prediction", "strategy")
MAX_STATES = 1000  # states that a question may refuse before it counts as impossible
MAX_FOR_WISH = 100  # states that may refuse one wish before another is drawn
MAX_PROMPT = 2500  # characters

SHOWN = {"observation": "image", "style": "random"}  # unless an option says otherwise

Ask = Callable[..., Question | None]


@dataclass(frozen=True)
class Template:
    """One of a game's questions.

    Attributes:
        name: the function's name, which `question=` selects.
        ask: the function; None means that the state does not suit the question.
        kind: "perception", "prediction" or "strategy".
        qa_level: how hard the question is on any board: "easy", "medium" or "hard".
        number: the id of the same question in GameQA, None for a question of our own.
        options: the most options that a multiple choice offers.
        start: draws the states for this question, where the game's own does not suit.
        wishes: what the answer may be; one is drawn evenly and passed on as `wish` until a state grants it.
    """

    name: str
    ask: Ask
    kind: str
    qa_level: str
    number: int | None
    options: int
    start: Callable[[random.Random, Any], Any] | None = None
    wishes: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Problem:
    """A question that was drawn but not yet painted."""

    game: Game
    template: Template
    difficulty: str
    state: Any
    question: Question
    posed: Posed

    @property
    def key(self) -> str:
        """The canonical form, hashed: the visible state in words, and the question. Options and style are no part."""
        form = f"{self.game.describe(self.state)}\n{self.question.text}"
        digest = hashlib.blake2b(form.encode(), digest_size=12).hexdigest()
        return f"{self.game.name}/{self.template.name}/{digest}"

    def task(self, rng: random.Random, observation: str, style: str, near: int = 0) -> Task:
        """The Task, with the picture if it is observed; whole numbers within `near` of the gold are near misses."""
        game, template = self.game, self.template
        from ludex.code2logic.draw import STYLES, png, style_named

        if observation not in OBSERVATIONS:
            raise ValueError(f"{game.name}: no observation {observation!r}; {suggest(observation, OBSERVATIONS)}")
        if near < 0:
            raise ValueError(f"{game.name}: near={near} must not be below 0")
        look = style_named(rng.choice(list(STYLES)) if style == "random" else style)
        state = game.describe(self.state) if observation != "image" else ""
        legend = game.legend if observation != "text" else ""
        return Task(
            prompt="\n\n".join(filter(None, (game.rules, legend, state, self.posed.prompt))),
            answer=self.posed.answer | ({"near": near} if near and self.posed.answer.get("kind") == "integer" else {}),
            verifier=self.posed.verifier,
            images=(png(game.draw(self.state, look)),) if observation != "text" else (),
            info={
                "solution": f"{self.question.why}\n<answer>{self.posed.response}</answer>",
                "key": self.key,
                "game": game.name,
                "question": template.name,
                "kind": template.kind,
                "qa_level": template.qa_level,
                "number": template.number,
                "difficulty": self.difficulty,
                "style": look.name,
                "why": self.question.why,
                "asked": plain(self.question.asked),
                "state": game.to_data(self.state),
            },
        )


class Problems:
    """What a Game and a Mix of games share: streams of tasks, and the environment that shows them."""

    env_class = PictureEnv
    generate: Callable[..., Task]
    problem: Callable[..., Problem]

    def source(self, name: str, *, seed: int = 0, split: str = "train", **options: Any) -> ProblemSource:
        """The stream of tasks under the id `name`."""
        return ProblemSource(name, self, seed=seed, split=split, **options)


class ProblemSource(TaskSource):
    """A TaskSource that paints only what it keeps: nine in ten draws belong to another split than "test"."""

    def __init__(self, name: str, game: Problems, *, seed: int = 0, split: str = "train", **options: Any):
        super().__init__(name, game.generate, seed=seed, split=split, **options)
        self.game = game

    def at(self, *, seed: int | None = None, split: str | None = None) -> ProblemSource:
        """The same game and options under another seed or split."""
        seed = self.seed if seed is None else seed
        return ProblemSource(self.name, self.game, seed=seed, split=split or self.split, **self.options)

    def __getitem__(self, index: int) -> Task:
        if index < 0:
            raise IndexError(f"{self.name}: task indices start at 0, got {index}")
        rng = random.Random(int(self._rng(index).integers(1 << 62)))
        drawn = {k: v for k, v in self.options.items() if k in ("question", "difficulty")}
        for _ in range(MAX_DRAWS):
            problem = self.game.problem(rng, **drawn)
            if split_of(problem.key) == self.split:
                shown = {k: v for k, v in self.options.items() if k not in drawn}
                return problem.task(rng, **{**SHOWN, **shown}).with_(id=self.task_id(index))
        raise ValueError(f"{self.name}: no problem of split {self.split!r} in {MAX_DRAWS} draws; too few exist")


def state_data(state: Any) -> Any:
    """A frozen dataclass as JSON data, its fields by name."""
    return plain(dataclasses.asdict(state))


@dataclass
class Game(Problems):
    """One game.

    Attributes:
        name: as in its id, `ludex/gameqa-<name>-v0`.
        rules: what must be known to answer, whatever the observation.
        legend: how the picture shows it; shapes rather than colours, which differ by style.
        sizes: what `start` makes of "easy", "medium" and "hard".
        start: `(rng, size) -> state`, a frozen dataclass of plain data.
        draw: `(state, style) -> PIL.Image`, of 560x560 pixels.
        describe: `(state) -> str`, all that the picture shows, in words.
        measure: `(state) -> number`, the documented quantity that grows with difficulty.
        measured: what `measure` counts, in words.
        to_data: `(state) -> JSON data`, the whole state in the game's natural terms.
    """

    name: str
    rules: str
    legend: str
    sizes: Mapping[str, Any]
    start: Callable[[random.Random, Any], Any]
    draw: Callable[[Any, Any], Any]
    describe: Callable[[Any], str]
    measure: Callable[[Any], float]
    measured: str
    to_data: Callable[[Any], Any] = state_data
    questions: dict[str, Template] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if tuple(self.sizes) != DIFFICULTIES:
            raise ValueError(f"{self.name}: sizes must have the keys {', '.join(DIFFICULTIES)}, not {list(self.sizes)}")

    def question(
        self,
        *,
        kind: str,
        qa_level: str,
        number: int | None = None,
        options: int = 8,
        start: Callable[[random.Random, Any], Any] | None = None,
        wishes: Iterable[Any] = (),
    ) -> Callable[[Ask], Ask]:
        """Decorator: makes a function `(state, rng) -> Question | None` one of the game's questions.

        With `wishes` the function is `(state, rng, wish)`.
        """
        if kind not in KINDS or qa_level not in DIFFICULTIES:
            raise ValueError(f"{self.name}: kind={kind!r} must be one of {KINDS}, qa_level={qa_level!r} {DIFFICULTIES}")

        def add(ask: Ask) -> Ask:
            name = ask.__name__
            self.questions[name] = Template(name, ask, kind, qa_level, number, options, start, tuple(wishes))
            return ask

        return add

    def problem(self, rng: random.Random, *, question: str = "all", difficulty: str = "all") -> Problem:
        """Draw states until one suits the question. ValueError for an unknown name, or if none does."""
        template = self.questions[_one(rng, question, list(self.questions), f"{self.name}: no question")]
        level = _one(rng, difficulty, DIFFICULTIES, f"{self.name}: no difficulty")
        start = template.start or self.start
        wish: tuple[Any, ...] = ()
        for tried in range(MAX_STATES):
            if template.wishes and tried % MAX_FOR_WISH == 0:
                wish = (rng.choice(template.wishes),)
            state = start(rng, self.sizes[level])
            asked = template.ask(state, rng, *wish)
            if asked is not None:
                shown = state if asked.state is None else asked.state
                return Problem(self, template, level, shown, asked, asked.pose(rng, template.options))
        raise ValueError(f"{self.name}: {template.name} suits none of {MAX_STATES} {level} states")

    def generate(
        self,
        rng: np.random.Generator,
        *,
        question: str = "all",
        difficulty: str = "all",
        observation: str = "image",
        style: str = "random",
        near: int = 0,
    ) -> Task:
        """Draw a task.

        Args:
            rng: the source of randomness.
            question: the name of one of the game's questions, or "all".
            difficulty: "easy", "medium", "hard" or "all", of the state.
            observation: "image", "text" (the state in words) or "both".
            style: the name of a drawing style, or "random".
            near: a whole number this near to the right one scores "near", between wrong and correct; 0 for never.

        Raises:
            ValueError: for an unknown name; suggests.
        """
        draw = random.Random(int(rng.integers(1 << 62)))  # scalar draws cost a tenth of NumPy's
        return self.problem(draw, question=question, difficulty=difficulty).task(draw, observation, style, near)


class Mix(Problems):
    """Several games, every question of them equally often."""

    def __init__(self, games: Sequence[Game]):
        self.templates = [(game, name) for game in games for name in game.questions]

    def problem(self, rng: random.Random, *, difficulty: str = "all") -> Problem:
        """A question of any of the games."""
        game, name = rng.choice(self.templates)
        return game.problem(rng, question=name, difficulty=difficulty)

    def generate(
        self,
        rng: np.random.Generator,
        *,
        difficulty: str = "all",
        observation: str = "image",
        style: str = "random",
        near: int = 0,
    ) -> Task:
        """Draw a task of any of the games.

        Args:
            rng: the source of randomness.
            difficulty: "easy", "medium", "hard" or "all", of the state.
            observation: "image", "text" (the state in words) or "both".
            style: the name of a drawing style, or "random".
            near: a whole number this near to the right one scores "near", between wrong and correct; 0 for never.

        Raises:
            ValueError: for an unknown name; suggests.
        """
        draw = random.Random(int(rng.integers(1 << 62)))
        return self.problem(draw, difficulty=difficulty).task(draw, observation, style, near)


def _one(rng: random.Random, name: str, known: Sequence[str], wrong: str) -> str:
    """`name`, or any of `known` for "all". ValueError, which begins with `wrong`, for any other."""
    if name != "all" and name not in known:
        raise ValueError(f"{wrong} {name!r}; {suggest(name, [*known, 'all'])}")
    return rng.choice(known) if name == "all" else name


__all__ = [
    "DIFFICULTIES",
    "Cell",
    "Game",
    "Mix",
    "Problem",
    "Question",
    "Template",
    "at",
    "cells",
    "listed",
    "numbers",
    "plain",
]
