"""A call that is sent again when its priority changes."""

from __future__ import annotations

import asyncio

import pytest

from concurrency.single_flight import Flight
from deployments.calls.call import prioritised
from values.errors import Overloaded
from values.priority import Priority


class Calls:
    """What was sent, by priority; each answers when it is told to."""

    def __init__(self) -> None:
        self.flight = Flight(float("inf"))
        self.sent: dict[Priority, asyncio.Future[str]] = {}

    async def __call__(self, priority: Priority) -> str:
        self.sent[priority] = asyncio.get_running_loop().create_future()
        return await self.sent[priority]

    async def begin(self, priority: Priority) -> asyncio.Task[str]:
        self.flight.join(priority, float("inf"))
        task = asyncio.create_task(prioritised(self.flight, self))
        await settled()
        return task


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_rise_adds_a_call_and_the_first_answer_counts() -> None:
    calls = Calls()
    task = await calls.begin(Priority.NEXT)
    calls.flight.join(Priority.CLICK, float("inf"))
    await settled()
    assert list(calls.sent) == [Priority.NEXT, Priority.CLICK]
    calls.sent[Priority.NEXT].set_result("the first")
    assert await task == "the first"
    await settled()
    assert calls.sent[Priority.CLICK].cancelled()


async def test_a_fall_ends_the_higher_call() -> None:
    calls = Calls()
    task = await calls.begin(Priority.CLICK)
    calls.flight.leave(Priority.CLICK)
    await settled()
    assert list(calls.sent) == [Priority.CLICK, Priority.LATER]
    assert calls.sent[Priority.CLICK].cancelled()
    calls.sent[Priority.LATER].set_result("later")
    assert await task == "later"


async def test_a_refusal_counts_only_where_nothing_else_is_under_way() -> None:
    calls = Calls()
    task = await calls.begin(Priority.NEXT)
    calls.flight.join(Priority.CLICK, float("inf"))
    await settled()
    calls.sent[Priority.NEXT].set_exception(Overloaded("too much waits"))
    await settled()
    calls.sent[Priority.CLICK].set_exception(Overloaded("even for clicks"))
    with pytest.raises(Overloaded, match="even for clicks"):
        await task


async def test_a_caller_who_leaves_ends_all_calls() -> None:
    calls = Calls()
    task = await calls.begin(Priority.CLICK)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await settled()
    assert calls.sent[Priority.CLICK].cancelled()
