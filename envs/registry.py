"""The one table of environments, and the ways in: task_source, task, make."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium

from ludex.lookup import UnknownName, load, plugins, suggest

NAMESPACE = "ludex/"
GROUP = "ludex.envs"  # entry points of other distributions


@dataclass(frozen=True)
class Entry:
    """One environment: where it is ("module:attribute", or the object itself) and what it needs.

    The target is a task generator, a task source class (has `__getitem__`), a
    TextEnv subclass with a static `generate`, or an object that makes its own sources
    (`source(label, seed=, split=, **options)`) and names their `env_class`, as a Game does.
    """

    target: str | Callable[..., Any]
    summary: str
    extra: str = ""  # the optional dependencies that must be installed


ENVS: dict[str, Entry] = {
    "alfworld-v0": Entry("ludex.envs.alfworld.env:Alfworld", "household tasks in words (multi-turn)"),
    "arithmetic-v0": Entry("ludex.envs.arithmetic:generate", "evaluate an arithmetic expression exactly"),
    "countdown-v0": Entry("ludex.envs.countdown:generate", "reach a target number from given numbers with + - * /"),
    "gameqa-chess-ranger-v0": Entry("ludex.code2logic.games.chess_ranger:game", "visual questions: chess ranger"),
    "gameqa-dice-roll-v0": Entry("ludex.code2logic.games.dice_roll:game", "visual questions: a rolling die"),
    "gameqa-freecell-v0": Entry("ludex.code2logic.games.freecell:game", "visual questions: freecell solitaire"),
    "gameqa-hanoi-v0": Entry("ludex.code2logic.games.hanoi:game", "visual questions: the towers of Hanoi"),
    "gameqa-heldout-v0": Entry(
        "ludex.code2logic.games:heldout", "visual questions from the games that GameQA holds out, equally often"
    ),
    "gameqa-hue-v0": Entry("ludex.code2logic.games.hue:game", "visual questions: colour gradients"),
    "gameqa-indomain-v0": Entry(
        "ludex.code2logic.games:indomain", "visual questions from the games that GameQA trains on, equally often"
    ),
    "gameqa-jewel2-v0": Entry("ludex.code2logic.games.jewel2:game", "visual questions: jewel2"),
    "gameqa-klondike-v0": Entry("ludex.code2logic.games.klondike:game", "visual questions: klondike solitaire"),
    "gameqa-langton-ant-v0": Entry("ludex.code2logic.games.langton_ant:game", "visual questions: Langton's ant"),
    "gameqa-lifegame-v0": Entry("ludex.code2logic.games.lifegame:game", "visual questions: the Game of Life"),
    "gameqa-lights-out-v0": Entry("ludex.code2logic.games.lights_out:game", "visual questions: lights out"),
    "gameqa-mastermind-v0": Entry("ludex.code2logic.games.mastermind:game", "visual questions: mastermind"),
    "gameqa-maze-3d-v0": Entry("ludex.code2logic.games.maze_3d:game", "visual questions: maze in space"),
    "gameqa-maze-v0": Entry("ludex.code2logic.games.maze:game", "visual questions: maze"),
    "gameqa-minecraft-v0": Entry("ludex.code2logic.games.minecraft:game", "visual questions: minecraft"),
    "gameqa-minesweeper-v0": Entry("ludex.code2logic.games.minesweeper:game", "visual questions: minesweeper"),
    "gameqa-pacman-v0": Entry("ludex.code2logic.games.pacman:game", "visual questions: Pac-Man"),
    "gameqa-pyramid-chess-v0": Entry("ludex.code2logic.games.pyramid_chess:game", "visual questions: pyramid chess"),
    "gameqa-reconstruction-v0": Entry("ludex.code2logic.games.reconstruction:game", "visual questions: reconstruction"),
    "gameqa-rhythm-v0": Entry("ludex.code2logic.games.rhythm:game", "visual questions: rhythm"),
    "gameqa-rubiks-cube-v0": Entry("ludex.code2logic.games.rubiks_cube:game", "visual questions: Rubik's cube"),
    "gameqa-snake-v0": Entry("ludex.code2logic.games.snake:game", "visual questions: snake"),
    "gameqa-sokoban-v0": Entry("ludex.code2logic.games.sokoban:game", "visual questions: sokoban"),
    "gameqa-space-invaders-v0": Entry("ludex.code2logic.games.space_invaders:game", "visual questions: space invaders"),
    "gameqa-star-battle-v0": Entry("ludex.code2logic.games.star_battle:game", "visual questions: star battle"),
    "gameqa-spider-v0": Entry("ludex.code2logic.games.spider:game", "visual questions: spider solitaire"),
    "gameqa-sudoku-v0": Entry("ludex.code2logic.games.sudoku:game", "visual questions: sudoku with colours"),
    "gameqa-tangram-v0": Entry("ludex.code2logic.games.tangram:game", "visual questions: tangram"),
    "gameqa-tents-v0": Entry("ludex.code2logic.games.tents:game", "visual questions: tents"),
    "gameqa-tetris-v0": Entry("ludex.code2logic.games.tetris:game", "visual questions: tetris"),
    "gameqa-tictactoe-v0": Entry("ludex.code2logic.games.tictactoe:game", "visual questions: tic-tac-toe"),
    "gameqa-turing-v0": Entry("ludex.code2logic.games.turing:game", "visual questions: Turing machine on a board"),
    "gameqa-ultra-tictactoe-v0": Entry(
        "ludex.code2logic.games.ultra_tictactoe:game", "visual questions: ultra tic-tac-toe"
    ),
    "gameqa-word-search-v0": Entry("ludex.code2logic.games.word_search:game", "visual questions: word search"),
    "gameqa-zuma-v0": Entry("ludex.code2logic.games.zuma:game", "visual questions: zuma"),
    "guess-v0": Entry(
        "ludex.envs.guess:Guess", "find a hidden number in as few guesses as bisection takes (multi-turn)"
    ),
    "kitchen-v0": Entry("ludex.envs.kitchen.env:kitchen", "cook a dish, planning every action of a robot (multi-turn)"),
    "math-v0": Entry("ludex.envs.math:generate", "a mix of maths families, from equations to probability", "math"),
    "math-jsonl-v0": Entry(
        "ludex.envs.math_jsonl:Rows", "questions and answers from a JSONL file or a data set", "math"
    ),
    "play-2048-v0": Entry("ludex.code2logic.plays.twenty48:play", "play 2048 (multi-turn)"),
    "play-chess-ranger-v0": Entry(
        "ludex.code2logic.plays.chess_ranger:play", "play chess ranger: captures down to one piece (multi-turn)"
    ),
    "play-hanoi-v0": Entry("ludex.code2logic.plays.hanoi:play", "play the towers of Hanoi (multi-turn)"),
    "play-lights-out-v0": Entry("ludex.code2logic.plays.lights_out:play", "play lights out (multi-turn)"),
    "play-mastermind-v0": Entry("ludex.code2logic.plays.mastermind:play", "play mastermind (multi-turn)"),
    "play-maze-v0": Entry("ludex.code2logic.plays.maze:play", "walk through a maze (multi-turn)"),
    "play-minesweeper-v0": Entry(
        "ludex.code2logic.plays.minesweeper:play", "play minesweeper, no guess needed (multi-turn)"
    ),
    "play-sliding-v0": Entry("ludex.code2logic.plays.sliding:play", "solve a sliding puzzle (multi-turn)"),
    "play-sokoban-v0": Entry("ludex.code2logic.plays.sokoban:play", "play sokoban (multi-turn)"),
    "play-space-invaders-v0": Entry("ludex.code2logic.plays.space_invaders:play", "play space invaders (multi-turn)"),
    "play-sudoku-v0": Entry("ludex.code2logic.plays.sudoku:play", "fill in a sudoku with colours (multi-turn)"),
    "play-tents-v0": Entry("ludex.code2logic.plays.tents:play", "pitch tents beside trees (multi-turn)"),
    "play-tictactoe-v0": Entry(
        "ludex.code2logic.plays.tictactoe:play", "play tic-tac-toe against an opponent (multi-turn)"
    ),
    "play-ultra-tictactoe-v0": Entry(
        "ludex.code2logic.plays.ultra_tictactoe:play", "play ultra tic-tac-toe against an opponent (multi-turn)"
    ),
    "steps-v0": Entry("ludex.envs.steps:steps", "one step of an expert's plan, of any environment of many turns"),
    "style-v0": Entry("ludex.envs.style:Style", "write a passage on a plot in the style of a reference"),
    "textworld-v0": Entry("ludex.envs.textworld.env:Textworld", "rooms, locks and recipes in words (multi-turn)"),
}

_added: dict[str, Entry] = {}


def short(name: str) -> str:
    """The table's form of an id: without "ludex/", and with "-v0" where the version was dropped."""
    name = name.removeprefix("ludex:").removeprefix(NAMESPACE)
    head, dash, version = name.rpartition("-v")
    return name if dash and head and version.isdigit() else name + "-v0"


def names() -> list[str]:
    """Every known environment, sorted."""
    return sorted({*ENVS, *_added, *plugins(GROUP)})


def entry(name: str) -> Entry:
    """The entry of an id; "module:attribute" is an entry of its own. UnknownName suggests."""
    name = name.removeprefix("ludex:")
    if ":" in name:
        return Entry(name, "")
    known = ENVS.get(short(name)) or _added.get(short(name))
    if known:
        return known
    others = plugins(GROUP)
    if short(name) not in others:
        raise UnknownName(f"no environment {name!r}; {suggest(short(name), names())}")
    return Entry(others[short(name)], "from another distribution")


def register(name: str, target: str | Callable[..., Any], summary: str = "") -> None:
    """Make an environment known to this process, to Ludex and to Gymnasium.

    Args:
        name: its id; "-v0" is added where the version is missing.
        target: "module:attribute" or the object: a generator, a source or an environment.
        summary: one line for `ludex list`.

    Raises:
        ValueError: if the id is taken.
    """
    name = short(name)
    if name in ENVS or name in plugins(GROUP) or (name in _added and _added[name].target != target):
        raise ValueError(f"there is an environment {name!r} already")
    _added[name] = Entry(target, summary)
    _register_with_gymnasium(name)


def target(name: str) -> Any:
    """The generator, source class or environment class behind an id."""
    found = entry(name)
    return load(found.target, found.extra) if isinstance(found.target, str) else found.target


def is_env(thing: Any) -> bool:
    """Whether `thing` is an environment class rather than a generator or a source."""
    return isinstance(thing, type) and issubclass(thing, gymnasium.Env)


def task_source(name: str, /, *, seed: int = 0, split: str = "train", **options: Any) -> Any:
    """The stream of tasks of an environment; `task_source(...)[i]` is a Task.

    Raises:
        UnknownName, MissingExtra: if there is no such environment, or it needs an extra.
        TypeError: for an unknown option.
        ValueError: for a negative seed, or an unknown split.
    """
    from ludex.envs.core import TaskSource, check_natural, check_split

    name = name.removeprefix("ludex:")
    thing = target(name)
    label = name if ":" in name else short(name)
    seed, split = check_natural(seed, f"{label}: seed"), check_split(split)
    _refuse_own(label, thing, options)
    if isinstance(thing, type) and not is_env(thing):
        return thing(label, seed=seed, split=split, **options)
    if hasattr(thing, "source"):
        return thing.source(label, seed=seed, split=split, **options)
    generate = getattr(thing, "generate", None) if is_env(thing) else thing
    if generate is None:
        raise TypeError(f"{label} is an environment without a task generator")
    return TaskSource(label, generate, seed=seed, split=split, **options)


def task(task_id: str) -> Any:
    """The Task of that id, rebuilt; ValueError for a malformed id."""
    from ludex.envs.core import parse_task_id

    name, options, split, seed, index = parse_task_id(task_id)
    return task_source(name, seed=seed, split=split, **options)[index]


def build(name: str, *, seed: int = 0, split: str = "train", **options: Any) -> gymnasium.Env[Any, Any]:
    """The bare environment, without Gymnasium's wrappers; the constructor that Gymnasium calls."""
    from ludex.envs.core import TaskEnv

    thing = target(name)
    if is_env(thing) and not hasattr(thing, "generate"):
        return thing(**options)  # a foreign environment brings its own tasks
    env_class = thing if is_env(thing) else getattr(thing, "env_class", TaskEnv)
    own = {k: options.pop(k) for k in env_options(thing) & set(options)}
    return env_class(task_source(name, seed=seed, split=split, **options), **own)


def env_options(thing: Any) -> set[str]:
    """The options that belong to the environment itself, not to its tasks."""
    from ludex.envs.core import TaskEnv

    env_class = thing if is_env(thing) else getattr(thing, "env_class", TaskEnv)
    return set(inspect.signature(env_class.__init__).parameters) - {"self", "source"}


def _refuse_own(label: str, thing: Any, options: dict[str, Any]) -> None:
    """TypeError for an option that only the environment over the tasks has."""
    tasks = inspect.signature(getattr(thing, "generate", thing if callable(thing) else thing.source)).parameters
    for option in env_options(thing) - {*tasks}:
        if option in options:
            raise TypeError(f"{label}: {option!r} is an option of the environment, not of its tasks")


def is_foreign(name: str) -> bool:
    """Whether an id is Gymnasium's alone."""
    namespaced = name.partition("/")[0] not in ("ludex", name)
    return ":" not in name and short(name) not in names() and (name in gymnasium.registry or namespaced)


def make(name: str, /, **options: Any) -> gymnasium.Env[Any, Any]:
    """`gymnasium.make` that also takes short names, "module:attribute" and foreign Gymnasium ids."""
    if is_foreign(name):
        return gymnasium.make(name, **options)
    if "name" in options:  # which Gymnasium has for the id
        raise TypeError(f"{name} has no option 'name'")
    if ":" in name or short(name) in names():
        return build(name, **options)
    raise UnknownName(f"no environment {name!r}; {suggest(short(name), names())}")


def _register_with_gymnasium(name: str) -> None:
    if NAMESPACE + name not in gymnasium.registry:
        gymnasium.register(id=NAMESPACE + name, entry_point="ludex.envs.registry:build", kwargs={"name": name})


for _name in names():
    _register_with_gymnasium(_name)
