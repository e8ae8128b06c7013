"""What a run file may say: one dataclass a table, every key with its default and meaning."""

from __future__ import annotations

import dataclasses
import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ludex.agents.algorithms import ALGORITHMS, algorithm_class, ops
from ludex.agents.algorithms.base import Algorithm
from ludex.agents.algorithms.mismatch import Correction
from ludex.agents.curriculum import CurriculumSettings
from ludex.agents.lora import LoraSettings
from ludex.agents.rollout import Domain
from ludex.config import ConfigError, build, override, to_toml
from ludex.envs.core import check_split
from ludex.lookup import UnknownName, plugins, suggest


@dataclass(frozen=True)
class RolloutSettings:
    """How episodes are sampled."""

    prompts: int = 16  # groups a step
    group: int = 8  # episodes a group
    max_new_tokens: int = 256  # of one response
    max_context: int = 4096  # tokens of prompt and response together
    temperature: float = 1.0
    max_turns: int = 50  # responses before an episode counts as truncated
    history: int = 0  # exchanges that the policy remembers, 0 for all, -1 for none
    timeout_s: float = 60.0  # limit of one environment call, 0 for none
    workers: int = 0  # threads that step environments while others are sampled, 0 for in turn
    stop: tuple[str, ...] = ()  # texts that end a response, which keeps them
    max_errors: float = 0.2  # share of episodes lost to environment errors that stops the run
    max_rounds: int = 10  # of dynamic sampling before a step makes do with what it has

    def __post_init__(self) -> None:
        ops.at_least(
            1, **{n: getattr(self, n) for n in ("prompts", "group", "max_new_tokens", "max_turns", "max_rounds")}
        )
        ops.at_least(-1, history=self.history)
        ops.at_least(0, timeout_s=self.timeout_s, workers=self.workers)
        ops.between(0, 1, max_errors=self.max_errors)
        if not all(self.stop):
            raise ValueError(f"stop={self.stop}: an empty text would end every response at once")
        if not 0 < self.temperature < math.inf:
            raise ValueError(f"temperature={self.temperature} must be positive: a policy gradient needs samples")
        if self.max_context <= self.max_new_tokens:
            raise ValueError(
                f"max_context={self.max_context} leaves no room "
                f"beside max_new_tokens={self.max_new_tokens} for a prompt"
            )


@dataclass(frozen=True)
class DataSettings:
    """Preference pairs, for the algorithms that learn from them instead of from episodes."""

    path: str = ""  # a JSONL file with the columns prompt, chosen and rejected
    group: str = "group"  # its column of groups; "" puts all pairs into one
    pairs: int = 64  # a step

    def __post_init__(self) -> None:
        ops.at_least(1, pairs=self.pairs)


@dataclass(frozen=True)
class OptimSettings:
    """How weights are updated: AdamW."""

    lr: float = 1e-6
    warmup: int = 0  # steps of linear warm-up
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    betas: tuple[float, float] = (0.9, 0.95)
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0  # inf for no limit, unlike the 0 of other trainers
    updates: int = 1  # passes over each batch
    minibatches: int = 1  # optimiser steps a pass
    micro_tokens: int = 32768  # forwarded at once, a shared prompt counted once; bounds memory, never changes results
    max_skips: int = 3  # non-finite steps in a row before the run stops
    correction: Correction = field(default_factory=Correction)  # for a sampler that is not the learner

    def __post_init__(self) -> None:
        ops.at_least(0, lr=self.lr, warmup=self.warmup, weight_decay=self.weight_decay)
        if not self.max_grad_norm > 0:
            raise ValueError(f"max_grad_norm={self.max_grad_norm} must be positive; inf is no limit")
        names = ("updates", "minibatches", "micro_tokens", "max_skips")
        ops.at_least(1, **{name: getattr(self, name) for name in names})
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas={self.betas} must be two numbers from 0 to below 1")


@dataclass(frozen=True)
class EvalSettings:
    """Evaluation during training."""

    every: int = 0  # steps, 0 for never
    n: int = 64  # problems
    k: int = 1  # responses to each
    split: str = "valid"
    temperature: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        ops.at_least(0, every=self.every, temperature=self.temperature, seed=self.seed)
        ops.at_least(1, n=self.n, k=self.k)
        check_split(self.split)


@dataclass(frozen=True)
class SaveSettings:
    """Checkpoints."""

    every: int = 50  # steps, 0 for the last only
    keep_last: int = 2
    keep_best: bool = True  # of the evaluations' pass@1, as a transformers folder `best/`

    def __post_init__(self) -> None:
        ops.at_least(0, every=self.every)
        ops.at_least(1, keep_last=self.keep_last)


SINKS = ("tensorboard", "wandb", "trackio")


@dataclass(frozen=True)
class LogSettings:
    """What is recorded, and when to raise the alarm (a metric that is NaN never does)."""

    sinks: tuple[str, ...] = ("tensorboard",)  # of SINKS
    episodes_every: int = 10  # steps between full records of episodes, 0 for none
    min_entropy: float = 0.01  # nats a token; 0 for no alarm
    max_kl: float = 1.0  # nats a token, against the reference; inf for no alarm, here and below
    max_cut: float = 0.5  # share of responses ended by their length limit
    max_repetition: float = 0.5  # share of a response's 4-grams that it has said before
    max_gap: float = 0.1  # nats between sampled and recomputed log-probabilities

    def __post_init__(self) -> None:
        for sink in self.sinks:
            if sink not in SINKS:
                raise ValueError(f"sinks: no tracker {sink!r}; {suggest(str(sink), SINKS)}")
        ops.at_least(0, episodes_every=self.episodes_every, min_entropy=self.min_entropy)
        names = ("max_kl", "max_cut", "max_repetition", "max_gap")
        ops.between(0, math.inf, **{name: getattr(self, name) for name in names})


@dataclass(frozen=True)
class ComputeSettings:
    """Where and how tensors live."""

    device: str = "auto"  # "auto", "cpu", "cuda", "cuda:1"
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"  # bfloat16: of weights; the optimiser keeps float32 copies
    threads: int = 0  # CPU threads, 0 for torch's choice
    engine: Literal["local", "transformers"] = "local"  # what samples; the other is transformers' continuous batching
    decode_batch: int = 1024  # rows decoded together
    gradient_checkpointing: bool = False
    deterministic: bool = True  # on a GPU, learn by kernels that give the same bits every time

    def __post_init__(self) -> None:
        ops.at_least(0, threads=self.threads)
        ops.at_least(1, decode_batch=self.decode_batch)


@dataclass(frozen=True)
class Settings:
    """A whole run file."""

    name: str
    model: str
    env: tuple[Domain, ...]
    algorithm: str = "grpo"
    steps: int = 100
    seed: int = 0
    rollout: RolloutSettings = field(default_factory=RolloutSettings)
    curriculum: CurriculumSettings = field(default_factory=CurriculumSettings)
    data: DataSettings = field(default_factory=DataSettings)
    optim: OptimSettings = field(default_factory=OptimSettings)
    eval: EvalSettings = field(default_factory=EvalSettings)
    save: SaveSettings = field(default_factory=SaveSettings)
    log: LogSettings = field(default_factory=LogSettings)
    compute: ComputeSettings = field(default_factory=ComputeSettings)
    lora: LoraSettings = field(default_factory=LoraSettings)
    tables: dict[str, Algorithm] = field(default_factory=dict)  # the algorithms' own tables

    @property
    def chosen(self) -> Algorithm:
        """The selected algorithm with its settings."""
        return self.tables[table_of(self.algorithm)]

    def to_dict(self) -> dict[str, Any]:
        """The resolved run as plain data, as it is saved and compared."""
        data = dataclasses.asdict(dataclasses.replace(self, tables={}))
        data.pop("tables")
        data["env"] = [
            {k: v for k, v in {**e, **e["options"]}.items() if k != "options" and v == v} for e in data["env"]
        ]
        return {**data, table_of(self.algorithm): dataclasses.asdict(self.chosen)}  # type: ignore[call-overload]

    def to_toml(self) -> str:
        """The resolved run as a run file."""
        return to_toml(self.to_dict()) + "\n"


def table_of(algorithm: str) -> str:
    """The name of an algorithm's table: its own, or for "module:Class" that of the class."""
    return algorithm.rpartition(":")[2]


def load(path: str | Path, overrides: Sequence[str] = ()) -> Settings:
    """Read a run file and apply dotted overrides.

    Raises:
        ConfigError: one line that says what is wrong and where.
    """
    try:
        table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:  # of the text's encoding, too
        raise ConfigError(f"{path} is not TOML: {error}") from None
    table.setdefault("name", Path(path).stem)
    return resolve(override(table, overrides))


def resolve(table: dict[str, Any]) -> Settings:
    """Settings from plain data; every algorithm's table is checked, selected or not."""
    table = dict(table)
    known = sorted({*ALGORITHMS, *plugins("ludex.algorithms")})
    chosen = str(table.get("algorithm", Settings.algorithm))
    if chosen not in known and ":" not in chosen:
        raise ConfigError(f"no algorithm {chosen!r}; {suggest(chosen, known)}")
    names = {table_of(name): name for name in (*known, chosen)}
    tables = {
        own: _algorithm(own, name, table.pop(own, {})) for own, name in names.items() if own in table or name == chosen
    }
    pairs = "pairs" in tables[table_of(chosen)].needs
    table["env"] = tuple(_domain(i, entry) for i, entry in enumerate(_list(table.get("env"), optional=pairs)))
    fields = [f.name for f in dataclasses.fields(Settings) if f.name != "tables"]
    for key in table:
        if key not in fields:
            raise ConfigError(f"unknown key {key!r}; {suggest(key, [*fields, *names])}")
    settings = dataclasses.replace(build(Settings, table), tables=tables)
    _check(settings)
    return settings


def _check(settings: Settings) -> None:
    """What one table demands of another."""
    chosen, pairs = settings.chosen, "pairs" in settings.chosen.needs
    _check_name(settings.name)
    if pairs:
        _check_pairs(settings)
    elif settings.rollout.group < chosen.smallest_group:
        raise ConfigError(
            f"rollout.group = {settings.rollout.group} teaches nothing: {settings.algorithm} compares the episodes of "
            f"a group; give {chosen.smallest_group} or more"
        )
    for name in ("updates", "minibatches") if chosen.one_update else ():
        if getattr(settings.optim, name) != 1:
            hint = "data.pairs" if pairs else "rollout.prompts"
            raise ConfigError(f"{settings.algorithm} takes one update a batch: optim.{name} must be 1; see {hint}")
    if settings.compute.engine == "transformers" and settings.rollout.stop:
        raise ConfigError("rollout.stop needs compute.engine = 'local'; transformers' own engine knows no stop texts")
    try:
        ops.at_least(0, seed=settings.seed)
        ops.at_least(1, steps=settings.steps)
        settings.curriculum.check(len(settings.env))
    except ValueError as error:
        raise ConfigError(str(error)) from None


def _check_name(name: str) -> None:
    """A run's name is that of its folder: inside `runs/`, and not `runs/` itself, which --fresh would delete."""
    if not name.strip() or not name.isprintable() or name.startswith(".") or Path(name).name != name:
        raise ConfigError(f"name = {name!r} must be a plain file name, such as 'countdown-1', for a folder in runs/")


def _check_pairs(settings: Settings) -> None:
    """A run on pairs needs their file, and an environment only for what nothing else can give."""
    if not settings.data.path:
        raise ConfigError(f"{settings.algorithm} learns from preference pairs; set data.path to their JSONL file")
    if not settings.env and settings.eval.every:
        raise ConfigError(f"eval.every = {settings.eval.every} needs an [[env]] table to evaluate in")
    if not settings.env and settings.model == "tiny":
        raise ConfigError("model = 'tiny' needs an [[env]] table: its tokenizer is trained on the environment's texts")


def _list(env: Any, optional: bool) -> list[dict[str, Any]]:
    if optional and not env:
        return []
    if isinstance(env, list) and env and all(isinstance(entry, dict) for entry in env):
        return env
    raise ConfigError("a run needs at least one [[env]] table with an id")


def _algorithm(own: str, name: str, table: Any) -> Algorithm:
    """The algorithm of that name from its own table."""
    if not isinstance(table, dict):
        raise ConfigError(
            f"{own} = {table!r} must be a table of the algorithm's settings; algorithm = {name!r} selects it"
        )
    try:
        found = algorithm_class(name)
    except (UnknownName, ValueError, ImportError) as error:
        raise ConfigError(f"algorithm = {name!r}: {error}") from None
    return build(found, table, f"{own}.")


def _domain(index: int, entry: dict[str, Any]) -> Domain:
    own: dict[str, Any] = {k: entry[k] for k in ("id", "weight", "success_at", "concurrency") if k in entry}
    if "id" not in own:
        raise ConfigError(f"env.{index} has no id")
    return build(Domain, {**own, "options": {k: v for k, v in entry.items() if k not in own}}, f"env.{index}.")
