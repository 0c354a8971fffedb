"""Takes what is waiting when the device is free.

Waiting a little for a batch to fill, as ``serve.batch`` does, makes every request wait on an idle device and
closes batches too early on a busy one.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

PATIENCE_S = 2.0
"""After so long what is not urgent goes first: somebody may have come to wait for it meanwhile."""


@dataclass(slots=True)
class _Waiting(Generic[Item, Result]):
    item: Item
    since: float
    done: asyncio.Future[Result]


class Batcher(Generic[Item, Result]):
    """Runs ``function`` on batches of at most ``most`` items, one batch at a time, in ``executor``.

    Urgent items come first. An item whose batch fails is tried alone, so that one that cannot be run is the
    only one to fail. Used from one event loop.
    """

    def __init__(
        self, function: Callable[[Sequence[Item]], Sequence[Result]], executor: Executor, most: int
    ) -> None:
        self.most = most
        self._function = function
        self._executor = executor
        self._urgent: deque[_Waiting[Item, Result]] = deque()
        self._ahead: deque[_Waiting[Item, Result]] = deque()
        self._running: asyncio.Task[None] | None = None

    async def run(self, item: Item, *, urgent: bool = True) -> Result:
        """The function's result for ``item``. Raises what the function raises. Who leaves is passed over."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting[Item, Result](item, loop.time(), loop.create_future())
        (self._urgent if urgent else self._ahead).append(waiting)
        if self._running is None or self._running.done():
            # In no request's context: Serve would cancel it together with the request that began it.
            self._running = loop.create_task(self._run(), context=contextvars.Context())
        return await waiting.done

    async def _run(self) -> None:
        while batch := self._take():
            await self._answer(batch)

    def _take(self) -> list[_Waiting[Item, Result]]:
        batch: list[_Waiting[Item, Result]] = []
        while len(batch) < self.most and (queue := self._next()):
            waiting = queue.popleft()
            if not waiting.done.done():
                batch.append(waiting)
        return batch

    def _next(self) -> deque[_Waiting[Item, Result]] | None:
        now = asyncio.get_running_loop().time()
        if self._ahead and (not self._urgent or now - self._ahead[0].since > PATIENCE_S):
            return self._ahead
        return self._urgent or None

    async def _answer(self, batch: list[_Waiting[Item, Result]]) -> None:
        try:
            results = await self._call([each.item for each in batch])
        except Exception as error:
            if len(batch) > 1:
                for each in batch:
                    await self._answer([each])
            elif not batch[0].done.done():
                batch[0].done.set_exception(error)
            return
        for waiting, result in zip(batch, results, strict=True):
            if not waiting.done.done():
                waiting.done.set_result(result)

    async def _call(self, items: list[Item]) -> Sequence[Result]:
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._function, items)
