"""Several clicks as the models were trained for them: each answer refines the one before.

In Segment Anything's training every further click comes with the low-res logits of the answer to the clicks
before it as mask input (appendix A, "training algorithm", of its paper).
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from segmenters.candidates import ranked
from segmenters.many_prompts import segment_many
from segmenters.segmenter import Decoder
from values.embedding import Embedding
from values.masks import Masks
from values.prompt import Prompt

CHAIN, LATER_CHAIN = 16, 4
"""The longest chain of answers that build on each other, among the first ``CHAIN`` clicks and behind them. It
bounds the cost of an answer where none of the chain is kept: fifty clicks take four times as long as one."""

Logits = NDArray[np.float32]


class Kept(Protocol):
    """Low-res logits by name, some of which may be forgotten at any time."""

    def get(self, name: str) -> Logits | None:
        """The logits, or None."""

    def put(self, name: str, logits: Logits) -> None:
        """Keep the logits."""

    def drop_all(self, prefix: str) -> None:
        """Forget all logits whose names begin with ``prefix``."""


class Refiner:
    """Decodes prompts with the help of the answers to their first clicks. Several threads may call at once.

    The answer depends on the image and the prompt alone: answers that are not ``kept`` are decoded again.
    """

    def __init__(self, decoder: Decoder, kept: Kept) -> None:
        self._decoder = decoder
        self._kept = kept
        self._lock = threading.Lock()

    def decode(self, key: str, embedding: Embedding, prompt: Prompt) -> Masks:
        """The candidate masks for ``prompt`` on the image ``key``. Raises what the decoder raises.

        ``key``: of the image and its content; what was kept for another content must not refine it.
        """
        counts = _chain(prompt)
        if not counts:
            return self._kept_of(key, prompt, self._decoder.decode(embedding, prompt))
        names = {count: _name(key, prompt, count) for count in counts}
        begun, low_res = self._newest(names)
        for count in counts:
            if count > begun:
                earlier = _beginning(prompt, count, low_res)
                low_res = _best(self._decoder.decode(embedding, earlier))
                with self._lock:
                    self._kept.put(names[count], low_res)
        return self._kept_of(key, prompt, self._decoder.decode(embedding, replace(prompt, low_res=low_res)))

    def decode_many(self, key: str, embedding: Embedding, prompts: Sequence[Prompt]) -> Iterator[Masks]:
        """The same for each prompt, in order; those without earlier answers are computed together."""
        first = (prompt for prompt in prompts if not _chain(prompt))
        answers = segment_many(self._decoder, embedding, first)
        for prompt in prompts:
            if _chain(prompt):
                yield self.decode(key, embedding, prompt)
            else:
                yield self._kept_of(key, prompt, next(answers))

    def forget(self, key: str) -> None:
        """Forget all answers on images whose keys begin with ``key``."""
        with self._lock:
            self._kept.drop_all(key)

    def _kept_of(self, key: str, prompt: Prompt, answer: Masks) -> Masks:
        """``answer``, once it is kept for the clicks that will follow those of ``prompt``."""
        if _builds(prompt):
            with self._lock:
                self._kept.put(_name(key, prompt, len(prompt.points)), _best(answer))
        return answer

    def _newest(self, names: dict[int, str]) -> tuple[int, Logits | None]:
        """How many clicks the newest answer that is kept had, and its logits; (-1, None) if there is none."""
        with self._lock:
            for count in reversed(names):
                low_res = self._kept.get(names[count])
                if low_res is not None:
                    return count, low_res
        return -1, None


def _best(masks: Masks) -> Logits:
    """The best candidate's logits, in memory of their own: a view would keep those of all candidates."""
    return ranked(masks)[0][0].copy()


def _builds(prompt: Prompt) -> bool:
    """Whether answers to such prompts build on each other: a drawn mask is not refined, but decoded anew."""
    return prompt.mask is None and prompt.low_res is None


def _chain(prompt: Prompt) -> range:
    """How many clicks each of the answers had that the answer to ``prompt`` builds on."""
    return range(_first(prompt), len(prompt.points)) if _builds(prompt) else range(0)


def _first(prompt: Prompt) -> int:
    """How many clicks the first answer of the chain has: a box needs none, else one must be positive.

    A long list of clicks begins a new chain behind ``CHAIN`` of them, and after every ``LATER_CHAIN``.
    """
    clicks = len(prompt.points)
    positive = np.flatnonzero(prompt.labels == 1)
    least = 0 if prompt.box is not None else int(positive[0]) + 1 if len(positive) else clicks
    return max(least, (clicks - 1) // LATER_CHAIN * LATER_CHAIN + 1) if clicks > CHAIN else least


def _beginning(prompt: Prompt, count: int, low_res: Logits | None) -> Prompt:
    return replace(prompt, points=prompt.points[:count], labels=prompt.labels[:count], low_res=low_res)


def _name(key: str, prompt: Prompt, count: int) -> str:
    """The image, and the beginning of the prompt as a digest."""
    digest = hashlib.sha256(f"{count}\n{prompt.box is not None}\n".encode())
    for array in (prompt.box, prompt.points[:count], prompt.labels[:count]):
        if array is not None:
            digest.update(np.ascontiguousarray(array).tobytes())
    return f"{key} {digest.hexdigest()}"
