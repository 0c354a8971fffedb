"""Decoder: one click becomes regions. A decoder replica owns the embeddings of its share of the images."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from deployments.aloud import said_aloud
from deployments.calls import call
from deployments.cpus import threads_each
from deployments.meters import Meters
from deployments.options import DecoderOptions
from deployments.parcels import Parcel
from embeddings.memory import MemoryTier
from embeddings.single_flight import SingleFlight
from protocol.click import Click
from protocol.options import RegionOptions
from protocol.regions import Region, encode
from segmenters.picking import ranked
from segmenters.resample import to_mask
from segmenters.segmenter import Segmenter
from values.embedding import Embedding
from values.image import ImageSource
from values.prompt import Prompt


@dataclass(frozen=True, slots=True)
class ClickAnswer:
    """What became of one click.

    ``regions``: results for Label Studio, RLE still as uint8 arrays. ``score``: mean of the masks' scores.
    ``warm``: the embedding was at hand. ``seconds``: wall time by stage.
    """

    regions: list[Region]
    score: float
    warm: bool
    seconds: dict[str, float]


class Decoder:
    """Holds the decoder half of a segmenter and the memory tier. Called with ``session_id = image key``, so
    that all clicks on an image reach the replica that holds its embedding."""

    def __init__(
        self,
        segmenter: Segmenter,
        options: DecoderOptions,
        regions: RegionOptions,
        fetcher: Any,
        encoder: Any,
    ) -> None:
        self._segmenter = segmenter
        with said_aloud():
            self._decoder = segmenter.load_decoder(threads_each(options.threads))
        self._options = options
        self._region_options = regions
        # The pixels and the embedding are megabytes: they travel through the object store, not in messages.
        self._fetcher = fetcher.options(_by_reference=True)
        self._encoder = encoder.options(_by_reference=True)
        self._memory = MemoryTier(options.cache_mib * 2**20)
        self._flights = SingleFlight[Embedding](options.max_waiters)
        self._threads = ThreadPoolExecutor(options.threads, thread_name_prefix="decode")
        self._meters = Meters()

    async def click(self, key: str, click: Click, parcel: Parcel) -> ClickAnswer:
        """The regions that the click's prompts ask for, from the embedding of the image ``key``.

        ``parcel``: the value of the click's image where it was too large to be sent along.
        """
        started = time.perf_counter()
        warm = key in self._memory
        embedding = await self._embedding(key, click.image, parcel)
        waited = time.perf_counter() - started
        answer = await asyncio.get_running_loop().run_in_executor(
            self._threads, self._decode, embedding, click, warm, waited
        )
        for stage, seconds in answer.seconds.items():
            self._meters.stage(stage, seconds)
        return answer

    async def warm(self, key: str, source: ImageSource, parcel: Parcel) -> bool:
        """See to it that the embedding is here; True if it already was."""
        warm = key in self._memory
        await self._embedding(key, source, parcel)
        return warm

    async def ready(self) -> str:
        """A sentence; returns only when this decoder and an encoder replica both answer."""
        return f"the decoder holds {len(self._memory)} images; {await self._encoder.ready.remote()}"

    async def _embedding(self, key: str, source: ImageSource, parcel: Parcel) -> Embedding:
        embedding = self._memory.get(key)
        self._meters.embedding("memory" if embedding is not None else "miss")
        if embedding is None:
            embedding = await self._flights.run(key, lambda: self._compute(key, source, parcel))
        return embedding

    async def _compute(self, key: str, source: ImageSource, parcel: Parcel) -> Embedding:
        def send() -> Any:
            pixels = self._fetcher.read.remote(source, self._segmenter.input, *parcel)
            return self._encoder.encode.remote(pixels)

        timeout_s = self._options.encode_timeout_s
        embedding: Embedding = await call(send, timeout_s=timeout_s, what="encoding the image")
        self._memory.put(key, embedding)
        self._meters.memory(self._memory.nbytes, len(self._memory))
        return embedding

    def _decode(self, embedding: Embedding, click: Click, warm: bool, waited: float) -> ClickAnswer:
        seconds = {"embedding": waited, "decode": 0.0, "resample": 0.0, "region": 0.0}
        regions: list[Region] = []
        scores: list[float] = []
        for prompt in click.prompts:
            region, score = self._decode_prompt(embedding, click, prompt, seconds)
            regions += region
            scores.append(score)
        return ClickAnswer(regions, sum(scores) / max(1, len(scores)), warm, seconds)

    def _decode_prompt(
        self, embedding: Embedding, click: Click, prompt: Prompt, seconds: dict[str, float]
    ) -> tuple[list[Region], float]:
        started = time.perf_counter()
        masks = self._decoder.decode(embedding, prompt)
        seconds["decode"] += time.perf_counter() - started
        shown = ranked(masks)[: None if self._options.candidates == "all" else 1]
        regions: list[Region] = []
        for logits, score in shown:
            before = time.perf_counter()
            mask = to_mask(logits, masks.frame, click.width, click.height)
            resampled = time.perf_counter()
            regions += encode(mask, score, click, self._region_options)
            seconds["resample"] += resampled - before
            seconds["region"] += time.perf_counter() - resampled
        return regions, shown[0][1]
