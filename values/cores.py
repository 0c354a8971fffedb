"""How many processor cores this process may use."""

from __future__ import annotations

import os
from collections.abc import Callable

ONE_MACHINE = "SERVE_APP_ONE_MACHINE"
"""Variable that `python -m serve_app serve` sets for the Ray that it starts, which no node ever joins."""


def usable_cores() -> int:
    """The cores that this process may run on, at least 1; all of them where it cannot be said (macOS)."""
    # Looked up, since neither exists everywhere: the first in Python 3.13, the second on Linux.
    counted: Callable[[], int | None] | None = getattr(os, "process_cpu_count", None)
    allowed: Callable[[int], set[int]] | None = getattr(os, "sched_getaffinity", None)
    if counted is not None:
        return counted() or 1
    if allowed is not None:
        return len(allowed(0))
    return os.cpu_count() or 1


def idle_cores() -> int | None:
    """The cores of this machine that nothing runs on at this moment; None where it cannot be said.

    Linux alone says how much is running, in all of the machine; what asks is one of these.
    """
    try:
        file = os.open("/proc/loadavg", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        said = os.read(file, 100)
    finally:
        os.close(file)
    running = said.split()[3].partition(b"/")[0]
    return max(0, (os.cpu_count() or 1) - int(running))
