"""One computation for all who ask for the same thing at the same time."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from values.errors import Overloaded

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Runs one task per key; everybody else who asks meanwhile waits for that task.

    The task belongs to nobody: a caller who leaves (an annotator who closes the tab) does not cancel it for
    the others. It runs in an empty context, because Ray Serve cancels what was started within the first
    caller's request context. A failure reaches all who waited and is then forgotten.
    """

    def __init__(self, max_waiters: int) -> None:
        self.max_waiters = max_waiters
        self._flights: dict[str, asyncio.Task[T]] = {}
        self._waiters: dict[str, int] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._flights

    async def run(self, key: str, compute: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result of ``compute()``, started only if no flight for ``key`` is under way.

        Raises:
            Overloaded: when ``max_waiters`` callers already wait for this key.
        """
        if self._waiters.get(key, 0) >= self.max_waiters:
            raise Overloaded(
                f"{self.max_waiters} requests already wait for the embedding of this image; "
                "try again in a moment"
            )
        flight = self._flights.get(key)
        if flight is None:
            flight = asyncio.get_running_loop().create_task(compute(), context=contextvars.Context())
            self._flights[key] = flight
            flight.add_done_callback(lambda done: self._land(key, done))
        self._waiters[key] = self._waiters.get(key, 0) + 1
        try:
            return await asyncio.shield(flight)
        finally:
            self._leave(key)

    def _leave(self, key: str) -> None:
        left = self._waiters[key] - 1
        if left:
            self._waiters[key] = left
        else:
            del self._waiters[key]

    def _land(self, key: str, flight: asyncio.Task[T]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
        if not flight.cancelled():
            flight.exception()  # mark as seen: everybody may have left before it failed
