"""Worlds in words: our engine beside the official one, in CPU seconds of one run.

python benchmarks/worlds.py [--games 2] [--steps 400]

Both engines give the admissible commands, the description and the inventory at every step, on the same random walks.
Without ludex[textworld] and ludex[alfworld] the official figures and the drawing of new TextWorld games are left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import gymnasium

import ludex
from ludex.envs.alfworld import synth
from ludex.envs.alfworld.engine import House
from ludex.envs.alfworld.engine import Reading as HouseReading
from ludex.envs.alfworld.env import Game as Household
from ludex.envs.alfworld.experts import plan
from ludex.envs.textworld.engine import Play
from ludex.envs.textworld.env import body
from ludex.envs.textworld.game import Game, from_textworld
from ludex.envs.textworld.generate import PRESETS, Recipe, compiled, make
from ludex.envs.textworld.presets import PRESETS as SHIPPED
from ludex.envs.textworld.presets import load
from ludex.envs.textworld.reading import Reading
from ludex.envs.textworld.searcher import Searcher
from ludex.envs.worlds import Interpreter

OFFICIAL = importlib.util.find_spec("textworld") is not None
COOKING = {"recipe": 3, "take": 3, "go": 6, "open": True, "cook": True, "cut": True}
WORLDS = {
    "2 rooms": Recipe(2, 3, 4, seed=1),
    "10 rooms": Recipe(10, 20, 6, seed=1),
    "cooking, 6 rooms": Recipe(challenge="cooking", settings=COOKING, seed=1),
}


def cpu() -> float:
    """CPU seconds of this process and its children so far."""
    done = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + done.ru_utime + done.ru_stime


def walk(begin: Callable[[], Interpreter], steps: int) -> float:
    """Steps a CPU second, new games included."""
    rng, game, began = random.Random(0), begin(), cpu()
    for _ in range(steps):
        if game.won or game.lost:
            game = begin()
        game.step(rng.choice(game.commands()))
        game.look(), game.inventory()
    return steps / (cpu() - began)


def engines(steps: int) -> None:
    import json

    from ludex.envs.textworld.official import Official

    print("| game | native steps/s | official steps/s | ratio | compile, s |\n|---|---|---|---|---|")
    for name, recipe in WORLDS.items():
        with tempfile.TemporaryDirectory() as folder:
            began = cpu()
            story = compiled(recipe, Path(folder))
            compiling = cpu() - began
            game = from_textworld(json.loads(story.with_suffix(".json").read_text()))
            reading = Reading.of(game)
            ours = walk(lambda reading=reading: Play(reading), 20 * steps)
            theirs = walk(lambda story=story, game=game: Official(story, game), steps)
        print(f"| {name} | {ours:,.0f} | {theirs:,.0f} | {ours / theirs:,.0f} | {compiling:.2f} |", flush=True)


def drawing(games: int) -> None:
    print("\n| preset | new game playable, ms |\n|---|---|")
    make(Recipe(2, 3, 4))  # the package reads its grammar once
    presets = {name: Recipe(*sizes) for name, sizes in PRESETS.items()}
    presets |= {name: Recipe(challenge=name) for name in ("simple", "coin_collector", "treasure_hunter", "cooking")}
    for name, recipe in presets.items():
        began = cpu()
        for seed in range(100, 100 + games):
            play = Play(Reading.of(make(Recipe(**{**vars(recipe), "seed": seed}))))
            play.intro(), play.commands()
        print(f"| {name} | {1e3 * (cpu() - began) / games:.0f} |", flush=True)


def shipped() -> None:
    print("\n| preset | walkthrough, mean | searcher wins | its commands, mean (max) |\n|---|---|---|---|")
    for preset in SHIPPED:
        lengths, optimal, games = [], 0, load(preset)
        for data in games:
            play = Play(Reading.of(Game.from_data(body(data))))
            optimal += len(data["walkthrough"])
            commands = Searcher(play).play()
            lengths += [len(commands)] if play.won else []
        rate = f"{len(lengths)} of {len(games)} | {sum(lengths) / len(lengths):.1f} ({max(lengths)})"
        print(f"| {preset} | {optimal / len(games):.1f} | {rate} |", flush=True)


def memory_kb() -> int:
    """Resident memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 1024


def episodes(name: str, count: int, **options: str) -> None:
    env, rng, after, steps = gymnasium.make(f"ludex/{name}-v0", **options), random.Random(0), 0, 0
    began = cpu()
    for episode in range(count):
        _, info = env.reset(seed=0) if episode == 0 else env.reset()
        ended = False
        while not ended:
            _, _, won, cut, info = env.step(info["reply"].format(rng.choice(info["legal"])))
            steps, ended = steps + 1, won or cut
        if episode == 99:
            after = memory_kb()
    spent = cpu() - began
    print(f"\n{name} through gymnasium.make: {steps / spent:,.0f} steps/s with the commands listed and the resets,")
    print(f"{count} episodes of {steps} steps")
    print(f"memory after 100 episodes {after:,} KiB, after {count} {memory_kb():,} KiB")
    began = cpu()
    for _ in range(500):
        env.reset()
    print(f"reset: {1e3 * (cpu() - began) / 500:.2f} ms")


def houses(steps: int) -> None:
    """ALFWorld: our engine, beside the original where it is installed; new games and how far apart the experts are."""
    worlds = [synth.draw(random.Random(i), kind)[0] for i, kind in enumerate(synth.TYPES)]
    readings = [HouseReading.of(world) for world in worlds]
    ours = sum(walk(lambda r=r: Household(r), 50 * steps) for r in readings) / len(readings)
    print(f"\nALFWorld, native: {ours:,.0f} steps/s with admissible commands, what is in front and the inventory")
    if importlib.util.find_spec("alfworld"):
        from ludex.envs.alfworld.official import Official as OfficialHouse

        games, few = [OfficialHouse(worlds[0])], max(20, steps // 10)  # loading and its planner take seconds
        theirs = walk(lambda: games[0], few)
        print(f"ALFWorld, official: {theirs:,.1f} steps/s; the native engine is {ours / theirs:,.0f} times as fast")
    print("\n| type | new game, ms | plan, mean (range) | blind search, mean (range) |\n|---|---|---|---|")
    for kind in synth.TYPES:
        began = cpu()
        drawn = [synth.draw(random.Random(f"{kind} {i}"), kind, unseen=i % 5 == 0)[0] for i in range(100)]
        spent = 1e3 * (cpu() - began) / 100
        plans = [len(plan(House(HouseReading.of(world)))) for world in drawn]
        searches = [synth.searched(world) for world in drawn]
        both = (f"{sum(n) / 100:.1f} ({min(n)}-{max(n)})" for n in (plans, searches))
        print(f"| {kind} | {spent:.1f} | {' | '.join(both)} |", flush=True)


def many(count: int) -> None:
    """One process steps many environments: what that costs a step of each."""
    envs = [ludex.make("alfworld") for _ in range(count)]
    infos, rng = [env.reset(seed=i)[1] for i, env in enumerate(envs)], random.Random(0)
    began = cpu()
    for _ in range(20):
        for i, env in enumerate(envs):
            infos[i] = env.step(infos[i]["reply"].format(rng.choice(infos[i]["legal"])))[4]
    print(f"\n{count} environments in one process: {1e3 * (cpu() - began) / 20:.1f} ms for a step of all")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--games", type=int, default=5, help="new games drawn a preset (default 5)")
    parser.add_argument("--steps", type=int, default=400, help="of the official engine; ours takes 20 times as many")
    parser.add_argument("--episodes", type=int, default=2000)
    args = parser.parse_args()
    if OFFICIAL:
        engines(args.steps)
        drawing(args.games)
    shipped()
    episodes("textworld", args.episodes, preset="w4-o6-q8")
    houses(args.steps)
    episodes("alfworld", args.episodes)
    many(256)


if __name__ == "__main__":
    main()
