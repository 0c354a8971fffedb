"""Decoder: one click becomes regions. A decoder replica owns the embeddings of its share of the images."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from deployments.box_decoder import BoxDecoder
from deployments.calls.large_values import Reference
from deployments.calls.neighbours import Neighbours, Slot, neighbours
from deployments.click_decoder import ClickDecoder
from deployments.compute_threads import threads_each
from deployments.decode_queue import DecodeQueue
from deployments.embedding_cache import EmbeddingCache
from deployments.everything_decoder import EverythingDecoder
from deployments.found_masks import FoundMasks
from deployments.found_tier import Finding, FoundTier
from deployments.metrics import Metrics
from deployments.observability import observe
from deployments.options import DecoderOptions
from deployments.prepared_images import PreparedImages
from deployments.replica_log import said_aloud
from deployments.scaling import LOAD, ROOM, room
from embeddings.durable import DurableTier
from embeddings.options import DurableOptions
from embeddings.sweep_schedule import OFTEN_S
from protocol.click import Click
from protocol.everything import WholePicture
from protocol.finding import NO_FINDER, Find
from protocol.options import RegionOptions
from protocol.picture_size import check_same_picture
from segmenters.automatic.filters import Filters, nature_of
from segmenters.segmenter import EmbeddingModel, Segmenter, TakesIdleCores
from values.box_masks import BoxMasks
from values.click_answer import Busy, ClickAnswer
from values.cores import ONE_MACHINE, usable_cores
from values.embedding import Embedding
from values.errors import BadPrompt, BadRequest
from values.image import ImageSource
from values.priority import Priority

T = TypeVar("T")

HANDOVER_SWEEP_S = 30.0
"""The folder for a handover is small, and on a disk that others need: it is kept within its bound closely."""


class Decoder:
    """Holds the decoder half of a segmenter and the memory tier. Called with ``session_id = image key``, so
    that all clicks on an image reach the replica that holds its embedding."""

    def __init__(
        self,
        segmenter: Segmenter,
        options: DecoderOptions,
        regions: RegionOptions,
        durable: DurableOptions,
        fetcher: Any,
        encoder: Any,
        finding: Finding | None = None,
        finder: Any = None,
    ) -> None:
        """``finding``, ``finder``: where things are found by phrases and examples, and the deployment."""
        observe()
        self._segmenter = segmenter
        with said_aloud():
            model = segmenter.load_decoder(threads_each(options.threads))
            if isinstance(model, TakesIdleCores):
                model.take_idle_cores(threads_each(1))
        self._options = options
        self._encoder = encoder
        self._metrics = Metrics()
        others = neighbours()

        def cache(
            model: EmbeddingModel, options: DecoderOptions, encoder: Any, metrics: Metrics
        ) -> EmbeddingCache:
            return EmbeddingCache(
                model,
                options,
                _tier(durable, model.version, others),
                fetcher,
                encoder,
                metrics,
                lasting=durable.durable is not None,
                neighbours=others,
            )

        self._cache = cache(segmenter, options, encoder, self._metrics)
        self._found: FoundTier | None = None
        if finding is not None:
            # Its boxes need float32: what float16 saves of 300 kB is nothing beside an embedding.
            kept = {"cache_mib": finding.options.found_mib, "cache_precision": "float32"}
            metrics = self._metrics.of_found()
            seen = cache(finding.detector, options.model_copy(update=kept), finder, metrics)
            self._found = FoundTier(finding, finder, seen, metrics)
        self._slot = Slot()
        self._queue = DecodeQueue(options.threads, options.max_wait_s)
        self._clicks = ClickDecoder(segmenter, model, options, regions, self._metrics, self._queue)
        self._boxes = BoxDecoder(self._clicks.alone, regions, self._queue, options.threads)
        self._prepared = PreparedImages(
            model, options.prepared_mib, self._boxes.behind, self._cache.__contains__
        )
        self._points = options.everything_points or nature_of(segmenter).points
        filters = Filters.of(segmenter, options)
        self._everything = EverythingDecoder(self._clicks.alone, regions, filters, self._boxes.behind)
        self._found_masks = (
            None
            if self._found is None
            else FoundMasks(self._found, self._cache, self._boxes, segmenter.version, self._queue)
        )
        one_machine = bool(os.environ.get(ONE_MACHINE))
        self._room = room(options.threads, usable_cores(), one_machine=one_machine)
        # Serve awaits it of the instance when it stops a replica. Python calls that of a class, for every
        # object, where nobody can await it.
        self.__del__ = self._leave

    async def click(self, key: str, click: Click, reference: Reference, left_s: float) -> ClickAnswer | Busy:
        """The regions that the click's prompts ask for, from the embedding of the image ``key``; or that too
        many clicks wait to be decoded. Those that wait for their image are none of them.

        ``reference``: to the value of the click's image where it was too large to be sent along.
        ``left_s``: for so many seconds somebody waits. Raises ImageDiffers where the click is on a picture
        of another shape, and what reading the image raises.
        """
        started = time.perf_counter()
        warm = key in self._cache
        embedding = await self._cache.get(key, click.image, reference, Priority.CLICK, left_s)
        check_same_picture((click.width, click.height), (embedding.width, embedding.height))
        waited = time.perf_counter() - started
        if self._queue.full:
            return Busy(self._queue.state)
        prepared = self._prepared.of(key, embedding)
        begun = time.perf_counter()
        answer = await self._queue.run(self._clicks.answer, key, prepared, click, warm, waited, begun)
        self._prepared.clicked(key, embedding)
        return answer

    async def find(self, key: str, find: Find, reference: Reference, left_s: float) -> ClickAnswer:
        """The regions of all things on the image ``key`` that ``find`` asks for, the best first.

        Their masks are decoded behind clicks: there may be as many as in a minute of clicks. Raises BadPrompt
        where nothing finds or what is asked for cannot be looked for, and what ``click`` raises.
        """
        if self._found_masks is None:
            raise BadPrompt(NO_FINDER)
        return await self._found_masks.answer(key, find, reference, left_s)

    async def find_masks(
        self, key: str, find: Find, reference: Reference, left_s: float, priority: Priority
    ) -> BoxMasks:
        """The masks of all things on the image ``key`` that ``find`` asks for, the best first, behind all
        clicks that somebody waits for. Raises what ``find`` raises.
        """
        if self._found_masks is None:
            raise BadPrompt(NO_FINDER)
        return await self._found_masks.masks(key, find, reference, left_s, priority)

    async def example(
        self,
        key: str,
        source: ImageSource,
        box: tuple[float, float, float, float],
        reference: Reference,
        left_s: float,
        priority: Priority,
    ) -> tuple[str, NDArray[np.float32]]:
        """The version of the detector, and the query for what is in ``box`` on the image ``key``.

        Raises BadPrompt where nothing finds, or the detector sees nothing there, and what ``click`` raises.
        """
        if self._found is None:
            raise BadPrompt(NO_FINDER)
        query = await self._found.example(key, source, box, reference, priority, left_s)
        return self._found.version, query

    async def annotate(
        self,
        key: str,
        click: Click,
        reference: Reference,
        left_s: float,
        priority: Priority,
        keep: bool,
    ) -> BoxMasks:
        """The masks that the click's prompts ask for, behind all clicks that somebody waits for.

        ``keep``: whether more of this image will be asked for, so that its embedding is kept in memory.
        Raises what ``click`` raises.
        """
        find = self._cache.get if keep else self._cache.use
        embedding = await find(key, click.image, reference, priority, left_s)
        check_same_picture((click.width, click.height), (embedding.width, embedding.height))
        return await self._boxes.masks(embedding, click, self._segmenter.version)

    async def everything(
        self, key: str, picture: WholePicture, reference: Reference, left_s: float, priority: Priority
    ) -> BoxMasks:
        """The masks of everything in a picture, the best first, behind all clicks that somebody waits for.

        Raises DeadlineExceeded where that takes longer than ``left_s``, and goes on with what is done when it
        is asked again; else what ``click`` raises.
        """
        until = time.monotonic() + left_s
        embedding = await self._cache.use(key, picture.image, reference, priority, left_s)
        points = picture.points or self._points
        return await self._everything.masks(key, embedding, picture, points, until)

    async def warm(
        self,
        key: str,
        source: ImageSource,
        reference: Reference,
        priority: Priority,
        left_s: float,
        find: bool = False,
    ) -> bool:
        """See to it that the embedding of the image as it is now is here; True if it already was.

        ``find``: what a detector sees in it as well, once the embedding is here.
        """
        warm = await self._cache.renew(key, source, reference, priority, left_s)
        if find and self._found is not None:
            warm &= await self._found.cache.renew(key, source, reference, priority, left_s)
        return warm

    async def store(
        self, key: str, source: ImageSource, reference: Reference, left_s: float, find: bool = False
    ) -> bool:
        """See to it that the embedding is in the durable tier; True if it already was.

        ``find``: what a detector sees in the image as well. Raises BadRequest where there is no detector.
        """
        if find and self._found is None:
            raise BadRequest("no detector looks at images here; set FINDER, as to owlv2_base, and restart it")
        stored = await self._cache.store(key, source, reference, left_s)
        if find and self._found is not None:
            stored &= await self._found.cache.store(key, source, reference, left_s)
        return stored

    async def forget(self, key: str) -> bool:
        """Let go of the embedding of the image ``key`` wherever it is kept; whether there was one.

        Raises NotKept where it may still be in the durable tier, or in another decoder's memory.
        """
        self._forget_answers(key)
        # The durable tier forgets what all models made of it, and neighbours what both have in memory.
        found = self._found is not None and self._found.cache.forget_here(key)
        return await self._cache.forget(key) or found

    async def hand_over(self, key: str, version: str) -> Embedding | None:
        """For the replica that owns the image ``key`` now: its embedding, if it is of the model ``version``.

        This one keeps it no longer. None where it has none. ``version``: of the segmenter or the detector.
        """
        if self._found is not None and version == self._found.version:
            return self._found.cache.let_go(key)
        return self._cache.let_go(key) if version == self._segmenter.version else None

    async def let_go(self, key: str) -> bool:
        """For the replica that is told to forget the image ``key``: keep nothing of it in memory; whether
        there was anything."""
        self._forget_answers(key)
        found = self._found is not None and self._found.cache.forget_here(key)
        return self._cache.forget_here(key) or found

    async def take_in(self, key: str, embedding: Embedding, room_only: bool) -> bool:
        """From a replica that is stopped: the embedding of the image ``key``, which this one owns now, or
        what a detector saw in it. False where it has no place for it: ``room_only`` says that no other one
        may leave for it."""
        if self._found is not None and embedding.segmenter == self._found.version:
            return await self._found.cache.take_in(key, embedding, room_only=room_only)
        return await self._cache.take_in(key, embedding, room_only=room_only)

    async def ready(self) -> str:
        """A sentence; returns only when this decoder answers, and a replica of each that computes for it."""
        said = f"the decoder holds {len(self._cache)} images; {await self._encoder.ready.remote()}"
        return said if self._found is None else f"{said}; {await self._found.ready()}"

    async def check_health(self) -> None:
        """Called by Serve every few seconds. Raises DeviceFailed when what decodes is out of order."""
        self._cache.report()
        self._metrics.queue("decode", self._queue.inside)
        self._clicks.check_health()

    def record_replica_metadata(self) -> dict[str, float]:
        """Asked by Serve at the start: by it ``deployments.owner_router`` knows the slot of this replica."""
        return self._slot.metadata()

    def record_routing_stats(self) -> dict[str, float]:
        """The same where it has changed; asked by Serve now and then."""
        return self._slot.changed()

    def record_autoscaling_stats(self) -> dict[str, float]:
        """What ``deployments.scaling.by_clicks_in_decode`` goes by; asked by Serve twice a second."""
        return {LOAD: self._queue.inside / self._options.threads, ROOM: self._room}

    def _forget_answers(self, key: str) -> None:
        """What the image's clicks left behind beside its embedding."""
        self._prepared.forget(key)
        self._clicks.forget(key)

    async def _leave(self) -> None:
        """Called by Serve when this replica is stopped, once it has answered what it had begun."""
        caches = [self._cache] if self._found is None else [self._cache, self._found.cache]
        await asyncio.gather(*(cache.leave() for cache in caches))


def _tier(durable: DurableOptions, version: str, others: Neighbours) -> DurableTier | None:
    """The tier behind the memory of one model's embeddings, if there is one."""
    place = durable.tier()
    if place is None:
        return None
    often_s = OFTEN_S if durable.durable else HANDOVER_SWEEP_S
    return DurableTier(place, version, often_s=often_s, writers=others.count)
