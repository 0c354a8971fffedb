"""The embeddings of a decoder replica's share of the images: kept, or found, or made."""

from __future__ import annotations

import asyncio
from typing import Any

from concurrency.background import AheadLimit, Background
from concurrency.single_flight import Flight, SingleFlight
from concurrency.threads import Threads
from deployments.calls.large_values import Reference
from deployments.calls.neighbours import Neighbours, NoNeighbours
from deployments.embedding_maker import EmbeddingMaker
from deployments.images_ahead import ImagesAhead
from deployments.leaving import LatelyForgotten, leave
from deployments.metrics import Metrics
from deployments.options import DecoderOptions
from deployments.recheck import Recheck
from embeddings.durable import DurableTier
from embeddings.memory import MemoryTier, owned
from segmenters.segmenter import EmbeddingModel
from values.embedding import Embedding
from values.errors import BadRequest, DeadlineExceeded, NotKept
from values.image import ImageSource
from values.priority import Priority

WRITES = 8
"""Embeddings that wait to be written to the durable tier; megabytes each."""

WAITING = 64
"""Images that nobody waits for and that wait in one decoder replica to be made; more are refused."""

_COPYING = Threads(2, "copy")
"""Megabytes of each embedding that is kept."""


class EmbeddingCache:
    """Keeps embeddings in memory, and in the durable tier if there is one. What ``neighbours`` have because
    they owned the image before is taken over from them.

    What is missing is made once, however many wait for it; the most urgent of them says how soon. What is
    made is kept, also when everybody has left meanwhile. ``lasting``: what is in the durable tier outlives
    the application.
    """

    def __init__(
        self,
        model: EmbeddingModel,
        options: DecoderOptions,
        durable: DurableTier | None,
        fetcher: Any,
        encoder: Any,
        metrics: Metrics,
        *,
        lasting: bool = True,
        neighbours: Neighbours | None = None,
    ) -> None:
        self._options = options
        self._version = model.version
        self._neighbours = neighbours or NoNeighbours()
        self._durable = durable
        self._lasting = lasting
        # Evidence of pictures that are no more, of which the durable tier may still have an embedding.
        self._outdated: dict[str, str] = {}
        self._maker = EmbeddingMaker(model, fetcher, encoder, options.encode_ahead, metrics)
        self._memory = MemoryTier[Embedding](options.cache_mib * 2**20)
        self._images_ahead = ImagesAhead(self._memory, metrics)
        self._forgotten = LatelyForgotten()
        self._evicted = 0
        self._flights = SingleFlight[Embedding](options.max_waiters)
        # Those of them whose result goes into memory.
        self._wanted: set[str] = set()
        self._writes = SingleFlight[bool](options.max_waiters)
        self._ahead = AheadLimit(WAITING, "wait to be encoded ahead")
        self.background = Background(limit=WRITES)
        self.recheck = Recheck(options.recheck_s, fetcher)
        self._metrics = metrics
        if durable is not None:
            durable.on_problem = metrics.durable_problem

    def __contains__(self, key: str) -> bool:
        return key in self._memory

    def __len__(self) -> int:
        return len(self._memory)

    def report(self) -> None:
        """Say what is in memory. Ray forgets a gauge that nobody sets for half a minute."""
        self._metrics.memory(self._memory.nbytes, len(self._memory), self._memory.max_bytes)
        if evicted := self._memory.evicted - self._evicted:
            self._metrics.evicted(evicted)
            self._evicted += evicted
        self._images_ahead.look()

    async def get(
        self, key: str, source: ImageSource, reference: Reference, priority: Priority, left_s: float
    ) -> Embedding:
        """The embedding of the image ``key``, as it is kept. Raises what reading and encoding it raise.

        ``reference``: to the source's value where it was too large to be sent along. ``left_s``: seconds
        after which nobody waits for it any more.
        """
        embedding = self._memory.get(key)
        if embedding is not None:
            self._metrics.embedding("memory")
            if priority is Priority.CLICK:
                self._images_ahead.was_clicked(key)
            evidence = embedding.evidence
            self.recheck.begin(
                key, evidence, source, reference, lambda: self._anew(key, evidence, source, reference)
            )
            return embedding
        if key in self._flights:
            self._metrics.embedding("joined")
        self._wanted.add(key)
        return await self._joined(key, source, reference, priority, left_s)

    async def renew(
        self, key: str, source: ImageSource, reference: Reference, priority: Priority, left_s: float
    ) -> bool:
        """See to it that the embedding of the image as it is now is here; whether it already was.

        Unlike ``get`` it asks first, where that is due, whether the image was replaced.
        """
        kept = self._memory.get(key)
        if kept is not None and await self.recheck.replaced(key, kept.evidence, source, reference):
            await self._drop_outdated(key, kept.evidence)
        warm = key in self._memory
        if not warm:
            await self.get(key, source, reference, priority, left_s)
        return warm

    async def use(
        self, key: str, source: ImageSource, reference: Reference, priority: Priority, left_s: float
    ) -> Embedding:
        """The embedding of the image as it is now, to be used once: it takes no room in memory.

        Raises what ``get`` raises.
        """
        kept = self._memory.get(key)
        if kept is not None and await self.recheck.replaced(key, kept.evidence, source, reference):
            await self._drop_outdated(key, kept.evidence)
            kept = None
        return kept or await self._joined(key, source, reference, priority, left_s)

    async def store(self, key: str, source: ImageSource, reference: Reference, left_s: float) -> bool:
        """See to it that the embedding is in the durable tier, behind all that somebody waits for; whether it
        already was. Takes no room in memory.

        Raises BadRequest without a durable tier, NotKept, and what reading and encoding the image raise.
        """
        if self._durable is None or not self._lasting:
            raise BadRequest("embeddings are kept only in memory; set DURABLE to a folder or a bucket")
        if await self._durable.has(key):
            return True
        embedding = self._memory.get(key)
        if embedding is None:
            embedding = await self._joined(key, source, reference, Priority.LATER, left_s)
        if not await self._written(self._durable, key, embedding):
            raise NotKept("the embedding cannot be written to DURABLE; the decoder's log says why")
        return False

    async def forget(self, key: str) -> bool:
        """Keep nothing of the image, in memory, here or elsewhere, or in the durable tier; whether there was
        anything.

        Raises NotKept where it may still be in the durable tier, or with another decoder.
        """
        self._forgotten.add(key)
        elsewhere = await self._neighbours.forget(key)
        forgotten = await self._drop(key)
        if forgotten is None:
            raise NotKept("an embedding cannot be removed from DURABLE; the decoder's log says why")
        return forgotten or elsewhere

    def let_go(self, key: str) -> Embedding | None:
        """What is in memory of the image; it no longer is."""
        kept = self._memory.get(key)
        self._memory.drop(key)
        self.report()
        return kept

    def forget_here(self, key: str) -> bool:
        """Keep nothing of the image in memory, nor take it in for a while; whether there was anything."""
        self._forgotten.add(key)
        return self.let_go(key) is not None

    async def take_in(self, key: str, embedding: Embedding, *, room_only: bool) -> bool:
        """Keep what another replica had of an image that is this one's now; False where more would be in
        vain.

        ``room_only``: not if another one would have to leave.
        """
        known = key in self._memory or key in self._flights
        if known or key in self._forgotten or embedding.evidence == self._outdated.get(key):
            return True
        if embedding.segmenter != self._version or (room_only and not self._memory.has_room(embedding)):
            return False
        copy = await _COPYING.run(owned, embedding, self._options.cache_precision)
        if key not in self._forgotten:
            self._memory.put(key, copy)
            self.report()
        return True

    async def leave(self) -> int:
        """This replica is stopped: hand over what others would encode again; how many they took."""
        if self._durable is not None and self._lasting:
            return 0  # they are all there
        return await leave(self._memory, self._neighbours)

    async def _drop(self, key: str) -> bool | None:
        kept = self._memory.drop(key)
        self.report()
        removed = False if self._durable is None else await self._durable.forget(key)
        return None if removed is None else removed or kept

    async def _drop_outdated(self, key: str, evidence: str) -> None:
        if await self._drop(key) is None:
            self._outdated[key] = evidence

    async def _anew(self, key: str, evidence: str, source: ImageSource, reference: Reference) -> None:
        await self._drop_outdated(key, evidence)
        await self.get(key, source, reference, Priority.OPENED, self._options.encode_timeout_s)

    async def _joined(
        self, key: str, source: ImageSource, reference: Reference, priority: Priority, left_s: float
    ) -> Embedding:
        left_s = min(left_s, self._options.encode_timeout_s)
        try:
            with self._ahead.of(priority, source.project):
                return await self._flights.run(
                    key,
                    lambda flight: self._find(flight, key, source, reference),
                    priority=priority,
                    until=asyncio.get_running_loop().time() + left_s,
                )
        except TimeoutError:
            raise DeadlineExceeded(
                f"reading and encoding the image took longer than {left_s:.3g} s; try again in a moment"
            ) from None

    async def _find(self, flight: Flight, key: str, source: ImageSource, reference: Reference) -> Embedding:
        try:
            if (taken := await self._taken_over(key)) is not None:
                self._memory.put(key, taken)
                self.report()
                return taken
            embedding = await self._stored(key, source, reference)
            self._metrics.embedding("miss" if embedding is None else "durable")
            if embedding is None:
                made = await self._maker.make(flight, key, source, reference)
                embedding = await _COPYING.run(owned, made, self._options.cache_precision)
                self._write(key, embedding)
            if key in self._wanted:
                self._memory.put(key, embedding)
                if flight.priority is not Priority.CLICK:
                    self._images_ahead.is_ready(key)
                self.recheck.seen(key)
                self.report()
            return embedding
        finally:
            self._wanted.discard(key)

    async def _taken_over(self, key: str) -> Embedding | None:
        """What an earlier owner has in memory, which no longer is there: so it is kept, whoever asked.

        As in memory: whether the image was replaced is asked at the next click, in the background.
        """
        embedding = await self._neighbours.take(key, self._version)
        if embedding is None or (embedding.evidence and embedding.evidence == self._outdated.get(key)):
            return None
        self._metrics.embedding("neighbour")
        return await _COPYING.run(owned, embedding, self._options.cache_precision)

    async def _stored(self, key: str, source: ImageSource, reference: Reference) -> Embedding | None:
        """What the durable tier has of the image as it is now."""
        embedding = None if self._durable is None else await self._durable.get(key)
        if embedding is None or embedding.evidence == self._outdated.get(key):
            return None
        if await self.recheck.replaced(key, embedding.evidence, source, reference):
            await self._drop_outdated(key, embedding.evidence)
            return None
        return embedding

    def _write(self, key: str, embedding: Embedding) -> None:
        if self._durable is not None and not self.background.start(
            self._written(self._durable, key, embedding)
        ):
            self._metrics.durable_problem("busy")

    async def _written(self, durable: DurableTier, key: str, embedding: Embedding) -> bool:
        async def write(flight: Flight) -> bool:
            if key not in self._outdated and await durable.has(key):
                return True
            written = await durable.put(key, embedding)
            if written:
                self._outdated.pop(key, None)
            return written

        return await self._writes.run(key, write)
