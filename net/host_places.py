"""How much may be asked of one host at once, for one project and in all. Waiting for a host takes no CPU: it
may be much, so that hosts that stall keep nobody waiting but those who want something of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from concurrency.priority_slots import PrioritySlots, Share, Urgency
from values.errors import Overloaded

AT_ONCE = 256
"""Answers that are waited for at once. Each takes a socket and, until it is decoded, the memory of what has
come; what takes CPU is bounded where it is done."""

KEPT_FOR_URGENT = 240
"""Of those places, what images that nobody waits for leave alone."""

OF_A_PROJECT = 192
"""What one project may hold of them, whatever its hosts: the others always have the rest."""

OF_A_HOST = 16
"""What may be asked of one host at once. Browsers ask for six; a Label Studio before many annotators answers
each in a fraction of a second."""

OF_A_PROJECT_AT_A_HOST = 12
"""So that a project whose files hang in Label Studio itself leaves room there for the others."""

PATIENCE_S = 15.0
"""For so long a host that is busy is waited for. One that is well has answered all by then."""


class HostPlaces:
    """Places to wait for hosts in. One per process; used from one event loop."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._places = PrioritySlots(AT_ONCE, reserved=KEPT_FOR_URGENT)
        self._patience_s = patience_s

    @asynccontextmanager
    async def at(self, host: str, project: str, urgency: bool | Urgency) -> AsyncIterator[None]:
        """Hold a place inside the block, in which ``host`` is asked for one thing of ``project``.

        Raises Overloaded where those before it keep it waiting for too long.
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
                f"{host} is slow to answer what was asked of it before; try again in a moment, or see what "
                "is the matter with it"
            ) from None
        try:
            yield
        finally:
            place.leave()
