"""One computation for all who ask for the same thing at the same time, or within a while."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from concurrency.detached import detached
from values.errors import Overloaded
from values.priority import Priority

T = TypeVar("T")


class Flight:
    """One computation under way, as it sees those who wait for it."""

    def __init__(self, until: float) -> None:
        self._waiting: Counter[Priority] = Counter()
        self._changed = asyncio.Event()
        self._timeout: asyncio.Timeout | None = None
        self._until = until

    @property
    def priority(self) -> Priority:
        """That of the most urgent waiter. When all have left it is ``LATER``: the result is still kept."""
        return min((each for each, count in self._waiting.items() if count), default=Priority.LATER)

    @property
    def waiters(self) -> int:
        """How many wait."""
        return self._waiting.total()

    @property
    def until(self) -> float:
        """The event loop's time at which the flight is given up: the latest deadline of all who joined."""
        return self._until

    async def priority_differs_from(self, priority: Priority) -> None:
        """Wait until ``priority`` is another one. For one caller at a time."""
        while self.priority == priority:
            self._changed.clear()
            await self._changed.wait()

    async def becomes_urgent(self) -> None:
        """Wait until an annotator waits for it, or is about to. For one caller at a time."""
        while not self.priority.urgent:
            await self.priority_differs_from(self.priority)

    def join(self, priority: Priority, until: float) -> None:
        """One more waits, until then at most."""
        self._waiting[priority] += 1
        self._changed.set()
        if until > self._until:
            self._until = until
            if self._timeout is not None and not self._timeout.expired():
                self._timeout.reschedule(until)

    def leave(self, priority: Priority) -> None:
        """One of those who wait has left."""
        self._waiting[priority] -= 1
        self._changed.set()

    async def fly(self, compute: Callable[[Flight], Coroutine[Any, Any, T]]) -> T:
        """What ``compute`` returns. Raises TimeoutError at the deadline."""
        async with asyncio.timeout_at(self._until) as self._timeout:
            return await compute(self)


class SingleFlight(Generic[T]):
    """Runs one task per key; everybody else who asks meanwhile waits for that task.

    The task belongs to nobody: a caller who leaves (an annotator who closes the tab) does not cancel it, and
    one who joins late raises its priority and extends its deadline. It runs in a context of its own, because
    Ray Serve cancels what was started within the first caller's. A failure reaches all who waited
    and is then forgotten.
    """

    def __init__(self, max_waiters: int) -> None:
        self.max_waiters = max_waiters
        self._flights: dict[str, tuple[Flight, asyncio.Task[T]]] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._flights

    def __len__(self) -> int:
        """Flights under way."""
        return len(self._flights)

    async def run(
        self,
        key: str,
        compute: Callable[[Flight], Coroutine[Any, Any, T]],
        *,
        priority: Priority = Priority.CLICK,
        until: float = float("inf"),
    ) -> T:
        """The result of ``compute(flight)``, started only if no flight for ``key`` is under way.

        ``until``: the event loop's time at which this caller stops waiting.

        Raises:
            Overloaded: when ``max_waiters`` callers already wait for this key.
            TimeoutError: no result by ``until``.
        """
        flight, task = self._flights.get(key) or self._begin(key, compute, until)
        if flight.waiters >= self.max_waiters:
            raise Overloaded(
                f"{self.max_waiters} requests already wait for the embedding of this image; "
                "try again in a moment"
            )
        flight.join(priority, until)
        try:
            async with asyncio.timeout_at(until):
                return await asyncio.shield(task)
        finally:
            flight.leave(priority)

    def _begin(
        self, key: str, compute: Callable[[Flight], Coroutine[Any, Any, T]], until: float
    ) -> tuple[Flight, asyncio.Task[T]]:
        flight = Flight(until)
        task = asyncio.get_running_loop().create_task(flight.fly(compute), context=detached())
        self._flights[key] = flight, task
        task.add_done_callback(lambda done: self._land(key, done))
        return flight, task

    def _land(self, key: str, task: asyncio.Task[T]) -> None:
        if key in self._flights and self._flights[key][1] is task:
            del self._flights[key]
        if not task.cancelled():
            task.exception()  # mark as seen: everybody may have left before it failed


class RecentAnswer(Generic[T]):
    """Who asks within ``keep_s`` seconds of the last question shares its answer, or its failure.

    The question belongs to nobody: the first who asked may leave.
    """

    def __init__(
        self,
        ask: Callable[[], Coroutine[Any, Any, T]],
        keep_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._keep_s = keep_s
        self._clock = clock
        self._asked = 0.0
        self._task: asyncio.Task[T] | None = None

    async def answer(self) -> T:
        """The answer, at most ``keep_s`` seconds old when it took no time."""
        if self._task is None or (self._task.done() and self._clock() - self._asked >= self._keep_s):
            self._asked = self._clock()
            # In a context of its own: Serve cancels what was started within a request's.
            self._task = asyncio.get_running_loop().create_task(self._ask(), context=detached())
            self._task.add_done_callback(_seen)
        return await asyncio.shield(self._task)


def _seen(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()
