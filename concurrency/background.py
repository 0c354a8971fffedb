"""Work that nobody waits for, bounded: in the background, ahead of who comes next, for one project."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

from concurrency.detached import detached
from concurrency.single_flight import Flight
from values.errors import Overloaded, ServiceError
from values.priority import Priority

T = TypeVar("T")

PATIENCE_S = 2.0
"""For so long a place is held by an image that does not arrive; then others are encoded meanwhile."""

logger = logging.getLogger("ray.serve")


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


class AheadLimit:
    """At most ``most`` at once; more are refused, so that there is room for clicks, which are not counted. Of
    one project half as many: so one whose hosts are dead leaves room for the others.

    ``what`` begins the sentence of the refusal.
    """

    def __init__(self, most: int, what: str) -> None:
        self._most = most
        self._what = what
        self._inside: Counter[str | None] = Counter()

    @contextmanager
    def of(self, priority: Priority, project: str | None = None) -> Iterator[None]:
        """A context for one piece of work, for a ``project`` where one is known. Raises Overloaded."""
        if priority.urgent:
            yield
            return
        if self._inside.total() >= self._most:
            raise Overloaded(f"{self._most} images {self._what}; try again in a moment")
        if project is not None and self._inside[project] >= max(1, self._most // 2):
            raise Overloaded(
                f"{self._inside[project]} images of project {project!r} {self._what}; try again in a moment"
            )
        self._inside[project] += 1
        try:
            yield
        finally:
            self._inside[project] -= 1
            if not self._inside[project]:
                del self._inside[project]


class ProjectPlaces:
    """At most ``most`` at once, of one project at most half of them; who comes meanwhile waits in order.

    So what one project has encoded for later, thousands of images maybe, leaves room for the others.
    """

    def __init__(self, most: int) -> None:
        self._each = max(1, most // 2)
        self._all = asyncio.Semaphore(most)
        self._projects: dict[str, tuple[asyncio.Semaphore, int]] = {}

    @asynccontextmanager
    async def of(self, project: str) -> AsyncIterator[None]:
        """A context that is entered when there is a place for the project."""
        places, users = self._projects.get(project, (asyncio.Semaphore(self._each), 0))
        self._projects[project] = places, users + 1
        try:
            async with places, self._all:
                yield
        finally:
            self._leave(project)

    def _leave(self, project: str) -> None:
        places, users = self._projects[project]
        if users > 1:
            self._projects[project] = places, users - 1
        else:
            del self._projects[project]


class Background:
    """Runs coroutines that outlive the request which started them; over ``limit`` at once they are dropped.

    Each runs in a context of its own: Serve cancels what was started within a request when the request ends.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, Any]) -> bool:
        """Start the work, or drop it and answer False when too much is under way."""
        if len(self._tasks) >= self.limit:
            work.close()
            return False
        task = asyncio.get_running_loop().create_task(_logged(work), context=detached())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def drain(self) -> None:
        """Wait for all that is under way."""
        while self._tasks:
            await asyncio.gather(*self._tasks)


async def _logged(work: Coroutine[Any, Any, Any]) -> None:
    try:
        await work
    except ServiceError as error:
        logger.warning("in the background: %s", error.detail)
    except Exception:
        logger.exception("work in the background failed")
