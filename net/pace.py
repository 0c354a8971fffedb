"""The least rate at which a host has to send.

A host that sends a byte now and then is as useless as a silent one, and without this bound it would hold its
place much longer.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from values.errors import ImageTimeout

LEAST_BYTES_S = 8192
"""Bytes a second. A camera's picture of some MB would take ten minutes at this rate, and IMAGE_TIMEOUT_S ends
it sooner. A bad mobile line is ten times as fast."""

WINDOW_S = 5.0
"""Seconds over which the rate is measured, so that a short pause is allowed."""


class Pace:
    """Watches one answer. ``host`` is named in the sentence."""

    def __init__(self, host: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._host = host
        self._clock = clock
        self._begun = clock()
        self._received = 0

    def received(self, count: int) -> None:
        """Count bytes that came. Raises ImageTimeout when the rate of the last window was too low."""
        self._received += count
        now = self._clock()
        if now - self._begun < WINDOW_S:
            return
        if self._received < LEAST_BYTES_S * (now - self._begun):
            raise ImageTimeout(
                f"{self._host} sends less than {LEAST_BYTES_S // 1024} KiB a second, too slowly for an image "
                "that somebody waits for; find out why, or store the image elsewhere"
            )
        self._begun, self._received = now, 0
