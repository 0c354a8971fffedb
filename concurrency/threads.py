"""Threads for what computes and ends, so that the event loop is not kept from its other work.

What may hang belongs to ``abandonable``: here it would hold up what waits behind it, and the end of the
process.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, TypeVarTuple

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")


class Threads(ThreadPoolExecutor):
    """At most ``count`` threads for one kind of work, where more of it waits in order.

    Each kind has its own: the event loop's default executor serves DNS look-ups and all else, and serves
    nobody once a few calls hang in it. ``name`` begins the names of the threads; ``begin`` is called in each
    before anything else.
    """

    def __init__(self, count: int, name: str, begin: Callable[[], None] | None = None) -> None:
        super().__init__(count, name, begin)

    async def run(self, function: Callable[[*Arguments], T], *args: *Arguments) -> T:
        """``function(*args)`` in one of them, in the caller's context.

        Who is cancelled before it begins has it left out; what has begun goes on.
        """
        within = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(self, within.run, function, *args)
