"""The mean of what is measured again and again, in which the newest counts most."""

from __future__ import annotations

import math


class RunningMean:
    """``newest``: the weight of the newest measurement. ``start``: what is believed before there is any.

    Without ``start`` the first measurements count alike, until there are 1 / ``newest`` of them. ``value``:
    the mean, 0 before anything is known.
    """

    def __init__(self, newest: float, start: float | None = None) -> None:
        self.value = start or 0.0
        self._newest = newest
        self._count = 0.0 if start is None else math.inf

    def add(self, measured: float) -> None:
        """Take one more measurement into it."""
        self._count += 1
        self.value += max(self._newest, 1 / self._count) * (measured - self.value)
