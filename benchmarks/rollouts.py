"""What environments cost a training step: CPU seconds inside reset and step beside those of the whole step.

python benchmarks/rollouts.py [--prompts 32] [--group 8]

The model is `tiny`, on one CPU thread; steps are GRPO's. The model is untrained, so that what it says is replaced by
what costs an environment most: a legal command at random, or the worked solution where there is no list of commands.
"""

from __future__ import annotations

import argparse
import random
import time
from contextlib import closing
from typing import Any

import gymnasium

from ludex.agents.evaluate import policy_player
from ludex.agents.rollout import Arena, Domain, Start
from ludex.agents.sampling import Sampling
from ludex.agents.settings import resolve
from ludex.agents.setup import open_policy
from ludex.agents.train import Trainer

RUNS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "countdown": ({"id": "countdown"}, {"max_new_tokens": 32}),
    "textworld w2-o3-q4": ({"id": "textworld", "preset": "w2-o3-q4"}, {"max_new_tokens": 32, "max_turns": 4}),
    "alfworld": ({"id": "alfworld"}, {"max_new_tokens": 32, "max_turns": 4}),
}


class Timed(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Takes useful actions, and counts the CPU seconds that its thread spends in the environment."""

    spent = 0.0

    def reset(self, **options: Any) -> Any:
        began = time.thread_time()
        observation, self.info = self.env.reset(**options)
        Timed.spent += time.thread_time() - began
        self.rng = random.Random(0)
        return observation, self.info

    def step(self, action: Any) -> Any:
        legal = self.info.get("legal")
        action = self.info["reply"].format(self.rng.choice(legal)) if legal else self.info["solution"]
        began = time.thread_time()
        answer = self.env.step(action)
        Timed.spent += time.thread_time() - began
        self.info = answer[-1]
        return answer


class TimedArena(Arena):
    """An arena whose environments are timed."""

    def _make(self, number: int) -> Any:
        env, lane = super()._make(number)
        return Timed(env), lane


def measure(env: dict[str, Any], rollout: dict[str, Any], prompts: int, group: int) -> str:
    table = {"name": "bench", "model": "tiny", "algorithm": "grpo", "env": [env], "log": {"sinks": []}}
    table |= {"rollout": {"prompts": prompts, "group": group, **rollout}, "compute": {"threads": 1, "device": "cpu"}}
    table |= {"grpo": {"beta": 0.0}}
    trainer: Any = Trainer(resolve(table))
    trainer.arena.close()
    trainer.arena = trainer.source.arena = TimedArena(trainer.settings.env, max_turns=rollout.get("max_turns", 50))
    with closing(trainer.arena):
        trainer.step()  # makes the environments
        Timed.spent, began, wall = 0.0, time.process_time(), time.perf_counter()
        _, played = trainer.step()
        cpu, wall = time.process_time() - began, time.perf_counter() - wall
    turns, tokens = (sum(f(t) for t in played) for f in (lambda t: len(t.turns), lambda t: t.tokens))
    share = f"{Timed.spent:.2f} | {cpu:.1f} | {100 * Timed.spent / cpu:.1f} %"
    return f"{len(played)} | {turns / len(played):.1f} | {tokens / turns:.0f} | {share} | {wall:.1f}"


class Slow(gymnasium.Env[str, str]):
    """Four turns, each of which takes 20 ms of no CPU time, as an environment behind a network does."""

    observation_space = action_space = gymnasium.spaces.Text(1000)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[str, dict[str, Any]]:
        super().reset(seed=seed)
        self.left = 4
        return "Go on.", {}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        time.sleep(0.02)
        self.left -= 1
        return "Go on.", 0.0, self.left == 0, False, {}


def overlap(episodes: int) -> None:
    """The same rollout with environments stepped in turn, and beside sampling."""
    domain = Domain("rollouts:Slow")
    policy = open_policy("tiny", [domain], device="cpu")
    player = policy_player(policy, Sampling(32))
    print("\n| workers | rollout, s |\n|---|---|")
    for workers in (0, 1, 4, 16):
        player.engine.refresh(0)
        with closing(Arena([domain], workers=workers)) as arena:
            began = time.perf_counter()
            arena.play([Start(0, 0, "train", i, i) for i in range(episodes)], player)
            print(f"| {workers} | {time.perf_counter() - began:.1f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=32)
    parser.add_argument("--group", type=int, default=8)
    args = parser.parse_args()
    print("| environment | episodes | turns | tokens a turn | environments, CPU s | step, CPU s | share | step, s |")
    print("|---|---|---|---|---|---|---|---|")
    for name, (env, rollout) in RUNS.items():
        print(f"| {name} | {measure(env, rollout, args.prompts, args.group)} |", flush=True)
    overlap(args.prompts * args.group)


if __name__ == "__main__":
    main()
