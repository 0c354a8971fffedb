"""Whether what computes for a replica, a GPU or a runtime, still does."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future

from values.errors import DeviceFailed, ModelError

logger = logging.getLogger("ray.serve")

FAILURES = 3
"""Failures in a row after which a replica is to be replaced."""

APART_S = 1.0
"""Failures closer together than this are one: all images of a batch fail of one cause."""

Probe = Callable[[], object]


class DeviceHealth:
    """Counts failures in a row of one device. Safe to use from several threads at once.

    A failure may be the input's fault. So each one is followed by a probe: the same computation of an empty
    input, which only a device that is out of order fails too.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._counted_at = 0.0
        self._last: DeviceFailed | None = None
        self._probe: Probe | None = None
        self._probing: Future[None] | None = None

    def worked(self) -> None:
        """The device has computed something."""
        if self._failures:
            with self._lock:
                self._failures, self._probe = 0, None

    def judged(self, error: DeviceFailed, probe: Probe) -> ModelError:
        """What to raise where computing ended in ``error``: that, or ModelError if the input is at fault.

        ``probe`` computes an empty input, here and now; it raises DeviceFailed.
        """
        try:
            probe()
        except DeviceFailed as again:
            self._count(again, probe)
            return error
        self.worked()
        return ModelError(f"the model cannot compute this image, while it computes others: {error.detail}")

    def check(self, device: Executor) -> None:
        """Raises DeviceFailed when the device has failed ``FAILURES`` times in a row.

        One that failed last is tried again in ``device``, so that one that nobody calls is judged too.
        """
        if self._failures >= FAILURES:
            raise DeviceFailed(
                f"the device failed {self._failures} times in a row, so this replica is replaced; the last "
                f"time: {self._last}"
            )
        probe = self._probe
        if probe is not None and (self._probing is None or self._probing.done()):
            self._probing = device.submit(self._try, probe)

    def _try(self, probe: Probe) -> None:
        try:
            probe()
        except DeviceFailed as again:
            self._count(again, probe)
        else:
            self.worked()

    def _count(self, error: DeviceFailed, probe: Probe) -> None:
        with self._lock:
            now = self._clock()
            if self._failures and now - self._counted_at < APART_S:
                return
            self._failures += 1
            self._counted_at, self._last, self._probe = now, error, probe
        logger.error("the device failed %d times in a row: %s", self._failures, error.detail)
