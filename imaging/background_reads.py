"""How many images are read ahead at once, by host and project, so that dead hosts leave room for others."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from concurrency.priority_slots import Urgency

READS = 16
READS_OF_A_HOST = 2
READS_OF_A_PROJECT = 8
"""Half of them: a project whose hosts are all dead leaves the other half to other projects."""


class Read:
    """One read. It counts for its project until it ends, and for its host until its bytes have arrived."""

    def __init__(self, reads: BackgroundReads, host: str | None, project: str) -> None:
        self._reads = reads
        self.host = host
        self.project = project
        self.counts = False
        self.entered: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def arrived(self) -> None:
        """Free the host for the next read, because the bytes have arrived."""
        host, self.host = self.host, None
        if self.counts and host is not None:
            self._reads.left(host)

    def ended(self) -> None:
        """Free all places of this read."""
        self.arrived()
        if self.counts:
            self.counts = False
            self._reads.ended(self.project)


class BackgroundReads:
    """At most ``READS`` at once, ``READS_OF_A_HOST`` of one host and ``READS_OF_A_PROJECT`` of one project.

    Urgent reads begin at once and are not counted. A read that waits for a place of its host delays no other.
    """

    def __init__(self) -> None:
        self._count = 0
        self._by_host: Counter[str] = Counter()
        self._by_project: Counter[str] = Counter()
        self._waiting: list[Read] = []

    @asynccontextmanager
    async def place(self, host: str | None, project: str, urgency: Urgency) -> AsyncIterator[Read]:
        """Hold a place inside the block for a read of ``project`` from ``host`` (None: no host is asked).

        A waiting read that is promoted begins at once; one that has begun stops being counted.
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
