"""The clicks that are ready to be decoded: a few threads, and no more waiting than is answered in time."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar
from uuid import uuid4

from deployments.compute_threads import DECODING, behind_loops
from deployments.running_mean import RunningMean
from values.click_answer import QueueState

T = TypeVar("T")

NEWEST_DECODE = 0.1
"""Weight of the newest decode in the mean of what a decode takes."""
FEW = 4
"""So many clicks may wait, whatever a decode takes. A few annotators are no crowd, and what makes it slow for
a moment, replicas that start on the same cores, is soon over."""
HEADROOM = 1.25
"""The door lets in up to the limit. What has passed it, or has waited for its image, is refused a little
later: its way here is paid for."""


class DecodeQueue:
    """Runs functions in ``threads`` threads, the oldest first.

    A caller that is cancelled while waiting is not run. Used from one loop. ``inside``: how many are in it.
    ``threads``: those in which they run.
    """

    def __init__(self, threads: int, max_wait_s: float) -> None:
        self._count = threads
        self._max_wait_s = max_wait_s
        self._name = uuid4().hex
        self.threads = behind_loops(threads, "decode", DECODING)
        self._lock = threading.Lock()
        self.inside = 0
        self._cost_s = RunningMean(NEWEST_DECODE)
        self._resting: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []

    @property
    def state(self) -> QueueState:
        """How long the queue is now."""
        interval_s = min(self._cost_s.value / self._count, self._max_wait_s / FEW)
        wait_s = max(0, self.inside + 1 - self._count) * interval_s
        return QueueState(self._name, wait_s, interval_s, self._max_wait_s)

    @property
    def full(self) -> bool:
        """Whether one more would wait longer than it may. Never while a thread is idle."""
        return self.state.wait_s > self._max_wait_s * HEADROOM

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """``function(*args)`` in a thread, in the caller's context, when it is its turn."""
        with self._lock:
            self.inside += 1
        future = self.threads.submit(contextvars.copy_context().run, self._timed, function, args)
        # Not when the caller is done: a caller that leaves meanwhile leaves a busy thread.
        future.add_done_callback(self._left)
        return await asyncio.wrap_future(future)

    async def idle(self, patience_s: float) -> None:
        """Wait until nothing is in it, but at most ``patience_s`` seconds."""
        loop = asyncio.get_running_loop()
        rests: asyncio.Future[None] = loop.create_future()
        with self._lock:
            if not self.inside:
                return
            self._resting.append((loop, rests))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await rests

    def _timed(self, function: Callable[..., T], args: tuple[Any, ...]) -> T:
        started = time.perf_counter()
        try:
            return function(*args)
        finally:
            self.took(time.perf_counter() - started)

    def took(self, seconds: float) -> None:
        """Remember what a decode took."""
        with self._lock:
            self._cost_s.add(seconds)

    def _left(self, future: Future[Any]) -> None:
        with self._lock:
            self.inside -= 1
            rested = [] if self.inside else self._resting
            if rested:
                self._resting = []
        for loop, rests in rested:
            with contextlib.suppress(RuntimeError):  # a closed loop: nobody waits there any more
                loop.call_soon_threadsafe(_end, rests)


def _end(rests: asyncio.Future[None]) -> None:
    if not rests.done():
        rests.set_result(None)
