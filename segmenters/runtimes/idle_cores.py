"""A lone call takes the cores that idle; of several each has its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from segmenters.runtimes.session import Array, Session
from values.cores import idle_cores


class WhereIdle:
    """Two sessions of one network, of which the one with more threads runs while its cores are idle.

    More threads take more time of processors in all, a third more for a click: they may have what is idle,
    and nothing that another call, process or image in work has need of.
    """

    def __init__(
        self, narrow: Session, wide: Session, threads: int, idle: Callable[[], int | None] = idle_cores
    ) -> None:
        """``threads``: those of ``wide``. ``idle``: the cores that nothing else runs on, None if unknown."""
        self._narrow = narrow
        self._wide = wide
        self._more = threads - 1
        self._idle = idle
        self._lock = threading.Lock()
        self._calls = 0

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> dict[str, Array]:
        """The outputs of these names; the same from either session."""
        with self._lock:
            self._calls += 1
            alone = self._calls == 1
        try:
            session = self._wide if alone and self._are_idle() else self._narrow
            return session.run(inputs, outputs)
        finally:
            with self._lock:
                self._calls -= 1

    def _are_idle(self) -> bool:
        idle = self._idle()
        return idle is None or idle >= self._more


def where_idle(opened: Callable[[int], Session], threads: int, most: int) -> Session:
    """A session of ``threads`` threads, of ``most`` for a call that is alone while so many cores idle.

    ``opened``: opens one of so many threads.
    """
    return WhereIdle(opened(threads), opened(most), most) if most > threads else opened(threads)
