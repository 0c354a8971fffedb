"""One computation per key, whichever caller leaves and whatever fails."""

import asyncio
import contextvars

import pytest

from concurrency.single_flight import Flight, SingleFlight
from values.errors import ImageMissing, Overloaded
from values.priority import Priority


class Work:
    """Counts its runs and finishes when told to."""

    def __init__(self) -> None:
        self.runs = 0
        self.finish = asyncio.Event()
        self.error: Exception | None = None
        self.flight: Flight | None = None

    async def __call__(self, flight: Flight) -> int:
        self.runs += 1
        self.flight = flight
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

    async def read(flight: Flight) -> str:
        return variable.get()

    assert await SingleFlight[str](max_waiters=1).run("a", read) == "empty"


class Joining:
    """One flight, and those who join it."""

    def __init__(self) -> None:
        self.work, self.flights = Work(), SingleFlight[int](max_waiters=8)

    async def join(self, priority: Priority, until: float = float("inf")) -> asyncio.Task[int]:
        task = asyncio.create_task(self.flights.run("a", self.work, priority=priority, until=until))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return task

    @property
    def flight(self) -> Flight:
        assert self.work.flight is not None
        return self.work.flight


async def leave(task: asyncio.Task[int]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_the_most_urgent_waiter_says_how_soon() -> None:
    joining = Joining()
    waiting = await joining.join(Priority.NEXT)
    seen = [joining.flight.priority]
    clicking = await joining.join(Priority.CLICK)
    seen.append(joining.flight.priority)
    await leave(clicking)
    seen.append(joining.flight.priority)
    await leave(waiting)
    seen.append(joining.flight.priority)
    assert seen == [Priority.NEXT, Priority.CLICK, Priority.NEXT, Priority.LATER]


async def test_a_change_of_priority_is_told() -> None:
    joining = Joining()
    await joining.join(Priority.NEXT)
    told = asyncio.create_task(joining.flight.priority_differs_from(Priority.NEXT))
    await joining.join(Priority.LATER)
    assert not told.done()
    await joining.join(Priority.OPENED)
    await told


async def test_a_flight_ends_after_everybody_has_left() -> None:
    joining = Joining()
    await leave(await joining.join(Priority.CLICK))
    assert "a" in joining.flights
    joined = await joining.join(Priority.CLICK)
    joining.work.finish.set()
    assert (await joined, joining.work.runs) == (1, 1)


async def test_each_waits_until_its_own_deadline_and_the_flight_until_the_last() -> None:
    joining, now = Joining(), asyncio.get_running_loop().time()
    impatient = await joining.join(Priority.CLICK, until=now + 0.1)
    late = await joining.join(Priority.CLICK, until=now + 3600)
    with pytest.raises(TimeoutError):
        await impatient
    assert joining.flight.until == now + 3600
    joining.work.finish.set()
    assert (await late, joining.work.runs) == (1, 1)


async def test_a_flight_is_given_up_at_its_deadline() -> None:
    joining = Joining()
    only = await joining.join(Priority.CLICK, until=asyncio.get_running_loop().time() + 0.01)
    with pytest.raises(TimeoutError):
        await only
    while "a" in joining.flights:
        await asyncio.sleep(0)
