"""What a decoder computes of prompts on an image: the answer to a click, and masks that nothing builds on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from deployments.decode_queue import DecodeQueue
from deployments.device_health import DeviceHealth
from deployments.metrics import Metrics
from deployments.options import DecoderOptions
from deployments.tracing import span
from embeddings.memory import MemoryTier, exact
from protocol.click import Click
from protocol.controls import Output
from protocol.options import RegionOptions
from protocol.regions import encode
from segmenters.candidates import ranked
from segmenters.many_prompts import segment_many
from segmenters.refining import Refiner
from segmenters.resample import to_mask
from segmenters.segmenter import Decoder, Segmenter
from values.click_answer import ClickAnswer, Region
from values.embedding import Embedding
from values.errors import DeviceFailed
from values.masks import Masks
from values.prompt import Prompt

T = TypeVar("T")


class ClickDecoder:
    """Decodes with one model, in whichever thread it is called, and knows whether its device still works."""

    def __init__(
        self,
        segmenter: Segmenter,
        decoder: Decoder,
        options: DecoderOptions,
        regions: RegionOptions,
        metrics: Metrics,
        queue: DecodeQueue,
    ) -> None:
        """``decoder``: the loaded half of ``segmenter``. ``queue``: where clicks wait, which answers tell."""
        self._decoder = decoder
        self._version = segmenter.version
        self._options = options
        self._region_options = regions
        self._metrics = metrics
        self._queue = queue
        self._health = DeviceHealth()
        refines = options.refine and segmenter.refines
        self._refiner = Refiner(decoder, MemoryTier(options.refine_mib * 2**20)) if refines else None

    def answer(
        self, key: str, embedding: Embedding, click: Click, warm: bool, waited: float, queued: float
    ) -> ClickAnswer:
        """The regions that a click's prompts on the image ``key`` ask for.

        ``warm``, ``waited``: whether its embedding was in memory, and seconds until it was there. ``queued``:
        when the click began to wait for its thread, by ``time.perf_counter``. Raises what decoding raises.
        """
        queue = time.perf_counter() - queued
        seconds = {"embedding": waited, "queue": queue, "decode": 0.0, "resample": 0.0, "region": 0.0}
        with span("decode"):
            regions, scores = self._decode_prompts(key, exact(embedding), click, seconds)
        # Here and not where the caller waits: what is decoded for somebody who has left counts too.
        for stage, value in seconds.items():
            self._metrics.stage(stage, value)
        score = sum(scores) / max(1, len(scores))
        return ClickAnswer(regions, score, warm, seconds, self._version, self._queue.state)

    def _decode_prompts(
        self, key: str, embedding: Embedding, click: Click, seconds: dict[str, float]
    ) -> tuple[list[Region], list[float]]:
        regions: list[Region] = []
        scores: list[float] = []
        found = self._masks(key, embedding, click.prompts)
        for output, prompt in zip(click.outputs, click.prompts, strict=True):
            started = time.perf_counter()
            masks = self._judged(lambda: next(found), embedding)
            seconds["decode"] += time.perf_counter() - started
            region, score = self._encoded(masks, click, output, prompt, seconds)
            regions += region
            scores.append(score)
        return regions, scores

    def _encoded(
        self, masks: Masks, click: Click, output: Output, prompt: Prompt, seconds: dict[str, float]
    ) -> tuple[list[Region], float]:
        shown = ranked(masks)[: None if self._options.candidates == "all" else 1]
        regions: list[Region] = []
        for logits, score in shown:
            before = time.perf_counter()
            mask = to_mask(logits, masks.frame, click.width, click.height)
            resampled = time.perf_counter()
            regions += encode(mask, score, click, self._region_options, output, prompt)
            seconds["resample"] += resampled - before
            seconds["region"] += time.perf_counter() - resampled
        return regions, shown[0][1]

    def _masks(self, key: str, embedding: Embedding, prompts: Sequence[Prompt]) -> Iterator[Masks]:
        """Those of each prompt, computed as they are asked for."""
        if self._refiner is None:
            return segment_many(self._decoder, embedding, prompts)
        return self._refiner.decode_many(f"{key}{embedding.evidence}", embedding, prompts)

    def alone(self, embedding: Embedding, prompts: Iterable[Prompt]) -> Iterator[Masks]:
        """The masks of prompts that refine nothing, nor are refined. Raises what decoding raises."""
        found = segment_many(self._decoder, embedding, prompts)
        while (masks := self._judged(lambda: next(found, None), embedding)) is not None:
            yield masks

    def forget(self, key: str) -> None:
        """Keep no answer on images whose keys begin with ``key``."""
        if self._refiner is not None:
            self._refiner.forget(key)

    def check_health(self) -> None:
        """Raises DeviceFailed when what decodes is out of order."""
        self._health.check(self._queue.threads)

    def _judged(self, decode: Callable[[], T], embedding: Embedding) -> T:
        """What ``decode`` returns. Raises DeviceFailed where it is the device that fails."""
        try:
            masks = decode()
        except DeviceFailed as error:
            self._metrics.device_failed()
            raise self._health.judged(error, lambda: self._decoder.decode(*_nothing(embedding))) from None
        self._health.worked()
        return masks


def _nothing(embedding: Embedding) -> tuple[Embedding, Prompt]:
    """An embedding of that shape without content, and a click in its middle."""
    zeros = {name: np.zeros_like(array) for name, array in embedding.arrays.items()}
    return replace(embedding, arrays=zeros), Prompt(np.array([[0.5, 0.5]]), np.ones(1, np.int32))
