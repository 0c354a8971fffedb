"""A second core for the click that is alone.

With several clicks in work each has a core of its own; one alone would leave the others idle. What it can do
in any order is begun on one of them. The answers are the same: each part is computed by one thread from start
to end, and they are put together in one order.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from concurrency.threads import Threads
from values.cores import usable_cores

T = TypeVar("T")


class Begin(Protocol):
    """Begins a computation; what it returns waits for the result, or raises what was raised."""

    def __call__(self, compute: Callable[[], T], /) -> Callable[[], T]:
        """``compute`` is safe to call in another thread."""
        ...


def when_asked(compute: Callable[[], T], /) -> Callable[[], T]:
    """A beginning for whoever has no core to spare: it is computed when its result is asked for."""
    return compute


class SpareCore:
    """One thread beside those that decode; none where the process may use a single core."""

    def __init__(self, cores: int | None = None) -> None:
        self._thread = Threads(1, "spare core") if (cores or usable_cores()) > 1 else None
        self._lock = threading.Lock()
        self._clicks = 0

    @contextmanager
    def click(self) -> Iterator[Begin]:
        """While a click is in work: how to begin parts of it. Another click that comes has its own thread."""
        with self._lock:
            self._clicks += 1
        try:
            yield self._begin
        finally:
            with self._lock:
                self._clicks -= 1

    def _begin(self, compute: Callable[[], T], /) -> Callable[[], T]:
        with self._lock:
            alone = self._clicks == 1
        if self._thread is None or not alone:
            return when_asked(compute)
        return self._thread.submit(compute).result
