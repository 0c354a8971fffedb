"""Takes what is waiting when the device is free.

Waiting a little for a batch to fill, as ``serve.batch`` does, makes every request wait on an idle device and
closes batches too early on a busy one.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from concurrency.detached import detached
from values.priority import Priority

Item = TypeVar("Item")
Result = TypeVar("Result")

SHARE = 4
"""While annotators wait, one in so many batches has room for an image that nobody waits for."""


@dataclass(slots=True, eq=False)
class _Entry(Generic[Item, Result]):
    """One item, and all who wait for its result."""

    item: Item
    began: float
    within: contextvars.Context = field(default_factory=detached)
    waiting: list[tuple[Priority, asyncio.Future[Result]]] = field(default_factory=list)

    @property
    def priority(self) -> Priority | None:
        """That of the most urgent one who waits; None when all have left."""
        return min((priority for priority, done in self.waiting if not done.done()), default=None)

    def settle(self, result: Result | None, error: BaseException | None) -> None:
        for _, done in self.waiting:
            if done.done():
                continue
            if error is not None:
                done.set_exception(error)
            else:
                done.set_result(result)  # type: ignore[arg-type]  # None only if that is the result


class Batcher(Generic[Item, Result]):
    """Runs ``function`` on batches of at most ``most`` items, one batch at a time, in ``executor``.

    The order is that of ``values.priority.Priority``; among equals, who was there first. What nobody
    waits for never goes before a waiting annotator, but gets one place in ``SHARE`` batches. Who asks for a
    key that waits or is being run shares its result, and raises its priority. An item whose batch fails is
    tried alone, so that one that cannot be run is the only one to fail. Used from one event loop.
    ``on_turn`` is told of each item, when its turn comes, its priority and for how many seconds it waited.
    """

    def __init__(
        self,
        function: Callable[[Sequence[Item]], Sequence[Result]],
        executor: Executor,
        most: int,
        on_turn: Callable[[Priority, float], None] = lambda priority, seconds: None,
    ) -> None:
        self.most = most
        self._on_turn = on_turn
        self._function = function
        self._executor = executor
        # In the order of arrival, those that are being run included.
        self._entries: dict[str, _Entry[Item, Result]] = {}
        self._passed_over = 0
        self._running: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """Items that wait or are being run."""
        return len(self._entries)

    async def run(self, key: str, item: Item, priority: Priority = Priority.CLICK) -> Result:
        """The function's result for ``item``, which ``key`` names. Raises what the function raises.

        Nothing is begun for an item whose callers have all left.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Result] = loop.create_future()
        entry = self._entries.setdefault(key, _Entry(item, time.perf_counter()))
        entry.waiting.append((priority, done))
        if self._running is None or self._running.done():
            # In no request's context: Serve would cancel it together with the request that began it, and it
            # goes on for others.
            self._running = loop.create_task(self._run(), context=contextvars.Context())
        return await done

    async def _run(self) -> None:
        while names := self._take():
            try:
                self._tell(names)
                await self._answer([self._entries[name] for name in names])
            finally:
                for name in names:
                    del self._entries[name]

    def _tell(self, names: list[str]) -> None:
        now = time.perf_counter()
        for entry in map(self._entries.__getitem__, names):
            if (priority := entry.priority) is not None:
                self._on_turn(priority, now - entry.began)

    def _take(self) -> list[str]:
        """The names of the next batch; forgets what everybody has left."""
        priorities = {name: entry.priority for name, entry in self._entries.items()}
        for name in [name for name, priority in priorities.items() if priority is None]:
            del self._entries[name]
        found = {name: priority for name, priority in priorities.items() if priority is not None}
        names = sorted(found, key=lambda name: found[name])  # stable: by arrival among equals
        batch = names[: self.most]
        lower = [name for name in names if not found[name].urgent]
        if not lower or not found[batch[-1]].urgent:
            self._passed_over = 0
        elif self._passed_over + 1 < SHARE:
            self._passed_over += 1
        else:
            self._passed_over = 0
            batch[-1] = lower[0]
        return batch

    async def _answer(self, batch: list[_Entry[Item, Result]]) -> None:
        try:
            results = await self._call([each.item for each in batch], batch[0].within)
        except Exception as error:
            if len(batch) > 1:
                for each in batch:
                    await self._answer([each])
            else:
                batch[0].settle(None, error)
            return
        for each, result in zip(batch, results, strict=True):
            each.settle(result, None)

    async def _call(self, items: list[Item], within: contextvars.Context) -> Sequence[Result]:
        """The results, computed in the context of whoever was the first to ask for the first item."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, within.run, self._function, items)
