"""Worlds as the files that ALFWorld itself loads: game.tw-pddl, initial_state.pddl and traj_data.json."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ludex.envs.alfworld import rooms
from ludex.envs.alfworld.world import PROPERTIES, World
from ludex.lookup import MissingExtra


def problem(world: World, name: str) -> str:
    """The world as a PDDL problem of the domain alfred."""
    objects = "\n".join(f"    {i} - {kind}" for i, kind in _objects(world))
    facts = "\n".join(f"    ({fact})" for fact in _facts(world))
    return (
        f"(define (problem {name})\n(:domain alfred)\n(:objects\n{objects}\n)\n(:init\n{facts}\n)\n{goal(world)}\n)\n"
    )


def _objects(world: World) -> Iterator[tuple[str, str]]:
    yield "agent1", "agent"
    facts = rooms.load()
    for kind in facts.thing_types:  # the domain names some types as constants, so all are declared
        yield f"{kind}Type", "otype"
    for kind in facts.receptacle_types:
        yield f"{kind}Type", "rtype"
    yield from ((thing, "object") for thing in sorted(world.things))
    yield from ((place, "receptacle") for place in sorted(world.receptacles))
    spots = {spot for _, spot, _ in world.receptacles.values()} | {world.start, *world.spots.values()}
    yield from ((spot, "location") for spot in sorted(spots))


def _facts(world: World) -> Iterator[str]:
    yield f"atLocation agent1 {world.start}"
    for r, (kind, spot, opens) in world.receptacles.items():
        yield f"receptacleType {r} {_written(kind)}"
        yield f"receptacleAtLocation {r} {spot}"
        if opens:
            yield f"openable {r}"
    yield from (f"opened {r}" for r in sorted(world.opened))
    for thing, (kind, has) in world.things.items():
        yield f"objectType {thing} {_written(kind)}"
        yield from (f"{name} {thing}" for name in PROPERTIES if name in has)
    yield from (f"objectAtLocation {thing} {spot}" for thing, spot in world.spots.items())
    yield from (f"canContain {_written(place)} {_written(kind)}" for place, kind in sorted(world.accepts))
    for thing, where in world.contents:
        yield f"{'inReceptacle' if where in world.receptacles else 'inReceptacleObject'} {thing} {where}"


def goal(world: World) -> str:
    """The goal in PDDL."""
    wanted, kind, place = world.goal, _written(world.goal.kind), _written(world.goal.place)
    if wanted.form == "look":
        inside = (
            f"(objectType ?ot {place}) (toggleable ?ot) (isToggled ?ot) (receptacleAtLocation ?r ?l) "
            f"(atLocation ?a ?l) (inReceptacle ?ot ?r) (objectType ?o {kind}) (holds ?a ?o)"
        )
        bound = ["?ot - object", "?r - receptacle", "?a - agent", "?l - location", "?o - object"]
    elif wanted.form == "two":
        inside = f"(objectType ?o1 {kind}) (objectType ?o2 {kind}) (receptacleType ?r {place}) (inReceptacle ?o1 ?r) "
        inside += "(inReceptacle ?o2 ?r) (not (= ?o1 ?o2))"
        bound = ["?r - receptacle", "?o1 - object", "?o2 - object"]
    else:
        able = {"clean": "cleanable", "hot": "heatable", "cool": "coolable", "sliced": "sliceable"}
        treated = f"({able[wanted.flag]} ?o) (is{wanted.flag.capitalize()} ?o) " if wanted.flag else ""
        inside = f"{treated}(objectType ?o {kind}) (receptacleType ?r {place}) (inReceptacle ?o ?r)"
        bound = ["?r - receptacle", "?o - object"]
    text = f"(and {inside})"
    for variable in reversed(bound):
        text = f"(exists ({variable}) {text})"
    return f"(:goal (and {text}))"


def _written(kind: str) -> str:
    """A type as ALFWorld writes it: "mugtype" is "MugType"."""
    facts = rooms.load()
    stem = kind.removesuffix("type")
    return next(f"{k}Type" for k in (*facts.thing_types, *facts.receptacle_types) if k.lower() == stem)


def official_logic() -> tuple[str, str]:
    """ALFWorld's domain and grammar, from its wheel. MissingExtra if it is not installed."""
    import importlib.util

    spec = importlib.util.find_spec("alfworld")
    if spec is None or spec.origin is None:
        raise MissingExtra("ALFWorld's own files need its domain and grammar: pip install 'ludex[alfworld]'")
    data = Path(spec.origin).parent / "data"
    return (data / "alfred.pddl").read_text(encoding="utf-8"), (data / "alfred.twl2").read_text(encoding="utf-8")


def game(world: World, name: str) -> dict[str, Any]:
    """What game.tw-pddl holds."""
    domain, grammar = official_logic()
    return {
        "pddl_domain": domain,
        "grammar": grammar.replace("UNKNOWN GOAL", world.task),
        "pddl_problem": problem(world, name),
        "solvable": True,
    }


def trajectory(world: World, task_type: str, room: int, name: str) -> dict[str, Any]:
    """What traj_data.json holds, as far as ALFWorld's text games read it."""
    kind, place = (_written(k).removesuffix("Type") for k in (world.goal.kind, world.goal.place))
    looking = world.goal.form == "look"
    return {
        "task_id": name,
        "task_type": task_type,
        "pddl_params": {
            "object_target": kind,
            "parent_target": "" if looking else place,
            "mrecep_target": "",
            "toggle_target": place if looking else "",
            "object_sliced": False,
        },
        "scene": {"floor_plan": f"FloorPlan{room}", "scene_num": room},
        "turk_annotations": {"anns": [{"task_desc": world.task}]},
    }


def write(world: World, task_type: str, room: int, name: str, folder: Path) -> Path:
    """Write the three files below `folder`, in ALFWorld's layout; returns the game file."""
    kind, place = (_written(k).removesuffix("Type") for k in (world.goal.kind, world.goal.place))
    here = folder / f"{task_type}-{kind}-None-{place}-{room}" / name
    here.mkdir(parents=True, exist_ok=True)
    (here / "initial_state.pddl").write_text(problem(world, name), encoding="utf-8")
    (here / "traj_data.json").write_text(json.dumps(trajectory(world, task_type, room, name)), encoding="utf-8")
    (here / "game.tw-pddl").write_text(json.dumps(game(world, name)), encoding="utf-8")
    return here / "game.tw-pddl"
