"""How late an event loop is: how long work takes that passes it several times, as every request has to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

EVERY_S = 0.02
PASSES = 10
"""Serve, the application and the call of a decoder take about so many, each behind all that is ready then."""


class LoopLag:
    """Passes the event loop again and again while ``wanted()``. Used from that loop."""

    def __init__(self, wanted: Callable[[], bool]) -> None:
        self._wanted = wanted
        self._took_s = 0.0
        self._begun: float | None = None

    @property
    def late_s(self) -> float:
        """Seconds that ``PASSES`` passes take now; 0 when nobody wants to know."""
        if self._begun is None:
            return 0.0
        return max(self._took_s, asyncio.get_running_loop().time() - self._begun)

    def wake(self) -> None:
        """Begin, if it is not beating already."""
        if self._begun is None:
            self._begin()

    def _begin(self) -> None:
        loop = asyncio.get_running_loop()
        self._begun = loop.time() + EVERY_S
        loop.call_at(self._begun, self._pass, self._begun, PASSES)

    def _pass(self, begun: float, left: int) -> None:
        loop = asyncio.get_running_loop()
        if left:
            loop.call_soon(self._pass, begun, left - 1)
            return
        self._took_s = loop.time() - begun
        if self._wanted():
            self._begin()
        else:
            self._begun, self._took_s = None, 0.0
