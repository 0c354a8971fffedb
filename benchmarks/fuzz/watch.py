"""Ends a run that hangs or eats memory, and prints the number of its request, which nothing else could."""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
import time
from pathlib import Path

from benchmarks.fuzz.requests import Request

_EVERY_S = 0.05
_MIB = 2**20


class Watch:
    """A thread next to the event loop. ``most_mib``: of memory in use, over which the process is ended."""

    def __init__(self, seed: int, limit_s: float, most_mib: float) -> None:
        self._seed = seed
        self._limit_s = limit_s
        self._most_mib = most_mib + resident_mib()
        self._at: tuple[Request, float] | None = None
        threading.Thread(target=self._watch, daemon=True).start()

    def sees(self, request: Request) -> None:
        """Note that this request is next."""
        self._at = request, time.monotonic()

    def _watch(self) -> None:
        while True:
            time.sleep(_EVERY_S)
            if self._at is None:
                continue
            request, since = self._at
            if time.monotonic() - since > self._limit_s:
                self._end(request, f"the event loop is held for over {self._limit_s:g} s")
            if resident_mib() > self._most_mib:
                self._end(request, f"memory is over {self._most_mib:.0f} MiB")

    def _end(self, request: Request, what: str) -> None:
        sys.stderr.write(f"\nseed {self._seed}, {request}: {what}\n")
        faulthandler.dump_traceback(all_threads=True)
        sys.stderr.flush()
        os._exit(1)


def resident_mib() -> float:
    """Memory that this process holds, in MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / _MIB
