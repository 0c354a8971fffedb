"""The threads in which a replica computes: how many, and whose turn it is on a busy core.

Event loops come first, then clicks that are decoded, then images that are encoded. The loops need little and
must answer /health and refusals at once; an encoder takes all it gets, for seconds.

The steps are small, because what starts runs like a loop but for what deployments/preloaded.py imports: with
six replicas that start on two cores, a decode five levels behind them had a tenth of a core.
"""

from __future__ import annotations

import os
import sys

import ray

from concurrency.threads import Threads
from values.cores import usable_cores

DECODING = 1
ENCODING = 4
STARTING = 10
"""What a process imports before it serves."""

_MOST = 4  # threads that a replica without whole CPUs takes: beyond, encoders gain little from each


def behind_loops(threads: int, name: str, levels: int) -> Threads:
    """Threads that are niced by so many levels, 19 in all at most, and so are the threads that they start.

    On Linux alone: elsewhere a thread's niceness is that of its process.
    """
    return Threads(threads, name, (lambda: _come_after(levels)) if sys.platform == "linux" else None)


def _come_after(levels: int) -> None:
    os.nice(levels)


def threads_each(computations: int) -> int:
    """Threads for each of ``computations`` that run at once in this replica, at least 1.

    They follow the CPUs that Ray gave it. A share below one CPU is not that, but a way to fit the graph onto
    a small machine where it is alone: then the machine's cores count, up to four.
    """
    given = ray.get_runtime_context().get_assigned_resources().get("CPU", 0)
    cpus = int(given) if given >= 1 else min(_MOST, usable_cores())
    return max(1, cpus // computations)
