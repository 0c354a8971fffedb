"""Sweeps are rare, one at a time, once for all who write to a place, and nobody waits for them."""

from __future__ import annotations

import asyncio
import contextvars
import math

from embeddings.sweep_schedule import OFTEN_S, RARELY_S, Schedule

FIRST_S = OFTEN_S  # in the middle of the spread


class Sweeps:
    """Counts sweeps, which end when told to, and questions for the last one; a clock of its own."""

    def __init__(self, spread: float = 0.5) -> None:
        self.runs = 0
        self.asked = 0
        self.last = -math.inf
        self.seconds = 0.0
        self.end = asyncio.Event()
        self.end.set()
        self.schedule = Schedule(1000, lambda: self.seconds, lambda: spread)

    async def age(self) -> float:
        self.asked += 1
        return self.seconds - self.last

    async def sweep(self) -> None:
        self.runs += 1
        self.last = self.seconds
        await self.end.wait()

    async def write(self, nbytes: int) -> int:
        """How many sweeps there were once so many bytes are written."""
        self.schedule.wrote(nbytes)
        self.schedule.start_if_due(self.age, self.sweep)
        await settled()
        return self.runs


async def test_the_first_write_does_not_even_ask() -> None:
    sweeps = Sweeps()
    assert await sweeps.write(10**9) == 0
    sweeps.seconds = FIRST_S - 1
    assert await sweeps.write(10**9) == 0
    assert sweeps.asked == 0
    sweeps.seconds = FIRST_S
    assert await sweeps.write(1) == 1


async def test_those_who_start_together_do_not_sweep_together() -> None:
    early, late = Sweeps(0.0), Sweeps(1.0)
    for sweeps in (early, late):
        await sweeps.write(1)
        sweeps.seconds = OFTEN_S
        await sweeps.write(1)
    assert (early.runs, late.runs) == (1, 0)
    late.seconds = 1.5 * OFTEN_S
    assert await late.write(1) == 1


async def test_what_another_swept_lately_is_left_alone() -> None:
    sweeps = Sweeps()
    await sweeps.write(1)
    sweeps.last, sweeps.seconds = FIRST_S - 60, FIRST_S
    assert await sweeps.write(1000) == 0
    assert sweeps.asked == 1
    # Nor is it asked again with each write.
    sweeps.seconds += OFTEN_S - 1
    assert await sweeps.write(1000) == 0
    assert sweeps.asked == 1
    sweeps.seconds += 1
    assert await sweeps.write(1000) == 1


async def test_much_that_was_written_makes_it_due_and_little_does_not() -> None:
    sweeps = Sweeps()
    sweeps.last = 0.0
    await sweeps.write(1)
    sweeps.seconds = FIRST_S
    assert await sweeps.write(8) == 0
    sweeps.seconds += OFTEN_S
    assert await sweeps.write(1) == 1
    assert await sweeps.write(999) == 1
    sweeps.seconds += OFTEN_S
    assert await sweeps.write(1) == 2


async def test_where_little_is_written_they_are_rarer() -> None:
    sweeps = Sweeps()
    sweeps.last = 0.0
    for minute in range(0, 6 * 60, 5):
        sweeps.seconds = 60.0 * minute
        assert await sweeps.write(0) == 0
    sweeps.seconds = RARELY_S
    assert await sweeps.write(0) == 1
    sweeps.seconds += RARELY_S
    assert await sweeps.write(0) == 2


async def test_one_at_a_time() -> None:
    sweeps = Sweeps()
    sweeps.end.clear()
    await sweeps.write(1)
    sweeps.seconds = FIRST_S
    assert await sweeps.write(1) == 1
    sweeps.seconds += RARELY_S
    assert await sweeps.write(1000) == 1
    joined = sweeps.schedule.start(sweeps.sweep)
    sweeps.end.set()
    await joined
    assert sweeps.runs == 1


async def test_who_wants_a_sweep_now_does_not_join_a_look_that_makes_none() -> None:
    sweeps = Sweeps()
    sweeps.last = FIRST_S
    sweeps.schedule.wrote(1)
    sweeps.seconds = FIRST_S
    sweeps.schedule.start_if_due(sweeps.age, sweeps.sweep)
    await sweeps.schedule.start(sweeps.sweep)
    assert (sweeps.runs, sweeps.asked) == (1, 1)


async def test_who_leaves_does_not_end_it() -> None:
    sweeps = Sweeps()
    sweeps.end.clear()
    sweeps.schedule.start(sweeps.sweep).cancel()
    joined = sweeps.schedule.start(sweeps.sweep)
    sweeps.end.set()
    await joined
    assert sweeps.runs == 1


async def test_it_does_not_see_the_context_of_who_wrote() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="empty")
    variable.set("a request")
    seen: list[str] = []

    async def look() -> None:
        seen.append(variable.get())

    await Schedule(1000, lambda: 0.0).start(look)
    assert seen == ["empty"]


async def test_a_small_place_is_swept_more_often() -> None:
    seconds, swept = 0.0, asyncio.Event()

    async def sweep() -> None:
        swept.set()

    async def age() -> float:
        return 1000.0

    schedule = Schedule(1000, lambda: seconds, lambda: 0.5, often_s=30)
    schedule.wrote(500)
    seconds = 29.0
    schedule.start_if_due(age, sweep)
    assert schedule._look is None
    seconds = 30.0
    schedule.start_if_due(age, sweep)
    await swept.wait()


async def test_a_hundredth_of_the_limit_is_that_of_all_writers_together() -> None:
    seconds, sweeps = 0.0, Sweeps()
    schedule = Schedule(1000, lambda: seconds, lambda: 0.5, writers=lambda: 5)
    sweeps.last = 0.0
    for written, expected in ((1, 0), (1, 1)):
        seconds += OFTEN_S
        sweeps.seconds = seconds
        schedule.wrote(written)
        schedule.start_if_due(sweeps.age, sweeps.sweep)
        seconds += OFTEN_S
        sweeps.seconds = seconds
        schedule.start_if_due(sweeps.age, sweeps.sweep)
        await settled()
        assert sweeps.runs == expected


async def test_what_another_sweep_has_seen_does_not_count_for_the_next_one() -> None:
    sweeps = Sweeps()
    sweeps.last = 0.0
    await sweeps.write(1)
    sweeps.seconds = FIRST_S
    assert await sweeps.write(8) == 0
    # Somebody else sweeps, and too little is written after it.
    sweeps.last = FIRST_S + 1
    sweeps.seconds += OFTEN_S
    assert await sweeps.write(3) == 0
    sweeps.seconds += OFTEN_S
    assert await sweeps.write(3) == 0
    sweeps.seconds += OFTEN_S
    assert await sweeps.write(4) == 1


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)
