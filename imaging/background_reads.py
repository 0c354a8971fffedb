"""How many images that nobody waits for are read at once, so that dead hosts leave room for the others."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from concurrency.priority_slots import Urgency

READS = 16
READS_OF_A_HOST = 2
READS_OF_A_PROJECT = 8
"""So that a project whose hosts are all dead leaves half of them to the others."""


class Read:
    """One read, which counts from when it enters until it ends, and for its host until the bytes are here."""

    def __init__(self, reads: BackgroundReads, host: str | None, project: str) -> None:
        self._reads = reads
        self.host = host
        self.project = project
        self.counts = False
        self.entered: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def arrived(self) -> None:
        """The bytes are here: the host is free for the next one."""
        host, self.host = self.host, None
        if self.counts and host is not None:
            self._reads.left(host)

    def ended(self) -> None:
        """It counts no longer."""
        self.arrived()
        if self.counts:
            self.counts = False
            self._reads.ended(self.project)


class BackgroundReads:
    """At most ``READS`` at once, of one host ``READS_OF_A_HOST`` and of one project ``READS_OF_A_PROJECT``.
    Urgent ones pass and do not count.

    What waits for its host is not counted and stands in nobody's way.
    """

    def __init__(self) -> None:
        self._count = 0
        self._by_host: Counter[str] = Counter()
        self._by_project: Counter[str] = Counter()
        self._waiting: list[Read] = []

    @asynccontextmanager
    async def place(self, host: str | None, project: str, urgency: Urgency) -> AsyncIterator[Read]:
        """Hold a place for a read of ``project`` from ``host``, None where there is none, inside the block.

        A read that is promoted goes ahead at once, or counts no longer when it has begun.
        """
        read = Read(self, host, project)
        self._waiting.append(read)

        def promoted() -> None:
            read.ended()
            if read in self._waiting:
                self._enter(read)

        urgency.watch(promoted)
        try:
            if urgency.urgent:
                promoted()
            self._serve()
            await read.entered
            yield read
        finally:
            urgency.unwatch(promoted)
            if read in self._waiting:
                self._waiting.remove(read)
            read.ended()

    def left(self, host: str) -> None:
        """One read fewer of ``host``."""
        self._by_host[host] -= 1
        if not self._by_host[host]:
            del self._by_host[host]
        self._serve()

    def ended(self, project: str) -> None:
        """One read fewer in all, and of ``project``."""
        self._count -= 1
        self._by_project[project] -= 1
        if not self._by_project[project]:
            del self._by_project[project]
        self._serve()

    def _serve(self) -> None:
        for read in tuple(self._waiting):
            if self._count >= READS:
                return
            if self._may_begin(read):
                read.counts = True
                self._count += 1
                self._by_project[read.project] += 1
                if read.host is not None:
                    self._by_host[read.host] += 1
                self._enter(read)

    def _may_begin(self, read: Read) -> bool:
        if self._by_project[read.project] >= READS_OF_A_PROJECT:
            return False
        return read.host is None or self._by_host[read.host] < READS_OF_A_HOST

    def _enter(self, read: Read) -> None:
        self._waiting.remove(read)
        if not read.entered.done():
            read.entered.set_result(None)
