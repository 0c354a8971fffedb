"""An image that has no embedding yet is read by a fetcher and encoded by an encoder."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from typing import Any

from concurrency.background import AheadPlaces
from concurrency.single_flight import Flight
from deployments.calls.call import call, prioritised
from deployments.calls.large_values import Reference, ReferenceLost
from deployments.metrics import Metrics
from segmenters.segmenter import EmbeddingModel
from values.embedding import Embedding
from values.errors import DeadlineExceeded, OtherVersion, Overloaded
from values.image import ImageSource
from values.priority import Priority

OTHER_VERSION_S = 2.0
"""For so long encoders of another version are asked again; this decoder may be the one that is replaced."""

REFUSED_S = 0.5
"""After so long what was refused because nobody waits for it is sent again."""


class EmbeddingMaker:
    """Asks fetchers and encoders, at the priority of whoever waits, until the flight's deadline ends it.

    ``ahead``: images that nobody waits for that are made at once.
    """

    def __init__(
        self, model: EmbeddingModel, fetcher: Any, encoder: Any, ahead: int, metrics: Metrics
    ) -> None:
        self._model = model
        # The pixels and the embedding are megabytes: they travel through the object store, not in messages.
        self._fetcher = fetcher.options(_by_reference=True)
        self._encoder = encoder.options(_by_reference=True)
        self._ahead = AheadPlaces(ahead)
        self._metrics = metrics

    async def make(self, flight: Flight, key: str, source: ImageSource, reference: Reference) -> Embedding:
        """The embedding, its arrays views of the object store. Raises what reading and encoding it raise.

        Raises OtherVersion where the encoders serve another version of the model.
        """
        began = time.perf_counter()
        async with self._ahead.of(flight) as place:
            self._metrics.waited("ahead", flight.priority, time.perf_counter() - began)
            while True:
                try:
                    pixels = await place.waiting_for(
                        prioritised(flight, self._reading(flight, key, source, reference))
                    )
                    return await prioritised(flight, self._encoding(key, pixels))
                except ReferenceLost:
                    continue  # together with the fetcher that had read the pixels
                except DeadlineExceeded:
                    # Its deadline was the flight's when the reading began; somebody may have joined since.
                    if _left_s(flight) <= 0:
                        raise
                except Overloaded:
                    # Nor is it sent again for those who have left: there may be any number of them.
                    if flight.priority.urgent or not flight.waiters:
                        raise
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(REFUSED_S):
                            await flight.becomes_urgent()

    def _reading(
        self, flight: Flight, key: str, source: ImageSource, reference: Reference
    ) -> Callable[[Priority], Coroutine[Any, Any, Reference]]:
        size, read = self._model.input, self._fetcher.read

        async def reading(priority: Priority) -> Reference:
            pixels: Reference = await _until_cancelled(
                lambda: read.remote(key, source, size, priority, _left_s(flight), *reference),
                "reading the image",
            )
            return pixels

        return reading

    def _encoding(self, key: str, pixels: Reference) -> Callable[[Priority], Coroutine[Any, Any, Embedding]]:
        version, encode = self._model.version, self._encoder.encode

        async def encoding(priority: Priority) -> Embedding:
            embedding: Embedding = await _until_cancelled(
                lambda: encode.remote(key, pixels, priority, version), "encoding the image"
            )
            if embedding.segmenter != version:
                raise OtherVersion(
                    f"an encoder answered with an embedding of {embedding.segmenter} and not of {version}; "
                    "try again in a moment"
                )
            return embedding

        return encoding


def _left_s(flight: Flight) -> float:
    return flight.until - asyncio.get_running_loop().time()


async def _until_cancelled(send: Callable[[], Any], what: str) -> Any:
    return await call(send, timeout_s=float("inf"), what=what, other_version_s=OTHER_VERSION_S)
