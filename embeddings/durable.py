"""The durable tier: embeddings that survive restarts, in a folder or a bucket.

It is a help, never a condition: whatever goes wrong with it, the image is encoded instead. So nothing here
raises but for a wrong key, and nothing takes longer than its time limit.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

import obstore

from concurrency.threads import Threads
from embeddings.durable_location import is_object_name, object_name, parse_place, why
from embeddings.embedding_file import LARGEST, Damaged, Foreign, Unfit, from_bytes, to_bytes
from embeddings.options import DurableOptions
from embeddings.retention import Bounds
from embeddings.sweep_schedule import OFTEN_S, Schedule
from embeddings.sweeper import Sweeper
from embeddings.sweeper_lease import SweeperLease
from values.embedding import Embedding

if TYPE_CHECKING:
    from obstore.store import ObjectStore

logger = logging.getLogger("ray.serve")
T = TypeVar("T")

_REST_S = 30.0
# zlib and NumPy let go of the interpreter, so these share it with nobody.
_FILES = Threads(4, "embedding-files")
_CONSEQUENCES = {
    "read": "embeddings cannot be read from {place} ({why}), so images are encoded that may be there",
    "write": "embeddings cannot be written to {place} ({why}), so the next restart forgets them",
    "forget": "embeddings cannot be removed from {place} ({why}), so what is to be forgotten may stay",
    "damaged": "an embedding in {place} is not used ({why}); it is removed and its image encoded again",
    "sweep": "old embeddings cannot be removed from {place} ({why}), which may grow out of its bounds",
}


class DurableTier:
    """Embeddings of one segmenter by image key. One per process and event loop; many may share a place.

    ``writers``: how many there are that write as much as this one. ``on_problem`` is called with "read",
    "write", "forget", "damaged" or "sweep" whenever that fails; the log has the first of a row. After a
    time-out the same is not tried again for half a minute.
    """

    def __init__(
        self,
        options: DurableOptions,
        segmenter: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        often_s: float = OFTEN_S,
        writers: Callable[[], int] = lambda: 1,
    ) -> None:
        if options.durable is None:
            raise ValueError("there is no durable tier without a place for it")
        object_name(segmenter, "0" * 40)
        self.on_problem: Callable[[str], None] = lambda kind: None
        self._place = parse_place(options.durable)
        self._timeout_s = options.durable_timeout_s
        self._segmenter = segmenter
        self._clock = clock
        self._store: ObjectStore | None = None
        self._said: set[str] = set()
        self._rest_until: dict[str, float] = defaultdict(lambda: float("-inf"))
        bounds = Bounds(options.durable_bytes, options.durable_s)
        self._sweeper = Sweeper(
            self._place,
            self._opened,
            bounds,
            Schedule(bounds.max_bytes, clock, often_s=often_s, writers=writers),
            SweeperLease(self._timeout_s, clock),
            self._timeout_s,
            now=now,
            failed=lambda reason: self._failed("sweep", reason),
            worked=lambda: self._said.discard("sweep"),
        )

    async def get(self, key: str) -> Embedding | None:
        """The embedding, or None where there is none, none that is intact, or no answer in time."""
        name = object_name(self._segmenter, key)
        return await self._tried("read", self._get(key, name), None)

    async def has(self, key: str) -> bool:
        """Whether there is an embedding, intact or not; False where there is no answer in time."""
        name = object_name(self._segmenter, key)
        return await self._tried("read", self._has(name), False)

    async def put(self, key: str, embedding: Embedding) -> bool:
        """Keep the embedding; whether that succeeded. It is there as a whole or not at all.

        Begins a sweep in the background when one is due, and nobody else makes it or made it lately.
        """
        name = object_name(self._segmenter, key)
        nbytes = await self._tried("write", self._put(key, name, embedding), 0)
        if nbytes:
            self._sweeper.wrote(nbytes)
        return bool(nbytes)

    async def forget(self, key: str) -> bool | None:
        """Remove the embedding, and those that other models made; whether there was one.

        None where that fails: it may still be there.
        """
        object_name(self._segmenter, key)
        return await self._tried("forget", self._forget(key), None)

    async def _get(self, key: str, name: str) -> Embedding | None:
        store = await self._opened()
        try:
            found = await obstore.get_async(store, name)
            if found.meta["size"] > LARGEST:
                raise Damaged("it is larger than any embedding")
            data = await found.bytes_async()
            embedding = await _FILES.run(lambda: from_bytes(key, self._segmenter, bytes(data)))
        except FileNotFoundError:
            return None
        except (Damaged, Foreign) as error:
            await self._discard(store, name, error)
            return None
        self._said.discard("damaged")
        return embedding

    async def _discard(self, store: ObjectStore, name: str, error: ValueError) -> None:
        self._failed("damaged", f"in {name}, {error}")
        try:
            await obstore.delete_async(store, name)
        except FileNotFoundError:
            pass  # another process was faster
        except Exception as refused:
            logger.debug("%s stays: %s", name, why(refused))

    async def _has(self, name: str) -> bool:
        store = await self._opened()
        try:
            await obstore.head_async(store, name)
        except FileNotFoundError:
            return False
        return True

    async def _put(self, key: str, name: str, embedding: Embedding) -> int:
        if embedding.segmenter != self._segmenter:
            raise Unfit(f"it was made by {embedding.segmenter} and not by {self._segmenter}")
        data = await _FILES.run(to_bytes, key, embedding)
        # In one part: what a writer leaves who dies between two stays in a bucket, unseen, and is paid for.
        await obstore.put_async(await self._opened(), name, data, use_multipart=False)
        return len(data)

    async def _forget(self, key: str) -> bool:
        store = await self._opened()
        # Each model has a folder of its own, and one that served before may serve again.
        folders = (await obstore.list_with_delimiter_async(store))["common_prefixes"]
        names = [f"{folder}/{key[:2]}/{key}.safetensors" for folder in folders]
        return any([await self._is_removed(store, name) for name in names if is_object_name(name)])

    async def _is_removed(self, store: ObjectStore, name: str) -> bool:
        try:
            # S3 says of nothing that it was not there.
            await obstore.head_async(store, name)
            await obstore.delete_async(store, name)
        except FileNotFoundError:
            return False
        return True

    async def _opened(self) -> ObjectStore:
        if self._store is None:
            self._store = await self._place.open(self._timeout_s)
        return self._store

    async def _tried(self, kind: str, work: Coroutine[Any, Any, T], otherwise: T) -> T:
        """What ``work`` returns, or ``otherwise`` where it fails, lasts too long or should rest."""
        if self._clock() < self._rest_until[kind]:
            work.close()
            return otherwise
        try:
            async with asyncio.timeout(self._timeout_s):
                result = await work
        except Exception as error:
            if isinstance(error, TimeoutError):
                # A file server that hangs keeps a thread for each time it is asked.
                self._rest_until[kind] = self._clock() + _REST_S
            self._failed(kind, str(error) if isinstance(error, Unfit) else why(error))
            return otherwise
        self._said.discard(kind)
        return result

    def _failed(self, kind: str, reason: str) -> None:
        self.on_problem(kind)
        if kind not in self._said:
            self._said.add(kind)
            said = _CONSEQUENCES[kind].format(place=self._place, why=reason)
            logger.warning("%s; %s", said, self._place.remedy)
