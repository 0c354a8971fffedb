"""How late an event loop is: by how much its timers go off behind their time."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

BEAT_S = 0.02
SMOOTH_S = 0.3
"""One pause is forgotten in about this time."""


class Pulse:
    """Looks at the clock every BEAT_S seconds while ``wanted()``. Used from one event loop."""

    def __init__(self, wanted: Callable[[], bool]) -> None:
        self.late_s = 0.0
        self._wanted = wanted
        self._beats = False

    def wake(self) -> None:
        """Begin, if it is not beating already."""
        if not self._beats:
            self._beats = True
            self._next()

    def felt(self, late_s: float) -> None:
        """A timer went off so many seconds behind its time."""
        weight = 1 - math.exp(-(BEAT_S + late_s) / SMOOTH_S)
        self.late_s += weight * (late_s - self.late_s)

    def _next(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + BEAT_S
        loop.call_at(due, self._beat, due)

    def _beat(self, due: float) -> None:
        self.felt(asyncio.get_running_loop().time() - due)
        if self._wanted():
            self._next()
        else:
            self._beats, self.late_s = False, 0.0
