"""One computation per key, whoever leaves and whatever fails."""

import asyncio
import contextvars

import pytest

from embeddings.single_flight import SingleFlight
from values.errors import ImageMissing, Overloaded


class Work:
    """Counts its runs and finishes when told to."""

    def __init__(self) -> None:
        self.runs = 0
        self.finish = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> int:
        self.runs += 1
        await self.finish.wait()
        if self.error is not None:
            raise self.error
        return self.runs


async def test_sixty_four_callers_share_one_run() -> None:
    work, flights = Work(), SingleFlight[int](max_waiters=64)
    callers = [asyncio.create_task(flights.run("a", work)) for _ in range(64)]
    await asyncio.sleep(0)
    work.finish.set()
    assert await asyncio.gather(*callers) == [1] * 64
    assert "a" not in flights


async def test_the_first_callers_leaving_does_not_cancel_the_others() -> None:
    work, flights = Work(), SingleFlight[int](max_waiters=8)
    first = asyncio.create_task(flights.run("a", work))
    second = asyncio.create_task(flights.run("a", work))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    work.finish.set()
    assert await second == 1


async def test_a_failure_reaches_all_and_is_forgotten() -> None:
    work, flights = Work(), SingleFlight[int](max_waiters=8)
    work.error = ImageMissing("no image")
    work.finish.set()
    answers = await asyncio.gather(*(flights.run("a", work) for _ in range(3)), return_exceptions=True)
    assert answers == [work.error] * 3
    work.error = None
    assert await flights.run("a", work) == 2


async def test_a_failure_that_nobody_waits_for_is_silent(recwarn: pytest.WarningsRecorder) -> None:
    work, flights = Work(), SingleFlight[int](max_waiters=8)
    work.error = ImageMissing("no image")
    caller = asyncio.create_task(flights.run("a", work))
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    work.finish.set()
    while "a" in flights:
        await asyncio.sleep(0)
    assert not recwarn.list


async def test_waiters_are_bounded() -> None:
    work, flights = Work(), SingleFlight[int](max_waiters=2)
    callers = [asyncio.create_task(flights.run("a", work)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await flights.run("a", work)
    work.finish.set()
    assert await asyncio.gather(*callers) == [1, 1]
    assert await flights.run("a", work) == 2


async def test_the_work_does_not_see_the_callers_context() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="empty")
    variable.set("the first caller's request")

    async def read() -> str:
        return variable.get()

    assert await SingleFlight[str](max_waiters=1).run("a", read) == "empty"
