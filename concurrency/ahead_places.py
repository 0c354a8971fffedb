"""Places for images that are encoded before anybody waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from concurrency.single_flight import Flight

T = TypeVar("T")

PATIENCE_S = 2.0
"""For so long a place is held by an image that does not arrive; then others are encoded meanwhile."""


class AheadPlaces:
    """``count`` images at once are fetched and encoded ahead. What an annotator waits for needs no place."""

    def __init__(self, count: int) -> None:
        self._free = asyncio.Semaphore(count)

    def of(self, flight: Flight) -> AheadPlace:
        """A context within which the flight has a place, or is urgent."""
        return AheadPlace(self._free, flight)


class AheadPlace:
    """One flight's place, from entering the context until it ends."""

    def __init__(self, free: asyncio.Semaphore, flight: Flight) -> None:
        self._free = free
        self._flight = flight
        self._held = False

    async def __aenter__(self) -> Self:
        try:
            await self._take()
        except BaseException:
            self._give()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._give()

    async def waiting_for(self, arrival: Coroutine[Any, Any, T]) -> T:
        """What ``arrival`` returns. A host that keeps it waiting keeps nobody's place for long."""
        arriving = asyncio.ensure_future(arrival)
        try:
            done, _ = await asyncio.wait({arriving}, timeout=PATIENCE_S)
            if done:
                return arriving.result()
            self._give()
            arrived = await arriving
        finally:
            arriving.cancel()
        await self._take()
        return arrived

    async def _take(self) -> None:
        """Wait for a place, or until the flight is urgent and needs none."""
        while not self._held and not self._flight.priority.urgent:
            taking = asyncio.ensure_future(self._free.acquire())
            raised = asyncio.ensure_future(self._flight.priority_differs_from(self._flight.priority))
            try:
                await asyncio.wait({taking, raised}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                raised.cancel()
                self._held = taking.done() or not taking.cancel()
        if self._held and self._flight.priority.urgent:
            self._give()

    def _give(self) -> None:
        if self._held:
            self._held = False
            self._free.release()
