"""What takes longer than an event loop may wait is done in threads of its own, and costly work takes turns.

Threads of Python share one interpreter with the loop, so the bounds of ``protocol`` keep each piece of work
short. What is here keeps many of them from delaying somebody else's: reading a body waits for no
body that is costly to read, and of costly ones each project has one at a time.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from concurrency.background import ProjectPlaces
from concurrency.threads import Threads
from deployments.calls.large_values import LARGE
from protocol.cost import ON_LOOP_MS

T = TypeVar("T")

THREADS = 2
"""Of each kind. More would only share the interpreter among more."""

COSTLY_MS = 20.0
"""Estimated milliseconds from which on work takes turns."""

SWITCH_S = 0.001
"""How long a thread may keep the interpreter from the event loop, each time that a loop has something to do.
Python's 5 ms would be what a click takes, for each of its steps, while something else is read."""

_QUICK = Threads(THREADS, "reads")
_COSTLY = Threads(THREADS, "reads-costly")


@cache
def loop_comes_first() -> None:
    """See to it that threads of this process keep its event loop waiting for a millisecond. Once.

    What is there when a replica starts, half a million objects, is left out of later searches for garbage:
    each would stop everything for a fifth of a second.
    """
    gc.freeze()
    sys.setswitchinterval(SWITCH_S)


class CostlyWork:
    """Work of which each piece takes much of a processor, from one event loop."""

    def __init__(self) -> None:
        self._places = ProjectPlaces(THREADS)

    async def run(self, ms: float, project: str, function: Callable[..., T], *args: Any) -> T:
        """``function(*args)``: here when it takes a few milliseconds, else in a thread.

        ``ms``: the estimate. ``project``: whose turn it is, when it is costly.
        """
        if ms < COSTLY_MS:
            return await off_loop_if(ms > ON_LOOP_MS, function, *args)
        async with self._places.of(project):
            return await _COSTLY.run(function, *args)


async def off_loop_if_large(size: int, read: Callable[..., T], *args: Any) -> T:
    """``read(*args)`` of what costs by its length, in a thread when that is large.

    ``size``: bytes or characters; drafts with many masks and data: URLs are megabytes.
    """
    return await off_loop_if(size > LARGE, read, *args)


async def off_loop_if(costly: bool, function: Callable[..., T], *args: Any) -> T:
    """``function(*args)``, in a thread when it would keep the event loop from answering /health."""
    if not costly:
        return function(*args)
    return await _QUICK.run(function, *args)
