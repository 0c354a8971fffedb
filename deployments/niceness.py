"""Whose turn it is on a busy core: event loops, then clicks that are decoded, then images that are encoded.

The loops need little and must answer /health and refusals at once; an encoder takes all it gets, for seconds.

The steps are small, because what starts runs like a loop but for what deployments/preloaded.py imports: with
six replicas that start on two cores, a decode five levels behind them had a tenth of a core.
"""

from __future__ import annotations

import os
import sys

from concurrency.threads import Threads

DECODING = 1
ENCODING = 4
STARTING = 10
"""What a process imports before it serves."""


def behind_loops(threads: int, name: str, levels: int) -> Threads:
    """Threads that are niced by so many levels, 19 in all at most, and so are the threads that they start.

    On Linux alone: elsewhere a thread's niceness is that of its process.
    """
    return Threads(threads, name, (lambda: _come_after(levels)) if sys.platform == "linux" else None)


def _come_after(levels: int) -> None:
    os.nice(levels)
