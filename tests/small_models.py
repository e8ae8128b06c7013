"""Two-layer models of several families, small enough for a test, and random rows for them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ludex.agents.algorithms.base import Algorithm
from ludex.agents.batch import Batch, collate
from ludex.agents.learner import Learner
from ludex.agents.policy import Policy
from ludex.agents.settings import OptimSettings
from ludex.core import Stop, Trajectory, Turn

VOCABULARY = 23
FAMILIES = ("qwen2", "qwen3", "llama")


def build_model(family: str = "qwen2", seed: int = 0, **changes: Any) -> Any:
    """A randomly initialised model whose every token matters."""
    import transformers

    names = {"qwen2": "Qwen2", "qwen3": "Qwen3", "llama": "Llama", "gemma2": "Gemma2", "mistral": "Mistral"}
    name = names.get(family, family)
    settings = {
        "vocab_size": VOCABULARY,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": 512,
        "initializer_range": 0.2,
        "tie_word_embeddings": False,
        "bos_token_id": None,
        "eos_token_id": None,
        "pad_token_id": None,
    }
    config = getattr(transformers, f"{name}Config")(**{**settings, **changes})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return getattr(transformers, f"{name}ForCausalLM")(config)


def build_policy(family: str = "qwen2", seed: int = 0, critic: bool = False, **options: Any) -> Policy:
    """A policy without a tokenizer; a critic's head is random rather than zero."""
    policy = Policy(build_model(family, seed), None, critic=critic, **options)
    if policy.value_head is not None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed + 1)
            torch.nn.init.normal_(policy.value_head.weight)
            torch.nn.init.normal_(policy.value_head.bias)
    return policy


def words(rng: random.Random, low: int, high: int) -> list[int]:
    return [rng.randrange(VOCABULARY) for _ in range(rng.randint(low, high))]


def random_trajectories(seed: int, groups: Sequence[int] = (4, 1, 3, 2), prompt: tuple[int, int] = (3, 14)) -> Any:
    """Ragged groups; a group shares its first prompt; some episodes have more turns, some of them windowed."""
    rng = random.Random(seed)
    out = []
    for group, size in enumerate(groups):
        start = words(rng, *prompt)
        for _ in range(size):
            context, turns = list(start), []
            for _ in range(rng.choice([1, 1, 2, 3])):
                action = words(rng, 1, 7)
                logps = [-rng.uniform(0.5, 4) for _ in action]
                reward = rng.choice([0.0, 0.1, 0.5, 1.0])
                turns.append(Turn("", "", reward, False, context, action, logps))
                windowed = rng.random() < 0.3
                context = words(rng, 2, 9) if windowed else context + action + words(rng, 0, 5)
            stop = rng.choice([Stop.TERMINATED, Stop.TRUNCATED])
            trajectory = Trajectory("random", group, turns=turns, stop=stop, threshold=0.75)
            trajectory.correct = trajectory.reward > 0.75
            out.append(trajectory)
    return out


def random_batch(seed: int, **options: Any) -> Batch:
    return collate(random_trajectories(seed, **options))


def sampled_logps(model: Any, prompt: Sequence[int], ids: Sequence[int], temperature: float = 1.0) -> list[float]:
    """Log-probabilities by the plainest possible forward pass: one row, no cache, dense logits."""
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([[*prompt, *ids]]), use_cache=False).logits[0].double()
    logp = (logits / temperature).log_softmax(-1)
    return [float(logp[len(prompt) + i - 1, token]) for i, token in enumerate(ids)]


def learner_of(
    algorithm: Algorithm, policy: Policy | None = None, temperature: float = 1.0, **settings: Any
) -> Learner:
    policy = policy or build_policy(critic="value" in algorithm.needs)
    return Learner(policy, algorithm, OptimSettings(**{"lr": 1e-3, **settings}), temperature, total_steps=10)


def weights(policy: Policy) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in policy.state_dict().items()}


def equal(one: dict[str, Tensor], two: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[name], two[name]) for name in one)
