"""How many requests may wait for one host, for one project and in all.

Waiting for a host takes no CPU, so many may wait. Shares by host and project see to it that a host that
stalls delays only those who want something from it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from concurrency.priority_slots import PrioritySlots, Share, Urgency
from values.errors import Overloaded

AT_ONCE = 256
"""Answers that are waited for at once. Each takes a socket, and memory for its bytes until they are decoded.
CPU is bounded elsewhere: where images are decoded."""

KEPT_FOR_URGENT = 240
"""Places that are kept for urgent images; what is read ahead may use the others."""

OF_A_PROJECT = 192
"""Places that one project may hold, whatever its hosts, so that other projects always find some free."""

OF_A_HOST = 16
"""Requests to one host at once. Browsers send six; a Label Studio that serves many annotators answers each in
a fraction of a second."""

OF_A_PROJECT_AT_A_HOST = 12
"""Requests of one project to one host. A project whose files hang in Label Studio itself leaves four places
there to other projects."""

PATIENCE_S = 15.0
"""Seconds to wait for a place at a busy host. A healthy host has answered all earlier requests by then."""


class HostPlaces:
    """The places in which requests wait for hosts. One per process; used from one event loop."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._places = PrioritySlots(AT_ONCE, reserved=KEPT_FOR_URGENT)
        self._patience_s = patience_s

    @asynccontextmanager
    async def at(self, host: str, project: str, urgency: bool | Urgency) -> AsyncIterator[None]:
        """Hold a place while ``host`` is asked for one thing of ``project`` inside the block.

        Raises Overloaded when no place becomes free within the patience.
        """
        shares = (
            Share(("project", project), OF_A_PROJECT),
            Share(("host", host), OF_A_HOST),
            Share((host, project), OF_A_PROJECT_AT_A_HOST),
        )
        try:
            async with asyncio.timeout(self._patience_s):
                place = await self._places.take(urgency, shares)
        except TimeoutError:
            raise Overloaded(
                f"{host} is slow to answer earlier requests; try again in a moment, or find out why"
            ) from None
        try:
            yield
        finally:
            place.leave()
