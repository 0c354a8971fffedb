"""How many large files are in memory at once, from being known to be large until they are decoded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from concurrency.priority_slots import Place, PrioritySlots, Share, Urgency
from values.errors import Overloaded

LARGE_FILE = 2**21
"""Bytes above which a file is large. Most photographs of an annotator's project are smaller, and hundreds of
smaller files fit into memory at once."""

AT_ONCE = 16
"""Large files in memory at once: 1.6 GB if each has the largest size allowed (MAX_IMAGE_MIB). Few of them are
decoded at once, so more would only wait in memory."""

KEPT_FOR_URGENT = 8
OF_A_PROJECT = 8
OF_A_PROJECTS_HOST = 6
"""Of those places: those kept for clicks, those one project may hold, and those of one of its hosts."""

PATIENCE_S = 30.0
"""Seconds to wait for a place: as long as the slowest image that is allowed takes to decode."""

Grows = Callable[[], Awaitable[None]]
"""Waits for a place. Called when a file turns out to be large, or before reading one whose size is not known.
Raises Overloaded."""


class LargeFiles:
    """Places for large files. One per process; used from one event loop."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._places = PrioritySlots(AT_ONCE, reserved=KEPT_FOR_URGENT)
        self._patience_s = patience_s

    @asynccontextmanager
    async def one(self, project: str, host: str | None, urgency: Urgency) -> AsyncIterator[Grows]:
        """A context for one file, which gets its place when it grows and holds it until the block ends."""
        shares = (Share(project, OF_A_PROJECT), Share((project, host), OF_A_PROJECTS_HOST))
        held: list[Place] = []

        async def grows() -> None:
            if held:
                return
            try:
                async with asyncio.timeout(self._patience_s):
                    held.append(await self._places.take(urgency, shares))
            except TimeoutError:
                raise Overloaded("too many large images are being read; try again in a moment") from None

        try:
            yield grows
        finally:
            for place in held:
                place.leave()
