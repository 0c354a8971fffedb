"""The embeddings of a decoder replica's share of the images: kept, or found, or made."""

from __future__ import annotations

import asyncio
from typing import Any

from deployments.calls import call
from deployments.meters import Meters
from deployments.options import DecoderOptions
from deployments.parcels import Parcel
from embeddings.memory import MemoryTier
from embeddings.precision import owned
from embeddings.single_flight import SingleFlight
from segmenters.segmenter import Segmenter
from values.embedding import Embedding
from values.image import ImageSource


class Keeper:
    """Keeps embeddings in memory; makes each missing one once, however many wait for it."""

    def __init__(
        self, segmenter: Segmenter, options: DecoderOptions, fetcher: Any, encoder: Any, meters: Meters
    ) -> None:
        self._input = segmenter.input
        self._options = options
        # The pixels and the embedding are megabytes: they travel through the object store, not in messages.
        self._fetcher = fetcher.options(_by_reference=True)
        self._encoder = encoder.options(_by_reference=True)
        self._memory = MemoryTier[Embedding](options.cache_mib * 2**20)
        self._flights = SingleFlight[Embedding](options.max_waiters)
        self._ahead = asyncio.Semaphore(options.encode_ahead)
        self._meters = meters

    def __contains__(self, key: str) -> bool:
        return key in self._memory

    def __len__(self) -> int:
        return len(self._memory)

    async def get(self, key: str, source: ImageSource, parcel: Parcel, *, urgent: bool = True) -> Embedding:
        """The embedding of the image ``key``, as it is kept. Raises what reading and encoding it raise.

        ``parcel``: the value of the source where it was too large to be sent along.
        """
        embedding = self._memory.get(key)
        if embedding is not None:
            self._meters.embedding("memory")
            return embedding
        self._meters.embedding("joined" if key in self._flights else "miss")
        embedding = await self._flights.run(key, lambda: self._make(source, parcel, urgent))
        self._keep(key, embedding)
        return embedding

    async def get_ahead(self, key: str, source: ImageSource, parcel: Parcel) -> None:
        """See to it that the embedding is here, a few at a time, behind all that somebody waits for."""
        async with self._ahead:
            await self.get(key, source, parcel, urgent=False)

    def _keep(self, key: str, embedding: Embedding) -> None:
        if key not in self._memory:
            self._memory.put(key, embedding)
            self._meters.memory(self._memory.nbytes, len(self._memory))

    async def _make(self, source: ImageSource, parcel: Parcel, urgent: bool) -> Embedding:
        def send() -> Any:
            pixels = self._fetcher.read.remote(source, self._input, *parcel)
            return self._encoder.encode.remote(pixels, urgent)

        timeout_s = self._options.encode_timeout_s
        embedding: Embedding = await call(send, timeout_s=timeout_s, what="encoding the image")
        return await asyncio.to_thread(owned, embedding, self._options.cache_precision)
