"""Progress of a download or of a check: the protocol, and its lines in the log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Protocol

logger = logging.getLogger("ray.serve")

MIB = 2**20
_SPACING_S = 5.0
_SPACING_SHARE = 0.1
_LONGEST_SILENCE_S = 60.0


class Progress(Protocol):
    """Receives the progress: at the start, often in between, and at the end."""

    def __call__(self, done: int, total: int | None) -> None:
        """``done`` of ``total`` bytes are there. ``total``: None where nobody knows it.

        ``done`` starts above 0 where an earlier download is resumed, and falls where it starts over.
        """
        ...


class LogProgress:
    """Logs a line at the start, at the end, and seldom enough in between that no log is flooded.

    Lines in between are 5 s and a tenth of the whole apart. A slow download has a line every minute.
    """

    def __init__(self, label: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._label = label
        self._clock = clock
        self._first: tuple[float, int] | None = None
        self._said = (0.0, 0)
        self._ended = False

    def __call__(self, done: int, total: int | None) -> None:
        """Log a line if one is due."""
        now = self._clock()
        if self._first is None or done < self._said[1]:
            self._first, self._said, self._ended = (now, done), (now, done), False
            logger.info("%s: %s", self._label, _amount(done, total))
        if done == total:
            if not self._ended:
                self._say(now, done, total)
            self._ended = True
        elif self._due(now, done, total):
            self._say(now, done, total)

    def _due(self, now: float, done: int, total: int | None) -> bool:
        since, more = now - self._said[0], done - self._said[1]
        if since >= _LONGEST_SILENCE_S:
            return True
        return since >= _SPACING_S and (total is None or more >= total * _SPACING_SHARE)

    def _say(self, now: float, done: int, total: int | None) -> None:
        self._said = (now, done)
        start, before = self._first or (now, done)
        speed = (done - before) / MIB / max(now - start, 1e-3)
        logger.info("%s: %s, %.1f MiB/s", self._label, _amount(done, total), speed)


def _amount(done: int, total: int | None) -> str:
    if not total:
        return f"{done / MIB:.1f} MiB"
    return f"{done / MIB:.1f} of {total / MIB:.1f} MiB, {100 * done // total} %"
