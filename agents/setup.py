"""From settings to live objects: device, policy, environments' sources."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import torch

from ludex.agents.policy import Policy, load_model
from ludex.agents.rollout import Domain
from ludex.envs.registry import make, task_source


def pick_device(name: str = "auto") -> torch.device:
    """The device of that name; "auto" is CUDA where there is one.

    Raises:
        ValueError: for a device that this machine does not have.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise ValueError(f"device={name!r} must be 'auto', 'cpu', 'cuda' or the number of a GPU, such as 'cuda:1'")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device={name!r}: torch {torch.__version__} sees no CUDA device here; use 'cpu'")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(f"device={name!r}: the last CUDA device here is 'cuda:{torch.cuda.device_count() - 1}'")
    return device


def prepare_device(name: str = "auto") -> torch.device:
    """`pick_device`, made the current one; to be called before anything runs on a GPU.

    From its first product of matrices on, torch takes a GPU's results for repeatable or not by what
    CUBLAS_WORKSPACE_CONFIG says at that moment.
    """
    device = pick_device(name)
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.cuda.set_device(device)
    return device


def pick_dtype(name: str, device: torch.device) -> str:
    """The dtype of that name; "auto" is bfloat16 on CUDA and float32 elsewhere."""
    if name == "auto":
        return "bfloat16" if device.type == "cuda" else "float32"
    return name


def open_policy(
    model: str, domains: Sequence[Domain], *, seed: int = 0, device: str = "auto", dtype: str = "auto", **options: Any
) -> Policy:
    """The policy of a model path, or of "tiny", whose tokenizer is trained on the environments' own text.

    Raises:
        OSError: if there is no model at that path, with what to try.
    """
    where = prepare_device(device)
    dtype = pick_dtype(dtype, where)
    if model == "tiny":
        from ludex.agents import tiny

        tokenizer = tiny.build_tokenizer(tiny.corpus(_texts(domain) for domain in domains))
        network = tiny.build_model(tokenizer, seed=seed)
    else:
        network, tokenizer = load_model(model, dtype)
    return Policy(network, tokenizer, device=where, dtype=dtype, seed=seed, **options)


def _texts(domain: Domain) -> Any:
    """Tasks of a Ludex environment; of any other one, its first observation over and over."""
    try:
        return task_source(domain.id, **domain.options)
    except (KeyError, TypeError):
        return _Observations(domain)


class _Observations:
    """What a foreign environment says at reset, in the shape of a task source."""

    def __init__(self, domain: Domain):
        self.env = make(domain.id, **domain.options)

    def __getitem__(self, index: int) -> Any:
        from ludex.core import Task

        observation, info = self.env.reset(seed=index)
        return Task(str(observation), None, "text", info={"solution": info.get("solution") or ""})
