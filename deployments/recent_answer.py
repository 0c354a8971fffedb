"""An answer that is asked for no more often than once in a while, however many want it."""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class RecentAnswer(Generic[T]):
    """Who asks within ``keep_s`` seconds of the last question shares its answer, or its failure.

    The question belongs to nobody: whoever asked first may leave.
    """

    def __init__(
        self,
        ask: Callable[[], Coroutine[Any, Any, T]],
        keep_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._keep_s = keep_s
        self._clock = clock
        self._asked = 0.0
        self._task: asyncio.Task[T] | None = None

    async def answer(self) -> T:
        """The answer, at most ``keep_s`` seconds old when it took no time."""
        if self._task is None or (self._task.done() and self._clock() - self._asked >= self._keep_s):
            self._asked = self._clock()
            # In an empty context: Serve cancels what was started within a request's own.
            self._task = asyncio.get_running_loop().create_task(self._ask(), context=contextvars.Context())
            self._task.add_done_callback(_seen)
        return await asyncio.shield(self._task)


def _seen(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()
