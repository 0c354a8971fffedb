"""A queue for the connections of each address: who opens too many waits for its own, and nobody else does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

AT_ONCE = 512
"""Requests of one address inside of one process, an eighth of what Serve lets into it. So many because a
whole Label Studio is one address, and a click on a new image is inside until that is encoded."""


@dataclass
class _Line:
    places: asyncio.Semaphore
    members: int = field(default=0)


class ConnectionQueues:
    """For each address a line in which its requests wait while ``at_once`` of them are inside."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._lines: dict[str, _Line] = {}

    def __len__(self) -> int:
        """Addresses of which something is inside."""
        return len(self._lines)

    @contextlib.asynccontextmanager
    async def turn(self, address: str) -> AsyncIterator[None]:
        """Wait for a place of the address, first come first served, and keep it."""
        line = self._lines.setdefault(address, _Line(asyncio.Semaphore(self._at_once)))
        line.members += 1
        try:
            async with line.places:
                yield
        finally:
            line.members -= 1
            if not line.members:
                del self._lines[address]
