"""The least rate at which a host has to send: one that sends a byte now and then is no better than a silent
one, and would hold its place much longer."""

from __future__ import annotations

import time
from collections.abc import Callable

from values.errors import ImageTimeout

LEAST_BYTES_S = 8192
"""Bytes a second. The picture of a camera has some MB: at this rate it would take ten minutes, and is given
up after IMAGE_TIMEOUT_S anyway. A bad mobile line has ten times as much."""

WINDOW_S = 5.0
"""Over which the rate is looked at, so that a pause is no offence."""


class Pace:
    """Watches one answer. ``host`` is named in the sentence."""

    def __init__(self, host: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._host = host
        self._clock = clock
        self._begun = clock()
        self._received = 0

    def received(self, count: int) -> None:
        """So many bytes have come. Raises ImageTimeout where that was too little for the time."""
        self._received += count
        now = self._clock()
        if now - self._begun < WINDOW_S:
            return
        if self._received < LEAST_BYTES_S * (now - self._begun):
            raise ImageTimeout(
                f"{self._host} sends less than {LEAST_BYTES_S // 1024} KiB a second, too slowly for an image "
                "that somebody waits for; see what keeps it, or put the image elsewhere"
            )
        self._begun, self._received = now, 0
