"""What computes has threads of its own, so many and no more."""

from __future__ import annotations

import asyncio
import contextvars
import threading

import pytest

from concurrency.threads import Threads

COUNT = 2


class Pieces:
    """Work that goes on until it is let go."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.let_go = threading.Event()

    def __call__(self, number: int) -> str:
        self.begun.append(number)
        assert self.let_go.wait(60)
        return threading.current_thread().name

    async def wait_for(self, count: int) -> None:
        while len(self.begun) < count:
            await asyncio.sleep(0)


async def test_so_many_at_once_and_the_others_in_order() -> None:
    pieces = Pieces()
    with Threads(COUNT, "testing") as threads:
        running = [asyncio.create_task(threads.run(pieces, number)) for number in range(5)]
        await pieces.wait_for(COUNT)
        pieces.let_go.set()
        names = await asyncio.gather(*running)
    assert pieces.begun == [0, 1, 2, 3, 4]
    assert set(names) == {f"testing_{number}" for number in range(COUNT)}


async def test_who_leaves_before_it_begins_has_it_left_out() -> None:
    pieces = Pieces()
    with Threads(1, "testing") as threads:
        running = [asyncio.create_task(threads.run(pieces, number)) for number in range(3)]
        await pieces.wait_for(1)
        running[1].cancel()
        with pytest.raises(asyncio.CancelledError):
            await running[1]
        pieces.let_go.set()
        await asyncio.gather(running[0], running[2])
    assert pieces.begun == [0, 2]


async def test_one_kind_of_work_never_waits_for_another() -> None:
    pieces = Pieces()
    with Threads(1, "stuck") as stuck, Threads(1, "testing") as threads:
        waiting = asyncio.create_task(stuck.run(pieces, 0))
        await pieces.wait_for(1)
        assert await threads.run(lambda: 7) == 7
        pieces.let_go.set()
        await waiting


async def test_errors_arrive_and_the_callers_context_is_seen() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    variable.set("a request")

    def fail() -> None:
        raise LookupError(variable.get())

    with Threads(1, "testing") as threads, pytest.raises(LookupError, match="a request"):
        await threads.run(fail)


async def test_each_thread_begins_as_it_is_told() -> None:
    begun: list[str] = []
    with Threads(1, "testing", lambda: begun.append("begun")) as threads:
        for _ in range(2):
            await threads.run(begun.append, "work")
    assert begun == ["begun", "work", "work"]
