"""Which embeddings have to go for the rest to fit, in a memory that does not grow with their number.

A place may hold a hundred million. Their bytes are counted by the time of writing, in equal parts of a
window, and only the oldest few are known by name. Where more than those have to go, the part of the window in
which the limit falls is the window of the next count, whose parts are four thousand times as short.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import NamedTuple

OLDEST = 4096
"""Embeddings that are known by name, at some 300 bytes each; sorting more would hold up the event loop."""

PARTS = 4096
"""Parts of a window."""

SHORTEST_S = 1.0
"""Windows are not made shorter: stores tell the time of writing in seconds."""


class Kept(NamedTuple):
    """One embedding in a place. ``written``: seconds since the epoch. ``nbytes``: its size."""

    written: float
    name: str
    nbytes: int


class Window(NamedTuple):
    """Times of writing from ``start`` on, before ``end``; in seconds since the epoch."""

    start: float
    end: float


class Ages:
    """What was seen in one listing of all that was written after the start of ``window``."""

    def __init__(self, window: Window, limit: int = OLDEST) -> None:
        self.nbytes = 0
        self._youngest = window.end
        self._window = window
        self._limit = limit
        self._parts = [0] * PARTS
        self._part_s = (window.end - window.start) / PARTS
        # By (-written, name): the first is the one that makes room for an older one.
        self._heap: list[tuple[float, str, int]] = []

    def see(self, found: Sequence[Kept]) -> None:
        """Count these, and remember those that are among the oldest."""
        start, part_s = self._window.start, self._part_s
        for kept in found:
            self.nbytes += kept.nbytes
            self._youngest = max(self._youngest, kept.written)
            part = int((kept.written - start) / part_s)
            if part < PARTS:
                self._parts[max(0, part)] += kept.nbytes
            entry = (-kept.written, kept.name, kept.nbytes)
            if len(self._heap) < self._limit:
                heapq.heappush(self._heap, entry)
            elif entry > self._heap[0]:
                heapq.heapreplace(self._heap, entry)

    def over(self, max_bytes: int) -> tuple[list[str], bool]:
        """The names of those that go so that the rest has ``max_bytes``, and whether they are enough."""
        doomed: list[str] = []
        excess = self.nbytes - max_bytes
        for _, name, nbytes in sorted(self._heap, reverse=True):
            if excess <= 0:
                break
            excess -= nbytes
            doomed.append(name)
        return doomed, excess <= 0

    def narrowed(self, max_bytes: int) -> Window | None:
        """The window in which the last of those that have to go was written; all before its start have to go.

        None where it would not be shorter, or too short.
        """
        if self._part_s * PARTS <= SHORTEST_S:
            return None
        excess = self.nbytes - max_bytes
        for part, nbytes in enumerate(self._parts):
            if excess <= nbytes:
                start = self._window.start + part * self._part_s
                return Window(start, max(start + self._part_s, start + SHORTEST_S))
            excess -= nbytes
        return Window(self._window.end, self._youngest + SHORTEST_S)
