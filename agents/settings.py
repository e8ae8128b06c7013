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
        ops.at_least(0, timeout_s=self.timeout_s, max_errors=self.max_errors, workers=self.workers)
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
    max_grad_norm: float = 1.0
    updates: int = 1  # passes over each batch
    minibatches: int = 1  # optimiser steps a pass
    micro_tokens: int = 32768  # forwarded at once, a shared prompt counted once; bounds memory, never changes results
    max_skips: int = 3  # non-finite steps in a row before the run stops
    correction: Correction = field(default_factory=Correction)  # for a sampler that is not the learner

    def __post_init__(self) -> None:
        ops.at_least(
            0, lr=self.lr, warmup=self.warmup, weight_decay=self.weight_decay, max_grad_norm=self.max_grad_norm
        )
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


@dataclass(frozen=True)
class SaveSettings:
    """Checkpoints."""

    every: int = 50  # steps, 0 for the last only
    keep_last: int = 2
    keep_best: bool = True  # of the evaluations' pass@1, as a transformers folder `best/`


@dataclass(frozen=True)
class LogSettings:
    """What is recorded, and when to raise the alarm (NaN never does)."""

    sinks: tuple[str, ...] = ("tensorboard",)  # of "tensorboard", "wandb", "trackio"
    episodes_every: int = 10  # steps between full records of episodes, 0 for none
    min_entropy: float = 0.01  # nats a token
    max_kl: float = 1.0  # nats a token, against the reference
    max_cut: float = 0.5  # share of responses ended by their length limit
    max_repetition: float = 0.5  # share of a response's 4-grams that it has said before
    max_gap: float = 0.1  # nats between sampled and recomputed log-probabilities


@dataclass(frozen=True)
class ComputeSettings:
    """Where and how tensors live."""

    device: str = "auto"  # "auto", "cpu", "cuda", "cuda:1"
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"  # bfloat16: of weights; the optimiser keeps float32 copies
    threads: int = 0  # CPU threads, 0 for torch's choice
    engine: Literal["local", "transformers"] = "local"  # what samples; the other is transformers' continuous batching
    decode_batch: int = 1024  # rows decoded together
    gradient_checkpointing: bool = False


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
        return self.tables[self.algorithm]

    def to_dict(self) -> dict[str, Any]:
        """The resolved run as plain data, as it is saved and compared."""
        data = dataclasses.asdict(dataclasses.replace(self, tables={}))
        data.pop("tables")
        data["env"] = [
            {k: v for k, v in {**e, **e["options"]}.items() if k != "options" and v == v} for e in data["env"]
        ]
        return {**data, self.algorithm: dataclasses.asdict(self.chosen)}  # type: ignore[call-overload]

    def to_toml(self) -> str:
        """The resolved run as a run file."""
        return to_toml(self.to_dict()) + "\n"


def load(path: str | Path, overrides: Sequence[str] = ()) -> Settings:
    """Read a run file and apply dotted overrides.

    Raises:
        ConfigError: one line that says what is wrong and where.
    """
    try:
        table = tomllib.loads(Path(path).read_text())
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from None
    table.setdefault("name", Path(path).stem)
    return resolve(override(table, overrides))


def resolve(table: dict[str, Any]) -> Settings:
    """Settings from plain data; every algorithm's table is checked, selected or not."""
    table = dict(table)
    known = sorted({*ALGORITHMS, *plugins("ludex.algorithms")})
    chosen = table.get("algorithm", Settings.algorithm)
    if chosen not in known:
        raise ConfigError(f"no algorithm {chosen!r}; {suggest(str(chosen), known)}")
    tables = {name: _algorithm(name, table.pop(name, {})) for name in known if name in table or name == chosen}
    pairs = "pairs" in tables[chosen].needs
    table["env"] = tuple(_domain(i, entry) for i, entry in enumerate(_list(table.get("env"), optional=pairs)))
    fields = [f.name for f in dataclasses.fields(Settings) if f.name != "tables"]
    for key in table:
        if key not in fields:
            raise ConfigError(f"unknown key {key!r}; {suggest(key, [*fields, *known])}")
    settings = dataclasses.replace(build(Settings, table), tables=tables)
    _check(settings)
    return settings


def _check(settings: Settings) -> None:
    """What one table demands of another."""
    chosen, pairs = settings.chosen, "pairs" in settings.chosen.needs
    if pairs:
        _check_pairs(settings)
    for name in ("updates", "minibatches") if chosen.one_update else ():
        if getattr(settings.optim, name) != 1:
            hint = "data.pairs" if pairs else "rollout.prompts"
            raise ConfigError(f"{settings.algorithm} takes one update a batch: optim.{name} must be 1; see {hint}")
    if settings.compute.engine == "transformers" and settings.rollout.stop:
        raise ConfigError("rollout.stop needs compute.engine = 'local'; transformers' own engine knows no stop texts")
    try:
        settings.curriculum.check(len(settings.env))
    except ValueError as error:
        raise ConfigError(str(error)) from None


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


def _algorithm(name: str, table: Any) -> Algorithm:
    if not isinstance(table, dict):
        raise ConfigError(
            f"{name} = {table!r} must be a table of the algorithm's settings; algorithm = {name!r} selects it"
        )
    try:
        return build(algorithm_class(name), table, f"{name}.")
    except UnknownName as error:
        raise ConfigError(str(error)) from None


def _domain(index: int, entry: dict[str, Any]) -> Domain:
    own: dict[str, Any] = {k: entry[k] for k in ("id", "weight", "success_at", "concurrency") if k in entry}
    if "id" not in own:
        raise ConfigError(f"env.{index} has no id")
    return build(Domain, {**own, "options": {k: v for k, v in entry.items() if k not in own}}, f"env.{index}.")
