"""The decoder half of the Segment Anything family: prompts become candidate masks."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import Protocol

import numpy as np

from segmenters.architectures import LOW_RES, SIDE, Family
from segmenters.candidates import Logits, candidates
from segmenters.runtimes.idle_cores import WhereIdle
from segmenters.runtimes.session import Session
from segmenters.sam.inputs import decoder_inputs, points_of
from segmenters.sam.prompt_batch import MOST_POINTS, WINDOW, Answer, OneImage, Points, PromptBatch, chunks
from values.embedding import Embedding
from values.errors import ModelError, OutOfMemory
from values.masks import Frame, Masks
from values.prompt import Prompt

_ANSWER = ("low_res_masks", "iou_predictions")


class DecoderSessions(Protocol):
    """Opens further sessions of a decoder half. Each raises ``values.errors.ModelError``."""

    def click(self, threads: int) -> Session | None:
        """One for a click, which so many threads compute; None where it is not threads that compute it."""
        ...

    def batch(self, threads: int, most: int) -> PromptBatch | None:
        """Those for many prompts on one image; None for a decoder that takes one at a time.

        ``threads`` compute a call, and ``most`` one that is alone while so many cores idle.
        """
        ...


class SamDecoder:
    """Decodes prompts in a session of its runtime."""

    def __init__(
        self,
        session: Session,
        family: Family,
        version: str,
        sessions: DecoderSessions | None = None,
        threads: int = 1,
    ) -> None:
        """``threads`` compute a call of ``session``. Without ``sessions`` that is all it has."""
        self._session = session
        self._family = family
        self._version = version
        self._sessions = sessions
        self._threads = self._most = threads
        self._batch: PromptBatch | None = None
        self._lock = threading.Lock()

    def take_idle_cores(self, threads: int) -> None:
        """From now on a call that is alone is computed by ``threads`` threads while so many cores idle."""
        wide = None if self._sessions is None or threads <= self._threads else self._sessions.click(threads)
        if wide is not None:
            self._session, self._most = WhereIdle(self._session, wide, threads), threads

    def decode(self, embedding: Embedding, prompt: Prompt) -> Masks:
        """Three candidates for a single click or box, one for several prompts, of 256 x 256 logits.

        Raises ``values.errors.ModelError`` for an embedding of another segmenter and when the model
        cannot run.
        """
        self._check(embedding)
        return self._masks(embedding, prompt, *self._answer(embedding, prompt))

    def prepared(self, embedding: Embedding) -> Embedding | None:
        """As ``segmenters.segmenter.PreparesImages``, for prompts without a mask."""
        self._check(embedding)
        batch = self._opened_batch()
        if batch is None or not batch.shared_in_place:
            return None
        return replace(embedding, arrays={**embedding.arrays, **batch.of(embedding.arrays).shared})

    def decode_many(self, embedding: Embedding, prompts: Iterable[Prompt]) -> Iterator[Masks]:
        """As ``segmenters.many_prompts.segment_many``: prompts that are alike are computed ``CHUNK`` at once.

        Those with a mask are decoded one by one, because each changes the whole image for itself.
        """
        self._check(embedding)
        image: OneImage | None = None
        waiting = iter(prompts)
        while window := list(islice(waiting, WINDOW)):
            asked = [self._points(prompt, embedding) for prompt in window]
            together = chunks(asked)
            ahead: dict[int, Answer] = {}
            for number, prompt in enumerate(window):
                if number in together and (batch := self._opened_batch()) is not None:
                    alike = together[number]
                    with suppress(OutOfMemory):  # one by one they may fit
                        image = image or batch.of(embedding.arrays)
                        ahead |= zip(alike, image.answers([asked[each] for each in alike]), strict=True)
                answer = ahead.pop(number, None)
                yield self._masks(embedding, prompt, *(answer or self._answer(embedding, prompt)))

    def _answer(self, embedding: Embedding, prompt: Prompt) -> Answer:
        """The prompt's, computed by itself."""
        arrays = embedding.arrays
        if self._batch is not None and (image := self._batch.prepared(arrays)) is not None:
            points = self._points(prompt, embedding)
            if points is not None and len(points[1]) <= MOST_POINTS:
                return next(image.answers([points]))
            arrays = {name: array for name, array in arrays.items() if name not in self._batch.shared}
        asked = decoder_inputs(prompt, embedding, self._family)
        answer = self._session.run({**arrays, **asked}, _ANSWER)
        low_res, scores = (np.asarray(answer[name][0], np.float32) for name in _ANSWER)
        return low_res, scores

    def _check(self, embedding: Embedding) -> None:
        if embedding.segmenter != self._version:
            raise ModelError(
                f"the decoder of {self._version} cannot read an embedding made by {embedding.segmenter}"
            )

    def _points(self, prompt: Prompt, embedding: Embedding) -> Points | None:
        """The points of a prompt that is only these, or None."""
        if prompt.mask is not None or prompt.low_res is not None:
            return None
        return points_of(prompt, embedding, self._family)

    def _opened_batch(self) -> PromptBatch | None:
        """What computes several prompts at once, opened when it is first asked for."""
        if self._batch is None and self._sessions is not None:
            with self._lock:
                if self._batch is None:
                    self._batch = self._sessions.batch(self._threads, self._most)
        return self._batch

    def _masks(self, embedding: Embedding, prompt: Prompt, low_res: Logits, scores: Logits) -> Masks:
        return Masks(*candidates(low_res, scores, prompt, self._family), self._frame(embedding))

    def _frame(self, embedding: Embedding) -> Frame:
        """SAM 2 resamples its logits in one step, SAM by way of the padded canvas."""
        if self._family.as_sam2:
            return Frame(None, (LOW_RES, LOW_RES))
        return Frame((SIDE, SIDE), (embedding.input_height, embedding.input_width))
