"""Sampling through transformers' continuous batching: a paged cache and a scheduler.

One manager is kept for the length of a run, with its cache and its CUDA graphs.
Its thread lives only inside `poll`, so that between two calls the model is as it
was: no thread, the caller's attention implementation, the caller's random state.

What it shares of equal prompts are whole pages of the cache. They outlive a
call, so `refresh` drops them: nothing computed by old weights is read again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from ludex.agents.sampling import Sample, Sampling, stream

PAGE = 256  # tokens; transformers' own choice, and what FlashAttention's paged kernels want
BATCH_TOKENS = 2048  # forwarded at once, at least


class TransformersEngine:
    """An `Engine` over a ContinuousBatchingManager.

    It computes in the dtype that the model's weights have. Its random stream is the
    engine's, seeded by `refresh` and a count of calls, not a row's own: the same calls
    give the same samples, but a row's depends on what it is batched with, and `key` has
    no effect. Nor have `keep` and `after`; a continued conversation finds its whole pages
    by itself.

    Args:
        policy: holds the model.
        stops: ids that end a response.
        batch: rows decoded together.
        page: tokens in a page of the cache.
    """

    def __init__(self, policy: Any, stops: Sequence[int], batch: int = 1024, page: int = PAGE):
        self.policy, self.stops, self.batch, self.page = policy, sorted(stops), batch, page
        self._queue: dict[int, tuple[list[int], Sampling]] = {}
        self._count = 0
        self._where = (0, 0)  # seed, and calls since it was set
        self._manager: Any = None
        self._made_for: tuple[float, float, int] | None = None
        self._blocks = 0

    def refresh(self, seed: int) -> None:
        """Forget all cached keys and values, and draw from the stream of `seed`."""
        self._where = (seed, 0)
        if self._manager is not None:
            self._manager.batch_processor.cache.reset()

    def submit(
        self, prompt: Sequence[int], sampling: Sampling, *, key: Sequence[int] = (), keep: bool = False, after: int = 0
    ) -> int:
        """Queue one response to `prompt`.

        Raises:
            ValueError: for an empty prompt, or a way of sampling that this engine does not have.
        """
        if not prompt:
            raise ValueError("an empty prompt: the model needs at least one token to continue")
        if sampling.min_p or sampling.stop:
            raise ValueError(
                f"the transformers engine knows neither min_p={sampling.min_p} nor stop={sampling.stop}; "
                "leave them out, or set compute.engine = 'local'"
            )
        self._count += 1
        self._queue[self._count] = (list(prompt), sampling)
        return self._count

    def release(self, handle: int) -> None:
        """Nothing is kept for a conversation."""

    def poll(self) -> dict[int, Sample]:
        """Answer everything queued that is sampled in the same way as the first.

        Raises:
            RuntimeError: one line, if transformers failed; nothing is answered in part.
        """
        if not self._queue:
            return {}
        kind = _kind(next(iter(self._queue.values()))[1])
        chosen = {handle: item for handle, item in self._queue.items() if _kind(item[1]) == kind}
        for handle in chosen:
            del self._queue[handle]
        device = self.policy.device
        seed, calls = self._where
        self._where = (seed, calls + 1)
        own_random_state = torch.random.fork_rng([device] if device.type == "cuda" else [])
        with own_random_state, self.policy.evaluating(), _paged_attention(self.policy.model):
            try:
                return self._answer(chosen, kind, stream(seed, calls))
            except BaseException:
                self._discard()
                raise

    def _answer(
        self, chosen: dict[int, tuple[list[int], Sampling]], kind: tuple[float, float, int], seed: int
    ) -> dict[int, Sample]:
        manager = self._ready(chosen, kind)
        manager.start()
        try:
            # All are handed over at once, between two steps: what is batched must not depend on the threads' pace.
            with manager.pause():
                torch.manual_seed(seed)
                for handle, (prompt, sampling) in chosen.items():
                    manager.add_request(prompt, str(handle), sampling.max_new_tokens, eos_token_id=self.stops)
        except RuntimeError as error:
            raise _failure(manager.background_thread_status.fatal_error or error) from error
        samples: dict[int, Sample] = {}
        while len(samples) < len(chosen):
            result = manager.get_result(timeout=1.0)
            if result is not None:
                samples[int(result.request_id)] = self._sample(result)
            elif not manager.is_running():
                raise _failure(manager.background_thread_status.fatal_error or "its thread ended early")
        manager.stop(keep_for_next_session=True)
        _forget(manager)
        return samples

    def _sample(self, result: Any) -> Sample:
        if result.error is not None or len(result.logprobs) != len(result.generated_tokens):
            raise _failure(result.error or "log-probabilities are missing")
        ids = list(result.generated_tokens)
        return Sample(ids, list(result.logprobs), cut=ids[-1] not in self.stops)

    def _ready(self, chosen: dict[int, tuple[list[int], Sampling]], kind: tuple[float, float, int]) -> Any:
        """The manager for this kind of sampling, with room for this much of it."""
        longest = max(len(prompt) + sampling.max_new_tokens for prompt, sampling in chosen.values())
        # One more page a row: a request asks for it before its last token is known to be its last.
        blocks = min(len(chosen), self.batch) * (math.ceil(longest / self.page) + 1)
        if self._manager is not None and self._made_for == kind and blocks <= self._blocks:
            return self._manager
        self._discard()
        self._blocks = blocks + blocks // 2  # conversations grow, and a new manager knows none of their pages
        self._manager, self._made_for = self._build(kind), kind
        return self._manager

    def _build(self, kind: tuple[float, float, int]) -> Any:
        from transformers import ContinuousBatchingConfig, GenerationConfig

        temperature, top_p, top_k = kind
        how = {"temperature": temperature, "top_p": top_p, "top_k": top_k} if temperature else {}
        size = ContinuousBatchingConfig(
            page_size=self.page,
            num_blocks=self._blocks,
            max_batch_tokens=max(BATCH_TOKENS, self.batch),
            max_requests_per_batch=self.batch,
            max_memory_percent=0.95,  # a ceiling: `num_blocks` says how much is taken
            return_logprobs=True,
            auto_switch_to_flash=False,  # it may fetch kernels from the hub: remote code
        )
        try:
            manager = self.policy.model.init_continuous_batching(
                GenerationConfig(do_sample=bool(temperature), eos_token_id=-1, **how), size
            )
        except ValueError as error:  # a kind of layer or of attention that it does not have
            raise _failure(error) from error
        if not hasattr(manager, "pause"):
            raise _failure("it needs transformers 5.23 or later")
        return manager

    def _discard(self) -> None:
        """End the thread, if it runs, and leave the model alone."""
        manager, self._manager = self._manager, None
        if manager is None:
            return
        if manager.is_running():
            manager.stop(hard_stop=True)
        manager.destroy()
        _forget(manager)


@contextmanager
def _paged_attention(model: Any) -> Iterator[None]:
    """For the length of a block an attention that can read pages: FlashAttention where it is installed and fits."""
    from transformers.utils import is_flash_attn_2_available

    before = model.config._attn_implementation
    flash = model.dtype != torch.float32 and model.device.type == "cuda" and model._supports_flash_attn
    chosen = "flash_attention_2" if flash and is_flash_attn_2_available() else before
    model.set_attn_implementation("paged|eager" if chosen == "eager" else chosen)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def _kind(sampling: Sampling) -> tuple[float, float, int]:
    """What one manager can do in one way only: temperature, top_p and top_k; at temperature 0 the others are idle."""
    return (sampling.temperature, sampling.top_p, sampling.top_k) if sampling.temperature else (0.0, 1.0, 0)


def _forget(manager: Any) -> None:
    """`stop` hangs the manager on the model, which then could not be copied or sent to another process."""
    vars(manager.model).pop("_cached_continuous_batching_manager", None)


def _failure(reason: object) -> RuntimeError:
    line = " ".join(str(reason).split())
    return RuntimeError(f"transformers' continuous batching failed: {line}; compute.engine = 'local' does without it")
