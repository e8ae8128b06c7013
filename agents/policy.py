"""A transformers causal language model as a policy: logits to sample from, log-probabilities to learn from.

The learner never builds a `[B, T, V]` tensor: only sampled positions go through
the LM head, in chunks that are recomputed in the backward pass. A prompt that
several rows share is forwarded once, with gradients, by filling a KV cache and
repeating it; the result is exact and needs no kernel.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ludex.agents.algorithms.base import Forward
from ludex.agents.batch import Batch
from ludex.agents.engine import left_pad

CHUNK_ELEMENTS = 1 << 25  # logits held at a time, 128 MiB in float32


class Policy(nn.Module):
    """The model being trained, its tokenizer, and (if an algorithm needs one) its value head.

    Args:
        model: a transformers causal LM.
        tokenizer: its tokenizer.
        device: where it lives.
        dtype: "float32", or "bfloat16" for autocast over float32 weights.
        critic: give it a value head: one linear layer on the last hidden state,
            zero at first, trained together with the trunk.
        gradient_checkpointing: recompute activations; excludes shared prompts,
            because transformers then silently ignores the cache.
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
        chunk: int = CHUNK_ELEMENTS,
    ):
        super().__init__()
        self.model, self.tokenizer, self.device = model.to(device), tokenizer, torch.device(device)
        self.dtype, self.chunk = dtype, chunk
        self.value_head = nn.Linear(model.config.hidden_size, 1, device=device) if critic else None
        if self.value_head is not None:
            nn.init.zeros_(self.value_head.weight)
            nn.init.zeros_(self.value_head.bias)
        self.share_prompts = not gradient_checkpointing and not _slides(model.config)
        self._recomputed = _checkpointed_layers(model) if gradient_checkpointing else []
        model.eval()
        self._check_head()

    @property
    def stops(self) -> set[int]:
        """Token ids that end a response, from the generation config."""
        ids = self.model.generation_config.eos_token_id
        return set() if ids is None else {ids} if isinstance(ids, int) else set(ids)

    def autocast(self) -> AbstractContextManager[None]:
        """The precision that every forward runs in."""
        if self.dtype == "float32":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Evaluation mode without gradients for the length of a block."""
        training = self.model.training
        self.model.eval()
        try:
            with torch.no_grad(), self.autocast():
                yield
        finally:
            self.model.train(training)

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

    def step_mask(self, mask: Tensor) -> Tensor:
        """The mask [R, P] for decoding one more token, in the shape that costs least.

        transformers looks from the host at a two-dimensional mask at every call and takes
        a four-dimensional one as it is; layers that keep a window need the former.
        """
        plain = self.model.config._attn_implementation == "sdpa" and not _slides(self.model.config)
        return mask.bool()[:, None, None] if plain else mask

    def prefill(self, tokens: Tensor, mask: Tensor | None, position: Tensor) -> tuple[Tensor, Any]:
        """Hidden states [R, P, H] of left-padded prompts, and the cache that they filled."""
        from transformers import DynamicCache

        cache = DynamicCache(config=self.model.config)
        return self.hidden(tokens, mask, position, cache), cache

    def forward(self, b: Batch, temperature: float = 1.0, entropy: bool = False) -> Forward:
        """Score the sampled tokens of a batch, with gradients where they are enabled.

        Args:
            b: rows on this policy's device.
            temperature: the sampler's; log-probabilities are of the tempered distribution.
            entropy: also compute the entropy of every next-token distribution.
        """
        with self.autocast(), self._recomputing():
            states, start = self._shared_states(b) if self._worth_sharing(b) else self._plain_states(b)
        # State j of a row is the state before token `start + j`.
        width = states.shape[1]
        index = start[:, None] + torch.arange(width, device=self.device)[None]  # [B, S]
        inside = index.clamp(max=b.tokens.shape[1] - 1)
        sampled = (index < b.length[:, None]) & b.mask.gather(1, inside).bool()
        logp, ent = self._score(states[sampled], b.tokens.gather(1, inside)[sampled], temperature, entropy)
        blank = torch.zeros_like(b.old_logp)
        rows = torch.arange(len(b), device=self.device)[:, None].expand_as(index)
        where = (rows[sampled], index[sampled])
        value = blank
        if self.value_head is not None:
            wanted = sampled | (index == b.length[:, None])
            value = blank.index_put((rows[wanted], index[wanted]), self.value_head(states[wanted].float())[:, 0])
        return Forward(blank.index_put(where, logp), blank.index_put(where, ent), value)

    def _worth_sharing(self, b: Batch) -> bool:
        if not self.share_prompts or len(b) < 2:
            return False
        distinct = dict(zip(b.shared.tolist(), b.prompt.tolist(), strict=True))
        saved = int(b.prompt.sum()) - sum(distinct.values())
        return saved * 10 > int(b.length.sum())

    def _plain_states(self, b: Batch) -> tuple[Tensor, Tensor]:
        """States before tokens 1, 2, ...: [B, T, H], and the index of the first."""
        width = int(b.length.max())
        states = self.hidden(b.tokens[:, :width], None, None)
        return states, torch.ones(len(b), dtype=torch.long, device=self.device)

    def _shared_states(self, b: Batch) -> tuple[Tensor, Tensor]:
        """States before each row's first token after the prompt, and those behind it, [B, S, H]; the first index."""
        _, number = torch.unique(b.shared, return_inverse=True)
        heads = [int((number == i).nonzero()[0, 0]) for i in range(int(number.max()) + 1)]
        prompts = [tuple(b.tokens[row, : int(b.prompt[row])].tolist()) for row in heads]
        padded, mask, position = left_pad(prompts, self.device)
        prompt_states, cache = self.prefill(padded, mask, position)
        cache.batch_select_indices(number)
        width = int((b.length - b.prompt).max())
        index = b.prompt[:, None] + torch.arange(width, device=self.device)[None]
        suffix = b.tokens.gather(1, index.clamp(max=b.tokens.shape[1] - 1))
        if self.value_head is None:  # only a critic looks behind the last token
            suffix, index = suffix[:, :-1], index[:, :-1]
        last = prompt_states[number, -1:]
        if suffix.shape[1] == 0:
            return last, b.prompt
        whole = None if mask is None else torch.cat([mask[number], torch.ones_like(suffix)], 1)
        return torch.cat([last, self.hidden(suffix, whole, index, cache)], 1), b.prompt

    def _score(self, states: Tensor, ids: Tensor, temperature: float, entropy: bool) -> tuple[Tensor, Tensor]:
        """Log-probability [N] and entropy [N] (zero unless asked for) of tokens sampled after `states` [N, H]."""

        def chunk(h: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
            with self.autocast():
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


def _slides(config: Any) -> bool:
    """Whether some layer's cache forgets, so that a repeated prompt cache would not be exact."""
    from transformers.cache_utils import DynamicCache, DynamicLayer

    return any(type(layer) is not DynamicLayer for layer in DynamicCache(config=config).layers)


def _checkpointed_layers(model: Any) -> list[nn.Module]:
    """The layers that will recompute their activations; ValueError if the model cannot."""
    from transformers.modeling_layers import GradientCheckpointingLayer

    # Older releases of transformers know the second name only.
    enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
    enable()
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


def load_model(path: str, **options: Any) -> tuple[Any, Any]:
    """Model (float32) and tokenizer of a local folder or a hub id; remote code is never executed.

    Raises:
        OSError: if there is no such model.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if (path.count("/") > 1 or path.startswith((".", "/"))) and not Path(path).exists():  # no hub id looks so
        raise OSError(f"there is no model folder {path!r}")
    try:
        with _without_bars():
            tokenizer = AutoTokenizer.from_pretrained(path, trust_remote_code=False)
            model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, trust_remote_code=False, **options)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise OSError(f"no model could be loaded from {path!r} (a folder, a hub id or 'tiny'): {reason}") from error
    return model, tokenizer


def save_model(policy: Policy, folder: str | Path) -> None:
    """Write a transformers folder that anyone can load."""
    with _without_bars():
        policy.model.save_pretrained(folder)
    policy.tokenizer.save_pretrained(folder)
