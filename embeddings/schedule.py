"""When a place is swept: rarely, and more often where much is written."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from typing import Any

OFTEN_S = 600.0
RARELY_S = 6 * 3600.0
SHARE = 0.01

Sweep = Callable[[], Coroutine[Any, Any, None]]


class Schedule:
    """At most one sweep at a time, in the background.

    One is due with the first embedding written, then every six hours in which anything is written, or ten
    minutes after the last if a hundredth of ``max_bytes`` was written since. ``clock``: seconds.
    """

    def __init__(self, max_bytes: int, clock: Callable[[], float]) -> None:
        self._share = max_bytes * SHARE
        self._clock = clock
        self._written = 0
        self._last = float("-inf")
        self._task: asyncio.Task[None] | None = None

    def wrote(self, nbytes: int) -> None:
        """An embedding was written."""
        self._written += nbytes

    def start_if_due(self, sweep: Sweep) -> None:
        """Start ``sweep`` in the background if it is time and none is under way."""
        idle = self._clock() - self._last
        if idle >= RARELY_S or (idle >= OFTEN_S and self._written >= self._share):
            self.start(sweep)

    def start(self, sweep: Sweep) -> asyncio.Future[None]:
        """Start ``sweep`` unless one is under way; that or the new one, shielded from who waits for it."""
        if self._task is None or self._task.done():
            self._last, self._written = self._clock(), 0
            # An empty context: Ray Serve cancels what was started within a request's context.
            loop = asyncio.get_running_loop()
            self._task = loop.create_task(sweep(), context=contextvars.Context())
        return asyncio.shield(self._task)

    async def aclose(self) -> None:
        """Give up the sweep that is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
