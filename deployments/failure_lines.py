"""The lines about clicks that got no mask, for the terminal where the application was started."""

from __future__ import annotations

import time
from collections.abc import Callable

from deployments.replica_log import NO_MASK

AT_ONCE = 5
"""Lines that come one behind the other."""

EVERY_S = 6.0
"""Seconds until one more may come: a hundred clicks that fail must not push everything else off a screen."""


class FailureLines:
    """Says a line for each failure, but no more than can be read; the next line tells how many were left out.

    Used by one thread at a time.
    """

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._say = say
        self._clock = clock
        self._left = float(AT_ONCE)
        self._at = clock()
        self._silent = 0

    def tell(self, whose: str, sentence: str) -> None:
        """A click got no mask. ``sentence``: why, and the remedy."""
        now = self._clock()
        self._left = min(float(AT_ONCE), self._left + (now - self._at) / EVERY_S)
        self._at = now
        if self._left < 1:
            self._silent += 1
            return
        self._left -= 1
        before = f" ({self._silent} more before it, see /diagnose)" if self._silent else ""
        self._silent = 0
        at = time.strftime("%H:%M:%S")
        self._say(f"{NO_MASK:<10} {at} {whose}: {sentence}{before}")
