"""The peak of a memory figure that is polled."""

from __future__ import annotations

import threading
from collections.abc import Callable


class PeakMemory:
    """Asks ``held`` for MiB every ``every_s`` seconds inside of its block, in a thread."""

    def __init__(self, held: Callable[[], float], every_s: float) -> None:
        self._held = held
        self._every_s = every_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._lock = threading.Lock()
        self._peak = 0.0

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def peak(self) -> float:
        """MiB, the most since this was asked last; at least what is held now."""
        self._look()
        with self._lock:
            peak, self._peak = self._peak, 0.0
        return peak

    def _watch(self) -> None:
        while not self._over.wait(self._every_s):
            self._look()

    def _look(self) -> None:
        held = self._held()
        with self._lock:
            self._peak = max(self._peak, held)
