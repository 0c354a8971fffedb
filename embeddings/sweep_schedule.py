"""When a place is swept: rarely, more often where much is written, and once for all who write there.

They know of each other by an object in the place that every sweep writes anew: its time is the end of the
last one. Of those that find one due, the holder of the lease sweeps (``embeddings.sweeper_lease``).
"""

from __future__ import annotations

import asyncio
import contextvars
import math
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

import obstore

if TYPE_CHECKING:
    from obstore.store import ObjectStore

OFTEN_S = 600.0
RARELY_S = 6 * 3600.0
SHARE = 0.01

LAST_SWEEP = "last-sweep.txt"
_TEXT = b"The time of this file is that of the last sweep of these embeddings.\n"

Sweep = Callable[[], Coroutine[Any, Any, None]]
Age = Callable[[], Awaitable[float]]
"""Seconds since the place was last swept by anybody; infinity where it never was."""


class Schedule:
    """At most one sweep at a time, in the background.

    Half to one and a half times ``often_s`` after the first embedding was written, and every so often while
    more are, it is asked when anybody last swept the place. A sweep is due where that is six hours ago, or
    ``often_s`` ago and a hundredth of ``max_bytes`` was written since, which is known from what was written
    here, and of how many ``writers`` that is the share. ``clock``: seconds.
    ``spread``: 0 to 1, drawn anew each time, so that those who start together do not sweep together.
    """

    def __init__(
        self,
        max_bytes: int,
        clock: Callable[[], float],
        spread: Callable[[], float] = random.random,
        often_s: float = OFTEN_S,
        writers: Callable[[], int] = lambda: 1,
    ) -> None:
        self._often_s = often_s
        self._writers = writers
        self._share = max_bytes * SHARE
        self._clock = clock
        self._spread = spread
        # Since the last sweep, as far as this process knows; and of that, before it looked last, when it did.
        self._written = 0
        self._written_before = 0
        self._looked = clock()
        self._next: float | None = None
        self._look: asyncio.Task[None] | None = None
        self._task: asyncio.Task[None] | None = None

    def wrote(self, nbytes: int) -> None:
        """An embedding was written."""
        self._written += nbytes
        if self._next is None:
            self._wait()

    def start_if_due(self, age: Age, sweep: Sweep) -> None:
        """If it is time: ask in the background for the ``age`` of the last sweep; ``sweep`` if one is due."""
        if self._next is not None and self._clock() >= self._next:
            self._wait()
            self._look = _apart(self._sweep_if_due(age, sweep))  # held: the loop itself holds tasks weakly

    def start(self, sweep: Sweep) -> asyncio.Future[None]:
        """Start ``sweep`` unless one is under way; that or the new one, shielded from who waits for it."""
        if self._task is None or self._task.done():
            self._wait()
            self._task = _apart(sweep())
        return asyncio.shield(self._task)

    def _wait(self) -> None:
        self._next = self._clock() + self._often_s * (0.5 + self._spread())

    async def _sweep_if_due(self, age: Age, sweep: Sweep) -> None:
        seconds = await age()
        if 0 <= seconds <= self._clock() - self._looked:
            self._written -= self._written_before  # a sweep has ended since
        self._looked, self._written_before = self._clock(), self._written
        if seconds >= RARELY_S or (
            seconds >= self._often_s and self._written >= self._share / self._writers()
        ):
            await self.start(sweep)


def _apart(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    # An empty context: Ray Serve cancels what was started within a request's context.
    return asyncio.get_running_loop().create_task(work, context=contextvars.Context())


async def seconds_since_sweep(store: ObjectStore, now: float, timeout_s: float) -> float:
    """Seconds since the last sweep ended; infinity where there was none. ``now``: seconds since the epoch.

    Raises an error of obstore or TimeoutError.
    """
    try:
        async with asyncio.timeout(timeout_s):
            found = await obstore.head_async(store, LAST_SWEEP)
    except FileNotFoundError:
        return math.inf
    # Clocks differ: a time to come is now.
    return max(0.0, now - found["last_modified"].timestamp())


async def note_sweep(store: ObjectStore, timeout_s: float) -> None:
    """Let others know that a sweep has ended. Raises an error of obstore or TimeoutError."""
    async with asyncio.timeout(timeout_s):
        await obstore.put_async(store, LAST_SWEEP, _TEXT, use_multipart=False)
