"""The other replicas of a decoder's deployment: who owned an image before has its embedding in memory.

A help, never a condition: whatever goes wrong, the image is encoded. So a time limit bounds each question,
and of those that did not answer in time nobody asks again for a while.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, Protocol

from ray import serve

from deployments.calls.call import call
from deployments.calls.owner_views import view
from deployments.owner_router import DIRECT, SINCE, SLOT
from embeddings.ownership import OwnershipHistory
from values.embedding import Embedding
from values.errors import NotKept, ServiceError

logger = logging.getLogger("ray.serve")

ANSWER_S = 2.0
"""For so long an earlier owner is asked for an embedding. Encoding would take about as long."""

REST_S = 30.0
"""For so long one that did not answer in time is not asked."""

AT_ONCE = 4
"""Embeddings that come from neighbours, or go to them, at once; megabytes each."""

ASKED = 2
"""Earlier owners of one image that are asked."""

FORGET_S = 5.0
"""For so long a neighbour may take to forget an image."""


class Neighbours(Protocol):
    """The other replicas, as far as they can be asked."""

    async def take(self, key: str, version: str) -> Embedding | None:
        """The embedding of an image from the memory of an earlier owner, which lets go of it; or None."""

    async def forget(self, key: str) -> bool:
        """Have all let go of an image; whether one had it. Raises NotKept where one may still have it."""

    def count(self) -> int:
        """How many decoders there are, this one included."""

    def heir(self, key: str) -> str | None:
        """Who owns the image once this replica is gone; None where nobody stays."""

    async def give(self, heir: str, key: str, embedding: Embedding, *, room_only: bool) -> bool:
        """Have ``heir`` keep the embedding; ``room_only``: if it need not let go of another. False where it
        has no place for more, or cannot be reached."""


class NoNeighbours:
    """Of a decoder that is alone."""

    async def take(self, key: str, version: str) -> Embedding | None:
        """None."""
        return None

    async def forget(self, key: str) -> bool:
        """False."""
        return False

    def count(self) -> int:
        """One."""
        return 1

    def heir(self, key: str) -> str | None:
        """None."""
        return None

    async def give(self, heir: str, key: str, embedding: Embedding, *, room_only: bool) -> bool:
        """False."""
        return False


class RunningNeighbours:
    """Those that run now: ``handle`` leads to the deployment, ``own`` is the name of this replica in it."""

    def __init__(
        self,
        handle: Any,
        owners: OwnershipHistory,
        own: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._handle = handle
        self._owners = owners
        self._own = own
        self._clock = clock
        self._places = asyncio.Semaphore(AT_ONCE)
        self._rest_until: dict[str, float] = {}

    async def take(self, key: str, version: str) -> Embedding | None:
        """The embedding of the image ``key`` by the model ``version``, from who owned it before."""
        earlier = [each for each in self._owners.earlier(key, self._own) if self._may_be_asked(each)]
        for neighbour in earlier[:ASKED]:
            embedding = await self._taken(neighbour, key, version)
            if embedding is not None and embedding.segmenter == version:
                return embedding
        return None

    async def forget(self, key: str) -> bool:
        """Have all let go of the image ``key``; whether one had it."""
        names = sorted(self._owners.now.replicas - {self._own})
        return any(await asyncio.gather(*(self._forgotten(name, key) for name in names)))

    def count(self) -> int:
        """How many decoders this process has been told of; at least one, which is itself."""
        return max(1, len(self._owners.now.replicas))

    def heir(self, key: str) -> str | None:
        """Who owns the image ``key`` once this replica is gone."""
        return self._owners.now.without(self._own).owner(key)

    async def give(self, heir: str, key: str, embedding: Embedding, *, room_only: bool) -> bool:
        """Have ``heir`` keep the embedding of the image ``key``; whether it takes more."""
        handle = self._handle.options(session_id=DIRECT + heir, _by_reference=True)
        try:
            async with self._places:
                kept: bool = await call(
                    lambda: handle.take_in.remote(key, embedding, room_only),
                    timeout_s=ANSWER_S,
                    what="handing over an embedding",
                )
                return kept
        except Exception:  # it is stopped as well, or is of another version of this code: it encodes
            logger.debug("an embedding could not be handed over", exc_info=True)
        return False

    def _may_be_asked(self, neighbour: str) -> bool:
        return self._clock() >= self._rest_until.get(neighbour, float("-inf"))

    async def _taken(self, neighbour: str, key: str, version: str) -> Embedding | None:
        # By reference: an embedding is larger than a message may be.
        handle = self._handle.options(session_id=DIRECT + neighbour, _by_reference=True)
        try:
            async with asyncio.timeout(ANSWER_S), self._places:
                taken: Embedding | None = await call(
                    lambda: handle.hand_over.remote(key, version),
                    timeout_s=ANSWER_S,
                    what="taking over an embedding",
                )
                return taken
        except (ServiceError, TimeoutError):
            self._rest_until[neighbour] = self._clock() + REST_S
        except Exception:  # an older version of this code, a full object store: it is encoded
            logger.debug("an embedding could not be taken over", exc_info=True)
        return None

    async def _forgotten(self, neighbour: str, key: str) -> bool:
        handle = self._handle.options(session_id=DIRECT + neighbour)
        try:
            forgotten: bool = await call(
                lambda: handle.let_go.remote(key), timeout_s=FORGET_S, what="forgetting an image"
            )
            return forgotten
        except Exception as error:
            if neighbour not in self._owners.now.replicas:
                return False  # gone, and its memory with it
            raise NotKept(
                "another decoder may still have the embedding in memory, because it did not answer; forget"
                " the image again in a moment"
            ) from error


def neighbours() -> Neighbours:
    """Those of the replica that asks; nobody outside of a replica."""
    context = _context()
    if context is None:
        return NoNeighbours()
    handle = serve.get_deployment_handle(context.deployment, context.app_name, _check_exists=False)
    # With its first options a handle begins to be told of the replicas.
    handle = handle.options()
    return RunningNeighbours(handle, view(context.app_name, context.deployment), context.replica_tag)


class Slot:
    """Where this replica stands among those of its deployment, as routers are told."""

    def __init__(self) -> None:
        self._since = time.time()
        self._first = _rank()

    def metadata(self) -> dict[str, float]:
        """For Serve's ``record_replica_metadata``, which is asked once."""
        return {} if self._first is None else {SLOT: self._first, SINCE: self._since}

    def changed(self) -> dict[str, float]:
        """For Serve's ``record_routing_stats``: empty until Serve gives the replica another rank."""
        rank = _rank()
        return {} if rank is None or rank == self._first else {SLOT: rank, SINCE: self._since}


def _context() -> Any:
    try:
        return serve.get_replica_context()
    except serve.exceptions.RayServeException:
        return None


def _rank() -> int | None:
    context = _context()
    return None if context is None or context.rank is None else int(context.rank.rank)
