"""The embeddings of a decoder replica's share of the images: kept, or found, or made."""

from __future__ import annotations

import asyncio
from typing import Any

from deployments.background import Background
from deployments.calls import call
from deployments.meters import Meters
from deployments.options import DecoderOptions
from deployments.parcels import Parcel
from embeddings.durable import DurableTier
from embeddings.memory import MemoryTier
from embeddings.precision import owned
from embeddings.single_flight import SingleFlight
from segmenters.segmenter import Segmenter
from values.embedding import Embedding
from values.errors import BadRequest, NotKept
from values.image import ImageSource

WRITES = 8
"""Embeddings that wait to be written to the durable tier; megabytes each."""


class Keeper:
    """Keeps embeddings in memory, and in the durable tier if there is one.

    What is missing is made once, however many wait for it.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        options: DecoderOptions,
        durable: DurableTier | None,
        fetcher: Any,
        encoder: Any,
        meters: Meters,
    ) -> None:
        self._input = segmenter.input
        self._options = options
        self._durable = durable
        # The pixels and the embedding are megabytes: they travel through the object store, not in messages.
        self._fetcher = fetcher.options(_by_reference=True)
        self._encoder = encoder.options(_by_reference=True)
        self._memory = MemoryTier[Embedding](options.cache_mib * 2**20)
        self._flights = SingleFlight[Embedding](options.max_waiters)
        self._writes = SingleFlight[bool](options.max_waiters)
        self._ahead = asyncio.Semaphore(options.encode_ahead)
        self.background = Background(limit=WRITES)
        self._meters = meters
        if durable is not None:
            durable.on_problem = meters.durable_problem

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
        if key in self._flights:
            self._meters.embedding("joined")
        embedding = await self._flights.run(key, lambda: self._find(key, source, parcel, urgent))
        if key not in self._memory:
            self._memory.put(key, embedding)
            self.report()
        return embedding

    def report(self) -> None:
        """Say what is in memory. Ray forgets a gauge that nobody sets for half a minute."""
        self._meters.memory(self._memory.nbytes, len(self._memory))

    async def get_ahead(self, key: str, source: ImageSource, parcel: Parcel) -> None:
        """See to it that the embedding is here, a few at a time, behind all that somebody waits for."""
        async with self._ahead:
            await self.get(key, source, parcel, urgent=False)

    async def store(self, key: str, source: ImageSource, parcel: Parcel) -> bool:
        """See to it that the embedding is in the durable tier, behind all that somebody waits for; whether it
        already was. Takes no room in memory.

        Raises BadRequest without a durable tier, NotKept, and what reading and encoding the image raise.
        """
        if self._durable is None:
            raise BadRequest("embeddings are kept in memory alone; set DURABLE to a folder or a bucket")
        if await self._durable.has(key):
            return True
        async with self._ahead:
            embedding = await self._flights.run(key, lambda: self._find(key, source, parcel, urgent=False))
            if not await self._written(self._durable, key, embedding):
                raise NotKept("the embedding cannot be written to DURABLE; the decoder's log says why")
        return False

    async def _find(self, key: str, source: ImageSource, parcel: Parcel, urgent: bool) -> Embedding:
        if self._durable is None:
            self._meters.embedding("miss")
            return await self._make(source, parcel, urgent)
        found = await self._durable.get(key)
        self._meters.embedding("durable" if found is not None else "miss")
        if found is not None:
            return found
        made = await self._make(source, parcel, urgent)
        if not self.background.start(self._written(self._durable, key, made)):
            self._meters.durable_problem("busy")
        return made

    async def _written(self, durable: DurableTier, key: str, embedding: Embedding) -> bool:
        async def write() -> bool:
            return await durable.has(key) or await durable.put(key, embedding)

        return await self._writes.run(key, write)

    async def _make(self, source: ImageSource, parcel: Parcel, urgent: bool) -> Embedding:
        def send() -> Any:
            pixels = self._fetcher.read.remote(source, self._input, *parcel)
            return self._encoder.encode.remote(pixels, urgent)

        timeout_s = self._options.encode_timeout_s
        embedding: Embedding = await call(send, timeout_s=timeout_s, what="encoding the image")
        return await asyncio.to_thread(owned, embedding, self._options.cache_precision)
