"""How many large files are in memory at once, from when they are known to be large until they are decoded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from concurrency.priority_slots import Place, PrioritySlots, Share, Urgency
from values.errors import Overloaded

LARGE_FILE = 2**21
"""Bytes. Below it hundreds may be here at once; most photographs of an annotator's project are not larger."""

AT_ONCE = 16
"""With the largest file that may be (MAX_IMAGE_MIB) that is 1.6 GB. Few of them are decoded at once."""

KEPT_FOR_URGENT = 8
OF_A_PROJECT = 8
OF_A_PROJECTS_HOST = 6
"""Of those places, what is for clicks alone, and what one project and one of its hosts may have of them."""

PATIENCE_S = 30.0
"""For so long one of them is waited for: what an image takes that is as slow to decode as it may be."""

Grows = Callable[[], Awaitable[None]]
"""Called when a file is known to be large, or before nobody knows. Raises Overloaded."""


class LargeFiles:
    """Places for large files. One per process; used from one event loop."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._places = PrioritySlots(AT_ONCE, reserved=KEPT_FOR_URGENT)
        self._patience_s = patience_s

    @asynccontextmanager
    async def one(self, project: str, host: str | None, urgency: Urgency) -> AsyncIterator[Grows]:
        """A context for one file, which gets a place when it grows and holds it until the end."""
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
