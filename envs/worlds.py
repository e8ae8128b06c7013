"""Worlds in words, played over many turns: what any of them brings, and the environment over it.

A world is played by an Interpreter. The environment adds what a language model needs: how an action is declared, what
each observation shows, what is paid, when it ends.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ludex.core import Task
from ludex.envs.core import TextEnv
from ludex.lookup import suggest
from ludex.rewards.answers import after_thinking
from ludex.rewards.worlds import SCALE

MAX_COMMAND = 200  # characters; longer lines are no commands
MAX_REPLY = 100_000  # characters that are searched for a command
REWARDS = ("sparse", "dense", "progress", "score")


class Interpreter(Protocol):
    """Plays one game; commands are lower case, one line, with single spaces.

    Attributes:
        won, lost: whether the game has ended so.
        score, max_score: points now, and those of a won game.
        goal: the objective in words.
    """

    @property
    def won(self) -> bool: ...  # noqa: D102
    @property
    def lost(self) -> bool: ...  # noqa: D102
    @property
    def score(self) -> float: ...  # noqa: D102
    @property
    def max_score(self) -> float: ...  # noqa: D102
    @property
    def goal(self) -> str: ...  # noqa: D102

    def intro(self) -> str:
        """The first text: the objective and where the player is."""
        ...

    def commands(self) -> list[str]:
        """The commands that do something now, sorted."""
        ...

    def step(self, command: str) -> str:
        """Carry out a command and say what happens; an unknown one changes nothing."""
        ...

    def look(self) -> str:
        """What a player sees here, free of charge."""
        ...

    def inventory(self) -> str:
        """What a player carries, free of charge."""
        ...

    def plan(self) -> list[str]:
        """Commands that win from here; empty if there are none."""
        ...


# ---- how an action is declared


def tagged(reply: str) -> str | None:
    """The last `<action>...</action>` behind any reasoning; None for none."""
    visible = after_thinking(reply[-MAX_REPLY:])
    if visible is None or "</action>" not in visible:
        return None
    body = visible.rpartition("</action>")[0].rpartition("<action>")
    return body[2] if body[1] else None


def announced(reply: str) -> str | None:
    """What follows the last "Action:" that begins a line; None for none."""
    visible = after_thinking(reply[-MAX_REPLY:])
    lines = (visible or "").splitlines()
    return next((line.strip()[7:] for line in reversed(lines) if line.strip()[:7].lower() == "action:"), None)


def last_line(reply: str) -> str | None:
    """The last line that is not empty; None for none."""
    visible = after_thinking(reply[-MAX_REPLY:])
    return next((line for line in reversed((visible or "").splitlines()) if line.strip()), None)


@dataclass(frozen=True)
class Prompt:
    """How a model is asked.

    Attributes:
        system: told once; {goal} stands for nothing here, since the first observation tells it.
        reply: how a command is written, {} for the command.
        read: finds the command in a reply.
        alone: whether every observation repeats the goal and recent turns, so that it can be read by itself.
    """

    system: str
    reply: str
    read: Callable[[str], str | None]
    alone: bool = False


_TURNS = "You act in a world told in words, one command a turn. "
PROMPTS = {
    "action": Prompt(
        _TURNS + "End every reply with your command as <action>command</action>.", "<action>{}</action>", tagged
    ),
    "line": Prompt(_TURNS + "Reply with the command alone, on one line.", "{}", last_line),
    # After Yao et al., "ReAct" (arXiv 2210.03629): a thought, then an action.
    "react": Prompt(
        _TURNS
        + "In every reply write one line that begins with Thought: and says what you are thinking, then one line "
        "that begins with Action: and holds the command.",
        "Action: {}",
        announced,
    ),
    # After the prompts of verl-agent (Feng et al., "GiGPO", arXiv 2505.10978): each turn stands by itself.
    "verl": Prompt(
        _TURNS + "Reason step by step inside <think> </think>, then give the command you choose inside "
        "<action> </action>.",
        "<action>{}</action>",
        tagged,
        alone=True,
    ),
}


class WorldEnv(TextEnv):
    """A world as an environment; a subclass gives `interpret(task)`, its tasks and its source.

    Winning and losing terminate an episode, the limit of steps truncates it. `info` holds at every step
    `legal` (the commands that do something, in plain words), `reply` (how one is written), `won`, `lost` and `moves`,
    and at the end `score`: no answer < no legal action < no progress < some subgoals < won.

    Args:
        source: the games.
        prompt: how a model is asked and its commands are read: "action", "line", "react" or "verl".
        commands: whether observations list the commands that do something.
        inventory, location, goal: whether observations repeat what is carried, what is seen here, the objective.
        history: past turns that an observation repeats; -1 for 2 with "verl" and none otherwise.
        reward: "sparse" pays 1 for winning; "dense" each change of the game's score, so that winning sums to 1;
            "progress" each change of the number of commands still needed, likewise; "score" what the Score pays.
        steps: the limit; 0 for the game's own.
        plan: whether `info["plan"]` holds the commands that win from here.
        engine: "native", or the name of the official one.

    Raises:
        ValueError: for an option out of range.
    """

    default_steps = 50
    engines: tuple[str, ...] = ("native",)

    def __init__(
        self,
        source: Any,
        prompt: str = "action",
        commands: bool = True,
        inventory: bool = False,
        location: bool = False,
        goal: bool = False,
        history: int = -1,
        reward: str = "sparse",
        steps: int = 0,
        plan: bool = False,
        engine: str = "native",
    ):
        super().__init__(source)
        if engine not in self.engines:
            raise ValueError(f"no engine {engine!r}; {suggest(engine, self.engines)}")
        if prompt not in PROMPTS:
            raise ValueError(f"no prompt {prompt!r}; {suggest(prompt, PROMPTS)}")
        if reward not in REWARDS:
            raise ValueError(f"no reward {reward!r}; {suggest(reward, REWARDS)}")
        if steps < 0 or not -1 <= history <= 100:
            raise ValueError(f"steps={steps} must not be below 0, and history={history} lie between 0 and 100")
        self.prompt, self.reward, self.plan, self.engine = PROMPTS[prompt], reward, plan, engine
        self.shown = {"commands": commands, "inventory": inventory, "location": location, "goal": goal}
        self.remembered = (2 if self.prompt.alone else 0) if history < 0 else history
        self.limit = steps

    def interpret(self, task: Task) -> Interpreter:
        """The interpreter of a task's game, at its start."""
        raise TypeError(f"{type(self).__name__} must define interpret(task)")

    def begin(self) -> tuple[str, dict[str, Any]]:
        """Open the game; `info["system"]` says how to reply."""
        self.game = self.interpret(self.task)
        self._legal = self.game.commands()
        self._moves, self._level = 0, "no answer"
        self._left = self.limit or self.task.info.get("steps", 0) or self.default_steps
        self._past: deque[tuple[str, str]] = deque(maxlen=self.remembered)
        self._score = self._first = self._best = self.game.score
        self._needed = self._whole = len(self.game.plan()) if self.reward == "progress" else 0
        self._said = self.game.intro()
        solution = [self.prompt.reply.format(command) for command in self.task.info["plan"]]
        info = {"system": self.prompt.system, "solution": solution, **self._info()}
        return self._observe(self._said), info

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Carry out the command of one reply; one without a command costs a step, too."""
        command = plain(self.prompt.read(action))
        self._past.append((self._said, command))
        self._moves += 1
        self._said = self._play(command)
        paid = self._paid()
        over = self.game.won or self.game.lost
        cut = not over and self._moves >= self._left
        info = self._info()
        if over or cut:
            score = SCALE.score(self._verdict(), f"{self._moves} of {self._left} steps")
            info |= {"score": score, "is_success": score.correct}
            paid += score.reward if self.reward == "score" else 0.0
        return self._observe(self._said), paid, over, cut, info

    def _play(self, command: str) -> str:
        if not command:
            return f"I cannot read a command; write it as {self.prompt.reply.format('command')}"
        legal = command in self._legal
        if legal:
            self._level = "no progress"
        elif self._level == "no answer":
            self._level = "no legal action"
        said = self.game.step(command)
        self._legal = self.game.commands()
        return said

    def _paid(self) -> float:
        """What the last command pays but for the Score."""
        before, self._score = self._score, self.game.score
        self._best = max(self._best, self._score)
        if self.reward == "sparse":
            return float(self.game.won)
        if self.reward == "dense":
            return (self._score - before) / (self.game.max_score - self._first)
        if self.reward == "progress":
            left, self._needed = self._needed, len(self.game.plan())
            return 0.0 if self.game.lost or not self._whole else (left - self._needed) / self._whole
        return 0.0

    def _verdict(self) -> str:
        return "won" if self.game.won else "some subgoals" if self._best > self._first else self._level

    def _info(self) -> dict[str, Any]:
        info = {
            "legal": self._legal,
            "reply": self.prompt.reply,
            "won": self.game.won,
            "lost": self.game.lost,
            "moves": self._moves,
        }
        return info | {"plan": self.game.plan()} if self.plan else info

    def _observe(self, said: str) -> str:
        parts = []
        if self._past:
            parts.append("\n".join(f"{text}\n> {command}" for text, command in self._past))
        parts.append(said)
        if self.shown["location"]:
            parts.append(self.game.look())
        if self.shown["inventory"]:
            parts.append(self.game.inventory())
        if self.shown["goal"] or (self.prompt.alone and self._moves):
            parts.append(f"Your task: {self.game.goal}")
        if self.shown["commands"]:
            parts.append(f"Commands: {'; '.join(self._legal)}")
        return "\n\n".join(parts)


def plain(command: str | None) -> str:
    """A command in lower case with single spaces; "" for none, or one that is no line of bounded length."""
    text = (command or "").strip()
    if len(text) > MAX_COMMAND or not text.isprintable():
        return ""
    return " ".join(text.lower().split())


def replay(game: Interpreter, commands: Sequence[str], limit: int) -> tuple[str, str]:
    """The verdict on a whole list of commands, and what ended it; those that do nothing count as steps."""
    first = best = game.score
    level = "no legal action"
    for command in commands[:limit]:
        if plain(command) in game.commands():
            level = "no progress"
        game.step(plain(command))
        best = max(best, game.score)
        if game.won or game.lost:
            break
    return "won" if game.won else "some subgoals" if best > first else level, f"{len(commands)} commands"
