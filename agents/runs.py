"""Run folders: claiming one, comparing configurations, drawing its curves."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from ludex.agents.files import locked, settle, write_folder, write_text
from ludex.agents.journal import provenance
from ludex.agents.settings import Settings
from ludex.config import ConfigError


def alone(folder: Path) -> AbstractContextManager[None]:
    """A block in which no other process writes into a run folder; ValueError if one does."""
    return locked(folder.with_name(f".{folder.name}.lock"), folder)


def check(folder: Path, settings: Settings, *, longer: bool = False) -> None:
    """Refuse a folder that holds another run.

    Args:
        folder: of the run.
        settings: what it is to be.
        longer: accept more steps than the folder's run has, where they follow from those that it has taken.

    Raises:
        ConfigError: if its configuration is another one; the message lists the differences.
    """
    settle(folder)
    config = folder / "config.toml"
    if not config.exists():
        return
    try:
        old = tomllib.loads(config.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"{config} is damaged ({error}); --fresh deletes the run and begins anew") from None
    new = tomllib.loads(settings.to_toml())
    differences = compare(old, new)
    if not differences or (longer and _continues(old, new)):
        return
    raise ConfigError(
        f"{folder} holds a run with another configuration ({'; '.join(differences)}); choose another name=..., "
        f"with model={folder}/model to train on from its weights; or --fresh, which deletes the folder"
    )


def _continues(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether a run takes the steps of another one first: then its learning rate does not look at its end."""
    same_start = not compare({**old, "steps": new["steps"]}, new)
    return same_start and old["steps"] <= new["steps"] and new["optim"]["schedule"] == "constant"


def claim(folder: Path, settings: Settings, *, fresh: bool = False) -> None:
    """Write the resolved configuration and provenance into a run folder that has none, or fewer steps.

    Args:
        folder: of the run.
        settings: what `check` has let pass.
        fresh: replace whatever is there; a kill leaves the old folder or the new one.
    """

    def fill(path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        write_text(path / "provenance.json", json.dumps(provenance(), indent=2))
        write_text(path / "config.toml", settings.to_toml())

    settle(folder)
    config = folder / "config.toml"
    if fresh and folder.exists():
        write_folder(folder, fill)
    elif not config.exists():
        fill(folder)
    elif config.read_text() != settings.to_toml():
        write_text(config, settings.to_toml())


def compare(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> list[str]:
    """One text "key: old -> new" for every key in which two tables differ."""
    found = []
    for key in sorted({*old, *new}):
        a, b = old.get(key), new.get(key)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            found += compare(a, b, f"{prefix}{key}.")
        elif a != b:
            found.append(f"{prefix}{key}: {a!r} -> {b!r}")
    return found


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The rows of a run's metrics.jsonl."""
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


PANELS = (
    ("reward", ("reward",)),
    ("correct", ("correct", "accuracy", "eval/pass_1", "eval/pass_k")),
    ("loss", ("loss",)),
    ("entropy, nats a token", ("entropy",)),
    ("length, tokens", ("length",)),
    ("gradient norm", ("grad_norm",)),
)


def draw(folder: Path) -> Path:
    """Write the run's curves to `curves.png`: one panel a quantity, and the share of each level."""
    from matplotlib.figure import Figure

    rows = read_metrics(folder)
    figure = Figure(figsize=(13, 9), layout="constrained")
    figure.suptitle(folder.name)
    axes = figure.subplots(3, 3).flat
    for ax, (title, names) in zip(axes, PANELS, strict=False):
        for name in names:
            points = [(row["step"], row[name]) for row in rows if row.get(name) is not None]
            if points:
                ax.plot(*zip(*points, strict=True), label=name, marker="o" if name.startswith("eval") else None)
        ax.set_title(title)
        ax.set_xlabel("step")
        ax.grid(alpha=0.3)
        if len(names) > 1:
            ax.legend(fontsize=8)
    _draw_levels(axes[6], [row for row in rows if "reward" in row])
    _draw_phases(axes[7], [row for row in rows if "lr" in row])
    axes[8].axis("off")
    path = folder / "curves.png"
    figure.savefig(path, dpi=90)
    return path


def _draw_levels(ax: Any, rows: list[dict[str, Any]]) -> None:
    names = list(dict.fromkeys(key for row in rows for key in row if key.startswith("level/")))
    if names:
        steps = [row["step"] for row in rows]
        shares = [[row.get(name, 0.0) for row in rows] for name in names]
        ax.stackplot(steps, shares, labels=[name.removeprefix("level/") for name in names], alpha=0.8)
        ax.legend(fontsize=8, loc="lower left")
    ax.set_title("share of each level")
    ax.set_xlabel("step")


def _draw_phases(ax: Any, rows: list[dict[str, Any]]) -> None:
    for name in dict.fromkeys(key for row in rows for key in row if key.startswith("time/")):
        ax.plot([row["step"] for row in rows], [row.get(name, 0.0) for row in rows], label=name.removeprefix("time/"))
    ax.set_title("seconds a step")
    ax.set_xlabel("step")
    ax.legend(fontsize=8)
