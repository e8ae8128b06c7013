"""Experts' plans, step by step: every state of a plan is a task whose answer is the action to take next.

After Hu et al. (single-turn reinforcement learning for planning over many turns): a policy that gives the expert's
action in every state finishes in the fewest steps, so the steps can be learned one at a time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sized
from contextlib import contextmanager
from itertools import accumulate
from typing import Any

import gymnasium
import numpy as np

from ludex.core import Task
from ludex.envs.core import MAX_DRAWS, SPLITS, TaskEnv, TaskSource, TextEnv, check_options, check_split, split_of
from ludex.lookup import suggest
from ludex.rewards.steps import TAGGED, declared

BEST = ("auto", "set", "expert")


class Plans:
    """The plans of an environment's worked solutions, numbered as its tasks are.

    Every plan that is being played has an environment of its own, so that threads, and iterators in turn, may share
    the plans.

    Args:
        of: the id of an environment of many turns whose `info["solution"]` is a list of responses.
        seed, split: the stream of its tasks.
        options: of the environment.

    Raises:
        ValueError: for an environment without such solutions, or whose observations are pictures.
    """

    def __init__(self, of: str, *, seed: int, split: str, **options: Any):
        self.of, self.seed, self.split, self.options = of, seed, split, options
        self._idle = [self._make()]

    def _make(self) -> Any:
        from ludex.envs.registry import make

        env: Any = make(self.of, **self.options).unwrapped
        if isinstance(env, TextEnv):
            env.source = env.source.at(seed=self.seed, split=self.split)
        if not isinstance(env.observation_space, gymnasium.spaces.Text):
            raise ValueError(f"{self.of}: steps are told in words; its observations must be text (observation=text)")
        return env

    @contextmanager
    def _env(self) -> Iterator[Any]:
        """An environment that no one else plays; taking one from a list, and putting it back, are atomic."""
        try:
            env = self._idle.pop()
        except IndexError:
            env = self._make()
        try:
            yield env
        finally:
            self._idle.append(env)

    def _begin(self, env: Any, number: int) -> tuple[str, dict[str, Any]]:
        """Reset to a plan's start: its observation and info."""
        if isinstance(env, TextEnv):
            count = len(env.source) if isinstance(env.source, Sized) else number + 1
            return env.reset(options={"index": number % count})
        where = (SPLITS.index(self.split), number)
        seed = np.random.SeedSequence(self.seed, spawn_key=where).generate_state(1)[0]
        observation, info = env.reset(seed=int(seed) & 0x7FFFFFFF)
        return str(observation), info

    def length(self, number: int) -> int:
        """How many responses a plan has. ValueError if there are none."""
        with self._env() as env:
            return len(self._solution(self._begin(env, number)[1]))

    def _solution(self, info: dict[str, Any]) -> list[str]:
        found = info.get("solution")
        if not isinstance(found, list) or not found:
            raise ValueError(f"{self.of} has no info['solution'] that is a list of responses, so its plans are unknown")
        return found

    def steps(self, number: int, history: int, best: str, only: int | None = None) -> Iterator[Task]:
        """The states of a plan as tasks, the first first; with `only` that one, since telling what is best takes long.

        Args:
            number: of the plan.
            history: past turns that a prompt repeats; -1 for all.
            best: "set" of all optimal actions, only the "expert"'s, or "auto" for the set where it is known.
            only: the number of a state.
        """
        with self._env() as env:
            observation, info = self._begin(env, number)
            plan = self._solution(info)
            name = info.get("task_id", f"{self.of}/{number}")
            about = {"system": info.get("system", ""), "plan": name, "of": len(plan)}
            past: list[str] = []
            for place, response in enumerate(plan):
                if only in (None, place):
                    shown = past[-history:] if history > 0 else past if history else []
                    told = "\n\n".join(filter(None, ("\n".join(shown), observation)))
                    answer = self._answer(env, info, plan, response, best)
                    yield Task(told, answer, "step", info={"solution": response, "step": place, **about})
                past.append(f"{observation}\n> {response}")
                observation, *_, info = env.step(response)

    def prompts(self, number: int, history: int) -> list[str]:
        """What the steps of a plan are told, without finding out what is best."""
        return [task.prompt for task in self.steps(number, history, "expert")]

    def _answer(self, env: Any, info: dict[str, Any], plan: list[str], response: str, best: str) -> dict[str, Any]:
        reply = info.get("reply", TAGGED if all("<answer>" in step for step in plan) else "{}")
        legal = list(info.get("legal") or ())
        known = getattr(env, "optimal", None) if best != "expert" else None
        if best == "set" and known is None:
            raise ValueError(f"{self.of} cannot tell all optimal actions; take optimal=expert")
        expert = declared(response, Task("", {"reply": reply}, "step")).text
        return {"best": known() if known else [expert], "legal": legal, "reply": reply}


class Steps(TaskSource):
    """States of experts' plans as one-step tasks, without end: each is a state of a plan of its own.

    Both the plan and the prompt belong to the split, so that no prompt occurs in two.

    Args:
        name: the id that the tasks carry.
        seed: names the stream.
        split: "train", "valid" or "test".
        of: the environment; it takes the options that are not named here.
        optimal: what is right: "set" for all optimal actions (of environments that can tell them, such as kitchen),
            "expert" for the expert's alone, "auto" for the set where it is known.
        history: past turns that a prompt repeats before the present observation; -1 for all.
        plans: how many plans to take; 0 for a stream without end.
        options: the environment's own.

    Raises:
        ValueError: for an option out of range.
    """

    def __init__(
        self,
        name: str,
        /,
        *,
        seed: int = 0,
        split: str = "train",
        of: str = "kitchen",
        optimal: str = "auto",
        history: int = 0,
        plans: int = 0,
        **options: Any,
    ):
        own = check_options(name, Steps.__init__, {"of": of, "optimal": optimal, "history": history, "plans": plans})
        self.name, self.seed, self.split = name, int(seed), check_split(split)
        self.generate: Any = Steps  # it has the defaults of the options
        self.options = {**own, **options}
        if optimal not in BEST:
            raise ValueError(f"{name}: no optimal={optimal!r}; {suggest(optimal, BEST)}")
        if history < -1 or plans < 0:
            raise ValueError(f"{name}: history={history} must not be below -1, nor plans={plans} below 0")
        self.optimal, self.history, self.count = optimal, history, plans
        try:
            self.plans = Plans(of, seed=self.seed, split=split, **options)
        except TypeError as error:  # an option that neither has
            raise TypeError(f"{error}; {name} itself has {', '.join(own)}") from None
        self._stream = self._stream_id()

    def at(self, *, seed: int | None = None, split: str | None = None) -> Steps:
        """The same steps under another seed or split."""
        seed = self.seed if seed is None else seed
        return type(self)(self.name, seed=seed, split=split or self.split, **self.options)

    def __getitem__(self, index: int) -> Task:
        if index < 0:
            raise IndexError(f"{self.name}: task indices start at 0, got {index}")
        rng = self._rng(index)
        for _ in range(MAX_DRAWS):
            number = int(rng.integers(1 << 31))
            prompts = self.plans.prompts(number, self.history)
            if own := [place for place, prompt in enumerate(prompts) if split_of(prompt) == self.split]:
                return self._task(number, int(rng.choice(own)), index)
        raise ValueError(f"{self.name}: no step of split {self.split!r} in {MAX_DRAWS} plans of {self.plans.of}")

    def _task(self, number: int, place: int, index: int) -> Task:
        found = next(self.plans.steps(number, self.history, self.optimal, only=place))
        return found.with_(id=self.task_id(index))


class FirstPlans(Steps):
    """Every state of the first N plans, in order; the plans belong to the split, their prompts need not."""

    def __init__(self, name: str, /, **options: Any):
        super().__init__(name, **options)
        self.ends = list(accumulate(map(self.plans.length, range(self.count))))

    def __len__(self) -> int:
        return self.ends[-1]

    def __iter__(self) -> Iterator[Task]:
        """Every state, each plan played once."""
        every = (task for number in range(self.count) for task in self.plans.steps(number, self.history, self.optimal))
        return (task.with_(id=self.task_id(index)) for index, task in enumerate(every))

    def __getitem__(self, index: int) -> Task:
        if not 0 <= index < len(self):
            raise IndexError(f"{self.name}: step {index} of {len(self)}; the first is 0")
        number = bisect_right(self.ends, index)
        return self._task(number, index - (self.ends[number - 1] if number else 0), index)


def read_steps(path: str) -> list[Task]:
    """The rows of a file of steps. ValueError names a line that is none."""
    tasks = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            where = f"{path}, line {number}: must be a step as written by `ludex data steps`"
            try:
                tasks.append(Task.from_json(line))
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                raise ValueError(f"{where} ({type(error).__name__}: {error})"[:300]) from None
            if tasks[-1].verifier != "step":
                raise ValueError(f"{where}; its verifier is {tasks[-1].verifier!r}"[:300])
    return tasks


class StepRows(TaskSource):
    """The steps of a file that `ludex data steps` wrote, the same for every seed and split."""

    def __init__(self, name: str, *, seed: int = 0, split: str = "train", path: str = ""):
        self.name, self.seed, self.split, self.generate = name, int(seed), check_split(split), Task
        self.options = check_options(name, StepRows.__init__, {"path": path})
        self.rows = read_steps(path)
        if not self.rows:
            raise ValueError(f"{name}: {path} has no rows")
        self._stream = self._stream_id()

    def at(self, *, seed: int | None = None, split: str | None = None) -> StepRows:
        """The same rows under another name."""
        seed = self.seed if seed is None else seed
        return StepRows(self.name, seed=seed, split=split or self.split, **self.options)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Task:
        if not 0 <= index < len(self.rows):
            raise IndexError(f"{self.name}: row {index} of {len(self.rows)}; the first is 0")
        return self.rows[index].with_(id=self.task_id(index))


class StepsEnv(TaskEnv):
    """One step of a plan as an environment; the rules are told as in the environment itself.

    Args:
        source: the steps.
        binary: pay 1 for an optimal action and 0 for any other, as the theory has it, instead of the levels' pays.
    """

    def __init__(self, source: TaskSource, binary: bool = False):
        super().__init__(source)
        self.binary = binary

    def begin(self) -> tuple[str, dict[str, Any]]:
        """The state; `info["system"]` holds the rules, `legal` what can be done, `reply` how it is written."""
        answer = self.task.answer
        info = {"system": self.task.info["system"], "legal": answer["legal"], "reply": answer["reply"]}
        return self.task.prompt, info

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Judge the action."""
        observation, reward, terminated, truncated, info = super().step(action)
        return observation, float(info["score"].correct) if self.binary else reward, terminated, truncated, info


class StepSources:
    """What the id stands for: one of three kinds of source, and the environment over any of them."""

    env_class = StepsEnv
    generate = Steps  # it has the options and their defaults

    def source(self, name: str, /, *, seed: int = 0, split: str = "train", **options: Any) -> TaskSource:
        """The stream without end, the first `plans=N`, or the rows of the file `path=`."""
        kind = StepRows if "path" in options else FirstPlans if options.get("plans") else Steps
        return kind(name, seed=seed, split=split, **options)


steps = StepSources()
