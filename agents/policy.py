"""A transformers causal language model as a policy: logits to sample from, log-probabilities to learn from.

The learner never builds a `[B, T, V]` tensor: only sampled positions go through
the LM head, in chunks that are recomputed in the backward pass. Rows are packed
side by side, without padding, and a prompt that several rows share is forwarded
once, with gradients; see `packing`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ludex.agents.algorithms.base import Forward
from ludex.agents.batch import Batch
from ludex.agents.lora import Adapters, LoraSettings
from ludex.agents.packing import NAME, Packing, can_pack, packed, packed_tokens, padded_tokens
from ludex.agents.precision import DTYPES, cast

CHUNK_ELEMENTS = 1 << 25  # logits held at a time, 128 MiB in float32


class Policy(nn.Module):
    """The model being trained, its tokenizer, and (if an algorithm needs one) its value head.

    Args:
        model: a transformers causal LM.
        tokenizer: its tokenizer.
        device: where it lives.
        dtype: of weights and arithmetic, "float32" or "bfloat16"; a value head stays in float32.
        critic: give it a value head: one linear layer on the last hidden state,
            zero at first, trained together with the trunk.
        gradient_checkpointing: recompute each layer's activations in the backward pass.
        lora: train low-rank adapters instead of the model; they need `seed`.
        chunk: logits held at a time.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        device: str | torch.device = "cpu",
        dtype: str = "float32",
        critic: bool = False,
        gradient_checkpointing: bool = False,
        lora: LoraSettings | None = None,
        seed: int = 0,
        chunk: int = CHUNK_ELEMENTS,
    ):
        super().__init__()
        cast(model, dtype)
        self.model, self.tokenizer, self.device = model.to(device), tokenizer, torch.device(device)
        self.dtype, self.chunk = dtype, chunk
        self.adapters = Adapters(model, lora, seed) if lora is not None and lora.rank else None
        self.value_head = nn.Linear(model.config.hidden_size, 1, device=device) if critic else None
        if self.value_head is not None:
            nn.init.zeros_(self.value_head.weight)
            nn.init.zeros_(self.value_head.bias)
        self.packs = can_pack(model)
        self._recomputed = _checkpointed_layers(model) if gradient_checkpointing else []
        model.eval()
        self._check_head()

    @property
    def stops(self) -> set[int]:
        """Token ids that end a response, from the generation config."""
        ids = self.model.generation_config.eos_token_id
        return set() if ids is None else {ids} if isinstance(ids, int) else set(ids)

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Evaluation mode without gradients for the length of a block; adapters are merged, and stay so."""
        if self.adapters is not None:
            self.adapters.merge()
        training = self.model.training
        self.model.eval()
        try:
            with torch.no_grad():
                yield
        finally:
            self.model.train(training)

    def trained_state(self) -> dict[str, Tensor]:
        """What training changes, by name: everything, or the adapters and the value head."""
        if self.adapters is None:
            return self.state_dict()
        return {name: weight.detach() for name, weight in self.named_parameters() if weight.requires_grad}

    def load_trained_state(self, state: dict[str, Tensor]) -> None:
        """Take back what `trained_state` gave."""
        if self.adapters is not None:
            self.adapters.unmerge()
        self.load_state_dict(state, strict=self.adapters is None)

    def logits(self, hidden: Tensor) -> Tensor:
        """[N, V] in float32 from [N, H]."""
        logits: Tensor = self.model.get_output_embeddings()(hidden)
        return logits.float()

    def hidden(self, tokens: Tensor, mask: Tensor | None, position: Tensor | None, cache: Any = None) -> Tensor:
        """Last hidden states [R, T, H]; `mask` [R, past + T] marks left padding, None if there is none."""
        out = self.model.base_model(
            input_ids=tokens,
            attention_mask=mask,
            position_ids=position,
            past_key_values=cache,
            use_cache=cache is not None,
        )
        states: Tensor = out.last_hidden_state
        return states

    def forward(self, b: Batch, temperature: float = 1.0, entropy: bool = False) -> Forward:
        """Score the sampled tokens of a batch, with gradients where they are enabled.

        Args:
            b: rows on this policy's device.
            temperature: the sampler's; log-probabilities are of the tempered distribution.
            entropy: also compute the entropy of every next-token distribution.
        """
        if self.adapters is not None:
            self.adapters.unmerge()
        with self._recomputing():
            states, place = self._packed_states(b) if self.packs else self._padded_states(b)
        before = place.roll(1, 1)  # a row's first token is never sampled
        index = torch.arange(b.tokens.shape[1], device=self.device)[None]
        sampled = b.mask.bool() & (index < b.length[:, None])
        logp, ent = self._score(states.index_select(0, before[sampled]), b.tokens[sampled], temperature, entropy)
        blank = torch.zeros_like(b.old_logp)
        value = blank
        if self.value_head is not None:
            wanted = sampled | (index == b.length[:, None])
            value = self.value_head(states.index_select(0, before[wanted]).float())[:, 0]
            value = blank.masked_scatter(wanted, value)
        return Forward(blank.masked_scatter(sampled, logp), blank.masked_scatter(sampled, ent), value)

    def count(self, b: Batch) -> Callable[[int, int], int]:
        """How many tokens a pass over the rows from one number to below another forwards."""
        return packed_tokens(b) if self.packs else padded_tokens(b)

    def _padded_states(self, b: Batch) -> tuple[Tensor, Tensor]:
        """States [B T, H] after every token, and where among them each token's is, [B, T]."""
        width = int(b.length.max())
        states = self.hidden(b.tokens[:, :width], None, None).flatten(0, 1)
        place = torch.arange(b.tokens.shape[1], device=self.device)[None]
        return states, place + width * torch.arange(len(b), device=self.device)[:, None]

    def _packed_states(self, b: Batch) -> tuple[Tensor, Tensor]:
        """States [N, H] after every token that one must look behind, and where each token's is, [B, T]."""
        pack = Packing(b, behind=self.value_head is not None)
        with packed(self.model):
            out = self.model.base_model(
                input_ids=pack.tokens[None], position_ids=pack.position[None], use_cache=False, packing=pack
            )
        return out.last_hidden_state[0], pack.place

    def _score(self, states: Tensor, ids: Tensor, temperature: float, entropy: bool) -> tuple[Tensor, Tensor]:
        """Log-probability [N] and entropy [N] (zero unless asked for) of tokens sampled after `states` [N, H]."""

        def chunk(h: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
            logits = self.logits(h) / temperature if temperature not in (0.0, 1.0) else self.logits(h)
            normaliser = logits.logsumexp(-1)
            logp = logits.gather(1, y[:, None])[:, 0] - normaliser
            if not entropy:
                return logp, torch.zeros_like(logp)
            p = (logits - normaliser[:, None]).exp()
            return logp, normaliser - (p * logits).sum(-1)

        size = max(1, self.chunk // self.model.config.get_text_config().vocab_size)
        chunks = zip(torch.split(states, size), torch.split(ids, size), strict=True)
        if len(ids) <= size or not torch.is_grad_enabled():
            parts = [chunk(h, y) for h, y in chunks]
        else:
            parts = [checkpoint(chunk, h, y, use_reentrant=False) for h, y in chunks]
        return torch.cat([logp for logp, _ in parts]), torch.cat([ent for _, ent in parts])

    @contextmanager
    def _recomputing(self) -> Iterator[None]:
        """Layers recompute only while they think they are trained; their dropout, in their children, stays off."""
        for layer in self._recomputed:
            layer.training = torch.is_grad_enabled()
        try:
            yield
        finally:
            for layer in self._recomputed:
                layer.training = False

    @torch.no_grad()
    def _check_head(self) -> None:
        """Refuse a model that does more than its LM head to get from hidden states to logits."""
        # By name first: the small logits of an untrained model would pass a comparison of values.
        capped = getattr(self.model.config.get_text_config(), "final_logit_softcapping", None)
        ids = torch.arange(4, device=self.device)[None] % self.model.config.get_text_config().vocab_size
        whole = self.model(input_ids=ids, use_cache=False).logits.float()
        own = self.logits(self.hidden(ids, None, None))
        if capped or not torch.allclose(whole, own, rtol=1e-3, atol=1e-4):
            raise ValueError(
                f"{type(self.model).__name__} changes its logits behind the LM head; it cannot be trained here"
            )


def _checkpointed_layers(model: Any) -> list[nn.Module]:
    """The layers that will recompute their activations; ValueError if the model cannot."""
    from transformers.modeling_layers import GradientCheckpointingLayer

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        # The backward pass runs a layer again when the model is no longer set to packed attention.
        return nullcontext(), packed(model) if model.config._attn_implementation == NAME else nullcontext()

    # Older releases of transformers know the second name only.
    enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
    enable({"use_reentrant": False, "context_fn": contexts})
    return [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]


@contextmanager
def _without_bars() -> Iterator[None]:
    """Transformers draws a progress bar for every file; a run has a view of its own."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def load_model(path: str, dtype: str = "float32", **options: Any) -> tuple[Any, Any]:
    """Model and tokenizer of a local folder or a hub id; remote code is never executed.

    Raises:
        OSError: if there is no such model.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if (path.count("/") > 1 or path.startswith((".", "/"))) and not Path(path).exists():  # no hub id looks so
        raise OSError(f"there is no model folder {path!r}")
    try:
        with _without_bars():
            tokenizer = AutoTokenizer.from_pretrained(path, trust_remote_code=False)
            model = AutoModelForCausalLM.from_pretrained(path, dtype=DTYPES[dtype], trust_remote_code=False, **options)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise OSError(f"no model could be loaded from {path!r} (a folder, a hub id or 'tiny'): {reason}") from error
    return model, tokenizer


def save_model(policy: Policy, folder: str | Path) -> None:
    """Write a transformers folder that anyone can load; adapters are merged into its weights."""
    with _without_bars():
        if policy.adapters is None:
            policy.model.save_pretrained(folder)
        else:
            with policy.adapters.merged_state() as state:
                policy.model.save_pretrained(folder, state_dict=state)
    policy.tokenizer.save_pretrained(folder)
